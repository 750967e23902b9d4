#pragma once

#include <string>
#include <vector>

#include "ingest/item_lock.hpp"
#include "server/db/pool.hpp"

namespace carrel::ingest {

// Jobs for items that were interrupted, whoever began them, and for failed ones whose time has come (4.4: the pipeline looks at
// what is true and goes on). At start every open item counts, and every file in quarantine that an older extractor refused; later
// only open ones that nobody has touched for two minutes. An item that somebody works on is safe: its job finds the lock taken.
// How many jobs.
int enqueue_unfinished(db::tx&, bool at_start);

// Items on their way, or with a source left to see to, whose process has ended: a command holds the lock of its batch as long as
// it lives, and everything else is a service's. `claims` keeps other commands away from them.
struct abandoned_item {
  uuid id;
  std::optional<uuid> group;
  std::string path;  // bytes; of an upload its name
};
struct abandoned {
  std::vector<abandoned_item> items;
  std::vector<item_lock> claims;
};
abandoned find_abandoned(db::pool&, const library::store&);

}  // namespace carrel::ingest
