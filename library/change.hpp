#pragma once
// The history of a book's fields: what they were and are, from which source, by whom, and the way back (product.md 3.5,
// ingest.md 18.4). Every edit by hand, every field taken from a candidate and every import that changes a field is in it.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "library/audit.hpp"
#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Every field that has a source, a lock and a history, in the order in which people read them. `narrators` are all who took
// part and are no authors, by their roles.
inline constexpr std::array tracked_fields{"title",     "subtitle",  "title_sort",  "authors",     "narrators",  "series",
                                           "publisher", "published", "languages",   "identifiers", "page_count", "age_rating",
                                           "genres",    "tags",      "description", "cover"};

struct field_state {
  json::value value;   // as edit_book takes it
  std::string source;  // user, embedded, calibre, ...; "" unknown
  bool locked = false;
};

struct field_change {
  std::string field;
  field_state before, after;
  std::optional<uuid> candidate;  // the value comes from it
};

// What one act did.
struct change_group {
  uuid id;
  instant at{};
  std::string actor;
  std::optional<uuid> undoes;  // the group that it took back
  bool undone = false;
  std::vector<field_change> fields;
};

// Newest first, those after the given one. Callers have checked that the book may be seen.
std::vector<change_group> changes_of(db::tx&, const uuid& book, const std::optional<uuid>& after, int most);

enum class undo_outcome {
  done,
  unknown,    // the book has no such group
  already,    // taken back before
  overtaken,  // one of its fields has another value since: that change goes first
};
// Values, sources and locks become what they were before the group. That is a group of its own.
undo_outcome undo_change(db::tx&, const uuid& book, const uuid& group, const actor&);
// The newest edit by hand that is not taken back; nothing when there is none.
std::optional<uuid> last_edit(db::tx&, const uuid& book);

// Locks a field against everything but people, or gives it free. False when it was so; an error for what is no field of a book.
// The book's values and updated_at stay.
result<bool> set_lock(db::tx&, const uuid& book, const std::string& field, bool locked, const actor&);

}  // namespace carrel::library
