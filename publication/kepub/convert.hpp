#pragma once
// EPUB to KEPUB (kepub.md). The same source, options and version make the same bytes.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "publication/kepub/document.hpp"
#include "publication/kepub/span_map.hpp"
#include "publication/metadata.hpp"
#include "publication/open.hpp"
#include "server/core/config.hpp"
#include "server/core/error.hpp"

namespace carrel::publication::kepub {

// Positions on devices live in span ids: whatever changes one of them, or a path, is another version (9).
constexpr int version = 1;

enum class hyphens { as_book, on, never };

struct options {
  hyphens hyphenation = hyphens::as_book;
  bool title_page = true;  // where the first document would look wrong as a cover
  std::uint64_t max_size = 100ULL << 20;
  bool smart_punctuation = false;
  bool fullscreen_fix = false;  // for firmware before 4.19
  std::string css{};            // without "</" and "]]>"
  std::string metadata{};       // what the package shall say: corrected.hpp, as JSON; "" leaves it as it is
};

options options_from(const config&);  // of the settings kepub.*

struct made {
  bool copied = false;  // it was a KEPUB
  std::uint64_t spans = 0;
  std::string span_map;  // of the converted file, packed
  std::vector<warning> warnings;
};

// Reads an open regular file and writes `to`, which appears whole or not at all. Refusals: kepub_too_large, kepub_not_epub,
// kepub_fixed_layout, kepub_protected, kepub_failed, and those of open().
result<made, refusal> convert(int source, const std::string& file_name, const std::filesystem::path& to, const options& = {},
                              const limits& = {});

}  // namespace carrel::publication::kepub
