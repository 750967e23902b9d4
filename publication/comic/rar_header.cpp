#include "publication/comic/rar_header.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "publication/file_bytes.hpp"

namespace carrel::publication::comic {
namespace {

constexpr std::string_view magic_4("Rar!\x1a\x07\0", 7);
constexpr std::size_t magic_5_size = 8;

std::uint64_t little_endian(std::string_view b, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i > 0; --i) {
    value = value << 8 | (at + i <= b.size() ? static_cast<unsigned char>(b[at + i - 1]) : 0);
  }
  return value;
}

// Seven bits a byte, the lowest first.
std::uint64_t take_number(std::string_view& b) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; !b.empty() && shift < 63; shift += 7) {
    auto byte = static_cast<unsigned char>(b.front());
    b.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  return value;
}

// A block is checksum (2 bytes), type, flags (2), size of the head (2), and with flag 0x8000 the size of what follows (4, of
// large files 4 more at the end of the fixed head). Archives of old programs have no block that ends them.
rar_header version_4(int descriptor, std::uint64_t most) {
  constexpr std::uint64_t archive_head = 0x73, file_head = 0x74, end_head = 0x7b, is_encrypted = 0x4, is_large = 0x100,
                          has_data = 0x8000;
  constexpr std::size_t smallest = 7;
  rar_header out{.is_version_4 = true};
  std::uint64_t file_size = size_of(descriptor), place = magic_4.size();
  for (std::uint64_t i = 0; i < most && place < file_size; ++i) {
    std::string block = read_at(descriptor, place, 40);
    std::uint64_t type = little_endian(block, 2, 1), flags = little_endian(block, 3, 2), size = little_endian(block, 5, 2);
    out.is_cut = block.size() < smallest;
    if (out.is_cut || size < smallest || type == end_head) return out;
    std::uint64_t data = (flags & has_data) != 0 ? little_endian(block, 7, 4) : 0;
    if (type == archive_head) {
      out.is_volume = (flags & 0x1) != 0;
      out.is_solid = (flags & 0x8) != 0;
      out.hides_names = (flags & 0x80) != 0;
      if (out.hides_names) return out;
    } else if (type == file_head) {
      std::uint64_t unpacked = little_endian(block, 11, 4);
      if ((flags & is_large) != 0) {
        data |= little_endian(block, 32, 4) << 32;
        unpacked |= little_endian(block, 36, 4) << 32;
      }
      out.files.push_back({.size = unpacked,
                           .crc = static_cast<std::uint32_t>(little_endian(block, 16, 4)),
                           .encrypted = (flags & is_encrypted) != 0});
    }
    out.is_cut = data > file_size || size + data > file_size - place;
    if (out.is_cut) return out;
    place += size + data;
  }
  return out;
}

// Records of size, type and content.
bool has_encryption_record(std::string_view extra_area) {
  constexpr std::uint64_t encryption = 1;
  while (!extra_area.empty()) {
    std::uint64_t size = take_number(extra_area);
    std::string_view record = extra_area.substr(0, std::min<std::uint64_t>(size, extra_area.size()));
    extra_area.remove_prefix(record.size());
    if (take_number(record) == encryption) return true;
  }
  return false;
}

// Behind the common fields of a file's head: flags, size, attributes, by flags the time (4 bytes) and the checksum (4).
rar_file version_5_file(std::string_view fields) {
  constexpr std::uint64_t has_time = 0x2, has_crc = 0x4;
  std::uint64_t flags = take_number(fields);
  rar_file out{.size = take_number(fields)};
  take_number(fields);
  std::size_t at = (flags & has_time) != 0 ? 4 : 0;
  if ((flags & has_crc) != 0 && fields.size() >= at + 4) out.crc = static_cast<std::uint32_t>(little_endian(fields, at, 4));
  return out;
}

// A block is checksum (4 bytes), size of the rest of its head, type, flags, by flags the sizes of an extra area, which ends the
// head, and of what follows. The last one is always there.
rar_header version_5(int descriptor, std::uint64_t most) {
  constexpr std::uint64_t archive_head = 1, file_head = 2, encryption_head = 4, end_head = 5;
  constexpr std::uint64_t has_extra = 0x1, has_data = 0x2, most_extra = 4096;
  rar_header out;
  std::uint64_t file_size = size_of(descriptor), place = magic_5_size;
  for (std::uint64_t i = 0; i < most; ++i) {
    std::string bytes = read_at(descriptor, place, 64);
    std::string_view block = std::string_view(bytes).substr(std::min<std::size_t>(bytes.size(), 4));
    std::uint64_t size = take_number(block);
    std::uint64_t head = bytes.size() - block.size() + size;
    std::uint64_t type = take_number(block), flags = take_number(block);
    std::uint64_t extra = (flags & has_extra) != 0 ? take_number(block) : 0;
    std::uint64_t data = (flags & has_data) != 0 ? take_number(block) : 0;
    out.is_cut = place >= file_size || size > file_size || data > file_size || head + data > file_size - place;
    if (out.is_cut) return out;
    out.hides_names = type == encryption_head;
    if (out.hides_names || type == end_head) return out;
    if (type == archive_head) {
      std::uint64_t archive_flags = take_number(block);
      out.is_volume = (archive_flags & 0x1) != 0;
      out.is_solid = (archive_flags & 0x4) != 0;
    } else if (type == file_head) {
      out.files.push_back(version_5_file(block));
      if (extra > 0 && extra < size) {
        std::string area = read_at(descriptor, place + head - extra, static_cast<std::size_t>(std::min(extra, most_extra)));
        out.files.back().encrypted = has_encryption_record(area);
      }
    }
    place += head + data;
  }
  return out;
}

}  // namespace

rar_header read_rar_header(int descriptor, std::uint64_t most) {
  bool is_version_4 = read_at(descriptor, 0, magic_4.size()) == magic_4;
  return is_version_4 ? version_4(descriptor, most) : version_5(descriptor, most);
}

}  // namespace carrel::publication::comic
