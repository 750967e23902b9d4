#include "library/bulk.hpp"

#include <algorithm>
#include <set>

#include "library/bulk_parts.hpp"
#include "library/catalog_details.hpp"
#include "library/catalog_lists.hpp"
#include "library/shelf.hpp"
#include "library/storable.hpp"
#include "library/user.hpp"

namespace carrel::library {
namespace {

#define CARREL_RUN                                                                                                        \
  "select id, user_id, actor, act, name, state, request::text, job_id, at_place, books, to_change, fields, same, locked," \
  "       invalid, done, failed, stale, undone, kept, created_at, finished_at, hidden from bulk_runs "
constexpr db::statement sql_find{"library.find_bulk", CARREL_RUN "where id = $1"};
constexpr db::statement sql_find_of{"library.find_bulk_of", CARREL_RUN "where id = $1 and user_id = $2"};
constexpr db::statement sql_hold{"library.hold_bulk", CARREL_RUN "where id = $1 for update"};
constexpr db::statement sql_recent{"library.recent_bulk", CARREL_RUN
                                   "where user_id = $1 and ($2::uuid is null or (created_at, id) <"
                                   " (select a.created_at, a.id from bulk_runs a where a.id = $2))"
                                   " order by created_at desc, id desc limit $3"};
#undef CARREL_RUN

constexpr db::statement sql_start{"library.start_bulk", R"sql(
  insert into bulk_runs (id, user_id, actor, act, name, state)
  values ($1, $2, $3, $4, $5, $6))sql"};

constexpr db::statement sql_choose{"library.choose_bulk_books", R"sql(
  insert into bulk_items (run_id, place, book_id)
  select $1::uuid, r.books + row_number() over (order by q.place), b.id
    from bulk_runs r, unnest($3::uuid[]) with ordinality q(book, place) join visible_books($2) b on b.id = q.book
   where r.id = $1)sql"};
constexpr db::statement sql_choose_lines{"library.choose_bulk_lines", R"sql(
  insert into bulk_items (run_id, place, book_id, wanted)
  select $1::uuid, r.books + q.place, q.book, q.wanted::jsonb
    from bulk_runs r, unnest($2::uuid[], $3::text[]) with ordinality q(book, wanted, place)
   where r.id = $1)sql"};
constexpr db::statement sql_chosen{"library.count_bulk_books", R"sql(
  update bulk_runs set books = books + $2 where id = $1 returning books)sql"};
constexpr db::statement sql_filter{"library.set_bulk_filter",
                                   "update bulk_runs set chosen = $2::jsonb, state = 'collecting' where id = $1"};
constexpr db::statement sql_chosen_by{"library.bulk_filter", "select chosen::text, at_book from bulk_runs where id = $1"};
constexpr db::statement sql_collected{"library.bulk_collected", "update bulk_runs set at_book = $2 where id = $1"};
constexpr db::statement sql_plan{"library.plan_bulk", R"sql(
  update bulk_runs set state = 'planning', at_place = 0, request = jsonb_build_object('locked', $2::boolean)
   where id = $1 and act = 'import' and state = 'collecting')sql"};
constexpr db::statement sql_request{"library.request_bulk", R"sql(
  update bulk_runs set request = $2::jsonb, state = case when state = 'chosen' then 'planning' else state end
   where id = $1 and state in ('collecting', 'chosen') and request is null)sql"};

constexpr db::statement sql_store{"library.store_bulk", R"sql(
  update bulk_runs
     set state = $2, at_place = $3, books = $4, to_change = $5, fields = $6, same = $7, locked = $8, invalid = $9, done = $10,
         failed = $11, stale = $12, undone = $13, kept = $14, hidden = $15,
         finished_at = case when $2 in ('done', 'cancelled', 'undone') then clock_timestamp() end
   where id = $1)sql"};

constexpr db::statement sql_begin{"library.begin_bulk", R"sql(
  update bulk_runs set state = 'running', at_place = 0, finished_at = null where id = $1 and state in ('ready', 'cancelled'))sql"};
constexpr db::statement sql_undo{"library.undo_bulk", R"sql(
  update bulk_runs set state = 'undoing', at_place = 0, finished_at = null
   where id = $1 and state in ('done', 'cancelled') and done > undone)sql"};
constexpr db::statement sql_cancel{"library.cancel_bulk", R"sql(
  update bulk_runs set state = 'cancelled', finished_at = clock_timestamp() where id = $1 and state in ('running', 'undoing'))sql"};
constexpr db::statement sql_drop{"library.drop_bulk", R"sql(
  delete from bulk_runs where id = $1 and state in ('collecting', 'chosen', 'planning', 'ready'))sql"};
constexpr db::statement sql_job{"library.set_bulk_job", "update bulk_runs set job_id = $2 where id = $1"};
constexpr db::statement sql_forget{"library.forget_old_bulk", R"sql(
  delete from bulk_runs
   where id in (select id from bulk_runs
                 where (created_at < $1 and state in ('collecting', 'chosen', 'planning', 'ready'))
                    or (created_at < $2 and finished_at < $2 and state in ('done', 'cancelled', 'undone'))
                 order by created_at limit $3))sql"};

constexpr db::statement sql_items{"library.bulk_items", R"sql(
  select place, book_id, wanted::text from bulk_items where run_id = $1 and state = $2 and place > $3 order by place limit $4)sql"};
constexpr db::statement sql_set_item{"library.set_bulk_item",
                                     "update bulk_items set state = $3, reason = $4 where run_id = $1 and place = $2"};

constexpr db::statement sql_changes{"library.bulk_changes", R"sql(
  select c.place, i.book_id, i.title, c.field, c.old::text, c.new::text, c.state
    from bulk_changes c join bulk_items i on i.run_id = c.run_id and i.place = c.place
   where c.run_id = $1 and (c.place, c.field) > ($2, $3)
   order by c.place, c.field limit $4)sql"};
constexpr db::statement sql_problems{"library.bulk_problems", R"sql(
  select place, book_id, title, state, reason
    from bulk_items where run_id = $1 and state in ('invalid', 'failed') and place > $2 order by place limit $3)sql"};

json::object filter_to_json(const filter& f) {
  json::object out{{"status", f.status}, {"language", f.language}, {"format", f.format}, {"text", f.text}};
  out.set("person", f.person).set("series", f.series).set("tag", f.tag).set("shelf", f.shelf);
  out.set("state", f.state).set("rating", f.rating);
  for (const char* name : detail_names) out.set(name, detail_of(f, name));
  return out;
}

std::optional<uuid> id_in(const json::object& o, std::string_view name) {
  std::string text;
  return o.take(name, text) ? uuid::parse(text) : std::nullopt;
}

filter filter_from(const json::object& o) {
  filter f;
  o.take("status", f.status);
  o.take("language", f.language);
  o.take("format", f.format);
  o.take("text", f.text);
  f.person = id_in(o, "person");
  f.series = id_in(o, "series");
  f.tag = id_in(o, "tag");
  f.shelf = id_in(o, "shelf");
  o.take("state", f.state);
  std::int64_t rating = 0;
  if (o.take("rating", rating)) f.rating = static_cast<int>(rating);
  for (const char* name : detail_names) {
    std::string value;
    if (o.take(name, value)) set_detail(f, name, value);
  }
  return f;
}

json::object request_to_json(const bulk_request& r) {
  return {{"edits", edits_to_json(r.edits)}, {"shelf", r.shelf}, {"locked", r.locked_too}};
}

bulk_request request_from(const json::object& o) {
  bulk_request out;
  const json::value* edits = o.find("edits");
  if (edits != nullptr && edits->as_array() != nullptr && !edits->as_array()->empty())
    out.edits = parse_edits(*edits->as_array()).value();
  out.shelf = id_in(o, "shelf");
  o.take("locked", out.locked_too);
  return out;
}

bulk_run run_from(const db::row& r) {
  bulk_run out;
  out.id = r.id(0);
  out.user = r.maybe_id(1);
  out.actor = r.text(2);
  out.act = r.text(3);
  out.name = r.text(4);
  out.state = r.text(5);
  if (!r.is_null(6)) out.request = request_from(json::read_object(r.view(6)).value());
  out.job = r.maybe_id(7);
  out.at_place = r.integer(8);
  out.counts = {.books = r.integer(9),
                .to_change = r.integer(10),
                .fields = r.integer(11),
                .same = r.integer(12),
                .locked = r.integer(13),
                .invalid = r.integer(14),
                .done = r.integer(15),
                .failed = r.integer(16),
                .stale = r.integer(17),
                .undone = r.integer(18),
                .kept = r.integer(19),
                .hidden = r.integer(22)};
  out.created_at = r.at(20);
  out.finished_at = r.maybe_at(21);
  return out;
}

std::optional<bulk_run> first(const db::rows& rows) { return rows.empty() ? std::nullopt : std::optional(run_from(rows[0])); }

void store(db::tx& tx, const bulk_run& r) {
  const bulk_counts& c = r.counts;
  tx.run(sql_store, r.id, r.state, r.at_place, c.books, c.to_change, c.fields, c.same, c.locked, c.invalid, c.done, c.failed,
         c.stale, c.undone, c.kept, c.hidden);
}

void collect_step(db::tx& tx, bulk_run& r, const uuid& viewer) {
  db::rows by = tx.run(sql_chosen_by, r.id);
  filter f = filter_from(json::read_object(by[0].view(0)).value());
  std::vector<uuid> found = matching_ids(tx, viewer, f, by[0].maybe_id(1).value_or(uuid{}), bulk_collected);
  if (!found.empty()) {
    r.counts.books = choose_books(tx, r.id, viewer, found);
    tx.run(sql_collected, r.id, found.back());
  }
  if (found.size() < static_cast<std::size_t>(bulk_collected)) r.state = r.request ? "planning" : "chosen";
}

bool may_go_on(db::tx& tx, const bulk_run& r, const uuid& viewer) {
  std::optional<rights> may = rights_of(tx, viewer);
  return may && allows(*may, needed_for(r.act));
}

}  // namespace

std::int64_t bulk_run::progress() const {
  if (state == "collecting") return counts.books;
  if (state == "planning" || state == "running") return state == "running" ? counts.done + counts.failed : at_place;
  return state == "undoing" ? counts.undone : counts.done;
}

std::optional<std::int64_t> bulk_run::total() const {
  if (state == "collecting") return std::nullopt;
  if (state == "planning") return counts.books;
  return state == "undoing" ? counts.done : counts.to_change;
}

capability needed_for(std::string_view act) { return act == "shelf" ? capability::shelve : capability::curate; }

uuid start_bulk(db::tx& tx, const std::optional<uuid>& user, const actor& who, const std::string& act, const std::string& name) {
  uuid id = uuid::make();
  tx.run(sql_start, id, user, storable_note(who.name, 200), act, storable_note(name, 400),
         act == "import" ? "collecting" : "chosen");
  return id;
}

std::int64_t choose_books(db::tx& tx, const uuid& run, const uuid& viewer, const std::vector<uuid>& books,
                          const std::vector<json::object>* wanted) {
  std::size_t added = 0;
  if (wanted != nullptr) {
    std::vector<std::string> lines;
    for (const json::object& o : *wanted) lines.push_back(jsonb_text(o));
    added = tx.run(sql_choose_lines, run, books, lines).affected();
  } else {
    std::set<uuid> seen;
    std::vector<uuid> once;
    for (const uuid& book : books) {
      if (seen.insert(book).second) once.push_back(book);
    }
    added = tx.run(sql_choose, run, viewer, once).affected();
  }
  return tx.run(sql_chosen, run, static_cast<std::int64_t>(added))[0].integer(0);
}

void choose_matching(db::tx& tx, const uuid& run, const filter& f) { tx.run(sql_filter, run, jsonb_text(filter_to_json(f))); }

void end_choosing(db::tx& tx, const uuid& run, bool locked_too) { tx.run(sql_plan, run, locked_too); }

std::optional<error> request_bulk(db::tx& tx, const uuid& run, const uuid& viewer, const bulk_request& wanted) {
  std::optional<bulk_run> r = find_bulk(tx, run);
  if (!r) return error{"run", "does not exist"};
  if (r->act == "edit" && wanted.edits.empty()) return error{"edits", "there are none"};
  if (wanted.edits.size() > most_bulk_edits) return error{"edits", "there are too many"};
  for (const bulk_edit& e : wanted.edits) {
    if (std::optional<error> bad = check_edit(e)) return bad;
  }
  if (r->act == "shelf") {
    std::optional<shelf> onto = wanted.shelf ? find_shelf(tx, viewer, *wanted.shelf) : std::nullopt;
    if (!onto || onto->user_id != viewer || onto->kind != "hand") return error{"shelf", "is none of your own"};
  }
  if (tx.run(sql_request, run, jsonb_text(request_to_json(wanted))).affected() == 0) return error{"run", "has begun already"};
  return std::nullopt;
}

std::optional<bulk_run> step_bulk(db::tx& tx, const uuid& run, const uuid& viewer) {
  std::optional<bulk_run> r = first(tx.run(sql_hold, run));
  if (!r || r->at_rest() || (r->act == "import" && r->state == "collecting")) return r;
  if (!may_go_on(tx, *r, viewer)) {
    r->state = "cancelled";
  } else if (r->state == "collecting") {
    collect_step(tx, *r, viewer);
  } else if (r->state == "planning") {
    plan_step(tx, *r, viewer);
  } else if (r->state == "running") {
    run_step(tx, *r, viewer);
  } else {
    undo_step(tx, *r, viewer);
  }
  store(tx, *r);
  return r;
}

bool begin_bulk(db::tx& tx, const uuid& run) { return tx.run(sql_begin, run).affected() > 0; }
bool undo_bulk(db::tx& tx, const uuid& run) { return tx.run(sql_undo, run).affected() > 0; }
bool cancel_bulk(db::tx& tx, const uuid& run) { return tx.run(sql_cancel, run).affected() > 0; }
bool drop_bulk(db::tx& tx, const uuid& run) { return tx.run(sql_drop, run).affected() > 0; }
void set_bulk_job(db::tx& tx, const uuid& run, const uuid& job) { tx.run(sql_job, run, job); }

int forget_old_bulk(db::tx& tx, instant now, int most) {
  return static_cast<int>(tx.run(sql_forget, now - std::chrono::days(1), now - std::chrono::days(30), most).affected());
}

std::optional<bulk_run> find_bulk(db::tx& tx, const uuid& run) { return first(tx.run(sql_find, run)); }
std::optional<bulk_run> find_bulk_of(db::tx& tx, const uuid& user, const uuid& run) {
  return first(tx.run(sql_find_of, run, user));
}

std::vector<bulk_run> recent_bulk(db::tx& tx, const uuid& user, const std::optional<uuid>& after, int most) {
  std::vector<bulk_run> out;
  for (const db::row& r : tx.run(sql_recent, user, after, most)) out.push_back(run_from(r));
  return out;
}

std::vector<bulk_item> bulk_items(db::tx& tx, const bulk_run& run, const std::string& state, int most) {
  std::vector<bulk_item> out;
  for (const db::row& r : tx.run(sql_items, run.id, state, run.at_place, most)) {
    bulk_item i{.place = r.integer(0), .book = r.id(1), .wanted = {}};
    if (!r.is_null(2)) i.wanted = json::read_object(r.view(2)).value();
    out.push_back(std::move(i));
  }
  return out;
}

void set_item(db::tx& tx, const uuid& run, std::int64_t place, const std::string& state, const std::string& reason) {
  tx.run(sql_set_item, run, place, state, storable_note(reason, 300));
}

std::vector<bulk_change> bulk_changes(db::tx& tx, const uuid& run, const bulk_place& after, int most) {
  std::vector<bulk_change> out;
  for (const db::row& r : tx.run(sql_changes, run, after.place, after.field, most)) {
    result<json::value, json::failure> before = json::parse(r.view(4)), now = json::parse(r.view(5));
    out.push_back({.place = r.integer(0),
                   .book = r.id(1),
                   .title = r.text(2),
                   .field = r.text(3),
                   .before = std::move(before).value(),
                   .after = std::move(now).value(),
                   .state = r.text(6)});
  }
  return out;
}

std::vector<bulk_outcome> bulk_problems(db::tx& tx, const uuid& run, std::int64_t after, int most) {
  std::vector<bulk_outcome> out;
  for (const db::row& r : tx.run(sql_problems, run, after, most))
    out.push_back({.place = r.integer(0), .book = r.id(1), .title = r.text(2), .state = r.text(3), .reason = r.text(4)});
  return out;
}

}  // namespace carrel::library
