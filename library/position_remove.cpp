#include "library/position_remove.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_remove{"library.remove_position", R"sql(
  update reading_progress_history h set removed_at = now()
    from documents d
   where h.id = $3 and h.user_id = $1 and h.removed_at is null
     and d.user_id = h.user_id and d.document = h.document and d.book_id = $2
     and exists (select from visible_books($1) b where b.id = $2)
     and not exists (select from reading_progress p
                      where p.user_id = h.user_id and p.document = h.document and p.history_id = h.id))sql"};

constexpr db::statement sql_bring_back{"library.bring_back_position", R"sql(
  update reading_progress_history h set removed_at = null
    from documents d
   where h.id = $3 and h.user_id = $1 and h.removed_at is not null
     and d.user_id = h.user_id and d.document = h.document and d.book_id = $2
     and exists (select from visible_books($1) b where b.id = $2))sql"};

// As in forget_positions: what is current, and what a device sent last, stays.
constexpr db::statement sql_forget{"library.forget_removed_positions", R"sql(
  delete from reading_progress_history
   where id in (
     select h.id
       from reading_progress_history h
      where h.removed_at < $1
        and not exists (select from reading_progress p
                         where p.user_id = h.user_id and p.document = h.document and p.history_id = h.id)
        and not exists (select from device_progress d
                         where d.user_id = h.user_id and d.document = h.document and d.history_id = h.id)
      limit $2
        for update skip locked))sql"};

}  // namespace

bool remove_position(db::tx& tx, const uuid& user, const uuid& book, const uuid& row) {
  return tx.run(sql_remove, user, book, row).affected() > 0;
}

bool bring_back_position(db::tx& tx, const uuid& user, const uuid& book, const uuid& row) {
  return tx.run(sql_bring_back, user, book, row).affected() > 0;
}

int forget_removed_positions(db::tx& tx, instant before, int most) {
  return static_cast<int>(tx.run(sql_forget, before, most).affected());
}

}  // namespace carrel::library
