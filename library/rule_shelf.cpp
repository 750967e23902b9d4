#include "library/rule_shelf.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "library/kobo_acts.hpp"
#include "library/revision.hpp"
#include "library/rule_sql.hpp"
#include "library/storable.hpp"
#include "library/user.hpp"
#include "server/core/log.hpp"

namespace carrel::library {
namespace {

// More changed books than this are not looked at one by one.
constexpr std::size_t most_one_by_one = 1000;

// Until the end of the transaction: "a language" is every book or hardly any.
constexpr db::statement sql_plan_for_values{"library.rule_plan",
                                            "select set_config('plan_cache_mode', 'force_custom_plan', true)"};

constexpr db::statement sql_rule{"library.rule_of", R"sql(
  select rule::text from shelves where id = $1 and user_id = $2 and kind = 'rule')sql"};

// Two rules that are set at the same time must not come to depend on each other.
constexpr db::statement sql_one_at_a_time{"library.rule_lock", "select pg_advisory_xact_lock(7205759403792793)"};
constexpr db::statement sql_lock{"library.rule_lock_shelf", R"sql(
  select kind, shared, origin = 'device' or exists (select from shelf_books sb where sb.shelf_id = s.id)
    from shelves s where s.id = $1 and s.user_id = $2 for update)sql"};
// Shelves that the rule names, and those that their rules name, and so on.
constexpr db::statement sql_reaches{"library.rule_reaches", R"sql(
  with recursive below (id) as (
    select unnest($2::uuid[])
    union
    select r.on_shelf from below w join rule_shelves r on r.shelf_id = w.id)
  select from below where id = $1)sql"};
constexpr db::statement sql_set{"library.set_rule", R"sql(
  update shelves set kind = case when $2::jsonb is null then 'hand' else 'rule' end, rule = $2::jsonb, rule_day = null, updated_at = now()
   where id = $1)sql"};
constexpr db::statement sql_forget_named{"library.forget_rule_shelves", "delete from rule_shelves where shelf_id = $1"};
constexpr db::statement sql_name{"library.name_rule_shelves", R"sql(
  insert into rule_shelves (shelf_id, on_shelf) select $1, unnest($2::uuid[]))sql"};
constexpr db::statement sql_forget_due{"library.forget_rule_due", "delete from rule_due where shelf_id = $1"};

constexpr db::statement sql_waiting{"library.rules_waiting", R"sql(
  select exists (select from rule_changes)
      or exists (select from shelves s where s.kind = 'rule'
                    and (s.rule_day is distinct from current_date or exists (select from rule_due d where d.shelf_id = s.id))))sql"};
constexpr db::statement sql_distribute{"library.distribute_rule_changes", R"sql(
  with taken as (delete from rule_changes returning user_id, on_shelf, books)
  insert into rule_due (shelf_id, books)
  select s.id, t.books
    from taken t
    join shelves s on s.kind = 'rule' and (t.user_id is null or s.user_id = t.user_id)
   where t.on_shelf is null or exists (select from rule_shelves r where r.shelf_id = s.id and r.on_shelf = t.on_shelf))sql"};
// Of shelves that went, or got no rule, in between.
constexpr db::statement sql_nobodys{"library.forget_nobodys_rule_due", R"sql(
  delete from rule_due d where not exists (select from shelves s where s.id = d.shelf_id and s.kind = 'rule'))sql"};
constexpr db::statement sql_due{"library.shelves_due", R"sql(
  select s.id from shelves s
   where s.kind = 'rule' and ($1::uuid is null or s.user_id = $1 or s.shared)
     and (s.rule_day is distinct from current_date or exists (select from rule_due d where d.shelf_id = s.id))
   order by s.id limit $2)sql"};

constexpr db::statement sql_take{"library.take_rule_shelf", R"sql(
  select s.user_id, s.shared, s.rule::text, s.rule_day is not distinct from current_date, u.disabled_at is not null
    from shelves s join users u on u.id = s.user_id where s.id = $1 and s.kind = 'rule' for update of s)sql"};
constexpr db::statement sql_take_due{"library.take_rule_due", "delete from rule_due where shelf_id = $1 returning books"};
constexpr db::statement sql_day{"library.set_rule_day", R"sql(
  update shelves set rule_day = current_date where id = $1 and rule_day is distinct from current_date)sql"};

constexpr db::statement sql_held{"library.held_by_rule", "select book_id, position from shelf_books where shelf_id = $1"};
constexpr db::statement sql_held_among{"library.held_by_rule_among", R"sql(
  select book_id, position from shelf_books where shelf_id = $1 and book_id = any ($2::uuid[]))sql"};
constexpr db::statement sql_count{"library.count_held_by_rule", "select count(*) from shelf_books where shelf_id = $1"};
constexpr db::statement sql_off{"library.take_off_by_rule", R"sql(
  delete from shelf_books where shelf_id = $1 and book_id = any ($2::uuid[]))sql"};
constexpr db::statement sql_on{"library.put_on_by_rule", R"sql(
  insert into shelf_books (shelf_id, book_id, position)
  select $1, b.id, q.place from unnest($2::uuid[], $3::bigint[]) q (book, place) join books b on b.id = q.book
      on conflict (shelf_id, book_id) do update set position = excluded.position)sql"};
constexpr db::statement sql_touch{"library.touch_rule_shelf", "update shelves set updated_at = now() where id = $1"};

db::rows find(db::tx& tx, const char* name, const db::composed& c) {
  tx.run(sql_plan_for_values);
  return db::run(tx, name, c);
}

int most_of(const rule& r) { return r.limit > 0 ? r.limit : most_books_by_rule; }

// One shelf, what stands on it, and what should.
class rule_shelf {
 public:
  rule_shelf(db::tx& tx, const uuid& id, const uuid& user, bool shared, rule r)
      : tx_(tx), id_(id), user_(user), shared_(shared), rule_(std::move(r)) {}

  void look_at_all() {
    std::vector<uuid> wanted;
    for (const db::row& r : find(tx_, "composed.rule_books", matching_books(rule_, user_, std::nullopt, most_of(rule_))))
      wanted.push_back(r.id(0));
    std::unordered_map<uuid, std::int64_t> held;
    for (const db::row& r : tx_.run(sql_held, id_)) held.emplace(r.id(0), r.integer(1));
    std::unordered_set<uuid> keep(wanted.begin(), wanted.end());
    for (const auto& [book, place] : held) {
      if (!keep.contains(book)) off_.push_back(book);
    }
    place(wanted, held);
    store();
  }

  void look_at(const std::vector<uuid>& books) {
    std::unordered_set<uuid> fit;
    for (const db::row& r : find(tx_, "composed.rule_among", matching_books(rule_, user_, books, static_cast<int>(books.size()))))
      fit.insert(r.id(0));
    std::unordered_set<uuid> held;
    for (const db::row& r : tx_.run(sql_held_among, id_, books)) held.insert(r.id(0));
    if (fit.empty() && held.empty()) return;
    if (rule_.limit > 0) return look_at_all();  // who comes may push another one off
    std::vector<uuid> come;
    std::copy_if(fit.begin(), fit.end(), std::back_inserter(come), [&](const uuid& b) { return !held.contains(b); });
    std::copy_if(held.begin(), held.end(), std::back_inserter(off_), [&](const uuid& b) { return !fit.contains(b); });
    if (count() + static_cast<std::int64_t>(come.size()) > most_books_by_rule) {
      off_.clear();
      return look_at_all();
    }
    if (!fit.empty()) put_in_order(come);
    store();
  }

 private:
  std::int64_t count() { return tx_.run(sql_count, id_)[0].integer(0); }

  // Those that come are on the shelf already when it is asked for its order.
  void put_in_order(const std::vector<uuid>& come) {
    if (!come.empty()) tx_.run(sql_on, id_, come, std::vector<std::int64_t>(come.size(), 0));
    std::unordered_set<uuid> fresh(come.begin(), come.end());
    std::unordered_set<uuid> leaving(off_.begin(), off_.end());
    std::vector<uuid> wanted;
    std::unordered_map<uuid, std::int64_t> held;
    for (const db::row& r : find(tx_, "composed.rule_order", books_in_order(rule_, user_, id_))) {
      if (leaving.contains(r.id(0))) continue;
      wanted.push_back(r.id(0));
      if (!fresh.contains(r.id(0))) held.emplace(r.id(0), r.integer(1));
    }
    place(wanted, held);
  }

  void place(const std::vector<uuid>& wanted, const std::unordered_map<uuid, std::int64_t>& held) {
    std::vector<std::optional<std::int64_t>> had;
    had.reserve(wanted.size());
    for (const uuid& book : wanted) {
      auto at = held.find(book);
      had.push_back(at == held.end() ? std::nullopt : std::optional(at->second));
    }
    std::vector<std::int64_t> places = places_for(had);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (had[i] == places[i]) continue;
      put_.push_back(wanted[i]);
      places_.push_back(places[i]);
    }
  }

  void store() {
    if (put_.empty() && off_.empty()) return;
    if (!off_.empty()) tx_.run(sql_off, id_, off_);
    if (!put_.empty()) tx_.run(sql_on, id_, put_, places_);
    tx_.run(sql_touch, id_);
    if (!off_.empty()) forget_removed(tx_, devices_fed(tx_, id_));
    bump_state(tx_, user_);
    if (shared_) bump_revision(tx_);
  }

  db::tx& tx_;
  uuid id_, user_;
  bool shared_;
  rule rule_;
  std::vector<uuid> off_, put_;
  std::vector<std::int64_t> places_;  // of put_
};

// What waits for the shelf: nothing when all of it has to be looked at.
std::optional<std::vector<uuid>> take_due(db::tx& tx, const uuid& shelf) {
  std::unordered_set<uuid> books;
  bool all = false;
  for (const db::row& r : tx.run(sql_take_due, shelf)) {
    all = all || r.is_null(0);
    if (!all) {
      for (const uuid& book : r.ids(0)) books.insert(book);
    }
  }
  if (all || books.size() > most_one_by_one) return std::nullopt;
  return std::vector<uuid>(books.begin(), books.end());
}

std::optional<error> check_shelves(db::tx& tx, const uuid& user, const uuid& shelf, const rule& r) {
  std::vector<uuid> named = shelves_in(r);
  for (const uuid& id : named) {
    if (!find_shelf(tx, user, id)) return error{"shelf", "is not there"};
  }
  if (!named.empty() && !tx.run(sql_reaches, shelf, named).empty()) return error{"cycle", "the shelf would depend on itself"};
  return std::nullopt;
}

}  // namespace

rule_preview preview_rule(db::tx& tx, const uuid& reader, const rule& r, int first) {
  rule_preview out;
  out.count = std::min<std::int64_t>(find(tx, "composed.rule_count", matching_count(r, reader))[0].integer(0), most_of(r));
  int most = std::min(first, most_of(r));
  if (out.count == 0 || most == 0) return out;
  for (const db::row& b : find(tx, "composed.rule_first", matching_books(r, reader, std::nullopt, most)))
    out.first.push_back(b.id(0));
  return out;
}

std::optional<rule> rule_of(db::tx& tx, const uuid& user, const uuid& shelf) {
  db::rows rows = tx.run(sql_rule, shelf, user);
  if (rows.empty()) return std::nullopt;
  result<rule> out = read_rule_text(rows[0].view(0));
  return out ? std::optional(std::move(*out)) : std::nullopt;
}

result<bool> set_rule(db::tx& tx, const uuid& user, const uuid& shelf, const std::optional<rule>& r) {
  tx.run(sql_one_at_a_time);
  db::rows rows = tx.run(sql_lock, shelf, user);
  if (rows.empty()) return false;
  bool by_rule = rows[0].text(0) == "rule";
  if (!by_rule && !r) return true;
  if (!by_rule && rows[0].flag(2)) return error{"hand", "books were put on this shelf by hand"};
  if (r) {
    if (std::optional<error> wrong = check_shelves(tx, user, shelf, *r)) return *wrong;
  }
  tx.run(sql_set, shelf, r ? std::optional(jsonb_text(to_json(*r))) : std::nullopt);
  tx.run(sql_forget_named, shelf);
  tx.run(sql_forget_due, shelf);
  bump_state(tx, user);
  if (!r) return true;
  tx.run(sql_name, shelf, shelves_in(*r));
  bring_up_to_date(tx, shelf);
  return true;
}

result<shelf> create_rule_shelf(db::tx& tx, const uuid& user, const std::string& name, bool collection, const rule& r) {
  if (std::optional<error> wrong = check_shelves(tx, user, uuid{}, r)) return *wrong;
  result<shelf> made = create_shelf(tx, user, name, collection);
  if (!made) return made.error();
  CARREL_EXPECT(set_rule(tx, user, made->id, r).value());
  return find_shelf(tx, user, made->id).value();
}

bool rules_waiting(db::tx& tx) { return tx.run(sql_waiting)[0].flag(0); }

void distribute_rule_changes(db::tx& tx) {
  tx.run(sql_distribute);
  tx.run(sql_nobodys);
}

std::vector<uuid> shelves_due(db::tx& tx, const std::optional<uuid>& viewer, int most) {
  std::vector<uuid> out;
  for (const db::row& r : tx.run(sql_due, viewer, most)) out.push_back(r.id(0));
  return out;
}

void bring_up_to_date(db::tx& tx, const uuid& shelf) {
  db::rows rows = tx.run(sql_take, shelf);
  if (rows.empty()) return;
  const db::row& s = rows[0];
  std::optional<std::vector<uuid>> books = take_due(tx, shelf);
  tx.run(sql_day, shelf);
  if (s.flag(4)) return;  // an account that is away sees no book; its shelves stay until it is back
  result<rule> r = read_rule_text(s.view(2));
  if (!r) return log::warn("shelf.rule", {{"shelf", shelf}, {"reason", r.error().message()}});
  rule_shelf one(tx, shelf, s.id(0), s.flag(1), std::move(*r));
  if (!books || !s.flag(3)) return one.look_at_all();
  if (!books->empty()) one.look_at(*books);
}

void settle_rules(db::tx& tx) {
  constexpr int at_once = 100;
  distribute_rule_changes(tx);
  for (std::vector<uuid> due = shelves_due(tx, std::nullopt, at_once); !due.empty();
       due = shelves_due(tx, std::nullopt, at_once)) {
    for (const uuid& shelf : due) bring_up_to_date(tx, shelf);
    distribute_rule_changes(tx);
  }
}

}  // namespace carrel::library
