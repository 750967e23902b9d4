#pragma once

#include <functional>

#include "ingest/settings.hpp"
#include "library/store.hpp"
#include "publication/isolated/pool.hpp"
#include "server/db/pool.hpp"

namespace carrel::ingest {

// The moments of ingest.md 4.1 and 4.3 at which a crash is tried in tests.
enum class step {
  probed,
  hashed,
  folder_made,
  in_staging,
  in_attic,
  placed,
  stored,
  source_gone,
  refused,
  in_quarantine,
  told,
  sidecar_gone
};

struct services {
  db::pool& pool;
  const library::store& store;
  publication::isolated::pool& inspectors;
  settings how;
  void (*reached)(step) = nullptr;                         // for tests
  std::function<void(db::tx&, const uuid& book)> added{};  // a book that is new, in the transaction that makes it

  void pass(step s) const {
    if (reached != nullptr) reached(s);
  }
};

}  // namespace carrel::ingest
