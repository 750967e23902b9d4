#include "ingest/sources/round.hpp"

#include <algorithm>

#include "ingest/covers.hpp"
#include "ingest/paths.hpp"
#include "ingest/sources/by_rule.hpp"
#include "ingest/sources/known_book.hpp"
#include "ingest/sweep.hpp"
#include "ingest/work.hpp"
#include "library/candidate.hpp"
#include "library/candidate_write.hpp"
#include "library/storable.hpp"
#include "server/core/log.hpp"
#include "server/core/metrics.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr int most_questions = 20;  // of one talk; a source that sends us in circles gets no further
constexpr std::size_t most_candidates = 10, longest_raw = 256 << 10;
constexpr int most_pictures = 3;
constexpr int wide_enough = 600;  // a cover of the book's own that is as wide as this is not replaced (9.2)

constexpr db::statement sql_tested{"sources.tested", R"sql(
  update metadata_sources set test_wanted_at = null, tested_at = $2, test_result = $3 where source = $1)sql"};

struct put_off_until {
  std::optional<instant> at;  // nothing: as soon as the source may be asked
  int attempts = 0;
};
struct failed {
  std::string why;
};
using said = std::variant<reply, put_off_until, failed>;

cache_times times_from(const config& c) {
  return {.known = std::chrono::days(c.integer("metadata.cache_days")),
          .unknown = std::chrono::days(c.integer("metadata.negative_cache_days"))};
}

std::chrono::milliseconds since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
}

const char* name_of(verdict::kind k) {
  switch (k) {
    case verdict::kind::deliver: return "answered";
    case verdict::kind::again: return "failed";
    case verdict::kind::later: return "paused";
    case verdict::kind::wrong: return "refused";
    case verdict::kind::attention: return "attention";
    case verdict::kind::elsewhere: return "country";
  }
  return "";
}

void note(const round& r, const ask& what, const asked& got, std::chrono::milliseconds took) {
  log::info("metadata.ask", {{"source", r.of.id},
                             {"kind", what.kind},
                             {"status", got.said.status},
                             {"outcome", name_of(got.means.how)},
                             {"ms", took.count()}});
  log::debug("metadata.url", {{"url", shown_url(r.of, what, !r.key.empty())}});
  static const char* help = "questions to metadata sources, by source and outcome";
  metrics::make_counter("carrel_metadata_requests_total", help, {{"source", r.of.id}, {"outcome", name_of(got.means.how)}}).add();
}

// Over the network, in a turn that is ours.
said ask_now(const round& r, const turn_wish& wish, const turn& mine, const ask& what, int attempts) {
  using kind = verdict::kind;
  auto begin = std::chrono::steady_clock::now();
  asked got =
      ask_source(r.with.client, r.of, manners_from(r.with.settings, r.with.version, r.plan.contact), what, r.key, mine.country);
  if (got.ended) {
    r.with.with.pool.write_now([&](db::tx& tx) { drop_turn(tx, wish); });
    return put_off_until{std::nullopt, attempts};
  }
  note(r, what, got, since(begin));
  cache_times times = times_from(r.with.settings);
  std::optional<instant> paused =
      r.with.with.pool.write_now([&](db::tx& tx) { return end_turn(tx, wish, times, got.means, got.said); });
  switch (got.means.how) {
    case kind::deliver:
      return reply{.status = got.said.status, .location = std::move(got.said.location), .body = std::move(got.said.body)};
    case kind::wrong: return failed{got.means.why};
    case kind::again: {
      std::optional<std::chrono::seconds> wait = retry_after(attempts);
      if (!wait) return failed{got.means.why};
      return put_off_until{now() + *wait, attempts + 1};
    }
    case kind::later:
    case kind::attention:
    case kind::elsewhere: break;
  }
  return put_off_until{paused, attempts};
}

said put(const round& r, const row_of_work& row, const ask& what) {
  cache_key key = cache_key_of(r.of, what);
  turn_wish wish{.of = r.of, .cached = &key, .holder = r.holder, .urgent = row.urgent};
  turn t = r.with.with.pool.write_now([&](db::tx& tx) { return take_turn(tx, wish); });
  if (t.how == turn::kind::known) return std::move(t.before);
  if (t.how == turn::kind::ours) return ask_now(r, wish, t, what, row.attempts);
  return put_off_until{t.until, row.attempts};
}

// The end of a talk, and nothing while it has not come to one.
struct outcome {
  std::optional<put_off_until> later;
  std::string error;
};

outcome converse_to_the_end(const round& r, const row_of_work& row, conversation& talk) {
  for (int n = 0; n < most_questions; ++n) {
    std::optional<ask> what = talk.next();
    if (!what) break;
    said s = put(r, row, *what);
    if (auto* later = std::get_if<put_off_until>(&s)) return {*later, {}};
    if (auto* bad = std::get_if<failed>(&s)) return {std::nullopt, bad->why};
    talk.answer(std::get<reply>(s));
  }
  return {};
}

library::found_candidate candidate_from(const record& of, const score& scored, const std::string& key) {
  library::found_candidate out;
  out.provider_key = library::storable_note(of.provider_key, 200);
  out.query_kind = of.query_kind;
  out.normalized = of.normalized();
  out.score_detail = scored.detail;
  out.confidence = std::clamp(scored.confidence, 0.0, 1.0);
  std::string raw = json::dump(of.raw);
  bool clean = key.empty() || raw.find(key) == std::string::npos;
  if (clean && raw.size() <= longest_raw) out.raw = of.raw;
  return out;
}

struct weighed {
  record about;
  score scored;
};

std::vector<weighed> weigh_all(const round& r, const known_book& book, std::vector<record> found) {
  std::vector<weighed> out;
  for (record& one : found) {
    score s = r.with.weigh(book.about, one);
    if (!one.provider_key.empty()) out.push_back({std::move(one), std::move(s)});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const weighed& a, const weighed& b) { return a.scored.confidence > b.scored.confidence; });
  if (out.size() > most_candidates) out.erase(out.begin() + most_candidates, out.end());
  return out;
}

void store(const round& r, const row_of_work& row, const std::vector<weighed>& all) {
  std::vector<library::found_candidate> rows;
  for (const weighed& one : all) rows.push_back(candidate_from(one.about, one.scored, r.key));
  r.with.with.pool.write_now([&](db::tx& tx) { library::store_candidates(tx, row.book, r.of.id, rows); });
  double best = all.empty() ? 0 : all.front().scored.confidence;
  log::info("metadata.found", {{"source", r.of.id}, {"book", row.book}, {"candidates", all.size()}, {"best", best}});
}

std::vector<std::string> picture_urls(const std::vector<weighed>& all, const std::string& provider_key) {
  for (const weighed& one : all) {
    if (one.about.provider_key != provider_key) continue;
    std::vector<std::string> out{one.about.cover.url};
    out.insert(out.end(), one.about.cover.others.begin(), one.about.cover.others.end());
    std::erase(out, "");
    return out;
  }
  return {};
}

void refuse_picture(const round& r, const library::pictureless& of, const std::string& why) {
  r.with.with.pool.write_now([&](db::tx& tx) { library::refuse_candidate_picture(tx, of.id, of.tried + 1, why); });
}

void keep_picture(const round& r, const library::pictureless& of, const seen_picture& seen) {
  result<library::new_cover> stored = store_cover(r.with.with, seen.picture->master, seen.picture->thumbnails, r.of.id);
  if (!stored) {
    log::warn("metadata.cover", {{"source", r.of.id}, {"error", stored.error().message()}});
    return refuse_picture(r, of, "not_stored");
  }
  // The sweep may have found the file without a row just now.
  r.with.with.pool.write_now([&](db::tx& tx) {
    hold_store(tx);
    if (is_there(r.with.with.store.absolute(stored->storage_path)))
      library::keep_candidate_picture(tx, of.id, *stored, seen.note);
  });
}

// The next address of a candidate's cover. Something, when the queue does not let us ask for it yet.
std::optional<put_off_until> fetch_one(const round& r, const row_of_work& row, const known_book& book,
                                       const library::pictureless& of, const std::string& url) {
  turn_wish wish{.of = r.of, .holder = r.holder, .urgent = row.urgent};
  db::pool& pool = r.with.with.pool;
  turn t = pool.write_now([&](db::tx& tx) { return take_turn(tx, wish); });
  if (t.how != turn::kind::ours) return put_off_until{t.until, row.attempts};
  picture_rules rules = picture_rules_from(r.with.settings);
  std::string agent = manners_from(r.with.settings, r.with.version, r.plan.contact).agent;
  got_picture got = fetch_picture(r.with.client, r.of, agent, rules, url);
  if (got.pause) {
    verdict pause{.how = verdict::kind::later, .why = "covers: 429", .wait = got.pause};
    std::optional<instant> until = pool.write_now([&](db::tx& tx) { return end_turn(tx, wish, {}, pause, {}); });
    return put_off_until{until, row.attempts};
  }
  pool.write_now([&](db::tx& tx) { drop_turn(tx, wish); });
  if (got.ended) return put_off_until{std::nullopt, row.attempts};
  seen_picture seen{.picture = {}, .note = got.refused};
  if (got.refused.empty()) seen = look_at_cover(r.with.with.inspectors, rules, got.bytes, book.asks.audio, !of.book_has_cover);
  log::info("metadata.cover", {{"source", r.of.id}, {"book", row.book}, {"note", seen.note}});
  if (seen.picture)
    keep_picture(r, of, seen);
  else
    refuse_picture(r, of, seen.note);
  return std::nullopt;
}

std::optional<put_off_until> fetch_pictures(const round& r, const row_of_work& row, const known_book& book,
                                            const std::vector<weighed>& all) {
  if (book.cover_width >= wide_enough && !row.urgent) return std::nullopt;
  double least = library::least_shown(r.with.settings);
  std::vector<library::pictureless> wanted = r.with.with.pool.read_now(
      [&](db::tx& tx) { return library::candidates_without_picture(tx, row.book, r.of.id, least, most_pictures); });
  for (library::pictureless& one : wanted) {
    std::vector<std::string> urls = picture_urls(all, one.provider_key);
    if (one.tried >= static_cast<int>(urls.size())) continue;
    std::optional<put_off_until> later = fetch_one(r, row, book, one, urls[static_cast<std::size_t>(one.tried)]);
    // After a request the queue is closed for a while; the next address comes with the next step.
    return later ? later : put_off_until{std::nullopt, row.attempts};
  }
  return std::nullopt;
}

// Only what came in: who asked for a book himself chooses himself, and a refresh of the library goes to the inbox
// (product.md 3.5).
void let_rules_choose(const round& r, const row_of_work& row) {
  book_rules rules = book_rules_from(r.with.settings);
  try {
    rule_outcome done = r.with.with.pool.write_now([&](db::tx& tx) { return follow_rules(tx, rules, row.book); });
    if (!done.fields.empty() || done.approved)
      log::info("metadata.applied", {{"book", row.book}, {"fields", done.fields.size()}, {"approved", done.approved}});
  } catch (const db::failure& f) {
    if (!blames_the_values(f)) throw;
    log::error("metadata.unstorable", {{"book", row.book}, {"error", f.what()}});
  }
}

void end_round(const round& r, const row_of_work& row, const outcome& o) {
  if (!o.later && !row.job) let_rules_choose(r, row);
  r.with.with.pool.write_now([&](db::tx& tx) {
    if (o.later)
      put_off(tx, row, r.holder, o.later->at, o.later->attempts);
    else
      finish_row(tx, row, r.holder, r.of.id, o.error);
  });
}

outcome go_round(const round& r, const row_of_work& row) {
  std::optional<known_book> book = r.with.with.pool.read_now([&](db::tx& tx) { return find_known_book(tx, row.book); });
  if (!book || !concerns(r.of.id, book->asks)) return {};
  preferences likes;
  if (const library::source* s = r.plan.find("google_books")) likes.google_books_url = s->url;
  if (const library::source* s = r.plan.find("open_library")) {
    likes.open_library_url = s->url;
    likes.open_library_covers_url = s->covers_url;
  }
  likes.hardcover_web_url = r.with.settings.text("hardcover.web_url");
  likes.audnexus_regions = {r.with.settings.text("audnexus.region")};
  std::unique_ptr<conversation> talk = r.with.talk(r.of.id, book->asks, likes);
  if (!talk) return {};
  outcome o = converse_to_the_end(r, row, *talk);
  if (o.later) return o;
  std::vector<weighed> all = weigh_all(r, *book, talk->found());
  if (!o.error.empty() && all.empty()) return o;
  store(r, row, all);
  o.later = fetch_pictures(r, row, *book, all);
  return o;
}

// Well-known, and for sale for a long time.
question test_question(const std::string& source) {
  question q;
  q.title = "Pride and Prejudice";
  q.authors = {"Jane Austen"};
  q.language = "en";
  q.audio = source == "audnexus";
  (q.audio ? q.asin : q.isbn_13) = q.audio ? "B002V0QCYU" : "9780141439518";
  return q;
}

}  // namespace

void run_round(const round& r, const row_of_work& row) { end_round(r, row, go_round(r, row)); }

void run_test(const round& r) {
  std::unique_ptr<conversation> talk = r.with.talk(r.of.id, test_question(r.of.id), preferences());
  std::optional<ask> what = talk ? talk->next() : std::nullopt;
  if (!what) return;
  db::pool& pool = r.with.with.pool;
  turn_wish wish{.of = r.of, .holder = r.holder, .urgent = true, .test = true};
  turn t = pool.write_now([&](db::tx& tx) { return take_turn(tx, wish); });
  if (t.how != turn::kind::ours) return;
  asked got =
      ask_source(r.with.client, r.of, manners_from(r.with.settings, r.with.version, r.plan.contact), *what, r.key, t.country);
  note(r, *what, got, {});
  bool good = got.means.how == verdict::kind::deliver;
  pool.write_now([&](db::tx& tx) {
    if (got.ended) return drop_turn(tx, wish);
    end_turn(tx, wish, {}, got.means, got.said);
    tx.run(sql_tested, r.of.id, now(), good ? std::string("ok") : library::storable_note(got.means.why, 300));
  });
}

}  // namespace carrel::ingest::sources
