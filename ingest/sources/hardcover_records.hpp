#pragma once
// Hardcover's documents and what comes back (metadata-providers.md 5, hardcover.md 6 and 7). For hardcover.cpp only.

#include <string>
#include <string_view>
#include <vector>

#include "ingest/sources/normalise.hpp"
#include "ingest/sources/preferences.hpp"

namespace carrel::ingest::sources::hardcover_records {

struct document {
  std::string_view name, text;
};
extern const document editions_by_isbn, editions_by_asin, search_books, book_meta, edition_meta, book_series_list;

// The body of one question: values go as variables, never into the text.
std::string request(const document&, json::object variables);

// `data` of an answer; nowhere when it tells of errors (hardcover.md 2.2).
node data_of(const node& body);

// The documents within `search`, which come as an object with hits, that object as a text, or a list. The value is an array.
json::value search_documents(const node& search);

// Each of these takes over what is known and leaves the rest of `r` as it is.
void read_search_document(record& r, const node& document, const question&, const preferences&);
void read_book(record& r, const node& book, const question&, const preferences&);
void read_edition(record& r, const node& edition, const question&);
void read_series(record& r, const node& rows);

}  // namespace carrel::ingest::sources::hardcover_records
