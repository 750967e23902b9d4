// What a Kobo says of itself without meaning to (kobo.md 2.2, 17.8), over real sockets, and what is made of it.
#include <array>

#include "library/kobo_events.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kobo/one_kobo.hpp"
#include "tests/integration/kobo/storefront.hpp"

using namespace carrel;
using namespace carrel::kobo;
using namespace carrel::kobo::tests;

namespace {

constexpr db::statement sql_events{"test.device_events", "select what, detail from kobo_events order by id"};
constexpr db::statement sql_page{"test.page_size", "select coalesce(page_size, 0) from kobo_devices"};
constexpr db::statement sql_silent{"test.announced_again", "select count(*) from kobo_signals where healed > 0"};
const std::string device_id(64, '4');
const headers told{{"x-kobo-deviceid", device_id}};

struct witness : storefront {
  reader r;

  explicit witness(int books = 2, const headers& more = {}) : storefront(more) {
    for (int i = 0; i < books; ++i) shelve("Book " + std::to_string(i));
  }
  strings events() {
    return db.pool().read_now([](db::tx& tx) {
      strings out;
      for (const db::row& row : tx.run(sql_events)) out.push_back(row.text(0) + (row.text(1).empty() ? "" : " " + row.text(1)));
      return out;
    });
  }
  reply page(const std::string& place) {
    headers h = told;
    if (!place.empty()) h.emplace_back("x-kobo-synctoken", place);
    return ask("GET", "/v1/library/sync", h);
  }
  void whole() {
    for (bool more = true; more;) {
      reply a = page(r.token);
      REQUIRE(a.status == 200);
      for (const json::value& item : items_of(a.body)) r.apply(item);
      r.token = a.header("x-kobo-synctoken");
      more = a.header("x-kobo-sync") == "continue";
    }
  }
  void settle() {  // and proves that all has arrived
    whole();
    whole();
  }
  void fail(const std::string& reason) {
    reply a = ask("POST", "/v1/analytics/event", told,
                  R"({"Events":[{"Id":"e","EventType":"FailedSync","Attributes":{"Reason":")" + reason + R"("}}]})");
    CHECK(a.body == R"({"Result":"Success","AcceptedEvents":["e"],"RejectedEvents":{}})");
  }
  void unshelve(const std::string& id) {
    constexpr db::statement sql{"test.book_by_entitlement", "select id from books where entitlement = $1"};
    db.pool().write_now(
        [&](db::tx& tx) { library::remove_from_shelf(tx, db.reader(), shelf, {tx.run(sql, *uuid::parse(id))[0].id(0)}); });
  }
};

}  // namespace

TEST_CASE("a device that has lost its place is told everything, and its page says why") {
  witness s;
  s.page("");
  s.page("");
  CHECK(s.events().empty());  // it never had one
  s.settle();
  SECTION("it shows no token") {
    CHECK(items_of(s.page("").body).size() == 2);
    CHECK(s.events() == strings{"full_sync no_token"});
  }
  SECTION("it shows that of another server") {
    CHECK(items_of(s.page("KOMGA.eyJ2ZXJzaW9uIjoxfQ").body).size() == 2);
    CHECK(s.events() == strings{"full_sync not_ours"});
  }
  SECTION("it shows one that is forgotten") {
    const std::string old = s.r.token;
    for (int i = 0; i < 5; ++i) {
      s.shelve("More " + std::to_string(i));
      s.settle();
    }
    CHECK(items_of(s.page(old).body).size() == 2);
    CHECK(s.events() == strings{"full_sync forgotten"});
  }
}

TEST_CASE("a device that signs in is noted, and one that renews its token is not") {
  witness s;
  s.settle();
  for (const char* path : {"/v1/auth/refresh", "/v1/auth/exchange", "/v1/auth/rakuten_token_exchange"})
    CHECK(s.ask("POST", path, told, R"({"RefreshToken":"any"})").text("TokenType") == "Bearer");
  CHECK(s.events().empty());
  // Without the header of all other requests: it says who it is in the body.
  CHECK(s.ask("POST", "/v1/auth/device", {}, R"({"DeviceId":")" + device_id + R"("})").status == 200);
  CHECK(s.events() == strings{"signed_in"});
  CHECK(s.ask("POST", "/v1/auth/device", {}, R"({"DeviceId":"another, never met"})").status == 200);
  CHECK(s.ask("POST", "/v1/auth/device", told, "not json").status == 200);
  CHECK(s.events() == strings{"signed_in"});  // once an hour
}

TEST_CASE("a reader that does not say who it is is the only one there is, or one of its own") {
  witness s;
  s.settle();
  const headers nameless{{"x-kobo-synctoken", s.r.token}};
  CHECK(s.ask("GET", "/v1/library/sync", nameless).body == "[]");
  CHECK(s.events().empty());
  CHECK(items_of(s.ask("GET", "/v1/library/sync", {{"x-kobo-deviceid", std::string(64, '7')}}).body).size() == 2);
  CHECK(items_of(s.ask("GET", "/v1/library/sync", nameless).body).size() == 2);  // whose token that is nobody knows
  CHECK(s.page(s.r.token).body == "[]");
}

TEST_CASE("a device that stands where it stood before is noted once, and gets what is missing") {
  witness s;
  s.settle();
  reader backup = s.r;
  s.shelve("New");
  s.settle();
  CHECK(s.events().empty());
  s.r = backup;
  s.whole();
  CHECK(s.r.library.size() == 3);
  CHECK(s.events() == strings{"went_back"});
  s.whole();
  CHECK(s.events() == strings{"went_back"});
}

TEST_CASE("whatever a device asks of a book that should be gone shows that it still has it") {
  witness s;
  s.settle();
  const std::string id = s.r.library.begin()->first;
  s.unshelve(id);
  s.settle();
  CHECK_FALSE(s.r.library.contains(id));
  const std::vector<std::array<std::string, 3>> all{
      {"GET", "/v1/library/" + id + "/metadata", ""},
      {"GET", "/v1/library/" + id + "/state", ""},
      {"PUT", "/v1/library/" + id + "/state", R"({"ReadingStates":[{"StatusInfo":{"Status":"Reading"}}]})"},
      {"PATCH", "/api/v3/content/" + id + "/annotations", R"({"updatedAnnotations":[]})"},
      {"POST", "/api/v3/content/checkforchanges", R"([{"ContentId":")" + id + R"(","etag":"W/\"0\""}])"}};
  const auto& [method, path, body] = all[GENERATE(range(std::size_t{0}, std::size_t{5}))];
  INFO(method << " " << path);
  CHECK(s.ask(method, path, told, body).status < 300);
  CHECK(harness::eventually([&] { return s.events() == strings{"ghost"}; }));
  json::array items = items_of(s.page(s.r.token).body);
  REQUIRE(items.size() >= 1);
  CHECK(kind_of(items[0]) == "ChangedEntitlement");
  CHECK(id_of(items[0]) == id);
}

TEST_CASE("of what an inventory leaves out nothing is concluded") {
  witness s(5);
  s.settle();
  const std::string one = s.r.library.begin()->first;
  CHECK(s.ask("POST", "/api/v3/content/checkforchanges", told,
              R"([{"ContentId":")" + one + R"(","etag":"W/\"0\""},{"ContentId":")" + uuid::make().text() +
                  R"(","etag":"W/\"0\""}])")
            .body == "[]");
  CHECK(s.page(s.r.token).body == "[]");
  CHECK(s.events().empty());
}

TEST_CASE("a device that cannot use its answers gets smaller ones, step by step and not below ten items") {
  witness s(30, {{"kobo.page_size", "64"}});
  auto page_size = [&] { return s.db.pool().read_now([](db::tx& tx) { return tx.run(sql_page)[0].integer(0); }); };
  s.page("");
  std::int64_t before = 0;
  for (int size : {32, 16, 10, 10}) {
    for (int i = 0; i < 3; ++i) {
      CHECK(page_size() == before);
      s.fail("WebRequestErr");
    }
    CHECK(page_size() == size);
    before = size;
  }
  CHECK(s.events() == strings{"failed WebRequestErr", "smaller_pages 32", "smaller_pages 16", "smaller_pages 10"});
  CHECK(items_of(s.page("").body).size() == 10);
  // What it says of the reason is kept as far as it is a word.
  s.fail("https://books.example/kobo/" + s.token);
  CHECK(s.events().back() == "failed https");
}

TEST_CASE("three failures are in a row when no sync between them was fine") {
  one_kobo s;
  s.how.page_size = 64;
  s.fill(3);
  s.whole();
  s.whole();
  int hours = 0;
  clock_at then(s.start);
  auto sync = [&] {
    set_clock(s.start + std::chrono::hours(++hours));
    CHECK(s.sync(s.kobo, s.r.token).body == "[]");
  };
  auto fail = [&] { s.with_row(s.kobo, [](db::tx& tx, const kobo_row& k) { note_failed_sync(tx, k, "A", 64); }); };
  SECTION("one after the other, each before the next sync") {
    for (int i = 0; i < 3; ++i) {
      sync();
      CHECK_FALSE(s.happened(library::event::smaller_pages));
      fail();
    }
    CHECK(s.happened(library::event::smaller_pages));
  }
  SECTION("a sync of which nothing was said in between") {
    for (int i = 0; i < 3; ++i) {
      sync();
      fail();
      fail();
      sync();  // of which nothing is said
      sync();
    }
    CHECK_FALSE(s.happened(library::event::smaller_pages));
  }
}

TEST_CASE("of many books that seem to be lost only so many are announced again at a time") {
  one_kobo s;
  s.how.page_size = 100;
  s.how.heal_most = 2;
  s.fill(4);
  s.whole();
  s.whole();
  std::set<std::string> silent;
  for (const auto& [id, book] : s.r.library) silent.insert(id);
  clock_at hour(s.start + std::chrono::hours(1));
  s.fill(6);
  s.whole();
  s.whole();
  strings others;
  for (const auto& [id, book] : s.r.library) {
    if (!silent.contains(id)) others.push_back(id);
  }
  s.show(signal::cover, others);
  auto healed = [&] { return s.db.pool().read_now([](db::tx& tx) { return tx.run(sql_silent)[0].integer(0); }); };
  for (int day = 1; day <= 2; ++day) {
    set_clock(s.start + std::chrono::hours(24 * day));
    s.whole();
    CHECK(healed() == 0);
  }
  set_clock(s.start + std::chrono::hours(24 * 3));
  s.whole();
  CHECK(healed() == 2);
  set_clock(s.start + std::chrono::hours(24 * 3 + 1));
  s.whole();
  CHECK(healed() == 2);  // looked for once in six hours
}

TEST_CASE("an address with something behind its token is pointed out where its owner looks") {
  witness s;
  auto noted = [&](const std::string& request) {
    s.ask("GET", request);
    std::string note = "not noted";
    CHECK(harness::eventually([&] {
      for (const library::device_request& r :
           s.db.pool().read_now([&](db::tx& tx) { return library::recent_requests(tx, s.device, 50); })) {
        if (r.request != "GET " + request) continue;
        note = r.note;
        return true;
      }
      return false;
    }));
    return note;
  };
  const std::string hint = "The address in the reader's file has something behind its token.";
  CHECK(noted("/v1/library/sync/v1/initialization") == hint);
  CHECK(noted("/v1/library/sync/v1/user/profile") == hint);
  CHECK(noted("/v1/initialization").empty());
  CHECK(noted("/v1/v1").empty());
}
