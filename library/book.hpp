#pragma once
// Books as everybody outside the database sees them.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "library/audit.hpp"
#include "publication/metadata.hpp"
#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct person {
  uuid id;
  std::string name, sort, role;  // MARC relator code
};

struct tag {
  uuid id;
  std::string name, slug;
};

struct book_file {
  uuid id, book_id;
  std::string format, mime, original_name, download_name, storage_path;
  std::int64_t size = 0;
  std::string checksum, md5, koreader_md5, content_hash, drm;
  std::int64_t duration = 0;  // of sound, in milliseconds
  bool is_kepub = false, described = true, missing = false;
  instant created_at{};
};

inline std::string cover_version(std::string_view sha256) { return std::string(sha256.substr(0, 8)); }  // the ?v= of addresses

struct cover_ref {
  uuid id;
  std::string sha256, storage_path;
  int width = 0, height = 0;
  std::string version() const { return cover_version(sha256); }
};

struct book {
  uuid id;
  std::string status;  // inbox, review, organized
  std::string title, subtitle, title_sort;
  std::vector<person> authors, contributors;
  std::optional<uuid> series_id;
  std::string series, series_index_text;
  std::optional<double> series_index;
  std::vector<std::string> languages;
  std::vector<std::pair<std::string, std::string>> identifiers;  // isbn_13, isbn_10, uuid, ... -> value
  std::string description, description_text;                     // XHTML, plain
  std::string publisher, published_on;
  std::vector<std::string> genres;
  std::vector<tag> tags;
  std::optional<int> page_count;
  std::optional<cover_ref> cover;
  std::vector<book_file> files;  // best format first
  std::vector<std::string> locked_fields;
  std::optional<uuid> possible_duplicate_of;
  std::int64_t version = 1;
  instant created_at{}, updated_at{};
};

// Books by id, in that order, those the viewer does not see left out. One statement whatever the number.
std::vector<book> load_books(db::tx&, const uuid& viewer, const std::vector<uuid>& ids);
std::optional<book> find_book(db::tx&, const uuid& viewer, const uuid& id);
// By id, else by exact title, else nothing; for commands.
std::optional<book> find_book_named(db::tx&, const uuid& viewer, const std::string& id_or_title);

struct visible_file {
  book_file file;
  std::string book_title;
};
std::optional<visible_file> find_file(db::tx&, const uuid& viewer, const uuid& file);  // nothing when not visible

// The object of contract.md 4. `files_base` is the prefix of addresses ("/api/v1/books").
json::object to_json(const book&, const std::string& base);

// ---- writing -----------------------------------------------------------------------------------------------------

struct new_file {
  uuid id;
  std::string format, mime, original_name, original_name_raw, storage_path, inbox_path, extension;
  std::int64_t size = 0;
  std::string checksum, md5, koreader_md5, content_hash, drm;
  std::int64_t duration = 0;  // of sound, in milliseconds
  json::object facts{};       // what no column holds: facts_of
  bool is_kepub = false, described = true;
  std::vector<publication::warning> warnings;
};

// What a file tells that is the file's own and no field of the book: epub_version ("2.0"; a Kobo is told, kobo.md 7.4), chapters
// [{title, start_ms, end_ms}] of sound, and what its format names besides (ingest.md 10.4, 14).
json::object facts_of(const publication::metadata&);

struct new_cover {
  std::string sha256, mime, storage_path, source;
  int width = 0, height = 0;
  std::int64_t bytes = 0;
};

struct curated;  // imported.hpp

// Inserts the book with its names, file, hashes and candidate row. Status inbox or review or organized. `possible_duplicate_of`
// is set by find_duplicate. What `by` says of the book wins over what its file says. Throws db::unique_violation (constraint
// book_files_checksum) when the bytes are there already.
uuid add_book(db::tx&, const uuid& id, const std::string& status, const publication::metadata&, const new_file&,
              const std::optional<new_cover>&, const std::optional<uuid>& possible_duplicate_of, const curated* by = nullptr);
// Another format of a book. Throws as add_book.
void add_file(db::tx&, const uuid& book, const publication::metadata&, const new_file&);

// Duplicate detection 2 to 4 of ingest.md 7.3: same content, same ISBN, same work key; the oldest organised book of the group.
std::optional<uuid> find_duplicate(db::tx&, const publication::metadata&, const std::string& content_hash);
struct known_bytes {
  uuid book, file;
  bool trashed = false;
  std::string storage_path;
};
std::optional<known_bytes> find_bytes(db::tx&, const std::string& sha256);

void approve_book(db::tx&, const uuid& book, const actor&);

// Fields a person may set (contract.md 4, PATCH): title, subtitle, title_sort, authors[], series{name,index}|null, languages[],
// identifiers{}, description, publisher, published, genres[], tags[], page_count, age_rating. Edited fields are locked, the old
// values go to the audit row. Same values change nothing, updated_at included. Errors name the field
// and change nothing.
result<bool> edit_book(db::tx&, const uuid& book, const json::object& changes, const actor&);
// Takes the newest book.edit of the audit back; false when there is none.
bool undo_edit(db::tx&, const uuid& book, const actor&);

int trash_books(db::tx&, const std::vector<uuid>& books, const actor&);  // how many changed
int untrash_books(db::tx&, const std::vector<uuid>& books, const actor&);

// New bytes for a file: same row, new fingerprints; the old ones stay known with variant `replaced` (kosync.md 8.6).
void replace_file(db::tx&, const uuid& file, const new_file&);

// kind: sha256, full, partial, filename, content; variant: original, served, kepub, replaced.
void remember_hash(db::tx&, const uuid& book, const uuid& file, const std::string& kind, const std::string& hash,
                   const std::string& variant);

void set_cover(db::tx&, const uuid& book, const new_cover&);
void mark_file_missing(db::tx&, const uuid& file, bool missing);
struct away_file {
  uuid id;
  std::string storage_path;
};
std::vector<away_file> away_files(db::tx&, int most);  // those that are marked missing

}  // namespace carrel::library
