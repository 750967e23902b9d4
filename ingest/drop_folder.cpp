#include "ingest/drop_folder.hpp"

#include <unistd.h>

#include "ingest/library_folders.hpp"
#include "ingest/names.hpp"
#include "ingest/scan.hpp"
#include "library/library_root.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

error bad(const std::string& why) { return {"ingest.drop_dir", why}; }

std::optional<fs::path> calibre_above(const fs::path& root) {
  std::error_code code;
  for (fs::path at = fs::weakly_canonical(root, code); !code; at = at.parent_path()) {
    if (fs::exists(at / calibre_database, code)) return at;
    if (at == at.parent_path()) break;
  }
  return std::nullopt;
}

std::optional<fs::path> calibre_below(const fs::path& root, const own_folders& own) {
  std::optional<fs::path> found;
  auto look = [&](const fs::path& p) {
    if (p.filename() == calibre_database) found = p.parent_path();
  };
  walk_visitor visit;
  visit.file = [&](const fs::path& p, const identity&) { look(p); };
  visit.special = visit.file;
  visit.ignored = look;
  visit.stop = [&] { return found.has_value(); };
  walk(root, {}, own, visit);
  return found;
}

}  // namespace

error holds_calibre(const fs::path& library) { return bad("contains a Calibre library: " + shown_name(library.native())); }

bool bare(const fs::path& folder) {
  std::error_code code;
  fs::directory_iterator first(folder, code);
  return code || first == fs::directory_iterator();
}

std::optional<error> unusable_drop_folder(const fs::path& given, const library::store& store,
                                          const std::vector<library::book_library>& libraries) {
  fs::path root = given.lexically_normal(), there = root;
  std::error_code code;
  while (!fs::exists(there, code) && there.has_relative_path()) there = there.parent_path();
  if (!fs::is_directory(there, code) || ::access(there.c_str(), X_OK | (there == root ? R_OK : W_OK)) != 0)
    return bad(there == root ? "cannot be read" : "cannot be made in " + shown_name(there.native()));
  own_folders own = folders_of(store);
  if (inside_own(root, own)) return bad("lies inside Carrel's own folders");
  fs::path real = fs::weakly_canonical(root, code), data = fs::canonical(store.data(), code);
  if (!code && (data == real || data.native().starts_with(real.native() + "/"))) return bad("contains Carrel's own folders");
  if (inside_own(root, folders_of(libraries))) return bad("lies inside the folder of a library");
  if (const library::book_library* other = library::overlapping(real, libraries))
    return bad("and the library " + other->name + " contain one another");
  if (std::optional<fs::path> calibre = calibre_above(root))
    return bad((*calibre == real ? "is a Calibre library" : "lies inside a Calibre library: " + shown_name(calibre->native())));
  if (std::optional<fs::path> calibre = calibre_below(root, own)) return holds_calibre(*calibre);
  return std::nullopt;
}

}  // namespace carrel::ingest
