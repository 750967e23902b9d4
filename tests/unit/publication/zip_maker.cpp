#include "zip_maker.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <stdexcept>

namespace carrel::publication::test {
namespace {

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

void put_big_endian(std::string& out, std::uint32_t value) {
  for (int i = 3; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

std::uint32_t crc_of(const std::string& s) {
  return static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(s.data()), static_cast<uInt>(s.size())));
}

// Deflates `count` bytes of zeros, or `data`; `window` as zlib wants it (-15 raw, 15 zlib).
std::string run_deflate(const std::string* data, std::size_t count, int window) {
  z_stream z{};
  if (deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("zlib");
  std::string zeros(1 << 16, '\0'), out, buffer(1 << 16, '\0');
  std::size_t done = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    std::size_t piece = std::min(count - done, zeros.size());
    const std::string& from = data != nullptr ? *data : zeros;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data() + (data != nullptr ? done : 0)));
    z.avail_in = static_cast<uInt>(piece);
    done += piece;
    do {
      z.next_out = reinterpret_cast<Bytef*>(buffer.data());
      z.avail_out = static_cast<uInt>(buffer.size());
      status = ::deflate(&z, done == count ? Z_FINISH : Z_NO_FLUSH);
      out.append(buffer, 0, buffer.size() - z.avail_out);
    } while (z.avail_out == 0);
  }
  deflateEnd(&z);
  return out;
}

std::string chunk(const std::string& kind, const std::string& data) {
  std::string out;
  put_big_endian(out, static_cast<std::uint32_t>(data.size()));
  out += kind + data;
  put_big_endian(out, crc_of(kind + data));
  return out;
}

}  // namespace

std::string deflated(const std::string& s) { return run_deflate(&s, s.size(), -15); }

std::string deflated_zeros(std::size_t count, std::uint32_t& crc) {
  std::string zeros(1 << 20, '\0');
  uLong sum = 0;
  for (std::size_t left = count; left > 0;) {
    std::size_t piece = std::min(left, zeros.size());
    sum = crc32(sum, reinterpret_cast<const Bytef*>(zeros.data()), static_cast<uInt>(piece));
    left -= piece;
  }
  crc = static_cast<std::uint32_t>(sum);
  return run_deflate(nullptr, count, -15);
}

std::string make_zip(const std::vector<part>& parts) {
  std::string out, central;
  for (const part& p : parts) {
    std::string body = p.packed ? *p.packed : p.deflate ? deflated(p.data) : p.data;
    std::uint32_t size = p.size.value_or(static_cast<std::uint32_t>(p.data.size())), crc = p.crc.value_or(crc_of(p.data));
    auto method = p.method.value_or(p.deflate || p.packed ? std::uint16_t{8} : std::uint16_t{0});
    std::size_t offset = out.size();
    auto common = [&](std::string& to) {
      put(to, 20, 2);
      put(to, p.flags, 2);
      put(to, method, 2);
      put(to, 0x58221864, 4);
      put(to, crc, 4);
      put(to, body.size(), 4);
      put(to, size, 4);
      put(to, p.name.size(), 2);
      put(to, 0, 2);
    };
    put(out, 0x04034b50, 4);
    common(out);
    out += p.name + body;
    put(central, 0x02014b50, 4);
    put(central, 0x0314, 2);
    common(central);
    put(central, 0, 6);
    put(central, p.attributes, 4);
    put(central, offset, 4);
    central += p.name;
  }
  std::size_t start = out.size();
  out += central;
  put(out, 0x06054b50, 4);
  put(out, 0, 4);
  std::size_t count = std::min<std::size_t>(parts.size(), 0xffff);
  put(out, count, 2);
  put(out, count, 2);
  put(out, central.size(), 4);
  put(out, start, 4);
  put(out, 0, 2);
  return out;
}

std::string make_png(int width, int height, int bits) {
  std::string header;
  put_big_endian(header, static_cast<std::uint32_t>(width));
  put_big_endian(header, static_cast<std::uint32_t>(height));
  header += static_cast<char>(bits);
  header += bits == 8 ? '\2' : '\0';
  header += std::string(3, '\0');
  std::string pixels;
  if (bits == 8) {
    std::string row(1, '\0');
    for (int x = 0; x < width; ++x) row += "\x20\x60\xa0";
    for (int y = 0; y < height; ++y) pixels += row;
    pixels = run_deflate(&pixels, pixels.size(), 15);
  } else {
    pixels = run_deflate(nullptr, static_cast<std::size_t>(height) * static_cast<std::size_t>(1 + (width + 7) / 8), 15);
  }
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunk("IDAT", pixels) + chunk("IEND", "");
}

scratch::scratch(const std::string& bytes) : descriptor_(memfd_create("publication_test", MFD_CLOEXEC)) {
  if (descriptor_ < 0) throw std::runtime_error("memfd_create");
  for (std::size_t done = 0; done < bytes.size();) {
    ssize_t n = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (n <= 0) throw std::runtime_error("write");
    done += static_cast<std::size_t>(n);
  }
}

scratch::~scratch() { ::close(descriptor_); }

}  // namespace carrel::publication::test
