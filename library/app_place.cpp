#include "library/app_place.hpp"

#include <cmath>

#include "library/storable.hpp"
#include "server/core/json.hpp"

namespace carrel::library {
namespace {

// From here to the commit nobody else says anything of that place. Nothing looks for its book by a fingerprint.
constexpr db::statement sql_document{"library.app_document", R"sql(
  insert into documents as d (user_id, document, book_id, file_id, link, title, looked_up_at)
  values ($1, $2, $3, $4, 'auto', $5, now())
      on conflict (user_id, document)
      do update set book_id = excluded.book_id, file_id = excluded.file_id, link = 'auto', title = excluded.title, last_seen_at = now())sql"};

constexpr db::statement sql_place{"library.place_in_book", R"sql(
  select p.document, p.fraction, p.at, coalesce(v.name, p.device), case when p.by_app then p.device_id else v.id::text end, p.by_app,
         coalesce(a.received, ''), coalesce(b.href, ''), coalesce(b.item_fraction, 0), coalesce(b.context_before, ''),
         coalesce(b.context_after, '')
    from place_in_book($1, $2) p
    left join devices v on v.id = p.credential and not p.by_app
    left join app_places a on p.by_app and a.user_id = $1 and a.document = p.document
    left join book_positions b on b.user_id = $1 and b.book_id = $2 and b.document = p.document
          and date_trunc('milliseconds', b.at) = p.at)sql"};

// The comparison and the change in one, so that of two devices at the same moment one is the later.
constexpr db::statement sql_put{"library.put_app_place", R"sql(
  insert into app_places as a (user_id, document, modified, device_id, device_name, progression, received)
  select $1::uuid, $2::text, $4::timestamptz, $5::text, $6::text, $7::double precision, $8::text
   where $4::timestamptz > coalesce((select at from place_in_book($1::uuid, $3::uuid)), '-infinity')
      on conflict (user_id, document)
      do update set modified = excluded.modified, device_id = excluded.device_id, device_name = excluded.device_name,
         progression = excluded.progression, received = excluded.received, revision = 0
   where excluded.modified > a.modified)sql"};

constexpr db::statement sql_stored{"library.app_place_revision", R"sql(
  update app_places a set revision = p.revision
    from reading_progress p
   where a.user_id = $1 and a.document = $2 and p.user_id = a.user_id and p.document = a.document)sql"};

// Not held: the app has been told, so nobody needs to decide. What is refused again and again is one row.
constexpr db::statement sql_refused{"library.refuse_app_place", R"sql(
  insert into reading_progress_history (id, user_id, document, device, device_id, device_key, progress, percentage, timestamp, origin,
                                        accepted, reason, settled_at, created_at)
  select $3, $1, $2, $4, $5, $6, $7, $8, $9, 'opds', false, 'older', $10, $10
   where not exists (select from (select accepted, device_id, progress, percentage from reading_progress_history
                                   where user_id = $1 and document = $2 order by created_at desc, id desc limit 1) last
                      where not last.accepted and last.device_id = $5 and last.progress = $7 and last.percentage = $8))sql"};

// All apps of a reader speak of a book under one name: which is the latest, their own clocks say.
constexpr const char* apps_key = "o:apps";
constexpr double same_number = 5e-7;  // opds.md 11.4: to six decimals

std::string payload_of(const app_word& w) {
  const publication::locator::readium_locator& l = w.at;
  json::object out{{"href", l.href}, {"before", l.before}, {"highlight", l.highlight}, {"after", l.after}};
  if (l.progression) out.set("progression", *l.progression);
  return jsonb_text(out);
}

position push_of(const app_word& w) {
  position p;
  p.user = w.user;
  p.document = app_document(w.book);
  p.progress = w.progress;
  p.device = w.device_name;
  p.device_id = w.device_id;
  p.device_key = apps_key;
  p.percentage = w.progression;
  p.timestamp = unix_seconds(now());
  p.origin = "opds";
  p.title = w.title;
  p.payload = payload_of(w);
  return p;
}

bool repeats(const told_place& known, const app_word& w) {
  return known.by_app && known.at == w.modified && known.device_id == w.device_id &&
         std::abs(known.fraction - w.progression) < same_number;
}

}  // namespace

std::optional<told_place> place_in_book(db::tx& tx, const uuid& user, const uuid& book) {
  db::rows rows = tx.run(sql_place, user, book);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  return told_place{.document = r.text(0),
                    .fraction = r.real(1),
                    .at = r.at(2),
                    .device = r.text(3),
                    .device_id = r.maybe_text(4),
                    .by_app = r.flag(5),
                    .received = r.text(6),
                    .href = r.text(7),
                    .in_document = r.real(8),
                    .before = r.text(9),
                    .after = r.text(10)};
}

heard_app hear_app(db::tx& tx, const app_word& w, const put_policy& policy) {
  heard_app out{.how = app_end::older, .document = app_document(w.book)};
  tx.run(sql_document, w.user, out.document, w.book, w.file, w.title);
  std::optional<told_place> known = place_in_book(tx, w.user, w.book);
  bool newer = tx.run(sql_put, w.user, out.document, w.book, w.modified, w.device_id, w.device_name, w.progression, w.received)
                   .affected() > 0;
  if (newer) {
    put_positions(tx, {push_of(w)}, policy);
    tx.run(sql_stored, w.user, out.document);
    out.how = known ? app_end::stored : app_end::first;
  } else if (known && repeats(*known, w)) {
    out.how = app_end::repeated;
  } else {
    tx.run(sql_refused, w.user, out.document, uuid::make(), w.device_name, w.device_id, apps_key, w.progress, w.progression,
           unix_seconds(now()), now());
  }
  return out;
}

std::optional<publication::locator::readium_locator> app_locator_from(const std::string& payload) {
  result<json::object> in = json::read_object(payload);
  publication::locator::readium_locator out;
  bool good = in && in->take("href", out.href) && in->take("before", out.before) && in->take("highlight", out.highlight) &&
              in->take("after", out.after);
  if (!good) return std::nullopt;
  if (double progression = 0; in->take("progression", progression)) out.progression = progression;
  return out;
}

}  // namespace carrel::library
