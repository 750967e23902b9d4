#pragma once
// Writing books: what is shared by taking in, editing and undoing. Internal to library/.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct curated;   // imported.hpp
struct new_file;  // book.hpp
struct new_cover;

// A book's own fields, as a person or a file states them; everything else of the row is derived from these.
struct book_fields {
  std::string title, subtitle, title_sort;  // title_sort "" = computed
  std::vector<publication::person> authors, contributors;
  std::string series, series_index_text;
  std::optional<double> series_index;
  std::vector<std::string> languages;
  std::vector<std::pair<std::string, std::string>> identifiers;
  std::string publisher, published_on, description, description_text;
  std::vector<std::string> genres, tags;
  std::optional<int> page_count, age_rating;
  std::string page_count_source, reading_direction;
  bool fixed_layout = false;
};

book_fields fields_from(const publication::metadata&);
json::value field_value(const book_fields&, const std::string& name);  // as a person sets it (edit_book)
// One field as a person, a program or a source states it: cleaned and checked. An error names the field and leaves `f` undefined.
std::optional<error> set_field(book_fields& f, const std::string& name, const json::value&);
// Whoever asks: callers have checked visibility. The row is locked for the transaction, or only looked at.
std::optional<book_fields> read_fields(db::tx&, const uuid& book);
std::optional<book_fields> look_at_fields(db::tx&, const uuid& book);

// Writes the fields and all that follows from them (sort keys, names, tags, search words). The row must exist. Touches
// updated_at and version; the caller bumps the revision.
void write_fields(db::tx&, const uuid& book, const book_fields&);

// A book's row with its names and its first file; and a further file of a book. Candidates are the caller's.
struct book_row {
  std::string status;
  std::optional<uuid> possible_duplicate_of;
  std::optional<instant> created_at;
  json::object sources;  // books.field_sources
};
void insert_book(db::tx&, const uuid& id, const book_fields&, const new_file&, const std::optional<new_cover>&, const book_row&);
void insert_another_file(db::tx&, const uuid& book, const new_file&);

// The row of a picture, made when missing.
uuid cover_id(db::tx&, const new_cover&);

// Rows for names, made when missing: key (folded name) -> id. One or two statements whatever the number; keys are inserted in
// order so that two processes cannot deadlock.
std::map<std::string, uuid> people_ids(db::tx&, const std::vector<publication::person>&);
std::map<std::string, uuid> tag_ids(db::tx&, const std::vector<std::string>&);
std::optional<uuid> series_id(db::tx&, const std::string& name);
std::string key_of_name(const std::string& name);

// The keys of book_metadata_candidates.normalized (metadata-providers.md 8).
json::object normalized_from(const publication::metadata&);
json::array chapters_json(const publication::metadata&);

// What is known of these values takes the place of what `f` holds, but for locked fields; the names of the fields taken.
std::vector<std::string> overlay(book_fields& f, const publication::metadata&, const std::vector<std::string>& locked);
json::object sources_of(const std::vector<std::string>& names, const std::string& source);  // of books.field_sources
void add_curated_candidate(db::tx&, const uuid& book, const curated&, const std::vector<std::string>& names);

std::string place_key(const std::string& series, const std::optional<double>& index, const std::string& title_key);

}  // namespace carrel::library
