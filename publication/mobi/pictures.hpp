#pragma once
// Pictures of a book and which of them is its cover (ingest.md 12). For the files of this folder only.

#include <optional>
#include <string>
#include <string_view>

#include "publication/mobi/library.hpp"

namespace carrel::publication::mobi {

// N of "kindle:embed:N", which counts from 1 with 32 digits.
std::optional<std::size_t> embedded_number(std::string_view href);

std::string resource(const palm_database&, const told&, std::size_t number);  // from 1; "" when it is not there

std::optional<cover_image> find_cover(const palm_database&, const told&, std::vector<warning>&);

}  // namespace carrel::publication::mobi
