#pragma once
// What files say of a book: the book's own file, the files beside it and their names (ingest.md 18.1), how far each is believed,
// and what the book's fields are when nobody chooses (18.2).

#include <optional>
#include <string>
#include <vector>

#include "library/audit.hpp"
#include "library/book.hpp"
#include "publication/metadata.hpp"
#include "publication/names.hpp"
#include "publication/sidecar.hpp"
#include "server/core/json.hpp"

namespace carrel::library {

struct local_source {
  std::string name;  // sidecar_opf, sidecar_json, comicinfo, embedded, path
  std::string key;   // tells several of one name apart
  publication::metadata about;
  double confidence = 0;
  std::vector<std::string> reasons;  // why it is not believed more
  json::value raw;                   // what was read; null where `about` is all
  bool subjects_join = false;        // its genres and tags join those of better sources, instead of giving way to them (18.2)
};

// `name` is that of the file; the title of a file that has none is its name's, and so is its author. A ComicInfo.xml that names
// its comic is a source of its own.
local_source own_source(const publication::metadata&, const std::vector<publication::warning>&, const std::string& name);
local_source path_source(const publication::guess&);
local_source sidecar_source(const publication::told&, bool json, const std::string& name, std::string_view text);

// Whether somebody of that name wrote a book of the library.
bool wrote_a_book(db::tx&, const std::string& name);

// A file and its name.
std::vector<local_source> sources_in_file(const publication::opened&, const std::string& name,
                                          const publication::author_test& is_author = {});

// A title that is quite another one than the file's may belong to another file; two that agree against it are believed.
void judge(std::vector<local_source>&);
// Of the one that is believed most (18.3).
double best_confidence(const std::vector<local_source>&);
// What they make of the book together, as far as find_duplicate compares it.
publication::metadata outline(const std::vector<local_source>&);

struct new_book {
  std::string status;
  std::vector<local_source> said;
  std::optional<new_cover> cover;
  std::optional<uuid> possible_duplicate_of;
  std::optional<instant> created_at;
  const curated* by = nullptr;  // wins over all of them
};
// As add_book of book.hpp, with fields and candidates from all of them.
uuid add_book(db::tx&, const uuid& id, const new_book&, const new_file&);

// Another format of a book; what only it knows fills what the book does not have.
void add_file(db::tx&, const uuid& book, const std::vector<local_source>&, const new_file&);

// What files beside a book say goes into the fields that nobody has locked and that no better source has filled. Equal values
// change nothing, updated_at included. True when a field changed.
bool tell(db::tx&, const uuid& book, std::vector<local_source>, const actor&);

}  // namespace carrel::library
