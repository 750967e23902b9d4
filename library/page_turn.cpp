#include "library/page_turn.hpp"

namespace carrel::library {
namespace {

// The last two pages of each device, of the one file that it reads.
constexpr db::statement sql_turn{"library.page_turn", R"sql(
  with was as materialized (
    select file, page, at, page_before, at_before from page_turns where device_id = $1 for update),
  put as (
    insert into page_turns as t (device_id, file, page, at) values ($1, $2, $3, $4)
        on conflict (device_id) do update
       set file = excluded.file, page = excluded.page, at = excluded.at,
           page_before = case when t.file = excluded.file then t.page end, at_before = case when t.file = excluded.file then t.at end)
  select exists (select from was cross join lateral (values (was.page, was.at), (was.page_before, was.at_before)) as last (page, at)
                  where was.file = $2 and last.page in ($3 - 1, $3 - 2) and last.at <= $4::timestamptz - interval '2 seconds'))sql"};

}  // namespace

bool turned_page(db::tx& tx, const uuid& device, const uuid& file, int page, instant now) {
  return tx.run(sql_turn, device, file, page, now)[0].flag(0);
}

}  // namespace carrel::library
