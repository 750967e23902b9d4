#pragma once
// How alike two titles or names are (hardcover.md 8.4), from 0 to 1.

#include <string_view>

namespace carrel::publication {

// Of titles: case, marks, punctuation and leading articles do not count; 1 for what is then equal. The better of Jaro-Winkler and
// the likeness of their sets of words, so that a title with its subtitle is like the title alone.
double title_likeness(std::string_view, std::string_view);

// Of people's names: 0 unless the surnames are equal.
double name_likeness(std::string_view, std::string_view);

}  // namespace carrel::publication
