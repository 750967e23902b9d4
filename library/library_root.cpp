#include "library/library_root.hpp"

#include <unistd.h>

#include <array>
#include <utility>

#include "server/core/text.hpp"

namespace carrel::library {
namespace {

namespace fs = std::filesystem;

// Equal, or below it.
bool within(const fs::path& p, const fs::path& folder) {
  std::string base = folder.native();
  while (base.size() > 1 && base.ends_with('/')) base.pop_back();
  return p.native() == base || p.native().starts_with(base == "/" ? base : base + "/");
}

fs::path real(const fs::path& p) {
  std::error_code code;
  fs::path out = fs::weakly_canonical(p, code);
  return code ? p.lexically_normal() : out;
}

bool overlap(const fs::path& a, const fs::path& b) { return within(a, b) || within(b, a); }

std::string names_of(const std::vector<fs::path>& all) {
  std::vector<std::string> out;
  for (const fs::path& p : all) out.push_back(p.native());
  return join(out, ", ");
}

}  // namespace

result<fs::path> check_root(const fs::path& given, const root_rules& rules) {
  std::error_code code;
  fs::path root = fs::canonical(given, code);
  if (code || !fs::is_directory(root, code)) return error{"library.no_folder", "There is no folder " + given.string() + "."};
  if (::access(root.c_str(), R_OK | X_OK) != 0)
    return error{"library.no_folder", root.native() + " cannot be read by this user."};
  if (!valid_utf8(root.native())) return error{"library.not_utf8", "The name of the folder is not UTF-8."};
  bool allowed = false;
  for (const fs::path& place : rules.allowed) allowed |= within(root, real(place));
  if (!allowed) {
    return error{"library.outside_roots", root.native() + " lies outside the places for libraries (" + names_of(rules.allowed) +
                                              "). Add its place to the setting library.roots."};
  }
  fs::path data = real(rules.files.data());
  if (within(data, root)) return error{"library.own_folder", root.native() + " contains Carrel's own data."};
  for (const char* own : {"staging", "library", "attic", "quarantine", "trash", "covers", "pg", "trees", "drop"}) {
    if (overlap(root, data / own)) return error{"library.own_folder", root.native() + " belongs to Carrel's own data."};
  }
  if (overlap(root, real(rules.files.cache()))) return error{"library.own_folder", root.native() + " belongs to Carrel's cache."};
  if (overlap(root, real(rules.drop_dir)))
    return error{"library.own_folder", root.native() + " and the drop folder contain one another."};
  if (const book_library* other = overlapping(root, rules.others))
    return error{"library.overlaps", root.native() + " and the library " + other->name + " contain one another."};
  return root;
}

const book_library* overlapping(const fs::path& root, const std::vector<book_library>& all) {
  for (const book_library& other : all) {
    if (!other.root.empty() && overlap(root, real(other.root))) return &other;
  }
  return nullptr;
}

std::string other_program(const fs::path& root) {
  static constexpr std::array<std::pair<const char*, const char*>, 9> marks{{{"metadata.db", "Calibre"},
                                                                             {".kobo", "a Kobo"},
                                                                             {"absdatabase.sqlite", "Audiobookshelf"},
                                                                             {"config/absdatabase.sqlite", "Audiobookshelf"},
                                                                             {"database.sqlite", "Komga"},
                                                                             {"config/kavita.db", "Kavita"},
                                                                             {"kavita.db", "Kavita"},
                                                                             {"app.db", "Calibre-Web"},
                                                                             {".adobe-digital-editions", "an e-reader"}}};
  std::error_code code;
  for (const auto& [name, program] : marks) {
    if (fs::exists(fs::symlink_status(root / name, code))) return program;
  }
  return "";
}

}  // namespace carrel::library
