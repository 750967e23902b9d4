// Reading states between a reader's Kobos (kobo.md 9.3, 10.5, 17.11 I14).
#include <catch2/catch.hpp>

#include "library/user.hpp"
#include "tests/integration/kobo/one_kobo.hpp"

using namespace carrel;
using namespace carrel::kobo;
using namespace carrel::kobo::tests;

namespace {

struct desk : shop {
  uuid clara = add_kobo("Clara"), libra = add_kobo("Libra"), book = add_book("One");
  uuid id = *uuid::parse(entitlement(book));
  reader on_clara, on_libra;

  desk() {
    shelve(book, true);
    complete_sync(*this, clara, on_clara);
    complete_sync(*this, libra, on_libra);
  }
  section_results put(const uuid& kobo, const std::string& body) {
    section_results out;
    with_row(kobo, [&](db::tx& tx, const kobo_row& k) { out = put_state(tx, k, id, json::read_object(body).value()); });
    return out;
  }
  std::string state() { return state(clara); }
  std::string state(const uuid& kobo) {  // as it hears it
    std::string out;
    with_row(kobo, [&](db::tx& tx, const kobo_row& k) {
      auto all = read_states(tx, k.ids, {id});
      out = json::dump(state_json(id, all.contains(id) ? &all.at(id) : nullptr, now()));
    });
    return out;
  }
  bool says(const std::string& text) { return state().find(text) != std::string::npos; }
};

std::string reading(const char* at, int percent, const char* status = "Reading") {
  std::string when = std::string("\"LastModified\":\"") + at + "\"";
  return "{" + when + R"(,"StatusInfo":{"Status":")" + status + "\"," + when + R"(},"Statistics":{"SpentReadingMinutes":10,)" +
         when + R"(},"CurrentBookmark":{"ProgressPercent":)" + std::to_string(percent) + "," + when + "}}";
}

bool ok(const char* result) { return std::string_view(result) == "Success"; }

}  // namespace

TEST_CASE("a Kobo that says something else of the same moment is told what holds") {
  desk d;
  d.put(d.clara, reading("2026-03-02T19:14:05Z", 12));
  complete_sync(d, d.clara, d.on_clara);
  CHECK(ok(d.put(d.clara, reading("2026-03-02T19:14:05Z", 12)).bookmark));
  CHECK(d.sync(d.clara, d.on_clara.token).body == "[]");
  CHECK(ok(d.put(d.clara, reading("2026-03-02T19:14:05Z", 40)).bookmark));  // equal keeps what is stored (10.5, 1)
  CHECK(d.says(R"("ProgressPercent":12)"));
  CHECK(d.sync(d.clara, d.on_clara.token).body.find("ChangedReadingState") != std::string::npos);
  complete_sync(d, d.clara, d.on_clara);
  CHECK(d.sync(d.clara, d.on_clara.token).body == "[]");
}

TEST_CASE("a state that a Kobo puts is echoed as it came, told to the other Kobo, and not told to the one that said it") {
  desk d;
  section_results r = d.put(d.clara, reading("2026-03-02T19:14:05Z", 12));
  CHECK(ok(r.status));
  CHECK(ok(r.statistics));
  CHECK(ok(r.bookmark));
  CHECK(rfc3339(r.last_modified) == "2026-03-02T19:14:05Z");
  CHECK(d.says(R"("PriorityTimestamp":"2026-03-02T19:14:05Z")"));
  CHECK(d.says(R"("ProgressPercent":12)"));

  CHECK(d.sync(d.clara, d.on_clara.token).body == "[]");
  sync_answer told = d.sync(d.libra, d.on_libra.token);
  CHECK(told.body.find("ChangedReadingState") != std::string::npos);
  d.on_libra.token = told.token;
  CHECK(d.sync(d.libra, d.on_libra.token).body == "[]");
}

TEST_CASE("each section goes by its own time: newer wins, older is ignored and told back, equal changes nothing") {
  desk d;
  d.put(d.clara, reading("2026-03-05T10:00:00Z", 40));
  complete_sync(d, d.libra, d.on_libra);
  section_results old = d.put(d.libra, reading("2026-03-01T10:00:00Z", 5));
  CHECK(std::string_view(old.bookmark) == "Ignored");
  CHECK(rfc3339(old.last_modified) == "2026-03-05T10:00:00Z");
  CHECK(d.says(R"("ProgressPercent":40)"));
  CHECK(d.sync(d.libra, d.on_libra.token).body.find("ChangedReadingState") != std::string::npos);

  std::string before = d.state();
  CHECK(ok(d.put(d.clara, reading("2026-03-05T10:00:00Z", 40)).bookmark));
  CHECK(d.state() == before);
  // Going back is allowed when it is newer.
  d.put(d.libra, reading("2026-03-06T10:00:00Z", 3));
  CHECK(d.says(R"("ProgressPercent":3)"));
}

TEST_CASE("the end of a book is told to the other Kobos as its end, whatever place came with it") {
  desk d;
  d.put(d.clara, reading("2026-03-05T10:00:00Z", 50));
  d.put(d.clara,
        R"({"LastModified":"2026-03-05T11:00:00Z","StatusInfo":{"Status":"Finished","LastModified":"2026-03-05T11:00:00Z"},
    "CurrentBookmark":{"ProgressPercent":0,"LastModified":"2026-03-05T11:00:00Z",
                       "Location":{"Source":"OEBPS/cover.xhtml","Value":"kobo.1.1","Type":"KoboSpan"}}})");
  CHECK(d.says(R"("Status":"Finished")"));
  CHECK(d.says(R"("ProgressPercent":100})"));
  CHECK_FALSE(d.says("cover.xhtml"));
}

TEST_CASE("a finished book stays at its end however often that is said, and begins anew when it is marked as unread") {
  desk d;
  auto finished = [](const std::string& at, const std::string& more = "") {
    return R"({"LastModified":")" + at + R"(","StatusInfo":{"Status":"Finished","LastModified":")" + at + "\"}" + more + "}";
  };
  d.put(d.clara, reading("2026-03-05T10:00:00Z", 33));
  SECTION("by its status alone") {
    section_results r = d.put(d.clara, finished("2026-03-05T11:00:00Z"));
    REQUIRE(r.place);
    CHECK(r.place->finished);
  }
  SECTION("with its first document, twice") {
    for (const char* at : {"2026-03-05T11:00:00Z", "2026-03-05T12:00:00Z"}) {
      std::string place = std::string(R"(,"CurrentBookmark":{"ProgressPercent":0,"LastModified":")") + at +
                          R"(","Location":{"Source":"OEBPS/cover.xhtml","Value":"kobo.1.1","Type":"KoboSpan"}})";
      d.put(d.clara, finished(at, place));
    }
    CHECK_FALSE(d.says("cover.xhtml"));
  }
  CHECK(d.says(R"("ProgressPercent":100})"));
  section_results unread = d.put(
      d.clara,
      R"({"LastModified":"2026-03-06T10:00:00Z","StatusInfo":{"Status":"ReadyToRead","LastModified":"2026-03-06T10:00:00Z"}})");
  CHECK(d.says(R"("ProgressPercent":0})"));
  REQUIRE(unread.place);
  CHECK_FALSE(unread.place->finished);
  CHECK(unread.place->in_book == 0);
}

TEST_CASE("what a clock that is far ahead says counts as said now, and its device hears its own time again") {
  clock_at then(*parse_time("2030-03-05T10:00:00Z"));
  desk d;
  auto at = [](const std::string& time, int percent) { return reading(time.c_str(), percent); };
  section_results r = d.put(d.clara, at("2031-06-01T00:00:00Z", 30));
  CHECK(ok(r.bookmark));
  CHECK(rfc3339(r.last_modified) == "2031-06-01T00:00:00Z");
  CHECK(d.says(R"("PriorityTimestamp":"2031-06-01T00:00:00Z")"));
  CHECK(d.says(R"("Created":"2030-03-05T10:00:00Z")"));
  CHECK(d.sync(d.clara, d.on_clara.token).body == "[]");  // it holds what it said
  complete_sync(d, d.libra, d.on_libra);
  CHECK(d.on_libra.positions.at(d.id.text()) == "2030-03-05T10:00:00Z");
  CHECK(d.state(d.libra).find("2031-06") == std::string::npos);

  // It does not win for ever, and said once more it is no later.
  set_clock(*parse_time("2030-03-05T12:00:00Z"));
  CHECK(ok(d.put(d.libra, at("2030-03-05T11:00:00Z", 50)).bookmark));
  CHECK(std::string_view(d.put(d.clara, at("2031-06-01T00:00:00Z", 30)).bookmark) == "Ignored");
  CHECK(d.says(R"("ProgressPercent":50)"));
  CHECK(d.state(d.libra).find(R"("PriorityTimestamp":"2030-03-05T11:00:00Z")") != std::string::npos);
  // To a device whose own time is later nothing older would be news.
  CHECK(d.says(R"("PriorityTimestamp":"2031-06-01T00:00:01Z")"));
  complete_sync(d, d.clara, d.on_clara);
  CHECK(d.on_clara.positions.at(d.id.text()) == "2031-06-01T00:00:01Z");

  // Reading on it wins again; with its clock put right its times are what they are.
  CHECK(ok(d.put(d.clara, at("2031-06-01T01:00:00Z", 60)).bookmark));
  CHECK(d.state(d.libra).find(R"("PriorityTimestamp":"2030-03-05T12:00:00Z")") != std::string::npos);
  CHECK(d.says(R"("PriorityTimestamp":"2031-06-01T01:00:00Z")"));
  set_clock(*parse_time("2030-03-06T10:00:00Z"));
  CHECK(rfc3339(d.put(d.clara, at("2030-03-06T09:00:00Z", 70)).last_modified) == "2030-03-06T09:00:00Z");
  CHECK(d.says(R"("PriorityTimestamp":"2030-03-06T09:00:00Z")"));
  CHECK_FALSE(d.says("2031-06"));
}

TEST_CASE("what a clock ahead has said counts as it did when it is said again a while later") {
  clock_at then(*parse_time("2030-03-05T10:00:00Z"));
  desk d;
  CHECK(ok(d.put(d.clara, reading("2030-03-06T11:00:00Z", 30)).bookmark));  // 25 hours ahead
  set_clock(*parse_time("2030-03-05T12:00:00Z"));
  CHECK(ok(d.put(d.libra, reading("2030-03-05T11:00:00Z", 50)).bookmark));
  CHECK(std::string_view(d.put(d.clara, reading("2030-03-06T11:00:00Z", 30)).bookmark) == "Ignored");  // 23 hours ahead by now
  CHECK(d.says(R"("ProgressPercent":50)"));
}

TEST_CASE("a clock that is less than a day ahead is taken at its word") {
  clock_at then(*parse_time("2030-03-05T10:00:00Z"));
  desk d;
  CHECK(ok(d.put(d.clara, reading("2030-03-06T09:59:59Z", 30)).bookmark));
  CHECK(d.state(d.libra).find(R"("PriorityTimestamp":"2030-03-06T09:59:59Z")") != std::string::npos);
}

TEST_CASE("a book that is finished by a clock that is far ahead is finished for all") {
  clock_at then(*parse_time("2030-03-05T10:00:00Z"));
  desk d;
  d.put(d.clara, reading("2030-03-01T10:00:00Z", 30));
  d.put(d.clara, reading("2031-06-01T00:00:00.1234567Z", 0, "Finished"));
  complete_sync(d, d.libra, d.on_libra);
  CHECK(d.on_libra.positions.at(d.id.text()) == "2030-03-05T10:00:00Z");
  CHECK(d.says(R"("ProgressPercent":100})"));
  CHECK(d.says(R"("PriorityTimestamp":"2031-06-01T00:00:00Z")"));
}

TEST_CASE("a place without percents has some for the other Kobos") {
  desk d;
  d.put(d.clara, R"({"LastModified":"2026-03-05T10:00:00Z","CurrentBookmark":{"LastModified":"2026-03-05T10:00:00Z",
    "Location":{"Value":"kobo.2.1","Type":"KoboSpan","Source":"OEBPS/a.xhtml"}}})");
  CHECK(d.says(R"("ProgressPercent":0,"ContentSourceProgressPercent":0})"));
}

TEST_CASE("a state that is said once more moves no time, in whatever order its members come") {
  desk d;
  auto at = [](const std::string& time) {
    return R"({"LastModified":")" + time + R"(","StatusInfo":{"Status":"Reading","LastModified":")" + time +
           R"("},"CurrentBookmark":{"ProgressPercent":7,"LastModified":")" + time +
           R"(","Location":{"Value":"kobo.2.1","Type":"KoboSpan","Source":"OEBPS/a.xhtml"}}})";
  };
  d.put(d.clara, at("2026-03-05T10:00:00Z"));
  std::string before = d.state();
  section_results again = d.put(d.clara, at("2026-03-05T11:00:00Z"));
  CHECK(ok(again.bookmark));
  CHECK(rfc3339(again.last_modified) == "2026-03-05T10:00:00Z");
  CHECK(d.state() == before);
}

TEST_CASE("missing and damaged sections change nothing, fractions become whole numbers") {
  desk d;
  d.put(d.clara, reading("2026-03-05T10:00:00Z", 40, "Finished"));
  section_results r = d.put(d.clara, R"({"LastModified":"2026-03-06T10:00:00Z","StatusInfo":"odd",
    "CurrentBookmark":{"ProgressPercent":41.7,"LastModified":"2026-03-06T10:00:00.1234567Z"}})");
  CHECK(std::string_view(r.status) == "Failure");
  CHECK(std::string_view(r.statistics) == "Ignored");
  CHECK(ok(r.bookmark));
  CHECK(d.says(R"("Status":"Finished")"));
  CHECK(d.says(R"("SpentReadingMinutes":10)"));
  CHECK(d.says(R"("ProgressPercent":100)"));  // as long as it is finished no place lowers it (10.1)
  CHECK_FALSE(d.says("Percent\":41"));
  for (const char* body : {"{}", R"({"StatusInfo":null,"Statistics":[],"CurrentBookmark":7})", R"({"LastModified":{}})"}) {
    INFO(body);
    std::string before = d.state();
    d.put(d.clara, body);
    CHECK(d.state() == before);
  }
}

TEST_CASE("a state that a restored Kobo does not have any more is told to it again") {
  desk d;
  reader backup = d.on_clara;
  d.retitle(d.book, "One, revised");
  complete_sync(d, d.clara, d.on_clara);
  complete_sync(d, d.clara, d.on_clara);  // it shows that it has the newer token
  d.put(d.clara, reading("2026-03-05T10:00:00Z", 40));
  CHECK(d.sync(d.clara, d.on_clara.token).body == "[]");
  CHECK(d.sync(d.clara, backup.token).body.find("ChangedReadingState") != std::string::npos);
}

TEST_CASE("a place goes back, unless its reader wants the furthest one kept") {
  desk d;
  d.put(d.clara, reading("2026-03-02T19:00:00Z", 60));
  bool furthest = GENERATE(false, true);
  if (furthest)
    d.db.pool().write_now([&](db::tx& tx) { library::set_position_policy(tx, d.db.reader(), "furthest", std::nullopt); });
  section_results back = d.put(d.libra, reading("2026-03-02T20:00:00Z", 20));
  CHECK(ok(back.bookmark) == !furthest);
  CHECK(d.says(furthest ? R"("ProgressPercent":60)" : R"("ProgressPercent":20)"));
  // A book that is begun again goes back in any case.
  d.put(d.clara, reading("2026-03-03T19:00:00Z", 100, "Finished"));
  CHECK(ok(d.put(d.clara, reading("2026-03-04T19:00:00Z", 1)).bookmark));
  CHECK(d.says(R"("ProgressPercent":1})"));
}

TEST_CASE("a book that is read again keeps the day on which it was finished, and each Kobo its minutes") {
  desk d;
  d.put(d.clara, reading("2026-03-02T19:00:00Z", 100, "Finished"));
  d.put(d.libra, reading("2026-03-05T19:00:00Z", 3));
  d.put(d.libra, reading("2026-03-06T19:00:00Z", 4));
  d.db.pool().read_now([&](db::tx& tx) {
    db::rows kept = tx.run({"test.finished", "select finished_at from kobo_states where entitlement = $1"}, d.id);
    CHECK(rfc3339(kept[0].at(0)) == "2026-03-02T19:00:00Z");
    db::rows minutes = tx.run({"test.minutes", "select sum(minutes)::bigint from kobo_minutes where entitlement = $1"}, d.id);
    CHECK(minutes[0].integer(0) == 20);
  });
}
