#include "library/kobo_ledger.hpp"

#include <algorithm>

#include "library/kobo_options.hpp"

namespace carrel::library {
namespace {

constexpr int shown_later = 5, starts_borne = 3;
constexpr std::chrono::hours silence{48};

constexpr db::statement sql_owner{"library.kobo_owner", R"sql(
  select user_id, settings::text from devices where id = $1 and kind = 'kobo' and revoked_at is null)sql"};
constexpr db::statement sql_rows{"library.kobo_rows", R"sql(
  select id, model, firmware, last_seen_at, last_sync_at, guarded_since, reset_asked_at, syncs, guarded_count, asked
    from kobo_devices where device_id = $1 order by last_seen_at desc, id)sql"};

// What should be there, and whatever was announced.
constexpr db::statement sql_ledger{"library.kobo_ledger", R"sql(
  select coalesce(w.entitlement, l.id), b.id, coalesce(b.title, l.title), w.book_id is not null, coalesce(w.missing, false),
         t.at, l.announced_at, l.first_announced_at, l.since_at, l.wanted_again_at, l.delivered_at, l.delivered_sync, l.removal_delivered_at,
         s.cover_at, s.metadata_at, s.state_at, s.download_started_at, s.download_done_at, s.annotations_at, s.inventory_at,
         coalesce(s.starts, 0)
    from kobo_wanted($1, $2, $4) w
    full join (select * from kobo_ledger where kobo_id = $3 and subject = 1) l on l.id = w.entitlement
    left join visible_books($2) b on b.entitlement = coalesce(w.entitlement, l.id)
    left join kobo_signals s on s.kobo_id = $3 and s.id = coalesce(w.entitlement, l.id)
    left join kobo_tombstones t on t.kobo_id = $3 and t.subject = 1 and t.id = coalesce(w.entitlement, l.id)
   order by coalesce(w.added_at, l.first_announced_at) desc, 1)sql"};

constexpr db::statement sql_unsuitable{"library.kobo_unsuitable", R"sql(
  select b.id, b.title,
         case when not exists (select from book_files f where f.book_id = b.id and f.format in ('epub', 'kepub')) then 'format'
              when not exists (select from book_files f where f.book_id = b.id and f.format in ('epub', 'kepub') and f.drm = '') then 'protected'
              else 'too_large' end
    from (select distinct sb.book_id from feeding_shelves fs join shelf_books sb on sb.shelf_id = fs.shelf_id where fs.device_id = $1) w
    join visible_books($2) b on b.id = w.book_id and b.status = 'organized'
   where not exists (select from kobo_wanted($1, $2, $3) k where k.book_id = b.id)
   order by b.sort_title, b.id)sql"};

std::optional<instant> latest(std::initializer_list<std::optional<instant>> all) {
  std::optional<instant> out;
  for (const std::optional<instant>& at : all) {
    if (at && (!out || *at > *out)) out = at;
  }
  return out;
}

struct known_book {
  ledger_book shown;
  bool wanted = false, shows_itself = false;
  std::optional<instant> first_announced;
  std::int64_t delivered_sync = 0, starts = 0;
};

// Only a complete download, a reading state or a note shows that the device holds a book, and only one that is younger than the
// announcement it belongs to (product.md 3.3).
std::string state_of(const known_book& k, const std::optional<instant>& since, bool again,
                     const std::optional<instant>& removal_heard, const std::optional<instant>& downloaded) {
  const ledger_book& b = k.shown;
  if (again) return "wanted";
  if (b.removed_at) return "removed-by-device";
  if (!k.wanted) return removal_heard ? "gone" : "retiring";
  if (!since || removal_heard) return "wanted";
  auto shown_since = [&](const std::optional<instant>& at) { return at && *at >= *since; };
  if (shown_since(b.state_at) || shown_since(b.annotations_at)) return "opened";
  if (shown_since(downloaded)) return "fetched";
  return shown_since(b.delivered_at) ? "acknowledged" : "announced";
}

known_book book_from(const db::row& r) {
  known_book k;
  ledger_book& b = k.shown;
  b.entitlement = r.id(0);
  b.book = r.maybe_id(1);
  b.title = r.text(2);
  k.wanted = r.flag(3);
  b.pending = r.flag(4);
  b.removed_at = r.maybe_at(5);
  b.announced_at = r.maybe_at(6);
  k.first_announced = r.maybe_at(7);
  b.delivered_at = r.maybe_at(10);
  k.delivered_sync = r.maybe_integer(11).value_or(0);
  std::optional<instant> removal_heard = r.maybe_at(12);
  b.cover_at = r.maybe_at(13);
  b.metadata_at = r.maybe_at(14);
  b.state_at = r.maybe_at(15);
  b.download_started_at = r.maybe_at(16);
  b.fetched_at = r.maybe_at(17);
  b.annotations_at = r.maybe_at(18);
  b.inventory_at = r.maybe_at(19);
  k.starts = r.integer(20);
  b.last_seen_at =
      latest({b.cover_at, b.metadata_at, b.state_at, b.download_started_at, b.fetched_at, b.annotations_at, b.inventory_at});
  k.shows_itself = b.last_seen_at.has_value();
  b.state = state_of(k, r.maybe_at(8), !r.is_null(9), removal_heard, b.fetched_at);
  std::optional<instant> used = latest({b.metadata_at, b.state_at, b.annotations_at, b.inventory_at});
  if (b.state == "gone" && used && *used > *removal_heard) b.doubt = suspicion{.reason = "ghost", .since = *used};
  if (k.starts >= starts_borne && b.state != "fetched" && b.state != "opened" && b.download_started_at)
    b.doubt = suspicion{.reason = "broken", .since = *b.download_started_at};
  return k;
}

// kobo.md 17.8, H3.
void suspect_silent(std::vector<known_book>& all, std::int64_t syncs, int after_syncs) {
  std::vector<instant> shown;
  for (const known_book& k : all) {
    if (k.shows_itself && k.first_announced) shown.push_back(*k.first_announced);
  }
  if (shown.size() < shown_later) return;
  std::nth_element(shown.begin(), shown.begin() + (shown_later - 1), shown.end(), std::greater<>());
  instant fifth = shown[shown_later - 1];
  for (known_book& k : all) {
    bool silent = k.shown.state == "acknowledged" && !k.shows_itself && *k.shown.delivered_at + silence <= now() &&
                  k.delivered_sync + after_syncs <= syncs && *k.first_announced < fifth;
    if (silent) k.shown.doubt = suspicion{.reason = "silent", .since = *k.shown.delivered_at};
  }
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

std::vector<ledger_row> kobo_ledger(db::tx& tx, const uuid& device, const ledger_settings& how) {
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
                   .guarded_since = r.maybe_at(5),
                   .reset_asked_at = r.maybe_at(6),
                   .syncs = r.integer(7),
                   .guarded_count = static_cast<int>(r.integer(8)),
                   .again_asked = r.flag(9),
                   .books = {}});
  }
  if (out.empty()) out.emplace_back();
  for (ledger_row& row : out) {
    std::vector<known_book> all;
    for (const db::row& r : tx.run(sql_ledger, device, user, row.row.value_or(uuid{}), largest)) all.push_back(book_from(r));
    suspect_silent(all, row.syncs, how.heal_after_syncs);
    row.books.reserve(all.size());
    for (known_book& k : all) row.books.push_back(std::move(k.shown));
  }
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
