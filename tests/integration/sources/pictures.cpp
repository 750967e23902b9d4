#include "tests/integration/sources/pictures.hpp"

#include <zlib.h>

#include <cstdint>
#include <vector>

#include "publication/cover.hpp"
#include "tests/unit/publication/zip_maker.hpp"

namespace carrel::ingest::sources::test {
namespace {

void put(std::string& out, std::uint32_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift & 0xff);
}

std::string chunk(const std::string& name, const std::string& data) {
  std::string out, body = name + data;
  put(out, static_cast<std::uint32_t>(data.size()));
  out += body;
  put(out, static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
  return out;
}

std::string header(unsigned width, unsigned height) {
  std::string out;
  put(out, width);
  put(out, height);
  return out + std::string("\x08\x00\x00\x00\x00", 5);
}

}  // namespace

std::string patterned_png(int width, int height) {
  std::string pixels;
  for (int y = 0; y < height; ++y) {
    pixels += '\0';
    for (int x = 0; x < width; ++x) pixels += static_cast<char>((x * 8 / width + y * 8 / height) % 2 == 0 ? 230 : 20);
  }
  uLongf size = ::compressBound(static_cast<uLong>(pixels.size()));
  std::string packed(size, '\0');
  ::compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(pixels.data()),
             static_cast<uLong>(pixels.size()));
  packed.resize(size);
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header(static_cast<unsigned>(width), static_cast<unsigned>(height))) +
         chunk("IDAT", packed) + chunk("IEND", "");
}

std::string patterned_jpeg(int width, int height) {
  return publication::scale_picture(patterned_png(width, height), {.width = width, .height = height}).value();
}

std::string blank_png(int width, int height) { return publication::test::make_png(width, height); }

std::string png_head(unsigned width, unsigned height) {
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header(width, height)) + chunk("IDAT", "") + chunk("IEND", "");
}

}  // namespace carrel::ingest::sources::test
