#include "library/change.hpp"

#include <algorithm>

#include "library/book_names.hpp"
#include "library/book_record.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_groups{"library.changes_of", R"sql(
  select c.group_id, c.at, c.actor, c.undoes, c.undone_at is not null, c.field, c.old::text, c.new::text, c.candidate_id
    from metadata_changes c
   where c.book_id = $1
     and c.group_id in (select g.group_id from metadata_changes g
                         where g.book_id = $1 and ($2::uuid is null or g.group_id < $2)
                         group by g.group_id order by g.group_id desc limit $3)
   order by c.group_id desc, c.id)sql"};

constexpr db::statement sql_group{"library.read_change", R"sql(
  select field, old::text, new::text, undone_at is not null from metadata_changes where book_id = $1 and group_id = $2)sql"};

constexpr db::statement sql_undone{"library.mark_change_undone", R"sql(
  update metadata_changes set undone_at = clock_timestamp() where book_id = $1 and group_id = $2)sql"};

constexpr db::statement sql_last_edit{"library.last_edit", R"sql(
  select group_id from metadata_changes
   where book_id = $1 and undone_at is null and undoes is null and candidate_id is null
     and new->>'source' = 'user' and old->'value' is distinct from new->'value'
   order by group_id desc limit 1)sql"};

json::object object_of(const db::row& r, std::size_t column) { return json::read_object(r.view(column)).value(); }

json::value member(const json::object& o, std::string_view name) { return o.find(name) ? *o.find(name) : json::value(); }

field_state state_from(const json::object& o) {
  field_state out;
  out.value = member(o, "value");
  o.take("source", out.source);
  o.take("locked", out.locked);
  return out;
}

struct traced {
  std::string field;
  json::object before, after;
  bool changes_value() const {
    return !same_value(member(before, "value"), member(after, "value")) ||
           !same_value(member(before, "exact"), member(after, "exact"));
  }
};

}  // namespace

std::vector<change_group> changes_of(db::tx& tx, const uuid& book, const std::optional<uuid>& after, int most) {
  std::vector<change_group> out;
  for (const db::row& r : tx.run(sql_groups, book, after, most)) {
    if (out.empty() || out.back().id != r.id(0)) {
      out.push_back(
          {.id = r.id(0), .at = r.at(1), .actor = r.text(2), .undoes = r.maybe_id(3), .undone = r.flag(4), .fields = {}});
    }
    out.back().fields.push_back({.field = r.text(5),
                                 .before = state_from(object_of(r, 6)),
                                 .after = state_from(object_of(r, 7)),
                                 .candidate = r.maybe_id(8)});
  }
  return out;
}

undo_outcome undo_change(db::tx& tx, const uuid& book, const uuid& group, const actor& who) {
  std::optional<book_record> now = read_record(tx, book);
  db::rows rows = tx.run(sql_group, book, group);
  if (!now || rows.empty()) return undo_outcome::unknown;
  book_record back = *now;
  for (const db::row& r : rows) {
    if (r.flag(3)) return undo_outcome::already;
    traced t{.field = r.text(0), .before = object_of(r, 1), .after = object_of(r, 2)};
    if (t.changes_value() && !same_value(value_of(*now, t.field), member(t.after, "value"))) return undo_outcome::overtaken;
    if (t.changes_value()) restore_state(tx, back, t.field, t.before);
    restore_marks(back, t.field, t.before);
  }
  respell_names(tx, now->fields, back.fields);
  write_record(tx, book, *now, std::move(back), who, group);
  tx.run(sql_undone, book, group);
  record(tx, who, "book.undo", "book", book, {{"group", group}});
  return undo_outcome::done;
}

std::optional<uuid> last_edit(db::tx& tx, const uuid& book) {
  db::rows rows = tx.run(sql_last_edit, book);
  return rows.empty() ? std::nullopt : std::optional(rows[0].id(0));
}

result<bool> set_lock(db::tx& tx, const uuid& book, const std::string& field, bool locked, const actor& who) {
  if (std::find(tracked_fields.begin(), tracked_fields.end(), field) == tracked_fields.end())
    return error{"field", "is no field of a book"};
  std::optional<book_record> before = read_record(tx, book);
  if (!before) return error{"book", "does not exist"};
  if (before->is_locked(field) == locked) return false;
  book_record after = *before;
  after.lock(field, locked);
  write_record(tx, book, *before, std::move(after), who);
  record(tx, who, locked ? "book.lock" : "book.unlock", "book", book, {{"field", field}});
  return true;
}

}  // namespace carrel::library
