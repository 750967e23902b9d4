#include "ingest/library_folders.hpp"

#include "library/book.hpp"

namespace carrel::ingest {

own_folders library_folders(db::tx& tx) { return folders_of(library::libraries(tx)); }

own_folders folders_of(const std::vector<library::book_library>& all) {
  own_folders out;
  for (const library::book_library& l : all) {
    struct stat facts {};
    if (!l.root.empty() && ::stat(l.root.c_str(), &facts) == 0)
      out.insert({static_cast<std::int64_t>(facts.st_dev), static_cast<std::int64_t>(facts.st_ino)});
  }
  return out;
}

bool lies_in_library(const services& s, const std::filesystem::path& file) {
  own_folders all = s.pool.read_now(library_folders);
  all.merge(folders_of(s.store));
  return inside_own(file, all);
}

bool is_stored_file(const services& s, const std::string& sha256, const identity& who) {
  std::optional<library::known_bytes> known = s.pool.read_now([&](db::tx& tx) { return library::find_bytes(tx, sha256); });
  struct stat facts {};
  if (!known || ::stat(s.store.absolute(known->storage_path).c_str(), &facts) != 0) return false;
  return static_cast<std::int64_t>(facts.st_dev) == who.dev && static_cast<std::int64_t>(facts.st_ino) == who.ino;
}

}  // namespace carrel::ingest
