#pragma once
// What `carrel ingest` does (contract.md 3): files and folders, now, with an exact account of each.

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "ingest/services.hpp"
#include "publication/metadata.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"

namespace carrel::ingest {

struct ingest_options {
  bool approve = false;
  bool keep = false;
  std::optional<uuid> user;
  bool dry_run = false;       // only says what would happen; book and file of what would be added are nil then
  std::stop_token stop = {};  // ends the run: the files in hand are finished, the rest is as if it had not been asked for.
                              // Not to be asked for in the progress callback.
};
// What `outcome::interrupted` is then.
struct stopped_by_request : std::runtime_error {
  using runtime_error::runtime_error;
};

struct added_file {
  std::string path;
  uuid book, file;
  std::string status;
  std::vector<publication::warning> warnings;
  std::optional<uuid> possible_duplicate_of = {};
};
struct duplicate_file {
  std::string path;
  uuid book, file;
  std::string same_as = {};  // of a dry run: the path of this run that has the same bytes
  bool trashed = false;      // that book lies in the trash
};
struct failed_file {
  std::string path, code, message;
};

struct outcome {
  std::vector<added_file> added;
  std::vector<duplicate_file> duplicates;
  std::vector<failed_file> failed;
  std::int64_t ignored = 0;
  std::int64_t resumed = 0;  // how many of the rows had been left unfinished by a process that ended
  bool dry_run = false;
  std::exception_ptr interrupted;  // what ended the run too early (the database went away); the lists say what was done before
};
json::object to_json(const outcome&);

// Of the books in the lists: which may be the same as another, which lie in the trash.
void look_at_books(db::tx&, outcome&);
// A first import grows the tables faster than the database looks at their size, and its plans would read them whole. After every
// file, with how many there were so far.
void analyze_when_grown(db::pool&, std::int64_t files);

using progress_callback = std::function<void(std::int64_t done, std::int64_t found)>;

// Lists are in the order of the walk. Works beside a running server: what the server takes in meanwhile is counted all the same.
// What processes that ended have left unfinished is finished too and stands at the end of the lists.
outcome ingest_paths(const services&, const std::vector<std::filesystem::path>&, const ingest_options&,
                     const progress_callback& = nullptr);

}  // namespace carrel::ingest
