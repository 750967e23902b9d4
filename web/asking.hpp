#pragma once
// Asking the metadata sources about one book, for somebody who waits for it (metadata-providers.md 8 and 11).

#include <optional>
#include <string>
#include <vector>

#include "server/core/config.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::web {

struct asking {
  bool possible = false;  // a source is switched on that can be asked
  bool under_way = false;
};
asking asking_about(db::tx&, const config&, const uuid& book);

// The job that stands for it; nothing when nobody can be asked. What the sources say waits among the candidates.
std::optional<uuid> ask_about(db::tx&, const config&, const uuid& book, const std::string& title, const uuid& user);

// The same for several, behind those for which somebody waits when they are many.
std::optional<uuid> ask_about_books(db::tx&, const config&, const std::vector<uuid>& books, const uuid& user);

}  // namespace carrel::web
