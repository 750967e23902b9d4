#include "kobo/actions.hpp"

namespace carrel::kobo {
namespace {

#define CARREL_ON_SHELF                                                                                               \
  "select from feeding_shelves fs join shelf_books sb on sb.shelf_id = fs.shelf_id join books b on b.id = sb.book_id" \
  " where fs.device_id = $1 and b.entitlement = "

constexpr db::statement sql_bury{
    "kobo.bury", "insert into kobo_tombstones (kobo_id, subject, id) select $2::uuid, 1, $3::uuid where exists (" CARREL_ON_SHELF
                 "$3::uuid) on conflict do nothing"};
constexpr db::statement sql_hide{"kobo.hide_collection", R"sql(
  insert into kobo_tombstones (kobo_id, subject, id) select $1::uuid, 3, s.id from shelves s where s.id = $2
      on conflict do nothing)sql"};
constexpr db::statement sql_lift{"kobo.lift",
                                 "delete from kobo_tombstones where kobo_id = $1 and subject = $2 and id = any ($3::uuid[])"};
constexpr db::statement sql_forget{
    "kobo.forget_tombstones",
    "delete from kobo_tombstones t where t.kobo_id = $2 and case when t.subject = 1 then not exists (" CARREL_ON_SHELF
    "t.id) else not exists (select from shelves s where s.id = t.id) end"};
#undef CARREL_ON_SHELF
constexpr db::statement sql_asked{"kobo.asked", R"sql(
  select id from kobo_ledger where kobo_id = $1 and subject = 1 and wanted_again_at is not null order by id)sql"};
constexpr db::statement sql_done{"kobo.asked_done", R"sql(
  update kobo_devices set asked = false, reset_asked_at = null, reset_lifts = false where id = $1)sql"};
constexpr db::statement sql_all_again{"kobo.all_again", R"sql(
  update kobo_ledger set wanted_again_at = $2, sample_sync = null where kobo_id = $1 and subject = 1 and removal_delivered_at is null)sql"};
constexpr db::statement sql_lift_all{"kobo.lift_all", "delete from kobo_tombstones where kobo_id = $1"};
constexpr db::statement sql_reset{"kobo.reset", R"sql(
  update kobo_devices set epoch = epoch + 1, changes = changes + 1, answered = '', answered_count = 0, promised = '', chained = 0, page_size = null,
         failures = 0, guarded_since = null, guarded_count = 0, guard_lifted = false where id = $1)sql"};
constexpr db::statement sql_drop{"kobo.drop_sessions", "delete from kobo_sessions where kobo_id = $1"};

}  // namespace

void removed_on_device(db::tx& tx, const kobo_row& k, const uuid& entitlement, bool put_back) {
  if (!put_back) tx.run(sql_bury, k.ids.device, k.ids.row, entitlement);
  doubt_everywhere(tx, k.ids.row, subject::book, {entitlement});
}

void hide_collection(db::tx& tx, const kobo_row& k, const uuid& tag) { tx.run(sql_hide, k.ids.row, tag); }

void send_again(db::tx& tx, const kobo_row& k, const std::vector<uuid>& entitlements) {
  tx.run(sql_lift, k.ids.row, static_cast<int>(subject::book), entitlements);
  doubt_everywhere(tx, k.ids.row, subject::book, entitlements);
}

void reset_sync(db::tx& tx, const kobo_row& k) {
  tx.run(sql_reset, k.ids.row);
  tx.run(sql_drop, k.ids.row);
}

void do_what_was_asked(db::tx& tx, kobo_row& k) {
  if (k.asked) {
    std::vector<uuid> again;
    for (const db::row& r : tx.run(sql_asked, k.ids.row)) again.push_back(r.id(0));
    send_again(tx, k, again);
    if (!again.empty()) ++k.changes;
  }
  if (k.reset_asked) {
    if (k.reset_lifts) tx.run(sql_lift_all, k.ids.row);
    tx.run(sql_all_again, k.ids.row, now());
    reset_sync(tx, k);
    ++k.epoch;
    ++k.changes;
  }
  if (k.asked || k.reset_asked) tx.run(sql_done, k.ids.row);
  k.asked = k.reset_asked = false;
}

void forget_tombstones(db::tx& tx, const kobo_row& k) {
  if (k.has_tombstones) tx.run(sql_forget, k.ids.device, k.ids.row);
}

}  // namespace carrel::kobo
