#pragma once
// A book's fields as forms have them: lists with commas or lines between, a number beside its series.

#include <string>
#include <string_view>
#include <vector>

#include "library/book.hpp"
#include "server/http/multipart.hpp"
#include "web/visit.hpp"

namespace carrel::web {

std::string form_text(const library::book&, std::string_view field);
// Only fields that the form holds and that differ from the book: equal ones must not be locked.
json::object changes_of(const http::form&, const library::book&);
// A line that names no identifier, which would be lost without a word.
bool unnamed_identifier(const std::string& text);

std::vector<std::string> lines_of(std::string_view text);
// Commas stand between words, but may be part of one that the book has already ("Fiction, Historical").
std::vector<std::string> words_of(std::string_view text, const std::vector<std::string>& now);
json::value series_value(const http::form&);  // of its fields series and series_index

// What the rules of library/book_edit.cpp say, in the reader's language.
std::string reason_text(const messages&, const std::string& reason);
std::string wrong_words(const visit&, const std::string& field, const std::string& words);

}  // namespace carrel::web
