#include "library/position.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "library/position_judge.hpp"

namespace carrel::library {
namespace {

using key = std::pair<uuid, std::string>;  // user, document; its order is the order in which rows are locked

// The first statement of every change of a position: from here to the commit nobody else judges or changes this document.
constexpr db::statement sql_documents{"library.push_documents", R"sql(
  insert into documents as d (user_id, document, file_name, title, authors, first_seen_at, last_seen_at)
  select i.user_id, i.document, i.file_name, i.title, i.authors, $6, $6
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) as i(user_id, document, file_name, title, authors)
      on conflict (user_id, document)
      do update set
         file_name = case when excluded.file_name = '' then d.file_name else excluded.file_name end,
         title = case when excluded.title = '' then d.title else excluded.title end,
         authors = case when excluded.authors = '' then d.authors else excluded.authors end,
         looked_up_at = case when excluded.file_name in ('', d.file_name) then d.looked_up_at end,
         last_seen_at = excluded.last_seen_at
  returning user_id, document, link = 'none' and looked_up_at is null, book_id is not null)sql"};

constexpr db::statement sql_known{"library.push_known", R"sql(
  select u.position_policy, u.hold_stale,
         p.progress, p.device, p.device_id, p.device_key, p.percentage, p.timestamp, p.revision, p.history_id,
         d.progress, d.device, d.device_id, d.percentage, d.seen_revision, d.held, d.counts, d.history_id
    from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as i(user_id, document, device_key, n)
    left join users u on u.id = i.user_id
    left join reading_progress p on p.user_id = i.user_id and p.document = i.document
    left join device_progress d on d.user_id = i.user_id and d.document = i.document and d.device_key = i.device_key
   order by i.n)sql"};

constexpr db::statement sql_devices{"library.push_devices", R"sql(
  select d.user_id, d.document, d.device_key, d.progress, d.device, d.device_id, d.percentage, d.seen_revision, d.held, d.counts,
         d.history_id
    from unnest($1::uuid[], $2::text[]) as i(user_id, document)
    join device_progress d on d.user_id = i.user_id and d.document = i.document
   where d.counts and d.progress is not null)sql"};

constexpr db::statement sql_evidence{"library.push_evidence", R"sql(
  select i.n - 1, sent.at_revision, c.put_at, c.get_at
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) with ordinality as i(user_id, document, device_key, progress, n)
   cross join lateral (
         select min(h.revision) as at_revision from reading_progress_history h
          where h.user_id = i.user_id and h.document = i.document and h.device_key = i.device_key and h.progress = i.progress) sent
    left join device_contacts c on c.user_id = i.user_id and c.device_key = i.device_key)sql"};

constexpr db::statement sql_current{"library.push_current", R"sql(
  insert into reading_progress as p (id, user_id, document, device, device_id, device_key, credential_id, progress, percentage,
                                     timestamp, origin, revision, history_id, raw_payload, updated_at)
  select i.id, i.user_id, i.document, i.device, i.device_id, i.device_key, i.credential_id, i.progress, i.percentage, i.timestamp,
         i.origin, i.revision, i.history_id, i.payload, $15
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[],
                $9::double precision[], $10::bigint[], $11::text[], $12::bigint[], $13::uuid[], $14::jsonb[])
         as i(id, user_id, document, device, device_id, device_key, credential_id, progress, percentage, timestamp, origin,
              revision, history_id, payload)
      on conflict (user_id, document)
      do update set
         device = excluded.device, device_id = excluded.device_id, device_key = excluded.device_key,
         credential_id = excluded.credential_id, progress = excluded.progress, percentage = excluded.percentage,
         timestamp = greatest(p.timestamp, excluded.timestamp), origin = excluded.origin, revision = excluded.revision,
         history_id = excluded.history_id, raw_payload = excluded.raw_payload, updated_at = excluded.updated_at)sql"};

constexpr db::statement sql_device_rows{"library.push_device_rows", R"sql(
  insert into device_progress as d (user_id, document, device_key, device, device_id, progress, percentage, timestamp, put_at,
                                    seen_revision, held, counts, history_id)
  select i.user_id, i.document, i.device_key, i.device, i.device_id, i.progress, i.percentage, i.timestamp, i.put_at,
         i.seen_revision, i.held, i.counts, i.history_id
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::double precision[], $8::bigint[],
                $9::timestamptz[], $10::bigint[], $11::boolean[], $12::boolean[], $13::uuid[])
         as i(user_id, document, device_key, device, device_id, progress, percentage, timestamp, put_at, seen_revision, held,
              counts, history_id)
      on conflict (user_id, document, device_key)
      do update set
         device = excluded.device, device_id = excluded.device_id, progress = excluded.progress,
         percentage = excluded.percentage, timestamp = greatest(d.timestamp, excluded.timestamp),
         put_at = coalesce(excluded.put_at, d.put_at), seen_revision = greatest(d.seen_revision, excluded.seen_revision),
         held = excluded.held, counts = excluded.counts, history_id = excluded.history_id)sql"};

constexpr db::statement sql_contacts{"library.push_contacts", R"sql(
  insert into device_contacts as c (user_id, device_key, put_at)
  select i.user_id, i.device_key, $3 from unnest($1::uuid[], $2::text[]) as i(user_id, device_key)
      on conflict (user_id, device_key) do update set put_at = greatest(c.put_at, excluded.put_at))sql"};

constexpr db::statement sql_history{"library.push_history", R"sql(
  insert into reading_progress_history (id, user_id, document, device, device_id, device_key, progress, percentage, timestamp,
                                        origin, accepted, reason, revision, created_at)
  select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::double precision[],
                       $9::bigint[], $10::text[], $11::boolean[], $12::text[], $13::bigint[], $14::timestamptz[]))sql"};

// In the order of ids: two batches that touch several accounts must not wait for each other.
constexpr db::statement sql_bump_states{"library.push_bump_states", R"sql(
  update users u set state = u.state + 1
    from (select id from users where id = any($1::uuid[]) order by id for no key update) locked
   where u.id = locked.id)sql"};

struct batch_document {
  document_state state;
  std::string policy;
  bool hold_stale = false, fresh = false, linked = false;
  std::string file_name, title, authors;
  std::map<std::pair<std::string, std::string>, std::int64_t> sent;  // device, progress -> lowest revision, evidence for E2
  const position* author = nullptr;                                  // of the current row, when it came with this batch
};

struct history_row {
  uuid id;
  const position* pushed = nullptr;
  verdict judged;
  std::int64_t revision = 0;
  instant at{};
};

place place_of(const position& p) {
  return {.progress = p.progress,
          .device = p.device,
          .device_id = p.device_id,
          .device_key = p.device_key,
          .percentage = p.percentage};
}

// A batch of pushes from the first lock to the last row.
class batch {
 public:
  batch(db::tx& t, const std::vector<position>& pushes, const put_policy& defaults)
      : tx_(t), pushes_(pushes), defaults_(defaults) {}

  std::vector<stored_position> run() {
    lock_documents();
    load_known();
    load_devices();
    load_evidence();
    std::vector<stored_position> out;
    for (const position& p : pushes_) out.push_back(judge(p));
    store_current();
    store_devices();
    store_contacts();
    store_history();
    bump_states();
    return out;
  }

 private:
  batch_document& of(const position& p) { return documents_.at({p.user, p.document}); }

  bool judged_for_staleness(const position& p, const batch_document& d) const {
    return p.credential && p.origin == "device" && d.hold_stale && d.policy != "furthest";
  }

  void lock_documents() {
    for (const position& p : pushes_) {
      batch_document& d = documents_[{p.user, p.document}];
      if (!p.file_name.empty()) d.file_name = p.file_name;
      if (!p.title.empty()) d.title = p.title;
      if (!p.authors.empty()) d.authors = p.authors;
    }
    std::vector<uuid> users;
    std::vector<std::string> documents, names, titles, authors;
    for (const auto& [k, d] : documents_) {
      users.push_back(k.first);
      documents.push_back(k.second);
      names.push_back(d.file_name);
      titles.push_back(d.title);
      authors.push_back(d.authors);
    }
    for (const db::row& r : tx_.run(sql_documents, users, documents, names, titles, authors, now_)) {
      batch_document& d = documents_.at({r.id(0), r.text(1)});
      d.fresh = r.flag(2);
      d.linked = r.flag(3);
    }
  }

  void load_known() {
    std::vector<uuid> users;
    std::vector<std::string> documents, keys;
    for (const position& p : pushes_) {
      users.push_back(p.user);
      documents.push_back(p.document);
      keys.push_back(p.device_key);
    }
    db::rows rows = tx_.run(sql_known, users, documents, keys);
    for (std::size_t i = 0; i < pushes_.size(); ++i) {
      const db::row& r = rows[i];
      batch_document& d = of(pushes_[i]);
      d.policy = r.maybe_text(0).value_or(defaults_.policy);
      d.hold_stale = r.is_null(1) ? defaults_.hold_stale : r.flag(1);
      if (!r.is_null(2)) {
        place at{.progress = r.text(2),
                 .device = r.text(3),
                 .device_id = r.maybe_text(4),
                 .device_key = r.text(5),
                 .percentage = r.real(6)};
        d.state.current =
            current_place{.at = std::move(at), .timestamp = r.integer(7), .revision = r.integer(8), .history = r.maybe_id(9)};
      }
      device_place& mine = d.state.devices[pushes_[i].device_key];
      if (r.is_null(14)) continue;
      mine.seen = r.integer(14);
      mine.held = r.flag(15);
      mine.counts = r.flag(16);
      mine.history = r.maybe_id(17);
      if (r.is_null(10)) continue;
      mine.last = place{.progress = r.text(10),
                        .device = r.text(11),
                        .device_id = r.maybe_text(12),
                        .device_key = pushes_[i].device_key,
                        .percentage = r.real(13)};
    }
  }

  void load_devices() {
    std::vector<uuid> users;
    std::vector<std::string> documents;
    for (const auto& [k, d] : documents_) {
      if (d.policy != "furthest") continue;
      users.push_back(k.first);
      documents.push_back(k.second);
    }
    if (users.empty()) return;
    for (const db::row& r : tx_.run(sql_devices, users, documents)) {
      device_place& one = documents_.at({r.id(0), r.text(1)}).state.devices[r.text(2)];
      one.last = place{.progress = r.text(3),
                       .device = r.text(4),
                       .device_id = r.maybe_text(5),
                       .device_key = r.text(2),
                       .percentage = r.real(6)};
      one.seen = r.integer(7);
      one.held = r.flag(8);
      one.counts = r.flag(9);
      one.history = r.maybe_id(10);
    }
  }

  // Only for pushes that might be held: lower than the current place, or than another push of this batch for the document.
  void load_evidence() {
    std::map<key, double> highest;
    for (const position& p : pushes_) {
      double& top = highest.try_emplace({p.user, p.document}, p.percentage).first->second;
      const std::optional<current_place>& current = of(p).state.current;
      top = std::max({top, p.percentage, current ? current->at.percentage : p.percentage});
    }
    std::vector<const position*> asked;
    std::vector<uuid> users;
    std::vector<std::string> documents, keys, progress;
    for (const position& p : pushes_) {
      if (!judged_for_staleness(p, of(p)) || !is_behind(p.percentage, highest.at({p.user, p.document}))) continue;
      asked.push_back(&p);
      users.push_back(p.user);
      documents.push_back(p.document);
      keys.push_back(p.device_key);
      progress.push_back(p.progress);
    }
    if (asked.empty()) return;
    for (const db::row& r : tx_.run(sql_evidence, users, documents, keys, progress)) {
      const position& p = *asked[static_cast<std::size_t>(r.integer(0))];
      if (std::optional<std::int64_t> at = r.maybe_integer(1)) of(p).sent[{p.device_key, p.progress}] = *at;
      evidence& contact = contacts_[{p.user, p.device_key}];
      contact.last_put = r.maybe_at(2);
      contact.last_get = r.maybe_at(3);
    }
  }

  stored_position judge(const position& p) {
    batch_document& d = of(p);
    evidence e = contacts_[{p.user, p.device_key}];
    auto sent = d.sent.find({p.device_key, p.progress});
    if (sent != d.sent.end()) e.sent_at = sent->second;

    push pushed{
        .at = place_of(p), .timestamp = p.timestamp, .furthest = d.policy == "furthest", .hold = judged_for_staleness(p, d)};
    uuid id = uuid::make();
    verdict v = d.state.apply(pushed, e, id, now_);
    contacts_[{p.user, p.device_key}] = {
        .sent_at = std::nullopt, .last_put = now_, .last_get = std::nullopt};  // what was fetched was before
    if (v.current) d.author = &p;
    if (v.remember) {
      std::int64_t revision = d.state.current->revision;
      d.sent.try_emplace({p.device_key, p.progress}, revision);
      // A microsecond apart, so that they stay in order.
      instant at = now_ + std::chrono::microseconds(static_cast<std::int64_t>(history_.size()));
      history_.push_back({.id = id, .pushed = &p, .judged = v, .revision = revision, .at = at});
    }
    stored_position out{.timestamp = v.timestamp, .accepted = v.accepted, .reason = v.reason};
    out.fresh_document = std::exchange(d.fresh, false);
    return out;
  }

  void store_current() {
    std::vector<uuid> ids, users;
    std::vector<std::optional<uuid>> credentials, histories;
    std::vector<std::string> documents, devices, keys, progress, origins;
    std::vector<std::optional<std::string>> device_ids, payloads;
    std::vector<double> percentages;
    std::vector<std::int64_t> timestamps, revisions;
    for (const auto& [k, d] : documents_) {
      if (!d.state.changed) continue;
      const current_place& c = *d.state.current;
      const position* author = d.author && place_of(*d.author) == c.at ? d.author : nullptr;
      bool has_payload = author && !author->payload.empty();
      ids.push_back(uuid::make());
      users.push_back(k.first);
      documents.push_back(k.second);
      devices.push_back(c.at.device);
      device_ids.push_back(c.at.device_id);
      keys.push_back(c.at.device_key);
      credentials.push_back(author ? author->credential : std::nullopt);
      progress.push_back(c.at.progress);
      percentages.push_back(c.at.percentage);
      timestamps.push_back(c.timestamp);
      origins.push_back(author ? author->origin : "device");
      revisions.push_back(c.revision);
      histories.push_back(c.history);
      payloads.push_back(has_payload ? std::optional(author->payload) : std::nullopt);
    }
    if (ids.empty()) return;
    tx_.run(sql_current, ids, users, documents, devices, device_ids, keys, credentials, progress, percentages, timestamps,
            origins, revisions, histories, payloads, now_);
  }

  void store_devices() {
    std::vector<uuid> users;
    std::vector<std::optional<uuid>> histories;
    std::vector<std::string> documents, keys, devices;
    std::vector<std::optional<std::string>> device_ids, progress;
    std::vector<std::optional<double>> percentages;
    std::vector<std::optional<std::int64_t>> timestamps;
    std::vector<std::int64_t> seen;
    std::vector<std::optional<instant>> put_at;
    std::vector<bool> held, counts;
    for (const auto& [k, d] : documents_) {
      for (const auto& [device_key, one] : d.state.devices) {
        if (!one.touched || !one.last) continue;
        users.push_back(k.first);
        documents.push_back(k.second);
        keys.push_back(device_key);
        devices.push_back(one.last->device);
        device_ids.push_back(one.last->device_id);
        progress.emplace_back(one.last->progress);
        percentages.emplace_back(one.last->percentage);
        timestamps.push_back(one.pushed ? std::optional(d.state.current->timestamp) : std::nullopt);
        put_at.push_back(one.pushed ? std::optional(now_) : std::nullopt);
        seen.push_back(one.seen);
        held.push_back(one.held);
        counts.push_back(one.counts);
        histories.push_back(one.history);
      }
    }
    tx_.run(sql_device_rows, users, documents, keys, devices, device_ids, progress, percentages, timestamps, put_at, seen, held,
            counts, histories);
  }

  void store_contacts() {
    std::set<std::pair<uuid, std::string>> pushed;
    for (const position& p : pushes_) {
      if (p.credential) pushed.emplace(p.user, p.device_key);
    }
    if (pushed.empty()) return;
    std::vector<uuid> users;
    std::vector<std::string> keys;
    for (const auto& [user, device_key] : pushed) {
      users.push_back(user);
      keys.push_back(device_key);
    }
    tx_.run(sql_contacts, users, keys, now_);
  }

  void store_history() {
    std::vector<uuid> ids, users;
    std::vector<std::string> documents, devices, keys, progress, origins, reasons;
    std::vector<std::optional<std::string>> device_ids;
    std::vector<double> percentages;
    std::vector<std::int64_t> timestamps, revisions;
    std::vector<bool> accepted;
    std::vector<instant> created;
    for (const history_row& h : history_) {
      const position& p = *h.pushed;
      ids.push_back(h.id);
      users.push_back(p.user);
      documents.push_back(p.document);
      devices.push_back(p.device);
      device_ids.push_back(p.device_id);
      keys.push_back(p.device_key);
      progress.push_back(p.progress);
      percentages.push_back(p.percentage);
      timestamps.push_back(h.judged.timestamp);
      origins.push_back(p.origin);
      accepted.push_back(h.judged.accepted);
      reasons.push_back(h.judged.reason);
      revisions.push_back(h.revision);
      created.push_back(h.at);
    }
    if (ids.empty()) return;
    tx_.run(sql_history, ids, users, documents, devices, device_ids, keys, progress, percentages, timestamps, origins, accepted,
            reasons, revisions, created);
  }

  // Feeds and pages show positions of books only.
  void bump_states() {
    std::vector<uuid> users;
    for (const auto& [k, d] : documents_) {
      if (d.linked && d.state.moved && (users.empty() || users.back() != k.first)) users.push_back(k.first);
    }
    if (!users.empty()) tx_.run(sql_bump_states, users);
  }

  db::tx& tx_;
  const std::vector<position>& pushes_;
  const put_policy& defaults_;
  const instant now_ = now();
  std::map<key, batch_document> documents_;
  std::map<std::pair<uuid, std::string>, evidence> contacts_;  // user and device: last push and fetch, for E3
  std::vector<history_row> history_;
};

}  // namespace

std::vector<stored_position> put_positions(db::tx& tx, const std::vector<position>& pushes, const put_policy& defaults) {
  if (pushes.empty()) return {};
  batch all(tx, pushes, defaults);
  return all.run();
}

}  // namespace carrel::library
