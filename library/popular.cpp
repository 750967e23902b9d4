#include "library/popular.hpp"

namespace carrel::library {
namespace {

// A reader counts for more than any number of downloads.
constexpr db::statement sql_count{"library.count_popular", R"sql(
  with readers as (select u.id from users u where u.disabled_at is null),
       lately as (
         select d.book_id, d.user_id, d.device_id
           from downloads d join readers u on u.id = d.user_id
          where d.at > now() - interval '90 days'),
       hands as (
         select r.book_id, u.id as user_id
           from readers u cross join lateral last_read(u.id) r
          where r.at > now() - interval '90 days'
         union
         select d.book_id, d.user_id from lately d),
       fetched as (select d.book_id, count(distinct (d.user_id, d.device_id)) as times from lately d group by d.book_id),
       counted as (
         select h.book_id, (count(*) * 1000 + least(coalesce(max(f.times), 0), 999))::int as score
           from hands h join books b on b.id = h.book_id and b.deleted_at is null
           left join fetched f on f.book_id = h.book_id
          group by h.book_id),
       gone as (
         delete from popular_books p where not exists (select from counted c where c.book_id = p.book_id) returning 1),
       written as (
         insert into popular_books as p (book_id, score) select c.book_id, c.score from counted c
         on conflict (book_id) do update set score = excluded.score where p.score <> excluded.score returning 1)
  select exists (select from gone) or exists (select from written))sql"};

constexpr db::statement sql_there{"library.popular_there", R"sql(
  select exists (select from popular_books p join listed_books($1, $2) b on b.id = p.book_id))sql"};

}  // namespace

bool count_popular(db::tx& tx) { return tx.run(sql_count)[0].flag(0); }

bool popular_there(db::tx& tx, const uuid& viewer, taker whom) {
  return tx.run(sql_there, viewer, static_cast<int>(whom))[0].flag(0);
}

}  // namespace carrel::library
