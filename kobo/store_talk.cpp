// Requests to the real store that are not simply handed on: where our answer and the store's are parts of one, or where only a
// part of a request may leave (kobo.md 4.3, 13 to 16).
#include <algorithm>

#include "kobo/annotations.hpp"
#include "kobo/identity.hpp"
#include "kobo/state.hpp"
#include "library/device.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

using http::client_answer;
using http::response;

constexpr std::size_t longest_image = 200;  // no more fits into a head that every reader takes (3)

// What our readers hold is nobody's business there, and neither are names of files that were put on the reader by hand.
struct split_items {
  json::array foreign;
  bool own = false;
};

std::optional<uuid> item_id(const json::value& v) {
  std::string text;
  bool named = v.as_object() != nullptr && v.as_object()->take("RevisionId", text);
  return named ? id_of(text) : std::nullopt;
}

split_items split(const json::array& items, const std::unordered_set<uuid>& ours) {
  split_items out;
  for (const json::value& v : items) {
    std::optional<uuid> id = item_id(v);
    if (id && ours.contains(*id))
      out.own = true;
    else if (id)
      out.foreign.push_back(v);
  }
  return out;
}

// The events that name nothing of ours.
json::array foreign_events(db::tx& tx, const uuid& user, const json::array& events) {
  std::vector<uuid> all;
  std::vector<std::optional<std::vector<uuid>>> named;
  for (const json::value& e : events) {
    named.push_back(ids_within(json::dump(e)));
    if (named.back()) all.insert(all.end(), named.back()->begin(), named.back()->end());
  }
  std::unordered_set<uuid> ours = ours_among(tx, user, all);
  json::array out;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& ids = named[i];
    if (ids && std::none_of(ids->begin(), ids->end(), [&](const uuid& id) { return ours.contains(id); }))
      out.push_back(events[i]);
  }
  return out;
}

std::string side_of(const http::request& in, std::string_view name, std::int64_t usual) {
  return std::to_string(std::clamp<std::int64_t>(to_integer(in.param(name)).value_or(usual), 1, 4096));
}

bool is_refresh(const http::request& in) {
  std::string_view path = in.path();
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.ends_with("/refresh");
}

// The store is away. Tokens of ours would shut the reader out of it for good, so it keeps those that it has.
std::optional<device_tokens> shown_tokens(const http::request& in) {
  device_tokens out{.access = std::string(bearer_text(in)), .refresh = ""};
  if (result<json::object> body = json::read_object(in.body())) body->take("RefreshToken", out.refresh);
  return !is_refresh(in) || out.access.empty() || out.refresh.empty() ? std::nullopt : std::optional(std::move(out));
}

std::vector<std::string> texts_of(std::string_view body) {
  std::vector<std::string> out;
  result<json::value, json::failure> all = json::parse(body);
  if (!all || all->as_array() == nullptr) return out;
  for (const json::value& v : *all->as_array()) {
    if (v.as_text() != nullptr) out.push_back(*v.as_text());
  }
  return out;
}

}  // namespace

// Our own map is the answer even where the store has one: it is the same at every call, and the store's can hold more than
// addresses. So nothing of the store's map has to be looked at; what counts is whether it still knows the device.
task<std::optional<response>> refused_by_store(shared_state& s, http::context& c) {
  std::optional<store_call> call = call_from(c);
  if (!call || s.store.away(store_host::api)) co_return std::nullopt;
  task<std::optional<client_answer>> asking = ask_store(s, std::move(*call), store_patience);
  std::optional<client_answer> there = co_await std::move(asking);
  if (!there || there->status != 401) co_return std::nullopt;
  co_return relayed(*there);
}

task<response> tokens_of_store(shared_state& s, http::context& c) {
  std::optional<device_tokens> kept = shown_tokens(c.in);
  std::optional<client_answer> there;
  std::optional<store_call> call = call_from(c);
  if (call && !(kept && s.store.away(call->to))) {
    task<std::optional<client_answer>> asking = ask_store(s, std::move(*call), kept ? store_patience : store_time);
    there = co_await std::move(asking);
  }
  bool redirected = there && there->status >= 300 && there->status < 400;
  if (!there || redirected) {
    if (!kept) throw http::problem{503, "the store does not answer", "store"};
    co_return answer(device_auth_json(c.in, *kept));
  }
  std::string access;
  if (result<json::object> body = json::read_object(there->body)) body->take("AccessToken", access);
  if (there->status == 200 && !access.empty()) {
    std::string hash = library::bearer_secret_hash(access);
    task<> claiming = s.with.pool.write(claim_bearer, *c.who->device, c.who->user, std::move(hash));
    co_await std::move(claiming);
  }
  co_return relayed(*there);
}

// A list of the store's books is the store's. One of both is made in both places, each with its own part (16.2).
task<std::optional<response>> collection_of_store(shared_state& s, http::context& c, std::optional<uuid> tag) {
  result<json::object> sent = json::read_object(c.in.body());
  const json::value* items = sent ? sent->find("Items") : nullptr;
  std::optional<store_call> call = call_from(c);
  std::optional<std::vector<uuid>> ids = ids_within(c.in.body());
  if (!call || !ids || items == nullptr || items->as_array() == nullptr) co_return std::nullopt;
  if (tag) ids->push_back(*tag);
  std::unordered_set<uuid> ours = co_await s.with.pool.read(ours_among, c.who->user, *ids);
  split_items parts = split(*items->as_array(), ours);
  if (parts.foreign.empty() || (tag && ours.contains(*tag))) co_return std::nullopt;
  sent->set("Items", std::move(parts.foreign));
  call->body = json::dump(*sent);
  if (parts.own && !tag) {
    tell_store(s, std::move(*call));
    co_return std::nullopt;
  }
  task<std::optional<response>> asking = answer_of_store(s, std::move(*call));
  co_return co_await std::move(asking);
}

task<std::optional<response>> cover_of_store(shared_state& s, http::context& c, std::optional<uuid> book) {
  std::string image(c.in.param("image"));
  if (!asks_store(s, c) || image.size() > longest_image || holds_token(c, image)) co_return std::nullopt;
  if (book) {
    std::vector<uuid> asked{*book};
    std::unordered_set<uuid> ours = co_await s.with.pool.read(ours_among, c.who->user, asked);
    if (!ours.empty()) co_return std::nullopt;
  }
  std::string to = s.store.at.covers + "/" + percent_encode(image);
  to += "/" + side_of(c.in, "width", 355) + "/" + side_of(c.in, "height", 530);
  response r = http::redirect(to + "/false/image.jpg", 307);
  r.set("Referrer-Policy", "no-referrer");
  co_return r;
}

task<> hand_on_events(shared_state& s, http::context& c) {
  result<json::object> sent = json::read_object(c.in.body());
  const json::value* events = sent ? sent->find("Events") : nullptr;
  if (events == nullptr || events->as_array() == nullptr) co_return;
  json::array all = *events->as_array();
  std::erase_if(all, [&](const json::value& e) { return holds_token(c, json::dump(e)); });
  json::array left = co_await s.with.pool.read(foreign_events, c.who->user, std::move(all));
  if (left.empty()) co_return;
  sent->set("Events", std::move(left));
  std::optional<store_call> call = call_from(c, json::dump(*sent));
  if (call) tell_store(s, std::move(*call));
}

task<std::vector<std::string>> changes_at_store(shared_state& s, http::context& c) {
  std::vector<std::string> named;
  std::optional<store_call> call = call_from(c);
  std::vector<inventory_entry> held = read_inventory(c.in.body());
  std::vector<uuid> ids;
  ids.reserve(held.size());
  for (const inventory_entry& e : held) ids.push_back(e.entitlement);
  if (!call || held.empty() || s.store.away(call->to)) co_return named;
  std::unordered_set<uuid> ours = co_await s.with.pool.read(ours_among, c.who->user, ids);
  json::array foreign;
  std::unordered_set<uuid> asked;
  for (const inventory_entry& e : held) {
    if (ours.contains(e.entitlement)) continue;
    foreign.push_back(json::object{{"ContentId", e.spelled}, {"etag", e.etag}});
    asked.insert(e.entitlement);
  }
  if (foreign.empty()) co_return named;
  call->body = json::dump(foreign);
  task<std::optional<client_answer>> asking = ask_store(s, std::move(*call), store_patience);
  std::optional<client_answer> there = co_await std::move(asking);
  if (!there || there->status != 200) co_return named;
  for (std::string& text : texts_of(there->body)) {
    std::optional<uuid> id = id_of(text);
    if (id && asked.contains(*id)) named.push_back(std::move(text));
  }
  co_return named;
}

}  // namespace carrel::kobo
