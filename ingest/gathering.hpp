#pragma once
// Files of the drop folder that are complete and wait for the rest of their book (ingest.md 3.4): a group is ready when every
// member is and nothing was added for a while.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ingest/grouping.hpp"
#include "ingest/settings.hpp"
#include "ingest/settle.hpp"

namespace carrel::ingest {

class gathering {
 public:
  gathering(const settings&, bool remote);

  // A complete file, and when it was last seen to change.
  void hold(const std::string& path, const identity&, steady::time_point changed_at);
  bool holds(const std::string& path) const;
  void release(const std::string& path);
  std::size_t size() const { return count_; }
  std::optional<steady::time_point> next() const;  // when to look

  struct outcome {
    std::vector<unit> ready;         // no longer held
    std::vector<std::string> again;  // changed since: to be settled anew; no longer held
  };
  // `still_open`: somebody waits for this file, or nobody has met it yet.
  outcome look(steady::time_point at, const std::function<bool(const finding&)>& still_open);

 private:
  struct held_file {
    identity who;
    steady::time_point changed_at;
  };
  struct folder {
    std::map<std::string, held_file> files;
    std::map<std::string, settling> beside;
    steady::time_point next{}, looked{};
  };
  void look_at(const std::filesystem::path&, folder&, steady::time_point at, const std::function<bool(const finding&)>&,
               outcome&);
  void drop_changed(folder&, const listing&, outcome&);
  // When the unit may be ready; nothing: now.
  std::optional<steady::time_point> wait_for(folder&, unit&, steady::time_point at, const std::function<bool(const finding&)>&);
  std::optional<steady::time_point> wait_for_companion(folder&, const finding&, steady::time_point at, bool& usable);

  settings how_;
  bool remote_;
  std::chrono::milliseconds quiet_;
  std::map<std::filesystem::path, folder> folders_;
  std::size_t count_ = 0;
};

}  // namespace carrel::ingest
