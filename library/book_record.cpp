#include "library/book_record.hpp"

#include <algorithm>

#include "library/revision.hpp"
#include "library/storable.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_marks{"library.read_marks", R"sql(
  select b.locked_fields, b.field_sources, c.id, c.sha256, c.storage_path, c.width, c.height
    from books b left join covers c on c.id = b.cover_id where b.id = $1)sql"};

constexpr db::statement sql_taken{"library.read_taken", R"sql(
  select id, selected_fields from book_metadata_candidates
   where book_id = $1 and selected_fields <> '{}' order by confidence desc, id)sql"};

constexpr db::statement sql_write_marks{"library.write_marks", R"sql(
  update books set locked_fields = $2::text[], field_sources = $3::jsonb where id = $1)sql"};

constexpr db::statement sql_write_cover{"library.write_cover", R"sql(
  update books set cover_id = $2, cover_path = $3, version = version + 1, updated_at = greatest(clock_timestamp(), updated_at)
   where id = $1)sql"};

// A field is taken from one candidate at most.
constexpr db::statement sql_write_taken{"library.write_taken", R"sql(
  update book_metadata_candidates c
     set selected_fields = w.fields,
         status = case when w.fields <> '{}' then 'applied' when c.status = 'applied' then 'new' else c.status end
    from (select k.id, array(select distinct f from unnest(array(select s from unnest(k.selected_fields) s where s <> all ($2::text[]))
                                                           || array(select t.field from unnest($2::text[], $3::uuid[]) as t (field, holder)
                                                                     where t.holder = k.id)) f order by f) as fields
            from book_metadata_candidates k where k.book_id = $1) w
   where c.id = w.id and c.selected_fields <> w.fields)sql"};

constexpr db::statement sql_remember{"library.remember_changes", R"sql(
  insert into metadata_changes (id, book_id, group_id, field, old, new, candidate_id, at, user_id, actor, undoes)
  select w.id, $1, $2, w.field, w.old, w.new, c.id, $3, $4, $5, $6
    from unnest($7::uuid[], $8::text[], $9::jsonb[], $10::jsonb[], $11::uuid[]) as w (id, field, old, new, candidate)
    left join book_metadata_candidates c on c.id = w.candidate)sql"};

constexpr db::statement sql_stored_cover{"library.find_stored_cover", R"sql(
  select id, sha256, storage_path, width, height from covers where sha256 = $1)sql"};

constexpr db::statement sql_cover{"library.cover_by_id",
                                  "select id, sha256, storage_path, width, height from covers where id = $1"};

cover_ref cover_from(const db::row& r, std::size_t at) {
  return {.id = r.id(at),
          .sha256 = r.text(at + 1),
          .storage_path = r.text(at + 2),
          .width = static_cast<int>(r.integer(at + 3)),
          .height = static_cast<int>(r.integer(at + 4))};
}

std::optional<cover_ref> cover_of(const db::rows& rows) {
  return rows.empty() ? std::nullopt : std::optional(cover_from(rows[0], 0));
}

std::optional<book_record> record_around(db::tx& tx, const uuid& book, std::optional<book_fields> fields) {
  if (!fields) return std::nullopt;
  book_record out;
  out.fields = std::move(*fields);
  db::rows marks = tx.run(sql_marks, book);
  out.locked = marks[0].texts(0);
  out.sources = json::read_object(marks[0].view(1)).value();
  if (!marks[0].is_null(2)) out.cover = cover_from(marks[0], 2);
  for (const db::row& r : tx.run(sql_taken, book)) {
    for (const std::string& field : r.texts(1)) out.taken.emplace(field, r.id(0));
  }
  return out;
}

json::array people_of(const std::vector<publication::person>& people, bool roles) {
  json::array out;
  for (const publication::person& p : people) {
    json::object one{{"name", p.name}, {"sort", p.sort}};
    if (roles) one.set("role", p.role);
    out.emplace_back(std::move(one));
  }
  return out;
}

// Everything that is needed to have the field again as it is, where its value is not enough.
json::value exact_of(const book_record& r, const std::string& field) {
  const book_fields& f = r.fields;
  if (field == "authors") return people_of(f.authors, false);
  if (field == "narrators") return people_of(f.contributors, true);
  if (field == "series" && !f.series.empty())
    return json::object{{"name", f.series}, {"index", f.series_index}, {"index_text", f.series_index_text}};
  if (field == "page_count" && f.page_count) return json::object{{"count", *f.page_count}, {"source", f.page_count_source}};
  if (field == "cover" && r.cover) return json::object{{"id", r.cover->id}};
  return value_of(r, field);
}

}  // namespace

json::object state_of(const book_record& r, const std::string& field) {
  json::value value = value_of(r, field), exact = exact_of(r, field);
  json::object out{{"value", value}, {"source", r.source_of(field)}, {"locked", r.is_locked(field)}};
  if (auto from = r.taken.find(field); from != r.taken.end()) out.set("candidate", from->second);
  if (json::dump(value) != json::dump(exact)) out.set("exact", std::move(exact));
  return out;
}

namespace {

bool same_values(const book_record& a, const book_record& b) {
  return std::all_of(tracked_fields.begin(), tracked_fields.end(), [&](const char* name) {
    return std::string_view(name) == "cover" || same_value(exact_of(a, name), exact_of(b, name));
  });
}

bool same_cover(const book_record& a, const book_record& b) {
  return a.cover.has_value() == b.cover.has_value() && (!a.cover || a.cover->id == b.cover->id);
}

// Fields whose candidate is another one, with it; nil where the field is no candidate's any more.
void write_taken(db::tx& tx, const uuid& book, const book_record& before, const book_record& after) {
  std::vector<std::string> fields;
  std::vector<uuid> holders;
  for (const char* name : tracked_fields) {
    auto was = before.taken.find(name), is = after.taken.find(name);
    uuid from = was == before.taken.end() ? uuid{} : was->second, to = is == after.taken.end() ? uuid{} : is->second;
    if (from == to) continue;
    fields.emplace_back(name);
    holders.push_back(to);
  }
  if (!fields.empty()) tx.run(sql_write_taken, book, fields, holders);
}

std::optional<uuid> remember(db::tx& tx, const uuid& book, const book_record& before, const book_record& after, const actor& who,
                             const std::optional<uuid>& undoes) {
  std::vector<uuid> ids;
  std::vector<std::string> fields, olds, news;
  std::vector<std::optional<uuid>> candidates;
  for (const char* name : tracked_fields) {
    std::string was = jsonb_text(state_of(before, name)), is = jsonb_text(state_of(after, name));
    if (was == is) continue;
    auto from = after.taken.find(name);
    ids.push_back(uuid::make());
    fields.emplace_back(name);
    olds.push_back(std::move(was));
    news.push_back(std::move(is));
    candidates.push_back(from == after.taken.end() ? std::nullopt : std::optional(from->second));
  }
  if (ids.empty()) return std::nullopt;
  uuid group = uuid::make();
  tx.run(sql_remember, book, group, now(), who.user, storable_note(who.name, 200), undoes, ids, fields, olds, news, candidates);
  return group;
}

std::string text_of(const json::value& v) { return v.as_text() ? *v.as_text() : std::string(); }

std::vector<std::string> texts_of(const json::value& v) {
  std::vector<std::string> out;
  if (!v.as_array()) return out;
  for (const json::value& item : *v.as_array()) out.push_back(text_of(item));
  return out;
}

std::optional<int> number_of(const json::value* v) {
  std::optional<std::int64_t> n = v && v->as_number() ? to_integer(v->as_number()->text) : std::nullopt;
  return n ? std::optional(static_cast<int>(*n)) : std::nullopt;
}

std::vector<publication::person> people_from(const json::value& v, const std::string& role) {
  std::vector<publication::person> out;
  if (!v.as_array()) return out;
  for (const json::value& item : *v.as_array()) {
    const json::object* o = item.as_object();
    publication::person p{.name = text_of(item), .sort = "", .role = role};
    if (o) {
      o->take("name", p.name);
      o->take("sort", p.sort);
      o->take("role", p.role);
    }
    out.push_back(std::move(p));
  }
  return out;
}

void restore_series(book_fields& f, const json::object* o) {
  f.series.clear();
  f.series_index.reset();
  f.series_index_text.clear();
  if (!o) return;
  o->take("name", f.series);
  o->take("index_text", f.series_index_text);
  if (double index = 0; o->take("index", index)) f.series_index = index;
}

void restore_identifiers(book_fields& f, const json::object* o) {
  f.identifiers.clear();
  if (!o) return;
  for (const auto& [scheme, value] : o->members()) f.identifiers.emplace_back(scheme, text_of(value));
}

}  // namespace

// Whatever the order of members: jsonb has one of its own.
bool same_value(const json::value& a, const json::value& b) {
  const json::object *x = a.as_object(), *y = b.as_object();
  if (!x || !y) return json::dump(a) == json::dump(b);
  return x->size() == y->size() && std::all_of(x->members().begin(), x->members().end(), [&](const auto& m) {
           return y->find(m.first) != nullptr && same_value(m.second, *y->find(m.first));
         });
}

bool book_record::is_locked(std::string_view field) const {
  return std::find(locked.begin(), locked.end(), field) != locked.end();
}

void book_record::lock(const std::string& field, bool on) {
  std::erase(locked, field);
  if (on) locked.push_back(field);
  std::sort(locked.begin(), locked.end());
}

std::string book_record::source_of(std::string_view field) const {
  std::string out;
  sources.take(field, out);
  return out;
}

void book_record::set_source(const std::string& field, const std::string& source) {
  json::object others;
  for (const auto& [name, value] : sources.members()) {
    if (name != field) others.set(name, value);
  }
  if (!source.empty()) others.set(field, source);
  sources = std::move(others);
}

std::optional<book_record> read_record(db::tx& tx, const uuid& book) { return record_around(tx, book, read_fields(tx, book)); }

std::optional<book_record> look_at_record(db::tx& tx, const uuid& book) {
  return record_around(tx, book, look_at_fields(tx, book));
}

json::value value_of(const book_record& r, const std::string& field) {
  if (field == "cover") {
    return r.cover ? json::value(
                         json::object{{"width", r.cover->width}, {"height", r.cover->height}, {"version", r.cover->version()}})
                   : json::value();
  }
  if (field != "narrators") return field_value(r.fields, field);
  json::array out;
  for (const publication::person& p : r.fields.contributors) out.push_back(json::object{{"name", p.name}, {"role", p.role}});
  return out;
}

void restore_state(db::tx& tx, book_record& r, const std::string& field, const json::object& state) {
  const json::value* whole = state.find("exact");
  if (!whole) whole = state.find("value");
  const json::value v = whole ? *whole : json::value();
  const json::object* o = v.as_object();
  book_fields& f = r.fields;
  if (field == "title") f.title = text_of(v);
  if (field == "subtitle") f.subtitle = text_of(v);
  if (field == "title_sort") f.title_sort = text_of(v);
  if (field == "publisher") f.publisher = text_of(v);
  if (field == "published") f.published_on = text_of(v);
  if (field == "authors") f.authors = people_from(v, "aut");
  if (field == "narrators") f.contributors = people_from(v, "nrt");
  if (field == "series") restore_series(f, o);
  if (field == "languages") f.languages = texts_of(v);
  if (field == "genres") f.genres = texts_of(v);
  if (field == "tags") f.tags = texts_of(v);
  if (field == "identifiers") restore_identifiers(f, o);
  if (field == "age_rating") f.age_rating = number_of(&v);
  if (field == "page_count") {
    f.page_count = number_of(o ? o->find("count") : &v);
    f.page_count_source.clear();
    if (o) o->take("source", f.page_count_source);
  }
  if (field == "description") {
    f.description = text_of(v);
    f.description_text = publication::sanitise(f.description).text;
  }
  if (field == "cover") {
    std::optional<uuid> id = o && o->find("id") ? uuid::parse(text_of(*o->find("id"))) : std::nullopt;
    r.cover = id ? cover_of(tx.run(sql_cover, *id)) : std::nullopt;
  }
}

void restore_marks(book_record& r, const std::string& field, const json::object& state) {
  bool locked = false;
  std::string source, holder;
  state.take("locked", locked);
  state.take("source", source);
  state.take("candidate", holder);
  r.lock(field, locked);
  r.set_source(field, source);
  r.taken.erase(field);
  if (std::optional<uuid> candidate = uuid::parse(holder)) r.taken.emplace(field, *candidate);
}

void restore_field(db::tx& tx, book_record& r, const std::string& field, const json::object& state) {
  restore_state(tx, r, field, state);
  restore_marks(r, field, state);
}

std::optional<uuid> write_record(db::tx& tx, const uuid& book, const book_record& before, book_record after, const actor& who,
                                 const std::optional<uuid>& undoes) {
  if (after.fields.title_sort.empty()) {
    std::string language = after.fields.languages.empty() ? "" : after.fields.languages.front();
    after.fields.title_sort = publication::title_sort(after.fields.title, language);
  }
  bool values = !same_values(before, after), cover = !same_cover(before, after);
  if (values) write_fields(tx, book, after.fields);
  if (cover) {
    tx.run(sql_write_cover, book, after.cover ? std::optional(after.cover->id) : std::nullopt,
           after.cover ? std::optional(after.cover->storage_path) : std::nullopt);
  }
  bool marks = before.locked != after.locked || json::dump(before.sources) != json::dump(after.sources);
  if (marks) tx.run(sql_write_marks, book, after.locked, json::dump(after.sources));
  write_taken(tx, book, before, after);
  if (!values && !cover && !marks && before.taken == after.taken) return std::nullopt;
  // As it is stored: a name may be there in another spelling.
  std::optional<book_record> stored = look_at_record(tx, book);
  CARREL_EXPECT(stored.has_value());
  std::optional<uuid> group = remember(tx, book, before, *stored, who, undoes);
  if (values || cover) bump_revision(tx);
  return group;
}

std::optional<cover_ref> find_stored_cover(db::tx& tx, const std::string& sha256) {
  return cover_of(tx.run(sql_stored_cover, sha256));
}

}  // namespace carrel::library
