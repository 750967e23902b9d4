#include "kobo/actions.hpp"

namespace carrel::kobo {
namespace {

#define CARREL_ON_SHELF                                                                                              \
  "select from device_shelves ds join shelf_books sb on sb.shelf_id = ds.shelf_id join books b on b.id = sb.book_id" \
  " where ds.device_id = $1 and b.entitlement = "

constexpr db::statement sql_bury{
    "kobo.bury", "insert into kobo_tombstones (kobo_id, id) select $2::uuid, $3::uuid where exists (" CARREL_ON_SHELF
                 "$3::uuid) on conflict do nothing"};
constexpr db::statement sql_lift{"kobo.lift", "delete from kobo_tombstones where kobo_id = $1 and id = any ($2::uuid[])"};
constexpr db::statement sql_forget{"kobo.forget_tombstones",
                                   "delete from kobo_tombstones t where t.kobo_id = $2 and not exists (" CARREL_ON_SHELF "t.id)"};
#undef CARREL_ON_SHELF
constexpr db::statement sql_reset{"kobo.reset", R"sql(
  update kobo_devices set epoch = epoch + 1, changes = changes + 1, answered = '', answered_count = 0, chained = 0 where id = $1)sql"};
constexpr db::statement sql_drop{"kobo.drop_sessions", "delete from kobo_sessions where kobo_id = $1"};

}  // namespace

void removed_on_device(db::tx& tx, const kobo_row& k, const uuid& entitlement) {
  tx.run(sql_bury, k.ids.device, k.ids.row, entitlement);
  doubt_everywhere(tx, k.ids.row, subject::book, {entitlement});
}

void send_again(db::tx& tx, const kobo_row& k, const std::vector<uuid>& entitlements) {
  tx.run(sql_lift, k.ids.row, entitlements);
  doubt_everywhere(tx, k.ids.row, subject::book, entitlements);
}

void reset_sync(db::tx& tx, const kobo_row& k) {
  tx.run(sql_reset, k.ids.row);
  tx.run(sql_drop, k.ids.row);
}

void forget_tombstones(db::tx& tx, const kobo_row& k) { tx.run(sql_forget, k.ids.device, k.ids.row); }

}  // namespace carrel::kobo
