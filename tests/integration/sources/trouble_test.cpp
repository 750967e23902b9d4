// Sources that are slow, rude or wrong: each is left alone as it wants, and holds up no other.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "ingest/sources/asker.hpp"
#include "server/core/log.hpp"
#include "tests/harness/folder.hpp"
#include "tests/integration/sources/stage.hpp"

using namespace carrel;
using namespace carrel::ingest::sources;
using namespace carrel::ingest::sources::test;
using namespace std::chrono_literals;

namespace {

const char* noon = "2026-03-04T12:00:00Z";

std::string source_text(stage& s, const std::string& column, const std::string& id) {
  return s.text("select coalesce((select (" + column + ")::text from metadata_sources where source = '" + id + "'), '')");
}

bool within(instant t, const char* from, std::chrono::milliseconds length) { return t >= at(from) && t <= at(from) + length; }

}  // namespace

TEST_CASE("one source is away, and what the other one says arrives") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library,google_books");
  s.library.says([](const harness::heard&) { return said(502, "<html>gateway"); });
  uuid job = s.ask(s.add_book("Harbour"));
  s.run();
  CHECK(s.candidates("google_books") == "k-Harbour");
  CHECK(s.candidates("open_library").empty());
  CHECK(s.job_state(job) == "done");
  CHECK(s.text("select last_error from jobs") == "open_library: 502");
}

TEST_CASE("a failing question is asked three times, after 5 and after 30 seconds") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.library.says([](const harness::heard&) { return said(500, "{}"); });
  uuid job = s.ask(s.add_book("Harbour"));
  s.run();
  std::vector<instant> moments = s.library.moments();
  REQUIRE(moments.size() == 3);
  CHECK(moments[1] - moments[0] == 5s);
  CHECK(moments[2] - moments[1] == 30s);
  CHECK(s.job_state(job) == "failed");
}

TEST_CASE("a question that succeeds at last is as good as any") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.library.says_first({said(500, "{}"), "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbroken off"});
  uuid job = s.ask(s.add_book("Harbour"));
  s.run();
  CHECK(s.job_state(job) == "done");
  CHECK(s.candidates("open_library") == "k-Harbour");
  CHECK(source_text(s, "failures", "open_library") == "0");
}

TEST_CASE("five failures in a row leave a source alone for a quarter of an hour, then it is tried once") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.library.says([](const harness::heard&) { return said(500, "{}"); });
  s.ask_for_all(s.add_books(30));
  s.run(10min);
  CHECK(s.library.count() == 5);
  instant fifth = s.library.moments().back();
  s.run(16min);
  REQUIRE(s.library.count() == 6);
  CHECK(s.library.moments()[5] >= fifth + 15min);
  s.run(10min);
  CHECK(s.library.count() == 6);
  s.library.says([](const harness::heard&) { return said(200, "{}"); });
  s.run();
  CHECK(s.library.count() > 30);
  CHECK(s.number("select count(*) from jobs where done_at is null") == 0);
}

TEST_CASE("429 pauses that source alone, for as long as it says") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library,google_books");
  s.library.says_first({said(429, "{}", "Retry-After: 600\r\n")});
  uuid job = s.ask_for_all(s.add_books(3));
  s.run(5min);
  CHECK(s.library.count() == 1);
  CHECK(s.google.count() == 3);
  s.run();
  CHECK(s.library.count() == 4);
  CHECK(s.library.moments()[1] - s.library.moments()[0] >= 600s);
  CHECK(s.job_state(job) == "done");  // nothing was given up
  CHECK(s.number("select count(*) from metadata_jobs where last_error <> ''") == 0);
}

TEST_CASE("who says busy without a time is left alone for longer and longer") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  std::vector<std::string> busy(9, said(503, "busy"));
  s.library.says_first(busy);
  s.ask(s.add_book("Harbour"));
  s.run();
  std::vector<instant> m = s.library.moments();
  REQUIRE(m.size() == 10);
  CHECK(m[1] - m[0] == 30s);
  CHECK(m[2] - m[1] == 60s);
  CHECK(m[6] - m[5] == 960s);
  CHECK(m[8] - m[7] == 1h);
  CHECK(m[9] - m[8] == 1h);
  CHECK(s.candidates("open_library") == "k-Harbour");
}

TEST_CASE("a time to wait may be a date") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.library.says_first({said(503, "", "Retry-After: Wed, 04 Mar 2026 12:07:00 GMT\r\n")});
  s.ask(s.add_book("Harbour"));
  s.run();
  CHECK(within(s.library.moments().at(1), "2026-03-04T12:07:00Z", 1s));
}

TEST_CASE("Google's quota of a day ends at midnight in Los Angeles") {
  const char* quota = R"({"error":{"code":403,"message":"Daily Limit Exceeded","errors":[{"reason":"dailyLimitExceeded"}]}})";
  stage s({}, "google_books");
  stopped_clock clock(at("2026-01-15T20:00:00Z"));
  s.google.says_first({said(403, quota)});
  s.ask(s.add_book("Winter"));
  s.run();
  REQUIRE(s.google.count() == 2);
  CHECK(within(s.google.moments()[1], "2026-01-16T08:00:00Z", 1s));
  set_clock(at("2026-07-15T20:00:00Z"));
  s.google.says_first({said(429, quota)});
  s.ask(s.add_book("Summer"));
  s.run();
  REQUIRE(s.google.count() == 4);
  CHECK(within(s.google.moments()[3], "2026-07-16T07:00:00Z", 1s));
}

TEST_CASE("where Google does not see the country it is told one") {
  stopped_clock clock(at(noon));
  stage s({}, "google_books");
  s.google.says_first({said(403, R"({"error":{"code":403,"errors":[{"reason":"unknownLocation"}]}})")});
  s.ask(s.add_book("Harbour"));
  s.run();
  std::vector<std::string> targets = s.google.targets();
  REQUIRE(targets.size() == 2);
  CHECK(targets[0].find("country=") == std::string::npos);
  CHECK(targets[1].find("&country=US&key=") != std::string::npos);
  CHECK(s.candidates("google_books") == "k-Harbour");
}

TEST_CASE("a key that is refused stops that source until a person has seen to it") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library,google_books");
  s.google.says([](const harness::heard& h) {
    bool good = h.target.find("key=AIza") != std::string::npos && h.target.find("isbn") != std::string::npos;
    return good ? said(200, "{}")
                : said(400, R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}})");
  });
  s.ask_for_all(s.add_books(3));
  s.run();
  CHECK(s.google.count() == 1);
  CHECK(s.library.count() == 3);
  CHECK(source_text(s, "needs_attention", "google_books") == "true");
  CHECK(source_text(s, "last_error", "google_books").find("API key not valid") != std::string::npos);
  CHECK(s.number("select count(*) from metadata_jobs where source = 'google_books' and done_at is null") == 3);

  // The test button asks all the same, and its success opens the source again.
  s.google.says([](const harness::heard&) { return said(200, one_record("k", "T")); });
  s.pool.write_now([](db::tx& tx) { library::want_source_test(tx, "google_books"); });
  s.run();
  CHECK(source_text(s, "test_result", "google_books") == "ok");
  CHECK(s.google.count() == 5);
  CHECK(s.number("select count(*) from metadata_jobs where done_at is null") == 0);
}

TEST_CASE("a test says what is wrong, and asks once") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.library.says([](const harness::heard&) { return said(500, R"({"message":"on fire"})"); });
  s.pool.write_now([](db::tx& tx) { library::want_source_test(tx, "open_library"); });
  s.run();
  CHECK(s.library.count() == 1);
  CHECK(source_text(s, "test_result", "open_library") == "500: on fire");
  CHECK(s.number("select count(*) from book_metadata_candidates") == 0);
}

TEST_CASE("an answer that is too long is not read to its end") {
  stopped_clock clock(at(noon));
  stage s({{"metadata.max_response_bytes", "10KiB"}}, "open_library");
  s.library.says([](const harness::heard&) { return said(200, "[" + std::string(20'000, ' ') + "]"); });
  uuid job = s.ask(s.add_book("Harbour"));
  s.run();
  CHECK(s.library.count() == 1);
  CHECK(s.text("select last_error from jobs") == "open_library: the answer is too long");
  CHECK(s.job_state(job) == "failed");
}

TEST_CASE("a redirect is the talk's own to follow, and is remembered with where it leads") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library");
  s.library.says([](const harness::heard&) { return said(302, "", "Location: http://169.254.169.254/\r\n"); });
  uuid book = s.add_book("Harbour");
  s.ask(book);
  s.run();
  CHECK(s.library.count() == 1);
  CHECK(s.text("select location from provider_cache") == "http://169.254.169.254/");
  s.ask(book);
  s.run();
  CHECK(s.library.count() == 1);
}

TEST_CASE("a source of the open network is not looked for in the own one") {
  stopped_clock clock(at(noon));
  stage s({}, "open_library,custom:mine");
  library::actor me{std::nullopt, "test"};
  // A server that the owner names may be there.
  s.pool.write_now([&](db::tx& tx) { CHECK(library::add_custom_source(tx, {"mine", s.google.url() + "/own"}, me)); });
  s.ask(s.add_book("Harbour"));
  s.run();
  CHECK(s.google.targets() == std::vector<std::string>{"/own/find?title=Harbour"});
  CHECK(s.candidates("custom:mine") == "k-Harbour");
  library::source plain{.id = "open_library", .url = s.library.url()};
  carrel::ingest::sources::ask question{.kind = "search", .target = "/find", .body = {}};
  asked refused = ask_source(s.client, plain, {}, question, "", "");
  CHECK(refused.means.how == verdict::kind::again);
  CHECK(s.library.count() == 1);
}

TEST_CASE("names and addresses of own servers are looked at") {
  stage s;
  library::actor me{std::nullopt, "test"};
  auto add = [&](const std::string& name, const std::string& url) {
    return s.pool.write_now([&](db::tx& tx) { return library::add_custom_source(tx, {name, url}, me); });
  };
  CHECK(add("mine", "http://192.168.1.5:8000"));
  CHECK_FALSE(add("mine", "http://192.168.1.6"));
  for (const char* name : {"", "Mine", "a b", "x'y", "../x"}) CHECK_FALSE(add(name, "http://x.example"));
  for (const char* url : {"", "ftp://x", "x.example", "http://a:b@x", "http://x/?q=1", "file:///etc/passwd"})
    CHECK_FALSE(add("n", url));
}

TEST_CASE("the key is in no log, no candidate and no memory of answers, whatever a source echoes") {
  const std::string key = "AIza-a-very-secret-key-0123456789";
  std::string log = fs::absolute(harness::fresh_folder("log") / "stderr").native();
  int kept = ::dup(2), file = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  REQUIRE(file >= 0);
  std::string everything;
  {
    stopped_clock clock(at(noon));
    stage s({}, "google_books");
    s.google.says([&](const harness::heard& h) {
      return said(200, R"({"self":")" + h.target + R"(","records":[{"key":"k","title":")" + key + R"(","confidence":0.9}]})");
    });
    ::dup2(file, 2);
    log::start(log::level::debug, "text");
    s.ask(s.add_book("Harbour"));
    s.run();
    s.google.says([&](const harness::heard& h) { return said(400, R"({"message":"wrong: )" + h.target + "\"}"); });
    s.ask(s.add_book("Second"));
    s.run();
    ::dup2(kept, 2);
    log::start(log::level::error, "text");
    CHECK(s.google.targets().at(0).find(key) != std::string::npos);
    CHECK(s.candidates("google_books") == "k");
    for (const char* table : {"book_metadata_candidates", "provider_cache", "metadata_sources", "metadata_jobs", "jobs"})
      everything += s.text("select coalesce(string_agg(t::text, ' '), '') from " + std::string(table) + " t");
  }
  ::close(kept);
  ::close(file);
  std::string lines = harness::read_file(log);
  CHECK(lines.find("metadata.ask") != std::string::npos);
  CHECK(lines.find("key=***") != std::string::npos);
  CHECK(lines.find(key) == std::string::npos);
  CHECK(everything.find("very-secret") == std::string::npos);
}
