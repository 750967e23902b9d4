#include "kobo/quiet.hpp"

namespace carrel::kobo {
namespace {

// What run_sync finds for a finished position after which nothing has changed, and only then: no doubts since, nothing asked by
// its owner, nothing that the beginning of a sync would have to look at.
constexpr db::statement sql_quiet{"kobo.quiet_sync", R"sql(
  select 0, o.device_id, o.user_id, o.device_name, o.kind, o.user_name, o.user_key, o.role, o.disabled, o.scopes,
         k.id, k.changes, k.answered_at,
         k.answered = $4 and k.answered_count = 0 and k.promised = '' and k.stands_on = s.id
           and least(k.answered_at, k.last_sync_at, k.last_seen_at) > $2::timestamptz - interval '1 minute'
    from (select * from device_of_secret($1, 'kobo', $2) offset 0) o
   cross join catalog_revision r
    join kobo_devices k on k.device_id = o.device_id and k.device_hash = $3
    join kobo_sessions s on s.kobo_id = k.id and s.id = $5 and s.epoch = k.epoch and s.acked_at is not null
   where o.revoked_at is null and not coalesce(o.passthrough, $9) and k.epoch = $6
     and s.quiet_catalog = r.revision and s.quiet_audience = o.audience and s.quiet_state = o.state
     and s.quiet_changes = k.changes + coalesce((select states from kobo_readers where user_id = o.user_id), 0)
                           + (select number from kobo_news)
     and not k.asked and k.reset_asked_at is null and k.failures = 0 and k.answered <> $4 || '+'
     and k.looked_after_at > $2::timestamptz - interval '6 hours'
     and k.model = coalesce(nullif($7, ''), k.model) and k.firmware = coalesce(nullif($8, ''), k.firmware)
     and not exists (select from kobo_sessions n where n.kobo_id = k.id and n.id > s.id and n.acked_at is not null))sql"};

// As run_sync notes its answer. Of a device that asks again and again once a minute is enough, as with all that is seen.
constexpr db::statement sql_note{"kobo.note_quiet_sync", R"sql(
  update kobo_devices k
     set answered = $2, answered_count = 0, answered_at = $3, promised = '', stands_on = $4, last_sync_at = $3, last_seen_at = $3,
         chained = case when r.goes_on then k.chained else 0 end, syncs = k.syncs + case when r.goes_on then 0 else 1 end
    from kobo_devices o
   cross join lateral (select o.answered_at > $3::timestamptz - interval '10 minutes'
                              and (o.answered in ($2, $2 || '+') or o.promised = $2) as goes_on) r
   cross join (select set_config('synchronous_commit', 'off', true)) as at_leisure
   where o.id = $1 and k.id = o.id and k.changes = $5 and k.answered_at is not distinct from $6
  returning k.id)sql"};

}  // namespace

std::optional<library::secret_owner> quiet_sync(db::tx& tx, const quiet_question& in, const std::string& key) {
  std::string position = std::to_string(in.at.session) + ".";
  db::rows found = tx.run(sql_quiet, db::bytes{in.secret}, now(), db::bytes{in.reader.device_hash}, position, in.at.session,
                          in.at.epoch, in.reader.model, in.reader.firmware, in.passthrough);
  if (found.empty() || !read_token(in.token, found[0].id(10), key)) return std::nullopt;
  const db::row& r = found[0];
  library::secret_owner who = library::owner_in(r);
  if (!who.may_use("kobo")) return std::nullopt;
  bool noted = r.flag(13);
  if (!noted && tx.run(sql_note, r.id(10), position, now(), in.at.session, r.integer(11), r.maybe_at(12)).empty())
    return std::nullopt;  // another request of the same device was quicker
  return who;
}

}  // namespace carrel::kobo
