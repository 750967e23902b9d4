#pragma once
// EXTH values that Carrel reads (ingest.md 12). For the files of this folder only.

#include <optional>
#include <string_view>

#include "publication/big_endian.hpp"
#include "publication/mobi/library.hpp"

namespace carrel::publication::mobi {

enum tag : std::uint32_t {
  tag_author = 100,
  tag_publisher = 101,
  tag_description = 103,
  tag_isbn = 104,
  tag_subject = 105,
  tag_date = 106,
  tag_contributor = 108,
  tag_rights = 109,
  tag_source = 112,
  tag_asin = 113,
  tag_fixed_layout = 122,
  tag_cover_uri = 129,
  tag_cover = 201,
  tag_thumbnail = 202,
  tag_type = 501,
  tag_title = 503,
  tag_other_asin = 504,
  tag_language = 524,
  tag_writing_mode = 525,
  tag_page_progression = 527,
};

// The first value of a kind; "" when there is none.
inline std::string_view first_value(const told& about, std::uint32_t kind) {
  for (const auto& [found, bytes] : about.values) {
    if (found == kind) return bytes;
  }
  return {};
}

inline std::optional<std::size_t> first_number(const told& about, std::uint32_t kind) {
  std::string_view bytes = first_value(about, kind);
  constexpr std::uint64_t not_set = 0xffffffff;
  if (bytes.empty() || bytes.size() > 4) return std::nullopt;
  std::uint64_t value = big_endian(bytes, 0, 4);
  return value == not_set ? std::nullopt : std::optional<std::size_t>(value);
}

}  // namespace carrel::publication::mobi
