#include "library/candidate.hpp"

#include <algorithm>
#include <array>

#include "library/book_record.hpp"
#include "library/storable.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

// A picture that was fetched from where the source named it is held by its row; that of a file is named by what it said.
constexpr db::statement sql_candidates{"library.candidates_of", R"sql(
  select c.id, c.source, c.status, c.confidence::float8, c.reasons::text, c.score_detail::text, c.selected_fields, c.fetched_at,
         case when v.id is null then c.normalized
              else jsonb_set(c.normalized, '{cover}',
                             case jsonb_typeof(c.normalized->'cover') when 'object' then c.normalized->'cover' else '{}' end
                             || jsonb_build_object('sha256', v.sha256, 'width', v.width, 'height', v.height)) end::text
    from book_metadata_candidates c left join covers v on v.id = c.cover_id
   where c.book_id = $1 and ($2::uuid is null or c.id = $2)
   order by c.confidence desc, c.fetched_at desc, c.id
   limit 100)sql"};

constexpr db::statement sql_status{"library.reject_candidate", R"sql(
  update book_metadata_candidates
     set status = case when $3 then 'rejected' when selected_fields <> '{}' then 'applied' else 'new' end
   where book_id = $1 and id = $2 and (status = 'rejected') <> $3)sql"};

constexpr db::statement sql_offers_cover{"library.offers_cover", R"sql(
  select exists (select from book_metadata_candidates c left join covers v on v.id = c.cover_id
                  where c.book_id = $1 and $2 in (c.normalized->'cover'->>'sha256', v.sha256)))sql"};

constexpr db::statement sql_hardcover{"library.set_hardcover_ids", R"sql(
  update books set hardcover_book_id = coalesce(hardcover_book_id, nullif($2, '')),
         hardcover_edition_id = coalesce(hardcover_edition_id, nullif($3, '')) where id = $1)sql"};

constexpr std::size_t most_shown = 12;  // columns of a table that people read
constexpr std::array local_sources{"user", "calibre", "sidecar_opf", "sidecar_json", "comicinfo", "embedded", "path"};

// ---- reading `normalized` ---------------------------------------------------------------------------------------

std::string text_in(const json::object& o, std::string_view name) {
  std::string out;
  o.take(name, out);
  return out;
}

const json::array* list_in(const json::object& o, std::string_view name) {
  const json::value* v = o.find(name);
  return v ? v->as_array() : nullptr;
}

json::value text_or_nothing(const std::string& s) { return s.empty() ? json::value() : json::value(s); }

json::value texts_or_nothing(const json::object& o, std::string_view name) {
  json::array out;
  if (const json::array* items = list_in(o, name)) {
    for (const json::value& item : *items) {
      if (item.as_text() && !item.as_text()->empty()) out.push_back(item);
    }
  }
  return out.empty() ? json::value() : json::value(std::move(out));
}

// `contributors` of the files' own records holds the authors too, with the role aut.
std::vector<publication::person> people_in(const json::object& n) {
  std::vector<publication::person> out;
  const json::array* items = list_in(n, "contributors");
  for (std::size_t i = 0; items && i < std::min<std::size_t>(items->size(), 100); ++i) {
    const json::object* o = (*items)[i].as_object();
    if (!o) continue;
    publication::person p{.name = publication::clean_text(text_in(*o, "name"), 300),
                          .sort = publication::clean_text(text_in(*o, "sort"), 300),
                          .role = text_in(*o, "role")};
    if (!p.name.empty() && p.role.size() <= 40) out.push_back(std::move(p));
  }
  return out;
}

json::value authors_in(const json::object& n) {
  json::value named = texts_or_nothing(n, "authors");
  if (!named.is_null()) return named;
  json::array out;
  for (const publication::person& p : people_in(n)) {
    if (p.role == "aut") out.emplace_back(p.name);
  }
  return out.empty() ? json::value() : json::value(std::move(out));
}

std::vector<publication::person> others_in(const json::object& n) {
  std::vector<publication::person> out;
  if (const json::array* readers = list_in(n, "narrators")) {
    for (const json::value& name : *readers) {
      if (!name.as_text() || out.size() == 100) continue;
      publication::person p{.name = publication::clean_text(*name.as_text(), 300), .sort = "", .role = "nrt"};
      if (!p.name.empty()) out.push_back(std::move(p));
    }
  }
  for (publication::person& p : people_in(n)) {
    bool known = std::any_of(out.begin(), out.end(), [&](const auto& o) { return o.name == p.name && o.role == p.role; });
    if (p.role != "aut" && !p.role.empty() && !known) out.push_back(std::move(p));
  }
  return out;
}

json::value series_in(const json::object& n) {
  const json::array* all = list_in(n, "series");
  const json::object* chosen = nullptr;
  for (std::size_t i = 0; all && i < all->size(); ++i) {
    const json::object* one = (*all)[i].as_object();
    bool primary = false;
    if (one) one->take("primary", primary);
    if (one && (!chosen || primary)) chosen = one;
    if (primary) break;
  }
  if (!chosen || text_in(*chosen, "name").empty()) return nullptr;
  const json::value* position = chosen->find("position");
  return json::object{{"name", text_in(*chosen, "name")}, {"index", position ? *position : json::value()}};
}

json::value languages_in(const json::object& n) {
  json::value several = texts_or_nothing(n, "languages");
  if (!several.is_null()) return several;
  std::string one = text_in(n, "language");
  return one.empty() ? json::value() : json::value(json::array{one});
}

json::value published_in(const json::object& n) {
  std::string date = text_in(n, "published_date");
  if (!date.empty()) return date;
  std::int64_t year = 0;
  return n.take("published_year", year) && year >= 1000 && year <= 9999 ? json::value(std::to_string(year)) : json::value();
}

// Those of the book stay, but for the schemes that the candidate names; the two forms of an ISBN go together.
json::value identifiers_in(const json::object& n, const book_fields& now) {
  json::object said;
  if (const json::value* v = n.find("identifiers"); v && v->as_object()) {
    for (const auto& [scheme, value] : v->as_object()->members()) {
      if (value.as_text() && !value.as_text()->empty()) said.set(lower_ascii(scheme), value);
    }
  }
  for (const char* name : {"isbn_10", "isbn_13", "asin"}) {
    if (std::string value = text_in(n, name); !value.empty()) said.set(name, value);
  }
  json::object out;
  bool isbn = false;
  for (const auto& [scheme, value] : said.members()) {
    bool is_isbn = scheme == "isbn" || scheme == "isbn_10" || scheme == "isbn_13";
    if (is_isbn && !publication::parse_isbn(*value.as_text())) continue;
    isbn = isbn || is_isbn;
    out.set(scheme, value);
  }
  if (out.empty()) return nullptr;
  json::object merged;
  for (const auto& [scheme, value] : now.identifiers) {
    if (!isbn || (scheme != "isbn_10" && scheme != "isbn_13")) merged.set(scheme, value);
  }
  for (const auto& [scheme, value] : out.members()) merged.set(scheme, value);
  return merged;
}

json::value said_of(const json::object& n, std::string_view field, const book_fields& now) {
  if (field == "title" || field == "subtitle" || field == "publisher" || field == "description")
    return text_or_nothing(text_in(n, field));
  if (field == "authors") return authors_in(n);
  if (field == "series") return series_in(n);
  if (field == "languages") return languages_in(n);
  if (field == "published") return published_in(n);
  if (field == "identifiers") return identifiers_in(n, now);
  if (field == "genres" || field == "tags") return texts_or_nothing(n, field);
  std::int64_t pages = 0;
  if (field == "page_count" && n.take("page_count", pages) && pages > 0) return pages;
  return nullptr;
}

// ---- what it would make of the book -----------------------------------------------------------------------------

// How names that are new to the book are sorted, where the source says so.
void take_sorts(book_fields& f, const book_fields& before, const std::vector<publication::person>& people) {
  for (publication::person& author : f.authors) {
    bool known = std::any_of(before.authors.begin(), before.authors.end(), [&](const auto& p) { return p.name == author.name; });
    auto said =
        std::find_if(people.begin(), people.end(), [&](const auto& p) { return p.name == author.name && !p.sort.empty(); });
    if (!known && said != people.end()) author.sort = said->sort;
  }
}

// Only people of the roles that it knows about are its to name.
bool take_others(book_fields& f, const std::vector<publication::person>& others) {
  std::erase_if(f.contributors, [&](const publication::person& p) {
    return std::any_of(others.begin(), others.end(), [&](const publication::person& o) { return o.role == p.role; });
  });
  f.contributors.insert(f.contributors.end(), others.begin(), others.end());
  return !others.empty();
}

std::optional<offered_cover> cover_in(const json::object& n) {
  const json::value* v = n.find("cover");
  const json::object* o = v ? v->as_object() : nullptr;
  if (!o) return std::nullopt;
  offered_cover out;
  std::int64_t width = 0, height = 0;
  if (o->take("width", width) && width > 0 && width < 100'000) out.width = static_cast<int>(width);
  if (o->take("height", height) && height > 0 && height < 100'000) out.height = static_cast<int>(height);
  out.sha256 = text_in(*o, "sha256");
  return out;
}

// A candidate as it is stored, and what it says.
struct source_record {
  candidate shown;
  json::object normalized;
};

// The field becomes what the candidate says; false when it says nothing that a book can have.
bool take_one(db::tx& tx, book_record& r, const source_record& from, const std::string& field) {
  if (field == "cover") {
    std::optional<cover_ref> held =
        from.shown.cover && !from.shown.cover->sha256.empty() ? find_stored_cover(tx, from.shown.cover->sha256) : std::nullopt;
    if (held) r.cover = held;
    return held.has_value();
  }
  if (field == "narrators") return take_others(r.fields, others_in(from.normalized));
  json::value said = said_of(from.normalized, field, r.fields);
  if (said.is_null()) return false;
  book_fields next = r.fields;
  if (set_field(next, field, said)) return false;
  if (field == "authors") take_sorts(next, r.fields, people_in(from.normalized));
  if (field == "page_count") next.page_count_source = from.shown.source;
  if (field == "series" && next.series == r.fields.series && next.series_index == r.fields.series_index)
    next.series_index_text = r.fields.series_index_text;
  r.fields = std::move(next);
  return true;
}

std::vector<offer> offers_of(db::tx& tx, const book_record& now, const source_record& from) {
  std::vector<offer> out;
  for (const char* name : tracked_fields) {
    book_record would = now;
    if (!take_one(tx, would, from, name)) continue;
    json::value value = value_of(would, name);
    bool same = same_value(value, value_of(now, name));
    out.push_back({.field = name, .value = std::move(value), .same = same});
  }
  return out;
}

source_record record_from(const db::row& r) {
  source_record out;
  candidate& c = out.shown;
  c.id = r.id(0);
  c.source = r.text(1);
  c.status = r.text(2);
  c.confidence = r.real(3);
  if (result<json::value, json::failure> reasons = json::parse(r.view(4)); reasons && reasons->as_array()) {
    for (const json::value& reason : *reasons->as_array()) {
      if (reason.as_text()) c.reasons.push_back(*reason.as_text());
    }
  }
  if (result<json::object> terms = json::read_object(r.view(5))) {
    for (const auto& [name, value] : terms->members()) {
      std::optional<double> term = value.as_number() ? to_double(value.as_number()->text) : std::nullopt;
      if (term) c.terms.emplace_back(name, *term);
    }
  }
  c.taken = r.texts(6);
  c.fetched_at = r.at(7);
  if (result<json::object> normalized = json::read_object(r.view(8))) out.normalized = std::move(*normalized);
  c.cover = cover_in(out.normalized);
  std::string url = text_in(out.normalized, "url");
  if (url.starts_with("https://") || url.starts_with("http://")) c.url = url;
  return out;
}

bool is_shown(const candidate& c, double least) {
  bool open = c.status == "new" || c.status == "applied";
  return open && (is_local(c.source) || c.confidence >= least || c.status == "applied");
}

// Fields of a file are not marked as its own when it comes in: whatever says the same is where they are from.
std::string told_by(const std::vector<candidate>& all, const std::string& field) {
  for (const candidate& c : all) {
    bool says = std::any_of(c.offers.begin(), c.offers.end(), [&](const offer& o) { return o.field == field && o.same; });
    if (says && is_local(c.source)) return c.source;
  }
  return "";
}

std::optional<source_record> find_record(db::tx& tx, const uuid& book, const uuid& id) {
  db::rows rows = tx.run(sql_candidates, book, id);
  return rows.empty() ? std::nullopt : std::optional(record_from(rows[0]));
}

}  // namespace

bool is_local(std::string_view source) {
  return std::find(local_sources.begin(), local_sources.end(), source) != local_sources.end();
}

double least_shown(const config& c) { return to_double(c.text("metadata.review_threshold")).value_or(0); }

std::optional<comparison> compare(db::tx& tx, const uuid& book, double least) {
  std::optional<book_record> now = look_at_record(tx, book);
  if (!now) return std::nullopt;
  comparison out;
  for (const char* name : tracked_fields) {
    out.fields.push_back(
        {.name = name, .value = value_of(*now, name), .source = now->source_of(name), .locked = now->is_locked(name)});
  }
  for (const db::row& r : tx.run(sql_candidates, book, std::nullopt)) {
    source_record one = record_from(r);
    if (!is_shown(one.shown, least) || out.candidates.size() == most_shown) continue;
    one.shown.offers = offers_of(tx, *now, one);
    out.candidates.push_back(std::move(one.shown));
  }
  for (field_now& f : out.fields) {
    if (f.source.empty()) f.source = told_by(out.candidates, f.name);
  }
  return out;
}

namespace {

// The pairing with Hardcover (metadata-providers.md 9.2), which is not changed where there is one.
void pair_with_hardcover(db::tx& tx, const uuid& book, const json::object& n) {
  const json::value* v = n.find("identifiers");
  if (!v || !v->as_object()) return;
  std::string work = text_in(*v->as_object(), "hardcover_book"), edition = text_in(*v->as_object(), "hardcover_edition");
  if (storable(work) && storable(edition) && !work.empty()) tx.run(sql_hardcover, book, work, edition);
}

// One number more than the book has; false when it has one of that kind, or the candidate's is none.
bool add_identifier(book_fields& f, const json::object& n, const std::string& scheme) {
  std::string value = text_in(n, scheme);
  if (const json::value* v = n.find("identifiers"); value.empty() && v && v->as_object())
    value = text_in(*v->as_object(), scheme);
  if (value.empty()) return false;
  json::object all;
  for (const auto& [known, number] : f.identifiers) {
    if (known == lower_ascii(scheme)) return false;
    all.set(known, number);
  }
  all.set(scheme, value);
  return !set_field(f, "identifiers", all);
}

// Fields on their way from candidates into a book.
struct taking {
  uuid book;
  book_record before, after;
  std::map<uuid, source_record> known;
  std::vector<std::string> fields{};
};

std::optional<taking> begin_taking(db::tx& tx, const uuid& book) {
  std::optional<book_record> before = read_record(tx, book);
  if (!before) return std::nullopt;
  return taking{.book = book, .before = *before, .after = *before, .known = {}};
}

const source_record* recall(db::tx& tx, taking& t, const uuid& candidate) {
  if (auto at = t.known.find(candidate); at != t.known.end()) return &at->second;
  std::optional<source_record> found = find_record(tx, t.book, candidate);
  return found ? &t.known.emplace(candidate, std::move(*found)).first->second : nullptr;
}

void mark_taken(taking& t, const std::string& field, const source_record& from) {
  t.after.set_source(field, from.shown.source);
  t.after.taken[field] = from.shown.id;
  if (std::find(t.fields.begin(), t.fields.end(), field) == t.fields.end()) t.fields.push_back(field);
}

taken end_taking(db::tx& tx, taking& t, const actor& who) {
  taken out{.fields = std::move(t.fields), .group = write_record(tx, t.book, t.before, std::move(t.after), who)};
  for (const auto& [id, from] : t.known) {
    if (from.shown.source == "hardcover") pair_with_hardcover(tx, t.book, from.normalized);
  }
  if (out.group) record(tx, who, "book.take", "book", t.book, {{"fields", out.fields}, {"group", *out.group}});
  return out;
}

}  // namespace

result<taken> take_fields(db::tx& tx, const uuid& book, const std::vector<pick>& picks, const actor& who) {
  std::optional<taking> t = begin_taking(tx, book);
  if (!t) return error{"book", "does not exist"};
  for (const pick& p : picks) {
    const source_record* from = recall(tx, *t, p.candidate);
    if (from == nullptr) return error{"candidate", "does not exist"};
    bool is_field = std::find(tracked_fields.begin(), tracked_fields.end(), p.field) != tracked_fields.end();
    if (!is_field || !take_one(tx, t->after, *from, p.field))
      return error{"fields", "holds one that the candidate does not offer"};
    mark_taken(*t, p.field, *from);
    t->after.lock(p.field, true);
  }
  return end_taking(tx, *t, who);
}

result<taken> take_by_rule(db::tx& tx, const uuid& book, const ruled_picks& picks, const actor& who) {
  std::optional<taking> t = begin_taking(tx, book);
  if (!t) return error{"book", "does not exist"};
  for (const pick& p : picks.fields) {
    const source_record* from = recall(tx, *t, p.candidate);
    if (from == nullptr) return error{"candidate", "does not exist"};
    if (!t->before.is_locked(p.field) && take_one(tx, t->after, *from, p.field)) mark_taken(*t, p.field, *from);
  }
  for (const pick& p : picks.identifiers) {
    const source_record* from = recall(tx, *t, p.candidate);
    if (from == nullptr) return error{"candidate", "does not exist"};
    if (!t->before.is_locked("identifiers") && add_identifier(t->after.fields, from->normalized, p.field))
      mark_taken(*t, "identifiers", *from);
  }
  return end_taking(tx, *t, who);
}

result<taken> take_all(db::tx& tx, const uuid& book, const uuid& id, const actor& who) {
  std::optional<book_record> now = read_record(tx, book);
  std::optional<source_record> from = find_record(tx, book, id);
  if (!now || !from) return error{"candidate", "does not exist"};
  std::vector<pick> picks;
  for (const offer& o : offers_of(tx, *now, *from)) {
    if (!now->is_locked(o.field)) picks.push_back({id, o.field});
  }
  return take_fields(tx, book, picks, who);
}

std::optional<cover_ref> find_offered_cover(db::tx& tx, const uuid& book, const std::string& sha256) {
  if (!storable(sha256) || !tx.run(sql_offers_cover, book, sha256)[0].flag(0)) return std::nullopt;
  return find_stored_cover(tx, sha256);
}

bool reject_candidate(db::tx& tx, const uuid& book, const uuid& id, bool rejected, const actor& who) {
  if (tx.run(sql_status, book, id, rejected).affected() == 0) return false;
  record(tx, who, rejected ? "candidate.reject" : "candidate.restore", "book", book, {{"candidate", id}});
  return true;
}

}  // namespace carrel::library
