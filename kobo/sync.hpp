#pragma once
// One request of a library sync, from the token it shows to the items and the token of its answer (kobo.md 17.5). One transaction
// under the device's lock; the answer is written after the commit.

#include <string>

#include "kobo/envelopes.hpp"
#include "kobo/sessions.hpp"
#include "library/store.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

struct sync_settings {
  int page_size = 100;
  metadata_form form = metadata_form::container;
  bool guard = true;      // 17.2, against mass removal
  bool put_back = false;  // for devices whose owner has not chosen
  bool heal = true;       // 17.8, H3
  int heal_after_syncs = 3, heal_most = 20;
  retention keep{};
};

struct sync_request {
  uuid device, user;
  reader_facts reader;
  std::string token;  // as shown; "" none
  library::gate gate;
  device_base base;
};

struct sync_answer {
  std::string body;  // a JSON array
  std::string token;
  bool more = false;
};

sync_answer run_sync(db::tx&, const sync_request&, const sync_settings&, const library::store&, const std::string& key);

}  // namespace carrel::kobo
