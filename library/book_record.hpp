#pragma once
// All of a book that choices of people touch, changed in one step with its history. Internal to library/.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "library/audit.hpp"
#include "library/book.hpp"
#include "library/book_parts.hpp"
#include "library/change.hpp"

namespace carrel::library {

struct book_record {
  book_fields fields;
  std::optional<cover_ref> cover;
  std::vector<std::string> locked;
  json::object sources;
  std::map<std::string, uuid> taken;  // field -> the candidate whose value it is

  bool is_locked(std::string_view field) const;
  void lock(const std::string& field, bool on);
  std::string source_of(std::string_view field) const;
  void set_source(const std::string& field, const std::string& source);  // "": unknown
};

// With the row locked for the transaction, or as it is at the moment.
std::optional<book_record> read_record(db::tx&, const uuid& book);
std::optional<book_record> look_at_record(db::tx&, const uuid& book);

json::value value_of(const book_record&, const std::string& field);  // as people and programs are shown it

bool same_value(const json::value&, const json::value&);  // whatever the order of members

// The field as metadata_changes holds it.
json::object state_of(const book_record&, const std::string& field);
// Makes its value what it was in that state, or all of it: value, source, lock and the candidate it was taken from.
void restore_state(db::tx&, book_record&, const std::string& field, const json::object& state);
void restore_marks(book_record&, const std::string& field, const json::object& state);
void restore_field(db::tx&, book_record&, const std::string& field, const json::object& state);

// Writes what differs and remembers it as one group, whose id it returns; nothing when nothing differs. updated_at, version and
// the catalog's revision follow values only, not sources or locks.
std::optional<uuid> write_record(db::tx&, const uuid& book, const book_record& before, book_record after, const actor&,
                                 const std::optional<uuid>& undoes = std::nullopt);

std::optional<cover_ref> find_stored_cover(db::tx&, const std::string& sha256);

}  // namespace carrel::library
