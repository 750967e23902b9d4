#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ingest/paths.hpp"

namespace carrel::ingest {

// One watch per folder (ingest.md 3.1). Where the system gives none, scans alone find the files.
class inotify {
 public:
  struct event {
    std::filesystem::path path;
    bool folder = false;  // a folder that came, or whose rights changed
    bool rights = false;  // only rights, owner or times changed
  };
  struct events {
    std::vector<event> list;
    bool overflow = false;  // some were lost: scan everything
  };

  void open();
  void close();
  int descriptor() const { return fd_.get(); }
  bool watch(const std::filesystem::path& folder);  // again and again is fine; false when there are no more watches
  events read();
  void begin() { full_ = false; }      // of a scan that watches every folder again
  bool full() const { return full_; }  // a folder could not be watched

 private:
  file fd_;
  std::map<int, std::filesystem::path> folders_;
  bool full_ = false, said_ = false;
};

// fs.inotify.max_user_watches.
constexpr const char* watch_limit_file = "/proc/sys/fs/inotify/max_user_watches";
std::string watch_limit();

}  // namespace carrel::ingest
