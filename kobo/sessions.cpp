#include "kobo/sessions.hpp"

#include <algorithm>

#include "server/core/error.hpp"

namespace carrel::kobo {
namespace {

constexpr int rows_kept = 16;  // readers behind one token; who invents more of them loses the oldest
constexpr std::chrono::minutes between_contacts{1};

// Of several rows the one of this reader; a reader without a name takes the only one there is.
#define CARREL_ROW                                                                                                   \
  "select k.id, k.epoch, k.changes + coalesce((select r.states from kobo_readers r where r.user_id = d.user_id), 0)" \
  " + (select number from kobo_news), "                                                                              \
  "k.answered, k.answered_count, k.answered_at, k.chained, k.last_sync_at, k.stands_on,"                             \
  " d.settings::text, k.syncs, k.page_size, k.guarded_since, k.guard_lifted, k.promised, k.failures, k.asked,"       \
  " k.reset_asked_at is not null, k.reset_lifts, exists (select from kobo_tombstones t where t.kobo_id = k.id),"     \
  " k.last_seen_at, k.model, k.firmware, k.fetch_again, sees_all_books(d.user_id), k.failed_sync"                    \
  " from kobo_devices k join devices d on d.id = k.device_id where k.device_id = $1 "
#define CARREL_READER \
  "and (k.device_hash = $2 or ($2 = ''::bytea and (select count(*) from kobo_devices where device_id = $1) = 1))"
constexpr db::statement sql_row{"kobo.lock_row", CARREL_ROW CARREL_READER " for update of k"};
constexpr db::statement sql_find_row{"kobo.find_row", CARREL_ROW CARREL_READER};
constexpr db::statement sql_holder{"kobo.find_holder", CARREL_ROW
                                   " order by exists (select from kobo_ledger l where l.kobo_id = k.id and l.subject = 1 and "
                                   "l.id = $2) desc, k.last_seen_at desc"
                                   " limit 1 for update of k"};
#undef CARREL_READER
#undef CARREL_ROW
constexpr db::statement sql_add_row{"kobo.add_row", R"sql(
  insert into kobo_devices (id, device_id, device_hash) values ($1, $2, $3) on conflict do nothing)sql"};
constexpr db::statement sql_drop_rows{"kobo.drop_rows", R"sql(
  delete from kobo_devices where device_id = $1
     and id in (select id from kobo_devices where device_id = $1 order by last_seen_at desc, id offset $2))sql"};
constexpr db::statement sql_seen{"kobo.saw_row", R"sql(
  update kobo_devices set model = coalesce(nullif($2, ''), model), firmware = coalesce(nullif($3, ''), firmware), last_seen_at = $4
   where id = $1)sql"};
constexpr db::statement sql_store_run{"kobo.store_run", R"sql(
  update kobo_devices set answered = $2, answered_count = $3, answered_at = $4, chained = $5, last_sync_at = $6, stands_on = $7,
         syncs = $8, promised = $9 where id = $1)sql"};

// An answer that did not reach the socket's end is no reason to take the next request for a repetition (17.6).
constexpr db::statement sql_unanswered{"kobo.unanswered", R"sql(
  update kobo_devices set answered = rtrim(answered, '+') where id = $1)sql"};
constexpr db::statement sql_untold{"kobo.untold", R"sql(
  update kobo_sessions set told_at = null
   where id = (select id from kobo_sessions where kobo_id = $1 and told_at is not null order by id desc limit 1))sql"};

#define CARREL_SESSION                                                                                                  \
  "select id, epoch, parent_id, op_count, delivered, acked_at is not null, created_at, quiet_catalog, quiet_audience, " \
  "quiet_state, quiet_changes from kobo_sessions where kobo_id = $1 "
constexpr db::statement sql_session{"kobo.session", CARREL_SESSION "and id = $2"};
constexpr db::statement sql_newest{"kobo.newest_session", CARREL_SESSION "order by id desc limit 1"};
constexpr db::statement sql_newest_acked{"kobo.newest_acknowledged",
                                         CARREL_SESSION "and acked_at is not null order by id desc limit 1"};
constexpr db::statement sql_newest_told{"kobo.newest_told", CARREL_SESSION "and told_at is not null order by id desc limit 1"};
constexpr db::statement sql_all{"kobo.sessions", CARREL_SESSION "order by id desc"};
#undef CARREL_SESSION

constexpr db::statement sql_told{"kobo.told", "update kobo_sessions set told_at = $2 where id = $1"};
constexpr db::statement sql_content{"kobo.session_content", "select held, ops from kobo_sessions where id = $1"};
constexpr db::statement sql_doubts{
    "kobo.session_doubts", "select session_id, subject, id, revision from kobo_marks where session_id = any ($1::bigint[])"};
constexpr db::statement sql_ops{"kobo.session_ops", "select substring(ops from $2 for $3) from kobo_sessions where id = $1"};
constexpr db::statement sql_later{"kobo.later_sessions",
                                  "select id, ops from kobo_sessions where kobo_id = $1 and id > $2 order by id"};
constexpr db::statement sql_create{"kobo.create_session", R"sql(
  insert into kobo_sessions (kobo_id, epoch, parent_id, held, ops, op_count, created_at) values ($1, $2, $3, $4, $5, $6, $7) returning id)sql"};
constexpr db::statement sql_quiet{"kobo.note_quiet", R"sql(
  update kobo_sessions set quiet_catalog = $2, quiet_audience = $3, quiet_state = $4, quiet_changes = $5 where id = $1)sql"};
constexpr db::statement sql_not_quiet{"kobo.not_quiet", "update kobo_sessions set quiet_catalog = null where id = $1"};
constexpr db::statement sql_newer_acked{"kobo.newer_acknowledged", R"sql(
  select from kobo_sessions where kobo_id = $1 and id > $2 and acked_at is not null limit 1)sql"};
constexpr db::statement sql_doubt{"kobo.doubt", R"sql(
  insert into kobo_marks (session_id, subject, id)
  select s, $2, u from unnest($1::bigint[]) s, unnest($3::uuid[]) u
      on conflict (session_id, subject, id) do update set revision = null)sql"};
constexpr db::statement sql_said{"kobo.state_said", R"sql(
  insert into kobo_marks (session_id, subject, id, revision)
  select s.id, 2, $2::uuid, case when s.id >= $3 then $4::bigint end from kobo_sessions s where s.kobo_id = $1
      on conflict (session_id, subject, id) do update set revision = excluded.revision)sql"};
constexpr db::statement sql_changed{"kobo.changed", "update kobo_devices set changes = changes + 1 where id = $1"};

constexpr db::statement sql_ledger{"kobo.ledger", "select subject, id from kobo_ledger where kobo_id = $1"};
// What is announced is no ghost any more.
constexpr db::statement sql_announce{"kobo.announce", R"sql(
  with trusted as (delete from kobo_suspicions where kobo_id = $1 and reason = 'ghost' and id = any ($3::uuid[]))
  insert into kobo_ledger as l (kobo_id, subject, id, title, first_announced_at, announced_at, since_at, told_series)
  select $1, w.subject, w.id, w.title, $5, $5, $5, w.id = any ($6::uuid[])
    from unnest($2::bigint[], $3::uuid[], $4::text[]) as w (subject, id, title)
      on conflict (kobo_id, subject, id) do update
     set title = excluded.title, announced_at = excluded.announced_at, announced = l.announced + 1, wanted_again_at = null,
         removal_delivered_at = null, told_series = l.told_series or excluded.told_series,
         since_at = case when l.wanted_again_at is null and l.removal_delivered_at is null and not l.id = any ($7::uuid[])
                         then l.since_at else excluded.since_at end)sql"};
constexpr db::statement sql_title{"kobo.announced_title", R"sql(
  select title from kobo_ledger where kobo_id = $1 and subject = 1 and id = $2)sql"};
constexpr db::statement sql_delivered{"kobo.delivered", R"sql(
  update kobo_sessions set delivered = $2, acked_at = case when $3 then coalesce(acked_at, $4) else acked_at end where id = $1)sql"};
constexpr db::statement sql_arrived{"kobo.arrived", R"sql(
  update kobo_ledger set delivered_at = $4, delivered_sync = $5, removal_delivered_at = null
   where kobo_id = $1 and subject = $2 and id = any ($3::uuid[]))sql"};
constexpr db::statement sql_to_fetch{"kobo.to_fetch", R"sql(
  select id from kobo_ledger
   where kobo_id = $1 and subject = 1 and fetch_again and coalesce(sample_sync, $3) = $3 and id = any ($2::uuid[]))sql"};
constexpr db::statement sql_sample_told{"kobo.sample_told", R"sql(
  update kobo_ledger set sample_sync = $3 where kobo_id = $1 and subject = 1 and id = any ($2::uuid[]))sql"};
constexpr db::statement sql_fetch_done{"kobo.fetch_done", R"sql(
  with done as (update kobo_ledger set fetch_again = false, sample_sync = null
                 where kobo_id = $1 and subject = 1 and fetch_again and sample_sync <> $3 and id = any ($2::uuid[]) returning id)
  update kobo_devices k
     set fetch_again = exists (select from kobo_ledger l where l.kobo_id = $1 and l.subject = 1 and l.fetch_again
                                  and l.id not in (select id from done))
   where k.id = $1)sql"};
constexpr db::statement sql_gone{"kobo.removal_arrived", R"sql(
  update kobo_ledger set removal_delivered_at = $4 where kobo_id = $1 and subject = $2 and id = any ($3::uuid[]))sql"};
constexpr db::statement sql_no_ghost{"kobo.no_ghost", R"sql(
  delete from kobo_suspicions where kobo_id = $1 and id = any ($2::uuid[]))sql"};
constexpr db::statement sql_forget{"kobo.forget_sessions", "delete from kobo_sessions where id = any ($1::bigint[])"};

kobo_row row_from(const db::row& r, const uuid& device, const uuid& user) {
  library::kobo_options wishes = library::read_kobo_options(r.view(9));
  return {.ids = {.row = r.id(0),
                  .device = device,
                  .user = user,
                  .largest = wishes.largest,
                  .style = wishes.style(),
                  .sees_all = r.flag(24)},
          .wishes = wishes,
          .epoch = r.integer(1),
          .changes = r.integer(2),
          .syncs = r.integer(10),
          .failed_sync = r.integer(25),
          .answered = r.text(3),
          .promised = r.text(14),
          .answered_count = static_cast<int>(r.integer(4)),
          .chained = static_cast<int>(r.integer(6)),
          .failures = static_cast<int>(r.integer(15)),
          .page_size = r.maybe_integer(11),
          .answered_at = r.maybe_at(5),
          .last_sync_at = r.maybe_at(7),
          .guarded_since = r.maybe_at(12),
          .guard_lifted = r.flag(13),
          .asked = r.flag(16),
          .reset_asked = r.flag(17),
          .reset_lifts = r.flag(18),
          .has_tombstones = r.flag(19),
          .fetch_again = r.flag(23),
          .stands_on = r.maybe_integer(8)};
}

session session_from(const db::row& r) {
  session s{.id = r.integer(0),
            .epoch = r.integer(1),
            .parent = r.maybe_integer(2),
            .op_count = static_cast<int>(r.integer(3)),
            .delivered = static_cast<int>(r.integer(4)),
            .acked = r.flag(5),
            .created_at = r.at(6),
            .quiet = std::nullopt};
  if (!r.is_null(7))
    s.quiet = quiet_numbers{.catalog = r.integer(7), .audience = r.integer(8), .state = r.integer(9), .changes = r.integer(10)};
  return s;
}

std::vector<session> all_sessions(db::tx& tx, const uuid& row) {
  std::vector<session> out;
  for (const db::row& r : tx.run(sql_all, row)) out.push_back(session_from(r));
  return out;
}

void add_doubt(doubts& to, std::int64_t about, const uuid& id, const std::optional<std::int64_t>& revision) {
  switch (static_cast<subject>(about)) {
    case subject::book: to.books.insert(id); break;
    case subject::state: to.states.emplace(id, revision); break;
    case subject::tag: to.tags.insert(id); break;
  }
}

}  // namespace

kobo_row lock_row(db::tx& tx, const uuid& device, const uuid& user, const reader_facts& facts) {
  db::bytes hash{facts.device_hash};
  db::rows rows = tx.run(sql_row, device, hash);
  if (rows.empty()) {
    tx.run(sql_add_row, uuid::make(), device, hash);
    tx.run(sql_drop_rows, device, rows_kept);
    rows = tx.run(sql_row, device, hash);
  }
  CARREL_EXPECT(!rows.empty());
  kobo_row out = row_from(rows[0], device, user);
  bool told = (!facts.model.empty() && facts.model != rows[0].view(21)) ||
              (!facts.firmware.empty() && facts.firmware != rows[0].view(22));
  if (told || now() - rows[0].at(20) > between_contacts) tx.run(sql_seen, out.ids.row, facts.model, facts.firmware, now());
  return out;
}

std::optional<kobo_row> find_row(db::tx& tx, const uuid& device, const uuid& user, const reader_facts& facts) {
  db::rows rows = tx.run(sql_find_row, device, db::bytes{facts.device_hash});
  return rows.empty() ? std::nullopt : std::optional(row_from(rows[0], device, user));
}

std::optional<kobo_row> find_holder(db::tx& tx, const uuid& device, const uuid& user, const uuid& entitlement) {
  db::rows rows = tx.run(sql_holder, device, entitlement);
  return rows.empty() ? std::nullopt : std::optional(row_from(rows[0], device, user));
}

void store_run(db::tx& tx, const kobo_row& k) {
  tx.run(sql_store_run, k.ids.row, k.answered, k.answered_count, k.answered_at, k.chained, k.last_sync_at, k.stands_on, k.syncs,
         k.promised);
}

void unanswered(db::tx& tx, const kobo_row& k) {
  tx.run(sql_unanswered, k.ids.row);
  tx.run(sql_untold, k.ids.row);
}

quiet_numbers numbers_of(const library::gate& g, const kobo_row& k) {
  return {.catalog = g.catalog.number, .audience = g.audience, .state = g.state, .changes = k.changes};
}

std::optional<session> find_session(db::tx& tx, const uuid& row, std::int64_t id) {
  db::rows rows = tx.run(sql_session, row, id);
  return rows.empty() ? std::nullopt : std::optional(session_from(rows[0]));
}

std::optional<session> newest_session(db::tx& tx, const uuid& row) {
  db::rows rows = tx.run(sql_newest, row);
  return rows.empty() ? std::nullopt : std::optional(session_from(rows[0]));
}

std::optional<session> newest_acknowledged(db::tx& tx, const uuid& row) {
  db::rows rows = tx.run(sql_newest_acked, row);
  return rows.empty() ? std::nullopt : std::optional(session_from(rows[0]));
}

std::optional<session> newest_told(db::tx& tx, const uuid& row) {
  db::rows rows = tx.run(sql_newest_told, row);
  return rows.empty() ? std::nullopt : std::optional(session_from(rows[0]));
}

void note_told(db::tx& tx, std::int64_t id) { tx.run(sql_told, id, now()); }

bool acknowledged_after(db::tx& tx, const uuid& row, std::int64_t id) { return !tx.run(sql_newer_acked, row, id).empty(); }

session_content load_content(db::tx& tx, std::int64_t id) {
  db::rows rows = tx.run(sql_content, id);
  CARREL_EXPECT(rows.size() == 1);
  session_content out{.held = {}, .ops = unpack_ops(rows[0].raw(1)), .unsure = {}};
  out.held = unpack_snapshot(rows[0].raw(0), out.ops);
  for (const db::row& r : tx.run(sql_doubts, std::vector<std::int64_t>{id}))
    add_doubt(out.unsure, r.integer(1), r.id(2), r.maybe_integer(3));
  return out;
}

std::vector<op> load_ops(db::tx& tx, std::int64_t id, int first, int count) {
  int width = static_cast<int>(op_bytes);
  db::rows rows = tx.run(sql_ops, id, first * width + 1, count * width);
  CARREL_EXPECT(rows.size() == 1);
  return unpack_ops(rows[0].raw(0));
}

std::vector<session_content> load_later(db::tx& tx, const uuid& row, std::int64_t base) {
  std::vector<session_content> out;
  std::vector<std::int64_t> ids;
  for (const db::row& r : tx.run(sql_later, row, base)) {
    ids.push_back(r.integer(0));
    out.push_back({.held = {}, .ops = unpack_ops(r.raw(1)), .unsure = {}});
  }
  if (ids.empty()) return out;
  for (const db::row& r : tx.run(sql_doubts, ids)) {
    auto at = std::lower_bound(ids.begin(), ids.end(), r.integer(0)) - ids.begin();
    add_doubt(out[static_cast<std::size_t>(at)].unsure, r.integer(1), r.id(2), r.maybe_integer(3));
  }
  return out;
}

session create_session(db::tx& tx, const kobo_row& k, std::optional<std::int64_t> parent, const snapshot& held,
                       const std::vector<op>& ops) {
  session s{.epoch = k.epoch, .parent = parent, .op_count = static_cast<int>(ops.size()), .created_at = now(), .quiet = {}};
  db::rows rows =
      tx.run(sql_create, k.ids.row, k.epoch, parent, db::bytes{pack(held, ops)}, db::bytes{pack(ops)}, s.op_count, s.created_at);
  s.id = rows[0].integer(0);
  tx.run(sql_changed, k.ids.row);
  return s;
}

void note_quiet(db::tx& tx, std::int64_t id, const quiet_numbers& n) {
  tx.run(sql_quiet, id, n.catalog, n.audience, n.state, n.changes);
}

void doubt(db::tx& tx, std::int64_t id, subject about, const std::vector<uuid>& things) {
  if (things.empty()) return;
  tx.run(sql_doubt, std::vector<std::int64_t>{id}, static_cast<int>(about), things);
  tx.run(sql_not_quiet, id);
}

void doubt_everywhere(db::tx& tx, const uuid& row, subject about, const std::vector<uuid>& things) {
  if (things.empty()) return;
  std::vector<std::int64_t> ids;
  for (const session& s : all_sessions(tx, row)) ids.push_back(s.id);
  tx.run(sql_doubt, ids, static_cast<int>(about), things);
  tx.run(sql_changed, row);
}

void state_said(db::tx& tx, const kobo_row& k, const uuid& entitlement, std::optional<std::int64_t> revision) {
  // Of an older position, or a copy of the reader, this says nothing.
  std::int64_t from = k.stands_on.value_or(INT64_MAX);
  tx.run(sql_said, k.ids.row, entitlement, from, revision);
  tx.run(sql_changed, k.ids.row);
}

ledger_ids load_ledger(db::tx& tx, const uuid& row) {
  ledger_ids out;
  for (const db::row& r : tx.run(sql_ledger, row)) {
    bool tag = static_cast<subject>(r.integer(0)) == subject::tag;
    (tag ? out.tags : out.books).insert(r.id(1));
  }
  return out;
}

void announce(db::tx& tx, const uuid& row, const std::vector<announcement>& all) {
  if (all.empty()) return;
  std::vector<std::int64_t> subjects;
  std::vector<uuid> ids, with_series, anew;
  std::vector<std::string> titles;
  for (const announcement& a : all) {
    subjects.push_back(static_cast<std::int64_t>(a.about));
    ids.push_back(a.id);
    titles.push_back(a.title);
    if (a.series) with_series.push_back(a.id);
    if (a.anew) anew.push_back(a.id);
  }
  tx.run(sql_announce, row, subjects, ids, titles, now(), with_series, anew);
}

std::unordered_set<uuid> fetched_anew(db::tx& tx, const kobo_row& k, const std::vector<uuid>& books) {
  std::unordered_set<uuid> out;
  for (const db::row& r : tx.run(sql_to_fetch, k.ids.row, books, k.syncs)) out.insert(r.id(0));
  return out;
}

void samples_told(db::tx& tx, const kobo_row& k, const std::vector<uuid>& samples, const std::vector<uuid>& books) {
  if (!samples.empty()) tx.run(sql_sample_told, k.ids.row, samples, k.syncs);
  if (!books.empty()) tx.run(sql_fetch_done, k.ids.row, books, k.syncs);
}

std::optional<std::string> announced_title(db::tx& tx, const uuid& row, const uuid& entitlement) {
  db::rows rows = tx.run(sql_title, row, entitlement);
  return rows.empty() ? std::nullopt : std::optional(rows[0].text(0));
}

void deliver(db::tx& tx, const kobo_row& k, const session& s, int count, bool whole) {
  count = std::min(whole ? s.op_count : count, s.op_count);
  if (count > s.delivered) {
    std::vector<uuid> books, tags, removed, deleted;
    for (const op& o : load_ops(tx, s.id, s.delivered, count - s.delivered)) {
      switch (o.kind) {
        case op_kind::add:
        case op_kind::meta:
        case op_kind::file: books.push_back(o.id); break;
        case op_kind::remove: removed.push_back(o.id); break;
        case op_kind::state: break;
        case op_kind::tag_new:
        case op_kind::tag_changed: tags.push_back(o.id); break;
        case op_kind::tag_deleted: deleted.push_back(o.id); break;
      }
    }
    int book = static_cast<int>(subject::book), tag = static_cast<int>(subject::tag);
    if (!books.empty()) tx.run(sql_arrived, k.ids.row, book, books, now(), k.syncs);
    if (!tags.empty()) tx.run(sql_arrived, k.ids.row, tag, tags, now(), k.syncs);
    if (!removed.empty()) {
      tx.run(sql_gone, k.ids.row, book, removed, now());
      tx.run(sql_no_ghost, k.ids.row, removed);
    }
    if (!deleted.empty()) tx.run(sql_gone, k.ids.row, tag, deleted, now());
  }
  if (count > s.delivered || (whole && !s.acked)) tx.run(sql_delivered, s.id, std::max(count, s.delivered), whole, now());
}

// What is deleted while an older session stays could have been heard all the same: what it said becomes doubtful there.
bool forget_old_sessions(db::tx& tx, const uuid& row, const retention& keep, std::optional<std::int64_t> base) {
  std::vector<session> all = all_sessions(tx, row);  // newest first
  std::int64_t oldest_kept = 0;
  int acked = 0, open = 0;
  for (const session& s : all) {
    if (s.acked && ++acked == keep.acked) oldest_kept = s.id;
  }
  std::vector<std::int64_t> kept, gone;
  std::vector<std::int64_t> folded;
  for (const session& s : all) {
    bool old = s.id < oldest_kept, one_too_many = !s.acked && ++open >= keep.open;
    if (s.id == base || (!old && !one_too_many))
      kept.push_back(s.id);
    else
      gone.push_back(s.id);
  }
  for (std::int64_t id : gone) {
    if (!kept.empty() && kept.back() < id) folded.push_back(id);
  }
  for (std::int64_t id : folded) {
    std::vector<std::int64_t> older;
    std::copy_if(kept.begin(), kept.end(), std::back_inserter(older), [&](std::int64_t k) { return k < id; });
    std::vector<uuid> books, states, tags;
    for (const op& o : load_content(tx, id).ops) {
      if (about_tag(o.kind))
        tags.push_back(o.id);
      else if (o.kind != op_kind::state)
        books.push_back(o.id);
      if (o.kind == op_kind::state || o.kind == op_kind::add) states.push_back(o.id);
    }
    for (auto [about, things] :
         {std::pair{subject::book, &books}, std::pair{subject::state, &states}, std::pair{subject::tag, &tags}}) {
      if (!things->empty()) tx.run(sql_doubt, older, static_cast<int>(about), *things);
    }
  }
  if (!gone.empty()) tx.run(sql_forget, gone);
  return !folded.empty();
}

}  // namespace carrel::kobo
