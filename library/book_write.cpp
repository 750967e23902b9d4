#include <algorithm>
#include <set>

#include "library/book.hpp"
#include "library/book_parts.hpp"
#include "library/genres.hpp"
#include "library/imported.hpp"
#include "library/labels.hpp"
#include "library/offer.hpp"
#include "library/revision.hpp"
#include "library/search_words.hpp"
#include "library/spelling.hpp"
#include "publication/calibre_columns.hpp"
#include "publication/extractor_version.hpp"
#include "publication/fingerprint.hpp"
#include "publication/open.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

// What write_fields sets; `$1` is the book.
#define CARREL_FIELDS                                                                                                    \
  "title, subtitle, title_sort, title_key, author, author_sort, author_key, series_id, series_index, series_index_text," \
  "place_key, isbn_10, isbn_13, identifiers, publisher, published_year, published_on, language, languages, description," \
  "description_text, page_count, page_count_source, genres, tags, age_rating, reading_direction, fixed_layout, dup_key," \
  "tag_keys, search_vector"
#define CARREL_VALUES                                                                                                    \
  "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::jsonb, $16, $17, $18, $19, $20::text[], $21, $22, $23," \
  "$24, $25::text[], $26::text[], $27, $28, $29, $30, $31::text[],"                                                      \
  "setweight(to_tsvector('simple', $32), 'A') || setweight(to_tsvector('simple', $33), 'B')"                             \
  " || setweight(to_tsvector('simple', $34), 'C') || setweight(to_tsvector('simple', $35), 'D')"

// In one statement: each later change of the row would enter it into most indexes of the table once more.
constexpr db::statement sql_add{
    "library.add_book", "insert into books (id, " CARREL_FIELDS
                        ", status, possible_duplicate_of, approved_at, offered, cover_id, cover_path, kobo_file, created_at,"
                        "  field_sources)"
                        "values ($1, " CARREL_VALUES
                        ", $36::book_status, $37, case when $36::book_status = 'organized' then now() end, $38, $39, $40, $41,"
                        "  coalesce($42::timestamptz, now()), $43::jsonb)"};
constexpr db::statement sql_write{"library.write_fields",
                                  "update books set (" CARREL_FIELDS ") = row(" CARREL_VALUES
                                  "), version = version + 1, updated_at = greatest(clock_timestamp(), updated_at) where id = $1"};
#undef CARREL_FIELDS
#undef CARREL_VALUES

constexpr db::statement sql_people{"library.write_book_people", R"sql(
  with gone as (delete from book_people where book_id = $1 and (role, person_id) not in (select * from unnest($2::text[], $3::uuid[])))
  insert into book_people (book_id, role, person_id, position, place_key)
  select $1, w.role, w.person, w.position, $5 from unnest($2::text[], $3::uuid[], $4::int[]) as w (role, person, position)
      on conflict (book_id, role, person_id) do update set position = excluded.position, place_key = excluded.place_key)sql"};

constexpr db::statement sql_tags{"library.write_book_tags", R"sql(
  with gone as (delete from book_tags where book_id = $1 and tag_id <> all ($2::uuid[]))
  insert into book_tags (book_id, tag_id, added_at)
  select $1, t, (select created_at from books where id = $1) from unnest($2::uuid[]) as t
      on conflict do nothing)sql"};

constexpr db::statement sql_file{"library.add_file", R"sql(
  insert into book_files (id, book_id, format, mime, original_name, original_name_raw, download_name, slug, storage_path, inbox_path,
                          file_size, checksum, md5, koreader_md5, filename_md5, content_hash, rank, drm, is_kepub, described, warnings,
                          offered, facts, duration_ms, extractor_version)
  values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), nullif($10, ''), $11, $12, $13, $14, $15, nullif($16, ''), $17, $18, $19, $20,
          $21::jsonb, $22, $23::jsonb, $24, $25))sql"};

constexpr db::statement sql_replace{"library.replace_file", R"sql(
  update book_files set format = $2, mime = $3, storage_path = nullif($4, ''), file_size = $5, checksum = $6, md5 = $7, koreader_md5 = $8,
         content_hash = nullif($9, ''), drm = $10, is_kepub = $11, described = $12, warnings = $13::jsonb, offered = $14, facts = $15::jsonb,
         duration_ms = $16, extractor_version = $17,
         missing_since = null, kobo_as = null, kobo_how = '', kobo_kept = '', updated_at = clock_timestamp()
   where id = $1 returning book_id, original_name)sql"};

constexpr db::statement sql_touch{"library.touch_book", R"sql(
  update books set offered = (select coalesce(max(f.offered), 0) from book_files f where f.book_id = $1),
         kobo_file = (select id from kobo_file_of($1, 0)), kobo_ready = coalesce((select ready from kobo_file_of($1, 0)), false), version = version + 1, file_version = version + 1,
         updated_at = greatest(clock_timestamp(), updated_at)
   where id = $1)sql"};

constexpr db::statement sql_retire_hashes{"library.retire_hashes", R"sql(
  update book_file_hashes set variant = 'replaced' where file_id = $1 and variant in ('original', 'served') and kind <> 'filename')sql"};

constexpr db::statement sql_hashes{"library.remember_hashes", R"sql(
  insert into book_file_hashes (hash, kind, file_id, book_id, variant)
  select w.hash, w.kind, $1, $2, $3 from unnest($4::text[], $5::text[]) as w (hash, kind)
      on conflict (hash, kind, file_id) do update set variant = excluded.variant where book_file_hashes.variant = 'replaced')sql"};

// Nothing when somebody else is just adding it; then it is there the next time.
constexpr db::statement sql_cover{"library.add_cover", R"sql(
  with there as (select id from covers where sha256 = $2),
       made as (insert into covers (id, sha256, mime, width, height, bytes, source, storage_path)
                select $1::uuid, $2::text, $3::text, $4::int, $5::int, $6::bigint, $7::text, $8::text
                 where not exists (select from there)
                    on conflict (sha256) do nothing returning id)
  select id from there union all select id from made)sql"};
constexpr db::statement sql_use_cover{"library.use_cover", R"sql(
  update books set cover_id = $2, cover_path = $3, version = version + 1, updated_at = greatest(clock_timestamp(), updated_at)
   where id = $1 and cover_id is distinct from $2)sql"};

// Best format first (opds.md 5.8).
int rank_of(const std::string& format) {
  static const std::vector<std::string> best{"epub", "kepub", "cbz", "m4b",  "m4a", "fb2", "cbr",  "mp3", "azw3",
                                             "mobi", "azw",   "pdf", "djvu", "txt", "rtf", "docx", "cb7", "cbt"};
  auto at = std::find(best.begin(), best.end(), format);
  return static_cast<int>(at - best.begin());
}

int offered_of(const new_file& file) { return static_cast<int>(last_taker(file.format, file.is_kepub)); }

// kobo_file_of, of a book with this file alone.
bool is_for_kobos(const new_file& file) {
  return (file.format == "epub" || file.format == "kepub") && file.drm.empty() && !file.storage_path.empty();
}

std::string identifier(const book_fields& f, std::string_view scheme) {
  for (const auto& [name, value] : f.identifiers) {
    if (name == scheme) return value;
  }
  return "";
}

db::param or_null(const std::string& s) { return s.empty() ? db::param{} : db::param{s}; }

std::vector<std::string> names_of(const std::vector<publication::person>& people) {
  std::vector<std::string> out;
  out.reserve(people.size());
  for (const publication::person& p : people) out.push_back(p.name);
  return out;
}

void write_people(db::tx& tx, const uuid& book, const book_fields& f, const std::string& place) {
  std::vector<publication::person> all = f.authors;
  for (publication::person& p : all) p.role = "aut";
  all.insert(all.end(), f.contributors.begin(), f.contributors.end());
  std::map<std::string, uuid> ids = people_ids(tx, all);

  std::vector<std::string> roles;
  std::vector<uuid> people;
  std::vector<int> positions;
  std::set<std::pair<std::string, uuid>> seen;
  for (const publication::person& p : all) {
    uuid id = ids.at(key_of_name(p.name));
    if (!seen.emplace(p.role, id).second) continue;
    roles.push_back(p.role);
    people.push_back(id);
    positions.push_back(static_cast<int>(positions.size()));
  }
  tx.run(sql_people, book, roles, people, positions, place);
}

void write_tags(db::tx& tx, const uuid& book, const book_fields& f) {
  std::vector<uuid> ids;
  for (const auto& [key, id] : tag_ids(tx, f.tags)) ids.push_back(id);
  tx.run(sql_tags, book, ids);
}

void remember_file(db::tx& tx, const uuid& book, const new_file& file, const std::vector<std::string>& names) {
  std::vector<std::string> hashes{file.checksum, file.md5, file.koreader_md5}, kinds{"sha256", "full", "partial"};
  if (!file.content_hash.empty()) {
    hashes.push_back(file.content_hash);
    kinds.emplace_back("content");
  }
  for (const std::string& name : names) {
    hashes.push_back(publication::file_name_md5(name));
    kinds.emplace_back("filename");
  }
  tx.run(sql_hashes, file.id, book, "original", hashes, kinds);
}

json::array warnings_json(const std::vector<publication::warning>& warnings) {
  json::array out;
  for (const publication::warning& w : warnings) out.push_back(json::object{{"code", w.code}, {"detail", w.detail}});
  return out;
}

}  // namespace

namespace {

// Columns of a Calibre library together, as those of its database are (9.3).
json::object named_facts(const publication::metadata& m) {
  json::object out, columns;
  for (const auto& [key, value] : m.facts) {
    std::string_view label = publication::label_of_fact(key);
    if (label.empty())
      out.set(key, value);
    else
      columns.set(std::string(label), value);
  }
  if (!columns.empty()) out.set("calibre_columns", std::move(columns));
  return out;
}

}  // namespace

json::object normalized_from(const publication::metadata& m) {
  json::array people;
  for (const publication::person& p : m.authors)
    people.push_back(json::object{{"name", p.name}, {"sort", p.sort}, {"role", p.role}});
  for (const publication::person& p : m.contributors)
    people.push_back(json::object{{"name", p.name}, {"sort", p.sort}, {"role", p.role}});
  json::object identifiers;
  for (const auto& [scheme, value] : m.identifiers) identifiers.set(scheme, value);
  json::object normalized{{"title", m.title},
                          {"subtitle", m.subtitle},
                          {"contributors", std::move(people)},
                          {"languages", m.languages},
                          {"publisher", m.publisher},
                          {"published_date", m.published_on},
                          {"genres", m.genres},
                          {"tags", m.subjects},
                          {"identifiers", std::move(identifiers)},
                          {"description", m.description_html}};
  if (!m.series.empty()) {
    json::array series{json::object{{"name", m.series}, {"position", m.series_index}, {"position_text", m.series_index_text}}};
    normalized.set("series", std::move(series));
  }
  if (m.page_count > 0) normalized.set("page_count", m.page_count);
  if (m.duration > 0) normalized.set("duration_seconds", static_cast<double>(m.duration) / 1000);
  if (m.rating) normalized.set("rating", *m.rating);
  json::object facts = named_facts(m);
  if (!facts.empty()) normalized.set("facts", std::move(facts));
  return normalized;
}

json::array chapters_json(const publication::metadata& m) {
  json::array out;
  for (const publication::chapter& c : m.chapters)
    out.push_back(json::object{{"title", c.title}, {"start_ms", c.start}, {"end_ms", c.end}});
  return out;
}

json::object facts_of(const publication::metadata& m) {
  json::object out = named_facts(m);
  if (!m.epub_version.empty()) out.set("epub_version", m.epub_version);
  json::array chapters = chapters_json(m);
  if (!chapters.empty()) out.set("chapters", std::move(chapters));
  return out;
}

book_fields fields_from(const publication::metadata& m) {
  book_fields f;
  f.title = m.title;
  f.subtitle = m.subtitle;
  f.title_sort = m.title_sort;
  f.authors = m.authors;
  f.contributors = m.contributors;
  f.series = m.series;
  f.series_index = m.series_index;
  f.series_index_text = m.series_index_text;
  f.languages = m.languages;
  f.identifiers = m.identifiers;
  f.publisher = m.publisher;
  f.published_on = m.published_on;
  f.description = m.description_html;
  f.description_text = m.description_text;
  f.genres = m.genres;
  f.tags = m.subjects;
  if (m.page_count > 0) f.page_count = m.page_count;
  f.page_count_source = m.page_count_source;
  f.reading_direction = m.reading == publication::direction::rtl ? "rtl" : m.reading == publication::direction::ltr ? "ltr" : "";
  f.fixed_layout = m.fixed_layout;
  return f;
}

namespace {

// A book's row as far as its fields make it.
struct field_columns {
  std::vector<db::param> values;  // of CARREL_VALUES, the id first
  std::string place;
};

field_columns columns_of(db::tx& tx, const uuid& book, const book_fields& f) {
  std::string language = f.languages.empty() ? "" : f.languages.front();
  std::string title_sort = f.title_sort.empty() ? publication::title_sort(f.title, language) : f.title_sort;
  std::string title_key = publication::sort_key(title_sort);
  std::vector<std::string> authors = names_of(f.authors), sorts;
  for (const publication::person& p : f.authors) sorts.push_back(p.sort.empty() ? publication::author_sort(p.name) : p.sort);
  std::string author_sort = join(sorts, " & ");
  std::string place = place_key(f.series, f.series_index, title_key);

  std::string first_author = authors.empty() ? "" : authors.front();
  std::optional<db::bytes> dup_key;
  if (!authors.empty()) dup_key = db::bytes{publication::dup_key(f.title, language, first_author)};
  std::optional<std::int64_t> year = f.published_on.size() >= 4 ? to_integer(f.published_on.substr(0, 4)) : std::nullopt;

  json::object identifiers;
  for (const auto& [scheme, value] : f.identifiers) identifiers.set(scheme, value);
  std::vector<std::string> tag_keys;
  for (const std::string& tag : f.tags) tag_keys.push_back(key_of_name(tag));
  for (std::string& key : keys_of_genres(tx, f.genres)) tag_keys.push_back(std::move(key));
  indexed_words found_by = words_to_find(f);
  note_spellings(tx, words_to_spell(f));

  field_columns out{.values = {}, .place = place};
  auto add = [&](const auto&... all) { (out.values.push_back(db::to_param(all)), ...); };
  add(book, f.title, f.subtitle, title_sort, title_key, join(authors, " & "), author_sort, publication::sort_key(author_sort));
  add(series_id(tx, f.series), f.series_index, f.series_index_text, place);
  add(or_null(identifier(f, "isbn_10")), or_null(identifier(f, "isbn_13")), json::dump(identifiers), or_null(f.publisher), year);
  add(f.published_on, language, f.languages, f.description, f.description_text, f.page_count, f.page_count_source, f.genres);
  add(f.tags, f.age_rating, or_null(f.reading_direction), f.fixed_layout, dup_key, tag_keys);
  add(found_by.title, found_by.people, found_by.subjects, found_by.rest);
  return out;
}

}  // namespace

uuid cover_id(db::tx& tx, const new_cover& c) {
  for (int tries = 0;; ++tries) {
    db::rows rows = tx.run(sql_cover, uuid::make(), c.sha256, c.mime, c.width, c.height, c.bytes, c.source, c.storage_path);
    if (!rows.empty()) return rows[0].id(0);
    CARREL_EXPECT(tries < 3);
  }
}

void write_fields(db::tx& tx, const uuid& book, const book_fields& f) {
  field_columns c = columns_of(tx, book, f);
  tx.run_params(sql_write, c.values);
  write_people(tx, book, f, c.place);
  write_tags(tx, book, f);
  write_labels(tx, book, f);
}

namespace {

void insert_file(db::tx& tx, const uuid& book, const book_fields& fields, const new_file& file) {
  std::string author = fields.authors.empty() ? "" : fields.authors.front().name;
  std::string download = publication::download_name(fields.title, author, file.extension);
  std::optional<db::bytes> raw_name;
  if (!file.original_name_raw.empty()) raw_name = db::bytes{file.original_name_raw};
  tx.run(sql_file, file.id, book, file.format, file.mime, file.original_name, raw_name, download,
         publication::ascii_slug(download), file.storage_path, file.inbox_path, file.size, file.checksum, file.md5,
         file.koreader_md5, publication::file_name_md5(download), file.content_hash, rank_of(file.format), file.drm,
         file.is_kepub, file.described, json::dump(warnings_json(file.warnings)), offered_of(file), json::dump(file.facts),
         file.duration, publication::extractor_version);
  remember_file(tx, book, file, publication::device_names({file.original_name, download}, fields.title, author, file.extension));
}

}  // namespace

void insert_book(db::tx& tx, const uuid& id, const book_fields& fields, const new_file& file,
                 const std::optional<new_cover>& cover, const book_row& row) {
  std::optional<uuid> shown = cover ? std::optional(cover_id(tx, *cover)) : std::nullopt;
  field_columns c = columns_of(tx, id, fields);
  auto add = [&](const auto&... all) { (c.values.push_back(db::to_param(all)), ...); };
  add(row.status, row.possible_duplicate_of, offered_of(file), shown, cover ? db::param(cover->storage_path) : std::nullopt,
      is_for_kobos(file) ? std::optional(file.id) : std::nullopt);
  add(row.created_at, json::dump(row.sources));
  tx.run_params(sql_add, c.values);
  write_people(tx, id, fields, c.place);
  write_tags(tx, id, fields);
  if (!fields.genres.empty() || !fields.publisher.empty()) write_labels(tx, id, fields);
  insert_file(tx, id, fields, file);
}

void insert_another_file(db::tx& tx, const uuid& book, const new_file& file) {
  std::optional<book_fields> fields = read_fields(tx, book);
  CARREL_EXPECT(fields.has_value());
  insert_file(tx, book, *fields, file);
  tx.run(sql_touch, book);
}

void replace_file(db::tx& tx, const uuid& id, const new_file& file) {
  tx.run(sql_retire_hashes, id);
  db::rows rows =
      tx.run(sql_replace, id, file.format, file.mime, file.storage_path, file.size, file.checksum, file.md5, file.koreader_md5,
             file.content_hash, file.drm, file.is_kepub, file.described, json::dump(warnings_json(file.warnings)),
             offered_of(file), json::dump(file.facts), file.duration, publication::extractor_version);
  CARREL_EXPECT(rows.size() == 1);
  tx.run(sql_touch, rows[0].id(0));
  new_file same = file;
  same.id = id;
  remember_file(tx, rows[0].id(0), same, {rows[0].text(1)});
}

void remember_hash(db::tx& tx, const uuid& book, const uuid& file, const std::string& kind, const std::string& hash,
                   const std::string& variant) {
  std::vector<std::string> hashes{hash}, kinds{kind};
  tx.run(sql_hashes, file, book, variant, hashes, kinds);
}

void set_cover(db::tx& tx, const uuid& book, const new_cover& c) { tx.run(sql_use_cover, book, cover_id(tx, c), c.storage_path); }

}  // namespace carrel::library
