#pragma once
// What Calibre calls its fields, and what Carrel does (ingest.md 16.3). For the files of this folder only.

#include <string>
#include <string_view>
#include <vector>

#include "publication/calibre/library.hpp"

namespace carrel::publication::calibre {

struct raw_person {
  std::string name, sort;
};
struct raw_column {
  std::string label, datatype;
  std::vector<std::string> values;
};

// As the rows have it, cut but not cleaned.
struct raw_book {
  std::int64_t id = 0;
  std::string title, sort, author_sort, timestamp, pubdate, uuid, last_modified, path, comments, series, publisher;
  std::optional<double> series_index, rating;
  std::vector<raw_person> authors;
  std::vector<std::string> languages, tags;
  std::vector<std::pair<std::string, std::string>> identifiers, formats;  // type, value; format, name
  std::vector<raw_column> columns;
};

constexpr std::size_t most_authors = 200, most_tags = 500, most_languages = 20, most_identifiers = 50, most_formats = 50,
                      most_columns = 100, most_values = 200;

// Fields, time and columns; the caller finds the files.
book map(const raw_book&, const column_mapping& also);

}  // namespace carrel::publication::calibre
