#include "library/duplicate.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "library/book.hpp"
#include "library/revision.hpp"
#include "publication/likeness.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

// Schemes of numbers that name a work or an edition. In this form, so that the planner sees the index books_named.
#define CARREL_NAMED "array['asin', 'google', 'openlibrary', 'hardcover', 'goodreads', 'librarything']"

namespace carrel::library {
namespace {

// The oldest organised book, else the oldest one, with the same content, ISBN, other number or work key.
constexpr db::statement sql_duplicate{"library.find_duplicate", R"sql(
  select b.id from books b
   where b.deleted_at is null
     and b.id = any (array (select f.book_id from book_files f where f.content_hash = nullif($1, '')
                  union all select i.id from books i where i.isbn_13 = nullif($2, '')
                  union all select k.id from books k where k.dup_key = $3
                  union all select n.id from unnest($4::text[]) as w (named)
                            cross join lateral (select x.id from books x
                                                 where x.identifiers ?| )sql" CARREL_NAMED R"sql(
                                                   and x.identifiers @> w.named::jsonb offset 0) n))
   order by b.status <> 'organized', b.created_at, b.id limit 1)sql"};

// Of two books that come at the same moment the second must see the first: whoever asks about a key holds it until its own book
// is committed. In one order, so that nobody waits in a circle; books without a key in common do not wait for each other.
constexpr db::statement sql_hold_keys{"library.hold_duplicate_keys", R"sql(
  select pg_advisory_xact_lock(k.key)
    from (select distinct hashtextextended('carrel.duplicate ' || t, 0) as key from unnest($1::text[]) as t order by 1) as k)sql"};

constexpr db::statement sql_about{"library.duplicate_about", R"sql(
  select b.title, b.title_key, b.author_key, b.place_key, b.series_id, b.series_index,
         array(select p.name from book_people bp join people p on p.id = bp.person_id
                where bp.book_id = b.id and bp.role = 'aut' order by bp.position limit 10),
         array(select jsonb_build_object(i.key, i.value)::text from jsonb_each(b.identifiers) i where b.identifiers ?| )sql" CARREL_NAMED
                                                             R"sql( and i.key = any ()sql" CARREL_NAMED R"sql())
    from books b where b.id = $1 and b.deleted_at is null)sql"};

// Steps 2 to 4. Books that are two in a library that was imported are two here (ingest.md 16); counted, so that each book's own
// rows are looked up and not all of that library. A number that a thousand books share says nothing, so a few of each kind will
// do.
constexpr db::statement sql_strong{"library.strong_duplicates", R"sql(
  with me as (select id, isbn_13, dup_key from books where id = $1),
  found as (
    (select f.book_id as id, 'content' as kind, 'content' as reason
       from book_files mine join book_files f on f.content_hash = mine.content_hash and f.book_id <> mine.book_id
      where mine.book_id = $1 and mine.content_hash is not null limit 50)
    union all
    (select b.id, 'identifier', 'isbn_13' from me join books b on b.isbn_13 = me.isbn_13 where b.id <> $1 limit 50)
    union all
    (select n.id, 'identifier', w.scheme
       from unnest($2::text[]) as t (named)
      cross join lateral (select jsonb_object_keys(t.named::jsonb) as scheme) w
      cross join lateral (select x.id from books x
                           where x.identifiers ?| )sql" CARREL_NAMED R"sql( and x.identifiers @> t.named::jsonb offset 0) n
      where n.id <> $1 limit 50)
    union all
    (select b.id, 'work', 'work' from me join books b on b.dup_key = me.dup_key where b.id <> $1 limit 50))
  select f.id, f.kind, f.reason
    from found f join books b on b.id = f.id and b.deleted_at is null
   where (select count(*) from imported_books o
           where o.book_id = f.id
             and (o.source, o.library_uuid) in (select a.source, a.library_uuid from imported_books a where a.book_id = $1)) = 0
   order by b.created_at, f.id)sql"};

// Step 5: the neighbours of the same first author, in the order of that author's page, the neighbours by title, and those that
// were found alike before. All from the ends of index ranges.
constexpr db::statement sql_near{"library.near_duplicates", R"sql(
  select b.id, b.title, b.series_id, b.series_index
    from books b
   where b.deleted_at is null and b.id <> $1
     and b.id = any (array (
       (select a.id from books a where a.deleted_at is null and $2 <> '' and a.author_key = $2 and a.place_key >= $4
         order by a.place_key, a.id limit 60)
       union all
       (select a.id from books a where a.deleted_at is null and $2 <> '' and a.author_key = $2 and a.place_key < $4
         order by a.place_key desc, a.id desc limit 60)
       union all
       (select a.id from books a where a.deleted_at is null and $2 <> '' and a.author_key > $2 || ' ' and a.author_key < $2 || '!'
         order by a.author_key, a.place_key, a.id limit 60)
       union all
       (select a.id from books a where a.deleted_at is null and a.title_key >= $3 order by a.title_key, a.id limit 20)
       union all
       (select a.id from books a where a.deleted_at is null and a.title_key < $3 order by a.title_key desc, a.id desc limit 20)
       union all
       select case when d.book_id = $1 then d.other_id else d.book_id end from duplicate_candidates d
        where d.kind = 'similar' and d.decision is null and (d.book_id = $1 or d.other_id = $1))))sql"};

// Of those with such a title.
constexpr db::statement sql_near_authors{"library.authors_of_near_duplicates", R"sql(
  select b.id, array(select p.name from book_people bp join people p on p.id = bp.person_id
                      where bp.book_id = b.id and bp.role = 'aut' order by bp.position limit 10)
    from books b
   where b.id = any ($2::uuid[])
     and (select count(*) from imported_books o
           where o.book_id = b.id
             and (o.source, o.library_uuid) in (select a.source, a.library_uuid from imported_books a where a.book_id = $1)) = 0)sql"};

constexpr db::statement sql_note{"library.note_duplicate", R"sql(
  insert into duplicate_candidates as d (book_id, other_id, kind, score, reasons)
  select greatest($1::uuid, w.other), least($1::uuid, w.other), w.kind, w.score, w.reasons::jsonb
    from unnest($2::uuid[], $3::text[], $4::real[], $5::text[]) as w (other, kind, score, reasons)
   order by 1, 2
      on conflict (book_id, other_id) do update set kind = excluded.kind, score = excluded.score, reasons = excluded.reasons
   where d.decision is null and (d.kind, d.score, d.reasons) is distinct from (excluded.kind, excluded.score, excluded.reasons))sql"};
constexpr db::statement sql_forget{"library.forget_duplicates", R"sql(
  delete from duplicate_candidates d
   where d.decision is null and (d.book_id = $1 or d.other_id = $1)
     and case when d.book_id = $1 then d.other_id else d.book_id end <> all ($2::uuid[]))sql"};

// What changed within the last moments may not be committed in the order of its times.
constexpr db::statement sql_next{"library.next_for_duplicates", R"sql(
  select b.id, b.updated_at
    from (select * from duplicate_search for update) s
   cross join lateral (select x.id, x.updated_at from books x
                        where x.status = 'organized' and x.deleted_at is null and x.updated_at < $2
                          and (x.updated_at, x.id) > (s.updated_at, s.book_id)
                        order by x.updated_at, x.id limit $1) b)sql"};
constexpr db::statement sql_came_to{"library.duplicates_came_to", R"sql(
  update duplicate_search set updated_at = (select updated_at from books where id = $1), book_id = $1)sql"};

#define CARREL_PAIRS                                                                                                             \
  "  select case when later then d.book_id else d.other_id end, case when later then d.other_id else d.book_id end, d.kind, "    \
  "d.score,"                                                                                                                     \
  "         d.reasons, d.found_at"                                                                                               \
  "    from duplicate_candidates d"                                                                                              \
  "    join visible_books($1) b on b.id = d.book_id"                                                                             \
  "    join visible_books($1) o on o.id = d.other_id"                                                                            \
  "   cross join lateral (select (b.status <> 'organized', b.created_at, b.id) > (o.status <> 'organized', o.created_at, o.id) " \
  "as later) w"                                                                                                                  \
  "   where d.decision is null "

constexpr db::statement sql_open{"library.open_duplicates", CARREL_PAIRS R"sql(
     and ($2 or d.kind <> 'similar')
     and ($3::uuid is null or (d.kind = 'similar')::int > $6
          or ((d.kind = 'similar')::int = $6
              and (d.found_at, d.book_id, d.other_id) < ($5::timestamptz, greatest($3::uuid, $4::uuid), least($3::uuid, $4::uuid))))
   order by d.kind = 'similar', d.found_at desc, d.book_id desc, d.other_id desc
   limit $7)sql"};
constexpr db::statement sql_of_book{
    "library.duplicates_of_book",
    CARREL_PAIRS "and (d.book_id = $2 or d.other_id = $2) order by d.kind = 'similar', d.score desc, d.found_at limit 20"};
constexpr db::statement sql_pair{"library.duplicate_pair", CARREL_PAIRS
                                 "and d.book_id = greatest($2::uuid, $3::uuid) and d.other_id = least($2::uuid, $3::uuid)"};
#undef CARREL_PAIRS

constexpr db::statement sql_keep_both{"library.keep_both", R"sql(
  insert into duplicate_candidates as d (book_id, other_id, kind, score, decided_at, decision, decided_by)
  select greatest(a.id, b.id), least(a.id, b.id), 'similar', 0, clock_timestamp(), 'both', $4
    from visible_books($1) a, visible_books($1) b where a.id = $2 and b.id = $3 and a.id <> b.id
      on conflict (book_id, other_id) do update set decided_at = excluded.decided_at, decision = 'both', decided_by = excluded.decided_by
   where d.decision is null)sql"};
constexpr db::statement sql_ask_again{"library.ask_again", R"sql(
  update duplicate_candidates d set decided_at = null, decision = null, decided_by = ''
   where d.book_id = greatest($2::uuid, $3::uuid) and d.other_id = least($2::uuid, $3::uuid) and d.decision = 'both'
     and (select count(*) from visible_books($1) b where b.id in ($2, $3)) = 2)sql"};
// The book that waits is not held up by the other one any more.
constexpr db::statement sql_release{"library.release_duplicate", R"sql(
  update books set possible_duplicate_of = null
   where (id = $1 and possible_duplicate_of = $2) or (id = $2 and possible_duplicate_of = $1))sql"};
constexpr db::statement sql_hold_up{"library.hold_up_duplicate", R"sql(
  update books b set possible_duplicate_of = case when b.id = $1 then $2::uuid else $1::uuid end
   where b.id in ($1, $2) and b.status <> 'organized' and b.possible_duplicate_of is null
     and exists (select from duplicate_candidates d where d.book_id = greatest($1::uuid, $2::uuid)
                    and d.other_id = least($1::uuid, $2::uuid) and d.kind <> 'similar')
     and b.id = (select x.id from books x where x.id in ($1, $2) order by x.status <> 'organized' desc, x.created_at desc, x.id desc limit 1))sql"};

constexpr double same_author_title = 0.90, any_author_title = 0.95, any_author = 0.85;  // ingest.md 7.3, step 5

struct subject {
  std::string title;
  std::vector<std::string> authors;
  std::optional<uuid> series;
  std::optional<double> index;
};

struct match {
  std::string kind;
  double score = 0;
  std::vector<std::string> reasons;
};

int strength(std::string_view kind) { return kind == "content" ? 3 : kind == "identifier" ? 2 : kind == "work" ? 1 : 0; }

double score_of(std::string_view kind) { return kind == "content" ? 1 : kind == "identifier" ? 0.98 : 0.95; }

bool is_number(const std::string& word) {
  static const std::set<std::string> roman{"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"};
  bool digits = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
  return digits || roman.contains(word);
}

std::multiset<std::string> numbers_in(const std::string& title) {
  std::multiset<std::string> out;
  for (const std::string& word : publication::words(publication::fold(title))) {
    if (is_number(word)) out.insert(word);
  }
  return out;
}

// "Volume 3" and "Volume 4" differ by one letter and are two books all the same.
bool other_volume(const subject& a, const subject& b) {
  if (a.series && a.series == b.series && a.index && b.index && *a.index != *b.index) return true;
  return numbers_in(a.title) != numbers_in(b.title);
}

double best_author(const subject& a, const subject& b) {
  double out = 0;
  for (const std::string& one : a.authors) {
    for (const std::string& other : b.authors) out = std::max(out, publication::name_likeness(one, other));
  }
  return out;
}

bool same_first_author(const subject& a, const subject& b) {
  if (a.authors.empty() || b.authors.empty()) return false;
  return publication::author_key(a.authors.front()) == publication::author_key(b.authors.front());
}

std::optional<match> similar(const subject& a, const subject& b, double title) {
  bool same = same_first_author(a, b);
  double author = same ? 1 : best_author(a, b);
  if (!same && (title < any_author_title || author < any_author)) return std::nullopt;
  return match{.kind = "similar", .score = title * author, .reasons = {"title", "author"}};
}

using matches = std::map<uuid, match>;

void add_strong(db::tx& tx, const uuid& book, const std::vector<std::string>& named, matches& out) {
  for (const db::row& r : tx.run(sql_strong, book, named)) {
    match& m = out[r.id(0)];
    std::string kind = r.text(1), reason = r.text(2);
    if (m.kind.empty() || strength(kind) > strength(m.kind)) {
      m.kind = kind;
      m.score = score_of(kind);
    }
    if (std::find(m.reasons.begin(), m.reasons.end(), reason) == m.reasons.end()) m.reasons.push_back(reason);
  }
}

void add_similar(db::tx& tx, const uuid& book, const subject& about, const db::row& keys, matches& out) {
  struct near {
    subject is;
    double title = 0;
  };
  std::map<uuid, near> alike;
  std::vector<uuid> ids;
  publication::known_title title(about.title);
  std::string author = about.authors.empty() ? "" : publication::sort_key(publication::author_sort(about.authors.front()));
  for (const db::row& r : tx.run(sql_near, book, author, keys.text(1), keys.text(3))) {
    if (out.contains(r.id(0))) continue;
    near other{.is = {.title = r.text(1), .authors = {}, .series = r.maybe_id(2), .index = r.maybe_real(3)}};
    other.title = title.likeness(other.is.title, same_author_title);
    if (other.title == 0 || other_volume(about, other.is)) continue;
    ids.push_back(r.id(0));
    alike.emplace(r.id(0), std::move(other));
  }
  if (ids.empty()) return;
  for (const db::row& r : tx.run(sql_near_authors, book, ids)) {
    near& other = alike.at(r.id(0));
    other.is.authors = r.texts(1);
    if (std::optional<match> found = similar(about, other.is, other.title)) out.emplace(r.id(0), std::move(*found));
  }
}

void store(db::tx& tx, const uuid& book, const matches& found) {
  std::vector<uuid> others;
  std::vector<std::string> kinds, reasons;
  std::vector<double> scores;
  for (const auto& [other, m] : found) {
    others.push_back(other);
    kinds.push_back(m.kind);
    scores.push_back(m.score);
    reasons.push_back(json::dump(json::value(m.reasons)));
  }
  if (!others.empty()) tx.run(sql_note, book, others, kinds, scores, reasons);
  tx.run(sql_forget, book, others);
}

duplicate_pair pair_from(const db::row& r) {
  duplicate_pair out{
      .book = r.id(0), .other = r.id(1), .kind = r.text(2), .score = r.real(3), .reasons = {}, .found_at = r.at(5)};
  if (result<json::value, json::failure> all = json::parse(r.view(4)); all && all->as_array()) {
    for (const json::value& one : *all->as_array()) {
      if (one.as_text()) out.reasons.push_back(*one.as_text());
    }
  }
  return out;
}

bool names_a_book(std::string_view scheme) {
  for (std::string_view known : {"asin", "google", "openlibrary", "hardcover", "goodreads", "librarything"}) {
    if (scheme == known) return true;
  }
  return false;
}

}  // namespace

std::optional<uuid> find_duplicate(db::tx& tx, const publication::metadata& m, const std::string& content_hash) {
  std::string isbn;
  std::vector<std::string> held, named;
  for (const auto& [scheme, value] : m.identifiers) {
    if (scheme == "isbn_13") isbn = value;
    if (!names_a_book(scheme)) continue;
    named.push_back(json::dump(json::object{{scheme, value}}));
    held.push_back("named " + named.back());
  }
  std::optional<db::bytes> key;
  std::string language = m.languages.empty() ? "" : m.languages.front();
  if (!m.authors.empty()) key = db::bytes{publication::dup_key(m.title, language, m.authors.front().name)};
  if (!content_hash.empty()) held.push_back("content " + content_hash);
  if (!isbn.empty()) held.push_back("isbn " + isbn);
  if (key) held.push_back("work " + hex(key->raw));
  if (!held.empty()) tx.run(sql_hold_keys, held);
  db::rows rows = tx.run(sql_duplicate, content_hash, isbn, key, named);
  return rows.empty() ? std::nullopt : std::optional(rows[0].id(0));
}

void note_duplicates(db::tx& tx, const uuid& book) {
  db::rows rows = tx.run(sql_about, book);
  if (rows.empty()) return;
  const db::row& r = rows[0];
  subject about{.title = r.text(0), .authors = r.texts(6), .series = r.maybe_id(4), .index = r.maybe_real(5)};
  matches found;
  add_strong(tx, book, r.texts(7), found);
  add_similar(tx, book, about, r, found);
  store(tx, book, found);
}

int look_for_duplicates(db::tx& tx, int most) {
  db::rows rows = tx.run(sql_next, most, now() - std::chrono::minutes(1));
  for (const db::row& r : rows) note_duplicates(tx, r.id(0));
  if (!rows.empty()) tx.run(sql_came_to, rows[rows.size() - 1].id(0));
  return static_cast<int>(rows.size());
}

duplicate_page open_duplicates(db::tx& tx, const uuid& viewer, bool with_similar, const std::optional<duplicate_pair>& after,
                               int most) {
  duplicate_page out;
  std::optional<uuid> book, other;
  std::optional<instant> at;
  int group = 0;
  if (after) {
    book = after->book;
    other = after->other;
    at = after->found_at;
    group = after->kind == "similar" ? 1 : 0;
  }
  db::rows rows = tx.run(sql_open, viewer, with_similar, book, other, at, group, most + 1);
  for (const db::row& r : rows.first(static_cast<std::size_t>(most))) out.pairs.push_back(pair_from(r));
  out.more = rows.size() > out.pairs.size();
  return out;
}

std::vector<duplicate_pair> duplicates_of(db::tx& tx, const uuid& viewer, const uuid& book) {
  std::vector<duplicate_pair> out;
  for (const db::row& r : tx.run(sql_of_book, viewer, book)) out.push_back(pair_from(r));
  return out;
}

std::optional<duplicate_pair> find_duplicate_pair(db::tx& tx, const uuid& viewer, const uuid& a, const uuid& b) {
  db::rows rows = tx.run(sql_pair, viewer, a, b);
  return rows.empty() ? std::nullopt : std::optional(pair_from(rows[0]));
}

bool keep_both(db::tx& tx, const uuid& viewer, const uuid& a, const uuid& b, const actor& who) {
  if (tx.run(sql_keep_both, viewer, a, b, who.name).affected() == 0) return false;
  tx.run(sql_release, a, b);
  record(tx, who, "book.keep_both", "book", a, json::object{{"other", b}});
  return true;
}

bool undo_keep_both(db::tx& tx, const uuid& viewer, const uuid& a, const uuid& b, const actor& who) {
  if (tx.run(sql_ask_again, viewer, a, b).affected() == 0) return false;
  tx.run(sql_hold_up, a, b);
  record(tx, who, "book.keep_both_undone", "book", a, json::object{{"other", b}});
  return true;
}

}  // namespace carrel::library
