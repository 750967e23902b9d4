#include "library/local_source.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "library/book_parts.hpp"
#include "library/book_record.hpp"
#include "library/candidate.hpp"
#include "library/genres.hpp"
#include "library/imported.hpp"
#include "library/storable.hpp"
#include "publication/another_title.hpp"
#include "publication/comic_info_fact.hpp"
#include "publication/open.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr double of_sidecars = 0.95, of_comic_infos = 0.95, of_files = 0.90, of_names = 0.30;
constexpr double disagreeing = 0.40, believed = 0.45;
constexpr const char* disagrees = "disagrees";
constexpr std::size_t longest_raw = 256 << 10;  // 18.1
constexpr std::size_t shortest_description = 40;

// One that says something new is looked at again, also when it was rejected. Without selected fields they stay what they were.
constexpr db::statement sql_store{"library.store_local_source", R"sql(
  insert into book_metadata_candidates as c (id, book_id, source, source_key, normalized, confidence, reasons, raw_response, selected_fields)
  values ($1, $2, $3, $4, $5::jsonb, $6, $7::jsonb, $8::jsonb, coalesce($9::text[], '{}'))
      on conflict (book_id, source, source_key) do update
     set normalized = excluded.normalized, confidence = excluded.confidence, reasons = excluded.reasons,
         raw_response = excluded.raw_response, selected_fields = coalesce($9::text[], c.selected_fields), fetched_at = now(),
         status = case when c.normalized = excluded.normalized then c.status else 'new' end)sql"};
constexpr db::statement sql_own{"library.has_own_source", R"sql(
  select exists (select from book_metadata_candidates where book_id = $1 and source in ('comicinfo', 'embedded', 'path') and source_key = $2))sql"};

constexpr db::statement sql_author{"library.is_author", R"sql(
  select 1 from people p where p.name_key = $1 and exists (select from book_people bp where bp.person_id = p.id and bp.role = 'aut'))sql"};

constexpr db::statement sql_state{"library.told_state", R"sql(
  select b.locked_fields, b.field_sources::text,
         coalesce((select c.normalized ->> 'title' from book_metadata_candidates c
                    where c.book_id = b.id and c.source in ('comicinfo', 'embedded') order by c.source_key limit 1), '')
    from books b where b.id = $1)sql"};

constexpr db::statement sql_sources{"library.told_sources", R"sql(
  update books set field_sources = field_sources || $2::jsonb where id = $1 and not field_sources @> $2::jsonb)sql"};

// The order of 18.2.
int place_of(std::string_view source) {
  static constexpr std::array<std::string_view, 6> order{"user",         "calibre",   "sidecar_opf",
                                                         "sidecar_json", "comicinfo", "embedded"};
  auto at = std::find(order.begin(), order.end(), source);
  if (source == "path") return static_cast<int>(order.size()) + 1;
  return static_cast<int>(at - order.begin());
}

int place_of(const local_source& s) {
  bool doubted = s.name != "path" && s.confidence < believed;
  return place_of(s.name) + (doubted ? 10 : 0);
}

bool has(const std::vector<publication::warning>& all, std::string_view code) {
  return std::any_of(all.begin(), all.end(), [&](const publication::warning& w) { return w.code == code; });
}

publication::guess guess_of(const publication::opened& o, const std::string& name, const publication::author_test& is_author) {
  const publication::kind* k = publication::find_kind(o.format);
  std::string family = k != nullptr ? k->family : "";
  if (family == "comic") return publication::guess_from_comic_name(name);
  if (family == "audio") return publication::guess_from_audiobook_name(name, is_author);
  return publication::guess_from_name(name, is_author);
}

// In the file, not beside it and not its name.
bool is_own(const local_source& s) { return s.name == "embedded" || s.name == "comicinfo"; }

bool is_comic_info(const publication::metadata& m) {
  return std::find(m.facts.begin(), m.facts.end(), publication::comic_info_fact()) != m.facts.end();
}

// All that goes with a title that the name gave is the name's, too.
void leave_to_the_name(publication::metadata& m, bool untitled, bool anonymous) {
  if (untitled) {
    m.title = m.title_sort = m.series = m.series_index_text = m.published_on = "";
    m.series_index.reset();
  }
  if (anonymous) m.authors.clear();
}

bool is_thin(const publication::metadata& m) {
  return !m.description_text.empty() &&
         (count_code_points(m.description_text) < shortest_description || m.description_text == m.title);
}

// A name is little to go by; one that has another title than its file says nothing.
bool speaks_of_another(const local_source& s) {
  return s.name == "path" && std::find(s.reasons.begin(), s.reasons.end(), disagrees) != s.reasons.end();
}

// What the fields are made of, and which of the sources each of them comes from.
struct choice {
  book_fields fields;
  std::map<std::string, std::size_t> from;
};

void join_names(std::vector<std::string>& to, const std::vector<std::string>& more) {
  for (const std::string& name : more) {
    bool known = std::any_of(to.begin(), to.end(), [&](const std::string& n) { return key_of_name(n) == key_of_name(name); });
    if (!known) to.push_back(name);
  }
}

// As overlay, but genres and tags may join those that are there.
std::vector<std::string> overlay_source(book_fields& f, const local_source& s, const publication::metadata& m,
                                        const std::vector<std::string>& closed) {
  std::vector<std::string> genres = f.genres, tags = f.tags;
  std::vector<std::string> out = overlay(f, m, closed);
  if (!s.subjects_join) return out;
  for (const std::string& name : out) {
    if (name == "genres") join_names(f.genres, genres);
    if (name == "tags") join_names(f.tags, tags);
  }
  return out;
}

void take(choice& c, const local_source& s, const publication::metadata& m, std::size_t source) {
  for (std::string& name : overlay_source(c.fields, s, m, {})) c.from[std::move(name)] = source;
}

// The worst first, so that what better ones say takes its place.
std::vector<std::size_t> worst_first(const std::vector<local_source>& said) {
  std::vector<std::size_t> order(said.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return place_of(said[a]) > place_of(said[b]); });
  return order;
}

choice choose(const std::vector<local_source>& said) {
  choice out;
  std::vector<std::size_t> order = worst_first(said);
  for (std::size_t i : order) {
    if (said[i].name != "embedded" || !is_thin(said[i].about)) continue;
    publication::metadata thin;
    thin.description_html = said[i].about.description_html;
    thin.description_text = said[i].about.description_text;
    take(out, said[i], thin, i);
  }
  for (std::size_t i : order) {
    if (speaks_of_another(said[i])) continue;
    publication::metadata m = said[i].about;
    if (said[i].name == "embedded" && is_thin(m)) m.description_html = m.description_text = "";
    take(out, said[i], m, i);
    if (m.reading != publication::direction::unknown) out.fields.reading_direction = fields_from(m).reading_direction;
    out.fields.fixed_layout = out.fields.fixed_layout || m.fixed_layout;
  }
  return out;
}

json::object sources_in(const choice& c, const std::vector<local_source>& said) {
  json::object out;
  for (const auto& [field, i] : c.from) out.set(field, said[i].name);
  return out;
}

std::vector<local_source> with_genres(db::tx& tx, std::vector<local_source> said) {
  for (local_source& s : said) s.about = library::with_genres(tx, std::move(s.about));
  return said;
}

void store(db::tx& tx, const uuid& book, const local_source& s, const std::optional<std::vector<std::string>>& selected) {
  std::optional<std::string> raw;
  if (!s.raw.is_null()) raw = jsonb_text(s.raw);
  json::object normalized = normalized_from(s.about);
  // A file's own are with the file.
  if (s.name == "sidecar_json" && !s.about.chapters.empty()) normalized.set("chapters", chapters_json(s.about));
  tx.run(sql_store, uuid::make(), book, s.name, s.key, jsonb_text(normalized), s.confidence, json::dump(json::value(s.reasons)),
         raw, selected);
}

void store_all(db::tx& tx, const uuid& book, const std::vector<local_source>& said,
               const std::map<std::string, std::size_t>& from) {
  for (std::size_t i = 0; i < said.size(); ++i) {
    std::vector<std::string> selected;
    for (const auto& [field, source] : from) {
      if (source == i) selected.push_back(field);
    }
    store(tx, book, said[i], selected);
  }
}

// How the book came by its fields so far.
struct told_state {
  std::vector<std::string> locked;
  json::object sources;
  std::string embedded_title;

  std::string source_of(const std::string& field) const {
    std::string out = "embedded";
    sources.take(field, out);
    return out;
  }
};

told_state state_of(db::tx& tx, const uuid& book) {
  db::rows rows = tx.run(sql_state, book);
  told_state out{.locked = rows[0].texts(0), .sources = {}, .embedded_title = rows[0].text(2)};
  if (result<json::object> sources = json::read_object(rows[0].view(1))) out.sources = std::move(*sources);
  return out;
}

bool is_empty(const json::value& v) {
  return v.is_null() || (v.as_text() && v.as_text()->empty()) || (v.as_array() && v.as_array()->empty()) ||
         (v.as_object() && v.as_object()->empty());
}

constexpr std::array told_fields{"title",       "title_sort", "subtitle",  "authors", "series", "languages", "identifiers",
                                 "description", "publisher",  "published", "genres",  "tags",   "page_count"};

// Fields that this source has no say in.
std::vector<std::string> closed_to(const local_source& s, const told_state& state, const book_fields& now, bool only_gaps) {
  std::vector<std::string> out = state.locked;
  auto close = [&](const std::string& field, bool filled) {
    int there = place_of(state.source_of(field)), mine = place_of(s);
    if (filled && (only_gaps || mine > there)) out.push_back(field);
  };
  for (const char* field : told_fields) close(field, !is_empty(field_value(now, field)));
  close("narrators", !now.contributors.empty());
  return out;
}

publication::opened opened_of(const publication::metadata& m, const new_file& file) {
  return {
      .format = file.format, .about = m, .cover = {}, .content_hash = {}, .warnings = file.warnings, .described = file.described};
}

json::value people_of(const std::vector<publication::person>& people) {
  json::array out;
  for (const publication::person& p : people) out.push_back(json::array{p.name, p.role});
  return out;
}

// {"field": {"before", "after"}} of what is not the same.
json::object changes_between(const book_fields& before, const book_fields& after) {
  json::object out;
  auto compare = [&](const char* field, const json::value& was, const json::value& is) {
    if (json::dump(was) != json::dump(is)) out.set(field, json::object{{"before", was}, {"after", is}});
  };
  for (const char* field : told_fields) compare(field, field_value(before, field), field_value(after, field));
  compare("contributors", people_of(before.contributors), people_of(after.contributors));
  return out;
}

bool tell_in_turn(db::tx& tx, const uuid& book, const std::vector<local_source>& as_read, const actor& who, bool only_gaps) {
  std::vector<local_source> said = with_genres(tx, as_read);
  std::optional<book_record> before = read_record(tx, book);
  if (!before) return false;
  told_state state = state_of(tx, book);
  choice c{.fields = before->fields, .from = {}};
  for (std::size_t i : worst_first(said)) {
    for (std::string& name : overlay_source(c.fields, said[i], said[i].about, closed_to(said[i], state, c.fields, only_gaps))) {
      state.sources.set(name, said[i].name);
      c.from[std::move(name)] = i;
    }
  }
  json::object changes = changes_between(before->fields, c.fields);
  if (!changes.empty()) {
    book_record after = *before;
    after.fields = c.fields;
    for (const auto& [field, i] : c.from) after.set_source(field, said[i].name);
    write_record(tx, book, *before, std::move(after), who);
    record(tx, who, "book.describe", "book", book, changes);
  }
  tx.run(sql_sources, book, json::dump(sources_in(c, said)));
  store_all(tx, book, said, c.from);
  return !changes.empty();
}

local_source embedded_source(publication::metadata m, const std::vector<publication::warning>& warnings,
                             const std::string& name) {
  local_source out{.name = "embedded", .key = {}, .about = std::move(m), .confidence = of_files, .reasons = {}, .raw = {}};
  auto doubt = [&](const char* why, double by) {
    out.confidence = std::max(of_names, out.confidence - by);
    out.reasons.emplace_back(why);
  };
  bool untitled = has(warnings, "metadata_missing_title"), anonymous = has(warnings, "metadata_missing_author");
  if (untitled)
    doubt("no title", 0.20);
  else if (out.about.title == publication::clean_text(publication::file_stem(name), 1000))
    doubt("title is the file's name", 0.20);
  if (anonymous || out.about.authors.empty()) doubt("no author", 0.15);
  if (has(warnings, "xml_recovered") || has(warnings, "text_invalid_utf8")) doubt("damaged description", 0.10);
  leave_to_the_name(out.about, untitled, anonymous);
  return out;
}

local_source comic_info_source(publication::metadata m, const std::vector<publication::warning>& warnings) {
  local_source out{.name = "comicinfo", .key = {}, .about = std::move(m), .confidence = of_comic_infos, .reasons = {}, .raw = {}};
  leave_to_the_name(out.about, has(warnings, "metadata_missing_title"), has(warnings, "metadata_missing_author"));
  return out;
}

}  // namespace

local_source path_source(const publication::guess& g) {
  local_source out{.name = "path", .key = {}, .about = {}, .confidence = of_names, .reasons = {}, .raw = {}};
  publication::metadata& m = out.about;
  m.title = g.title;
  m.title_sort = publication::title_sort(g.title, "");
  if (!g.author.empty()) m.authors.push_back({g.author, publication::author_sort(g.author), "aut"});
  m.series = g.series;
  if (!g.series.empty()) m.series_index_text = g.series_index;
  m.series_index = publication::series_number(m.series_index_text);
  m.published_on = g.year;
  if (!g.asin.empty()) m.identifiers.emplace_back("asin", g.asin);
  if (!g.narrator.empty()) m.contributors.push_back({g.narrator, publication::author_sort(g.narrator), "nrt"});
  return out;
}

local_source sidecar_source(const publication::told& t, bool json, const std::string& name, std::string_view text) {
  local_source out{.name = json ? "sidecar_json" : "sidecar_opf",
                   .key = name,
                   .about = t.about,
                   .confidence = of_sidecars,
                   .reasons = {},
                   .raw = replace_invalid_utf8(cut_utf8(text, longest_raw))};
  return out;
}

local_source own_source(const publication::metadata& m, const std::vector<publication::warning>& warnings,
                        const std::string& name) {
  return is_comic_info(m) ? comic_info_source(m, warnings) : embedded_source(m, warnings, name);
}

bool wrote_a_book(db::tx& tx, const std::string& name) { return !tx.run(sql_author, key_of_name(name)).empty(); }

std::vector<local_source> sources_in_file(const publication::opened& o, const std::string& name,
                                          const publication::author_test& is_author) {
  std::vector<local_source> out;
  if (o.described) out.push_back(own_source(o.about, o.warnings, name));
  out.push_back(path_source(guess_of(o, name, is_author)));
  return out;
}

void judge(std::vector<local_source>& said) {
  auto embedded = std::find_if(said.begin(), said.end(), is_own);
  if (embedded == said.end() || embedded->about.title.empty()) return;
  auto alike = [](const local_source& a, const local_source& b) {
    return !publication::is_another_title(a.about.title, b.about.title);
  };
  std::vector<local_source*> against;
  for (local_source& s : said) {
    if (!is_own(s) && !s.about.title.empty() && !alike(s, *embedded)) against.push_back(&s);
  }
  bool outvoted = false;
  std::vector<bool> backed(against.size(), false);
  for (std::size_t i = 0; i < against.size(); ++i) {
    for (std::size_t j = i + 1; j < against.size(); ++j) {
      if (alike(*against[i], *against[j])) backed[i] = backed[j] = outvoted = true;
    }
  }
  auto doubt = [](local_source& s) {
    s.confidence = std::min(s.confidence, disagreeing);
    s.reasons.emplace_back(disagrees);
  };
  if (outvoted) doubt(*embedded);
  for (std::size_t i = 0; i < against.size(); ++i) {
    if (!backed[i]) doubt(*against[i]);
  }
}

double best_confidence(const std::vector<local_source>& said) {
  double out = 0;
  for (const local_source& s : said) out = std::max(out, s.confidence);
  return out;
}

publication::metadata outline(const std::vector<local_source>& said) {
  book_fields f = choose(said).fields;
  publication::metadata out;
  out.title = std::move(f.title);
  out.authors = std::move(f.authors);
  out.languages = std::move(f.languages);
  out.identifiers = std::move(f.identifiers);
  return out;
}

uuid add_book(db::tx& tx, const uuid& id, const new_book& b, const new_file& file) {
  // Subjects of whoever looked after the book take the place of all that the files name.
  bool subjects_known = b.by != nullptr && !b.by->about.subjects.empty();
  std::vector<local_source> said = subjects_known ? b.said : with_genres(tx, b.said);
  choice chosen = choose(said);
  book_row row{.status = b.status,
               .possible_duplicate_of = b.possible_duplicate_of,
               .created_at = b.by != nullptr && b.by->created_at ? b.by->created_at : b.created_at,
               .sources = sources_in(chosen, said)};
  std::vector<std::string> known;
  if (b.by != nullptr) known = overlay(chosen.fields, subjects_of(tx, *b.by), {});
  for (const std::string& field : known) {
    chosen.from.erase(field);
    row.sources.set(field, b.by->source);
  }
  if (b.cover) row.sources.set("cover", b.cover->source);
  insert_book(tx, id, chosen.fields, file, b.cover, row);
  store_all(tx, id, said, chosen.from);
  if (b.by != nullptr) {
    add_curated_candidate(tx, id, *b.by, known);
    remember_imported(tx, *b.by, id);
  }
  return id;
}

uuid add_book(db::tx& tx, const uuid& id, const std::string& status, const publication::metadata& m, const new_file& file,
              const std::optional<new_cover>& cover, const std::optional<uuid>& possible_duplicate_of, const curated* by) {
  new_book b{.status = status,
             .said = sources_in_file(opened_of(m, file), file.original_name),
             .cover = cover,
             .possible_duplicate_of = possible_duplicate_of,
             .created_at = {},
             .by = by};
  judge(b.said);
  return add_book(tx, id, b, file);
}

void add_file(db::tx& tx, const uuid& book, const std::vector<local_source>& said, const new_file& file) {
  insert_another_file(tx, book, file);
  std::vector<local_source> keyed = said;
  for (local_source& s : keyed) s.key = file.format;
  if (!keyed.empty()) tell_in_turn(tx, book, keyed, {.user = std::nullopt, .name = "ingest"}, true);
}

void add_file(db::tx& tx, const uuid& book, const publication::metadata& m, const new_file& file) {
  insert_another_file(tx, book, file);
  for (local_source& s : with_genres(tx, sources_in_file(opened_of(m, file), file.original_name))) {
    s.key = file.format;
    store(tx, book, s, std::vector<std::string>{});
  }
}

void describe_again(db::tx& tx, const uuid& book, const publication::metadata& m, const new_file& file) {
  bool own = tx.run(sql_own, book, file.format)[0].flag(0);
  for (local_source& s : with_genres(tx, sources_in_file(opened_of(m, file), file.original_name))) {
    if (own) s.key = file.format;
    store(tx, book, s, std::nullopt);
  }
}

bool tell(db::tx& tx, const uuid& book, std::vector<local_source> said, const actor& who) {
  publication::metadata file;
  file.title = state_of(tx, book).embedded_title;
  said.push_back(
      local_source{.name = "embedded", .key = {}, .about = std::move(file), .confidence = of_files, .reasons = {}, .raw = {}});
  judge(said);
  said.pop_back();
  return tell_in_turn(tx, book, said, who, false);
}

}  // namespace carrel::library
