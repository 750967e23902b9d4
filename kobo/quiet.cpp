// The sync of a device that has all that there is: most syncs are that.
#include "kobo/sync.hpp"
#include "kobo/sync_token.hpp"

namespace carrel::kobo {
namespace {

// Does what run_sync does for a finished position after which nothing has changed, and only then: no doubts since, nothing asked
// by its owner, nothing that the beginning of a sync would have to look at.
constexpr db::statement sql_quiet{"kobo.quiet_sync", R"sql(
  update kobo_devices k
     set answered = $3, answered_count = 0, answered_at = $4, promised = '', stands_on = s.id, last_sync_at = $4, last_seen_at = $4,
         chained = case when r.goes_on then k.chained else 0 end, syncs = k.syncs + case when r.goes_on then 0 else 1 end
    from kobo_devices o
    join devices d on d.id = o.device_id
    join kobo_sessions s on s.kobo_id = o.id and s.id = $5 and s.epoch = o.epoch and s.acked_at is not null
   cross join lateral (select o.answered_at > $4::timestamptz - interval '10 minutes'
                              and (o.answered in ($3, $3 || '+') or o.promised = $3) as goes_on) r
   cross join (select set_config('synchronous_commit', 'off', true)) as at_leisure
   where o.device_id = $1 and o.device_hash = $2 and k.id = o.id and k.changes = o.changes and k.epoch = $6
     and s.quiet_catalog = $7 and s.quiet_audience = $8 and s.quiet_state = $9
     and s.quiet_changes = o.changes + coalesce((select states from kobo_readers where user_id = d.user_id), 0)
     and not k.asked and k.reset_asked_at is null and k.failures = 0 and k.answered <> $3 || '+'
     and k.looked_after_at > $4::timestamptz - interval '6 hours'
     and k.model = coalesce(nullif($10, ''), k.model) and k.firmware = coalesce(nullif($11, ''), k.firmware)
     and not exists (select from kobo_sessions n where n.kobo_id = o.id and n.id > s.id and n.acked_at is not null)
  returning k.id)sql"};

}  // namespace

bool may_be_quiet(const sync_request& in) {
  std::optional<sync_token> at = claimed_token(in.token);
  return at && at->done;
}

std::optional<sync_answer> quiet_sync(db::tx& tx, const sync_request& in, const std::string& key) {
  std::optional<sync_token> at = claimed_token(in.token);
  if (!at || !at->done) return std::nullopt;
  std::string position = std::to_string(at->session) + ".";
  db::rows found = tx.run(sql_quiet, in.device, db::bytes{in.reader.device_hash}, position, now(), at->session, at->epoch,
                          in.gate.catalog.number, in.gate.audience, in.gate.state, in.reader.model, in.reader.firmware);
  if (found.empty() || !read_token(in.token, found[0].id(0), key)) return std::nullopt;
  return sync_answer{.body = "[]", .token = in.token, .more = false};
}

}  // namespace carrel::kobo
