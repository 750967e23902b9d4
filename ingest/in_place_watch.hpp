#pragma once
// Watches the folders of libraries that are read in place: by inotify, and by looking through them from time to time, which is
// what counts (ingest.md 3.1). Finds what is new, changed or gone; what is to be read becomes a job.

#include <memory>

#include "ingest/services.hpp"

namespace carrel::ingest {

class library_watcher {
 public:
  explicit library_watcher(const services&);
  ~library_watcher();

  void start();  // one of all processes watches; the others wait for their turn
  void stop();
  bool active() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace carrel::ingest
