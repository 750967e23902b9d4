#include <unistd.h>

#include <thread>

#include "ingest/sources/all_sources.hpp"
#include "library/source_queue.hpp"
#include "server/commands/command.hpp"
#include "server/commands/long_run.hpp"
#include "server/jobs/queue.hpp"
#include "server/version.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::vector<std::string> books;
  std::string user;
  bool missing = false, wait = false;
};
arguments given;

constexpr int most_books = 1'000'000;

struct wanted {
  std::optional<uuid> job;
  std::vector<uuid> books;
  std::vector<std::string> sources;
  std::chrono::seconds estimate{0};
};

std::vector<uuid> named_books(db::tx& tx) {
  return as_viewer(tx, given.user, [&](const uuid& viewer) {
    std::vector<uuid> out;
    for (const std::string& name : given.books) out.push_back(book_named(tx, viewer, name));
    return out;
  });
}

wanted ask_for(db::tx& tx, const config& c) {
  library::source_plan plan = library::read_plan(tx, c);
  wanted out;
  out.sources = plan.asked();
  if (!plan.enabled)
    throw stop(refused, "Other servers are not asked: switch it on under Sources, or set metadata.enabled.", "metadata_off");
  if (out.sources.empty()) throw stop(refused, "No source is switched on that can be asked.", "metadata_off");
  out.books = given.missing ? library::books_missing_metadata(tx, most_books) : named_books(tx);
  auto more = static_cast<std::int64_t>(out.books.size());
  out.estimate = library::estimate(plan, library::source_states(tx, plan), more);
  if (out.books.empty()) return out;
  std::string key = given.missing ? "library" : out.books.size() == 1 ? out.books[0].text() : "";
  out.job = jobs::enqueue(tx, given.missing ? library::refresh_kind : library::fetch_kind, key, {});
  library::add_fetches(tx, out.job, out.books, out.sources,
                       given.missing ? library::urgency::whole_library : library::urgency::somebody_waits);
  return out;
}

std::string minutes(std::chrono::seconds s) {
  if (s < std::chrono::minutes(2)) return std::to_string(std::max<std::int64_t>(s.count(), 1)) + " s";
  std::int64_t m = (s.count() + 59) / 60;
  return m < 120 ? std::to_string(m) + " min" : std::to_string(m / 60) + " h " + std::to_string(m % 60) + " min";
}

std::string words_for(const wanted& w, bool dry_run) {
  if (w.books.empty()) return "No book lacks anything that was not asked for already.";
  return std::to_string(w.books.size()) + (w.books.size() == 1 ? " book" : " books") +
         (dry_run ? " would be asked for" : " are asked for") + ", about " + minutes(w.estimate) + " at the polite rate.";
}

json::object document_of(const wanted& w, bool dry_run) {
  json::object out;
  out.set("job", dry_run ? std::optional<uuid>() : w.job).set("books", w.books.size()).set("sources", w.sources);
  out.set("estimate_seconds", w.books.empty() ? 0 : w.estimate.count());
  return out;
}

std::optional<jobs::job> job_now(environment& e, const uuid& id) {
  return e.pool->read_now([&](db::tx& tx) { return jobs::find_job(tx, id); });
}

// Takes part in the asking, beside a running service or alone, until the job is done. What is left then is the service's.
jobs::job wait_for(environment& e, const uuid& id, const std::stop_token& asked) {
  publication::isolated::pool inspectors(publication::isolated::options_from(e.settings));
  ingest::services services{
      .pool = *e.pool, .store = e.store, .inspectors = inspectors, .how = ingest::settings_from(e.settings)};
  http::client client;
  db::notifier bell(e.url);
  ingest::sources::fetcher fetcher(ingest::sources::all_sources(services, client, e.settings, std::string(version)),
                                   "command:" + std::to_string(::getpid()));
  fetcher.start(bell);
  progress_bar bar("questions");
  std::optional<jobs::job> now = job_now(e, id);
  while (now && !now->finished_at && !asked.stop_requested()) {
    bar.show(now->done, now->total.value_or(now->done));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    now = job_now(e, id);
  }
  client.stop();
  fetcher.stop();
  if (!now) throw stop(failed, "The job is gone.");
  return *now;
}

exit_status finish(invocation& call, environment& e, const wanted& w, const std::stop_token& asked) {
  jobs::job end = wait_for(e, *w.job, asked);
  json::object document = document_of(w, false);
  document.set("state", end.state).set("error", end.last_error.empty() ? json::value() : json::value(end.last_error));
  std::string words = end.state == "done" ? "Asked." : end.finished_at ? "It did not work." : "It goes on in the service.";
  call.answer(document, words + (end.last_error.empty() ? "" : "\n" + end.last_error));
  if (end.state == "done") return end.last_error.empty() ? done : partly;
  return end.finished_at ? failed : partly;
}

exit_status fetch(invocation& call) {
  if (given.missing == !given.books.empty()) throw stop(usage, "Name books, or say --missing.");
  bool waits = given.wait && !call.dry_run;
  if (waits) patience::block();
  environment e = call.open(waits ? 8 : 2);
  wanted w = change(e, call, [&](db::tx& tx) { return ask_for(tx, e.settings); });
  if (waits && w.job) {
    patience signals;
    return finish(call, e, w, signals.asked());
  }
  call.answer(document_of(w, call.dry_run), words_for(w, call.dry_run));
  return done;
}

}  // namespace

void describe_metadata(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("metadata", "what other servers know about books");
  cmd->require_subcommand(1);
  CLI::App* one = cmd->add_subcommand("fetch", "ask the sources; what they say waits for a choice and changes no book");
  one->add_option("BOOK", given.books, "ids or titles");
  one->add_flag("--missing", given.missing, "all books that lack a description, cover, date, author or language");
  one->add_flag("--wait", given.wait, "ask now and until all is answered; without it the service does it");
  one->add_option("--user", given.user, "whose view of the library decides which book a title is (default: the owner)");
  one->footer(
      "Each source is asked at its own polite rate, one question at a time, whoever asks. --dry-run tells how many books and how "
      "long.\nCtrl-C ends the waiting; what is left is done by the service.");
  one->callback([&call] { call.action = fetch; });
}

}  // namespace carrel::commands
