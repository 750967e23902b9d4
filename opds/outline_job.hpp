#pragma once
// Finds out how many pages comics have, as soon as they are in the library: feeds offer their streams then (opds.md 8.1).

#include <functional>
#include <string>
#include <vector>

#include "library/store.hpp"
#include "publication/isolated/pool.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::opds {

// How many were dealt with. Those that are gone from the store are marked so; of a library that is read in place they wait until
// its folder has been looked through.
int read_outlines(db::pool&, const library::store&, publication::isolated::pool&, const std::vector<std::string>& formats,
                  const std::function<bool()>& stopping, const std::function<void(int done)>& tell = nullptr);

void register_jobs(jobs::workers&, db::pool&, const library::store&, publication::isolated::pool&, const config&);
void register_schedule(jobs::schedule&, db::pool&, const config&);

}  // namespace carrel::opds
