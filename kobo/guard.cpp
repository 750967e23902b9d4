#include "kobo/guard.hpp"

#include "library/kobo_events.hpp"
#include "library/kobo_ledger.hpp"

namespace carrel::kobo {
namespace {

constexpr std::size_t always_fine = 20;

// Still on a shelf that feeds the device, or not known any more; books too large or without a usable file are not meant. Nor are
// those of which the device has heard that they are gone: a reader that lost its place is told so once more.
constexpr db::statement sql_vanished{"kobo.vanished", R"sql(
  select w.id from unnest($3::uuid[]) as w (id)
    left join books b on b.entitlement = w.id
   where not exists (select from kobo_ledger l where l.kobo_id = $4 and l.subject = 1 and l.id = w.id
                                                and l.removal_delivered_at is not null)
     and (b.id is null
      or ((b.status <> 'organized' or not exists (select from visible_books($2) v where v.id = b.id))
          and exists (select from feeding_shelves fs join shelf_books sb on sb.shelf_id = fs.shelf_id
                       where fs.device_id = $1 and sb.book_id = b.id)))
   order by w.id)sql"};
constexpr db::statement sql_guard{"kobo.guard", R"sql(
  update kobo_devices set guarded_since = coalesce(guarded_since, $2), guarded_count = $3 where id = $1)sql"};
constexpr db::statement sql_end{"kobo.end_guard", R"sql(
  update kobo_devices set guarded_since = null, guarded_count = 0, guard_lifted = false
   where id = $1 and (guarded_since is not null or guard_lifted))sql"};

}  // namespace

std::vector<uuid> guarded_books(db::tx& tx, const kobo_row& k, const std::vector<uuid>& removed, std::size_t held) {
  std::vector<uuid> vanished;
  if (removed.size() > always_fine && removed.size() * 2 > held) {
    for (const db::row& r : tx.run(sql_vanished, k.ids.device, k.ids.user, removed, k.ids.row)) vanished.push_back(r.id(0));
  }
  bool many = vanished.size() > always_fine && vanished.size() * 2 > held;
  if (!many) {
    if (k.guarded_since || k.guard_lifted) tx.run(sql_end, k.ids.row);
    return {};
  }
  if (k.guard_lifted || (k.guarded_since && *k.guarded_since + library::guard_lasts <= now())) return {};
  tx.run(sql_guard, k.ids.row, now(), static_cast<std::int64_t>(vanished.size()));
  if (!k.guarded_since) library::note_event(tx, k.ids.row, library::event::guarded, std::to_string(vanished.size()));
  return vanished;
}

}  // namespace carrel::kobo
