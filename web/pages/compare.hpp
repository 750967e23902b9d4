#pragma once
// Fields of a book next to what each source says of them (product.md 4.8): the table of the inbox and of a book's metadata page.

#include <string>
#include <vector>

#include "library/candidate.hpp"
#include "server/http/multipart.hpp"
#include "web/visit.hpp"

namespace carrel::web {

std::string field_words(const messages&, const std::string& field);
std::string source_words(const messages&, const std::string& source);
std::string reason_words(const messages&, const std::string& reason);
std::string value_text(const messages&, const std::string& field, const json::value&, std::size_t most = 400);  // "" for nothing

// columns[], rows[] and what the part "compare" needs besides.
void fill_comparison(const visit&, const uuid& book, const library::comparison&, view& out);

// What the form of that table asks for.
struct choices {
  std::vector<library::pick> picks;
  std::optional<uuid> column;  // a whole candidate
};
choices choices_of(const http::form&);  // throws http::problem for what is no choice

}  // namespace carrel::web
