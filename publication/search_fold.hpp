#pragma once
// Words as they are looked for: further from what is written than fold(), whose result is a key that is kept and compared
// (ingest.md 7.3). Both what is indexed and what is typed go through it.

#include <string>
#include <string_view>
#include <vector>

namespace carrel::publication {

// fold(), and: the Latin letters that have no mark to drop, as sort_key() writes them ("ø" is "o"), digits of any script in
// ASCII, Greek without its iota below, Hebrew hyphens as blanks, Arabic without its stretching stroke and with one form of alef,
// yeh, kaf and heh.
std::string search_fold(std::string_view);

// words() of it.
std::vector<std::string> search_words_in(std::string_view);

// From how many characters on the last word that was typed is the beginning of others: three (opds.md 6.4); where a character is
// a syllable two, where it is a word one.
std::size_t shortest_prefix(std::string_view word);

}  // namespace carrel::publication
