#include "library/merge_fields.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "library/book_parts.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_locks{"library.merge_locks", R"sql(
  select id, locked_fields, field_sources::text from books where id in ($1, $2))sql"};
constexpr db::statement sql_cover{"library.merge_cover", R"sql(
  update books k set cover_id = o.cover_id, cover_path = o.cover_path, cover_url = o.cover_url
    from books o where k.id = $1 and o.id = $2 and k.cover_id is null and o.cover_id is not null returning k.cover_id)sql"};
constexpr db::statement sql_cover_back{"library.merge_cover_back", R"sql(
  update books set cover_id = null, cover_path = null, cover_url = null where id = $1 and cover_id = $2)sql"};
constexpr db::statement sql_origin{"library.merge_field_origin", R"sql(
  update books set locked_fields = $2::text[], field_sources = $3::jsonb where id = $1)sql"};

constexpr std::array names{"title",       "subtitle",  "authors",   "contributors", "series", "languages",  "identifiers",
                           "description", "publisher", "published", "genres",       "tags",   "page_count", "age_rating"};

// ---- a field with all that belongs to it, so that it can be put back as it was -------------------------------------

json::array people_json(const std::vector<publication::person>& all) {
  json::array out;
  for (const publication::person& p : all) out.push_back(json::object{{"name", p.name}, {"sort", p.sort}, {"role", p.role}});
  return out;
}

std::vector<publication::person> people_from(const json::value& v) {
  std::vector<publication::person> out;
  if (v.as_array() == nullptr) return out;
  for (const json::value& one : *v.as_array()) {
    publication::person p;
    if (one.as_object() == nullptr) continue;
    one.as_object()->take("name", p.name);
    one.as_object()->take("sort", p.sort);
    one.as_object()->take("role", p.role);
    out.push_back(std::move(p));
  }
  return out;
}

json::value number_or_null(const std::optional<int>& n) { return n ? json::value(*n) : json::value(); }

json::value whole(const book_fields& f, std::string_view name) {
  if (name == "title") return json::array{f.title, f.title_sort};
  if (name == "subtitle") return f.subtitle;
  if (name == "authors") return people_json(f.authors);
  if (name == "contributors") return people_json(f.contributors);
  if (name == "series") {
    if (f.series.empty()) return nullptr;
    return json::array{f.series, f.series_index ? json::value(*f.series_index) : json::value(), f.series_index_text};
  }
  if (name == "languages") return f.languages;
  if (name == "identifiers") {
    json::object o;
    for (const auto& [scheme, value] : f.identifiers) o.set(scheme, value);
    return o;
  }
  if (name == "description") return json::array{f.description, f.description_text};
  if (name == "publisher") return f.publisher;
  if (name == "published") return f.published_on;
  if (name == "genres") return f.genres;
  if (name == "tags") return f.tags;
  if (name == "page_count") return json::array{number_or_null(f.page_count), f.page_count_source};
  return number_or_null(f.age_rating);
}

std::string text_of(const json::value& v) { return v.as_text() ? *v.as_text() : std::string(); }
std::string text_at(const json::value& v, std::size_t i) {
  return v.as_array() && i < v.as_array()->size() ? text_of((*v.as_array())[i]) : std::string();
}
std::vector<std::string> texts_of(const json::value& v) {
  std::vector<std::string> out;
  if (v.as_array() == nullptr) return out;
  for (const json::value& one : *v.as_array()) out.push_back(text_of(one));
  return out;
}
std::optional<int> whole_number(const json::value& v) {
  std::optional<std::int64_t> n = v.as_number() ? to_integer(v.as_number()->text) : std::nullopt;
  return n ? std::optional(static_cast<int>(*n)) : std::nullopt;
}

void put_series(book_fields& f, const json::value& v) {
  f.series = text_at(v, 0);
  f.series_index.reset();
  f.series_index_text = text_at(v, 2);
  if (v.as_array() && v.as_array()->size() == 3 && (*v.as_array())[1].as_number())
    f.series_index = to_double((*v.as_array())[1].as_number()->text);
}

void put(book_fields& f, std::string_view name, const json::value& v) {
  if (name == "title") {
    f.title = text_at(v, 0);
    f.title_sort = text_at(v, 1);
  } else if (name == "subtitle") {
    f.subtitle = text_of(v);
  } else if (name == "authors") {
    f.authors = people_from(v);
  } else if (name == "contributors") {
    f.contributors = people_from(v);
  } else if (name == "series") {
    put_series(f, v);
  } else if (name == "languages") {
    f.languages = texts_of(v);
  } else if (name == "identifiers") {
    f.identifiers.clear();
    if (v.as_object() == nullptr) return;
    for (const auto& [scheme, value] : v.as_object()->members()) f.identifiers.emplace_back(scheme, text_of(value));
  } else if (name == "description") {
    f.description = text_at(v, 0);
    f.description_text = text_at(v, 1);
  } else if (name == "publisher") {
    f.publisher = text_of(v);
  } else if (name == "published") {
    f.published_on = text_of(v);
  } else if (name == "genres") {
    f.genres = texts_of(v);
  } else if (name == "tags") {
    f.tags = texts_of(v);
  } else if (name == "page_count") {
    f.page_count = v.as_array() && !v.as_array()->empty() ? whole_number(v.as_array()->front()) : std::nullopt;
    f.page_count_source = text_at(v, 1);
  } else {
    f.age_rating = whole_number(v);
  }
}

// ---- what is taken ------------------------------------------------------------------------------------------------

bool is_blank(const book_fields& f, std::string_view name) {
  return json::dump(whole(f, name)) == json::dump(whole(book_fields{}, name));
}

// A list of both: what the one that stays says comes first.
std::vector<std::string> united(const std::vector<std::string>& ours, const std::vector<std::string>& theirs) {
  std::vector<std::string> out = ours;
  std::set<std::string> known;
  for (const std::string& one : ours) known.insert(key_of_name(one));
  for (const std::string& one : theirs) {
    if (known.insert(key_of_name(one)).second) out.push_back(one);
  }
  return out;
}

void unite_identifiers(book_fields& to, const book_fields& from) {
  auto has = [&](std::string_view scheme) {
    return std::any_of(to.identifiers.begin(), to.identifiers.end(), [&](const auto& i) { return i.first == scheme; });
  };
  bool isbn = has("isbn_13") || has("isbn_10");  // both forms are of one edition
  for (const auto& [scheme, value] : from.identifiers) {
    bool of_edition = scheme == "isbn_13" || scheme == "isbn_10";
    if (of_edition ? !isbn : !has(scheme)) to.identifiers.emplace_back(scheme, value);
  }
}

struct origin {
  std::set<std::string> locked;
  json::object sources;
};

origin origin_from(const db::row& r) {
  origin out;
  for (std::string& name : r.texts(1)) out.locked.insert(std::move(name));
  if (result<json::object> o = json::read_object(r.view(2))) out.sources = std::move(*o);
  return out;
}

void take(book_fields& to, const book_fields& from, const std::string& name, bool typed) {
  if (name == "tags")
    to.tags = united(to.tags, from.tags);
  else if (name == "genres")
    to.genres = united(to.genres, from.genres);
  else if (name == "identifiers")
    unite_identifiers(to, from);
  else if (name == "age_rating")
    to.age_rating = std::max(to.age_rating, from.age_rating);
  else if (typed || is_blank(to, name))
    put(to, name, whole(from, name));
}

json::object source_of(const origin& o, const std::string& name) {
  const json::value* source = o.sources.find(name);
  return {{"source", source ? *source : json::value()}, {"locked", o.locked.contains(name)}};
}

void set_origin(origin& o, const std::string& name, const json::object& said) {
  const json::value* source = said.find("source");
  bool locked = false;
  said.take("locked", locked);
  if (locked)
    o.locked.insert(name);
  else
    o.locked.erase(name);
  o.sources.set(name, source ? *source : json::value());  // null: nobody has said
}

void store_origin(db::tx& tx, const uuid& book, const origin& o) {
  std::vector<std::string> locked(o.locked.begin(), o.locked.end());
  json::object sources;
  for (const auto& [name, value] : o.sources.members()) {
    if (!value.is_null()) sources.set(name, value);
  }
  tx.run(sql_origin, book, locked, json::dump(sources));
}

}  // namespace

std::string take_fields(db::tx& tx, const uuid& kept, const uuid& other, bool all) {
  std::optional<book_fields> ours = read_fields(tx, kept), theirs = read_fields(tx, other);
  CARREL_EXPECT(ours && theirs);
  origin here, there;
  for (const db::row& r : tx.run(sql_locks, kept, other)) (r.id(0) == kept ? here : there) = origin_from(r);

  book_fields after = *ours;
  json::object changes;
  for (const std::string name : names) {
    if (here.locked.contains(name) || is_blank(*theirs, name)) continue;
    if (!all && name != "tags" && name != "age_rating") continue;
    take(after, *theirs, name, there.locked.contains(name));
    json::value before = whole(*ours, name), now = whole(after, name);
    if (json::dump(before) == json::dump(now)) continue;
    json::object said = source_of(here, name);
    changes.set(name, json::object{{"before", std::move(before)}, {"after", std::move(now)}, {"origin", std::move(said)}});
    set_origin(here, name, source_of(there, name));
  }
  json::object out;
  if (!changes.empty()) {
    write_fields(tx, kept, after);
    store_origin(tx, kept, here);
    out.set("fields", std::move(changes));
  }
  db::rows cover = all ? tx.run(sql_cover, kept, other) : db::rows();
  if (!cover.empty()) out.set("cover", cover[0].id(0));
  return out.empty() ? std::string() : json::dump(out);
}

int give_fields_back(db::tx& tx, const uuid& kept, const std::string& taken) {
  result<json::object> all = json::read_object(taken);
  CARREL_EXPECT(all.ok());
  std::string cover;
  if (all->take("cover", cover)) {
    if (std::optional<uuid> id = uuid::parse(cover)) tx.run(sql_cover_back, kept, *id);
  }
  const json::value* fields = all->find("fields");
  std::optional<book_fields> now = read_fields(tx, kept);
  if (fields == nullptr || fields->as_object() == nullptr || !now) return 0;
  origin here;
  for (const db::row& r : tx.run(sql_locks, kept, kept)) here = origin_from(r);

  int stays = 0;
  bool changed = false;
  for (const auto& [name, change] : fields->as_object()->members()) {
    const json::object* o = change.as_object();
    const json::value* before = o ? o->find("before") : nullptr;
    const json::value* after = o ? o->find("after") : nullptr;
    const json::value* said = o ? o->find("origin") : nullptr;
    if (!before || !after || !said || !said->as_object()) continue;
    json::value is = whole(*now, name);
    if (json::dump(is) != json::dump(*after)) {
      ++stays;
      continue;
    }
    put(*now, name, *before);
    set_origin(here, name, *said->as_object());
    changed = true;
  }
  if (changed) {
    write_fields(tx, kept, *now);
    store_origin(tx, kept, here);
  }
  return stays;
}

}  // namespace carrel::library
