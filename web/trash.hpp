#pragma once
// Books in the trash, as curators see them. visible_books() leaves them out, so their limits are applied here.

#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::web {

struct trashed_book {
  uuid id;
  std::string title, author;
  instant at{};
};

// Latest first, after the given one.
std::vector<trashed_book> trashed_books(db::tx&, const uuid& viewer, const std::optional<uuid>& after, int most);
std::optional<trashed_book> find_trashed(db::tx&, const uuid& viewer, const uuid& book);

}  // namespace carrel::web
