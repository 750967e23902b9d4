#pragma once
// What all handlers share. Internal to opds.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "library/choices.hpp"
#include "library/cover_lookup.hpp"
#include "library/position.hpp"
#include "opds/addresses.hpp"
#include "opds/cross_origin.hpp"
#include "opds/download_slots.hpp"
#include "opds/feed_model.hpp"
#include "opds/fetched_parts.hpp"
#include "opds/page_cache.hpp"
#include "opds/recent_cache.hpp"
#include "opds/routes.hpp"
#include "publication/outline.hpp"
#include "server/db/batcher.hpp"
#include "server/db/once.hpp"

namespace carrel::opds {

// Who this installation is; the same in every process and never changed.
struct identity {
  uuid instance;
  std::string cover_key;
};

struct shared_state {
  explicit shared_state(services);

  services with;
  recent_cache<std::string> bodies;
  recent_cache<entry_text> entries;                 // through entry_shelf
  recent_cache<library::choices> choices{1 << 20};  // through choices_for
  const int page_size;                              // opds.page_size within 5 to 200
  const std::int64_t sign_for;                      // seconds of a signature window, 0 off
  const instant started;
  const origins web_apps;  // opds.cors_origins
  download_slots downloads{6};
  fetched_parts parts{2000};
  db::batcher<library::cover_question, std::optional<library::cover_ref>> covers;

  // Books read piece by piece (outlines.hpp, streaming.hpp).
  static constexpr int most_pages_waiting = 200;
  recent_cache<publication::outline> outlines;
  page_cache pages;
  std::atomic<int> pages_waiting = 0;
  const std::vector<std::string> streamed;               // formats with a stream
  const bool draws_pdf, counts_pages, offers_manifests;  // opds.pdf_pages, opds.stream_positions, opds.manifests
  const bool shows_popular;                              // opds.popular
  const library::put_policy policy;
  auth::cpu_pool readers;  // threads that wait for isolated processes; last, so that they end first

  // Whether it asks for the profile of opds.md 15.1 (setting opds.profiles).
  bool is_koreader(const http::request&) const;

  task<std::shared_ptr<const identity>> who_we_are() { return identity_.get(); }

 private:
  const bool profiles_;
  db::once<identity> identity_;
};

}  // namespace carrel::opds
