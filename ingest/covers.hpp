#pragma once

#include <string>
#include <vector>

#include "ingest/services.hpp"
#include "library/book.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest {

// Cuts the larger renditions (600 for pages, 1600 for feeds, 355 by 530 for the lists of Kobos; opds.md 5.9, 19.4) of all covers
// that lack them, newest first, so that no request has to wait for one. Their masters have been decoded in an inspector before.
// How many were cut.
int cut_renditions(const services&, carrel::jobs::progress&);

// Picture and thumbnails into the store; the row is the caller's. `source` is where it comes from: embedded, calibre.
result<library::new_cover> store_cover(const services&, const publication::cover_image&,
                                       const std::vector<publication::isolated::thumbnail>&, const std::string& source);

// When the newest cover came; what the schedule compares.
std::optional<instant> newest_cover(db::tx&);

}  // namespace carrel::ingest
