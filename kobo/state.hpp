#pragma once
// What all handlers of the storefront share. Internal to kobo/.

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "kobo/pass_through.hpp"
#include "kobo/routes.hpp"
#include "kobo/signals.hpp"
#include "kobo/sync.hpp"
#include "server/db/once.hpp"

namespace carrel::kobo {

struct keys {
  std::string tokens, devices;  // of sync tokens; of the hashes under which devices are known
};

// Which device showed a bearer last, so that it is written down only when that has changed.
class seen_bearers {
 public:
  bool is_new(const uuid& device, const std::string& hash);

 private:
  std::mutex mutex_;
  struct seen {
    uuid device;
    instant at{};
  };
  std::unordered_map<std::string, seen> last_;  // by hash
};

struct shared_state {
  explicit shared_state(services);

  services with;
  const sync_settings how;
  const std::uint64_t header_budget;       // bytes
  const bool unknown_annotations_missing;  // kobo.md 15, rule 3
  const bool furthest_usually;             // 10.5, rule 7
  const bool known_by_device;              // 15, who is calling: (3)

  db::once<keys> secrets;
  seen_bearers bearers;
  store_way store;
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

// How the request describes its reader; the device id with the account's key opens the owner's account at Kobo, so only its
// keyed hash is ever kept (3).
reader_facts reader_of(const http::request&, const keys&);
std::string device_hash_in(const http::request&, const keys&);  // of the body of auth/device; "" when it does not say

// What a request shows of books, written down after its answer (17.8).
void note_shown(shared_state&, const visit&, signal, std::vector<uuid> entitlements);

// On the device's page, without its token. Covers that were found are not worth a line.
void note_request(shared_state&, const http::context&, unsigned status, const std::string& why = {});

// What it shows as its bearer, never to be kept; and its hash. "" for nothing.
std::string_view bearer_text(const http::request&);
std::string shown_bearer(const http::request&);
// The device shows this bearer from now on; what a reader left under it before it was recognised becomes its own.
void claim_bearer(db::tx&, const uuid& device, const uuid& user, const std::string& hash);

// Our last answer of a sync with what the real store adds to it; ours alone when the store has nothing to say (6.6).
task<sync_answer> with_store(shared_state&, http::context&, const visit&, sync_answer ours);

// "/kobo/{token}/rest" -> token and "/rest".
std::pair<std::string_view, std::string_view> parts_of(std::string_view path);

// An entitlement or tag of a path; Kobos write them in either case.
std::optional<uuid> id_of(std::string_view text);
// Of a list separated by commas (9).
std::vector<uuid> ids_of(std::string_view text);

http::response answer(std::string json, unsigned status = 200);  // as 3 wants it
http::response sync_response(sync_answer);

// ---- handlers ----
task<http::response> show_initialization(shared_state&, http::context&);
task<http::response> show_sync(shared_state&, http::context&);
task<http::response> show_metadata(shared_state&, http::context&);
task<http::response> show_access(shared_state&, http::context&);
task<http::response> show_state(shared_state&, http::context&);
task<http::response> take_state(shared_state&, http::context&);
task<http::response> take_removal(shared_state&, http::context&);
task<http::response> take_new_collection(shared_state&, http::context&);
task<http::response> take_collection_name(shared_state&, http::context&);
task<http::response> take_collection_items(shared_state&, http::context&);
task<http::response> take_collection_losses(shared_state&, http::context&);
task<http::response> take_collection_end(shared_state&, http::context&);
task<http::response> show_inventory_changes(shared_state&, http::context&);
task<http::response> show_annotations(shared_state&, http::context&);
task<http::response> take_annotations(shared_state&, http::context&);
task<http::response> show_user_storage(shared_state&, http::context&);
task<http::response> show_notebooks(shared_state&, http::context&);
task<http::response> show_nothing(shared_state&, http::context&);  // at the root of the host
task<http::response> take_analytics(shared_state&, http::context&);
task<http::response> show_download(shared_state&, http::context&);
task<http::response> show_cover(shared_state&, http::context&);

}  // namespace carrel::kobo
