#pragma once
// Open Library's documents as records (metadata-providers.md 4). For open_library.cpp only.

#include <string>
#include <string_view>
#include <vector>

#include "ingest/sources/normalise.hpp"
#include "ingest/sources/preferences.hpp"

namespace carrel::ingest::sources::open_library_records {

// "OL45W" of "/works/OL45W" or of an address that ends so, with or without ".json"; "" for anything else. `type` is M of books
// (editions), W of works, A of authors.
std::string key_of(std::string_view text, char type);

// A document of the search is a work, whose lists mix all its editions: of those only the edition within it is believed, and of
// `isbn` that the number asked for is there.
record from_search(const node& doc, const std::string& kind, const question&, const preferences&);

// What the edition says wins over what `r` holds.
void read_edition(record& r, const node& edition, const question&, const preferences&);
// What the work says fills what `r` lacks.
void read_work(record& r, const node& work, const preferences&);

std::vector<std::string> author_keys(const node& edition_or_work);

}  // namespace carrel::ingest::sources::open_library_records
