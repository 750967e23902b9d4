#pragma once
// What `carrel import csv` does: states, stars, days and reviews of a list that another program wrote, for one reader. Books are
// never made by it, and never guessed.

#include <cstdint>
#include <exception>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "publication/reading_list.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/pool.hpp"

namespace carrel::ingest {

struct list_options {
  uuid user;
  bool dry_run = false;       // only says what would happen
  std::stop_token stop = {};  // ends the run after the rows in hand
};

// A row of the list that is worth a look.
struct list_entry {
  std::int64_t line = 0;
  std::string title;
  std::vector<std::string> authors, isbns;
  std::vector<uuid> books;           // ambiguous: each that it may be; kept, repeated: the one that it is
  std::int64_t first_line = 0;       // repeated: of the row that counted
  std::vector<std::string> columns;  // unclear: those whose value was left out
  std::string code;                  // failed: of publication/messages.cpp
};

// Of each kind so many rows are listed at most; all are counted.
inline constexpr std::size_t most_listed = 10'000;
struct entry_list {
  std::int64_t count = 0;
  std::vector<list_entry> entries;
  void add(list_entry);
};

struct list_outcome {
  std::string source;  // goodreads, storygraph, csv
  bool dry_run = false;
  std::int64_t rows = 0;  // that were looked at
  std::int64_t matched = 0, by_isbn = 0, changed = 0, unchanged = 0;
  entry_list unmatched, ambiguous;
  entry_list kept;      // what was said here by hand is the newer
  entry_list repeated;  // a row before it was the same book, and counted
  entry_list unclear;   // a value of them was left out
  entry_list failed;    // could not be read
  std::exception_ptr interrupted;
};
json::object to_json(const list_outcome&);

// Only the columns of the list decide whether it is one (publication/reading_list.hpp).
result<list_outcome, publication::refusal> import_reading_list(db::pool&, publication::byte_source, const list_options&,
                                                               const std::function<void(std::int64_t rows)>& tell = nullptr);

}  // namespace carrel::ingest
