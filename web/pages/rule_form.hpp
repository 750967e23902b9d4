#pragma once
// The rule of a shelf as a form and in words.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "library/catalog.hpp"
#include "library/rule.hpp"
#include "server/http/multipart.hpp"
#include "web/visit.hpp"

namespace carrel::web {

struct rule_row {
  std::string field = "state", op;
  std::vector<std::string> values;  // as typed, or those of several that are ticked
};

// As somebody has typed it so far. A rule with groups in groups has no rows: it is written as text.
struct rule_form {
  std::string name, match = "all", sort = "added", limit, text;
  bool descending = true, as_text = false;
  std::vector<rule_row> rows;
};
rule_form rule_form_of(const http::form&);
rule_form rule_form_of(const library::rule&);
rule_form as_text(const rule_form&);  // the rows that are right, as text

struct wrong_rule {
  std::string field;  // of the form
  std::string key;    // of the words
  std::string place;  // in a text
};
result<library::rule, wrong_rule> rule_in(const rule_form&);
std::string words_for(const messages&, const wrong_rule&);

// What there is to choose from: value and label.
struct rule_choices {
  using list = std::vector<std::pair<std::string, std::string>>;
  list languages, libraries, shelves;
};
rule_choices load_rule_choices(db::tx&, const uuid& viewer);
// What the library page shows, as a rule.
rule_form load_rule_of_filter(db::tx&, const uuid& viewer, const library::filter&);

void fill_rule_form(const visit&, const rule_form&, rule_choices, view&);
// "Reading is Unread and Your stars at least 4"
std::string rule_words(const messages&, const library::rule&, const rule_choices&);

}  // namespace carrel::web
