#include "ingest/sources/turn.hpp"

#include <algorithm>
#include <cmath>

#include "library/storable.hpp"
#include "server/core/digest.hpp"
#include "server/core/random.hpp"

namespace carrel::ingest::sources {
namespace {

using std::chrono::milliseconds;

constexpr db::statement sql_make{"sources.make_queue",
                                 "insert into metadata_sources (source) values ($1) on conflict do nothing"};

// The last column: when the day of the source ends.
#define CARREL_QUEUE_COLUMNS                                                                                   \
  "next_start_at, case when asking_until > $2 then asking_until end, paused_until, needs_attention, country, " \
  "case when day = ($2::timestamptz at time zone $3)::date then requests else 0 end, "                         \
  "(date_trunc('day', $2::timestamptz at time zone $3) + interval '1 day') at time zone $3, pauses, failures "
constexpr db::statement sql_lock{"sources.lock_queue",
                                 "select " CARREL_QUEUE_COLUMNS "from metadata_sources where source = $1 for update"};
constexpr db::statement sql_look{"sources.look_at_queue",
                                 "select " CARREL_QUEUE_COLUMNS "from metadata_sources where source = $1"};
#undef CARREL_QUEUE_COLUMNS

constexpr db::statement sql_known{"sources.known_answer", R"sql(
  select http_status, location, coalesce(body::text, '') from provider_cache
   where provider = $1 and request_hash = $2 and expires_at > $3)sql"};

constexpr db::statement sql_keep{"sources.keep_answer", R"sql(
  insert into provider_cache (provider, request_hash, request_text, http_status, location, body, fetched_at, expires_at)
  values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8)
      on conflict (provider, request_hash) do update
     set http_status = excluded.http_status, location = excluded.location, body = excluded.body, fetched_at = excluded.fetched_at,
         expires_at = excluded.expires_at)sql"};

constexpr db::statement sql_begin{"sources.begin_request", R"sql(
  update metadata_sources
     set asking_by = $4, asking_until = $5, next_start_at = $6, asked = asked + 1,
         requests = case when day = ($2::timestamptz at time zone $3)::date then requests + 1 else 1 end,
         day = ($2::timestamptz at time zone $3)::date
   where source = $1)sql"};

constexpr db::statement sql_end{"sources.end_request", R"sql(
  update metadata_sources set asking_by = null, asking_until = null where source = $1 and asking_by = $2)sql"};

constexpr db::statement sql_good{"sources.good_answer", R"sql(
  update metadata_sources set failures = 0, pauses = 0, needs_attention = false, last_ok_at = $2, paused_until = $3 where source = $1)sql"};

constexpr db::statement sql_bad{"sources.bad_answer", R"sql(
  update metadata_sources set failures = failures + $2, pauses = pauses + $3, needs_attention = needs_attention or $4,
         paused_until = greatest(paused_until, $5), last_error = $6, last_error_at = $7
   where source = $1)sql"};

constexpr db::statement sql_country{"sources.tell_country", "update metadata_sources set country = 'US' where source = $1"};

constexpr db::statement sql_ring{"sources.ring", "select pg_notify('carrel_metadata', $1)"};
constexpr db::statement sql_forget{"sources.forget_answers", "delete from provider_cache where expires_at < $1"};

// A process that died while it asked; every request ends long before.
constexpr std::chrono::seconds longest_request{120};
constexpr milliseconds look_again{500};

struct queue_row {
  std::optional<instant> next_start, asking_until, paused_until;
  bool needs_attention = false;
  std::string country;
  std::int64_t today = 0;
  instant midnight;
  int pauses = 0, failures = 0;
};

queue_row queue_from(const db::row& r) {
  return {.next_start = r.maybe_at(0),
          .asking_until = r.maybe_at(1),
          .paused_until = r.maybe_at(2),
          .needs_attention = r.flag(3),
          .country = r.text(4),
          .today = r.integer(5),
          .midnight = r.at(6),
          .pauses = static_cast<int>(r.integer(7)),
          .failures = static_cast<int>(r.integer(8))};
}

queue_row lock(db::tx& tx, const library::source& s, instant at) {
  db::rows rows = tx.run(sql_lock, s.id, at, s.zone);
  if (!rows.empty()) return queue_from(rows[0]);
  tx.run(sql_make, s.id);
  return queue_from(tx.run(sql_lock, s.id, at, s.zone)[0]);
}

turn gate(const queue_row& q, const library::source& s, bool urgent, bool test, instant at) {
  turn out;
  if (q.needs_attention && !test) return out;
  std::optional<instant> until;
  auto not_before = [&](instant t) {
    if (t > at) until = std::max(until.value_or(t), t);
  };
  if (q.next_start) not_before(*q.next_start);
  if (q.asking_until) not_before(std::min(*q.asking_until, at + look_again));  // it ends at any moment
  if (q.paused_until && !test) not_before(*q.paused_until);
  bool spent = s.daily && q.today >= *s.daily && !urgent;
  if (spent) not_before(q.midnight);
  out.how = until ? turn::kind::wait : turn::kind::ours;
  out.until = until;
  out.country = q.country;
  return out;
}

// Never the same rhythm: several installations would meet at the source again and again.
milliseconds jittered(milliseconds t) {
  std::uint32_t n = 0;
  random_bytes(&n, sizeof n);
  double factor = 0.9 + 0.2 * (static_cast<double>(n) / 4294967295.0);
  return milliseconds(static_cast<std::int64_t>(std::ceil(static_cast<double>(t.count()) * factor)));
}

std::optional<reply> known_answer(db::tx& tx, const library::source& s, const cache_key& key, instant at) {
  db::rows rows = tx.run(sql_known, s.id, db::bytes{key.hash}, at);
  if (rows.empty()) return std::nullopt;
  return reply{.status = static_cast<unsigned>(rows[0].integer(0)), .location = rows[0].text(1), .body = rows[0].text(2)};
}

bool says_nothing(const json::value& body) {
  if (const json::array* list = body.as_array()) return list->empty();
  const json::object* o = body.as_object();
  if (o == nullptr) return false;
  double count = 1;
  for (const char* name : {"totalItems", "numFound"}) {
    if (o->take(name, count) && count == 0) return true;
  }
  const json::value* matches = o->find("matches");
  return o->empty() || (matches != nullptr && matches->as_array() != nullptr && matches->as_array()->empty());
}

void keep(db::tx& tx, const turn_wish& w, const cache_times& times, const heard& h, instant at) {
  auto body = json::parse(h.body);
  bool success = h.status < 300 && body.ok();
  std::optional<std::string> text;
  if (success) text = library::jsonb_text(*body);
  bool unknown = h.status == 404 || (success && says_nothing(*body));
  instant expires = at + (unknown ? times.unknown : times.known);
  tx.run(sql_keep, w.of.id, db::bytes{w.cached->hash}, library::storable_note(w.cached->text, 4000), h.status,
         library::storable_note(h.location, 2000), text, at, expires);
}

}  // namespace

cache_key cache_key_of(const library::source& s, const ask& what) {
  cache_key out;
  out.text = (what.body.empty() ? "GET " : "POST ") + what.target + (what.body.empty() ? "" : " " + what.body);
  out.hash = sha256_raw(s.url + "\n" + out.text);
  return out;
}

turn take_turn(db::tx& tx, const turn_wish& w) {
  instant at = now();
  queue_row q = lock(tx, w.of, at);
  if (w.cached != nullptr) {
    if (std::optional<reply> known = known_answer(tx, w.of, *w.cached, at))
      return {.how = turn::kind::known, .before = std::move(*known), .until = {}, .country = {}};
  }
  turn out = gate(q, w.of, w.urgent, w.test, at);
  if (out.how != turn::kind::ours) return out;
  tx.run(sql_begin, w.of.id, at, w.of.zone, w.holder, at + longest_request, at + jittered(w.of.interval));
  return out;
}

std::optional<instant> end_turn(db::tx& tx, const turn_wish& w, const cache_times& times, const verdict& v, const heard& h) {
  using kind = verdict::kind;
  instant at = now();
  queue_row q = lock(tx, w.of, at);
  drop_turn(tx, w);
  std::optional<instant> until;
  if (v.wait) until = at + *v.wait;
  if (v.how == kind::later && !v.wait) until = at + pause_after(q.pauses);
  if (v.until_midnight) until = q.midnight;
  if (v.how == kind::deliver || v.how == kind::wrong) {
    tx.run(sql_good, w.of.id, at, until);
    if (v.how == kind::deliver && w.cached != nullptr) keep(tx, w, times, h, at);
    return until;
  }
  if (v.how == kind::elsewhere) {
    tx.run(sql_country, w.of.id);
    return std::nullopt;
  }
  bool failed = v.how == kind::again;
  if (failed && q.failures + 1 >= failures_that_open_the_breaker) until = at + breaker_time;
  tx.run(sql_bad, w.of.id, failed ? 1 : 0, v.how == kind::later ? 1 : 0, v.how == kind::attention, until,
         library::storable_note(v.why, 300), at);
  return until;
}

void drop_turn(db::tx& tx, const turn_wish& w) {
  tx.run(sql_end, w.of.id, w.holder);
  tx.run(sql_ring, w.of.id);
}

turn look_at_queue(db::tx& tx, const library::source& s, bool urgent) {
  instant at = now();
  db::rows rows = tx.run(sql_look, s.id, at, s.zone);
  if (rows.empty()) return {.how = turn::kind::ours, .before = {}, .until = {}, .country = {}};
  return gate(queue_from(rows[0]), s, urgent, false, at);
}

void forget_old_answers(db::tx& tx) { tx.run(sql_forget, now()); }

}  // namespace carrel::ingest::sources
