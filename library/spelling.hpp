#pragma once
// Words that are typed nearly as they are written. Internal to library/; what callers ask is respelled() of catalog.hpp.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/catalog.hpp"
#include "library/search_words.hpp"

namespace carrel::library {

// Steps from one word to the other: a letter more, less, another, or two changed about; `most` + 1 when there are more.
std::size_t letters_apart(std::u32string_view, std::u32string_view, std::size_t most);

// Those that are new, in order, so that two transactions cannot wait for each other.
void note_spellings(db::tx&, const std::vector<spelling>&);

}  // namespace carrel::library
