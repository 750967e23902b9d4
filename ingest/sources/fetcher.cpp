#include "ingest/sources/fetcher.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "ingest/sources/round.hpp"
#include "library/candidate.hpp"
#include "library/source_queue.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest::sources {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_sleep = std::chrono::seconds(30), shortest_sleep{5};
// Whoever waits for a time that is known does not hear what comes in, or a library that comes in at once would wake him for each
// book.
constexpr milliseconds longest_deaf = std::chrono::seconds(5);

constexpr db::statement sql_test_wanted{"sources.test_wanted", R"sql(
  select exists (select from metadata_sources where source = $1 and test_wanted_at is not null))sql"};

// Below what is shown for review nobody chooses from them (9.2).
constexpr db::statement sql_forget_unlikely{"sources.forget_unlikely", R"sql(
  delete from book_metadata_candidates
   where query_kind <> '' and confidence < $2 and status in ('new', 'superseded') and fetched_at < $1)sql"};

// What a thread finds when it looks.
struct found_work {
  library::source_plan plan;
  std::string key;
  bool test = false;
  std::optional<row_of_work> row;
  std::optional<instant> next;
};

}  // namespace

struct fetcher::state {
  state(const fetch_services& s, std::string process) : with(s), name(std::move(process)) {}

  // Rows are counted as taken by this, and turns as well: a thread and a command of one process are two.
  std::string holder_of(const std::string& source) const { return name + "/" + source; }

  const seal* lock_of_secrets() {
    std::lock_guard guard(mutex);
    if (!secrets) {
      result<seal> opened = library::installation_seal(with.settings, with.with.store.data());
      if (!opened) {
        log::error("metadata.secrets", {{"error", opened.error().message()}});
        return nullptr;
      }
      secrets.emplace(std::move(*opened));
    }
    return &*secrets;
  }

  std::string key_for(db::tx& tx, const library::source& s) {
    if (!s.has_key) return "";
    if (std::string setting = s.key_setting(); s.key_fixed) return with.settings.text(setting);
    const seal* opener = lock_of_secrets();
    return opener == nullptr ? "" : library::read_secret(tx, *opener, s.id, "main").value_or("");
  }

  found_work look(db::tx& tx, const std::string& source) {
    found_work out{.plan = library::read_plan(tx, with.settings), .key = {}, .row = {}, .next = {}};
    const library::source* s = out.plan.find(source);
    bool usable = s != nullptr && (s->key_is != library::source::key::needed || s->has_key);
    if (!usable || !out.plan.enabled) return out;
    out.key = key_for(tx, *s);
    if (s->key_is == library::source::key::needed && out.key.empty()) return out;
    out.test = tx.run(sql_test_wanted, source)[0].flag(0);
    if (out.test) return out;
    if (!s->on) return out;
    turn gate = look_at_queue(tx, *s, is_urgent_waiting(tx, source));
    if (gate.how == turn::kind::wait) out.next = gate.until;
    if (gate.how != turn::kind::ours) return out;
    next_row next = claim_row(tx, source, holder_of(source), out.plan.paused);
    out.row = next.row;
    out.next = next.due;
    return out;
  }

  step take_step(const std::string& source) {
    found_work w = with.with.pool.write_now([&](db::tx& tx) { return look(tx, source); });
    if (!w.test && !w.row) return {.worked = false, .next = w.next};
    std::string holder = holder_of(source);
    round r{.with = with, .plan = w.plan, .of = *w.plan.find(source), .key = w.key, .holder = holder};
    if (w.test)
      run_test(r);
    else
      run_round(r, *w.row);
    return {.worked = true, .next = {}};
  }

  // ---- threads

  void ring(const std::string& word) {
    {
      std::lock_guard guard(mutex);
      ++(word == library::came_in_word ? arrivals : rings);
    }
    wake.notify_all();
  }

  struct bells {
    std::uint64_t rings = 0;
    std::optional<std::uint64_t> arrivals{};  // of those who have nothing to do
  };

  void sleep(const bells& heard, std::optional<instant> until) {
    milliseconds pause = longest_sleep;
    if (until) pause = std::clamp(std::chrono::ceil<milliseconds>(*until - now()), shortest_sleep, longest_sleep);
    std::unique_lock guard(mutex);
    wake.wait_for(guard, pause,
                  [&] { return closing || rings != heard.rings || (heard.arrivals && arrivals != *heard.arrivals); });
  }

  void work(const std::string& source) {
    while (!closing) {
      bells heard{.rings = rings};
      std::uint64_t arrived = arrivals;
      std::optional<instant> next;
      try {
        step s = take_step(source);
        if (s.worked) continue;
        next = s.next;
        if (next)
          next = std::min(*next, now() + longest_deaf);
        else
          heard.arrivals = arrived;
      } catch (const std::exception& x) {
        log::warn("metadata.step", {{"source", source}, {"error", x.what()}});
        next = now() + std::chrono::seconds(5);
        heard.rings = rings;
      }
      sleep(heard, next);
    }
  }

  // Who is to be asked may change while we run.
  void keep_team() {
    while (!closing) {
      bells heard{.rings = rings};
      try {
        look_after_team();
      } catch (const std::exception& x) {
        log::warn("metadata.sources", {{"error", x.what()}});
      }
      sleep(heard, std::nullopt);
    }
  }

  void look_after_team() {
    std::vector<std::string> known = with.with.pool.write_now([&](db::tx& tx) {
      library::source_plan plan = library::read_plan(tx, with.settings);
      tidy_jobs(tx, plan.asked());
      std::vector<std::string> out;
      for (const library::source& s : plan.sources) {
        if (plan.enabled) out.push_back(s.id);
      }
      return out;
    });
    for (const std::string& source : known) {
      if (!team.contains(source)) team.emplace(source, std::thread([this, source] { work(source); }));
    }
  }

  const fetch_services with;
  const std::string name;
  std::mutex mutex;
  std::condition_variable wake;
  std::optional<seal> secrets;
  std::atomic<bool> closing = false;
  std::atomic<std::uint64_t> rings = 0, arrivals = 0;
  std::map<std::string, std::thread> team;  // of the keeper, and of stop() after it
  std::thread keeper;
  db::notifier* bell = nullptr;
  std::vector<unsigned> listening;
};

fetcher::fetcher(const fetch_services& s, std::string process_name)
    : state_(std::make_unique<state>(s, std::move(process_name) + "/" + uuid::make().text())) {}
fetcher::~fetcher() { stop(); }

void fetcher::start(db::notifier& bell) {
  CARREL_EXPECT(!state_->keeper.joinable());
  state_->bell = &bell;
  state_->listening.push_back(bell.listen("carrel_metadata", [this](const std::string& word) { state_->ring(word); }));
  // A job of ours that was started again.
  state_->listening.push_back(bell.listen("carrel_jobs", [this](const std::string& kind) {
    if (kind.empty() || kind.starts_with("metadata.")) state_->ring("");
  }));
  state_->keeper = std::thread([this] { state_->keep_team(); });
}

void fetcher::stop() {
  for (unsigned id : state_->listening) state_->bell->forget(id);
  state_->listening.clear();
  {
    std::lock_guard guard(state_->mutex);
    state_->closing = true;
  }
  state_->wake.notify_all();
  if (state_->keeper.joinable()) state_->keeper.join();
  for (auto& [source, thread] : state_->team) thread.join();
  state_->team.clear();
}

fetcher::step fetcher::take_step(const std::string& source) { return state_->take_step(source); }

void forget_unlikely(db::tx& tx, double least_shown) { tx.run(sql_forget_unlikely, now() - std::chrono::days(30), least_shown); }

void register_schedule(jobs::schedule& clock, db::pool& pool, const config& settings) {
  double least = library::least_shown(settings);
  clock.every("metadata.forget", std::chrono::hours(1), [&pool, least] {
    pool.write_now([least](db::tx& tx) {
      forget_old_answers(tx);
      forget_unlikely(tx, least);
    });
  });
}

}  // namespace carrel::ingest::sources
