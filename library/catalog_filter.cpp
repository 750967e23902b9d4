// The library page's list: filters over an order. Three orders, two directions, and several ways of finding the rows: organised
// books and all books by an index of that order, text hits by the word index (bounded, then sorted), and for a single filter a
// statement of its own, so that the planner may begin with the few books that have the name and sort them. What a reader has
// read, wants or gave stars begins with the books that they ever opened or said something of. What is asked for rarely
// (publisher, year, what is missing, when it came, which device has it) has statements of its own, so that the others stay as
// they are.
#include <algorithm>
#include <array>

#include "library/catalog.hpp"
#include "library/catalog_details.hpp"
#include "library/catalog_lists.hpp"
#include "library/search_words.hpp"
#include "publication/unicode.hpp"

namespace carrel::library {
namespace {

// A shelf that the viewer may not look at is one that does not exist.
#define CARREL_OWN_SHELF                                         \
  "(select h.id from shelves h join users o on o.id = h.user_id" \
  "  where h.id = $11::uuid and (h.user_id = $1 or (h.shared and o.disabled_at is null)))"

#define CARREL_FILTERS                                                                                                        \
  " and ($6 = '' or b.language = $6)"                                                                                         \
  " and ($7 = '' or exists (select 1 from book_files f where f.book_id = b.id and f.format = $7))"                            \
  " and ($8::uuid is null or exists (select 1 from book_people p where p.book_id = b.id and p.person_id = $8::uuid))"         \
  " and ($9::uuid is null or b.series_id = $9::uuid)"                                                                         \
  " and ($10::uuid is null or exists (select 1 from book_tags t where t.book_id = b.id and t.tag_id = $10::uuid))"            \
  " and ($11::uuid is null or exists (select 1 from shelf_books s where s.book_id = b.id and s.shelf_id in " CARREL_OWN_SHELF \
  "))"

// How far the viewer is with the book, and their stars: looked up book by book.
#define CARREL_READING(STATE, STARS)                                                                                            \
  " and (" STATE " = '' or coalesce((select r.state from readings($1) r where r.book_id = b.id), 'unread') = " STATE            \
  ")"                                                                                                                           \
  " and (" STARS "::int = 0 or exists (select from opinions o where o.user_id = $1 and o.book_id = b.id and o.rating >= " STARS \
  "::int))"
// The same beginning with the books that the viewer ever said something of or opened: all but the unread ones are among them.
#define CARREL_AMONG \
  " and b.id in (select r.book_id from readings($1) r where ($15 = '' or r.state = $15) and coalesce(r.rating, 0) >= $16::int)"

#define CARREL_DETAILS(PUBLISHER, FROM, TO, MISSING, DAYS, DEVICE, ON)                                            \
  " and (" PUBLISHER " = '' or strpos(lower(b.publisher), lower(" PUBLISHER                                       \
  ")) > 0)"                                                                                                       \
  " and (" FROM "::int = 0 or b.published_year >= " FROM "::int) and (" TO "::int = 0 or b.published_year <= " TO \
  "::int)"                                                                                                        \
  " and case " MISSING                                                                                            \
  "::text when '' then true when 'cover' then b.cover_id is null when 'author' then b.author = ''"                \
  " when 'series' then b.series_id is null when 'language' then b.language = '' else b.description = '' end"      \
  " and (" DAYS "::int = 0 or b.created_at >= now() - " DAYS                                                      \
  "::int * interval '1 day')"                                                                                     \
  " and (" DEVICE "::uuid is null or (b.id in (select d.book_id from books_on_device($1, " DEVICE "::uuid) d)) = " ON "::bool)"

// The filters one by one. Every statement takes the same parameters; those that it does not look at are only counted.
#define CARREL_OTHERS " and num_nulls($6::text, $7::text, $8::text, $9::text, $10::text, $11::text, $15::text, $16::text) >= 0"
#define CARREL_LANGUAGE " and b.language = $6" CARREL_OTHERS
#define CARREL_PERSON " and b.id in (select p.book_id from book_people p where p.person_id = $8::uuid)" CARREL_OTHERS
#define CARREL_SERIES " and b.series_id = $9::uuid" CARREL_OTHERS
#define CARREL_TAG " and b.id in (select t.book_id from book_tags t where t.tag_id = $10::uuid)" CARREL_OTHERS
#define CARREL_SHELF " and b.id in (select s.book_id from shelf_books s where s.shelf_id in " CARREL_OWN_SHELF ")" CARREL_OTHERS

#define CARREL_TIME "(extract(epoch from b.created_at) * 1000000)::bigint::text"
#define CARREL_AT "to_timestamp($2::numeric / 1000000)"

// `$5` is the status, `$12` the text query; a way that does not need one of them says so with a condition that is always true.
#define CARREL_ORGANISED "from listed_books($1, $14) b where $5::text is not null and $12::text is not null"
#define CARREL_ANY \
  "from visible_books($1) b where b.offered >= $14 and ($5 = '' or b.status::text = $5) and $12::text is not null"
#define CARREL_HITS                                                                                                          \
  "from (select v.* from visible_books($1) v where v.offered >= $14 and v.search_vector @@ to_tsquery('simple', $12) limit " \
  "5000) b"                                                                                                                  \
  " where ($5 = '' or b.status::text = $5)"

#define CARREL_SIX(WAY, NAME)                                                                                                 \
  {                                                                                                                           \
    {{"library.filter_newest_" NAME, "select b.id, b.version, " CARREL_TIME " " WAY " and (b.created_at, b.id) < (" CARREL_AT \
                                     ", $3) and $13::text is not null order by b.created_at desc, b.id desc limit $4"},       \
     {"library.filter_newest_back_" NAME,                                                                                     \
      "select b.id, b.version, " CARREL_TIME " " WAY " and (b.created_at, b.id) > (" CARREL_AT                                \
      ", $3) and $13::text is not null order by b.created_at, b.id limit $4"}},                                               \
        {{"library.filter_title_" NAME,                                                                                       \
          "select b.id, b.version, b.title_key " WAY                                                                          \
          " and (b.title_key, b.id) > ($2, $3) and $13::text is not null order by b.title_key, b.id limit $4"},               \
         {"library.filter_title_back_" NAME,                                                                                  \
          "select b.id, b.version, b.title_key " WAY                                                                          \
          " and (b.title_key, b.id) < ($2, $3) and $13::text is not null order by b.title_key desc, b.id desc limit $4"}},    \
        {{"library.filter_author_" NAME,                                                                                      \
          "select b.id, b.version, b.author_key, b.place_key " WAY                                                            \
          " and (b.author_key, b.place_key, b.id) > ($2, $13, $3) order by b.author_key, b.place_key, b.id limit $4"},        \
         {"library.filter_author_back_" NAME,                                                                                 \
          "select b.id, b.version, b.author_key, b.place_key " WAY " and (b.author_key, b.place_key, b.id) < ($2, $13, $3)"   \
          " order by b.author_key desc, b.place_key desc, b.id desc limit $4"}},                                              \
  }

using statements = db::statement[3][2];
constexpr statements organised = CARREL_SIX(CARREL_ORGANISED CARREL_FILTERS CARREL_READING("$15", "$16"), "organised");
constexpr statements any_status = CARREL_SIX(CARREL_ANY CARREL_FILTERS CARREL_READING("$15", "$16"), "any");
constexpr statements hits = CARREL_SIX(CARREL_HITS CARREL_FILTERS CARREL_READING("$15", "$16"), "hits");
constexpr statements among = CARREL_SIX(CARREL_ANY CARREL_AMONG CARREL_FILTERS, "among");

#define CARREL_ALL CARREL_FILTERS CARREL_READING("$15", "$16") CARREL_DETAILS("$17", "$18", "$19", "$20", "$21", "$22", "$23")
constexpr statements detailed_organised = CARREL_SIX(CARREL_ORGANISED CARREL_ALL, "detailed_organised");
constexpr statements detailed_any = CARREL_SIX(CARREL_ANY CARREL_ALL, "detailed_any");
constexpr statements detailed_hits = CARREL_SIX(CARREL_HITS CARREL_ALL, "detailed_hits");
#undef CARREL_ALL

#define CARREL_SINGLE(WAY, NAME)                                                                      \
  {                                                                                                   \
    CARREL_SIX(WAY CARREL_LANGUAGE, NAME "_language"), CARREL_SIX(WAY CARREL_PERSON, NAME "_person"), \
        CARREL_SIX(WAY CARREL_SERIES, NAME "_series"), CARREL_SIX(WAY CARREL_TAG, NAME "_tag"),       \
        CARREL_SIX(WAY CARREL_SHELF, NAME "_shelf"),                                                  \
  }
constexpr statements single_organised[5] = CARREL_SINGLE(CARREL_ORGANISED, "organised");
constexpr statements single_any[5] = CARREL_SINGLE(CARREL_ANY, "any");
constexpr statements unread_organised[5] = CARREL_SINGLE(CARREL_ORGANISED CARREL_READING("$15", "$16"), "unread_organised");
constexpr statements unread_any[5] = CARREL_SINGLE(CARREL_ANY CARREL_READING("$15", "$16"), "unread_any");

// Which of them serves; none when several filters are set, or a format.
std::optional<std::size_t> only_filter(const filter& f) {
  const std::array set{!f.language.empty(), f.person.has_value(), f.series.has_value(), f.tag.has_value(), f.shelf.has_value()};
  if (!f.format.empty() || std::count(set.begin(), set.end(), true) != 1) return std::nullopt;
  return static_cast<std::size_t>(std::find(set.begin(), set.end(), true) - set.begin());
}

bool by_reading(const filter& f) { return !f.state.empty() || f.rating > 0; }

const statements& way_of(const filter& f, bool words) {
  if (words) return hits;
  bool in_library = f.status == "organized";
  bool unread = f.state == "unread" && f.rating == 0;
  if (by_reading(f) && !unread) return among;
  if (std::optional<std::size_t> only = only_filter(f)) {
    if (unread) return in_library ? unread_organised[*only] : unread_any[*only];
    return in_library ? single_organised[*only] : single_any[*only];
  }
  return in_library ? organised : any_status;
}

const statements& detailed_way_of(const filter& f, bool words) {
  if (words) return detailed_hits;
  return f.status == "organized" ? detailed_organised : detailed_any;
}

// By id there is no bound on how many hits of a text are looked at.
constexpr db::statement sql_matching{
    "library.matching_ids",
    "select b.id from visible_books($1) b where b.id > $2 and b.offered >= $4 and ($5 = '' or b.status::text = $5)"
    " and ($12 = '' or b.search_vector @@ to_tsquery('simple', $12))" CARREL_FILTERS CARREL_READING("$13", "$14")
        CARREL_DETAILS("$15", "$16", "$17", "$18", "$19", "$20", "$21") " order by b.id limit $3"};

// Ordered by what was typed there is no key to go on from: pages are places.
#define CARREL_BEST                                                                                                              \
  "select b.id, b.version, b.title_key, b.created_at, b.search_vector from visible_books($1) b"                                  \
  " where b.offered >= $13 and b.search_vector @@ to_tsquery('simple', $12) and ($5 = '' or b.status::text = $5)" CARREL_FILTERS \
      CARREL_READING("$14", "$15") CARREL_DETAILS("$16", "$17", "$18", "$19", "$20", "$21", "$22")
constexpr db::statement sql_best{
    "library.filter_best", "select b.id, b.version from ((" CARREL_BEST " and b.title_key = $2 limit 100) union all (" CARREL_BEST
                           " and b.title_key <> $2 limit 2000)) b order by" CARREL_BEST_FIRST("$2", "$12") "offset $3 limit $4"};
#undef CARREL_BEST

outline best_of(db::tx& tx, const uuid& viewer, const filter& f, const std::string& words, const cursor& from, int limit) {
  auto place = static_cast<std::int64_t>(std::clamp<std::uint64_t>(from.ordinal, 1, most_results)) - 1;
  auto want = static_cast<int>(std::min<std::int64_t>(limit, most_results - place));
  db::rows rows = tx.run(sql_best, viewer, publication::sort_key(f.text), place, want + 1, f.status, f.language, f.format,
                         f.person, f.series, f.tag, f.shelf, words, static_cast<int>(f.for_whom), f.state, f.rating, f.publisher,
                         f.year_from, f.year_to, f.missing, f.added_days, f.device, f.on_device);
  auto at = [](cursor::side side, std::int64_t ordinal) {
    cursor c{.from = side};
    c.ordinal = static_cast<std::uint64_t>(ordinal);
    return c;
  };
  outline out;
  for (const db::row& r : rows.first(static_cast<std::size_t>(want)))
    out.books.push_back({.id = r.id(0), .version = r.integer(1)});
  out.first_ordinal = static_cast<std::uint64_t>(place) + 1;
  if (place > 0) out.previous = at(cursor::side::before, std::max<std::int64_t>(place - limit, 0) + 1);
  if (rows.size() > static_cast<std::size_t>(want) && place + want < most_results)
    out.next = at(cursor::side::after, place + want + 1);
  return out;
}

std::size_t order_index(list::of order) { return order == list::of::title ? 1 : order == list::of::author ? 2 : 0; }

// The list that gives the same books in the same order, when the filter is a single one over newest order.
std::optional<list> as_list(const filter& f) {
  if (f.status != "organized" || !f.text.empty() || !f.format.empty() || by_reading(f) || has_details(f)) return std::nullopt;
  int set = !f.language.empty() + f.person.has_value() + f.series.has_value() + f.tag.has_value() + f.shelf.has_value();
  if (set == 0) return list{.what = f.order, .for_whom = f.for_whom};
  if (set > 1 || f.order != list::of::newest) return std::nullopt;
  if (f.tag) return list{.what = list::of::tag, .id = *f.tag, .for_whom = f.for_whom};
  if (!f.language.empty()) return list{.what = list::of::language, .language = f.language, .for_whom = f.for_whom};
  return std::nullopt;
}

std::vector<list_row> read_filtered(db::tx& tx, const uuid& viewer, const filter& f, const std::string& words,
                                    const cursor& anchor, bool forward, int limit) {
  bool detailed = has_details(f);
  const statements& way = detailed ? detailed_way_of(f, !words.empty()) : way_of(f, !words.empty());
  const db::statement& sql = way[order_index(f.order)][forward ? 0 : 1];
  auto run = [&](const auto&... more) {
    return tx.run(sql, viewer, anchor.key, anchor.id, limit, f.status, f.language, f.format, f.person, f.series, f.tag, f.shelf,
                  words, anchor.key2, static_cast<int>(f.for_whom), f.state, f.rating, more...);
  };
  db::rows rows = detailed ? run(f.publisher, f.year_from, f.year_to, f.missing, f.added_days, f.device, f.on_device) : run();
  std::vector<list_row> out;
  for (const db::row& r : rows)
    out.push_back(
        {.id = r.id(0), .version = r.integer(1), .key = r.text(2), .key2 = f.order == list::of::author ? r.text(3) : ""});
  return out;
}

}  // namespace

std::string filter::token_name() const {
  auto id = [](const std::optional<uuid>& i) { return i ? i->text() : std::string(); };
  std::string details;
  for (const char* name : detail_names) details += detail_of(*this, name) + "|";
  return "filter:" + details + status + "|" + language + "|" + format + "|" + text + "|" + id(person) + "|" + id(series) + "|" +
         id(tag) + "|" + id(shelf) + "|" + state + "|" + std::to_string(rating) + "|" +
         (closest_first && !text.empty() ? "closest" : std::to_string(order_index(order)));
}

std::vector<uuid> matching_ids(db::tx& tx, const uuid& viewer, const filter& f, const uuid& after, int limit) {
  std::string words = f.text.empty() ? "" : search_words(f.text);
  std::vector<uuid> out;
  if (!f.text.empty() && words.empty()) return out;
  for (const db::row& r : tx.run(sql_matching, viewer, after, limit, static_cast<int>(f.for_whom), f.status, f.language, f.format,
                                 f.person, f.series, f.tag, f.shelf, words, f.state, f.rating, f.publisher, f.year_from,
                                 f.year_to, f.missing, f.added_days, f.device, f.on_device))
    out.push_back(r.id(0));
  return out;
}

outline outline_of(db::tx& tx, const uuid& viewer, const filter& f, const cursor& from, int limit) {
  if (std::optional<list> same = as_list(f)) return outline_of(tx, viewer, *same, from, limit);
  if (f.closest_first && !f.text.empty()) {
    std::string words = search_words(f.text);
    return words.empty() ? outline{} : best_of(tx, viewer, f, words, from, limit);
  }
  if ((from.from == cursor::side::after || from.from == cursor::side::before) && !key_is_good(f.order, from.key)) return {};
  std::string words = f.text.empty() ? "" : search_words(f.text);
  if (!f.text.empty() && words.empty()) return {};  // only signs: nothing can match
  row_page rows = page_of(
      from, list_edge(f.order, true), list_edge(f.order, false), limit,
      [&](const cursor& anchor, bool forward, int count) { return read_filtered(tx, viewer, f, words, anchor, forward, count); });
  return outline_from(std::move(rows));
}

}  // namespace carrel::library
