#include "kobo/routes.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "kobo/identity.hpp"
#include "kobo/quiet.hpp"
#include "kobo/state.hpp"
#include "kobo/stubs.hpp"
#include "library/device.hpp"
#include "library/kobo_events.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

using http::context;
using http::response;
using http::verb;
using state = std::shared_ptr<shared_state>;

constexpr std::uint64_t largest_body = 8 << 20;  // the notes of a long life with a book

// What the device shows here it will show at the root too, where nothing else tells who it is (15).
void note_bearer(shared_state& s, const context& c) {
  std::string hash = shown_bearer(c.in);
  if (hash.empty() || !s.bearers.is_new(*c.who->device, hash)) return;
  auto done = [](const std::exception_ptr& failed) {
    if (failed) log::warn("kobo.bearer", {{"result", "not noted"}});
  };
  s.with.pool.enqueue(
      db::mode::write, std::nullopt,
      [device = *c.who->device, user = c.who->user, hash](db::tx& tx) { claim_bearer(tx, device, user, hash); }, done);
}

// An address with something behind it, as people write it by mistake: the device then asks for .../v1/library/sync/v1/... (2.2).
std::string hint_for(const context& c) {
  std::string_view path = c.in.path();
  std::size_t first = path.find("/v1/");
  bool twice = first != path.npos && path.find("/v1/", first + 4) != path.npos;
  return twice ? "The address in the reader's file has something behind its token." : "";
}

// Proxies drop an answer whose headers are too large, and the device shows a failed sync (3).
void watch_headers(const shared_state& s, const context& c, const response& r) {
  std::uint64_t size = 0;
  for (const auto& [name, value] : r.headers) size += name.size() + value.size() + 4;
  if (size > s.header_budget) log::warn("kobo.headers", {{"bytes", size}, {"id", c.request_id}});
}

task<response> noted(shared_state& s, context& c, const http::handler& next) {
  try {
    response r = co_await next(c);
    watch_headers(s, c, r);
    note_request(s, c, r.status, hint_for(c));
    co_return r;
  } catch (const http::problem& p) {
    note_request(s, c, p.status, p.message);
    throw;
  }
}

// Most requests are the sync of a device for which nothing is new: known together with its device, they need no further look.
task<std::optional<response>> nothing_new(shared_state& s, context& c) {
  auto [secret, path] = parts_of(c.in.path());
  std::string token(c.in.header("x-kobo-synctoken").value_or(""));
  std::optional<sync_token> at = claimed_token(token);
  if (c.in.method() != verb::get || path != "/v1/library/sync" || !at || !at->done) co_return std::nullopt;
  std::shared_ptr<const keys> key = co_await s.secrets.get();
  quiet_question in{.secret = library::kobo_secret_hash(secret),
                    .reader = reader_of(c.in, *key),
                    .token = token,
                    .at = *at,
                    .passthrough = s.store.usual};
  task<std::optional<library::secret_owner>> looking =
      s.with.pool.submit(db::mode::read, c.deadline, quiet_sync, std::move(in), key->tokens);
  std::optional<library::secret_owner> who = co_await std::move(looking);
  if (!who) co_return std::nullopt;
  c.who = s.with.credentials.accept(c, *who, "kobo");
  note_bearer(s, c);
  note_request(s, c, 200);
  co_return sync_response({.body = "[]", .token = std::move(token), .more = false});
}

task<response> admitted(shared_state& s, context& c, const http::handler& next) {
  task<std::optional<response>> trying = nothing_new(s, c);
  std::optional<response> quiet = co_await std::move(trying);
  if (quiet) co_return std::move(*quiet);
  std::string token(parts_of(c.in.path()).first);
  task<http::principal> asking = s.with.credentials.kobo(c, token);
  c.who = co_await std::move(asking);
  note_bearer(s, c);
  task<response> answering = noted(s, c, next);
  co_return co_await std::move(answering);
}

// Nothing is refused that is not known: a 4xx makes the device give up its sync (3).
task<response> show_stub(shared_state&, context& c) {
  std::string path;  // as routes are found: without doubled slashes and the last one
  for (const std::string& part : split(parts_of(c.in.path()).second, '/')) {
    if (!part.empty()) path += "/" + part;
  }
  response r = stub_answer(c.in, path);
  if (r.status == 200) r.set("Content-Type", "application/json; charset=utf-8");
  co_return r;
}

// What is given out is known again where the path token is lost (4.2).
task<device_tokens> tokens_for(shared_state& s, const context& c) {
  device_tokens made = new_tokens();
  std::string hash = library::bearer_secret_hash(made.access);
  task<> claiming = s.with.pool.write(claim_bearer, *c.who->device, c.who->user, std::move(hash));
  co_await std::move(claiming);
  co_return made;
}

// The device asks for its first token after a sign-in or a reset: what it holds may be gone (17.8, H1b).
void note_sign_in(db::tx& tx, const visit& v) {
  std::optional<kobo_row> k = find_row(tx, v.device, v.user, v.reader);
  if (k) library::note_event(tx, k->ids.row, library::event::signed_in);
}

task<response> show_tokens(shared_state& s, context& c) {
  if (asks_store(s, c)) {
    task<response> asking = tokens_of_store(s, c);
    co_return co_await std::move(asking);
  }
  task<device_tokens> minting = tokens_for(s, c);
  device_tokens made = co_await std::move(minting);
  co_return answer(device_auth_json(c.in, made));
}

task<response> show_device_auth(shared_state& s, context& c) {
  visit v = co_await enter(s, c);
  std::shared_ptr<const keys> secret = co_await s.secrets.get();
  if (v.reader.device_hash.empty()) v.reader.device_hash = device_hash_in(c.in, *secret);
  task<> noting = s.with.pool.write(note_sign_in, std::move(v));
  co_await std::move(noting);
  task<response> answering = show_tokens(s, c);
  co_return co_await std::move(answering);
}

task<response> show_oauth_token(shared_state& s, context& c) {
  // One of ours would shut the reader out of the store; it asks the store when it has our new map.
  if (asks_store(s, c)) throw http::problem{503, "tokens are the store's", "store"};
  task<device_tokens> minting = tokens_for(s, c);
  device_tokens made = co_await std::move(minting);
  co_return answer(oauth_token_json(made));
}

task<response> show_authorize(context& c) { co_return authorized(c.in); }
task<response> show_userinfo(context&) { co_return answer(R"({"sub":"00000000-0000-4000-8000-000000000001"})"); }
task<response> show_jwks(context&) { co_return answer(R"({"keys":[]})"); }

task<response> show_discovery(shared_state& s, context& c) {
  visit v = co_await enter(s, c);
  if (asks_store(s, c)) co_return http::redirect(s.store.at.accounts + "/.well-known/openid-configuration", 307);
  co_return answer(discovery_json(v.base.text));
}

task<response> switched_off(context&) {
  throw http::problem{403, "", "off"};
  co_return response{};
}

task<response> refuse_all_tags(context&) {
  throw http::problem{405, "", "tags"};
  co_return response{};
}

// Appendix D: what is wrong with the request itself is told by its status, anything else is an empty answer.
response render(const context& c, const http::problem& p) {
  bool own = p.code == "gone" || p.code == "tags" || p.code == "tag";
  // A body that was not read is not said to have been kept.
  bool unread = p.status == 413 && c.in.path().ends_with("/annotations");
  bool told = p.status == 401 || p.status == 403 || unread || p.status >= 500 || own;
  bool late = p.status == 504;  // the database hangs, which to a device is the same as gone
  response r = answer("{}", late ? 503 : told ? p.status : 200);
  for (const auto& [name, value] : p.headers) r.set(name, value);
  if (r.status == 503) r.set("Retry-After", "60");
  return r;
}

// What cannot be a token is refused like a wrong one, also where the path is such that nobody could look.
response render_shop(const context& c, const http::problem& p) {
  std::string_view token = parts_of(c.in.path()).first;
  bool possible = std::all_of(token.begin(), token.end(), [](unsigned char letter) { return std::isalnum(letter) != 0; });
  return c.who || possible || p.status >= 500 ? render(c, p) : answer("{}", 401);
}

using own_handler = task<response> (*)(shared_state&, context&);

// What is not about something of ours is the store's, for devices that ask there; and ours again when the store has no answer.
task<response> store_or_ours(shared_state& s, context& c, own_handler ours) {
  task<std::optional<response>> asking = from_store(s, c);
  std::optional<response> there = co_await std::move(asking);
  if (there) co_return std::move(*there);
  task<response> answering = ours(s, c);
  co_return co_await std::move(answering);
}

struct adder {
  http::router& to;
  state s;
  std::string prefix = "/{token}";

  void add(verb v, const std::string& path, own_handler run) const {
    to.add(
        v, prefix + path, [s = s, run](context& c) { return run(*s, c); }, options());
  }
  void add_shared(verb v, const std::string& path, own_handler run) const {
    to.add(
        v, prefix + path, [s = s, run](context& c) { return store_or_ours(*s, c, run); }, options());
  }
  void add(verb v, const std::string& path, task<response> (*run)(context&)) const { to.add(v, prefix + path, run, options()); }

  http::route_options options() const { return {.body_limit = largest_body, .budget = s->with.budget}; }
};

// Below a device's own address and at the root of the host (15).
void add_reading_services(const adder& content, const adder& storage, const adder& notebooks) {
  content.add(verb::post, "/checkforchanges", show_inventory_changes);
  content.add(verb::get, "/{id}/annotations", show_annotations);
  content.add(verb::patch, "/{id}/annotations", take_annotations);
  storage.add(verb::get, "/Metadata", show_user_storage);
  for (verb v : {verb::get, verb::post, verb::put, verb::del}) notebooks.add(v, "/{rest...}", show_notebooks);
}

}  // namespace

api::api(services s) : state_(std::make_shared<shared_state>(std::move(s))) {}

void api::mount(http::router& root) {
  state s = state_;
  http::router& shop = root.group("/kobo", render_shop);
  if (!s->with.settings.on("kobo.enabled")) {
    shop.otherwise(switched_off);
    return;
  }
  shop.use([s](context& c, const http::handler& next) { return admitted(*s, c, next); });
  shop.otherwise([s](context& c) { return store_or_ours(*s, c, show_stub); });
  adder to{shop, s};
  auto at_root = [&](const char* path) -> http::router& {
    http::router& group = root.group(path, render);
    group.use([s](context& c, const http::handler& next) { return noted(*s, c, next); });
    group.otherwise([s](context& c) { return show_nothing(*s, c); });
    return group;
  };

  to.add(verb::get, "/v1/initialization", show_initialization);
  to.add(verb::post, "/v1/auth/device", show_device_auth);
  for (const char* path : {"/v1/auth/refresh", "/v1/auth/exchange", "/v1/auth/rakuten_token_exchange"})
    to.add(verb::post, path, show_tokens);
  to.add(verb::get, "/oauth/.well-known/openid-configuration", show_discovery);
  to.add(verb::get, "/oauth/authorize", show_authorize);
  to.add(verb::get, "/oauth/userinfo", show_userinfo);
  to.add(verb::get, "/oauth/jwks", show_jwks);
  for (verb v : {verb::get, verb::post}) to.add(v, "/oauth/{rest...}", show_oauth_token);

  add_reading_services({shop, s, "/{token}/api/v3/content"}, {shop, s, "/{token}/api/UserStorage"},
                       {shop, s, "/{token}/api/internal/notebooks"});
  add_reading_services({at_root("/api/v3/content"), s, ""}, {at_root("/api/UserStorage"), s, ""},
                       {at_root("/api/internal/notebooks"), s, ""});

  to.add(verb::post, "/v1/analytics/event", take_analytics);
  to.add(verb::get, "/v1/library/sync", show_sync);
  to.add_shared(verb::get, "/v1/library/{ids}/metadata", show_metadata);
  to.add_shared(verb::get, "/v1/products/books/{id}/access", show_access);
  to.add_shared(verb::get, "/v1/library/{ids}/state", show_state);
  to.add_shared(verb::put, "/v1/library/{ids}/state", take_state);
  to.add(verb::post, "/v1/library/tags", take_new_collection);
  to.add(verb::del, "/v1/library/tags", refuse_all_tags);
  to.add_shared(verb::put, "/v1/library/tags/{tag}", take_collection_name);
  to.add_shared(verb::del, "/v1/library/tags/{tag}", take_collection_end);
  for (const char* items : {"items", "Items"}) {  // devices write both
    to.add(verb::post, std::string("/v1/library/tags/{tag}/") + items, take_collection_items);
    to.add(verb::post, std::string("/v1/library/tags/{tag}/") + items + "/delete", take_collection_losses);
  }
  to.add_shared(verb::del, "/v1/library/{ids}", take_removal);
  for (verb v : {verb::get, verb::post, verb::put}) to.add_shared(v, "/v1/library/{ids}", show_stub);

  to.add(verb::get, "/download/{id}/{hash}/{name}", show_download);
  to.add(verb::get, "/covers/{image}/{width}/{height}/{grey}/image.jpg", show_cover);
  to.add(verb::get, "/covers/{image}/{width}/{height}/{quality}/{grey}/image.jpg", show_cover);
}

}  // namespace carrel::kobo
