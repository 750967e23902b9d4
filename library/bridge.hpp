#pragma once
// A reader's place in a book, from each device to all others in their own words (kosync.md 11.7). It works after pushes have been
// answered, in a thread of its own; foreign bytes are read in isolated processes.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "library/position.hpp"
#include "library/store.hpp"
#include "publication/isolated/pool.hpp"
#include "server/core/uuid.hpp"
#include "server/db/pool.hpp"

namespace carrel::library {

// The bytes of a file that was made of a book's file, by its KOReader id (kosync.md 8.1).
struct made_file {
  std::filesystem::path path;
  std::string checksum;  // SHA-256, hex
};
using find_made = std::function<std::optional<made_file>(const uuid& file, const std::string& koreader_md5)>;

struct bridge_services {
  db::pool& pool;
  const store& files;
  publication::isolated::pool& readers;
  find_made made;
  put_policy policy;  // of accounts that have none of their own
};

class bridge {
 public:
  explicit bridge(bridge_services);
  ~bridge();
  void start();
  void stop();

  // The place of the document has changed: from any thread, returns at once. A later change supersedes one that waits.
  void moved(const uuid& user, const std::string& document);
  // The reader is downloading a file: opened for the first time, it shall open at the reader's place (kosync.md 11.7). `copy`:
  // the SHA-256 of what it gets, where that is not the stored file. From any thread, returns at once.
  void fetched(const uuid& user, const uuid& file, const std::string& copy = {});
  // What was never rung for: a process ended in between, or a document was linked later. How many there were.
  int catch_up();
  // Works off everything that waits, here. For tests and for catch_up's caller.
  void settle();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace carrel::library
