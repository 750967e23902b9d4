#include "library/device_feed.hpp"

#include <map>

#include "library/catalog_lists.hpp"
#include "server/core/clock.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

// $6: a run whose last listing was before has ended.
#define CARREL_WANTED                                                                                           \
  " and not exists (select from downloads g where g.device_id = $7 and g.book_id = b.id)"                       \
  " and not exists (select from device_listings l where l.device_id = $7 and l.book_id = b.id and l.times >= 3" \
  " and l.last_at <= $6::timestamptz)"
#define CARREL_TRIES                                                                                                 \
  "coalesce((select case when l.last_at <= $6::timestamptz then l.times else l.times - 1 end from device_listings l" \
  " where l.device_id = $7 and l.book_id = b.id), 0)"
#define CARREL_KEY(AT) "(extract(epoch from " AT ") * 1000000)::bigint::text"
#define CARREL_ANCHOR "(to_timestamp($2::numeric / 1000000), $3)"
// As values of their own, so that an index of times is bounded by them.
#define CARREL_CAUGHT_UP "(select coalesce(d.caught_up_at, '-infinity') from devices d where d.id = $7)"
#define CARREL_MADE_AT "(select greatest(d.created_at, d.caught_up_at) from devices d where d.id = $7)"

// A book that stands on several of the shelves came when the last of them got it.
#define CARREL_SHELVES(BEYOND, ORDER)                                                                       \
  "select b.id, b.version, " CARREL_KEY(                                                                    \
      "s.at") ", " CARREL_TRIES                                                                             \
              " from (select sb.book_id, max(sb.added_at) as at from feeding_shelves f join shelf_books sb" \
              " on sb.shelf_id = f.shelf_id where f.device_id = $7 group by sb.book_id) s"                  \
              " join listed_books($1, $5) b on b.id = s.book_id"                                            \
              " where s.at > " CARREL_CAUGHT_UP " and (s.at, b.id) " BEYOND " " CARREL_ANCHOR CARREL_WANTED ORDER " limit $4"
constexpr db::statement sql_shelves[2] = {{"library.device_shelves", CARREL_SHELVES("<", " order by s.at desc, b.id desc")},
                                          {"library.device_shelves_back", CARREL_SHELVES(">", " order by s.at, b.id")}};

#define CARREL_ADDED(BEYOND, ORDER)                                                                                         \
  "select b.id, b.version, " CARREL_KEY("b.created_at") ", " CARREL_TRIES                                                   \
                                                        " from listed_books($1, $5) b where b.created_at > " CARREL_MADE_AT \
                                                        " and (b.created_at, b.id) " BEYOND                                 \
                                                        " " CARREL_ANCHOR CARREL_WANTED ORDER " limit $4"
constexpr db::statement sql_added[2] = {{"library.device_added", CARREL_ADDED("<", " order by b.created_at desc, b.id desc")},
                                        {"library.device_added_back", CARREL_ADDED(">", " order by b.created_at, b.id")}};

constexpr db::statement sql_fed{"library.device_is_fed", R"sql(
  select exists (select from feeding_shelves f where f.device_id = $1))sql"};

constexpr db::statement sql_listed{"library.note_listed", R"sql(
  insert into device_listings as l (device_id, book_id, first_at, last_at)
  select d.id, b.id, $3::timestamptz, $3
    from devices d, books b
   where d.id = $1 and b.id = any ($2::uuid[])
   order by b.id
      on conflict (device_id, book_id) do update
     set times = l.times + 1, last_at = excluded.last_at
   where l.last_at <= excluded.last_at - interval '1 hour')sql"};

constexpr db::statement sql_unfetched{"library.unfetched_books", R"sql(
  select b.id, b.title, l.last_at
    from device_listings l
    join devices d on d.id = l.device_id
    join listed_books($1, 0::smallint) b on b.id = l.book_id
   where l.device_id = $2 and l.times >= 3 and l.last_at <= $3::timestamptz and l.last_at > coalesce(d.caught_up_at, '-infinity')
     and not exists (select from downloads g where g.device_id = l.device_id and g.book_id = b.id)
   order by l.last_at desc, b.id
   limit $4)sql"};

constexpr db::statement sql_catch_up{"library.catch_up_device", R"sql(
  update devices set caught_up_before = caught_up_at, caught_up_at = $2 where id = $1)sql"};
constexpr db::statement sql_undo_catch_up{"library.undo_catch_up",
                                          "update devices set caught_up_at = caught_up_before where id = $1"};

constexpr std::chrono::hours one_run{1};

bool is_fed(db::tx& tx, const uuid& device) { return tx.run(sql_fed, device)[0].flag(0); }

}  // namespace

waiting_page waiting_books(db::tx& tx, const uuid& viewer, const uuid& device, const cursor& from, taker whom, int limit) {
  bool given = from.from == cursor::side::after || from.from == cursor::side::before;
  if (given && !key_is_good(list::of::newest, from.key)) return {};
  const auto& statements = is_fed(tx, device) ? sql_shelves : sql_added;
  instant run_ended = now() - one_run;
  std::map<uuid, int> tries;
  auto read = [&](const cursor& anchor, bool forward, int count) {
    std::vector<list_row> out;
    for (const db::row& r :
         tx.run(statements[forward ? 0 : 1], viewer, anchor.key, anchor.id, count, static_cast<int>(whom), run_ended, device)) {
      out.push_back({.id = r.id(0), .version = r.integer(1), .key = r.text(2), .key2 = ""});
      tries[r.id(0)] = static_cast<int>(r.integer(3));
    }
    return out;
  };
  row_page rows = page_of(from, list_edge(list::of::newest, true), list_edge(list::of::newest, false), limit, read);
  waiting_page out{.books = {}, .next = rows.next, .previous = rows.previous, .first_ordinal = rows.first_ordinal};
  for (const list_row& r : rows.rows) out.books.push_back({.book = {.id = r.id, .version = r.version}, .tries = tries.at(r.id)});
  return out;
}

bool has_waiting_books(db::tx& tx, const uuid& viewer, const uuid& device, taker whom) {
  cursor start;
  return !waiting_books(tx, viewer, device, start, whom, 1).books.empty();
}

std::vector<unfetched_book> unfetched_books(db::tx& tx, const uuid& viewer, const uuid& device, int most) {
  instant run_ended = now() - one_run;
  std::vector<unfetched_book> out;
  for (const db::row& r : tx.run(sql_unfetched, viewer, device, run_ended, most))
    out.push_back({.id = r.id(0), .title = r.text(1), .last_listed = r.at(2)});
  return out;
}

void note_listed(db::tx& tx, const uuid& device, const std::vector<uuid>& books) { tx.run(sql_listed, device, books, now()); }

void catch_up(db::tx& tx, const uuid& device) { tx.run(sql_catch_up, device, now()); }
void undo_catch_up(db::tx& tx, const uuid& device) { tx.run(sql_undo_catch_up, device); }

}  // namespace carrel::library
