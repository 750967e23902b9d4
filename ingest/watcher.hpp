#pragma once
// The drop folder (ingest.md 3). Finds files, waits until each is complete, makes an item and a job of it; does nothing else.

#include <memory>
#include <optional>
#include <string>

#include "ingest/services.hpp"

namespace carrel::ingest {

class watcher {
 public:
  explicit watcher(const services&);
  ~watcher();

  // Makes the folder. Errors: it cannot be watched; errata shows it until a start finds it in order.
  std::optional<error> start();  // one of all processes watches, by advisory lock; the others wait for their turn
  void stop();

  bool active() const;          // this process watches
  std::string trouble() const;  // "" or a code of class folder, for the pages

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace carrel::ingest
