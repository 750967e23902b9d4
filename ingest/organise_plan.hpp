#pragma once
// Where the files of a book belong; the part of organise.hpp that touches nothing.

#include "ingest/organise.hpp"

namespace carrel::ingest {

struct book_to_place {
  uuid id;
  std::int64_t version = 0;
  path_values values;
  struct file {
    uuid id;
    std::string path, checksum, extension, name, mime;
  };
  std::vector<file> files;  // that Carrel may move, best format first
};
// In the order of their ids, without those that have nothing to place.
std::vector<book_to_place> find_books_to_place(db::tx&, const uuid& library, const std::vector<uuid>& books);
std::vector<uuid> books_to_place(db::tx&, const library::book_library&, const uuid& after, int most);
std::int64_t count_books_to_place(db::tx&, const library::book_library&);
std::vector<uuid> books_of_library(db::tx&, const uuid& library, const uuid& after, int most);

// Below the root, in the order of the files.
std::vector<std::string> places_of(const book_to_place&, const path_pattern&, const names_like&);

}  // namespace carrel::ingest
