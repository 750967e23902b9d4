#pragma once
// What `carrel import calibre` does (ingest.md 16): the books of a Calibre library, with what it says about them, and an exact
// account. Its folder is only read. Again is the same command: it adds what is new and takes over what was changed there.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "ingest/command.hpp"
#include "ingest/services.hpp"
#include "publication/metadata.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"

namespace carrel::ingest {

struct import_options {
  std::optional<uuid> user;
  std::optional<uuid> reader = {};  // whose stars and states of reading Calibre tells
  std::string read_column = {};     // publication/calibre/reading.hpp
  bool dry_run = false;             // only says what would happen
  std::stop_token stop = {};        // ends the run after the books in hand
};

// What was not as it should be, or is worth a look.
struct oddity {
  std::string code, path, message;
  std::int64_t number = 0;  // the book's in Calibre; 0: of no book
};

struct import_outcome {
  outcome files;  // the three lists, in Calibre's order, and what ended the run too early
  std::string library;
  std::int64_t books = 0;  // in the library
  std::int64_t seen = 0;   // looked at by this run; the sum of the next five
  std::int64_t added = 0, updated = 0, unchanged = 0;
  std::int64_t without_files = 0;  // left out, because no file of them is there
  std::int64_t failed = 0;         // none of their files could be taken in
  std::int64_t opinions = 0;       // books of which the reader's stars, state or review were set
  std::int64_t files_replaced = 0, files_missing = 0, files_unknown = 0;
  std::vector<oddity> oddities;
};
json::object to_json(const import_outcome&);

using books_callback = std::function<void(std::int64_t done, std::int64_t all)>;

// A refusal when nothing could be done at all: calibre_no_library, calibre_damaged, ... (messages.cpp).
result<import_outcome, publication::refusal> import_calibre(const services&, const std::filesystem::path& folder,
                                                            const import_options&, const books_callback& = nullptr);

}  // namespace carrel::ingest
