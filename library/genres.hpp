#pragma once
// Which subjects are genres: those that the table genre_aliases names (ingest.md 16, 18.1).

#include <string>
#include <vector>

#include "publication/metadata.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// What it calls subjects, divided: those that are genres, under their own name, follow the genres that it knew; the rest stay.
publication::metadata with_genres(db::tx&, publication::metadata);

// The folded names of genres and all their other ones: what hides "sci-fi" hides a book whose genre that is.
std::vector<std::string> keys_of_genres(db::tx&, const std::vector<std::string>& genres);

}  // namespace carrel::library
