// The queue of a source: its rhythm, its order, what it remembers, and that processes share it.
#include <catch2/catch.hpp>

#include "tests/integration/sources/stage.hpp"

using namespace carrel;
using namespace carrel::ingest::sources;
using namespace carrel::ingest::sources::test;
using namespace std::chrono_literals;

namespace {

const char* noon = "2026-03-04T12:00:00Z";

// The shortest time between two starts.
std::chrono::milliseconds closest(const std::vector<instant>& moments) {
  auto out = std::chrono::milliseconds(1h);
  for (std::size_t i = 1; i < moments.size(); ++i)
    out = std::min(out, std::chrono::duration_cast<std::chrono::milliseconds>(moments[i] - moments[i - 1]));
  return out;
}

}  // namespace

TEST_CASE("what the sources say becomes candidates, and the book stays as it is") {
  stopped_clock clock(at(noon));
  stage s;
  uuid book = s.add_book("Harbour");
  std::string before = s.text("select row(b.*)::text from books b");
  uuid job = s.ask(book);
  CHECK(s.job_state(job) == "waiting");
  s.run();
  CHECK(s.job_state(job) == "done");
  CHECK(s.candidates("open_library") == "k-Harbour");
  CHECK(s.candidates("google_books") == "k-Harbour");
  CHECK(s.text("select row(b.*)::text from books b") == before);
  CHECK(s.number(
            "select count(*) from book_metadata_candidates where confidence = 0.95 and query_kind = 'search' and status = 'new' "
            "and provider_key = source_key and score_detail @> '{\"test\":true}' and raw_response ->> 'title' = 'Harbour'") == 2);
  CHECK(s.number("select progress_done + 10 * progress_total from jobs") == 33);  // Audnexus had nothing to be asked for
}

TEST_CASE("candidates are of one record each, and those that a source names no longer are superseded") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  uuid book = s.add_book("Harbour");
  s.library.says_first({said(200, R"({"records":[)" + record_text("a", "A", 0.9) + "," + record_text("b", "B", 0.7) + "," +
                                      record_text("c", "C", 0.8) + "]}")});
  s.ask(book);
  s.run();
  CHECK(s.candidates("open_library") == "a c b");
  s.pool.write_now(
      [](db::tx& tx) { tx.script("update book_metadata_candidates set status = 'rejected' where source_key = 'c'"); });
  s.pool.write_now([](db::tx& tx) { tx.script("delete from provider_cache"); });
  s.library.says_first({said(200, R"({"records":[)" + record_text("a", "A2", 0.95) + "]}")});
  s.ask(book);
  s.run();
  CHECK(s.candidates("open_library") == "a c");  // what somebody refused stays refused
  CHECK(s.text("select status from book_metadata_candidates where source_key = 'b'") == "superseded");
  CHECK(s.text("select status from book_metadata_candidates where source_key = 'c'") == "rejected");
  CHECK(s.text("select raw_response ->> 'title' from book_metadata_candidates where source_key = 'a'") == "A2");
}

TEST_CASE("nobody is asked before the owner says so, nor without a key, nor when no source is set") {
  stopped_clock clock(at(noon));
  auto asks = [](stage& s) {
    uuid book = s.add_book("Harbour");
    s.pool.write_now([&](db::tx& tx) { library::fetch_after_import(tx, s.settings, book); });
    s.ask(book);
    for (const char* id : {"open_library", "google_books", "audnexus", "hardcover"}) s.step_once(id);
    s.run();
    return std::pair(s.library.count(), s.google.count());
  };
  stage silent(settings_list{{"metadata.enabled", ""}});
  CHECK(asks(silent) == std::pair<std::size_t, std::size_t>(0, 0));
  stage off(settings_list{{"metadata.enabled", "off"}});
  CHECK(asks(off) == std::pair<std::size_t, std::size_t>(0, 0));
  stage none({}, "");
  CHECK(asks(none) == std::pair<std::size_t, std::size_t>(0, 0));
  stage keyless(settings_list{{"google_books.api_key", ""}});
  CHECK(asks(keyless) == std::pair<std::size_t, std::size_t>(1, 0));
  library::source_plan plan = keyless.pool.read_now([&](db::tx& tx) { return library::read_plan(tx, keyless.settings); });
  CHECK_FALSE(plan.find("google_books")->usable());
}

TEST_CASE("only the title, the author and the like are sent, and who asks") {
  stopped_clock clock(at(noon));
  stage s({{"metadata.contact", "https://books.example.org"}}, "open_library");
  s.ask(s.add_book("Harbour & Sons"));
  s.run();
  harness::heard h = s.library.all().at(0);
  CHECK(h.target == "/find?title=Harbour%20%26%20Sons");
  CHECK(h.header("user-agent") == "Carrel/0.0-test (https://books.example.org)");
  CHECK(h.header("accept") == "application/json");
  CHECK(h.header("accept-encoding").empty());
  CHECK(h.header("cookie").empty());
  CHECK(h.head.size() == 3);
}

TEST_CASE("an answer is asked for once, and so is the answer that there is none") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library,google_books");
  s.google.says([](const harness::heard&) { return said(404, "{}"); });
  uuid book = s.add_book("Harbour");
  s.ask(book);
  s.run();
  s.ask(book);
  s.run();
  CHECK(s.library.count() == 1);
  CHECK(s.google.count() == 1);
  set_clock(now() + std::chrono::days(8));  // the second kind is looked for again after a week
  s.ask(book);
  s.run();
  CHECK(s.library.count() == 1);
  CHECK(s.google.count() == 2);
  set_clock(now() + std::chrono::days(30));
  s.ask(book);
  s.run();
  CHECK(s.library.count() == 2);
}

TEST_CASE("errors are not remembered") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.library.says_first({said(500, "x"), said(200, "<html>"), said(400, "{}")});
  uuid book = s.add_book("Harbour");
  uuid job = s.ask(book);
  s.run();
  CHECK(s.job_state(job) == "failed");
  CHECK(s.number("select count(*) from provider_cache") == 0);
  s.ask(book);
  s.run();
  CHECK(s.candidates("open_library") == "k-Harbour");
}

TEST_CASE("a talk goes on where it was, question by question, at the polite rate") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.library.says([](const harness::heard& h) {
    return said(200, h.target.starts_with("/find") ? R"({"more":4})" : one_record(h.target, "T"));
  });
  s.ask(s.add_book("Harbour"));
  s.run();
  CHECK(s.library.targets() == std::vector<std::string>{"/find?title=Harbour", "/more/0", "/more/1", "/more/2", "/more/3"});
  CHECK(closest(s.library.moments()) >= 990ms);
  CHECK(s.candidates("open_library") == "/more/0 /more/1 /more/2 /more/3");
}

TEST_CASE("a talk that goes round in circles ends") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.library.says([](const harness::heard&) { return said(200, R"({"more":9})"); });
  uuid job = s.ask(s.add_book("Harbour"));
  s.run();
  CHECK(s.job_state(job) == "done");
  CHECK(s.library.count() <= 20);
}

TEST_CASE("somebody who waits comes before the library, on the same clock") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.ask_for_all(s.add_books(5));
  s.step_once("open_library");
  s.ask(s.add_book("Wanted"));
  s.run();
  REQUIRE(s.library.count() == 6);
  CHECK(s.library.targets()[1] == "/find?title=Wanted");
  CHECK(closest(s.library.moments()) >= 990ms);
}

TEST_CASE("what came in is asked before the library, and by nobody's job") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.ask_for_all(s.add_books(3));
  uuid fresh = s.add_book("Fresh");
  s.pool.write_now([&](db::tx& tx) { library::fetch_after_import(tx, s.settings, fresh); });
  s.run();
  CHECK(s.library.targets()[0] == "/find?title=Fresh");
  CHECK(s.number("select count(*) from metadata_jobs where job_id is null") == 0);
}

TEST_CASE("two processes ask one source one question at a time, at its rate, and share one answer") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  http::client other_client;
  fetch_services other{s.with, other_client, s.settings, "0.0-test", test_talk, test_weight};
  fetcher second(other, "second");
  std::vector<uuid> books = s.add_books(20);
  s.ask_for_all(books);
  s.ask(books[7]);  // the same question, twice at the same time
  s.run({&s.first, &second});
  CHECK(s.library.count() == 20);
  CHECK(closest(s.library.moments()) >= 990ms);
  CHECK(s.number("select count(*) from book_metadata_candidates") == 20);
  CHECK(s.number("select count(*) from jobs where state <> 'done'") == 0);
  other_client.stop();
}

TEST_CASE("a process that dies while it asks holds its row and the source up for a while only") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.ask(s.add_book("Harbour"));
  s.pool.write_now([](db::tx& tx) {
    tx.script(
        "insert into metadata_sources (source, asking_by, asking_until) values ('open_library', 'dead', '2026-03-04 "
        "12:02:00+00');"
        "update metadata_jobs set lease_by = 'dead', lease_until = '2026-03-04 12:05:00+00'");
  });
  s.run();
  CHECK(s.candidates("open_library") == "k-Harbour");
  CHECK(s.library.moments().at(0) >= at("2026-03-04T12:05:00Z"));
}

TEST_CASE("the budget of a day holds for the library and not for somebody who waits") {
  stopped_clock clock(at("2026-03-04T20:00:00Z"));  // noon in Los Angeles
  stage s({{"google_books.daily_budget", "3"}}, "google_books");
  s.ask_for_all(s.add_books(5));
  s.run(11h);
  CHECK(s.google.count() == 3);
  s.ask(s.add_book("Wanted"));
  s.run(5min);
  CHECK(s.google.count() == 4);
  s.run();
  CHECK(s.google.count() == 6);
  CHECK(s.google.moments()[4] >= at("2026-03-05T08:00:00Z"));  // midnight there
}

TEST_CASE("a whole library survives restarts, can be paused, cancelled and started again") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  uuid job = s.ask_for_all(s.add_books(10));
  s.run(3s);
  std::size_t asked = s.library.count();
  CHECK(asked >= 2);
  CHECK(asked < 10);
  CHECK(s.job_state(job) == "running");
  library::actor me{std::nullopt, "test"};

  s.pool.write_now([&](db::tx& tx) { library::pause_sources(tx, true, me); });
  s.run();
  CHECK(s.library.count() == asked);
  s.ask(s.add_book("Wanted"));
  s.run();
  CHECK(s.library.count() == asked + 1);
  s.pool.write_now([&](db::tx& tx) { library::pause_sources(tx, false, me); });

  s.pool.write_now([&](db::tx& tx) { jobs::cancel_job(tx, job); });
  s.run();
  CHECK(s.library.count() == asked + 1);
  CHECK(s.pool.write_now([&](db::tx& tx) { return jobs::retry_job(tx, job); }));

  fetcher after_restart(s.services, "again");
  s.run({&after_restart});
  CHECK(s.library.count() == 11);
  CHECK(s.job_state(job) == "done");
  CHECK(s.number("select progress_done from jobs where kind = 'metadata.refresh'") == 10);
}

TEST_CASE("asking for the same books twice is asking once") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  std::vector<uuid> books = s.add_books(4);
  uuid job = s.ask_for_all(books);
  CHECK(s.ask_for_all(books) == job);
  CHECK(s.number("select progress_total from jobs") == 4);
}

TEST_CASE("how long it takes is told beforehand") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library,google_books");
  auto estimate = [&] {
    return s.pool.read_now([&](db::tx& tx) {
      library::source_plan plan = library::read_plan(tx, s.settings);
      return library::estimate(plan, library::source_states(tx, plan));
    });
  };
  CHECK(estimate() == 0s);
  s.ask_for_all(s.add_books(100));
  CHECK(estimate() == 300s);  // two questions a book, every 1.5 s: the slower source counts
  s.run(40s);
  CHECK(estimate() < 160s);  // it turned out to be one
}

TEST_CASE("books that go while they wait are asked for no more") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  std::vector<uuid> books = s.add_books(3);
  uuid job = s.ask_for_all(books);
  s.pool.write_now([](db::tx& tx) {
    tx.script("delete from books where title = 'Book0'; update books set deleted_at = now() where title = 'Book1'");
  });
  s.run();
  CHECK(s.library.targets() == std::vector<std::string>{"/find?title=Book2"});
  CHECK(s.job_state(job) == "done");
}

TEST_CASE("what lacks something is found, and not again within a week") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.add_books(3);
  s.pool.write_now([](db::tx& tx) {
    tx.script("update books set description = 'x', published_on = '2001', language = 'en' where title = 'Book0'");
  });
  auto missing = [&] { return s.pool.read_now([](db::tx& tx) { return library::books_missing_metadata(tx, 100); }); };
  CHECK(missing().size() == 3);  // the first one has no cover
  s.ask_for_all(missing());
  CHECK(missing().empty());
  s.run();
  CHECK(missing().empty());
  set_clock(now() + std::chrono::days(8));
  CHECK(missing().size() == 3);
}
