// The end of a sync of a device that asks the real store too: what the store has to say is added to our last answer
// (kobo.md 6.6). The store's token is a cursor as ours is, so our token names the one that came with the answer which the device
// has received: an answer that was lost is asked for again. Nothing is asked inside a transaction.
#include "kobo/state.hpp"
#include "kobo/sync_token.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

constexpr std::size_t longest_token = 16 << 10;
constexpr int pages_kept = 3, patient_repeats = 3;

constexpr db::statement sql_shown{"kobo.shown_store_page", R"sql(
  insert into kobo_store_pages as p (kobo_id, page, token, shown_at, times) values ($1, $2, $3, $4, 1)
      on conflict (kobo_id, page) do update
     set token = coalesce(nullif(excluded.token, ''), p.token), shown_at = excluded.shown_at,
         times = case when p.shown_at > excluded.shown_at - interval '2 minutes' then p.times + 1 else 1 end
  returning token, times)sql"};
constexpr db::statement sql_keep{"kobo.keep_store_page", R"sql(
  insert into kobo_store_pages (kobo_id, page, token) values ($1, $2, $3)
      on conflict (kobo_id, page) do update set token = excluded.token)sql"};
constexpr db::statement sql_forget{"kobo.forget_store_pages", R"sql(
  delete from kobo_store_pages
   where kobo_id = $1 and page <> $2
     and page not in (select page from kobo_store_pages
                       where kobo_id = $1 and shown_at is not null order by shown_at desc, page desc limit $3))sql"};
// The next page of the store belongs to the same sync, as its reader sees it (17.5).
constexpr db::statement sql_goes_on{"kobo.store_goes_on", "update kobo_devices set promised = $2 where id = $1"};

// Where the device stands in what the store tells it.
struct standing {
  uuid row;
  std::int64_t page = 0;   // 0: it has heard nothing of the store through us
  std::string raw;         // the store's token; "" none
  std::int64_t times = 0;  // that it has come from there, one soon after the other
  bool paused = false;
};

// The store's own, not one of another server with a dot in it, which counts as none (6.5).
bool is_of_store(const std::string& shown) {
  if (shown.size() > longest_token) return false;
  std::optional<std::string> head = base64_decode(shown.substr(0, shown.find('.')));
  result<json::object> about =
      head && shown.find('.') != shown.npos ? json::read_object(*head) : error{"token", "is not the store's"};
  return about && about->find("typ") != nullptr;
}

std::optional<standing> stand(db::tx& tx, const visit& v, const std::string& shown, const std::string& key) {
  std::optional<kobo_row> k = find_row(tx, v.device, v.user, v.reader);
  if (!k) return std::nullopt;
  standing out{.row = k->ids.row, .page = 0, .raw = "", .times = 0, .paused = k->wishes.paused};
  bool from_store = is_of_store(shown);
  std::optional<sync_token> t = read_token(shown, out.row, key);
  if (t && t->epoch == k->epoch) out.page = t->store_page;
  if (from_store) out.page = 1;  // as if it were the answer to a page of ours
  db::rows known = tx.run(sql_shown, out.row, out.page, from_store ? shown : "", now());
  out.raw = known[0].text(0);
  out.times = known[0].integer(1);
  return out;
}

// A cursor that the store does not take would be shown to it for ever.
void forget_cursor(db::tx& tx, const standing& at) { tx.run(sql_keep, at.row, at.page, ""); }
bool refuses_cursor(const http::client_answer& a) {
  return a.status >= 400 && a.status < 500 && a.status != 401 && a.status != 403 && a.status != 429;
}

struct store_page {
  std::string items;  // inside of its array
  std::string token;
  bool more = false;
};

// Nothing when it is not what a sync is answered with: the cursor must not move past something that the device never gets.
std::optional<store_page> page_from(const http::client_answer& a, const std::string& before) {
  const std::string* token = a.find("x-kobo-synctoken");
  const std::string* more = a.find("x-kobo-sync");
  bool usable = a.status == 200 && token != nullptr && !token->empty() && token->size() <= longest_token && valid_utf8(*token);
  if (!usable) return std::nullopt;
  result<json::value, json::failure> all = json::parse(a.body);
  if (!all || all->as_array() == nullptr) return std::nullopt;
  std::string_view body = trim(a.body);
  store_page out{.items = "", .token = *token, .more = more != nullptr && *more == "continue" && *token != before};
  if (!all->as_array()->empty()) out.items = body.substr(1, body.size() - 2);
  return out;
}

void keep_page(db::tx& tx, const standing& at, const store_page& p, const std::string& position) {
  std::int64_t next = at.page + 1;
  tx.run(sql_keep, at.row, next, p.token);
  tx.run(sql_forget, at.row, next, pages_kept);
  if (p.more && !position.empty()) tx.run(sql_goes_on, at.row, position);
}

std::string named_in(const std::string& token, const uuid& row, const std::string& key, std::int64_t page) {
  sync_token t = claimed_token(token).value();
  t.store_page = page;
  return write_token(t, row, key);
}

// As sync.cpp writes the position of a device that has heard all of a session.
std::string position_in(const std::string& token) {
  std::optional<sync_token> t = claimed_token(token);
  return t && t->done ? std::to_string(t->session) + "." : "";
}

void append_items(std::string& array, const std::string& items) {
  if (items.empty()) return;
  array.pop_back();
  if (array.size() > 1) array += ',';
  array.append(items).append("]");
}

}  // namespace

task<sync_answer> with_store(shared_state& s, http::context& c, const visit& v, sync_answer ours) {
  std::shared_ptr<const keys> secret = co_await s.secrets.get();
  std::string shown(trim(c.in.header("x-kobo-synctoken").value_or("")));
  std::optional<standing> at = co_await s.with.pool.write(stand, v, shown, secret->tokens);
  if (!at) co_return ours;
  ours.token = named_in(ours.token, at->row, secret->tokens, at->page);
  std::optional<store_call> call = call_from(c);
  if (ours.more || at->paused || !call || s.store.away(call->to)) co_return ours;

  if (!at->raw.empty()) call->headers.emplace_back("x-kobo-synctoken", at->raw);
  task<std::optional<http::client_answer>> asking = ask_store(s, std::move(*call), store_patience);
  std::optional<http::client_answer> there = co_await std::move(asking);
  std::optional<store_page> page;
  if (there) page = page_from(*there, at->raw);
  if (!page && there && !at->raw.empty() && refuses_cursor(*there)) {
    task<> forgetting = s.with.pool.write(forget_cursor, *at);
    co_await std::move(forgetting);
  }
  if (!page) co_return ours;
  std::string position = position_in(ours.token);
  task<> keeping = s.with.pool.write(keep_page, *at, *page, std::move(position));
  co_await std::move(keeping);
  append_items(ours.body, page->items);
  ours.token = named_in(ours.token, at->row, secret->tokens, at->page + 1);
  // A reader that cannot keep its token would be told the same page for ever (17.6).
  ours.more = page->more && at->times <= patient_repeats;
  co_return ours;
}

}  // namespace carrel::kobo
