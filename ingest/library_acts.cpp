#include "ingest/library_acts.hpp"

#include <unistd.h>

#include "ingest/in_place.hpp"
#include "ingest/organise.hpp"
#include "library/library_root.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

constexpr std::size_t longest_name = 100;

constexpr db::statement sql_again{"ingest.read_place_again", R"sql(
  update library_files set state = 'waiting', read_at = null, dismissed_at = null
   where id = $1 and state = 'refused' and code not in ('folder_unavailable', 'folder_too_deep') returning library_id)sql"};

error name_taken(const std::string& name) { return {"library.name_taken", "There is a library called " + name + " already."}; }

std::optional<error> check_words(const library::library_wish& w) {
  if (trim(w.name).empty() || w.name.size() > longest_name || !valid_utf8(w.name))
    return error{"library.no_name", "The name has 1 to 100 letters."};
  if (uuid::parse(w.name)) return error{"library.no_name", "The name must not look like an id."};
  if (!w.managed) return std::nullopt;
  result<path_pattern> p = path_pattern::parse(w.pattern);
  return p ? std::nullopt : std::optional(error{"library.pattern", "The pattern: " + p.error().reason + "."});
}

}  // namespace

result<library::foreseen_library> foresee_library(const services& s, const library::library_wish& w, std::chrono::seconds most) {
  if (std::optional<error> bad = check_words(w)) return *bad;
  std::vector<library::book_library> others = s.pool.read_now(library::libraries);
  for (const library::book_library& l : others) {
    if (equal_ascii_case(l.name, w.name)) return name_taken(w.name);
  }
  library::root_rules rules{.files = s.store, .allowed = s.how.roots, .drop_dir = s.how.drop_dir, .others = others};
  result<std::filesystem::path> root = library::check_root(w.folder, rules);
  if (!root) return root.error();
  if (w.managed && ::access(root->c_str(), W_OK) != 0)
    return error{"library.not_writable", root->native() + " cannot be written by this user."};
  std::string program = library::other_program(*root);
  if (!program.empty() && !w.sure) {
    std::string advice = program == "Calibre" ? " `carrel import calibre` copies its books with all that Calibre knows." : "";
    return error{"library.other_program", root->native() + " looks like the library of " + program +
                                              ", which may change files under Carrel. Say --yes if that is meant." + advice};
  }
  return library::foreseen_library{.root = root->native(), .preview = preview_folder(s, *root, most)};
}

result<made_library> add_library(const services& s, const library::library_wish& w, std::chrono::seconds most,
                                 const library::actor& who) {
  result<library::foreseen_library> seen = foresee_library(s, w, most);
  if (!seen) return seen.error();
  made_library out{.id = {}, .job = {}, .foreseen = std::move(*seen)};
  try {
    s.pool.write_now([&](db::tx& tx) {
      out.id = library::add_library(tx, w.name, w.managed ? "managed" : "in_place", out.foreseen.root, w.managed ? w.pattern : "",
                                    who);
      if (w.managed && w.takes_new) library::set_takes_new(tx, out.id, who);
      library::book_library l = *library::find_library(tx, out.id);
      out.job = w.managed ? enqueue_organise(tx, l, who.user) : enqueue_scan(tx, l, false, who.user);
    });
  } catch (const db::unique_violation&) {
    return name_taken(w.name);
  }
  if (std::optional<error> bad = link_trees(s)) return *bad;
  return out;
}

std::optional<uuid> start_library_job(db::tx& tx, const uuid& library, const std::string& kind, const std::optional<uuid>& user) {
  std::optional<library::book_library> l = library::find_library(tx, library);
  if (l && kind == "scan" && l->in_place()) return enqueue_scan(tx, *l, false, user);
  if (l && kind == "verify") return enqueue_verify(tx, *l, user);
  return std::nullopt;
}

result<library::pattern_preview> foresee_pattern(const services& s, const uuid& library, const std::string& pattern,
                                                 std::size_t most) {
  result<path_pattern> p = path_pattern::parse(pattern);
  if (!p) return error{"library.pattern", "The pattern: " + p.error().reason + "."};
  std::optional<library::book_library> l = s.pool.read_now([&](db::tx& tx) { return library::find_library(tx, library); });
  if (!l || !l->is_tree()) return error{"library.no_tree", "This is no tree whose files Carrel names."};
  return preview_pattern(s, *l, *p, most);
}

result<uuid> set_pattern(const services& s, const uuid& library, const std::string& pattern, const library::actor& who) {
  if (result<library::pattern_preview> fine = foresee_pattern(s, library, pattern, 0); !fine) return fine.error();
  return s.pool.write_now([&](db::tx& tx) {
    library::set_pattern(tx, library, pattern, who);
    return enqueue_organise(tx, *library::find_library(tx, library), who.user);
  });
}

bool read_again(db::tx& tx, const uuid& place) {
  db::rows rows = tx.run(sql_again, place);
  if (rows.empty()) return false;
  std::optional<library::book_library> l = library::find_library(tx, rows[0].id(0));
  if (l) enqueue_scan(tx, *l, false);
  return l.has_value();
}

}  // namespace carrel::ingest
