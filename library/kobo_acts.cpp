#include "library/kobo_acts.hpp"

#include <algorithm>

#include "library/kobo_events.hpp"
#include "library/kobo_options.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_rows{"library.kobo_lock_rows", R"sql(
  select id from kobo_devices where device_id = $1 order by id for update)sql"};
// On a shelf of the device; what is asked of every reader behind it. `$4`: only what was removed there.
constexpr db::statement sql_again{"library.kobo_again", R"sql(
  update kobo_ledger l set wanted_again_at = $5, fetch_again = $6, sample_sync = null
    from books b
   where l.kobo_id = any ($1::uuid[]) and l.subject = 1 and l.id = b.entitlement and b.id = any ($3::uuid[])
     and exists (select from feeding_shelves fs join shelf_books sb on sb.shelf_id = fs.shelf_id
                  where fs.device_id = $2 and sb.book_id = b.id)
     and (not $4::boolean or exists (select from kobo_tombstones t where t.kobo_id = l.kobo_id and t.subject = 1 and t.id = l.id))
  returning l.kobo_id, l.id, b.id)sql"};
constexpr db::statement sql_changed{"library.kobo_changed", R"sql(
  update kobo_devices set changes = changes + 1 where id = any ($1::uuid[]))sql"};
// Where a reader was never told of the book there is nothing to say again: it is no longer kept away, that is all.
constexpr db::statement sql_lift{"library.kobo_lift", R"sql(
  delete from kobo_tombstones t using books b
   where t.kobo_id = any ($1::uuid[]) and t.subject = 1 and t.id = b.entitlement and b.id = any ($2::uuid[])
     and exists (select from feeding_shelves fs join shelf_books sb on sb.shelf_id = fs.shelf_id
                  where fs.device_id = $3 and sb.book_id = b.id)
     and not exists (select from kobo_ledger l where l.kobo_id = t.kobo_id and l.subject = 1 and l.id = t.id)
  returning t.kobo_id, t.id, b.id)sql"};
constexpr db::statement sql_asked{"library.kobo_asked", R"sql(
  update kobo_devices set asked = true, fetch_again = fetch_again or $2, changes = changes + 1 where id = any ($1::uuid[]))sql"};

constexpr db::statement sql_owner{"library.kobo_act_owner", R"sql(
  select user_id, settings::text from devices where id = $1 and kind = 'kobo' and revoked_at is null)sql"};
// Of the reader seen last; of one that never came everything is announced anyway.
constexpr db::statement sql_preview{"library.kobo_preview", R"sql(
  select count(*) filter (where t.id is null), count(*) filter (where t.id is not null),
         coalesce(sum(coalesce(a.file_size, f.file_size)) filter (where t.id is null), 0)::bigint
    from kobo_wanted($1, $2, $3) w
    join book_files f on f.id = w.file_id
   cross join (select kobo_style(settings) as style from devices where id = $1) c
    left join kobo_styled s on s.file_id = f.id and s.style = c.style
    left join kobo_artifacts a on a.id = case c.style when '' then f.kobo_as when 'as-is' then null else s.kobo_as end
    left join (select * from kobo_devices where device_id = $1 order by last_seen_at desc, id limit 1) k on true
    left join kobo_tombstones t on t.kobo_id = k.id and t.subject = 1 and t.id = w.entitlement
   where not w.pending)sql"};
constexpr db::statement sql_reset{"library.kobo_reset", R"sql(
  update kobo_devices set reset_asked_at = $2, reset_lifts = $3, changes = changes + 1 where id = any ($1::uuid[]))sql"};

constexpr db::statement sql_not_again{"library.kobo_not_again", R"sql(
  update kobo_ledger l set wanted_again_at = null, fetch_again = false, sample_sync = null from kobo_devices k
   where k.device_id = $1 and k.asked and l.kobo_id = k.id and l.wanted_again_at is not null)sql"};
constexpr db::statement sql_take_back{"library.kobo_take_back", R"sql(
  update kobo_devices set asked = false, reset_asked_at = null, reset_lifts = false
   where device_id = $1 and (asked or reset_asked_at is not null))sql"};
constexpr db::statement sql_agree{"library.kobo_agree", R"sql(
  update kobo_devices set guard_lifted = true, changes = changes + 1 where device_id = $1 and guarded_since is not null)sql"};

constexpr db::statement sql_take_off{"library.kobo_take_off", R"sql(
  with buried as (
    insert into kobo_tombstones (kobo_id, subject, id, by_owner)
    select k.id, 1, b.entitlement, true from unnest($1::uuid[]) as k (id) cross join books b
     where b.id = any ($3::uuid[])
       and exists (select from feeding_shelves fs join shelf_books sb on sb.shelf_id = fs.shelf_id
                    where fs.device_id = $2 and sb.book_id = b.id)
        on conflict do nothing returning kobo_id, id),
  forgotten as (
    update kobo_ledger l set wanted_again_at = null, fetch_again = false, sample_sync = null from buried u
     where l.kobo_id = u.kobo_id and l.subject = 1 and l.id = u.id)
  select u.kobo_id, u.id, b.id from buried u join books b on b.entitlement = u.id)sql"};
constexpr db::statement sql_forget{"library.kobo_forget_removed", R"sql(
  delete from kobo_tombstones t using kobo_devices k
   where k.device_id = any ($1::uuid[]) and t.kobo_id = k.id and t.subject = 1
     and not exists (select from feeding_shelves fs join shelf_books sb on sb.shelf_id = fs.shelf_id join books b on b.id = sb.book_id
                      where fs.device_id = k.device_id and b.entitlement = t.id))sql"};

constexpr db::statement sql_forget_hidden{"library.kobo_forget_hidden", R"sql(
  delete from kobo_tombstones t using kobo_devices k
   where k.device_id = $1 and t.kobo_id = k.id and t.subject = 3 and t.id = $2)sql"};
constexpr db::statement sql_hidden{"library.kobo_hidden_collections", R"sql(
  select s.id, s.name from shelves s
   where s.collection
     and exists (select from kobo_tombstones t join kobo_devices k on k.id = t.kobo_id
                  where k.device_id = $1 and t.subject = 3 and t.id = s.id)
   order by s.name_key, s.id)sql"};
constexpr db::statement sql_show{"library.kobo_show_collection", R"sql(
  with shown as (delete from kobo_tombstones t using kobo_devices k
                  where k.device_id = $1 and t.kobo_id = k.id and t.subject = 3 and t.id = $2 returning k.id)
  update kobo_devices k set changes = k.changes + 1 from shown w where k.id = w.id)sql"};

std::vector<uuid> rows_of(db::tx& tx, const uuid& device) {
  std::vector<uuid> out;
  for (const db::row& r : tx.run(sql_rows, device)) out.push_back(r.id(0));
  return out;
}

}  // namespace

int announce_again(db::tx& tx, const uuid& device, const std::vector<uuid>& books, announcing how) {
  std::vector<uuid> rows = rows_of(tx, device);
  std::vector<uuid> distinct, touched;
  for (const db::row& r : tx.run(sql_again, rows, device, books, how.only_removed, now(), how.fetch_again)) {
    if (std::find(touched.begin(), touched.end(), r.id(0)) == touched.end()) touched.push_back(r.id(0));
    if (std::find(distinct.begin(), distinct.end(), r.id(2)) == distinct.end()) distinct.push_back(r.id(2));
    note_event(tx, r.id(0), event::sent_again, how.only_removed ? "restored" : "", r.id(1));
  }
  if (!touched.empty()) tx.run(sql_asked, touched, how.fetch_again);
  for (const db::row& r : tx.run(sql_lift, rows, books, device)) {
    if (std::find(distinct.begin(), distinct.end(), r.id(2)) == distinct.end()) distinct.push_back(r.id(2));
    tx.run(sql_changed, std::vector<uuid>{r.id(0)});
  }
  return static_cast<int>(distinct.size());
}

int take_off(db::tx& tx, const uuid& device, const std::vector<uuid>& books) {
  std::vector<uuid> rows = rows_of(tx, device), distinct;
  for (const db::row& r : tx.run(sql_take_off, rows, device, books)) {
    if (std::find(distinct.begin(), distinct.end(), r.id(2)) == distinct.end()) distinct.push_back(r.id(2));
    note_event(tx, r.id(0), event::taken_off, "", r.id(1));
  }
  if (!distinct.empty()) tx.run(sql_changed, rows);
  return static_cast<int>(distinct.size());
}

reset_preview preview_reset(db::tx& tx, const uuid& device) {
  db::rows owner = tx.run(sql_owner, device);
  if (owner.empty()) return {};
  db::rows rows = tx.run(sql_preview, device, owner[0].id(0), read_kobo_options(owner[0].view(1)).largest);
  const db::row& r = rows[0];
  return {.books = static_cast<int>(r.integer(0)), .removed = static_cast<int>(r.integer(1)), .bytes = r.integer(2)};
}

int reset_kobo(db::tx& tx, const uuid& device, bool lift_removed) {
  std::vector<uuid> rows = rows_of(tx, device);
  reset_preview all = preview_reset(tx, device);
  if (!rows.empty()) tx.run(sql_reset, rows, now(), lift_removed);
  for (const uuid& row : rows) note_event(tx, row, event::reset);
  return all.books + (lift_removed ? all.removed : 0);
}

bool take_back_kobo_acts(db::tx& tx, const uuid& device) {
  rows_of(tx, device);
  tx.run(sql_not_again, device);
  return tx.run(sql_take_back, device).affected() > 0;
}

bool agree_to_removal(db::tx& tx, const uuid& device) { return tx.run(sql_agree, device).affected() > 0; }

void forget_hidden(db::tx& tx, const uuid& device, const uuid& shelf) { tx.run(sql_forget_hidden, device, shelf); }

std::vector<hidden_collection> hidden_collections(db::tx& tx, const uuid& device) {
  std::vector<hidden_collection> out;
  for (const db::row& r : tx.run(sql_hidden, device)) out.push_back({.shelf = r.id(0), .name = r.text(1)});
  return out;
}

bool show_hidden(db::tx& tx, const uuid& device, const uuid& shelf) { return tx.run(sql_show, device, shelf).affected() > 0; }

void forget_removed(db::tx& tx, const std::vector<uuid>& devices) {
  if (!devices.empty()) tx.run(sql_forget, devices);
}

}  // namespace carrel::library
