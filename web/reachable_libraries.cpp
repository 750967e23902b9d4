#include "web/reachable_libraries.hpp"

#include <algorithm>

#include "library/user.hpp"

namespace carrel::web {

std::vector<library::book_library> reachable_libraries(db::tx& tx, const uuid& viewer) {
  std::vector<library::book_library> out = library::libraries(tx);
  std::optional<std::vector<uuid>> allowed = library::limits_of(tx, viewer).libraries;
  if (allowed)
    std::erase_if(
        out, [&](const library::book_library& l) { return std::find(allowed->begin(), allowed->end(), l.id) == allowed->end(); });
  return out;
}

std::optional<library::book_library> reachable_library(db::tx& tx, const uuid& viewer, const uuid& id) {
  for (library::book_library& l : reachable_libraries(tx, viewer)) {
    if (l.id == id) return std::move(l);
  }
  return std::nullopt;
}

bool remove_reachable_library(db::tx& tx, const uuid& viewer, const uuid& id, const library::actor& who) {
  std::optional<library::book_library> l = reachable_library(tx, viewer, id);
  if (!l || l->root.empty()) return false;
  library::remove_library(tx, id, who);
  return true;
}

}  // namespace carrel::web
