#pragma once
// The drop folder (ingest.md 3). Finds files, waits until each is complete, makes an item and a job of it; does nothing else.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "ingest/services.hpp"

namespace carrel::ingest {

// What keeps this folder from being watched: it cannot be there or be read, lies inside the store, contains it, or is a Calibre
// library. Makes nothing.
std::optional<error> unusable_drop_folder(const std::filesystem::path&, const library::store&);

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
