// What a bulk run will change, found out before it changes anything.
#include <algorithm>
#include <map>

#include "library/bulk_parts.hpp"
#include "library/storable.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_look{"library.look_at_bulk_books", R"sql(
  select b.id, b.title, b.status::text, b.locked_fields,
         exists (select from shelf_books s where s.shelf_id = $3::uuid and s.book_id = b.id)
    from visible_books($1) b where b.id = any ($2::uuid[]))sql"};

// Spellings of these names that the library has already: a person and a series are written as they were when they came.
constexpr db::statement sql_people{"library.people_spelt", "select name_key, name from people where name_key = any ($1::text[])"};
constexpr db::statement sql_series{"library.series_spelt", "select name_key, name from series where name_key = any ($1::text[])"};

constexpr db::statement sql_store_items{"library.store_bulk_plan", R"sql(
  update bulk_items i set state = w.state, reason = w.reason, title = w.title
    from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) as w (place, state, reason, title)
   where i.run_id = $1 and i.place = w.place)sql"};
constexpr db::statement sql_store_changes{"library.store_bulk_changes", R"sql(
  insert into bulk_changes (run_id, place, field, old, new, state)
  select $1, w.place, w.field, w.old::jsonb, w.new::jsonb, w.state
    from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[]) as w (place, field, old, new, state))sql"};

struct looked_at {
  std::string title, status;
  std::vector<std::string> locked;
  bool on_shelf = false;
};

// What one step found out, in the columns of the two statements.
struct plan {
  std::vector<std::int64_t> places, at;
  std::vector<std::string> states, reasons, titles;
  std::vector<std::string> fields, before, after, outcomes;

  void add_item(std::int64_t place, const std::string& state, const std::string& reason, const std::string& title) {
    places.push_back(place);
    states.push_back(state);
    reasons.push_back(storable_note(reason, 300));
    titles.push_back(title);
  }
  void add_change(std::int64_t place, const planned_change& c, const std::string& outcome) {
    at.push_back(place);
    fields.push_back(c.field);
    before.push_back(jsonb_text(c.before));
    after.push_back(jsonb_text(c.after));
    outcomes.push_back(outcome);
  }
};

std::map<uuid, looked_at> look(db::tx& tx, const bulk_run& r, const uuid& viewer, const std::vector<bulk_item>& items) {
  std::vector<uuid> ids;
  for (const bulk_item& i : items) ids.push_back(i.book);
  std::map<uuid, looked_at> out;
  for (const db::row& row : tx.run(sql_look, viewer, ids, r.request->shelf))
    out.emplace(row.id(0),
                looked_at{.title = row.text(1), .status = row.text(2), .locked = row.texts(3), .on_shelf = row.flag(4)});
  return out;
}

// A line of an import as edits: each field it has is set.
std::vector<bulk_edit> edits_of(const bulk_run& r, const bulk_item& i) {
  if (!i.wanted) return r.request->edits;
  std::vector<bulk_edit> out;
  for (const auto& [field, value] : i.wanted->members())
    out.push_back({.how = bulk_edit::kind::set, .field = field, .value = value});
  return in_order(std::move(out));
}

class spellings {
 public:
  explicit spellings(db::tx& tx) : tx_(tx) {}

  json::value people(const json::value& names) {
    if (names.as_array() == nullptr) return names;
    json::array out;
    for (const json::value& name : *names.as_array())
      out.emplace_back(name.as_text() != nullptr ? known(sql_people, people_, *name.as_text()) : name);
    return out;
  }
  json::value series(const json::value& v) {
    std::string name;
    if (v.as_object() == nullptr || !v.as_object()->take("name", name)) return v;
    json::object out = *v.as_object();
    out.set("name", known(sql_series, series_, name));
    return out;
  }

 private:
  using cache = std::map<std::string, std::string>;
  json::value known(const db::statement& sql, cache& known_names, const std::string& name) {
    std::string key = key_of_name(name);
    auto there = known_names.find(key);
    if (there == known_names.end()) {
      db::rows rows = tx_.run(sql, std::vector{key});
      there = known_names.emplace(key, rows.empty() ? name : rows[0].text(1)).first;
    }
    return there->second;
  }
  db::tx& tx_;
  cache people_, series_;
};

result<std::vector<planned_change>> changes_of(db::tx& tx, const bulk_run& r, const bulk_item& i, const looked_at& b,
                                               spellings& written) {
  if (r.act == "shelf") {
    if (b.on_shelf) return std::vector<planned_change>{};
    return std::vector<planned_change>{{.field = "shelf", .before = false, .after = true}};
  }
  if (r.act == "trash") return std::vector<planned_change>{{.field = "trash", .before = false, .after = true}};
  if (r.act == "approve") {
    if (b.status == "organized") return std::vector<planned_change>{};
    return std::vector<planned_change>{{.field = "status", .before = b.status, .after = "organized"}};
  }
  std::optional<book_fields> fields = look_at_fields(tx, i.book);
  if (!fields) return error{"", "gone"};
  result<std::vector<planned_change>> planned = plan_edits(*fields, edits_of(r, i));
  if (!planned) return planned;
  // Whoever edits a name of the book into another spelling of it means that; a line of a file is no such wish.
  auto is_respelling = [&](const planned_change& c) {
    return r.act == "edit" && !means_the_same(c.before, c.after) && same_field_value(c.field, c.before, c.after);
  };
  for (planned_change& c : *planned) {
    if (is_respelling(c)) continue;
    if (c.field == "authors") c.after = written.people(c.after);
    if (c.field == "series") c.after = written.series(c.after);
  }
  std::erase_if(*planned,
                [&](const planned_change& c) { return !is_respelling(c) && same_field_value(c.field, c.before, c.after); });
  return planned;
}

void plan_item(plan& out, bulk_run& r, const bulk_item& i, const looked_at& b, const result<std::vector<planned_change>>& found) {
  if (!found) {
    ++r.counts.invalid;
    return out.add_item(i.place, "invalid", found.error().message(), b.title);
  }
  std::int64_t planned = 0;
  for (const planned_change& c : *found) {
    bool locked = !r.request->locked_too && std::find(b.locked.begin(), b.locked.end(), c.field) != b.locked.end();
    out.add_change(i.place, c, locked ? "locked" : "planned");
    ++(locked ? r.counts.locked : planned);
  }
  r.counts.fields += planned;
  ++(planned > 0 ? r.counts.to_change : r.counts.same);
  out.add_item(i.place, planned > 0 ? "planned" : "same", "", b.title);
}

}  // namespace

void plan_step(db::tx& tx, bulk_run& r, const uuid& viewer) {
  std::vector<bulk_item> items = bulk_items(tx, r, "new", bulk_looked_at);
  std::map<uuid, looked_at> books = look(tx, r, viewer, items);
  spellings written(tx);
  plan out;
  for (const bulk_item& i : items) {
    r.at_place = i.place;
    auto b = books.find(i.book);
    if (b == books.end()) {
      plan_item(out, r, i, {}, error{"", "gone"});
    } else {
      plan_item(out, r, i, b->second, changes_of(tx, r, i, b->second, written));
    }
  }
  tx.run(sql_store_items, r.id, out.places, out.states, out.reasons, out.titles);
  tx.run(sql_store_changes, r.id, out.at, out.fields, out.before, out.after, out.outcomes);
  if (items.size() < static_cast<std::size_t>(bulk_looked_at)) r.state = "ready";
}

}  // namespace carrel::library
