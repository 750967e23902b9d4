#include "library/selection_sql.hpp"

#include <stdexcept>

#include "library/star_order.hpp"

namespace carrel::library::selection_sql {
namespace {

// Stars come in halves; half a star is shown with the one.
#define CARREL_RATED(O) O ".rating between case when $9::int = 1 then 1 else 2 * $9::int end and 2 * $9::int + 1"

// Books of the source, at most one more than are sorted. One of the parts has a condition that holds; the others cost nothing.
#define CARREL_MEMBERS \
  "with members as materialized (select book_id from ("                                                                         \
  " select p.book_id from book_people p where $6::text = 'person' and p.person_id = $7::uuid"                                   \
  " union all select b.id from books b where $6 = 'series' and b.series_id = $7 and b.deleted_at is null"                       \
  " union all select t.book_id from book_tags t where $6 = 'tag' and t.tag_id = $7"                                             \
  " union all select l.book_id from book_labels l where $6 = 'label' and l.label_id = $7"                                       \
  " union all select s.book_id from shelf_books s where $6 = 'shelf' and s.shelf_id = $7"                                       \
  " union all select b.id from books b where $6 = 'language' and b.language = $8::text and b.status = 'organized'"              \
  " and b.deleted_at is null"                                                                                                   \
  " union all select f.book_id from book_files f where $6 = 'format' and f.format = $8"                                         \
  " union all select b.id from books b where $6 = 'library' and b.library_id = $7"                                              \
  " union all select b.id from books b where $6 = 'year' and b.published_year = $9::int and b.status = 'organized'"             \
  " and b.deleted_at is null"                                                                                                   \
  " union all select p.book_id from popular_books p where $6 = 'popular'"                                                       \
  " union all select o.book_id from opinions o where $6 = 'stars' and o.user_id = $1 and " CARREL_RATED(                        \
      "o") " union all select r.book_id from readings($1) r where $6 = 'state' and r.state = any ($12::text[])) m limit 2001)," \
           " counted as (select count(*) as n from members)"

// Whether a book that is met on the way is one of them.
#define CARREL_MEMBER \
  " and case $6::text when '' then true"                                                                                        \
  " when 'person' then exists (select from book_people p where p.book_id = b.id and p.person_id = $7::uuid)"                    \
  " when 'series' then b.series_id = $7"                                                                                        \
  " when 'tag' then exists (select from book_tags t where t.book_id = b.id and t.tag_id = $7)"                                  \
  " when 'label' then exists (select from book_labels l where l.book_id = b.id and l.label_id = $7)"                            \
  " when 'shelf' then exists (select from shelf_books s where s.book_id = b.id and s.shelf_id = $7)"                            \
  " when 'language' then b.language = $8::text"                                                                                 \
  " when 'format' then exists (select from book_files f where f.book_id = b.id and f.format = $8)"                              \
  " when 'library' then b.library_id = $7"                                                                                      \
  " when 'year' then b.published_year = $9::int"                                                                                \
  " when 'popular' then exists (select from popular_books p where p.book_id = b.id)"                                            \
  " when 'stars' then exists (select from opinions o where o.user_id = $1 and o.book_id = b.id and " CARREL_RATED("o") ")"      \
  " else true end"

#define CARREL_NARROWED                                                                                   \
  " and ($10::text = '' or b.language = $10)"                                                             \
  " and ($11::text = '' or exists (select from book_files f where f.book_id = b.id and f.format = $11))"  \
  " and ($12::text[] = '{}'"                                                                              \
  "      or coalesce((select r.state from readings($1) r where r.book_id = b.id), 'unread') = any ($12))" \
  " and ($13::uuid is null or b.library_id = $13)"

// Key columns, the condition that a row lies beyond the anchor, and the order, of each order and both directions.
#define CARREL_TIME "(extract(epoch from b.created_at) * 1000000)::bigint::text"
#define CARREL_AT "(to_timestamp($2::numeric / 1000000), $3) and $14::text is not null"
#define CARREL_ADDED(SQL, NAME)                                                                                     \
  {                                                                                                                 \
    SQL(NAME "_added", CARREL_TIME, "(b.created_at, b.id) < " CARREL_AT, " order by b.created_at desc, b.id desc"), \
        SQL(NAME "_added_back", CARREL_TIME, "(b.created_at, b.id) > " CARREL_AT, " order by b.created_at, b.id")   \
  }
#define CARREL_TITLE(SQL, NAME)                                                                            \
  {                                                                                                        \
    SQL(NAME "_title", "b.title_key", "(b.title_key, b.id) > ($2, $3) and $14::text is not null",          \
        " order by b.title_key, b.id"),                                                                    \
        SQL(NAME "_title_back", "b.title_key", "(b.title_key, b.id) < ($2, $3) and $14::text is not null", \
            " order by b.title_key desc, b.id desc")                                                       \
  }
#define CARREL_AUTHOR(SQL, NAME)                                                                                   \
  {                                                                                                                \
    SQL(NAME "_author", "b.author_key, b.place_key", "(b.author_key, b.place_key, b.id) > ($2, $14, $3)",          \
        " order by b.author_key, b.place_key, b.id"),                                                              \
        SQL(NAME "_author_back", "b.author_key, b.place_key", "(b.author_key, b.place_key, b.id) < ($2, $14, $3)", \
            " order by b.author_key desc, b.place_key desc, b.id desc")                                            \
  }
#define CARREL_PUBLISHED(SQL, NAME)                                                                                       \
  {                                                                                                                       \
    SQL(NAME "_published", "b.published_on", "(b.published_on collate \"C\", b.id) < ($2, $3) and $14::text is not null", \
        " order by b.published_on collate \"C\" desc, b.id desc"),                                                        \
        SQL(NAME "_published_back", "b.published_on",                                                                     \
            "(b.published_on collate \"C\", b.id) > ($2, $3) and $14::text is not null",                                  \
            " order by b.published_on collate \"C\", b.id")                                                               \
  }
// Of few books each one's stars are looked up.
#define CARREL_STARS "coalesce((select o.rating from opinions o where o.user_id = $1 and o.book_id = b.id), 0::smallint)"
#define CARREL_RATED_FEW(SQL, NAME)                                                                                          \
  {                                                                                                                          \
    SQL(NAME "_rated", CARREL_STARS "::text", "(" CARREL_STARS ", b.id) < ($2::int, $3) and $14::text is not null",          \
        " order by " CARREL_STARS " desc, b.id desc"),                                                                       \
        SQL(NAME "_rated_back", CARREL_STARS "::text", "(" CARREL_STARS ", b.id) > ($2::int, $3) and $14::text is not null", \
            " order by " CARREL_STARS ", b.id")                                                                              \
  }
#define CARREL_ALL(SQL, NAME) \
  CARREL_ADDED(SQL, NAME), CARREL_TITLE(SQL, NAME), CARREL_AUTHOR(SQL, NAME), CARREL_PUBLISHED(SQL, NAME)

#define CARREL_FEW(NAME, KEY, BEYOND, ORDER)                                                                       \
  {                                                                                                                \
    "library.select_" NAME, CARREL_MEMBERS                                                                         \
        " select c.n > 2000, s.* from counted c left join lateral ("                                               \
        "select b.id, b.version, " KEY                                                                             \
        " from listed_books($1, $5) b where c.n <= 2000 and b.id in (select m.book_id from members m) and " BEYOND \
            CARREL_NARROWED ORDER " limit $4) s on true"                                                           \
  }
// The walk is inside and the choice outside: what is left out has been looked at, and the number of those is bounded.
#define CARREL_MANY(NAME, KEY, BEYOND, ORDER)                                                                                  \
  {                                                                                                                            \
    "library.select_" NAME, "select b.id, b.version, " KEY " from (select b.* from listed_books($1, $5) b where " BEYOND ORDER \
                            " limit 5000) b where true" CARREL_MEMBER CARREL_NARROWED ORDER " limit $4"                        \
  }
#define CARREL_LAST(NAME, KEY, BEYOND, ORDER)                                                                 \
  {                                                                                                           \
    "library.select_" NAME,                                                                                   \
        "select b.id, b.version, " KEY " from listed_books($1, $5) b where " BEYOND                           \
        " and num_nulls($6::text, $7::uuid, $8::text, $9::int, $10::text, $11::text, $12::text[], $13::uuid)" \
        " >= 0" ORDER " offset 4999 limit $4"                                                                 \
  }

#define CARREL_RATED_MANY(NAME, WAY, DESC)                                                                                    \
  {                                                                                                                           \
    "library.select_" NAME, "select b.id, b.version, b.stars::text from (select b.* from " CARREL_BY_STARS(                   \
                                WAY, DESC, "5000") "b order by b.stars " DESC ", b.id " DESC                                  \
                                                   " limit 5000) b where $14::text is not null" CARREL_MEMBER CARREL_NARROWED \
                                                   " order by b.stars " DESC ", b.id " DESC " limit $4"                       \
  }
#define CARREL_RATED_LAST(NAME, WAY, DESC)                                                                                       \
  {                                                                                                                              \
    "library.select_" NAME, "select b.id, b.version, b.stars::text from " CARREL_BY_STARS(WAY, DESC, "5000") "b"               \
        " where num_nulls($6::text, $7::uuid, $8::text, $9::int, $10::text, $11::text, $12::text[], $13::uuid, $14::text)"     \
        " >= 0 order by b.stars " DESC ", b.id " DESC " offset 4999 limit $4" \
  }

using statements = db::statement[5][2];
constexpr statements few = {CARREL_ALL(CARREL_FEW, "few"), CARREL_RATED_FEW(CARREL_FEW, "few")};
constexpr statements many = {CARREL_ALL(CARREL_MANY, "many"),
                             {CARREL_RATED_MANY("many_rated", "<", "desc"), CARREL_RATED_MANY("many_rated_back", ">", "")}};
constexpr statements last = {CARREL_ALL(CARREL_LAST, "last"),
                             {CARREL_RATED_LAST("last_rated", "<", "desc"), CARREL_RATED_LAST("last_rated_back", ">", "")}};

#define CARREL_OTHERS " and num_nulls($6::text, $8::text, $9::int, $14::text) >= 0"
constexpr db::statement person[2] = {
    {"library.select_person",
     "select b.id, b.version, p.place_key from book_people p join listed_books($1, $5) b on b.id = p.book_id"
     " where p.person_id = $7 and (p.place_key, p.book_id) > ($2, $3)"
     " and not exists (select from book_people o where o.book_id = p.book_id and o.person_id = p.person_id and o.role < "
     "p.role)" CARREL_OTHERS CARREL_NARROWED " order by p.place_key, p.book_id limit $4"},
    {"library.select_person_back",
     "select b.id, b.version, p.place_key from book_people p join listed_books($1, $5) b on b.id = p.book_id"
     " where p.person_id = $7 and (p.place_key, p.book_id) < ($2, $3)"
     " and not exists (select from book_people o where o.book_id = p.book_id and o.person_id = p.person_id and o.role < "
     "p.role)" CARREL_OTHERS CARREL_NARROWED " order by p.place_key desc, p.book_id desc limit $4"}};
constexpr db::statement series[2] = {
    {"library.select_series",
     "select b.id, b.version, b.place_key from listed_books($1, $5) b where b.series_id = $7 and (b.place_key, b.id) > ($2, "
     "$3)" CARREL_OTHERS CARREL_NARROWED " order by b.place_key, b.id limit $4"},
    {"library.select_series_back",
     "select b.id, b.version, b.place_key from listed_books($1, $5) b where b.series_id = $7 and (b.place_key, b.id) < ($2, "
     "$3)" CARREL_OTHERS CARREL_NARROWED " order by b.place_key desc, b.id desc limit $4"}};
constexpr db::statement shelf[2] = {
    {"library.select_shelf",
     "select b.id, b.version, s.position::text from shelf_books s join listed_books($1, $5) b on b.id = s.book_id"
     " where s.shelf_id = $7 and (s.position, s.book_id) > ($2::bigint, $3)" CARREL_OTHERS CARREL_NARROWED
     " order by s.position, s.book_id limit $4"},
    {"library.select_shelf_back",
     "select b.id, b.version, s.position::text from shelf_books s join listed_books($1, $5) b on b.id = s.book_id"
     " where s.shelf_id = $7 and (s.position, s.book_id) < ($2::bigint, $3)" CARREL_OTHERS CARREL_NARROWED
     " order by s.position desc, s.book_id desc limit $4"}};
#define CARREL_WITHOUT_ID " and num_nulls($6::text, $7::uuid, $8::text, $9::int, $14::text) >= 0"
constexpr db::statement popular[2] = {
    {"library.select_popular",
     "select b.id, b.version, p.score::text from popular_books p join listed_books($1, $5) b on b.id = p.book_id"
     " where (p.score, p.book_id) < ($2::int, $3)" CARREL_WITHOUT_ID CARREL_NARROWED
     " order by p.score desc, p.book_id desc limit $4"},
    {"library.select_popular_back",
     "select b.id, b.version, p.score::text from popular_books p join listed_books($1, $5) b on b.id = p.book_id"
     " where (p.score, p.book_id) > ($2::int, $3)" CARREL_WITHOUT_ID CARREL_NARROWED " order by p.score, p.book_id limit $4"}};
#define CARREL_SHELVED "(extract(epoch from s.added_at) * 1000000)::bigint::text"
constexpr db::statement shelved[2] = {
    {"library.select_shelved",
     "select b.id, b.version, " CARREL_SHELVED " from shelf_books s join listed_books($1, $5) b on b.id = s.book_id"
     " where s.shelf_id = $7 and (s.added_at, s.book_id) < (to_timestamp($2::numeric / 1000000), $3)" CARREL_OTHERS
         CARREL_NARROWED " order by s.added_at desc, s.book_id desc limit $4"},
    {"library.select_shelved_back",
     "select b.id, b.version, " CARREL_SHELVED " from shelf_books s join listed_books($1, $5) b on b.id = s.book_id"
     " where s.shelf_id = $7 and (s.added_at, s.book_id) > (to_timestamp($2::numeric / 1000000), $3)" CARREL_OTHERS
         CARREL_NARROWED " order by s.added_at, s.book_id limit $4"}};

const db::statement& pick(const statements& of, list::of order, bool forward) {
  std::size_t way = forward ? 0 : 1;
  switch (order) {
    case list::of::title: return of[1][way];
    case list::of::author: return of[2][way];
    case list::of::published: return of[3][way];
    case list::of::rated: return of[4][way];
    default: return of[0][way];
  }
}

}  // namespace

const db::statement& of_few(list::of order, bool forward) { return pick(few, order, forward); }
const db::statement& of_many(list::of order, bool forward) { return pick(many, order, forward); }
const db::statement& last_looked_at(list::of order, bool forward) { return pick(last, order, forward); }

const db::statement& of_its_own(list::of order, bool forward) {
  std::size_t way = forward ? 0 : 1;
  switch (order) {
    case list::of::person: return person[way];
    case list::of::series: return series[way];
    case list::of::shelf: return shelf[way];
    case list::of::shelf_newest: return shelved[way];
    case list::of::popular: return popular[way];
    default: throw std::logic_error("not an order of its own");
  }
}

}  // namespace carrel::library::selection_sql
