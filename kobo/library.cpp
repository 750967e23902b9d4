// What a device asks of its books: the sync, one book, its state, and that it was removed (kobo.md 6 and 9).
#include "kobo/actions.hpp"
#include "kobo/merged.hpp"
#include "kobo/resources.hpp"
#include "kobo/state.hpp"
#include "library/kobo_events.hpp"
#include "library/merge.hpp"
#include "server/core/log.hpp"

namespace carrel::kobo {
namespace {

kobo_row row_of(db::tx& tx, const visit& v) { return lock_row(tx, v.device, v.user, v.reader); }

// Only reads: a reader that was never met has nothing of its own yet.
kobo_ids ids_in(db::tx& tx, const visit& v, library::kobo_options& wishes) {
  std::optional<kobo_row> k = find_row(tx, v.device, v.user, v.reader);
  wishes = k ? k->wishes : library::kobo_options_of(tx, v.device);
  return k ? k->ids : kobo_ids{.row = {}, .device = v.device, .user = v.user, .largest = wishes.largest, .style = wishes.style()};
}

std::string metadata_of(db::tx& tx, const visit& v, const std::vector<uuid>& ids) {
  library::kobo_options wishes;
  std::unordered_map<uuid, delivery> live = read_told(tx, ids_in(tx, v, wishes), ids);
  json::array out;
  for (const uuid& id : ids) {
    auto at = live.find(id);
    // What it will get is not known before its conversion is there: no size would be true (7.4).
    if (at != live.end() && !at->second.preparing) out.push_back(book_metadata(id, at->second, v.base));
  }
  return json::dump(out);
}

std::string states_of(db::tx& tx, const visit& v, const std::vector<uuid>& ids) {
  library::kobo_options wishes;
  kobo_ids k = ids_in(tx, v, wishes);
  std::unordered_map<uuid, delivery> live = read_told(tx, k, ids);
  std::unordered_map<uuid, reading_state> states;
  if (wishes.positions) states = read_states(tx, k, ids);
  json::array out;
  for (const uuid& id : ids) {
    auto at = live.find(id);
    auto state = states.find(id);
    if (at != live.end()) out.push_back(state_json(id, state == states.end() ? nullptr : &state->second, at->second.added));
  }
  return json::dump(out);
}

// Store clients look for the file there (9.5).
std::string access_of(db::tx& tx, const visit& v, const uuid& id) {
  library::kobo_options wishes;
  std::unordered_map<uuid, delivery> live = read_told(tx, ids_in(tx, v, wishes), {id});
  auto at = live.find(id);
  if (at == live.end() || at->second.preparing) return "{}";
  json::value urls = book_metadata(id, at->second, v.base).take("DownloadUrls");
  return json::dump(json::object{{"ContentKeys", json::array{}}, {"ContentUrls", std::move(urls)}});
}

json::object result_of(const char* word) { return {{"Result", word}}; }

json::object update_result(const uuid& id, const section_results& r) {
  return {{"EntitlementId", id},
          {"CurrentBookmarkResult", result_of(r.bookmark)},
          {"StatisticsResult", result_of(r.statistics)},
          {"StatusInfoResult", result_of(r.status)},
          {"LastModified", r.last_modified},
          {"PriorityTimestamp", r.last_modified}};
}

constexpr db::statement sql_knows{"kobo.knows_book", R"sql(
  select from visible_books($1) b where b.entitlement = $2 union all
  select from kobo_ledger l join kobo_devices k on k.id = l.kobo_id join devices d on d.id = k.device_id
   where d.user_id = $1 and l.subject = 1 and l.id = $2 limit 1)sql"};
// A reader that was set up anew tells its places before it has heard of any book.
bool knows_book(db::tx& tx, const kobo_row& k, const uuid& id) { return !tx.run(sql_knows, k.ids.user, id).empty(); }

// Of a book that the device does not have from us nothing is taken, and nothing is refused: it would be repeated for ever (9.3).
struct stored_state {
  std::string answer;
  std::optional<std::string> document;  // whose place it changed
};
stored_state store_state(db::tx& tx, const visit& v, const uuid& id, const json::object& sent, bool furthest_usually) {
  kobo_row k = row_of(tx, v);
  section_results r;
  stored_state out;
  if (k.wishes.positions && !k.wishes.read_only && knows_book(tx, k, id))
    r = put_state(tx, k, id, sent, furthest_usually);
  else
    r.last_modified = state_time(sent);
  note_signals(tx, k, signal::state, {id});
  library::put_policy policy{.policy = furthest_usually ? "furthest" : "latest", .hold_stale = false};
  if (r.place) out.document = library::hear_kobo(tx, v.user, v.device, id, *r.place, policy);
  out.answer = json::dump(json::object{{"RequestResult", "Success"}, {"UpdateResults", json::array{update_result(id, r)}}});
  return out;
}

// The element that names the book of the path, failing that the first (9.3).
std::optional<json::object> sent_state(std::string_view body, const uuid& id) {
  result<json::object> whole = json::read_object(body);
  if (!whole) return std::nullopt;
  const json::value* all = whole->find("ReadingStates");
  if (all == nullptr || all->as_array() == nullptr) return std::nullopt;
  const json::object* first = nullptr;
  for (const json::value& one : *all->as_array()) {
    const json::object* o = one.as_object();
    if (o == nullptr) continue;
    if (first == nullptr) first = o;
    std::string text;
    if (o->take("EntitlementId", text) && id_of(text) == id) return *o;
  }
  return first == nullptr ? std::nullopt : std::optional(*first);
}

void bury(db::tx& tx, const visit& v, const std::vector<uuid>& ids, bool put_back_usually) {
  kobo_row k = row_of(tx, v);
  for (const uuid& id : ids) {
    if (!announced_title(tx, k.ids.row, id)) continue;
    bool put_back = k.wishes.put_back.value_or(put_back_usually);
    removed_on_device(tx, k, id, put_back);
    // Gone is then what it has become, too, unless the device has that as a book of its own.
    uuid now = library::surviving_entitlement(tx, id);
    if (now != id && !announced_title(tx, k.ids.row, now)) removed_on_device(tx, k, now, put_back);
    library::note_event(tx, k.ids.row, library::event::removed, "", id);
  }
}

void note_cut_off(db::tx& tx, const visit& v) {
  if (std::optional<kobo_row> k = find_row(tx, v.device, v.user, v.reader)) unanswered(tx, *k);
}

// Only a reader that got its answer and shows the old token again cannot keep it (17.6).
void watch_end(shared_state& s, const visit& v, http::response& r) {
  r.sent = [&s, v](bool complete) {
    if (complete) return;
    auto done = [](const std::exception_ptr& failed) {
      if (failed) log::warn("kobo.sync", {{"result", "a broken answer was not noted"}});
    };
    s.with.pool.enqueue(
        db::mode::write, std::nullopt, [v](db::tx& tx) { note_cut_off(tx, v); }, done);
  };
}

}  // namespace

http::response sync_response(sync_answer a) {
  http::response r = answer(std::move(a.body));
  r.set("x-kobo-synctoken", std::move(a.token));
  if (a.more) r.set("x-kobo-sync", "continue");
  return r;
}

task<http::response> show_initialization(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::string accounts;
  if (asks_store(s, c)) {
    task<std::optional<http::response>> asking = refused_by_store(s, c);
    std::optional<http::response> refused = co_await std::move(asking);
    if (refused) co_return std::move(*refused);
    accounts = s.store.at.accounts;  // a token of ours would shut it out of the store
  }
  http::response r = answer(initialization_json(v.base.text, v.origin, accounts));
  r.set("x-kobo-apitoken", "e30=");
  co_return r;
}

task<http::response> show_sync(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::shared_ptr<const keys> secret = co_await s.secrets.get();
  sync_request in{.device = v.device,
                  .user = v.user,
                  .reader = v.reader,
                  .token = std::string(c.in.header("x-kobo-synctoken").value_or("")),
                  .gate = v.gate,
                  .base = v.base};
  task<sync_answer> syncing =
      s.with.pool.submit(db::mode::write, c.deadline, run_sync, std::move(in), s.how, s.with.store, secret->tokens);
  sync_answer a = co_await std::move(syncing);
  if (asks_store(s, c)) {
    task<sync_answer> merging = with_store(s, c, v, std::move(a));
    a = co_await std::move(merging);
  }
  http::response r = sync_response(std::move(a));
  watch_end(s, v, r);
  co_return r;
}

task<http::response> show_metadata(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::vector<uuid> ids = ids_of(c.in.param("ids"));
  note_shown(s, v, signal::metadata, ids);
  std::string body = co_await s.with.pool.snapshot(metadata_of, std::move(v), std::move(ids));
  co_return answer(std::move(body));
}

task<http::response> show_access(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::optional<uuid> id = id_of(c.in.param("id"));
  if (!id) co_return answer("{}");
  std::string body = co_await s.with.pool.snapshot(access_of, std::move(v), *id);
  co_return answer(std::move(body));
}

task<http::response> show_state(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::vector<uuid> ids = ids_of(c.in.param("ids"));
  note_shown(s, v, signal::asked, ids);
  std::string body = co_await s.with.pool.snapshot(states_of, std::move(v), std::move(ids));
  co_return answer(std::move(body));
}

task<http::response> take_state(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::vector<uuid> ids = ids_of(c.in.param("ids"));
  std::optional<json::object> sent;
  if (!ids.empty()) sent = sent_state(c.in.body(), ids.front());
  if (!sent) co_return answer(R"({"RequestResult":"Failure","UpdateResults":[]})");
  stored_state stored = co_await s.with.pool.write(store_state, v, ids.front(), std::move(*sent), s.furthest_usually);
  if (stored.document && s.with.moved) s.with.moved(v.user, *stored.document);
  co_return answer(std::move(stored.answer));
}

task<http::response> take_removal(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::vector<uuid> ids = ids_of(c.in.param("ids"));
  if (!ids.empty()) co_await s.with.pool.write(bury, std::move(v), std::move(ids), s.how.put_back);
  co_return http::empty(204);
}

}  // namespace carrel::kobo
