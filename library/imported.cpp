#include "library/imported.hpp"

#include <algorithm>
#include <array>

#include "library/book_parts.hpp"
#include "library/book_record.hpp"
#include "library/genres.hpp"
#include "library/storable.hpp"
#include "publication/unicode.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_find{"library.find_imported", R"sql(
  select i.book_id, i.last_modified, b.deleted_at is not null
    from imported_books i join books b on b.id = i.book_id
   where i.source = $1 and i.library_uuid = $2 and i.book_uuid = $3)sql"};

constexpr db::statement sql_another{"library.imported_another", R"sql(
  select exists (select from imported_books where source = $1 and library_uuid = $2 and book_uuid <> $3 and book_id = $4))sql"};

constexpr db::statement sql_remember{"library.remember_imported", R"sql(
  insert into imported_books (source, library_uuid, book_uuid, book_id, last_modified) values ($1, $2, $3, $4, $5)
      on conflict (source, library_uuid, book_uuid) do update
     set book_id = excluded.book_id, last_modified = excluded.last_modified, imported_at = now())sql"};

constexpr db::statement sql_state{"library.imported_state", R"sql(
  select author_sort from books where id = $1)sql"};

constexpr db::statement sql_sources{"library.imported_sources", R"sql(
  update books set field_sources = field_sources || $2::jsonb where id = $1 and not field_sources @> $2::jsonb)sql"};

constexpr db::statement sql_candidate{"library.add_curated_candidate", R"sql(
  insert into book_metadata_candidates (id, book_id, source, normalized, confidence, raw_response, selected_fields)
  values ($1, $2, $3, $4::jsonb, 1, $5::jsonb, $6::text[])
      on conflict (book_id, source, source_key) do update
     set normalized = excluded.normalized, raw_response = excluded.raw_response, selected_fields = excluded.selected_fields,
         fetched_at = now())sql"};

constexpr std::array field_names{"title",       "title_sort", "subtitle",  "authors", "series", "languages",  "identifiers",
                                 "description", "publisher",  "published", "genres",  "tags",   "page_count", "narrators"};

bool says(const book_fields& f, std::string_view name) {
  if (name == "title") return !f.title.empty();
  if (name == "title_sort") return !f.title_sort.empty();
  if (name == "subtitle") return !f.subtitle.empty();
  if (name == "authors") return !f.authors.empty();
  if (name == "series") return !f.series.empty();
  if (name == "languages") return !f.languages.empty();
  if (name == "identifiers") return !f.identifiers.empty();
  if (name == "description") return !f.description.empty();
  if (name == "publisher") return !f.publisher.empty();
  if (name == "published") return !f.published_on.empty();
  if (name == "genres") return !f.genres.empty();
  if (name == "tags") return !f.tags.empty();
  if (name == "page_count") return f.page_count.has_value();
  return !f.contributors.empty();
}

// One value of a scheme; both forms of an ISBN are of one book.
void take_identifiers(book_fields& to, const book_fields& from) {
  auto is_isbn = [](const auto& i) { return i.first == "isbn_13" || i.first == "isbn_10"; };
  bool new_isbn = std::any_of(from.identifiers.begin(), from.identifiers.end(), is_isbn);
  if (new_isbn) {
    std::erase_if(to.identifiers, [&](const auto& i) {
      return is_isbn(i) && std::find(from.identifiers.begin(), from.identifiers.end(), i) == from.identifiers.end();
    });
  }
  for (const auto& one : from.identifiers) {
    auto same = std::find_if(to.identifiers.begin(), to.identifiers.end(), [&](const auto& i) { return i.first == one.first; });
    if (same == to.identifiers.end())
      to.identifiers.push_back(one);
    else
      same->second = one.second;
  }
}

// Only people of the roles that it knows about are its to name.
void take_contributors(book_fields& to, const book_fields& from) {
  auto named = [&](const publication::person& p) {
    return std::any_of(from.contributors.begin(), from.contributors.end(),
                       [&](const publication::person& o) { return o.role == p.role; });
  };
  std::erase_if(to.contributors, named);
  to.contributors.insert(to.contributors.end(), from.contributors.begin(), from.contributors.end());
}

void take(book_fields& to, const book_fields& from, std::string_view name) {
  if (name == "title") {
    if (to.title != from.title) to.title_sort.clear();  // computed again, unless it comes along
    to.title = from.title;
  } else if (name == "title_sort") {
    to.title_sort = from.title_sort;
  } else if (name == "subtitle") {
    to.subtitle = from.subtitle;
  } else if (name == "authors") {
    to.authors = from.authors;
  } else if (name == "series") {
    to.series = from.series;
    to.series_index = from.series_index;
    to.series_index_text = from.series_index_text;
  } else if (name == "languages") {
    to.languages = from.languages;
  } else if (name == "identifiers") {
    take_identifiers(to, from);
  } else if (name == "description") {
    to.description = from.description;
    to.description_text = from.description_text;
  } else if (name == "publisher") {
    to.publisher = from.publisher;
  } else if (name == "published") {
    to.published_on = from.published_on;
  } else if (name == "genres") {
    to.genres = from.genres;
  } else if (name == "tags") {
    to.tags = from.tags;
  } else if (name == "page_count") {
    to.page_count = from.page_count;
    to.page_count_source = from.page_count_source;
  } else {
    take_contributors(to, from);
  }
}

std::string sorts_of(const book_fields& f) {
  std::vector<std::string> sorts;
  for (const publication::person& p : f.authors) sorts.push_back(p.sort.empty() ? publication::author_sort(p.name) : p.sort);
  return join(sorts, " & ");
}

json::value people_of(const book_fields& f) {
  json::array out;
  for (const publication::person& p : f.contributors) out.push_back(json::array{p.name, p.role});
  return out;
}

// {"field": {"before", "after"}} of what is not the same.
json::object differences(const book_fields& before, const book_fields& after, const std::string& author_sort) {
  json::object out;
  auto compare = [&](const std::string& name, const json::value& old_value, const json::value& new_value) {
    if (json::dump(old_value) != json::dump(new_value)) out.set(name, json::object{{"before", old_value}, {"after", new_value}});
  };
  for (const char* name : field_names) {
    if (std::string_view(name) == "narrators")
      compare("contributors", people_of(before), people_of(after));
    else
      compare(name, field_value(before, name), field_value(after, name));
  }
  if (before.authors != after.authors) compare("author_sort", author_sort, sorts_of(after));
  return out;
}

}  // namespace

std::vector<std::string> overlay(book_fields& f, const publication::metadata& m, const std::vector<std::string>& locked) {
  book_fields from = fields_from(m);
  auto is_locked = [&](std::string_view name) { return std::find(locked.begin(), locked.end(), name) != locked.end(); };
  std::vector<std::string> out;
  for (std::string_view name : field_names) {
    bool hidden = is_locked(name) || (name == "title_sort" && is_locked("title"));
    // Pages that somebody numbered or counted are better than a number that somebody typed (ingest.md 18.2).
    hidden = hidden || (name == "page_count" && (f.page_count_source == "page_list" || f.page_count_source == "counted"));
    if (hidden || !says(from, name)) continue;
    take(f, from, name);
    out.emplace_back(name);
  }
  return out;
}

json::object sources_of(const std::vector<std::string>& names, const std::string& source) {
  json::object out;
  for (const std::string& name : names) out.set(name, source);
  return out;
}

publication::metadata subjects_of(db::tx& tx, const curated& c) { return c.tags_stay ? c.about : with_genres(tx, c.about); }

void add_curated_candidate(db::tx& tx, const uuid& book, const curated& c, const std::vector<std::string>& names) {
  json::object normalized = normalized_from(subjects_of(tx, c));
  if (c.about.page_count > 0) normalized.set("page_count", c.about.page_count);
  if (c.about.rating) normalized.set("rating", *c.about.rating);
  json::object columns;
  for (const auto& [name, value] : c.columns) columns.set(name, value);
  if (!columns.empty()) normalized.set("facts", json::object{{c.source + "_columns", std::move(columns)}});
  tx.run(sql_candidate, uuid::make(), book, c.source, jsonb_text(normalized), jsonb_text(c.raw), names);
}

std::optional<imported> find_imported(db::tx& tx, const curated& c) {
  db::rows rows = tx.run(sql_find, c.source, c.library, c.book);
  if (rows.empty()) return std::nullopt;
  return imported{.book = rows[0].id(0), .last_modified = rows[0].text(1), .trashed = rows[0].flag(2)};
}

bool stands_for_another(db::tx& tx, const curated& c, const uuid& book) {
  return tx.run(sql_another, c.source, c.library, c.book, book)[0].flag(0);
}

void remember_imported(db::tx& tx, const curated& c, const uuid& book) {
  tx.run(sql_remember, c.source, c.library, c.book, book, c.last_modified);
}

bool update_imported(db::tx& tx, const uuid& book, const curated& c, const actor& who) {
  std::optional<book_record> before = read_record(tx, book);
  if (!before) return false;
  db::rows state = tx.run(sql_state, book);
  book_record after = *before;
  std::vector<std::string> names = overlay(after.fields, subjects_of(tx, c), before->locked);
  json::object detail = differences(before->fields, after.fields, state[0].text(0));
  if (!detail.empty()) {
    for (const std::string& name : names) after.set_source(name, c.source);
    write_record(tx, book, *before, std::move(after), who);
    record(tx, who, "book.import", "book", book, detail);
  }
  tx.run(sql_sources, book, json::dump(sources_of(names, c.source)));
  add_curated_candidate(tx, book, c, names);
  remember_imported(tx, c, book);
  return !detail.empty();
}

}  // namespace carrel::library
