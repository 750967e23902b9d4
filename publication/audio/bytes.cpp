#include "publication/audio/bytes.hpp"

#include <algorithm>

#include "publication/file_bytes.hpp"
#include "server/core/digest.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t piece_size = 256 << 10;

std::uint64_t byte_at(std::string_view b, std::size_t at) { return at < b.size() ? static_cast<unsigned char>(b[at]) : 0; }

}  // namespace

std::uint64_t big_endian(std::string_view b, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | byte_at(b, at + i);
  return value;
}

std::uint64_t little_endian(std::string_view b, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i > 0; --i) value = value << 8 | byte_at(b, at + i - 1);
  return value;
}

std::string_view window::at(std::uint64_t place, std::size_t size) {
  if (place >= end_) return {};
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, end_ - place));
  if (place < from_ || place + size > from_ + piece_.size()) {
    piece_ = read_at(descriptor_, place, static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, end_ - place)));
    from_ = place;
  }
  return std::string_view(piece_).substr(static_cast<std::size_t>(place - from_), size);
}

std::string hash_of(int descriptor, const std::vector<range>& parts) {
  digest all(digest_kind::sha256);
  all.update(hash_begins);
  std::uint64_t hashed = 0;
  for (const range& r : parts) {
    for (std::uint64_t at = r.begin; at < r.end;) {
      std::string piece = read_at(descriptor, at, static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, r.end - at)));
      if (piece.empty()) return {};
      all.update(piece);
      at += piece.size();
      hashed += piece.size();
    }
  }
  return hashed == 0 ? std::string() : all.hex();
}

}  // namespace carrel::publication::audio
