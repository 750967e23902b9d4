#include <algorithm>

#include "library/instance.hpp"
#include "library/position.hpp"
#include "library/user.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_of_book{"library.positions_of_book", R"sql(
  select h.id, h.document, d.book_id, h.percentage, h.progress, h.device, h.origin, h.created_at, p.history_id = h.id, h.accepted,
         h.reason, h.settled_at is not null, h.quality
    from documents d
    join visible_books($1) b on b.id = d.book_id
    join reading_progress_history h on h.user_id = d.user_id and h.document = d.document
    left join reading_progress p on p.user_id = d.user_id and p.document = d.document
   where d.user_id = $1 and d.book_id = $2 and h.device_key not like 'b:%' and h.removed_at is null
   order by h.created_at desc, h.id desc
   limit $3)sql"};

constexpr db::statement sql_of_document{"library.positions_of_document", R"sql(
  select h.id, h.document, d.book_id, h.percentage, h.progress, h.device, h.origin, h.created_at, p.history_id = h.id, h.accepted,
         h.reason, h.settled_at is not null, h.quality
    from reading_progress_history h
    left join documents d on d.user_id = h.user_id and d.document = h.document
    left join reading_progress p on p.user_id = h.user_id and p.document = h.document
   where h.user_id = $1 and h.document = $2 and h.removed_at is null
   order by h.created_at desc, h.id desc
   limit $3)sql"};

constexpr db::statement sql_one{"library.position_row", R"sql(
  select h.id, h.document, d.book_id, h.percentage, h.progress, h.device, h.origin, h.created_at, p.history_id = h.id, h.accepted,
         h.reason, h.settled_at is not null, h.quality
    from reading_progress_history h
    left join documents d on d.user_id = h.user_id and d.document = h.document
    left join reading_progress p on p.user_id = h.user_id and p.document = h.document
   where h.id = $1)sql"};

constexpr db::statement sql_words{"library.words_at_place", R"sql(
  select context_before, context_after from book_positions where user_id = $1 and book_id = $2)sql"};

constexpr db::statement sql_held{"library.held_positions", R"sql(
  select h.id, h.document, d.book_id, h.percentage, h.progress, h.device, h.origin, h.created_at, false, h.accepted, h.reason, false, h.quality
    from reading_progress_history h
    left join documents d on d.user_id = h.user_id and d.document = h.document
   where h.user_id = $1 and not h.accepted and h.settled_at is null and h.removed_at is null
   order by h.created_at desc, h.id desc
   limit $2)sql"};

constexpr db::statement sql_lock{"library.lock_document_of_position", R"sql(
  select d.document, d.book_id is not null
    from documents d
    join reading_progress_history h on h.user_id = d.user_id and h.document = d.document
   where h.id = $2 and d.user_id = $1
     for update of d)sql"};

// Only with the document locked.
constexpr db::statement sql_restore{"library.restore_position", R"sql(
  with chosen as (
    select * from reading_progress_history where id = $1),
  now_current as (
    insert into reading_progress as p (id, user_id, document, device, device_id, device_key, progress, percentage, timestamp, origin,
                                       revision, history_id, updated_at)
    select $2::uuid, user_id, document, 'Carrel', $3::text, 'carrel', progress, percentage, $4::bigint, 'restore', 1, $5::uuid,
           $6::timestamptz
      from chosen
        on conflict (user_id, document)
        do update set
           device = excluded.device, device_id = excluded.device_id, device_key = excluded.device_key, credential_id = null,
           progress = excluded.progress, percentage = excluded.percentage, timestamp = greatest(p.timestamp, excluded.timestamp),
           origin = excluded.origin, revision = p.revision + 1, history_id = excluded.history_id, raw_payload = null,
           updated_at = excluded.updated_at
    returning p.*)
  insert into reading_progress_history (id, user_id, document, device, device_id, device_key, progress, percentage, timestamp, origin,
                                        revision, created_at)
  select $5::uuid, user_id, document, device, device_id, device_key, progress, percentage, timestamp, origin, revision, $6 from now_current)sql"};

// A place that a person chose is a restart mark: under policy furthest nothing from before brings the old one back.
constexpr db::statement sql_restart{"library.restart_position", R"sql(
  update device_progress set counts = false
   where user_id = $1 and document = $2 and device_key <> 'carrel')sql"};

constexpr db::statement sql_settle{"library.settle_position", R"sql(
  update reading_progress_history set settled_at = $3, accepted = accepted or $4
   where id = $2 and user_id = $1 and not accepted and settled_at is null)sql"};

// The next push of the same place is news again.
constexpr db::statement sql_release{"library.release_device_progress", R"sql(
  update device_progress d set held = false
    from reading_progress_history h
   where h.id = $1 and d.user_id = h.user_id and d.document = h.document and d.device_key = h.device_key)sql"};

constexpr db::statement sql_forget{"library.forget_positions", R"sql(
  delete from reading_progress_history
   where id in (
     select h.id
       from reading_progress_history h
      where h.created_at < $1 and (h.accepted or h.settled_at is not null)
        and not exists (select from reading_progress p
                         where p.user_id = h.user_id and p.document = h.document and p.history_id = h.id)
        and not exists (select from device_progress d
                         where d.user_id = h.user_id and d.document = h.document and d.history_id = h.id)
      limit $2
        for update skip locked))sql"};

constexpr db::statement sql_reading{"library.continue_reading", R"sql(
  select latest.book_id, latest.percentage, latest.device, latest.timestamp
    from (select distinct on (d.book_id) d.book_id, p.percentage, p.device, p.timestamp
            from documents d
            join reading_progress p on p.user_id = d.user_id and p.document = d.document
           where d.user_id = $1 and d.book_id is not null
           order by d.book_id, p.timestamp desc, p.updated_at desc) latest
    join visible_books($1) b on b.id = latest.book_id
   where latest.percentage >= 0.005 and latest.percentage < 0.99
     and not exists (select from opinions o  -- that said since that they are done with it
                      where o.user_id = $1 and o.book_id = latest.book_id and o.state in ('read', 'abandoned', 'unread')
                        and o.state_by = 'hand' and o.state_at > to_timestamp(latest.timestamp))
   order by latest.timestamp desc, latest.book_id
   limit $2)sql"};

position_row row_from(const db::row& r) {
  return {.id = r.id(0),
          .document = r.text(1),
          .book = r.maybe_id(2),
          .percentage = r.real(3),
          .progress = r.text(4),
          .device = r.text(5),
          .source = r.text(6),
          .at = r.at(7),
          .current = !r.is_null(8) && r.flag(8),
          .accepted = r.flag(9),
          .reason = r.text(10),
          .settled = r.flag(11),
          .quality = r.text(12)};
}

std::vector<position_row> rows_from(const db::rows& rows) {
  std::vector<position_row> out;
  for (const db::row& r : rows) out.push_back(row_from(r));
  return out;
}

// Of this installation, in the form that KOReader gives its own.
std::string own_device_id(db::tx& tx) {
  std::string out;
  for (char c : uuid::of_name(instance_id(tx), "kosync").text()) {
    if (c != '-') out += c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

}  // namespace

std::vector<position_row> positions_of_book(db::tx& tx, const uuid& user, const uuid& book, int most) {
  std::vector<position_row> out = rows_from(tx.run(sql_of_book, user, book, most));
  // Each linked document has a current place; the book's is the newest of them.
  auto newest = std::find_if(out.begin(), out.end(), [](const position_row& p) { return p.current; });
  if (newest != out.end()) std::for_each(newest + 1, out.end(), [](position_row& p) { p.current = false; });
  return out;
}

std::vector<position_row> positions_of_document(db::tx& tx, const uuid& user, const std::string& document, int most) {
  return rows_from(tx.run(sql_of_document, user, document, most));
}

place_words words_at_place(db::tx& tx, const uuid& user, const uuid& book) {
  db::rows rows = tx.run(sql_words, user, book);
  return rows.empty() ? place_words{} : place_words{.before = rows[0].text(0), .after = rows[0].text(1)};
}

std::optional<position_row> restore_position(db::tx& tx, const uuid& user, const uuid& row) {
  db::rows locked = tx.run(sql_lock, user, row);
  if (locked.empty()) return std::nullopt;
  std::string document = locked[0].text(0);
  instant at = now();
  uuid made = uuid::make();
  tx.run(sql_restore, row, uuid::make(), own_device_id(tx), unix_seconds(at), made, at);
  tx.run(sql_restart, user, document);
  if (tx.run(sql_settle, user, row, at, true).affected() == 1) tx.run(sql_release, row);
  if (locked[0].flag(1)) bump_state(tx, user);

  return rows_from(tx.run(sql_one, made)).at(0);
}

std::vector<position_row> held_positions(db::tx& tx, const uuid& user, int most) {
  return rows_from(tx.run(sql_held, user, most));
}

bool settle_held(db::tx& tx, const uuid& user, const uuid& row, bool accept) {
  if (tx.run(sql_lock, user, row).empty()) return false;
  if (tx.run(sql_settle, user, row, now(), accept).affected() == 0) return false;
  if (accept) {
    tx.run(sql_release, row);
    restore_position(tx, user, row);
  }
  return true;
}

int forget_positions(db::tx& tx, instant before, int most) {
  return static_cast<int>(tx.run(sql_forget, before, most).affected());
}

std::vector<reading> continue_reading(db::tx& tx, const uuid& user, int most) {
  std::vector<reading> out;
  for (const db::row& r : tx.run(sql_reading, user, most)) {
    out.push_back(
        {.book = r.id(0), .percentage = r.real(1), .device = r.text(2), .at = instant(std::chrono::seconds(r.integer(3)))});
  }
  return out;
}

}  // namespace carrel::library
