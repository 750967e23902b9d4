#pragma once
// The parts of a bulk run among themselves. Internal to library/.

#include <optional>
#include <string>
#include <vector>

#include "library/book_record.hpp"
#include "library/bulk.hpp"

namespace carrel::library {

// How many books one transaction looks at, and changes: while it changes them nobody else can change the catalog.
constexpr int bulk_looked_at = 200, bulk_changed = 20, bulk_collected = 2000;

struct bulk_item {
  std::int64_t place = 0;
  uuid book;
  std::optional<json::object> wanted;
};
std::vector<bulk_item> bulk_items(db::tx&, const bulk_run&, const std::string& state, int most);  // after at_place
void set_item(db::tx&, const uuid& run, std::int64_t place, const std::string& state, const std::string& reason = "");

// One step of each state. They change `run.counts` and `run.at_place`; the state when it is at its end.
void plan_step(db::tx&, bulk_run&, const uuid& viewer);
void run_step(db::tx&, bulk_run&, const uuid& viewer);
void undo_step(db::tx&, bulk_run&, const uuid& viewer);

// ---- the history of fields -------------------------------------------------------------------------------------------

// A book's field as metadata_changes holds it, with everything that is needed to have it again.
struct held_field {
  std::string field;
  json::object before;
};
json::object remembered(const book_record&, const std::string& field);
// Values, sources and locks become what they were, as one group of the book's history. The only way in which a run takes fields
// back.
void restore_fields(db::tx&, const uuid& book, const std::vector<held_field>&, const actor&);

// Equal as far as the database tells values apart: people and series have one row for all spellings of a name.
bool same_field_value(const std::string& field, const json::value&, const json::value&);

}  // namespace carrel::library
