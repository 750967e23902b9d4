#include "library/choices.hpp"

#include "library/reading_sql.hpp"

namespace carrel::library {
namespace {

#define CARREL_FORMATS                                                                                                      \
  "with recursive step as ("                                                                                                \
  "(select f.format from book_files f join listed_books($1, $2) b on b.id = f.book_id order by f.format limit 1) union all" \
  " select (select f.format from book_files f join listed_books($1, $2) b on b.id = f.book_id where f.format > s.format"    \
  " order by f.format limit 1) from step s where s.format is not null) select format from step where format is not null"
#define CARREL_LANGUAGES                                                                                        \
  "with recursive step as ("                                                                                    \
  "(select b.language from listed_books($1, $2) b where b.language > '' order by b.language limit 1) union all" \
  " select (select b.language from listed_books($1, $2) b where b.language > s.language order by b.language"    \
  " limit 1) from step s where s.language is not null) select language from step where language is not null"
#define CARREL_LIBRARIES                                                                              \
  "select l.id, l.name, l.position from libraries l where l.removed_at is null and exists (select 1 " \
  "from listed_books($1, $2) b where b.library_id = l.id)"

constexpr db::statement sql_choices{"library.choices",
                                    "(select 1 as part, l.language as value, null::uuid as id, 0 as place from (" CARREL_LANGUAGES
                                    ") l) union all (select 2, f.format, null, 0 from (" CARREL_FORMATS
                                    ") f) union all (select 3, l.name, l.id, l.position from (" CARREL_LIBRARIES
                                    ") l) order by part, place, value, id"};

constexpr db::statement sql_years{"library.years", R"sql(
  with recursive step as (
    (select b.published_year as y from listed_books($1, $2) b where b.published_year < 10000 order by b.published_year desc limit 1)
    union all
    select (select b.published_year from listed_books($1, $2) b where b.published_year < s.y order by b.published_year desc limit 1)
      from step s where s.y is not null)
  select y from step where y >= 0)sql"};

constexpr db::statement sql_stars{"library.stars", R"sql(
  select n
    from generate_series(5, 1, -1) n
   where exists (select from opinions o join listed_books($1, $2) b on b.id = o.book_id
                  where o.user_id = $1 and o.rating between case when n = 1 then 1 else 2 * n end and 2 * n + 1))sql"};

constexpr db::statement sql_more{
    "library.more_lists",
    "select (select count(*) from (" CARREL_FORMATS
    " limit 2) f) > 1,"
    " (select b.id from listed_books($1, $2) b where b.published_year < 10000 order by b.published_year desc, b.title_key desc,"
    " b.id desc limit 1) is not null,"
    " exists (select from opinions o join listed_books($1, $2) b on b.id = o.book_id where o.user_id = $1 and o.rating is not "
    "null),"
    " (select count(*) from (" CARREL_LIBRARIES
    " limit 2) l) > 1,"
    " exists (" CARREL_CONTINUED "), exists (" CARREL_ON_DECK
    "),"
    " (select d.name from devices d where d.id = $3),"
    " array(select f.shelf_id from feeding_shelves f where f.device_id = $3)"};

}  // namespace

choices choices_there(db::tx& tx, const uuid& viewer, taker whom) {
  choices out;
  for (const db::row& r : tx.run(sql_choices, viewer, static_cast<int>(whom))) {
    if (r.integer(0) == 1) out.languages.push_back(r.text(1));
    if (r.integer(0) == 2) out.formats.push_back(r.text(1));
    if (r.integer(0) == 3) out.libraries.emplace_back(r.id(2), r.text(1));
  }
  return out;
}

std::vector<int> years_there(db::tx& tx, const uuid& viewer, taker whom) {
  std::vector<int> out;
  for (const db::row& r : tx.run(sql_years, viewer, static_cast<int>(whom))) out.push_back(static_cast<int>(r.integer(0)));
  return out;
}

std::vector<int> stars_there(db::tx& tx, const uuid& viewer, taker whom) {
  std::vector<int> out;
  for (const db::row& r : tx.run(sql_stars, viewer, static_cast<int>(whom))) out.push_back(static_cast<int>(r.integer(0)));
  return out;
}

more_lists more_lists_there(db::tx& tx, const uuid& viewer, const std::optional<uuid>& device, taker whom) {
  db::rows rows = tx.run(sql_more, viewer, static_cast<int>(whom), device);
  const db::row& r = rows[0];
  return {.formats = r.flag(0),
          .years = r.flag(1),
          .stars = r.flag(2),
          .libraries = r.flag(3),
          .reading = r.flag(4),
          .on_deck = r.flag(5),
          .device = r.is_null(6) ? "" : r.text(6),
          .feeds_it = r.ids(7)};
}

}  // namespace carrel::library
