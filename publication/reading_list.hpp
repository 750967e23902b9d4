#pragma once
// What somebody has read, as a list: the exports of Goodreads and StoryGraph, or any table with columns for it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "publication/csv.hpp"
#include "publication/metadata.hpp"
#include "publication/reading.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

struct reading_list_row {
  std::int64_t line = 0;  // of the file
  std::string title;
  std::vector<std::string> authors;
  std::vector<std::string> isbns;  // ISBN-13
  heard_opinion says;
  // Names of columns with a value that is none: a rating of 7, "01/05/2023". What they say is left out.
  std::vector<std::string> unclear;
  // Nothing above is filled when this is: csv_too_long, csv_too_many_fields, csv_no_text, csv_open_quote, csv_columns.
  std::string trouble;
};

class reading_list {
 public:
  // Refusals: csv_empty, csv_wide, csv_unreadable (its first row), csv_unknown (whose columns it has nobody knows).
  static result<reading_list, refusal> open(byte_source);

  enum class kind { goodreads, storygraph, other };
  kind from() const { return kind_; }
  std::string_view name() const;  // goodreads, storygraph, csv

  bool next(reading_list_row&);  // false at the end

 private:
  reading_list(csv_reader reader, csv_columns columns);
  void read(const csv_row&, reading_list_row&) const;

  csv_reader reader_;
  csv_columns columns_;
  kind kind_ = kind::other;
};

}  // namespace carrel::publication
