#pragma once
// What has a name in a tree already, also where a file system makes no difference between capitals or forms of Unicode
// (ingest.md 6.5). A name that ends with a slash is that of a folder.

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace carrel::ingest {

// The names in a folder that are the same as this one.
using names_like = std::function<std::vector<std::string>(const std::vector<std::string>& folder, const std::string& name)>;

class folder_names {
 public:
  void add(const std::string& name);  // once and again is the same
  void remove(const std::string& name);
  std::vector<std::string> like(const std::string& name) const;
  std::size_t size() const { return folded_.size(); }

 private:
  std::map<std::string, std::vector<std::string>> folded_;
};

// Folders of a tree on disk, each read once as long as nobody else changes it: a folder of a hundred thousand books is not read
// for each of them. One thread.
class tree_listing {
 public:
  explicit tree_listing(std::filesystem::path root) : root_(std::move(root)) {}

  std::vector<std::string> like(const std::vector<std::string>& folder, const std::string& name);
  // What lies on the way to a path below the root came or went by our own hand.
  void look_again(const std::filesystem::path& below);

 private:
  struct listed {
    struct timespec changed {};
    ino_t number = 0;
    folder_names names;
  };
  void stamp(const std::filesystem::path& folder, listed&) const;

  std::filesystem::path root_;
  std::map<std::string, listed> folders_;
  std::size_t held_ = 0;
};

}  // namespace carrel::ingest
