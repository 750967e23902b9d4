#pragma once
// A book and a source: the talk goes on from question to question, as far as the queue lets it. What was answered before comes
// from the cache, so a round that was broken off begins anew and loses nothing.

#include <string>

#include "ingest/sources/asker.hpp"
#include "ingest/sources/fetcher.hpp"
#include "ingest/sources/picture.hpp"
#include "ingest/sources/turn.hpp"
#include "ingest/sources/work_rows.hpp"

namespace carrel::ingest::sources {

struct round {
  const fetch_services& with;
  const library::source_plan& plan;
  const library::source& of;
  const std::string& key;  // "" without one
  const std::string& holder;
};

void run_round(const round&, const row_of_work&);
// The question of the page's test button: nothing is stored but how it went.
void run_test(const round&);

}  // namespace carrel::ingest::sources
