#include "in_place.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace carrel::ingest::test {

in_place::in_place() : root(fs::canonical(b.folder) / "tree") {
  fs::create_directories(root);
  b.with.how.workers = 1;
  is = b.pool.write_now([&](db::tx& tx) {
    uuid id = library::add_library(tx, "Tree", "in_place", root.native(), "", {.user = {}, .name = "test"});
    return *library::find_library(tx, id);
  });
}

folder_look in_place::look() { return look_through(b.with, is, nullptr); }

read_counts in_place::scan() {
  look();
  read_counts all;
  for (int round = 0; round < 3; ++round) {
    read_counts c = read_waiting(b.with, is, {});
    all.added += c.added;
    all.joined += c.joined;
    all.replaced += c.replaced;
    all.moved += c.moved;
    all.same += c.same;
    all.duplicates += c.duplicates;
    all.refused += c.refused;
  }
  tell_beside(b.with, is, nullptr);
  return all;
}

fs::path in_place::put(const std::string& path, const book& what) {
  fs::path p = root / path;
  write(p, epub(what));
  return p;
}

std::string in_place::state_of_folder() const {
  std::vector<std::string> lines;
  auto add = [&](const fs::path& p) {
    struct stat s {};
    ::lstat(p.c_str(), &s);
    lines.push_back(p.native() + " " + std::to_string(s.st_mode) + " " + std::to_string(s.st_ino) + " " +
                    std::to_string(s.st_nlink) + " " + std::to_string(s.st_mtim.tv_nsec) + " " +
                    std::to_string(s.st_ctim.tv_nsec) + " " + (S_ISREG(s.st_mode) ? read(p) : ""));
  };
  add(root);
  for (const fs::directory_entry& e : fs::recursive_directory_iterator(root)) add(e.path());
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::string in_place::column(const std::string& name, const std::string& path) {
  return b.text("select coalesce((select " + name + "::text from book_files where storage_path = '" + (root / path).native() +
                "'), '')");
}

std::string in_place::places() {
  return b.text(
      "select coalesce(string_agg(replace(encode(place, 'escape'), '\\000', '/') || ' ' || state, ', ' order by place), '')"
      " from library_files");
}

}  // namespace carrel::ingest::test
