#include "library/kobo_events.hpp"

#include "library/storable.hpp"

namespace carrel::library {
namespace {

constexpr int kept = 200;

constexpr db::statement sql_note{"library.kobo_note_event", R"sql(
  insert into kobo_events (kobo_id, at, what, detail, entitlement)
  select $1::uuid, $2::timestamptz, $3::text, $4::text, $5::uuid
   where not exists (select from kobo_events e where e.kobo_id = $1 and e.what = $3 and e.detail = $4
                        and e.entitlement is not distinct from $5 and e.at > $2::timestamptz - interval '1 hour'))sql"};  // no
                                                                                                                          // floods
constexpr db::statement sql_forget{"library.kobo_forget_events", R"sql(
  delete from kobo_events where kobo_id = $1
     and id <= (select id from kobo_events where kobo_id = $1 order by id desc offset $2 limit 1))sql"};
constexpr db::statement sql_recent{"library.kobo_events", R"sql(
  select at, what, detail, entitlement from kobo_events where kobo_id = $1 order by id desc limit $2)sql"};

constexpr db::statement sql_since{"library.kobo_events_since", R"sql(
  select count(*) from kobo_events where kobo_id = $1 and what = $2 and at >= $3)sql"};

}  // namespace

std::int64_t events_since(db::tx& tx, const uuid& row, std::string_view what, instant since) {
  return tx.run(sql_since, row, what, since)[0].integer(0);
}

void note_event(db::tx& tx, const uuid& row, std::string_view what, std::string_view detail,
                const std::optional<uuid>& entitlement) {
  tx.run(sql_note, row, now(), what, library::storable_note(detail, 300), entitlement);
  tx.run(sql_forget, row, kept);
}

std::vector<device_event> recent_events(db::tx& tx, const uuid& row, int most) {
  std::vector<device_event> out;
  for (const db::row& r : tx.run(sql_recent, row, most))
    out.push_back({.at = r.at(0), .what = r.text(1), .detail = r.text(2), .entitlement = r.maybe_id(3)});
  return out;
}

}  // namespace carrel::library
