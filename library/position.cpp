#include "library/position.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "library/position_judge.hpp"
#include "library/position_rows.hpp"

namespace carrel::library {
namespace {

// The first statement of every change of a position: from here to the commit nobody else judges or changes these documents.
// Batches that meet lock in one order, so nothing is locked while a document is still missing: sql_documents then does both.
// Here and below `offset 0` keeps it to one look into an index for each row, also for a plan made when the tables were empty.
constexpr db::statement sql_lock{"library.push_lock", R"sql(
  with i as materialized (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
               as i(user_id, document, file_name, title, authors, n)),
  all_there as materialized (
    select count(*) = cardinality($1) as yes
      from i
     cross join lateral (select from documents k where k.user_id = i.user_id and k.document = i.document offset 0) d)
  select i.n - 1, d.fresh, d.linked,
         d.last_seen_at > $6::timestamptz - interval '1 minute'
           and i.file_name in ('', d.file_name) and i.title in ('', d.title) and i.authors in ('', d.authors)
    from i
   cross join lateral (
         select k.link = 'none' and k.looked_up_at is null as fresh, k.book_id is not null as linked,
                k.last_seen_at, k.file_name, k.title, k.authors
           from documents k
          where k.user_id = i.user_id and k.document = i.document and (select yes from all_there)
         offset 0
            for no key update) d)sql"};

// Documents of which one is new, or whose row says something else by now.
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
    left join lateral (select * from users a where a.id = i.user_id offset 0) u on true
    left join lateral (
         select * from reading_progress a where a.user_id = i.user_id and a.document = i.document offset 0) p on true
    left join lateral (
         select * from device_progress a
          where a.user_id = i.user_id and a.document = i.document and a.device_key = i.device_key offset 0) d on true
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

// A device whose later push is accepted has answered for itself what was held of it.
constexpr db::statement sql_answered{"library.push_answered", R"sql(
  update reading_progress_history h set settled_at = $4
    from unnest($1::uuid[], $2::text[], $3::text[]) as i(user_id, document, device_key)
   where h.user_id = i.user_id and h.document = i.document and h.device_key = i.device_key
     and not h.accepted and h.settled_at is null)sql"};

// In the order of ids: two batches that touch several accounts must not wait for each other.
constexpr db::statement sql_bump_states{"library.push_bump_states", R"sql(
  update users u set state = u.state + 1, state_at = clock_timestamp()
    from (select id from users where id = any($1::uuid[]) order by id for no key update) locked
   where u.id = locked.id)sql"};

constexpr double first_page = 0.005;  // kosync.md 11.7

struct batch_document {
  document_state state;
  std::string policy;
  bool hold_stale = false, fresh = false, linked = false;
  std::string file_name, title, authors;
  std::map<std::pair<std::string, std::string>, std::int64_t> sent;  // device, progress -> lowest revision, evidence for E2
  const position* author = nullptr;                                  // of the current row, when it came with this batch
  std::string last_device;                                           // that pushed in this batch
  bool several_devices = false;                                      // among them that of the current row
  double highest = 0;
  std::set<std::string> asked, answered;  // devices with held pushes, and those now settled
};

struct document_columns {
  std::vector<uuid> users;
  std::vector<std::string> documents, names, titles, authors;

  void add(const document_key& k, const batch_document& d) {
    users.push_back(k.first);
    documents.push_back(k.second);
    names.push_back(d.file_name);
    titles.push_back(d.title);
    authors.push_back(d.authors);
  }
};

// A batch of pushes from the first lock to the last row.
class batch {
 public:
  batch(db::tx& t, const std::vector<position>& pushes, const put_policy& defaults)
      : tx_(t), pushes_(pushes), defaults_(defaults) {}

  std::vector<stored_position> run() {
    lock_documents(now());
    now_ = now();  // with the locks held, so that history has the order in which pushes were judged
    load_known();
    load_devices();
    load_evidence();
    std::vector<stored_position> out;
    for (const position& p : pushes_) out.push_back(judge(p));
    store();
    store_answered();
    bump_states();
    return out;
  }

 private:
  batch_document& of(const position& p) { return documents_.at({p.user, p.document}); }

  bool judged_for_staleness(const position& p, const batch_document& d) const {
    return p.credential && p.origin == "device" && d.hold_stale && d.policy != "furthest";
  }

  void lock_documents(instant seen) {
    for (const position& p : pushes_) {
      batch_document& d = documents_[{p.user, p.document}];
      if (!p.file_name.empty()) d.file_name = p.file_name;
      if (!p.title.empty()) d.title = p.title;
      if (!p.authors.empty()) d.authors = p.authors;
    }
    document_columns all, rest;
    for (const auto& [k, d] : documents_) all.add(k, d);
    std::vector<bool> settled(documents_.size(), false);
    for (const db::row& r : tx_.run(sql_lock, all.users, all.documents, all.names, all.titles, all.authors, seen)) {
      auto n = static_cast<std::size_t>(r.integer(0));
      batch_document& d = documents_.at({all.users[n], all.documents[n]});
      d.fresh = r.flag(1);
      d.linked = r.flag(2);
      settled[n] = r.flag(3);
    }
    auto still = settled.begin();
    for (const auto& [k, d] : documents_) {
      if (!*still++) rest.add(k, d);
    }
    if (rest.users.empty()) return;
    for (const db::row& r : tx_.run(sql_documents, rest.users, rest.documents, rest.names, rest.titles, rest.authors, seen)) {
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
      if (mine.held) d.asked.insert(pushes_[i].device_key);
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

  // Only for pushes that might be held: lower than the place of another device, current or in this batch.
  void load_evidence() {
    for (const position& p : pushes_) {
      batch_document& d = of(p);
      const std::optional<current_place>& current = d.state.current;
      const std::string& other = current ? current->at.device_key : d.last_device;
      d.several_devices = d.several_devices || (!other.empty() && other != p.device_key);
      d.last_device = p.device_key;
      d.highest = std::max({d.highest, p.percentage, current ? current->at.percentage : p.percentage});
    }
    std::vector<const position*> asked;
    std::vector<uuid> users;
    std::vector<std::string> documents, keys, progress;
    for (const position& p : pushes_) {
      const batch_document& d = of(p);
      if (!d.several_devices || !judged_for_staleness(p, d) || !is_behind(p.percentage, d.highest)) continue;
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

    push pushed{.at = place_of(p),
                .timestamp = p.timestamp,
                .furthest = d.policy == "furthest",
                .hold = judged_for_staleness(p, d),
                .chosen = p.origin == "restore" || p.origin == "web"};
    uuid id = uuid::make();
    std::int64_t before = d.state.current ? d.state.current->revision : 0;
    verdict v = d.state.apply(pushed, e, id, now_);
    contacts_[{p.user, p.device_key}] = {
        .sent_at = std::nullopt, .last_put = now_, .last_get = std::nullopt};  // what was fetched was before
    if (v.current) d.author = &p;
    if (v.accepted) answer_held(p, d);
    if (v.remember) {
      std::int64_t revision = d.state.current->revision;
      d.sent.try_emplace({p.device_key, p.progress}, revision);
      // A microsecond apart, so that they stay in order.
      instant at = now_ + std::chrono::microseconds(static_cast<std::int64_t>(history_.size()));
      history_.push_back({.id = id, .pushed = &p, .judged = v, .revision = revision, .at = at});
      held_some_ = held_some_ || !v.accepted;
    }
    stored_position out{.timestamp = v.timestamp, .accepted = v.accepted, .reason = v.reason};
    out.moved = v.accepted && (d.state.current->revision != before || p.percentage <= first_page);
    out.fresh_document = std::exchange(d.fresh, false);
    return out;
  }

  void answer_held(const position& p, batch_document& d) {
    if (d.asked.contains(p.device_key)) d.answered.insert(p.device_key);
    if (!held_some_) return;
    for (pushed_row& h : history_) {
      bool same = h.pushed->user == p.user && h.pushed->document == p.document && h.pushed->device_key == p.device_key;
      if (same && !h.judged.accepted) h.settled = now_;
    }
  }

  void store_answered() {
    std::vector<uuid> users;
    std::vector<std::string> documents, keys;
    for (const auto& [k, d] : documents_) {
      for (const std::string& device_key : d.answered) {
        users.push_back(k.first);
        documents.push_back(k.second);
        keys.push_back(device_key);
      }
    }
    if (!users.empty()) tx_.run(sql_answered, users, documents, keys, now_);
  }

  void store() {
    position_rows rows(now_);
    for (const auto& [k, d] : documents_) {
      if (d.state.changed) {
        const current_place& c = *d.state.current;
        rows.add_current(k, c, d.author && place_of(*d.author) == c.at ? d.author : nullptr);
      }
      for (const auto& [device_key, one] : d.state.devices) {
        if (one.touched && one.last) rows.add_device(k, device_key, one, d.state.current->timestamp);
      }
    }
    std::set<std::pair<uuid, std::string>> contacts;
    for (const position& p : pushes_) {
      if (p.credential) contacts.emplace(p.user, p.device_key);
    }
    for (const auto& [user, device_key] : contacts) rows.add_contact(user, device_key);
    for (const pushed_row& h : history_) rows.add_history(h);
    rows.store(tx_);
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
  instant now_{};
  std::map<document_key, batch_document> documents_;
  std::map<std::pair<uuid, std::string>, evidence> contacts_;  // user and device: last push and fetch, for E3
  std::vector<pushed_row> history_;
  bool held_some_ = false;  // in history_
};

}  // namespace

std::vector<stored_position> put_positions(db::tx& tx, const std::vector<position>& pushes, const put_policy& defaults) {
  if (pushes.empty()) return {};
  batch all(tx, pushes, defaults);
  return all.run();
}

}  // namespace carrel::library
