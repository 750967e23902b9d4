#include "kobo/signals.hpp"

#include <algorithm>
#include <array>

#include "library/kobo_events.hpp"

namespace carrel::kobo {
namespace {

constexpr int tries = 2, later_books = 5, starts_borne = 3, failures_borne = 3, smallest_page = 10;
constexpr std::chrono::hours silence{48}, between_looks{6};
constexpr std::chrono::minutes run{10};  // a state that comes sooner after a removal belongs to the sync that brought it

#define CARREL_NOTE(COLUMN, MORE) CARREL_NOTE_COUNTED(COLUMN, MORE, "", "")
#define CARREL_NOTE_COUNTED(COLUMN, MORE, COUNTER, FIRST)                                                                  \
  "insert into kobo_signals as s (kobo_id, id, " COLUMN COUNTER                                                            \
  ")"                                                                                                                      \
  " select $1::uuid, l.id, $3::timestamptz" FIRST                                                                          \
  " from kobo_ledger l"                                                                                                    \
  "  where l.kobo_id = $1 and l.subject = 1 and l.id = any ($2::uuid[])"                                                   \
  " on conflict (kobo_id, id) do update set " COLUMN " = excluded." COLUMN MORE " where s." COLUMN " is null or s." COLUMN \
  " < excluded." COLUMN
constexpr std::array<db::statement, 8> sql_note{
    db::statement{"kobo.saw_cover", CARREL_NOTE("cover_at", "")},
    db::statement{"kobo.saw_metadata", CARREL_NOTE("metadata_at", "")},
    db::statement{"kobo.saw_asked", CARREL_NOTE("asked_at", "")},
    db::statement{"kobo.saw_state", CARREL_NOTE("state_at", "")},
    db::statement{"kobo.saw_start", CARREL_NOTE_COUNTED("download_started_at", ", starts = s.starts + 1", ", starts", ", 1")},
    db::statement{"kobo.saw_download", CARREL_NOTE("download_done_at", ", starts = 0")},
    db::statement{"kobo.saw_annotations", CARREL_NOTE("annotations_at", "")},
    db::statement{"kobo.saw_inventory", CARREL_NOTE("inventory_at", "")}};
#undef CARREL_NOTE
#undef CARREL_NOTE_COUNTED

// Of what the device speaks: was it ever announced, when was its removal heard, did its reader remove it? What was announced
// again since then is no ghost, though nothing proves yet that it arrived: a device asks for a book as soon as it is told of it.
constexpr db::statement sql_standing{"kobo.standing", R"sql(
  select w.id, l.id is not null, l.removal_delivered_at,
         exists (select from kobo_tombstones t where t.kobo_id = $1 and t.subject = 1 and t.id = w.id)
    from unnest($2::uuid[]) as w (id)
    left join kobo_ledger l on l.kobo_id = $1 and l.subject = 1 and l.id = w.id
   where l.id is null or l.announced_at < l.removal_delivered_at)sql"};
constexpr db::statement sql_ours{"kobo.is_a_book", "select id, entitlement from books where entitlement = any ($1::uuid[])"};
constexpr db::statement sql_lift{"kobo.lift_one", "delete from kobo_tombstones where kobo_id = $1 and subject = 1 and id = $2"};

constexpr db::statement sql_may_look{"kobo.look_after", R"sql(
  update kobo_devices set looked_after_at = $2
   where id = $1 and (looked_after_at is null or looked_after_at <= $2::timestamptz - $3::interval))sql"};
constexpr db::statement sql_silent{"kobo.silent_books", R"sql(
  with told as (
    select l.id, l.first_announced_at, l.delivered_at, l.delivered_sync, coalesce(s.healed, 0) as healed,
           coalesce(s.cover_at, s.metadata_at, s.asked_at, s.state_at, s.download_started_at, s.download_done_at, s.annotations_at,
                    s.inventory_at) is not null as shown
      from kobo_ledger l
      left join kobo_signals s on s.kobo_id = l.kobo_id and s.id = l.id
     where l.kobo_id = $1 and l.subject = 1 and l.delivered_at is not null and l.removal_delivered_at is null),
  fifth as (select first_announced_at from told where shown order by first_announced_at desc offset $2 limit 1)
  select t.id, t.healed, t.delivered_at from told t, fifth
   where not t.shown and t.delivered_at <= $3 and t.delivered_sync <= $4 and t.first_announced_at < fifth.first_announced_at
   order by t.delivered_at, t.id)sql"};
constexpr db::statement sql_healed{"kobo.healed", R"sql(
  insert into kobo_signals as s (kobo_id, id, healed, healed_at) select $1::uuid, u, 1, $3::timestamptz from unnest($2::uuid[]) u
      on conflict (kobo_id, id) do update set healed = s.healed + 1, healed_at = excluded.healed_at)sql"};

constexpr db::statement sql_suspect{"kobo.suspect", R"sql(
  insert into kobo_suspicions (kobo_id, id, reason, since)
  select $1::uuid, w.id, $2::text, w.since from unnest($3::uuid[], $4::timestamptz[]) as w (id, since) on conflict do nothing)sql"};
constexpr db::statement sql_suspect_broken{"kobo.suspect_broken", R"sql(
  insert into kobo_suspicions (kobo_id, id, reason, since)
  select s.kobo_id, s.id, 'broken', $3::timestamptz from kobo_signals s
   where s.kobo_id = $1 and s.id = any ($2::uuid[]) and s.starts >= $4 on conflict do nothing)sql"};
constexpr db::statement sql_trust{"kobo.trust", R"sql(
  delete from kobo_suspicions where kobo_id = $1 and id = any ($2::uuid[]) and (reason = 'silent' or ($3 and reason = 'broken')))sql"};

constexpr db::statement sql_failed{"kobo.sync_failed", R"sql(
  update kobo_devices
     set failed_sync = syncs, failures = case when failures + 1 >= $2 then 0 else failures + 1 end,
         page_size = case when failures + 1 >= $2 then greatest($3::int, coalesce(page_size, $4::int) / 2) else page_size end
   where id = $1 returning failures, page_size)sql"};
constexpr db::statement sql_fine{"kobo.sync_fine", "update kobo_devices set failures = 0 where id = $1 and failures > 0"};

// A cover is asked for from the archive too; a file is asked for by who was told of it.
bool shows_that_it_is_there(signal s) {
  return s == signal::metadata || s == signal::asked || s == signal::state || s == signal::annotations || s == signal::inventory;
}

void suspect(db::tx& tx, const uuid& row, const char* reason, const std::vector<uuid>& ids, const std::vector<instant>& since) {
  if (!ids.empty()) tx.run(sql_suspect, row, reason, ids, since);
}

}  // namespace

void note_signals(db::tx& tx, const kobo_row& k, signal what, const std::vector<uuid>& entitlements) {
  if (entitlements.empty()) return;
  tx.run(sql_note[static_cast<std::size_t>(what)], k.ids.row, entitlements, now());
  tx.run(sql_trust, k.ids.row, entitlements, what == signal::download_done);
  if (what == signal::download_started) tx.run(sql_suspect_broken, k.ids.row, entitlements, now(), starts_borne);
  if (!shows_that_it_is_there(what)) return;
  std::vector<uuid> ghosts;
  for (const db::row& r : tx.run(sql_standing, k.ids.row, entitlements)) {
    uuid id = r.id(0);
    if (!r.flag(1)) {
      // Books of the real store are nobody's business here.
      if (!tx.run(sql_ours, std::vector<uuid>{id}).empty()) library::note_event(tx, k.ids.row, library::event::stranger, "", id);
      continue;
    }
    bool later = r.at(2) + run < now();
    bool removed_by_reader = r.flag(3);
    bool about_reading = what == signal::asked || what == signal::state;
    if (removed_by_reader && about_reading && later) {
      tx.run(sql_lift, k.ids.row, id);
      library::note_event(tx, k.ids.row, library::event::came_back, "", id);
    } else {
      library::note_event(tx, k.ids.row, library::event::ghost, "", id);
      suspect(tx, k.ids.row, "ghost", {id}, {now()});
    }
    ghosts.push_back(id);
  }
  doubt_everywhere(tx, k.ids.row, subject::book, ghosts);
}

int look_for_silent(db::tx& tx, const kobo_row& k, int after_syncs, int heal_most) {
  if (tx.run(sql_may_look, k.ids.row, now(), std::to_string(between_looks.count()) + " hours").affected() == 0) return 0;
  std::vector<uuid> silent, healed;
  std::vector<instant> since;
  for (const db::row& r : tx.run(sql_silent, k.ids.row, later_books - 1, now() - silence, k.syncs - after_syncs)) {
    silent.push_back(r.id(0));
    since.push_back(r.at(2));
    if (r.integer(1) < tries && static_cast<int>(healed.size()) < heal_most) healed.push_back(r.id(0));
  }
  suspect(tx, k.ids.row, "silent", silent, since);
  if (healed.empty()) return 0;
  tx.run(sql_healed, k.ids.row, healed, now());
  for (const uuid& id : healed) library::note_event(tx, k.ids.row, library::event::healed, "", id);
  doubt_everywhere(tx, k.ids.row, subject::book, healed);
  return static_cast<int>(healed.size());
}

void note_failed_sync(db::tx& tx, const kobo_row& k, std::string_view reason, int usual_page) {
  library::note_event(tx, k.ids.row, library::event::failed, reason);
  db::rows rows = tx.run(sql_failed, k.ids.row, failures_borne, std::min(smallest_page, usual_page), usual_page);
  bool smaller = !rows.empty() && rows[0].integer(0) == 0;
  if (smaller) library::note_event(tx, k.ids.row, library::event::smaller_pages, rows[0].text(1));
}

void note_good_sync(db::tx& tx, const kobo_row& k) { tx.run(sql_fine, k.ids.row); }

}  // namespace carrel::kobo
