#pragma once
// One folder of a tree, opened without following a link (ingest.md 4.5), and files in it that take the place of others: whatever
// happens, under the name lies the one or the other, whole.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "ingest/paths.hpp"
#include "server/core/error.hpp"
#include "server/core/file.hpp"

namespace carrel::ingest {

class tree_folder {
 public:
  // Errors: source_gone when there is no such folder below the root; folder_unavailable when the root is away, or nobody can say.
  static result<tree_folder> open(const std::filesystem::path& root, const std::filesystem::path& below);

  const std::filesystem::path& path() const { return path_; }
  result<source> open_file(const std::string& name) const;           // as open_source
  std::optional<std::string> sha256(const std::string& name) const;  // nothing when there is no such ordinary file
  bool has(const std::string& name) const;                           // anything

  // A new file, synced; what an interruption left under the name goes. Error fields: disk_full, store_unwritable.
  std::optional<error> write_new(const std::string& name, std::string_view bytes) const;
  // The bytes of a file as a new file, synced. Error fields: target_exists and those above.
  std::optional<error> copy_new(const std::string& name, int from) const;
  // `fresh` gets a name that nobody has. Error fields: target_exists and those above.
  std::optional<error> put(const std::string& fresh, const std::string& name) const;
  // `fresh` takes the place of the file under `name`, which has to be the one that `expected` knows: when it turns out to be
  // another, it has its name again. What was there lies under the name of `fresh` afterwards, unless the file system cannot
  // exchange names; after an error, either may have the name. Error fields: target_changed and those above.
  std::optional<error> exchange(const std::string& fresh, const std::string& name,
                                const std::function<bool(const source&)>& expected) const;
  void remove(const std::string& name) const;
  // This folder and those above it as far as they are empty, never the root.
  void remove_empty(const std::filesystem::path& root) const;

 private:
  tree_folder(file handle, std::filesystem::path path) : handle_(std::move(handle)), path_(std::move(path)) {}
  std::optional<error> sync() const;

  file handle_;
  std::filesystem::path path_;
};

error unwritable(int code, const std::string& what);  // disk_full, store_unwritable

}  // namespace carrel::ingest
