#pragma once
// What of the household's settings shows in questions and records (metadata-providers.md 2).

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/sources/conversation.hpp"
#include "ingest/sources/genres.hpp"

namespace carrel::ingest::sources {

struct preferences {
  std::string google_books_url = "https://www.googleapis.com/books/v1";  // where this is http, covers are fetched by http too
  std::string open_library_url = "https://openlibrary.org", open_library_covers_url = "https://covers.openlibrary.org";
  std::string hardcover_web_url = "https://hardcover.app";  // for people
  std::vector<std::string> audnexus_regions{"us"};          // the first is asked first
  genre_aliases genres;
};

// converse() of conversation.hpp has the defaults. Of Hardcover the base URL is the whole address: its target is "/" alone.
std::unique_ptr<conversation> converse(std::string_view source, const question&, const preferences&);

}  // namespace carrel::ingest::sources
