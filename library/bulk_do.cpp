// What was previewed is done, and taken back: book by book, so that one that cannot be changed stops no other.
#include <algorithm>
#include <functional>

#include "library/bulk_parts.hpp"
#include "library/revision.hpp"
#include "library/shelf.hpp"
#include "library/storable.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_visible{"library.bulk_book", R"sql(
  select b.status::text, b.possible_duplicate_of from visible_books($1) b where b.id = $2)sql"};
constexpr db::statement sql_reachable{"library.bulk_book_anywhere", "select 1 from reachable_books($1) b where b.id = $2"};

constexpr db::statement sql_planned{"library.bulk_planned_fields", R"sql(
  select field, old::text, new::text, before::text from bulk_changes
   where run_id = $1 and place = $2 and state = $3 order by field)sql"};
constexpr db::statement sql_settle{"library.settle_bulk_fields", R"sql(
  update bulk_changes c set state = w.state, before = coalesce(w.before::jsonb, c.before)
    from unnest($3::text[], $4::text[], $5::text[]) as w (field, state, before)
   where c.run_id = $1 and c.place = $2 and c.field = w.field)sql"};

constexpr db::statement sql_unapprove{"library.unapprove_bulk_book", R"sql(
  update books b
     set status = $2::book_status, approved_at = null, possible_duplicate_of = (select o.id from books o where o.id = $3),
         version = version + 1, updated_at = greatest(clock_timestamp(), updated_at)
   where b.id = $1 and b.status = 'organized' and b.deleted_at is null)sql"};

struct field_row {
  std::string field;
  json::value before, after;
  json::object held;
};

std::vector<field_row> fields_in(db::tx& tx, const bulk_run& r, const bulk_item& i, const std::string& state) {
  std::vector<field_row> out;
  for (const db::row& row : tx.run(sql_planned, r.id, i.place, state)) {
    field_row f{.field = row.text(0), .before = {}, .after = {}, .held = {}};
    f.before = json::parse(row.view(1)).value();
    f.after = json::parse(row.view(2)).value();
    if (!row.is_null(3)) f.held = json::read_object(row.view(3)).value();
    out.push_back(std::move(f));
  }
  return out;
}

// What became of the fields of one book, written at once.
class settled {
 public:
  void add(const std::string& field, const std::string& state, const std::optional<json::object>& before = std::nullopt) {
    fields_.push_back(field);
    states_.push_back(state);
    before_.push_back(before ? std::optional(jsonb_text(*before)) : std::nullopt);
  }
  void write(db::tx& tx, const bulk_run& r, const bulk_item& i) const {
    if (!fields_.empty()) tx.run(sql_settle, r.id, i.place, fields_, states_, before_);
  }
  std::int64_t count(std::string_view state) const { return std::count(states_.begin(), states_.end(), state); }

 private:
  std::vector<std::string> fields_, states_;
  std::vector<std::optional<std::string>> before_;
};

// What one book came to; counted when its part of the transaction stands.
struct item_end {
  std::string state, reason;
  std::int64_t stale = 0, kept = 0, locked = 0, hidden = 0;
};

item_end failed(const std::string& why) { return {.state = "failed", .reason = why}; }

actor actor_of(const bulk_run& r) { return {.user = r.user, .name = r.actor}; }

// ---- doing -------------------------------------------------------------------------------------------------------------

// A name that an earlier book of the run has respelt already is remembered as it was before the run.
json::object as_spelt(json::object held, const json::value& before) {
  json::value exact = held.find("exact") != nullptr ? *held.find("exact") : json::value();
  if (before.as_array() != nullptr && exact.as_array() != nullptr && before.as_array()->size() == exact.as_array()->size()) {
    json::array people;
    for (std::size_t n = 0; n < exact.as_array()->size(); ++n) {
      const json::object* one = (*exact.as_array())[n].as_object();
      if (one == nullptr) return held;
      json::object person = *one;
      people.emplace_back(std::move(person.set("name", (*before.as_array())[n])));
    }
    held.set("value", before).set("exact", std::move(people));
  }
  if (before.as_object() != nullptr && before.as_object()->find("name") != nullptr && exact.as_object() != nullptr) {
    json::object series = *exact.as_object();
    held.set("exact", std::move(series.set("name", *before.as_object()->find("name"))));
  }
  return held;
}

item_end edit_item(db::tx& tx, const bulk_run& r, const bulk_item& i) {
  std::optional<book_record> now = read_record(tx, i.book);
  if (!now) return failed("gone");
  json::object wanted;
  settled out;
  for (const field_row& f : fields_in(tx, r, i, "planned")) {
    bool locked = now->is_locked(f.field);
    if (!same_field_value(f.field, value_of(*now, f.field), f.before)) {
      out.add(f.field, "stale");
    } else if (locked && !r.request->locked_too) {
      out.add(f.field, "locked");
    } else {
      wanted.set(f.field, f.after);
      out.add(f.field, "done", as_spelt(remembered(*now, f.field), f.before));
    }
  }
  if (!wanted.empty()) {
    result<bool> edited = edit_book(tx, i.book, wanted, actor_of(r));
    if (!edited) return failed(edited.error().message());
  }
  out.write(tx, r, i);
  item_end end{.state = wanted.empty() ? "failed" : "done", .reason = wanted.empty() ? "changed" : ""};
  end.stale = out.count("stale");
  end.locked = out.count("locked");
  return end;
}

item_end act_on_item(db::tx& tx, const bulk_run& r, const uuid& viewer, const bulk_item& i) {
  db::rows seen = tx.run(sql_visible, viewer, i.book);
  if (seen.empty()) return failed("gone");
  if (r.act == "edit" || r.act == "import") return edit_item(tx, r, i);
  std::string status = seen[0].text(0);
  bool changed = false;
  if (r.act == "shelf") changed = add_to_shelf(tx, viewer, *r.request->shelf, {i.book}) > 0;
  if (r.act == "trash") changed = trash_books(tx, {i.book}, actor_of(r)) > 0;
  if (r.act == "approve" && status != "organized") {
    approve_book(tx, i.book, actor_of(r));
    changed = true;
  }
  if (!changed) return failed("changed");
  settled out;
  for (const field_row& f : fields_in(tx, r, i, "planned"))
    out.add(f.field, "done", json::object{{"status", status}, {"duplicate", seen[0].maybe_id(1)}});
  out.write(tx, r, i);
  return {.state = "done", .reason = ""};
}

// ---- taking back -------------------------------------------------------------------------------------------------------

item_end restore_item(db::tx& tx, const bulk_run& r, const bulk_item& i) {
  std::optional<book_record> now = look_at_record(tx, i.book);
  std::vector<held_field> back;
  settled out;
  for (const field_row& f : fields_in(tx, r, i, "done")) {
    bool ours = now && same_field_value(f.field, value_of(*now, f.field), f.after);
    out.add(f.field, ours ? "undone" : "kept");
    if (ours) back.push_back({.field = f.field, .before = f.held});
  }
  if (!back.empty()) restore_fields(tx, i.book, back, actor_of(r));
  out.write(tx, r, i);
  return {.state = back.empty() ? "kept" : "undone", .reason = "", .kept = out.count("kept")};
}

bool unapprove(db::tx& tx, const uuid& book, const json::object& held, const actor& who) {
  std::string status, duplicate;
  held.take("status", status);
  held.take("duplicate", duplicate);
  if (tx.run(sql_unapprove, book, status, uuid::parse(duplicate)).affected() == 0) return false;
  record(tx, who, "book.unapprove", "book", book);
  bump_revision(tx);
  return true;
}

// What one may not see does not exist: nothing of it is changed, nor said.
item_end leave_hidden(db::tx& tx, const bulk_run& r, const bulk_item& i) {
  settled out;
  for (const field_row& f : fields_in(tx, r, i, "done")) out.add(f.field, "hidden");
  out.write(tx, r, i);
  return {.state = "hidden", .reason = "", .hidden = 1};
}

item_end take_back(db::tx& tx, const bulk_run& r, const uuid& viewer, const bulk_item& i) {
  if (tx.run(sql_reachable, viewer, i.book).empty()) return leave_hidden(tx, r, i);
  if (r.act == "edit" || r.act == "import") return restore_item(tx, r, i);
  std::vector<field_row> done = fields_in(tx, r, i, "done");
  bool back = false;
  if (r.act == "shelf") back = remove_from_shelf(tx, viewer, *r.request->shelf, {i.book}) > 0;
  if (r.act == "trash") back = untrash_books(tx, {i.book}, actor_of(r)) > 0;
  if (r.act == "approve" && !done.empty()) back = unapprove(tx, i.book, done.front().held, actor_of(r));
  settled out;
  for (const field_row& f : done) out.add(f.field, back ? "undone" : "kept");
  out.write(tx, r, i);
  return {.state = back ? "undone" : "kept", .reason = "", .kept = out.count("kept")};
}

// ---- both --------------------------------------------------------------------------------------------------------------

// 22 and 54 of the SQL standard's classes, and a broken constraint: it is this book, now or later.
bool blames_the_book(const db::failure& f) {
  return f.sqlstate.starts_with("22") || f.sqlstate.starts_with("23") || f.sqlstate.starts_with("54");
}

item_end try_item(db::tx& tx, const std::function<item_end()>& act) {
  item_end end;
  try {
    tx.savepoint([&] { end = act(); });
  } catch (const db::failure& f) {
    if (!blames_the_book(f)) throw;
    return failed("database");
  }
  return end;
}

void count(bulk_counts& c, const item_end& end) {
  c.stale += end.stale;
  c.locked += end.locked;
  c.kept += end.kept;
  c.hidden += end.hidden;
  if (end.state == "done") ++c.done;
  if (end.state == "failed") ++c.failed;
  if (end.state == "undone") ++c.undone;
}

void step(db::tx& tx, bulk_run& r, const std::string& from, const std::string& at_end,
          const std::function<item_end(const bulk_item&)>& act) {
  std::vector<bulk_item> items = bulk_items(tx, r, from, bulk_changed);
  for (const bulk_item& i : items) {
    item_end end = try_item(tx, [&] { return act(i); });
    set_item(tx, r.id, i.place, end.state, end.reason);
    count(r.counts, end);
    r.at_place = i.place;
  }
  if (items.size() < static_cast<std::size_t>(bulk_changed)) r.state = at_end;
}

}  // namespace

void run_step(db::tx& tx, bulk_run& r, const uuid& viewer) {
  step(tx, r, "planned", "done", [&](const bulk_item& i) { return act_on_item(tx, r, viewer, i); });
}

void undo_step(db::tx& tx, bulk_run& r, const uuid& viewer) {
  step(tx, r, "done", "undone", [&](const bulk_item& i) { return take_back(tx, r, viewer, i); });
}

}  // namespace carrel::library
