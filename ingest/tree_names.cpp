#include "ingest/tree_names.hpp"

#include <algorithm>

#include "publication/unicode.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_held = 1'000'000;  // names; some 100 MB

std::string folded(std::string_view name) {
  if (name.ends_with('/')) name.remove_suffix(1);
  return publication::nfc(publication::case_fold(publication::nfc(name)));
}

bool operator==(const struct timespec& a, const struct timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

fs::path path_of(const fs::path& root, const std::vector<std::string>& folder) {
  fs::path out = root;
  for (const std::string& one : folder) out /= one;
  return out;
}

}  // namespace

void folder_names::add(const std::string& name) {
  std::vector<std::string>& same = folded_[folded(name)];
  if (std::find(same.begin(), same.end(), name) == same.end()) same.push_back(name);
}

void folder_names::remove(const std::string& name) {
  auto at = folded_.find(folded(name));
  if (at == folded_.end()) return;
  std::erase(at->second, name);
  if (at->second.empty()) folded_.erase(at);
}

std::vector<std::string> folder_names::like(const std::string& name) const {
  auto at = folded_.find(folded(name));
  return at == folded_.end() ? std::vector<std::string>{} : at->second;
}

void tree_listing::stamp(const fs::path& folder, listed& l) const {
  struct stat now {};
  if (::lstat(folder.c_str(), &now) != 0) return;
  l.changed = now.st_mtim;
  l.number = now.st_ino;
}

std::vector<std::string> tree_listing::like(const std::vector<std::string>& folder, const std::string& name) {
  fs::path path = path_of(root_, folder);
  std::string key = path.native();
  struct stat now {};
  if (::lstat(path.c_str(), &now) != 0) {
    folders_.erase(key);
    return {};
  }
  auto at = folders_.find(key);
  if (at != folders_.end() && at->second.changed == now.st_mtim && at->second.number == now.st_ino)
    return at->second.names.like(name);
  if (held_ > most_held) {
    folders_.clear();
    held_ = 0;
  }
  listed fresh{.changed = now.st_mtim, .number = now.st_ino, .names = {}};
  std::error_code code;
  for (const fs::directory_entry& e : fs::directory_iterator(path, code))
    fresh.names.add(e.path().filename().native() + (fs::is_directory(e.symlink_status(code)) ? "/" : ""));
  held_ += fresh.names.size();
  return (folders_[key] = std::move(fresh)).names.like(name);
}

void tree_listing::look_again(const fs::path& below) {
  fs::path at = root_;
  for (const fs::path& component : below) {
    auto known = folders_.find(at.native());
    fs::path next = at / component;
    if (known != folders_.end()) {
      std::error_code code;
      fs::file_status is = fs::symlink_status(next, code);
      known->second.names.remove(component.native());
      known->second.names.remove(component.native() + "/");
      if (fs::exists(is)) known->second.names.add(component.native() + (fs::is_directory(is) ? "/" : ""));
      stamp(at, known->second);
    }
    at = std::move(next);
  }
}

}  // namespace carrel::ingest
