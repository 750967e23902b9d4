// A Kobo whose owner lets it ask the real store too (kobo.md 6.6, 16): what it gets from there, what the store hears, and that
// its own books come whatever the store does.
#include <chrono>

#include "server/core/text.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kobo/two_shops.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;
using namespace std::chrono_literals;
using harness::heard;
using harness::said;

namespace {

const headers json_type{{"Content-Type", "application/json"}};

std::string sync_path() { return "/v1/library/sync?Filter=ALL&DownloadUrlFilter=Generic,Android"; }

struct page {
  std::string body, token;
  bool more = false;
};
page ask_page(storefront& s, const std::string& token) {
  headers h;
  if (!token.empty()) h.emplace_back("x-kobo-synctoken", token);
  reply a = s.ask("GET", sync_path(), h);
  REQUIRE(a.status == 200);
  return {a.body, a.header("x-kobo-synctoken"), a.header("x-kobo-sync") == "continue"};
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::chrono::steady_clock::duration time_of(const std::function<void()>& act) {
  auto before = std::chrono::steady_clock::now();
  act();
  return std::chrono::steady_clock::now() - before;
}

std::string new_id() { return uuid::make().text(); }

}  // namespace

TEST_CASE("what is not ours is looked for in the store, and what is ours never") {
  two_shops s;
  const std::string own = s.book(), other = new_id();
  for (const std::string& path :
       {std::string("/v1/user/profile"), std::string("/v1/assets?DiffRequests=[{Key:a,Value:{}}]&x=%20"), "/v1/library/" + other,
        "/v1/library/" + other + "/metadata", "/v1/library/" + other + "/state", "/v1/products/books/" + other + "/access",
        "/v1/products/" + other + "/nextread", std::string("/v2/x"), std::string("/api/internal/notebooks/a")}) {
    INFO(path);
    reply r = s.here.ask("GET", path);
    CHECK(r.status == 307);
    CHECK(r.header("location") == s.api.url() + path);
    CHECK(r.header("referrer-policy") == "no-referrer");
  }
  CHECK(s.here.ask("GET", "//v1//deals/").header("location") == s.api.url() + "/v1/deals/");
  CHECK(s.here.ask("GET", "/api/UserStorage/Metadata").header("location") == s.reading.url() + "/api/UserStorage/Metadata");
  for (const std::string& path :
       {"/v1/library/" + own + "/metadata", "/v1/library/" + own + "/state", "/v1/products/books/" + own + "/access",
        "/v1/products/" + own + "/nextread", "/v1/products/books/" + own, "/v1/user/reviews?ProductIds=" + other + "," + own,
        std::string("/covers/x/1/1"), std::string("/"), std::string("/other/place"), std::string("/v1/../other"),
        std::string("/v1/%2e%2E/other"), std::string("/v1/a%2Fb")}) {
    INFO(path);
    CHECK(s.here.ask("GET", path).status == 200);
  }
  CHECK(s.connections() == 0);
}

TEST_CASE("what is not a question is handed on with the reader's own headers and nothing of ours") {
  two_shops s;
  s.api.says([](const heard&) {
    return said(201, R"({"SuccessfulIds":["a"]})",
                "Content-Type: application/vnd.kobo\r\nx-kobo-b: 2\r\nSet-Cookie: a=b\r\nX-Other: x\r\nx-kobo-synctoken: t\r\n");
  });
  const headers shown{{"Authorization", "Bearer of-the-store"},
                      {"User-Agent", "Kobo Touch"},
                      {"Accept", "application/json"},
                      {"Accept-Language", "en-GB"},
                      {"Content-Type", "application/json"},
                      {"x-kobo-deviceid", "abc"},
                      {"x-kobo-userkey", "def"},
                      {"x-kobo-synctoken", "ours"},
                      {"x-kobo-odd", s.here.token},
                      {"Cookie", "session=1"},
                      {"Referer", "https://books.example/kobo/" + s.here.token + "/v1/x"},
                      {"X-Forwarded-For", "192.0.2.1"},
                      {"Accept-Encoding", "gzip"}};
  reply r = s.here.ask("POST", "/v1/user/wishlist/items?a=b", shown, R"({"Add":[]})");
  CHECK(r.status == 201);
  CHECK(r.body == R"({"SuccessfulIds":["a"]})");
  CHECK(r.header("content-type") == "application/vnd.kobo");
  CHECK(r.header("x-kobo-b") == "2");
  for (const char* name : {"set-cookie", "x-other", "x-kobo-synctoken"}) CHECK(r.header(name).empty());

  REQUIRE(s.api.all().size() == 1);
  heard h = s.api.all().front();
  CHECK(h.method == "POST");
  CHECK(h.target == "/v1/user/wishlist/items?a=b");
  CHECK(h.body == R"({"Add":[]})");
  std::vector<std::string> names;
  for (const auto& [name, value] : h.head) names.push_back(lower_ascii(name));
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"accept", "accept-language", "authorization", "content-length", "content-type", "host",
                                          "user-agent", "x-kobo-deviceid", "x-kobo-userkey"});
}

TEST_CASE("the token of the device's address never leaves") {
  two_shops s;
  std::string letters;
  for (char c : s.here.token) letters += "%" + carrel::hex(std::string(1, c));
  for (const std::string& path :
       {"/v1/deals?from=" + s.here.token, "/v1/deals?from=" + letters, "/v1/" + s.here.token, std::string("/v1/deals?x=%zz")}) {
    INFO(path);
    CHECK(s.here.ask("GET", path).status == 200);
    CHECK(s.here.ask("POST", path, {}, "{}").status == 200);
  }
  CHECK(s.here.ask("POST", "/v1/user/x", {}, R"({"Url":"/kobo/)" + s.here.token + R"("})").body == "{}");
  CHECK(s.here.ask("GET", "/covers/" + s.here.token + "/1/1/false/image.jpg").status == 200);
  CHECK(s.connections() == 0);
}

TEST_CASE("the store's books come after ours, page by page, and an answer that was lost comes again") {
  two_shops s;
  s.api.says([](const heard& h) {
    std::string at = h.header("x-kobo-synctoken");
    if (at.empty())
      return said(200, R"( [{"NewEntitlement":{"a":1.50}}] )", "x-kobo-synctoken: T.1\r\nx-kobo-sync: continue\r\n");
    if (at == "T.1") return said(200, R"([{"NewEntitlement":{"b":2}},{"NewTag":{}}])", "x-kobo-synctoken: T.2\r\n");
    return said(200, "[]", "x-kobo-synctoken: T.3\r\n");
  });
  for (const char* title : {"One", "Two", "Three"}) s.here.shelve(title);

  page first = ask_page(s.here, "");
  CHECK(first.more);
  CHECK(s.connections() == 0);
  page second = ask_page(s.here, first.token);
  CHECK(second.more);
  CHECK(second.body.ends_with(R"(,{"NewEntitlement":{"a":1.50}}])"));
  CHECK(items_of(second.body).size() == 3);  // with the shelf as a collection
  page lost = ask_page(s.here, second.token);
  page third = ask_page(s.here, second.token);
  CHECK(lost.body == third.body);
  CHECK(lost.token == third.token);
  CHECK_FALSE(third.more);
  CHECK(third.body == R"([{"NewEntitlement":{"b":2}},{"NewTag":{}}])");
  page quiet = ask_page(s.here, third.token);
  CHECK(quiet.body == "[]");
  CHECK_FALSE(quiet.more);
  CHECK(quiet.token != third.token);
  for (const page& p : {first, second, third, quiet}) {
    CHECK(p.token.size() < 300);
    CHECK_FALSE(holds(p.token, "."));
  }
  std::vector<heard> all = s.api.all();
  REQUIRE(all.size() == 4);
  std::vector<std::string> cursors;
  for (const heard& h : all) {
    cursors.push_back(h.header("x-kobo-synctoken"));
    CHECK(h.target == sync_path());
  }
  CHECK(cursors == std::vector<std::string>{"", "T.1", "T.1", "T.2"});
}

TEST_CASE("a sync of several pages is one sync, and only the last cursors are kept") {
  two_shops s;
  s.api.says([](const heard& h) {
    std::string at = h.header("x-kobo-synctoken");
    int n = at.empty() ? 0 : std::stoi(at.substr(2));
    std::string more = n % 8 < 7 ? "x-kobo-sync: continue\r\n" : "";
    return said(200, R"([{"N":1}])", "x-kobo-synctoken: T." + std::to_string(n + 1) + "\r\n" + more);
  });
  s.here.shelve("One");
  page p;
  for (int sync = 0; sync < 2; ++sync) {
    do p = ask_page(s.here, p.token);
    while (p.more);
  }
  std::vector<std::int64_t> counts = s.here.db.pool().read_now([](db::tx& tx) {
    constexpr db::statement sql{"test.counts",
                                "select (select sum(syncs) from kobo_devices)::bigint, (select count(*) from kobo_store_pages)"};
    db::rows rows = tx.run(sql);
    return std::vector<std::int64_t>{rows[0].integer(0), rows[0].integer(1)};
  });
  CHECK(counts == std::vector<std::int64_t>{1, 4});
  CHECK(s.api.all().size() == 16);
}

TEST_CASE("a reader that cannot keep its token is not told the store's first page for ever") {
  two_shops s;
  s.api.says([](const heard&) { return said(200, R"([{"N":1}])", "x-kobo-synctoken: T.1\r\nx-kobo-sync: continue\r\n"); });
  const std::string kept = GENERATE(as<std::string>(), "", "a.b");
  int requests = 1;
  while (ask_page(s.here, kept).more && requests < 20) ++requests;
  CHECK(requests == 4);
}

TEST_CASE("a reader that comes from the store goes on where it was there") {
  two_shops s;
  s.api.says([](const heard&) { return said(200, "[]", "x-kobo-synctoken: T.9\r\n"); });
  for (const char* title : {"One", "Two", "Three"}) s.here.shelve(title);
  page first = ask_page(s.here, "eyJ0eXAiOjF9.eyJJbnRlcm5hbCJ9");
  CHECK(first.more);
  page second = ask_page(s.here, first.token);
  ask_page(s.here, second.token);
  std::vector<heard> all = s.api.all();
  REQUIRE(all.size() == 2);
  CHECK(all[0].header("x-kobo-synctoken") == "eyJ0eXAiOjF9.eyJJbnRlcm5hbCJ9");
  CHECK(all[1].header("x-kobo-synctoken") == "T.9");
}

TEST_CASE("the store is shown no token but its own, and none that it has refused") {
  two_shops s;
  s.here.shelve("One");
  SECTION("one of another server with a dot in it is none") {
    s.api.says([](const heard&) { return said(200, "[]", "x-kobo-synctoken: T.1\r\n"); });
    ask_page(s.here, "KOMGA.eyJ2IjoxfQ");
    CHECK(s.api.all().at(0).header("x-kobo-synctoken").empty());
  }
  SECTION("one that it refuses is forgotten") {
    s.api.says([](const heard& h) {
      return h.header("x-kobo-synctoken").empty() ? said(200, "[]", "x-kobo-synctoken: T.1\r\n") : said(400, "{}", "");
    });
    page refused = ask_page(s.here, "eyJ0eXAiOjF9.eyJJbnRlcm5hbCJ9");
    ask_page(s.here, refused.token);
    REQUIRE(s.api.all().size() == 2);
    CHECK_FALSE(s.api.all()[0].header("x-kobo-synctoken").empty());
    CHECK(s.api.all()[1].header("x-kobo-synctoken").empty());
  }
  SECTION("and no bearer of ours, nor does a reader get one in its place") {
    s.api.says([](const heard&) { return said(200, "{}", ""); });
    s.here.ask("POST", "/v1/user/wishlist/items", {{"Authorization", "Bearer " + std::string(43, 'x')}}, "{}");
    REQUIRE(s.api.all().size() == 1);
    CHECK(s.api.all()[0].header("authorization").empty());
    CHECK(s.here.ask("POST", "/oauth/token").status == 503);
  }
}

TEST_CASE("after a reset the store starts again too") {
  two_shops s;
  s.api.says([](const heard&) { return said(200, "[]", "x-kobo-synctoken: T.9\r\n"); });
  s.here.shelve("One");
  page p = ask_page(s.here, ask_page(s.here, "").token);
  s.here.db.pool().write_now([&](db::tx& tx) {
    constexpr db::statement sql{"test.reset", "update kobo_devices set epoch = epoch + 1, changes = changes + 1"};
    tx.run(sql);
  });
  s.api.forget();
  page again = ask_page(s.here, p.token);
  CHECK(items_of(again.body).size() == 2);
  REQUIRE(s.api.all().size() == 1);
  CHECK(s.api.all()[0].header("x-kobo-synctoken").empty());
}

TEST_CASE("whatever the store says instead of a sync, our books come and its cursor stays") {
  two_shops s;
  s.here.shelve("One");
  page p = ask_page(s.here, "");
  const std::string token = "x-kobo-synctoken: T.1\r\n";
  for (const std::string& bad :
       {said(401, "[]", token), said(500, "[]", token), said(200, "{}", token), said(200, "[{", token), said(200, "", token),
        said(200, "[1]"), said(302, "", "Location: /elsewhere\r\n" + token),
        said(200, "[\"" + std::string(9 << 20, 'x') + "\"]", token),
        said(200, "[]", "x-kobo-synctoken: " + std::string(20'000, 'x') + "\r\n"), std::string("nonsense\r\n\r\n")}) {
    INFO(bad.substr(0, 80));
    s.api.says([bad](const heard&) { return bad; });
    page a = ask_page(s.here, p.token);
    CHECK(a.body == "[]");
    CHECK_FALSE(a.more);
    CHECK(a.token == p.token);
  }
  for (const heard& h : s.api.all()) CHECK(h.target == sync_path());
}

TEST_CASE("a store that does not answer costs two seconds once, and then nothing for a while") {
  two_shops s;
  s.api.says([](const heard&) { return std::string(); });
  s.here.shelve("One");
  page p;
  CHECK(time_of([&] { p = ask_page(s.here, ""); }) < 4s);
  CHECK(items_of(p.body).size() == 2);
  CHECK(s.connections() == 1);
  CHECK(time_of([&] { p = ask_page(s.here, p.token); }) < 1500ms);
  CHECK(time_of([&] { CHECK(s.here.ask("GET", "/v1/initialization").status == 200); }) < 1500ms);
  CHECK(p.body == "[]");
  CHECK(s.connections() == 1);
}

TEST_CASE("the store's refusal of its token reaches the reader; its map does not") {
  two_shops s;
  const std::string expired = R"({"ResponseStatus":{"ErrorCode":"ExpiredToken","Message":"x"}})";
  s.api.says([&](const heard&) { return said(401, expired, "Content-Type: application/json\r\n"); });
  reply r = s.here.ask("GET", "/v1/initialization?x=y", {{"Authorization", "Bearer old"}});
  CHECK(r.status == 401);
  CHECK(r.body == expired);
  CHECK(s.api.all().at(0).target == "/v1/initialization?x=y");
  CHECK(s.api.all().at(0).header("authorization") == "Bearer old");
  for (const std::string& other : {said(200, R"({"Resources":{"library_sync":"https://storeapi.kobo.com/v1/library/sync"}})"),
                                   said(400, "Invalid token version."), said(200, "damaged"), said(503, "")}) {
    s.api.says([other](const heard&) { return other; });
    r = s.here.ask("GET", "/v1/initialization");
    CHECK(r.status == 200);
    CHECK(r.header("x-kobo-apitoken") == "e30=");
    CHECK(r.object().find("Resources")->as_object()->size() > 150);
    CHECK(holds(r.body, "https://books.example/kobo/" + s.here.token + "/v1/library/sync"));
    CHECK(holds(r.body, R"("oauth_host":"https://accounts.example")"));
    CHECK_FALSE(holds(r.body, "storeapi.kobo.com"));
  }
}

TEST_CASE("a reader gets the store's tokens and is known by them") {
  two_shops s;
  const std::string own = s.book(), given = R"({"AccessToken":"from-the-store","RefreshToken":"r","TokenType":"Bearer"})";
  s.api.says([&](const heard&) { return said(200, given, "Content-Type: application/json\r\n"); });
  CHECK(s.here.ask("POST", "/v1/auth/device", json_type, R"({"UserKey":"k","DeviceId":"d"})").body == given);
  CHECK(s.api.all().at(0).body == R"({"UserKey":"k","DeviceId":"d"})");
  const std::string note = "/api/v3/content/" + own + "/annotations";
  CHECK(s.here
            .ask_root("PATCH", note, {{"Authorization", "Bearer from-the-store"}},
                      R"({"updatedAnnotations":[{"id":"a1","clientLastModifiedUtc":"2026-03-06T21:30:44Z"}]})")
            .status == 204);
  CHECK(holds(s.here.ask_root("GET", note, {{"Authorization", "Bearer from-the-store"}}).body, "a1"));
  CHECK(s.reading.connections() == 0);

  for (int status : {400, 401, 503}) {
    s.api.says([status](const heard&) { return said(status, R"({"no":1})"); });
    reply r = s.here.ask("POST", "/v1/auth/refresh", json_type, R"({"RefreshToken":"r"})");
    CHECK(r.status == status);
    CHECK(r.body == R"({"no":1})");
  }
  reply where = s.here.ask("GET", "/oauth/.well-known/openid-configuration");
  CHECK(where.status == 307);
  CHECK(where.header("location") == "https://accounts.example/.well-known/openid-configuration");
}

TEST_CASE("while the store is away a reader keeps the tokens that it has") {
  two_shops s;
  s.api.says([](const heard&) { return std::string("\r\n"); });
  reply r = s.here.ask("POST", "/v1/auth/refresh", {{"Authorization", "Bearer mine"}}, R"({"RefreshToken":"r"})");
  CHECK(r.status == 200);
  CHECK(r.text("AccessToken") == "mine");
  CHECK(r.text("RefreshToken") == "r");
  CHECK(r.text("TokenType") == "Bearer");
  for (const char* path : {"/v1/auth/device", "/v1/auth/refresh", "/v1/auth/exchange"}) {
    INFO(path);
    reply none = s.here.ask("POST", path, {}, R"({"UserKey":""})");
    CHECK(none.status == 503);
    CHECK(none.header("retry-after") == "60");
  }
}

TEST_CASE("the place in a book of the store is told to the store, that in ours is not") {
  two_shops s;
  const std::string own = s.book(), other = new_id();
  const std::string state = R"({"ReadingStates":[{"LastModified":"2026-03-06T21:30:44Z","StatusInfo":{"Status":"Reading"}}]})";
  s.api.says([](const heard&) { return said(200, R"({"RequestResult":"Success"})"); });
  CHECK(s.here.ask("PUT", "/v1/library/" + other + "/state", {}, state).body == R"({"RequestResult":"Success"})");
  REQUIRE(s.api.all().size() == 1);
  CHECK(s.api.all()[0].method == "PUT");
  CHECK(s.api.all()[0].target == "/v1/library/" + other + "/state");
  CHECK(s.here.ask("DELETE", "/v1/library/" + other).body == R"({"RequestResult":"Success"})");
  CHECK(s.api.all().size() == 2);

  for (const std::string& bad : {said(500, "x"), said(401, "x"), said(302, "", "Location: http://127.0.0.1/\r\n")}) {
    s.api.says([bad](const heard&) { return bad; });
    reply r = s.here.ask("PUT", "/v1/library/" + other + "/state", {}, state);
    CHECK(r.status == 200);
    CHECK(holds(r.body, "Ignored"));
    CHECK(s.here.ask("DELETE", "/v1/library/" + other).status == 204);
    CHECK(s.here.ask("POST", "/v1/user/wishlist/items", {}, "{}").body == R"({"SuccessfulIds":[]})");
  }
  s.api.forget();
  CHECK(holds(s.here.ask("PUT", "/v1/library/" + own + "/state", {}, state).body, own));
  CHECK(s.here.ask("POST", "/v1/user/wishlist/items", {}, R"({"Add":[{"CrossRevisionId":")" + own + R"("}]})").status == 200);
  CHECK(s.here.ask("DELETE", "/v1/library/" + own).status == 204);
  CHECK(s.connections() == 0);
}

TEST_CASE("a collection of both kinds of books is made in both places, each with its own") {
  two_shops s;
  const std::string own = s.book(), other = new_id();
  auto item = [](const std::string& id) { return R"({"RevisionId":")" + id + R"(","Type":"ProductRevisionTagItem"})"; };
  s.api.says([](const heard&) { return said(201, "\"of-the-store\""); });

  reply both = s.here.ask("POST", "/v1/library/tags", {},
                          R"({"Name":"Both","Items":[)" + item(own) + "," + item("file:///x.epub") + "," + item(other) + "]}");
  CHECK(both.status == 201);
  std::string tag = both.body.substr(1, 36);
  CHECK(uuid::parse(tag));
  REQUIRE(harness::eventually([&] { return s.api.all().size() == 1; }));
  CHECK(s.api.all()[0].body == R"({"Name":"Both","Items":[)" + item(other) + "]}");

  CHECK(s.here.ask("POST", "/v1/library/tags", {}, R"({"Name":"Theirs","Items":[)" + item(other) + "]}").body ==
        "\"of-the-store\"");
  CHECK(s.api.all().size() == 2);
  const std::string theirs = "/v1/library/tags/" + new_id();
  CHECK(s.here.ask("POST", theirs + "/Items", {}, R"({"Items":[)" + item(own) + "," + item(other) + "]}").body ==
        "\"of-the-store\"");
  CHECK(s.api.all().at(2).target == theirs + "/Items");
  CHECK(s.api.all().at(2).body == R"({"Items":[)" + item(other) + "]}");
  CHECK(s.here.ask("PUT", theirs, {}, R"({"Name":"x"})").status == 201);
  CHECK(s.here.ask("DELETE", theirs).status == 201);
  CHECK(s.api.all().size() == 5);

  CHECK(s.here.ask("POST", "/v1/library/tags", {}, R"({"Name":"Ours","Items":[)" + item(own) + "]}").status == 201);
  CHECK(s.here.ask("POST", "/v1/library/tags", {}, R"({"Name":"Empty","Items":[]})").status == 201);
  CHECK(s.here.ask("POST", "/v1/library/tags", {}, R"({"Name":"Empty too"})").status == 201);
  CHECK(s.here.ask("POST", "/v1/library/tags/" + tag + "/items", {}, R"({"Items":[)" + item(other) + "]}").status == 201);
  CHECK(s.here.ask("PUT", "/v1/library/tags/" + tag, {}, R"({"Name":"Mine"})").status == 200);
  CHECK(s.here.ask("DELETE", "/v1/library/tags/" + tag).status == 200);
  CHECK(s.here.ask("DELETE", "/v1/library/tags").status == 405);
  CHECK(s.api.all().size() == 5);
}

TEST_CASE("what a reader reports of our books stays here") {
  two_shops s;
  const std::string own = s.book(), other = new_id();
  s.api.says([](const heard&) { return said(200, "{}"); });
  auto event = [](const std::string& id, const std::string& about) {
    return R"({"Id":")" + id + R"(","EventType":"OpenContent","Attributes":{"volumeid":")" + about + R"("}})";
  };
  reply r = s.here.ask("POST", "/v1/analytics/event", json_type,
                       R"({"Events":[)" + event("e1", own) + "," + event("e2", other) + "," +
                           event("e3", "/kobo/" + s.here.token) + "," + event("e4", "x") + "]}");
  CHECK(r.body == R"({"Result":"Success","AcceptedEvents":["e1","e2","e3","e4"],"RejectedEvents":{}})");
  REQUIRE(harness::eventually([&] { return s.api.all().size() == 1; }));
  CHECK(s.api.all()[0].body == R"({"Events":[)" + event("e2", other) + "," + event("e4", "x") + "]}");
  CHECK(s.here.ask("POST", "/v1/analytics/event", json_type, R"({"Events":[)" + event("e1", own) + "]}").status == 200);
  CHECK(s.api.connections() == 1);
}

TEST_CASE("covers of the store are looked for there") {
  two_shops s;
  const std::string own = s.book(), other = new_id();
  reply r = s.here.ask("GET", "/covers/" + other + "/355/530/80/false/image.jpg");
  CHECK(r.status == 307);
  CHECK(r.header("location") == "https://covers.example/images/" + other + "/355/530/false/image.jpg");
  CHECK(s.here.ask("GET", "/covers/a%20b/x/9999999/false/image.jpg").header("location") ==
        "https://covers.example/images/a%20b/355/4096/false/image.jpg");
  CHECK(s.here.ask("GET", "/covers/" + own + "-01234567/355/530/false/image.jpg").status == 200);
}

TEST_CASE("highlights of the store's books are the store's, and of ours it hears nothing") {
  two_shops s;
  const std::string own = s.book(), other = new_id(), third = new_id();
  s.reading.says([&](const heard& h) {
    if (h.target == "/api/v3/content/checkforchanges") return said(200, R"([")" + other + R"(",")" + own + R"(","x"])");
    return said(202, "");
  });
  const std::string inventory = R"([{"ContentId":")" + own + R"(","etag":"W/\"5\""},{"ContentId":")" + other +
                                R"(","etag":"W/\"7\""},{"ContentId":")" + third +
                                R"(","etag":"W/\"0\""},{"ContentId":"file:///x.epub"}])";
  const headers shown{{"Authorization", "Bearer known"}};
  s.here.ask("GET", "/v1/user/profile", shown);
  REQUIRE(harness::eventually([&] {
    s.reading.forget();
    return s.here.ask_root("POST", "/api/v3/content/checkforchanges", shown, inventory).body == R"([")" + other + R"("])";
  }));
  REQUIRE(s.reading.all().size() == 1);
  CHECK(s.reading.all()[0].body ==
        R"([{"ContentId":")" + other + R"(","etag":"W/\"7\""},{"ContentId":")" + third + R"(","etag":"W/\"0\""}])");
  s.reading.forget();

  const std::string notes = "/api/v3/content/" + other + "/annotations";
  CHECK(s.here.ask_root("GET", notes + "?limit=100", shown).header("location") == s.reading.url() + notes + "?limit=100");
  CHECK(s.here.ask_root("PATCH", notes, shown, "{}").status == 202);
  CHECK(s.reading.all().size() == 1);
  CHECK(s.here.ask_root("PUT", "/api/UserStorage/a", shown, "x").status == 202);
  CHECK(s.reading.all().size() == 2);
  CHECK(s.here.ask_root("GET", "/api/internal/notebooks/x", shown).header("location") ==
        s.api.url() + "/api/internal/notebooks/x");
  const std::string ours = "/api/v3/content/" + own + "/annotations";
  CHECK(s.here.ask_root("GET", ours, shown).status == 200);
  CHECK(s.here.ask_root("PATCH", ours, shown, "{}").status == 204);
  CHECK(s.reading.all().size() == 2);

  s.reading.says([](const heard&) { return said(500, ""); });
  CHECK(s.here.ask_root("PATCH", notes, shown, "{}").status == 204);
  CHECK(s.here.ask_root("POST", "/api/v3/content/checkforchanges", shown, inventory).body == "[]");
}

TEST_CASE("for whom nobody knows nothing is handed on") {
  two_shops s;
  const std::string other = new_id();
  for (const headers& shown : {headers{}, headers{{"Authorization", "Bearer unknown"}}, headers{{"x-kobo-deviceid", "abc"}}}) {
    const std::string notes = "/api/v3/content/" + other + "/annotations";
    CHECK(s.here.ask_root("POST", "/api/v3/content/checkforchanges", shown, R"([{"ContentId":")" + other + R"(","etag":"x"}])")
              .body == "[]");
    CHECK(s.here.ask_root("GET", notes, shown).status == 200);
    CHECK(s.here.ask_root("PATCH", notes, shown, "{}").status == 204);
    CHECK(s.here.ask_root("GET", "/api/UserStorage/Metadata", shown).status == 200);
    CHECK(s.here.ask_root("PUT", "/api/UserStorage/x", shown, "x").status == 200);
    CHECK(s.here.ask_root("POST", "/api/internal/notebooks/x", shown, "x").status == 200);
  }
  s.here.token = "AAAAAAAAAAAAAAAAAAAAAAAA";
  for (const char* path : {"/v1/user/profile", "/v1/initialization", "/v1/library/x", "/v1/library/sync"}) {
    CHECK(s.here.ask("GET", path).status == 401);
    CHECK(s.here.ask("POST", path, {}, "{}").status != 307);
  }
  CHECK(s.connections() == 0);
}

TEST_CASE("without its owner's wish a Kobo asks nobody else") {
  bool by_setting = GENERATE(true, false);
  two_shops s(by_setting ? "off" : "on");
  if (!by_setting) s.choose(false);
  const std::string own = s.book(), other = new_id();
  page p = ask_page(s.here, "eyJ0eXAiOjF9.eyJJbnRlcm5hbCJ9");
  while (p.more) p = ask_page(s.here, p.token);
  CHECK(ask_page(s.here, p.token).token == p.token);
  for (const std::string& path :
       {std::string("/v1/initialization"), std::string("/v1/user/profile"), "/v1/library/" + other + "/metadata",
        "/v1/library/" + other + "/state", "/covers/" + other + "/1/1/false/image.jpg", std::string("/api/UserStorage/Metadata"),
        std::string("/oauth/.well-known/openid-configuration"), "/v1/library/" + other}) {
    INFO(path);
    CHECK(s.here.ask("GET", path).status == 200);
  }
  CHECK(holds(s.here.ask("GET", "/v1/initialization").body, R"("oauth_host":"https://books.example/kobo/)"));
  CHECK(s.here.ask("POST", "/v1/auth/device", {}, "{}").text("TokenType") == "Bearer");
  CHECK(s.here.ask("PUT", "/v1/library/" + other + "/state", {}, R"({"ReadingStates":[{}]})").status == 200);
  CHECK(s.here.ask("POST", "/v1/analytics/event", {}, R"({"Events":[{"Id":"e","EventType":"x"}]})").status == 200);
  CHECK(s.here.ask("POST", "/v1/library/tags", {}, R"({"Name":"x","Items":[{"RevisionId":")" + other + R"("}]})").status == 201);
  CHECK(s.here.ask("GET", "/api/v3/content/" + other + "/annotations").status == 404);
  CHECK(s.here.ask("POST", "/api/v3/content/checkforchanges", {}, R"([{"ContentId":")" + other + R"(","etag":"x"}])").body ==
        "[]");
  CHECK(s.connections() == 0);

  s.choose(true);
  CHECK(s.here.ask("GET", "/v1/user/profile").status == 307);
  s.choose(std::nullopt);
  CHECK(s.here.ask("GET", "/v1/user/profile").status == (by_setting ? 200 : 307));
}
