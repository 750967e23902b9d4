#pragma once
// What a bulk edit does to the fields of one book. No database: fields in, fields out.

#include <optional>
#include <string>
#include <vector>

#include "library/book_parts.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"

namespace carrel::library {

// `value`: for set as edit_book takes it, for add and remove a list of names; replace has `from` and `to`. A series that is set
// by its name alone keeps the number that a book has.
struct bulk_edit {
  enum class kind { set, add, remove, replace, clear } how = kind::set;
  std::string field;
  json::value value{};
  std::string from{}, to{};
};

constexpr std::size_t most_bulk_edits = 30;

// From {"op","field","value" or "from","to"} and back. Errors name the field, or "edits".
result<std::vector<bulk_edit>> parse_edits(const json::array&);
json::array edits_to_json(const std::vector<bulk_edit>&);

// The title first: the order it is sorted by follows from it, unless that is set as well.
std::vector<bulk_edit> in_order(std::vector<bulk_edit>);

// An error when no book at all could be changed like that.
std::optional<error> check_edit(const bulk_edit&);

// The fields that become something else, in the order of the edits, with what they were and will be as edit_book takes it.
struct planned_change {
  std::string field;
  json::value before, after;
};
result<std::vector<planned_change>> plan_edits(const book_fields&, const std::vector<bulk_edit>&);

// Whatever the order of members: PostgreSQL orders those of a jsonb its own way.
bool means_the_same(const json::value&, const json::value&);

}  // namespace carrel::library
