#pragma once
// What of libraries needs a person's eye (product.md 4.9: missing or changed files), for the page and for the API.

#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::web {

struct away_folder {
  uuid library;
  std::string name, root, code;
  instant since{};
};
// In a folder that is read in place, and no book.
struct unread_place {
  uuid id, library;
  std::string library_name, name, code, detail;
  instant since{};
};
struct damaged_file {
  uuid file, book;
  std::string title, name;
  instant since{};
};
struct unmoved_book {
  uuid book;
  std::string title, problem, path = {};
  instant since{};
};

struct library_errata {
  std::vector<away_folder> folders;
  std::vector<unread_place> places;
  std::vector<damaged_file> damaged;
  std::vector<unmoved_book> unmoved, unwritten;  // files that could not be moved; that could not be written, or beside which
};
library_errata load_library_errata(db::tx&, const uuid& viewer, int most);

// Of one library, in the order of their paths, after a place.
std::vector<unread_place> unread_places(db::tx&, const uuid& library, const std::optional<uuid>& after, int most);
// False when there is no such place that the account may see.
bool sees_place(db::tx&, const uuid& viewer, const uuid& place);
bool set_place_dismissed(db::tx&, const uuid& viewer, const uuid& place, bool dismissed);

}  // namespace carrel::web
