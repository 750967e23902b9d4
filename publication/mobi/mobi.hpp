#pragma once
// MOBI, AZW3 and PalmDOC books (ingest.md 12).

#include <optional>
#include <string>
#include <vector>

#include "publication/open.hpp"

namespace carrel::publication::mobi {

// "mobi" or "azw3"; refuses what is no book but only packed like one (AZW4). A damaged file is a "mobi" until it is opened.
result<std::string, refusal> format_of(int descriptor);

result<opened, refusal> open(int descriptor, const std::string& file_name, const limits&, std::vector<warning>);

}  // namespace carrel::publication::mobi
