// What a device asks of its collections, which it calls tags (kobo.md 11). Only one that has no name is refused; of what is not
// known here everything is accepted, because a refusal would be repeated at every sync.
#include "kobo/collections.hpp"
#include "kobo/state.hpp"

namespace carrel::kobo {
namespace {

uuid create(db::tx& tx, const visit& v, const sent_collection& sent) {
  return create_collection(tx, lock_row(tx, v.device, v.user, v.reader), sent);
}
void rename(db::tx& tx, const visit& v, const uuid& tag, const std::string& name) {
  rename_collection(tx, lock_row(tx, v.device, v.user, v.reader), tag, name);
}
void change(db::tx& tx, const visit& v, const uuid& tag, const std::vector<uuid>& entitlements, bool add) {
  change_collection(tx, lock_row(tx, v.device, v.user, v.reader), tag, entitlements, add);
}
void end(db::tx& tx, const visit& v, const uuid& tag) { delete_collection(tx, lock_row(tx, v.device, v.user, v.reader), tag); }

// What the store answers to a request about a collection of its own, or about its own part of one.
task<std::optional<http::response>> store_answer(shared_state& s, http::context& c, std::optional<uuid> tag) {
  if (!asks_store(s, c)) co_return std::nullopt;
  task<std::optional<http::response>> asking = collection_of_store(s, c, tag);
  co_return co_await std::move(asking);
}

task<http::response> take_items(shared_state& s, http::context& c, bool add) {
  visit v = co_await enter(s, c);
  std::optional<uuid> tag = id_of(c.in.param("tag"));
  task<std::optional<http::response>> asking = store_answer(s, c, tag);
  std::optional<http::response> there = co_await std::move(asking);
  if (there) co_return std::move(*there);
  std::optional<sent_collection> sent = read_collection(c.in.body());
  if (tag && sent) {
    task<void> changing = s.with.pool.write(change, std::move(v), *tag, std::move(sent->entitlements), add);
    co_await std::move(changing);
  }
  co_return http::empty(add ? 201 : 200);
}

}  // namespace

task<http::response> take_new_collection(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::optional<sent_collection> sent = read_collection(c.in.body());
  if (!sent || !sent->name) throw http::problem{400, "", "tag"};
  task<std::optional<http::response>> asking = store_answer(s, c, std::nullopt);
  std::optional<http::response> there = co_await std::move(asking);
  if (there) co_return std::move(*there);
  uuid id = co_await s.with.pool.write(create, std::move(v), std::move(*sent));
  co_return answer(json::dump(id.text()), 201);
}

task<http::response> take_collection_name(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::optional<uuid> tag = id_of(c.in.param("tag"));
  std::optional<sent_collection> sent = read_collection(c.in.body());
  if (tag && sent && sent->name) {
    task<void> renaming = s.with.pool.write(rename, std::move(v), *tag, std::move(*sent->name));
    co_await std::move(renaming);
  }
  co_return http::empty(200);
}

task<http::response> take_collection_items(shared_state& s, http::context& c) { return take_items(s, c, true); }
task<http::response> take_collection_losses(shared_state& s, http::context& c) { return take_items(s, c, false); }

task<http::response> take_collection_end(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::optional<uuid> tag = id_of(c.in.param("tag"));
  if (tag) co_await s.with.pool.write(end, std::move(v), *tag);
  co_return http::empty(200);
}

}  // namespace carrel::kobo
