#include <algorithm>
#include <cmath>

#include "library/book.hpp"
#include "library/book_names.hpp"
#include "library/book_parts.hpp"
#include "library/book_record.hpp"
#include "library/change.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

#define CARREL_SELECT_FIELDS                                                                                         \
  "select b.title, b.subtitle, b.title_sort, coalesce(s.name, ''), b.series_index, b.series_index_text,"             \
  "       b.languages, b.identifiers, coalesce(b.publisher, ''), b.published_on, b.description, b.description_text," \
  "       b.genres, b.tags, b.page_count, b.page_count_source, b.age_rating, coalesce(b.reading_direction, ''),"     \
  "       b.fixed_layout from books b left join series s on s.id = b.series_id where b.id = $1"
constexpr db::statement sql_fields{"library.read_fields", CARREL_SELECT_FIELDS " for update of b"};
constexpr db::statement sql_look{"library.look_at_fields", CARREL_SELECT_FIELDS};
#undef CARREL_SELECT_FIELDS
constexpr db::statement sql_people{"library.read_book_people", R"sql(
  select p.name, p.sort_name, bp.role from book_people bp join people p on p.id = bp.person_id
   where bp.book_id = $1 order by bp.role <> 'aut', bp.position)sql"};
constexpr std::size_t longest_description = 64 << 10;  // what the sanitiser keeps

// ---- reading one field of the change ----------------------------------------------------------------------------

result<std::string> one_line(const json::value& v, const std::string& field, std::size_t most) {
  if (v.is_null()) return std::string();
  const std::string* s = v.as_text();
  if (!s) return error{field, "must be text"};
  if (s->size() > 4 * most) return error{field, "is too long"};
  return publication::clean_text(*s, most);
}

result<std::vector<std::string>> lines(const json::value& v, const std::string& field, std::size_t most_items, std::size_t most) {
  std::vector<std::string> out;
  if (v.is_null()) return out;
  const json::array* items = v.as_array();
  if (!items || items->size() > most_items) return error{field, items ? "has too many entries" : "must be a list"};
  for (const json::value& item : *items) {
    result<std::string> s = one_line(item, field, most);
    if (!s) return s.error();
    if (s->empty()) return error{field, "must not hold blank entries"};
    if (std::find(out.begin(), out.end(), *s) == out.end()) out.push_back(std::move(*s));
  }
  return out;
}

result<std::optional<int>> whole_number(const json::value& v, const std::string& field, std::int64_t most) {
  if (v.is_null()) return std::optional<int>();
  std::optional<std::int64_t> n = v.as_number() ? to_integer(v.as_number()->text) : std::nullopt;
  if (!n || *n < 0 || *n > most) return error{field, "must be a whole number from 0 to " + std::to_string(most)};
  return std::optional<int>(static_cast<int>(*n));
}

using failure = std::optional<error>;

template <class T>
failure into(T& target, result<T> found) {
  if (!found) return found.error();
  target = std::move(*found);
  return std::nullopt;
}

failure set_title(book_fields& f, const json::value& v) {
  result<std::string> s = one_line(v, "title", 1000);
  if (!s) return s.error();
  if (s->empty()) return error{"title", "must not be empty"};
  if (*s != f.title) f.title_sort.clear();  // computed again, unless it comes along
  f.title = *s;
  return std::nullopt;
}

failure set_authors(book_fields& f, const json::value& v) {
  result<std::vector<std::string>> names = lines(v, "authors", 100, 300);
  if (!names) return names.error();
  std::vector<publication::person> people;
  for (const std::string& name : *names) {
    auto known = std::find_if(f.authors.begin(), f.authors.end(), [&](const publication::person& p) { return p.name == name; });
    people.push_back(known != f.authors.end() ? *known
                                              : publication::person{.name = name, .sort = publication::author_sort(name)});
  }
  f.authors = std::move(people);
  return std::nullopt;
}

failure set_series(book_fields& f, const json::value& v) {
  if (v.is_null()) {
    f.series.clear();
    f.series_index.reset();
    f.series_index_text.clear();
    return std::nullopt;
  }
  const json::object* o = v.as_object();
  if (!o) return error{"series", "must be an object with name and index"};
  for (const auto& [member, value] : o->members()) {
    if (member != "name" && member != "index") return error{"series", "has name and index only"};
  }
  const json::value* name = o->find("name");
  result<std::string> text = one_line(name ? *name : json::value(), "series", 500);
  if (!text) return text.error();
  if (text->empty()) return error{"series", "needs a name; null takes the book out of its series"};
  f.series = *text;
  const json::value* index = o->find("index");
  f.series_index.reset();
  f.series_index_text.clear();
  if (!index || index->is_null()) return std::nullopt;
  std::optional<double> n = index->as_number() ? to_double(index->as_number()->text) : std::nullopt;
  if (!n || *n < 0 || *n > 99'999) return error{"series", "index must be a number from 0 to 99999"};
  f.series_index = std::round(*n * 1000) / 1000;
  f.series_index_text = shortest(*f.series_index);
  return std::nullopt;
}

failure set_languages(book_fields& f, const json::value& v) {
  result<std::vector<std::string>> tags = lines(v, "languages", 20, 100);
  if (!tags) return tags.error();
  std::vector<std::string> out;
  for (const std::string& tag : *tags) {
    std::optional<std::string> known = publication::language_tag(tag);
    if (!known) return error{"languages", "must be language codes such as en or pt-BR"};
    out.push_back(*known);
  }
  f.languages = std::move(out);
  return std::nullopt;
}

failure set_identifiers(book_fields& f, const json::value& v) {
  const json::object* o = v.as_object();
  if (!o || o->size() > 50) return error{"identifiers", "must be an object of texts"};
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [scheme, value] : o->members()) {
    if (value.is_null()) continue;
    result<std::string> s = one_line(value, "identifiers", 300);
    if (!s) return s.error();
    std::string name = lower_ascii(scheme);
    if (name.empty() || name.size() > 40 || s->empty()) continue;
    if (name != "isbn_13" && name != "isbn_10" && name != "isbn") {
      out.emplace_back(name, *s);
      continue;
    }
    std::optional<publication::isbn> isbn = publication::parse_isbn(*s);
    if (!isbn) return error{"identifiers", "the ISBN has a wrong check digit or length"};
    std::erase_if(out, [](const auto& known) { return known.first == "isbn_13" || known.first == "isbn_10"; });
    out.emplace_back("isbn_13", isbn->isbn_13);
    if (!isbn->isbn_10.empty()) out.emplace_back("isbn_10", isbn->isbn_10);
  }
  f.identifiers = std::move(out);
  return std::nullopt;
}

failure set_description(book_fields& f, const json::value& v) {
  const std::string empty;
  const std::string* s = v.is_null() ? &empty : v.as_text();
  if (!s) return error{"description", "must be text"};
  if (s->size() > 4 * longest_description) return error{"description", "is too long"};
  publication::description clean = publication::sanitise(*s);
  f.description = std::move(clean.html);
  f.description_text = std::move(clean.text);
  return std::nullopt;
}

failure set_published(book_fields& f, const json::value& v) {
  result<std::string> s = one_line(v, "published", 40);
  if (!s) return s.error();
  std::optional<std::string> date = publication::date(*s);
  if (!s->empty() && !date) return error{"published", "must be a date such as 2019, 2019-03 or 2019-03-01"};
  f.published_on = date.value_or("");
  return std::nullopt;
}

failure set_pages(book_fields& f, const json::value& v) {
  f.page_count_source = v.is_null() ? "" : "user";
  return into(f.page_count, whole_number(v, "page_count", 1'000'000));
}

// ---- telling what changed ---------------------------------------------------------------------------------------

struct edit {
  book_fields after;
  std::vector<std::string> names;
  json::object detail;  // {"field": {"before", "after"}}
};

result<edit> plan(const book_fields& before, const json::object& changes) {
  edit e{.after = before, .names = {}, .detail = {}};
  for (const auto& [name, value] : changes.members()) {
    if (failure bad = set_field(e.after, name, value)) return *bad;
  }
  for (const auto& [name, value] : changes.members()) {
    json::value old_value = field_value(before, name), new_value = field_value(e.after, name);
    if (same_value(old_value, new_value)) continue;
    e.names.push_back(name);
    e.detail.set(name, json::object{{"before", old_value}, {"after", new_value}});
  }
  return e;
}

}  // namespace

std::optional<error> set_field(book_fields& f, const std::string& name, const json::value& v) {
  if (name == "title") return set_title(f, v);
  if (name == "subtitle") return into(f.subtitle, one_line(v, name, 1000));
  if (name == "title_sort") return into(f.title_sort, one_line(v, name, 1000));
  if (name == "authors") return set_authors(f, v);
  if (name == "series") return set_series(f, v);
  if (name == "languages") return set_languages(f, v);
  if (name == "identifiers") return set_identifiers(f, v);
  if (name == "description") return set_description(f, v);
  if (name == "publisher") return into(f.publisher, one_line(v, name, 300));
  if (name == "published") return set_published(f, v);
  if (name == "genres") return into(f.genres, lines(v, name, 500, 200));
  if (name == "tags") return into(f.tags, lines(v, name, 500, 200));
  if (name == "page_count") return set_pages(f, v);
  if (name == "age_rating") return into(f.age_rating, whole_number(v, name, 99));
  return error{name, "is not a field of a book that can be set"};
}

json::value field_value(const book_fields& f, const std::string& name) {
  if (name == "title") return f.title;
  if (name == "subtitle") return f.subtitle;
  if (name == "title_sort") return f.title_sort;
  if (name == "publisher") return f.publisher;
  if (name == "published") return f.published_on;
  if (name == "description") return f.description;
  if (name == "languages") return f.languages;
  if (name == "genres") return f.genres;
  if (name == "tags") return f.tags;
  if (name == "page_count") return f.page_count;
  if (name == "age_rating") return f.age_rating;
  if (name == "authors") {
    json::array names;
    for (const publication::person& p : f.authors) names.emplace_back(p.name);
    return names;
  }
  if (name == "identifiers") {
    json::object o;
    for (const auto& [scheme, value] : f.identifiers) o.set(scheme, value);
    return o;
  }
  if (f.series.empty()) return nullptr;
  return json::object{{"name", f.series}, {"index", f.series_index}};
}

namespace {

std::optional<book_fields> fields_by(db::tx& tx, const db::statement& how, const uuid& book) {
  db::rows rows = tx.run(how, book);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  book_fields f;
  f.title = r.text(0);
  f.subtitle = r.text(1);
  f.title_sort = r.text(2);
  f.series = r.text(3);
  f.series_index = r.maybe_real(4);
  f.series_index_text = r.text(5);
  f.languages = r.texts(6);
  if (result<json::object> o = json::read_object(r.view(7))) {
    for (const auto& [scheme, value] : o->members()) {
      if (value.as_text()) f.identifiers.emplace_back(scheme, *value.as_text());
    }
  }
  f.publisher = r.text(8);
  f.published_on = r.text(9);
  f.description = r.text(10);
  f.description_text = r.text(11);
  f.genres = r.texts(12);
  f.tags = r.texts(13);
  if (std::optional<std::int64_t> pages = r.maybe_integer(14)) f.page_count = static_cast<int>(*pages);
  f.page_count_source = r.text(15);
  if (std::optional<std::int64_t> age = r.maybe_integer(16)) f.age_rating = static_cast<int>(*age);
  f.reading_direction = r.text(17);
  f.fixed_layout = r.flag(18);
  for (const db::row& p : tx.run(sql_people, book)) {
    publication::person one{.name = p.text(0), .sort = p.text(1), .role = p.text(2)};
    (one.role == "aut" ? f.authors : f.contributors).push_back(std::move(one));
  }
  return f;
}

}  // namespace

std::optional<book_fields> read_fields(db::tx& tx, const uuid& book) { return fields_by(tx, sql_fields, book); }
std::optional<book_fields> look_at_fields(db::tx& tx, const uuid& book) { return fields_by(tx, sql_look, book); }

result<bool> edit_book(db::tx& tx, const uuid& book, const json::object& changes, const actor& who) {
  std::optional<book_record> before = read_record(tx, book);
  if (!before) return error{"book", "does not exist"};
  result<edit> e = plan(before->fields, changes);
  if (!e) return e.error();
  if (e->names.empty()) return false;
  book_record after = *before;
  after.fields = std::move(e->after);
  for (const std::string& name : e->names) {
    after.set_source(name, "user");
    after.lock(name, true);
    after.taken.erase(name);
  }
  respell_names(tx, before->fields, after.fields);
  write_record(tx, book, *before, std::move(after), who);
  record(tx, who, "book.edit", "book", book, e->detail);
  return true;
}

bool undo_edit(db::tx& tx, const uuid& book, const actor& who) {
  std::optional<uuid> group = last_edit(tx, book);
  return group && undo_change(tx, book, *group, who) == undo_outcome::done;
}

}  // namespace carrel::library
