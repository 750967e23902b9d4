#pragma once
// Looks for the books of documents that were pushed for the first time (kosync.md 8.6), after the answer and many in one turn at
// the database: a device that comes with a whole library must not hold up the pushes behind it.

#include <memory>
#include <string>

#include "server/core/uuid.hpp"
#include "server/db/pool.hpp"

namespace carrel::kosync {

class linker {
 public:
  explicit linker(db::pool&);
  ~linker();

  // What cannot be done now is asked for again by the next push of the document.
  void look_for_book(const uuid& user, const std::string& document);
  void wait();  // until nothing is left to look for

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace carrel::kosync
