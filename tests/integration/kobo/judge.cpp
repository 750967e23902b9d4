#include "tests/integration/kobo/judge.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "kobo/sync_token.hpp"

namespace carrel::kobo::tests {
namespace {

constexpr db::statement sql_delivered{"test.delivered", R"sql(
  select id, delivered_at from kobo_ledger where kobo_id = $1 and delivered_at is not null)sql"};
constexpr db::statement sql_sessions{"test.sessions", "select count(*) from kobo_sessions where kobo_id = $1"};
constexpr db::statement sql_on_shelves{"test.on_shelves", R"sql(
  select distinct b.entitlement from device_shelves ds join shelf_books sb on sb.shelf_id = ds.shelf_id
    join books b on b.id = sb.book_id where ds.device_id = $1 and ($2 or b.deleted_at is null))sql"};

using times = std::map<uuid, instant>;

times delivered(db::tx& tx, const uuid& row) {
  times out;
  for (const db::row& r : tx.run(sql_delivered, row)) out[r.id(0)] = r.at(1);
  return out;
}

// The ops that a token proves to have arrived.
std::set<uuid> behind(db::tx& tx, const kobo_row& k, const std::string& token) {
  std::set<uuid> out;
  std::optional<sync_token> t = read_token(token, k.ids.row, "key");
  bool reset = k.reset_asked && !k.wishes.paused;  // what was asked of a paused one waits
  if (!t || t->epoch != k.epoch || reset) return out;
  std::optional<session> s = find_session(tx, k.ids.row, t->session);
  if (!s) return out;
  for (const op& o : load_ops(tx, s->id, 0, t->done ? s->op_count : static_cast<int>(t->next))) {
    if (o.kind != op_kind::remove && o.kind != op_kind::state && o.kind != op_kind::tag_deleted) out.insert(o.id);
  }
  return out;
}

int rank(op_kind k) { return static_cast<int>(k == op_kind::file ? op_kind::meta : k); }

bool speaks_of(const op& o, const std::string& kind, const std::string& id) {
  if (o.id.text() != id || about_tag(o.kind) != kind.ends_with("Tag")) return false;
  return about_tag(o.kind) || (o.kind == op_kind::state) == (kind == "ChangedReadingState");
}

std::string title_of(const json::value& item) {
  const json::object& inside = *item.as_object()->members().front().second.as_object();
  const json::value* metadata = inside.find("BookMetadata");
  std::string out;
  if (metadata != nullptr) metadata->as_object()->take("Title", out);
  return out;
}

}  // namespace

struct judge::facts {
  bool nowhere = false;
  sync_answer answer;
  std::set<std::string> wanted, pending;
  std::set<uuid> proven;
  times before, after;
  std::vector<op> all, page;
  std::int64_t sessions = 0;
};

judge::facts judge::learn(place& p, const std::string& token) {
  facts f;
  s_.with_row(
      p.kobo,
      [&](db::tx& tx, const kobo_row& k) {
        f.before = delivered(tx, k.ids.row);
        f.proven = behind(tx, k, token);
        f.answer = s_.sync_in(tx, p.kobo, token, p.hash);
        f.after = delivered(tx, k.ids.row);
        f.sessions = tx.run(sql_sessions, k.ids.row)[0].integer(0);
        for (const target_book& t : read_target(tx, k.ids).books) {
          f.wanted.insert(t.id.text());
          if (t.pending) f.pending.insert(t.id.text());
        }
        std::optional<sync_token> to = read_token(f.answer.token, k.ids.row, "key");
        f.nowhere = to && to->session == 0;  // what a paused one is given that showed no place
        if (!to || f.nowhere || f.answer.token == token) return;
        std::optional<sync_token> from = read_token(token, k.ids.row, "key");
        bool goes_on = from && from->epoch == to->epoch && from->session == to->session;
        int first = goes_on ? static_cast<int>(from->next) : 0;
        f.all = load_content(tx, to->session).ops;
        f.page.assign(f.all.begin() + first, f.all.begin() + static_cast<int>(to->next));
      },
      p.hash);
  return f;
}

// Items come in the order of their ops, each of which says something of its own thing alone or nothing.
void judge::follow(const std::vector<op>& ops, const json::array& items) {
  auto at = ops.begin();
  for (const json::value& item : items) {
    at = std::find_if(at, ops.end(), [&](const op& o) { return speaks_of(o, kind_of(item), id_of(item)); });
    REQUIRE(at != ops.end());
  }
}

void judge::check_items(const place& p, const facts& f, const json::array& items, const reader* who) const {
  std::set<std::string> met = who ? who->met : std::set<std::string>{};
  for (const json::value& item : items) {
    std::string kind = kind_of(item), id = id_of(item);
    INFO(kind << " " << id << " " << title_of(item));
    if (kind.ends_with("Tag")) continue;
    bool live = kind == "NewEntitlement" || kind == "ChangedProductMetadata" || is_sample(item);
    REQUIRE(names.contains(id));
    if (kind != "ChangedReadingState") CHECK(title_of(item).starts_with(names.at(id)));
    if (is_sample(item)) CHECK(p.announced.contains(id));
    if (kind == "ChangedEntitlement" && !live) CHECK_FALSE(f.wanted.contains(id));
    if (live) CHECK(f.wanted.contains(id));
    if (live) CHECK_FALSE(f.pending.contains(id));
    if (live) CHECK_FALSE(p.buried.contains(id));
    if (kind == "NewEntitlement") met.insert(id);
    if (who) CHECK((met.contains(id) || (kind == "ChangedEntitlement" && p.announced.contains(id))));
  }
}

heard judge::ask(place& p, const std::string& token, const reader* who) {
  for (const std::string& id : p.lifted) p.buried.erase(id);
  if (p.all_lifted) p.buried.clear();
  p.lifted.clear();
  p.all_lifted = false;
  p.asked = !p.shown.empty() && p.shown.back() == token ? p.asked + 1 : 1;
  p.shown.push_back(token);

  facts f = learn(p, token);
  heard out{.answer = f.answer, .items = items_of(f.answer.body)};
  CHECK(f.answer.token.size() <= 300);
  CHECK(f.sessions <= s_.how.keep.acked + s_.how.keep.open + 1);
  if (p.paused) {
    CHECK(out.items.empty());
    CHECK((f.answer.token == token || f.nowhere));
  }
  CHECK(std::is_sorted(f.all.begin(), f.all.end(), [](const op& a, const op& b) { return rank(a.kind) < rank(b.kind); }));
  follow(f.page, out.items);
  check_once(out.items);
  check_items(p, f, out.items, who);
  for (const auto& [id, at] : f.after) {
    bool same = f.before.contains(id) && f.before.at(id) == at;
    CHECK((same || f.proven.contains(id)));
  }
  for (const json::value& item : out.items) {
    if (kind_of(item) == "NewEntitlement") p.announced.insert(id_of(item));
  }
  for (const op& o : f.page) {
    out.weight += o.kind == op_kind::file ? 2 : 1;
    out.pairs = out.pairs || o.kind == op_kind::file;
  }
  return out;
}

std::set<std::string> judge::on_shelves(const uuid& kobo, bool with_trash) {
  std::set<std::string> out;
  s_.db.pool().read_now([&](db::tx& tx) {
    for (const db::row& r : tx.run(sql_on_shelves, kobo, with_trash)) out.insert(r.id(0).text());
  });
  return out;
}

}  // namespace carrel::kobo::tests
