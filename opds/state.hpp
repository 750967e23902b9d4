#pragma once
// What all handlers share. Internal to opds.

#include <memory>
#include <string>

#include "library/choices.hpp"
#include "opds/addresses.hpp"
#include "opds/cross_origin.hpp"
#include "opds/download_slots.hpp"
#include "opds/feed_model.hpp"
#include "opds/recent_cache.hpp"
#include "opds/routes.hpp"
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

  // Whether it asks for the profile of opds.md 15.1 (setting opds.profiles).
  bool is_koreader(const http::request&) const;

  task<std::shared_ptr<const identity>> who_we_are() { return identity_.get(); }

 private:
  const bool profiles_;
  db::once<identity> identity_;
};

}  // namespace carrel::opds
