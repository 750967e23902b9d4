#include "library/position_rows.hpp"

namespace carrel::library {
namespace {

// One statement, because a push of a lone reader costs as much in round trips as in work. `contacts` waits for `devices`, so
// that rows are locked in the order of a fetch (position_fetch.cpp).
constexpr db::statement sql_store{"library.push_store", R"sql(
  with current as (
    insert into reading_progress as p (id, user_id, document, device, device_id, device_key, credential_id, progress, percentage,
                                       timestamp, origin, revision, history_id, raw_payload, updated_at)
    select i.id, i.user_id, i.document, i.device, i.device_id, i.device_key, i.credential_id, i.progress, i.percentage,
           i.timestamp, i.origin, i.revision, i.history_id, i.payload, $1
      from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::double precision[],
                  $9::uuid[], $10::uuid[], $11::bigint[], $12::text[], $13::bigint[], $14::uuid[], $15::jsonb[])
           as i(user_id, document, device, device_id, device_key, progress, percentage, id, credential_id, timestamp, origin,
                revision, history_id, payload)
        on conflict (user_id, document)
        do update set
           device = excluded.device, device_id = excluded.device_id, device_key = excluded.device_key,
           credential_id = excluded.credential_id, progress = excluded.progress, percentage = excluded.percentage,
           timestamp = greatest(p.timestamp, excluded.timestamp), origin = excluded.origin, revision = excluded.revision,
           history_id = excluded.history_id, raw_payload = excluded.raw_payload, updated_at = excluded.updated_at),
  devices as (
    insert into device_progress as d (user_id, document, device_key, device, device_id, progress, percentage, timestamp, put_at,
                                      seen_revision, held, counts, history_id)
    select i.user_id, i.document, i.device_key, i.device, i.device_id, i.progress, i.percentage, i.timestamp, i.put_at,
           i.seen_revision, i.held, i.counts, i.history_id
      from unnest($16::uuid[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::double precision[],
                  $23::bigint[], $24::timestamptz[], $25::bigint[], $26::boolean[], $27::boolean[], $28::uuid[])
           as i(user_id, document, device, device_id, device_key, progress, percentage, timestamp, put_at, seen_revision, held,
                counts, history_id)
        on conflict (user_id, document, device_key)
        do update set
           device = excluded.device, device_id = excluded.device_id, progress = excluded.progress,
           percentage = excluded.percentage, timestamp = greatest(d.timestamp, excluded.timestamp),
           put_at = coalesce(excluded.put_at, d.put_at), seen_revision = greatest(d.seen_revision, excluded.seen_revision),
           held = excluded.held, counts = excluded.counts, history_id = excluded.history_id
    returning 1),
  contacts as (
    insert into device_contacts as c (user_id, device_key, put_at)
    select i.user_id, i.device_key, $1
      from unnest($29::uuid[], $30::text[]) as i(user_id, device_key)
     where (select count(*) from devices) >= 0
        on conflict (user_id, device_key) do update set put_at = greatest(c.put_at, excluded.put_at))
  insert into reading_progress_history (user_id, document, device, device_id, device_key, progress, percentage, id, timestamp,
                                        origin, accepted, reason, revision, created_at, settled_at)
  select * from unnest($31::uuid[], $32::text[], $33::text[], $34::text[], $35::text[], $36::text[], $37::double precision[],
                       $38::uuid[], $39::bigint[], $40::text[], $41::boolean[], $42::text[], $43::bigint[], $44::timestamptz[],
                       $45::timestamptz[]))sql"};

}  // namespace

place place_of(const position& p) {
  return {.progress = p.progress,
          .device = p.device,
          .device_id = p.device_id,
          .device_key = p.device_key,
          .percentage = p.percentage};
}

void position_rows::place_columns::add(const uuid& user, const std::string& document, const place& at) {
  users.push_back(user);
  documents.push_back(document);
  devices.push_back(at.device);
  device_ids.push_back(at.device_id);
  keys.push_back(at.device_key);
  progress.push_back(at.progress);
  percentages.push_back(at.percentage);
}

void position_rows::add_current(const document_key& k, const current_place& c, const position* author) {
  bool has_payload = author && !author->payload.empty();
  current_.add(k.first, k.second, c.at);
  current_ids_.push_back(uuid::make());
  current_credentials_.push_back(author ? author->credential : std::nullopt);
  current_timestamps_.push_back(c.timestamp);
  current_origins_.push_back(author ? author->origin : "device");
  current_revisions_.push_back(c.revision);
  current_histories_.push_back(c.history);
  current_payloads_.push_back(has_payload ? std::optional(author->payload) : std::nullopt);
}

void position_rows::add_device(const document_key& k, const std::string& device_key, const device_place& d,
                               std::int64_t timestamp) {
  place at = *d.last;
  at.device_key = device_key;
  device_.add(k.first, k.second, at);
  device_timestamps_.push_back(d.pushed ? std::optional(timestamp) : std::nullopt);
  device_put_at_.push_back(d.pushed ? std::optional(now_) : std::nullopt);
  device_seen_.push_back(d.seen);
  device_held_.push_back(d.held);
  device_counts_.push_back(d.counts);
  device_histories_.push_back(d.history);
}

void position_rows::add_contact(const uuid& user, const std::string& device_key) {
  contact_users_.push_back(user);
  contact_keys_.push_back(device_key);
}

void position_rows::add_history(const pushed_row& h) {
  history_.add(h.pushed->user, h.pushed->document, place_of(*h.pushed));
  history_ids_.push_back(h.id);
  history_timestamps_.push_back(h.judged.timestamp);
  history_origins_.push_back(h.pushed->origin);
  history_accepted_.push_back(h.judged.accepted);
  history_reasons_.push_back(h.judged.reason);
  history_revisions_.push_back(h.revision);
  history_created_.push_back(h.at);
  history_settled_.push_back(h.settled);
}

void position_rows::store(db::tx& tx) const {
  const place_columns &c = current_, &d = device_, &h = history_;
  tx.run(sql_store, now_,                                                                                       //
         c.users, c.documents, c.devices, c.device_ids, c.keys, c.progress, c.percentages, current_ids_,        //
         current_credentials_, current_timestamps_, current_origins_, current_revisions_, current_histories_,   //
         current_payloads_,                                                                                     //
         d.users, d.documents, d.devices, d.device_ids, d.keys, d.progress, d.percentages, device_timestamps_,  //
         device_put_at_, device_seen_, device_held_, device_counts_, device_histories_,                         //
         contact_users_, contact_keys_,                                                                         //
         h.users, h.documents, h.devices, h.device_ids, h.keys, h.progress, h.percentages, history_ids_,        //
         history_timestamps_, history_origins_, history_accepted_, history_reasons_, history_revisions_, history_created_,
         history_settled_);
}

}  // namespace carrel::library
