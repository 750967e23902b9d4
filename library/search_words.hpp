#pragma once
// From what people type to a tsquery, and the words of a book that it meets. Internal to library/.

#include <string>
#include <string_view>
#include <vector>

#include "library/book_parts.hpp"

// Exact title, title beginning, author, series, rest, then the newer (opds.md 6.4). `b` is a row of books; EXACT its sort key, or
// ''.
#define CARREL_BEST_FIRST(EXACT, WORDS)                                                                              \
  " case when " EXACT " <> '' and b.title_key = " EXACT                                                              \
  " then 0"                                                                                                          \
  "      when " EXACT " <> '' and b.title_key >= " EXACT " and b.title_key < " EXACT                                 \
  " || U&'\\+10FFFF' then 1 else 2 end,"                                                                             \
  " case when " EXACT " = '' then 0 else -ts_rank('{0.1,0.3,0.6,1.0}', b.search_vector, to_tsquery('simple', " WORDS \
  ")) end,"                                                                                                          \
  " b.created_at desc, b.id desc "

namespace carrel::library {

constexpr std::int64_t most_results = 1000;  // places that are reached of what is ordered so

// One piece of typed text: words, or a quoted phrase, of one field or of any.
struct search_term {
  std::string field;  // title, author, series, tag, publisher, language, year, isbn; "" any
  std::string text;   // as typed
  bool quoted = false;
};
// "light author:woolf tag:\"science fiction\"". Fields have their names in every language of the pages; what is no field is a
// word like any other. At most 256 characters are looked at.
std::vector<search_term> search_terms(std::string_view typed);

// All words must match; quoted words follow each other; the last word matches as a prefix (publication::shortest_prefix).
// `weights` narrows to parts of a book: A title, B people, C series and tags, D publisher and identifiers. "" when no word is
// left. At most 256 characters and 16 words are looked at.
std::string search_words(std::string_view typed, std::string_view weights = "");

// Folded words of a book, separated by blanks, by the weight under which they are indexed.
struct indexed_words {
  std::string title, people, subjects, rest;
};
indexed_words words_to_find(const book_fields&);

// A word that may be meant by one that is misspelt: folded, and as it is written, in lower case.
struct spelling {
  std::string word, written;
};
std::vector<spelling> words_to_spell(const book_fields&);  // in the order of the words; from three letters on, without numbers

}  // namespace carrel::library
