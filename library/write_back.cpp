#include "library/write_back.hpp"

#include <algorithm>

#include "library/revision.hpp"
#include "library/write_work.hpp"
#include "publication/side_file.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_choice{"library.write_choice", "select write_back, write_fields from libraries where id = $1"};
constexpr db::statement sql_choose{"library.set_write_choice", R"sql(
  update libraries l set write_back = $2, write_fields = $3 from libraries old where l.id = $1 and old.id = l.id
  returning old.write_back, old.write_fields)sql"};
constexpr db::statement sql_count{"library.count_written", R"sql(
  select count(*) filter (where w.state <> 'failed'), count(*) filter (where w.state = 'held'), count(*) filter (where w.state = 'failed')
    from written_books w join books b on b.id = w.book_id
   where b.library_id = $1 and w.library_id = $1 and b.deleted_at is null)sql"};
constexpr db::statement sql_unwritten{"library.unwritten_books", R"sql(
  select b.id, b.title, case when w.state = 'held' then 'kobo_holds' else w.problem end, w.detail, w.at
    from written_books w join visible_books($1) b on b.id = w.book_id join libraries l on l.id = w.library_id
   where w.library_id = $2 and b.library_id = $2 and w.state <> 'written' and l.write_back <> ''
     and ($3::uuid is null or (w.at, b.id) < (select p.at, p.book_id from written_books p where p.book_id = $3))
   order by w.at desc, b.id desc limit $4)sql"};

error no_such(const std::string& name) {
  std::string known;
  for (std::string_view f : publication::writable_fields) known += (known.empty() ? "" : ", ") + std::string(f);
  return {"library.write_fields",
          (name.empty() ? "Nothing would be written." : "There is no such field.") + std::string(" Fields are ") + known + "."};
}

write_choice choice_from(const db::row& r) { return {.where = r.text(0), .fields = r.texts(1)}; }

}  // namespace

bool write_choice::writes(std::string_view field) const { return std::find(fields.begin(), fields.end(), field) != fields.end(); }

write_choice every_field(const std::string& where) {
  return {.where = where, .fields = {publication::writable_fields.begin(), publication::writable_fields.end()}};
}

std::string to_text(const write_choice& c) { return c.on() ? c.where + " " + join(c.fields, ",") : "off"; }

std::optional<write_choice> write_choice_from_text(std::string_view text) {
  if (text == "off") return write_choice{};
  std::size_t blank = text.find(' ');
  if (blank == text.npos) return std::nullopt;
  result<write_choice> out = write_choice_of(std::string(text.substr(0, blank)), split(text.substr(blank + 1), ','));
  return out ? std::optional(std::move(*out)) : std::nullopt;
}

result<write_choice> write_choice_of(const std::string& where, const std::vector<std::string>& fields) {
  if (where.empty() || where == "off") return write_choice{};
  if (where != "side" && where != "files") return error{"library.write_where", "It is off, side or files."};
  for (const std::string& f : fields) {
    if (std::find(publication::writable_fields.begin(), publication::writable_fields.end(), f) ==
        publication::writable_fields.end())
      return no_such(f);
  }
  write_choice out{.where = where, .fields = {}};
  for (std::string_view f : publication::writable_fields) {
    if (std::find(fields.begin(), fields.end(), f) != fields.end()) out.fields.emplace_back(f);
  }
  if (out.fields.empty()) return no_such("");
  return out;
}

std::optional<error> refuses_write(const book_library& l) {
  if (l.in_place()) return error{"library.read_only", l.name + " is read in place: nothing is ever written there."};
  if (!l.is_tree()) return error{"library.no_tree", "Details are written only where Carrel names the files for people."};
  return std::nullopt;
}

write_choice find_write_choice(db::tx& tx, const uuid& library) {
  db::rows rows = tx.run(sql_choice, library);
  return rows.empty() || rows[0].text(0).empty() ? write_choice{} : choice_from(rows[0]);
}

write_choice set_write_choice(db::tx& tx, const uuid& library, const write_choice& c, const actor& who) {
  db::rows rows = tx.run(sql_choose, library, c.where, c.fields);
  if (rows.empty()) return {};
  write_choice before = rows[0].text(0).empty() ? write_choice{} : choice_from(rows[0]);
  if (before == c) return before;
  record(tx, who, "library.write_back", "library", library, json::object{{"before", to_text(before)}, {"after", to_text(c)}});
  bump_revision(tx);
  return before;
}

write_counts count_written(db::tx& tx, const book_library& l) {
  db::rows rows = tx.run(sql_count, l.id);
  write_choice c = find_write_choice(tx, l.id);
  return {.written = rows[0].integer(0),
          .held = rows[0].integer(1),
          .failed = rows[0].integer(2),
          .waiting = c.on() ? count_books_to_write(tx, l, c) : 0};
}

json::object to_json(const write_choice& c, const write_counts& n) {
  json::object out{{"where", c.on() ? c.where : "off"}, {"fields", c.fields}};
  return out.set("written", n.written).set("waiting", n.waiting).set("held", n.held).set("failed", n.failed);
}

std::vector<unwritten_book> unwritten_books(db::tx& tx, const uuid& viewer, const uuid& library, const std::optional<uuid>& after,
                                            int most) {
  std::vector<unwritten_book> out;
  for (const db::row& r : tx.run(sql_unwritten, viewer, library, after, most))
    out.push_back({.book = r.id(0), .title = r.text(1), .problem = r.text(2), .detail = r.text(3), .since = r.at(4)});
  return out;
}

json::object to_json(const write_preview& p) {
  json::array lines;
  for (const write_preview::line& l : p.lines)
    lines.push_back(json::object{{"book", l.book}, {"title", l.title}, {"path", l.path}, {"how", l.how}});
  json::object out{{"books", p.books}, {"files", p.files}, {"beside", p.beside}, {"held", p.held}};
  return out.set("lines", std::move(lines));
}

}  // namespace carrel::library
