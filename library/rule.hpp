#pragma once
// The rule of a shelf: which books stand on it, in which order, and at most how many (product.md 4.6). A small JSON document:
//
//   {"all": [{"field": "state", "op": "is", "value": "unread"}, {"field": "rating", "op": "at_least", "value": 4},
//            {"any": [{"field": "language", "op": "is", "value": ["de", "fr"]}, {"field": "pages", "op": "below", "value":
//            300}]}],
//    "sort": "added", "descending": true, "limit": 100}
//
// It is the rule of one reader: state and rating are theirs, and it finds only books that they see, of the library, not of the
// inbox. It holds at most 100 conditions in groups at most 4 deep, of at most 50 values each, and 16 KiB in all.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/error.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"

namespace carrel::library {

enum class rule_field {
  state,     // unread, wanted, reading, read, abandoned
  rating,    // stars of the reader: 0.5 to 5 in halves
  language,  // "de" is also de-AT
  genre,
  tag,  // or genre, by any of its names
  author,
  series,
  publisher,
  year,      // published
  format,    // of any of the book's files
  pages,     //
  duration,  // of sound, in minutes
  added,     // days: dates of UTC, and counted back from the present one
  library,   // by id
  text,      // words as in a search
  cover,
  shelf,  // by id; one's own or a shared one
};

enum class rule_op {
  is,
  is_not,  // true also of what is not known
  contains,
  at_least,
  at_most,
  above,
  below,
  present,
  missing,
  since,        // that day and later
  before,       // earlier than that day
  within_days,  // today and so many days before
  older_than_days,
};

enum class rule_sort { added, title, author, series, published, pages, duration, rating };

std::string_view name_of(rule_field);
std::string_view name_of(rule_op);
std::string_view name_of(rule_sort);
std::optional<rule_field> rule_field_named(std::string_view);
std::optional<rule_op> rule_op_named(std::string_view);
std::optional<rule_sort> rule_sort_named(std::string_view);
std::span<const rule_field> rule_fields();
std::span<const rule_op> rule_ops_of(rule_field);  // the usual one first
std::span<const rule_sort> rule_sorts();

struct rule_test {
  rule_field field = rule_field::state;
  rule_op op = rule_op::is;
  std::vector<std::string> texts{};  // one of these; canonical: language tags, formats and ids in lower case
  double number = 0;
  bool operator==(const rule_test&) const = default;
};

// A condition, or a group of them.
struct rule_node {
  enum class what { test, all, any, none } is = what::test;
  rule_test test{};
  std::vector<rule_node> parts{};
  bool operator==(const rule_node&) const = default;
};

struct rule {
  rule_node when{.is = rule_node::what::all};  // a group
  rule_sort sort = rule_sort::added;
  bool descending = true;  // what has no value for the order comes last in either
  int limit = 0;           // 0: none of its own
  bool operator==(const rule&) const = default;
};

inline constexpr int most_rule_tests = 100, most_rule_depth = 4, most_rule_values = 50, most_rule_limit = 10'000;
inline constexpr std::size_t most_rule_bytes = 16 * 1024, longest_rule_value = 200;

// The error's field is the place in the document ("all[2].value"); what is not known is refused.
result<rule> read_rule(const json::object&);
result<rule> read_rule_text(std::string_view json);
// One condition as a form has it: several texts may be parted by semicolons. The error's field is "field", "op" or "value".
result<rule_test> read_rule_test(std::string_view field, std::string_view op, std::string_view typed);
json::object to_json(const rule&);
std::string value_text(const rule_test&);  // as read_rule_test takes it

// Of state and rating: who sees such a shelf sees something of its owner's reading.
bool speaks_of_reading(const rule&);
std::vector<uuid> shelves_in(const rule&);  // that its conditions name, each once

// Places for books in this order, of which some have one already: those keep it where the order allows, so that a book that
// comes or goes moves no other.
std::vector<std::int64_t> places_for(const std::vector<std::optional<std::int64_t>>& had);

}  // namespace carrel::library
