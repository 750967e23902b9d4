#include <cstdint>

#include "ingest/sources/picture.hpp"

namespace carrel::ingest::sources {
namespace {

using publication::picture_facts;

// 0 beyond the end: a size of which a part is missing is no size.
std::uint32_t big(std::string_view b, std::size_t at, std::size_t bytes) {
  std::uint32_t out = 0;
  if (at + bytes > b.size()) return 0;
  for (std::size_t i = 0; i < bytes; ++i) out = out << 8 | static_cast<unsigned char>(b[at + i]);
  return out;
}

std::uint32_t little(std::string_view b, std::size_t at, std::size_t bytes) {
  std::uint32_t out = 0;
  if (at + bytes > b.size()) return 0;
  for (std::size_t i = 0; i < bytes; ++i) out |= static_cast<std::uint32_t>(static_cast<unsigned char>(b[at + i])) << (8 * i);
  return out;
}

picture_facts facts(const char* mime, std::uint32_t width, std::uint32_t height) {
  auto side = [](std::uint32_t n) { return static_cast<int>(n & 0x7fffffff); };
  return {.mime = mime, .width = side(width), .height = side(height)};
}

// From segment to segment to the one that begins the frame.
picture_facts jpeg(std::string_view b) {
  for (std::size_t at = 2; at + 9 <= b.size();) {
    if (static_cast<unsigned char>(b[at]) != 0xff) break;
    auto mark = static_cast<unsigned char>(b[at + 1]);
    if (mark == 0xff) {
      ++at;
      continue;
    }
    bool frame = mark >= 0xc0 && mark <= 0xcf && mark != 0xc4 && mark != 0xc8 && mark != 0xcc;
    if (frame) return facts("image/jpeg", big(b, at + 7, 2), big(b, at + 5, 2));
    bool alone = mark == 0x01 || (mark >= 0xd0 && mark <= 0xd8);
    std::uint32_t length = alone ? 0 : big(b, at + 2, 2);
    if (!alone && length < 2) break;
    at += 2 + length;
  }
  return facts("image/jpeg", 0, 0);
}

picture_facts webp(std::string_view b) {
  std::string_view form = b.substr(12, 4);
  if (form == "VP8X") return facts("image/webp", little(b, 24, 3) + 1, little(b, 27, 3) + 1);
  if (form == "VP8 ") return facts("image/webp", little(b, 26, 2) & 0x3fff, little(b, 28, 2) & 0x3fff);
  std::uint32_t bits = form == "VP8L" ? little(b, 21, 4) : 0;
  return bits == 0 ? facts("image/webp", 0, 0) : facts("image/webp", (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
}

}  // namespace

std::optional<picture_facts> read_picture_head(std::string_view b) {
  if (b.starts_with("\xff\xd8\xff")) return jpeg(b);
  if (b.starts_with("\x89PNG\r\n\x1a\n")) return facts("image/png", big(b, 16, 4), big(b, 20, 4));
  if (b.starts_with("GIF87a") || b.starts_with("GIF89a")) return facts("image/gif", little(b, 6, 2), little(b, 8, 2));
  if (b.size() >= 16 && b.starts_with("RIFF") && b.substr(8, 4) == "WEBP") return webp(b);
  return std::nullopt;
}

}  // namespace carrel::ingest::sources
