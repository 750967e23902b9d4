#pragma once
// What all handlers of the storefront share. Internal to kobo/.

#include <memory>
#include <string>

#include "kobo/routes.hpp"
#include "kobo/sync.hpp"
#include "server/db/once.hpp"

namespace carrel::kobo {

struct keys {
  std::string tokens, devices;  // of sync tokens; of the hashes under which devices are known
};

struct shared_state {
  explicit shared_state(services);

  services with;
  const sync_settings how;

  db::once<keys> secrets;
};

// One request of a device that was let in by its token.
struct visit {
  uuid device, user;
  reader_facts reader;
  device_base base;
  std::string origin;  // scheme and host alone
  library::gate gate;
};
task<visit> enter(shared_state&, http::context&);

// An entitlement or tag of a path; Kobos write them in either case.
std::optional<uuid> id_of(std::string_view text);
// Of a list separated by commas (9).
std::vector<uuid> ids_of(std::string_view text);

http::response answer(std::string json, unsigned status = 200);  // as 3 wants it

// ---- handlers ----
task<http::response> show_initialization(shared_state&, http::context&);
task<http::response> show_sync(shared_state&, http::context&);
task<http::response> show_metadata(shared_state&, http::context&);
task<http::response> show_state(shared_state&, http::context&);
task<http::response> take_state(shared_state&, http::context&);
task<http::response> take_removal(shared_state&, http::context&);
task<http::response> show_download(shared_state&, http::context&);
task<http::response> show_cover(shared_state&, http::context&);

}  // namespace carrel::kobo
