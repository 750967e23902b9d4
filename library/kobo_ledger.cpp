#include "library/kobo_ledger.hpp"

#include <algorithm>

#include "library/kobo_options.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_owner{"library.kobo_owner", R"sql(
  select user_id, settings::text from devices where id = $1 and kind = 'kobo' and revoked_at is null)sql"};
constexpr db::statement sql_rows{"library.kobo_rows", R"sql(
  select id, model, firmware, last_seen_at, last_sync_at, guarded_since, reset_asked_at, syncs, guarded_count, asked, guard_lifted, reset_lifts
    from kobo_devices where device_id = $1 order by last_seen_at desc, id)sql"};

// What should be there, and whatever was announced. Of some books those are looked up; else shelves and ledger are read whole.
#define CARREL_LEDGER(OF_SHELVES, OF_LEDGER)                                                                                   \
  "select coalesce(w.entitlement, l.id), b.id, coalesce(b.title, l.title), w.book_id is not null, coalesce(w.pending, false)," \
  "       t.at, l.announced_at, l.since_at, l.wanted_again_at, l.delivered_at, l.removal_delivered_at,"                        \
  "       s.cover_at, s.metadata_at, s.state_at, s.download_started_at, s.download_done_at, s.annotations_at, s.inventory_at," \
  "       d.reason, d.since, coalesce(t.by_owner, false), coalesce(w.preparing, false)"                                        \
  "  from (select * from kobo_wanted($1, $2, $4) w" OF_SHELVES                                                                 \
  ") w"                                                                                                                        \
  "  full join (select * from kobo_ledger l where l.kobo_id = $3 and l.subject = 1" OF_LEDGER                                  \
  ") l on l.id = w.entitlement"                                                                                                \
  "  left join visible_books($2) b on b.entitlement = coalesce(w.entitlement, l.id)"                                           \
  "  left join kobo_signals s on s.kobo_id = $3 and s.id = coalesce(w.entitlement, l.id)"                                      \
  "  left join kobo_tombstones t on t.kobo_id = $3 and t.subject = 1 and t.id = coalesce(w.entitlement, l.id)"                 \
  "  left join lateral (select reason, since from kobo_suspicions d where d.kobo_id = $3 and d.id = coalesce(w.entitlement, "  \
  "l.id)"                                                                                                                      \
  "                      order by since desc limit 1) d on true"                                                               \
  " order by coalesce(w.added_at, l.first_announced_at) desc, 1"
constexpr db::statement sql_ledger{"library.kobo_ledger", CARREL_LEDGER("", "")};
constexpr db::statement sql_ledger_of_some{
    "library.kobo_ledger_of_some",
    CARREL_LEDGER(" where w.book_id = any ($5::uuid[])",
                  " and l.id = any (array(select b.entitlement from books b where b.id = any ($5::uuid[])))")};
#undef CARREL_LEDGER

constexpr db::statement sql_next{"library.kobo_next_sync", R"sql(
  select count(*) filter (where n.here and not n.pending and n.unsaid),
         count(*) filter (where not n.here and (not n.unheard or ($6 and n.said))),
         count(*) filter (where n.here and not n.pending and not n.unheard and b.updated_at > n.announced_at)
    from (select coalesce(w.entitlement, l.id) as id, coalesce(w.pending, false) as pending, l.id is not null as said,
                 w.book_id is not null and (t.id is null or (l.wanted_again_at is not null and $8) or $7) as here,
                 l.delivered_at is null or l.removal_delivered_at is not null or l.wanted_again_at is not null as unheard,
                 $6 or l.id is null or l.removal_delivered_at is not null or l.wanted_again_at is not null
                   or (l.delivered_at is null and l.announced_at > $5) as unsaid,
                 l.announced_at
            from kobo_wanted($1, $2, $4) w
            full join (select * from kobo_ledger where kobo_id = $3 and subject = 1) l on l.id = w.entitlement
            left join kobo_tombstones t on t.kobo_id = $3 and t.subject = 1 and t.id = coalesce(w.entitlement, l.id)) n
    left join books b on b.entitlement = n.id)sql"};

// When the reader was last told everything; and whether nothing has changed since.
constexpr db::statement sql_told{"library.kobo_told", R"sql(
  select s.told_at, s.quiet_catalog = r.revision and s.quiet_audience = u.audience and s.quiet_state = u.state
           and not k.asked and s.quiet_changes = k.changes + coalesce((select states from kobo_readers where user_id = u.id), 0)
                                + (select number from kobo_news)
    from kobo_devices k
    join devices d on d.id = k.device_id
    join users u on u.id = d.user_id
   cross join catalog_revision r
    join kobo_sessions s on s.kobo_id = k.id and s.told_at is not null
   where k.id = $1
   order by s.id desc limit 1)sql"};

constexpr db::statement sql_unsuitable{"library.kobo_unsuitable", R"sql(
  select b.id, b.title,
         case when not exists (select from book_files f where f.book_id = b.id and f.format in ('epub', 'kepub')) then 'format'
              when not exists (select from book_files f where f.book_id = b.id and f.format in ('epub', 'kepub') and f.drm = '') then 'protected'
              else 'too_large' end
    from (select distinct sb.book_id from feeding_shelves fs join shelf_books sb on sb.shelf_id = fs.shelf_id where fs.device_id = $1) w
    join visible_books($2) b on b.id = w.book_id and b.status = 'organized'
   where not exists (select from kobo_wanted($1, $2, $3) k where k.book_id = b.id)
   order by b.title, b.id)sql"};

constexpr db::statement sql_arrival{"library.kobo_arrival", R"sql(
  select d.last_seen_at, k.id is not null, coalesce(k.model, ''), coalesce(k.firmware, ''),
         (select count(*) from kobo_wanted(d.id, d.user_id, $2) w where not w.pending),
         (select count(*) from kobo_ledger l where l.kobo_id = k.id and l.subject = 1),
         (select count(*) from kobo_ledger l where l.kobo_id = k.id and l.subject = 1 and l.delivered_at is not null),
         (select count(*) from kobo_signals s where s.kobo_id = k.id and s.download_done_at is not null),
         exists (select from kobo_sessions s where s.kobo_id = k.id and (s.acked_at is not null or
                  -- it fetches what the last answer of its first sync told it
                  (s.told_at is not null and exists (select from kobo_signals g where g.kobo_id = k.id and g.download_done_at > s.told_at))))
    from devices d
    left join lateral (select * from kobo_devices where device_id = d.id order by last_seen_at desc, id limit 1) k on true
   where d.id = $1)sql"};

constexpr db::statement sql_drift{"library.kobo_drift", R"sql(
  select s.kobo_id, d.id, d.name, b.id, s.id, coalesce(b.title, l.title, ''), s.reason, s.since
    from kobo_suspicions s
    join kobo_devices k on k.id = s.kobo_id
    join devices d on d.id = k.device_id and d.revoked_at is null
    left join visible_books($1) b on b.entitlement = s.id
    left join kobo_ledger l on l.kobo_id = s.kobo_id and l.subject = 1 and l.id = s.id
   where d.user_id = $1
   order by s.since desc, s.id limit $2)sql"};

constexpr db::statement sql_guarded{"library.kobo_guarded", R"sql(
  select d.id, d.name, max(k.guarded_count), min(k.guarded_since)
    from kobo_devices k join devices d on d.id = k.device_id and d.revoked_at is null
   where d.user_id = $1 and k.guarded_since is not null and not k.guard_lifted
   group by d.id, d.name order by 4 desc, d.id)sql"};

std::optional<instant> latest(std::initializer_list<std::optional<instant>> all) {
  std::optional<instant> out;
  for (const std::optional<instant>& at : all) {
    if (at && (!out || *at > *out)) out = at;
  }
  return out;
}

struct known_book {
  ledger_book shown;
  bool wanted = false;
  bool restored = false;  // its owner asked for it, and the device has not come since
};

// Only a complete download, a reading state or a note shows that the device holds a book, and only one that is younger than the
// announcement it belongs to (product.md 3.3).
std::string state_of(const known_book& k, const std::optional<instant>& since, bool again,
                     const std::optional<instant>& removal_heard, const std::optional<instant>& downloaded) {
  const ledger_book& b = k.shown;
  if (b.taken_off && !again) return removal_heard || !since ? "gone" : "retiring";
  if (b.removed_at && !b.taken_off && !k.restored) return "removed-by-device";
  if (again) return "wanted";
  if (!k.wanted) return removal_heard ? "gone" : "retiring";
  if (!since || removal_heard) return "wanted";
  auto shown_since = [&](const std::optional<instant>& at) { return at && *at >= *since; };
  if (shown_since(b.state_at) || shown_since(b.annotations_at)) return "opened";
  if (shown_since(downloaded)) return "fetched";
  return shown_since(b.delivered_at) ? "acknowledged" : "announced";
}

// `asked`: something was asked of the device that it has not heard of yet.
ledger_book book_from(const db::row& r, bool asked) {
  known_book k;
  ledger_book& b = k.shown;
  b.entitlement = r.id(0);
  b.book = r.maybe_id(1);
  b.title = r.text(2);
  k.wanted = r.flag(3);
  k.restored = asked && !r.is_null(8);
  b.pending = r.flag(4);
  b.removed_at = r.maybe_at(5);
  b.preparing = r.flag(21);
  b.taken_off = r.flag(20);
  b.announced_at = r.maybe_at(6);
  b.delivered_at = r.maybe_at(9);
  std::optional<instant> removal_heard = r.maybe_at(10);
  b.cover_at = r.maybe_at(11);
  b.metadata_at = r.maybe_at(12);
  b.state_at = r.maybe_at(13);
  b.download_started_at = r.maybe_at(14);
  b.fetched_at = r.maybe_at(15);
  b.annotations_at = r.maybe_at(16);
  b.inventory_at = r.maybe_at(17);
  b.last_seen_at =
      latest({b.cover_at, b.metadata_at, b.state_at, b.download_started_at, b.fetched_at, b.annotations_at, b.inventory_at});
  b.state = state_of(k, r.maybe_at(7), !r.is_null(8), removal_heard, b.fetched_at);
  if (!r.is_null(18)) b.doubt = suspicion{.reason = r.text(18), .since = r.at(19)};
  return std::move(k.shown);
}

// Books that vanished and stay on the device for now (kobo.md 17.2).
std::int64_t kept_by_guard(const db::row& reader) {
  std::optional<instant> since = reader.maybe_at(5);
  bool stays = since && !reader.flag(10) && *since + guard_lasts > now();
  return stays ? reader.integer(8) : 0;
}

json::value doubt_json(const std::optional<suspicion>& d) {
  if (!d) return nullptr;
  return json::object{{"reason", d->reason}, {"since", d->since}};
}

json::array books_json(const std::vector<ledger_book>& books) {
  json::array out;
  for (const ledger_book& b : books) {
    out.push_back(json::object{{"book", b.book},
                               {"title", b.title},
                               {"state", b.state},
                               {"announced_at", b.announced_at},
                               {"fetched_at", b.fetched_at},
                               {"last_seen_at", b.last_seen_at},
                               {"suspicion", doubt_json(b.doubt)}});
  }
  return out;
}

}  // namespace

std::vector<ledger_row> kobo_ledger(db::tx& tx, const uuid& device, const std::optional<std::vector<uuid>>& only) {
  db::rows owner = tx.run(sql_owner, device);
  if (owner.empty()) return {};
  uuid user = owner[0].id(0);
  std::int64_t largest = read_kobo_options(owner[0].view(1)).largest;
  std::vector<ledger_row> out;
  for (const db::row& r : tx.run(sql_rows, device)) {
    out.push_back({.row = r.id(0),
                   .model = r.text(1),
                   .firmware = r.text(2),
                   .last_seen_at = r.maybe_at(3),
                   .last_sync_at = r.maybe_at(4),
                   .guarded_since = kept_by_guard(r) > 0 ? r.maybe_at(5) : std::nullopt,
                   .reset_asked_at = r.maybe_at(6),
                   .syncs = r.integer(7),
                   .guarded_count = static_cast<int>(r.integer(8)),
                   .again_asked = r.flag(9),
                   .books = {}});
  }
  if (out.empty()) out.emplace_back();
  for (ledger_row& row : out) {
    uuid reader = row.row.value_or(uuid{});
    db::rows books = only ? tx.run(sql_ledger_of_some, device, user, reader, largest, *only)
                          : tx.run(sql_ledger, device, user, reader, largest);
    row.books.reserve(books.size());
    for (const db::row& r : books) row.books.push_back(book_from(r, row.again_asked));
    if (!row.guarded_since) continue;
    for (ledger_book& b : row.books) b.kept = b.state == "retiring" && !b.book && !b.taken_off;
  }
  return out;
}

next_sync next_sync_of(db::tx& tx, const uuid& device) {
  db::rows owner = tx.run(sql_owner, device);
  if (owner.empty()) return {};
  db::rows readers = tx.run(sql_rows, device);
  uuid row = readers.empty() ? uuid{} : readers[0].id(0);
  db::rows told = tx.run(sql_told, row);
  bool reset = !readers.empty() && !readers[0].is_null(6), lifts = reset && readers[0].flag(11);
  bool asked = !readers.empty() && readers[0].flag(9);
  if (!reset && !told.empty() && !told[0].is_null(1) && told[0].flag(1)) return {};
  std::optional<instant> last = told.empty() ? std::nullopt : told[0].maybe_at(0);
  db::rows counted = tx.run(sql_next, device, owner[0].id(0), row, read_kobo_options(owner[0].view(1)).largest,
                            last.value_or(instant{}), reset, lifts, asked);
  const db::row& r = counted[0];
  std::int64_t kept = readers.empty() ? 0 : kept_by_guard(readers[0]);
  return {.added = r.integer(0), .removed = std::max<std::int64_t>(0, r.integer(1) - kept), .changed = r.integer(2)};
}

kobo_arrival arrival_of_kobo(db::tx& tx, const uuid& device) {
  db::rows rows = tx.run(sql_arrival, device, kobo_options_of(tx, device).largest);
  if (rows.empty()) return {};
  const db::row& r = rows[0];
  return {.called_at = r.maybe_at(0),
          .model = r.text(2),
          .firmware = r.text(3),
          .identified = r.flag(1),
          .wanted = r.integer(4),
          .announced = r.integer(5),
          .delivered = r.integer(6),
          .fetched = r.integer(7),
          .synced = r.flag(8)};
}

std::vector<drift> drift_of(db::tx& tx, const uuid& user, int most) {
  std::vector<drift> out;
  for (const db::row& r : tx.run(sql_drift, user, most))
    out.push_back({.row = r.id(0),
                   .device = r.id(1),
                   .device_name = r.text(2),
                   .book = r.maybe_id(3),
                   .entitlement = r.id(4),
                   .title = r.text(5),
                   .doubt = {.reason = r.text(6), .since = r.at(7)}});
  return out;
}

std::vector<guarded_device> guarded_devices(db::tx& tx, const uuid& user) {
  std::vector<guarded_device> out;
  for (const db::row& r : tx.run(sql_guarded, user))
    out.push_back({.device = r.id(0), .name = r.text(1), .books = static_cast<int>(r.integer(2)), .since = r.at(3)});
  return out;
}

std::vector<unsuitable_book> unsuitable_books(db::tx& tx, const uuid& device) {
  db::rows owner = tx.run(sql_owner, device);
  std::vector<unsuitable_book> out;
  if (owner.empty()) return out;
  for (const db::row& r : tx.run(sql_unsuitable, device, owner[0].id(0), read_kobo_options(owner[0].view(1)).largest))
    out.push_back({.book = r.id(0), .title = r.text(1), .reason = r.text(2)});
  return out;
}

json::object ledger_json(const uuid& device, const std::string& name, const std::vector<ledger_row>& rows) {
  json::object out{{"id", device}, {"name", name}, {"books", rows.empty() ? json::array{} : books_json(rows.front().books)}};
  if (rows.size() < 2) return out;
  json::array all;
  for (const ledger_row& r : rows)
    all.push_back(json::object{{"row", r.row}, {"model", r.model}, {"books", books_json(r.books)}});
  out.set("rows", std::move(all));
  return out;
}

}  // namespace carrel::library
