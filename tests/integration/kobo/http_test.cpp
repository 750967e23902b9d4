// The storefront over real sockets, as a Kobo meets it (kobo.md 3, 4, 5, 9, 12, 18).
#include "tests/harness/eventually.hpp"
#include "tests/integration/kobo/storefront.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

constexpr db::statement started{"test.download_started", "select from kobo_signals where download_started_at is not null"};
constexpr db::statement complete{"test.fetched", "select from kobo_signals where download_done_at is not null and starts = 0"};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

TEST_CASE("a Kobo that comes for the first time finds its way to its books") {
  storefront s;
  for (const char* title : {"One", "Two", "Three"}) s.shelve(title);

  reply map = s.ask("GET", "/v1/initialization");
  CHECK(map.status == 200);
  CHECK(map.header("x-kobo-apitoken") == "e30=");
  CHECK(map.header("content-type") == "application/json; charset=utf-8");
  CHECK(map.body.find("https://books.example/kobo/" + s.token + "/v1/library/sync") != std::string::npos);
  CHECK(map.body.find(R"("reading_services_host":"https://books.example")") != std::string::npos);
  CHECK(s.ask("POST", "/v1/auth/device", {}, R"({"UserKey":""})").text("TokenType") == "Bearer");
  CHECK(s.ask("POST", "/v1/auth/refresh", {}, "{}").status == 200);
  CHECK_FALSE(s.ask("GET", "/oauth/.well-known/openid-configuration").text("token_endpoint").empty());
  CHECK_FALSE(s.ask("POST", "/oauth/token", {}, "grant_type=refresh_token").text("user_id").empty());

  reader r;
  s.sync(r);
  CHECK(r.library.size() == 3);
  std::string token = r.token;
  s.sync(r);
  CHECK(r.token == token);

  const std::string id = r.library.begin()->first;
  reply file = s.ask("GET", s.file_path(id));
  CHECK(file.status == 200);
  CHECK(file.body.size() == 1000);
  CHECK(file.header("content-type") == "application/epub+zip");
  CHECK(s.ask("GET", "/download/" + id + "/000000000000/x.epub").status == 404);
  CHECK(s.ask("GET", "/download/" + uuid::make().text() + "/000000000000/x.epub").status == 404);
}

TEST_CASE("what a reader says of itself may be any bytes") {
  storefront s;
  s.shelve("One");
  CHECK(s.ask("GET", "/v1/library/sync", {{"x-kobo-appversion", "4.\xff\xfe"}, {"x-kobo-devicemodel", "Kobo \xc3"}}).status ==
        200);
}

TEST_CASE("states and removals are taken, whatever they look like") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  const std::string id = r.library.begin()->first, path = "/v1/library/" + id + "/state";
  CHECK(s.ask("GET", path).body.find(R"("Status":"ReadyToRead")") != std::string::npos);
  reply put = s.ask(
      "PUT", path, {},
      R"({"ReadingStates":[{"EntitlementId":")" + id +
          R"(","LastModified":"2026-03-06T21:30:44Z","StatusInfo":{"Status":"Reading","LastModified":"2026-03-06T21:30:44Z"}}]})");
  CHECK(put.status == 200);
  CHECK(put.body.find(R"("StatusInfoResult":{"Result":"Success"})") != std::string::npos);
  CHECK(s.ask("GET", path).body.find(R"("LastModified":"2026-03-06T21:30:44Z")") != std::string::npos);
  for (const char* body : {"", "{", "[]", R"({"ReadingStates":7})", R"({"ReadingStates":[null,1,"x"]})"}) {
    INFO(body);
    reply odd = s.ask("PUT", path, {}, body);
    CHECK(odd.status == 200);
    CHECK(odd.body == R"({"RequestResult":"Failure","UpdateResults":[]})");
  }
  std::string unknown = "/v1/library/" + uuid::make().text();
  CHECK(s.ask("PUT", unknown + "/state", {}, R"({"ReadingStates":[{}]})").body.find("Ignored") != std::string::npos);
  CHECK(s.ask("GET", unknown + "/state").body == "[]");
  CHECK(s.ask("GET", unknown + "/metadata").body == "[]");
  CHECK(s.ask("DELETE", unknown).status == 204);
  CHECK(s.ask("DELETE", "/v1/library/tags").status == 405);

  CHECK(s.ask("DELETE", "/v1/library/" + id).status == 204);
  r.remove(id);
  s.sync(r);
  CHECK(r.library.empty());
}

TEST_CASE("a wrong token opens nothing, and nothing else is refused") {
  storefront s;
  std::string good = s.token;
  s.token = "AAAAAAAAAAAAAAAAAAAAAAAA";
  for (const char* path : {"/v1/initialization", "/v1/library/sync", "/v1/anything", ""}) {
    reply r = s.ask("GET", path);
    CHECK(r.status == 401);
    CHECK(r.body == "{}");
  }
  s.token = good;
  for (const char* path :
       {"", "/", "/v1/user/profile", "/v1/assets?DiffRequests=[{Key:a,Value:{}}]", "//v1//deals", "/v1/deals/", "/v2/x/y",
        "/v1/library/sync/v1/initialization", "/v1/library/not-an-id/metadata", "/v1/library/search?q=%00"}) {
    INFO(path);
    CHECK(s.ask("GET", path).status == 200);
  }
  CHECK(s.ask("POST", "/v1/library/sync", {}, "{}").status == 200);
  CHECK(s.ask("PATCH", "/v1/initialization", {}, "{}").status == 200);
}

TEST_CASE("covers fit the box, and a book without one has plain paper") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  const std::string id = r.library.begin()->first;
  for (const std::string& image : {id + "-01234567", id, uuid::make().text(), std::string("x")}) {
    INFO(image);
    for (const char* rest : {"/355/530/false/image.jpg", "/1264/1680/80/isGreyscale/image.jpg", "/0/99999/x/True/image.jpg"}) {
      reply paper = s.ask("GET", "/covers/" + image + rest);
      CHECK(paper.status == 200);
      CHECK(paper.header("content-type") == "image/jpeg");
      CHECK(paper.header("cache-control") == "no-store");
      CHECK(paper.body.starts_with("\xFF\xD8\xFF"));
    }
  }
  CHECK(s.ask("GET", "//covers//" + id + "/60/90/false/image.jpg").status == 200);
}

TEST_CASE("analytics are accepted, and a sync that failed is remembered") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  reply a = s.ask("POST", "/v1/analytics/event", {},
                  R"({"Events":[{"Id":"e1","EventType":"FailedSync","Attributes":{"FailureReason":"WebRequestErr"}},)"
                  R"({"Id":"e2","EventType":"LeaveContent","Attributes":{"volumeid":")" +
                      r.library.begin()->first + R"("}},{"Id":7},9]})");
  CHECK(a.body == R"({"Result":"Success","AcceptedEvents":["e1","e2"],"RejectedEvents":{}})");
  std::vector<std::string> rows = s.db.pool().read_now([](db::tx& tx) {
    constexpr db::statement sql{"test.events", "select what || ' ' || detail from kobo_events"};
    std::vector<std::string> out;
    for (const db::row& row : tx.run(sql)) out.push_back(row.text(0));
    return out;
  });
  CHECK(rows == std::vector<std::string>{"failed WebRequestErr"});
  for (const char* body : {"", "[]", R"({"Events":7})", R"({"Events":[{"EventType":"FailedSync","Attributes":7}]})"}) {
    INFO(body);
    CHECK(s.ask("POST", "/v1/analytics/event", {}, body).status == 200);
  }
}

TEST_CASE("a file that is away is no book, and what cannot be a token opens nothing") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  std::string path = s.file_path(r.library.begin()->first);
  s.lose_files();
  CHECK(s.ask("GET", path).status == 404);
  std::string token = r.token;
  s.sync(r);
  CHECK(r.library.size() == 1);
  s.token = "%00";
  CHECK(s.ask("GET", "/v1/initialization").status == 401);
}

TEST_CASE("states are taken as far as they make sense, and never with an error") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  const std::string path = "/v1/library/" + r.library.begin()->first + "/state";
  auto put = [&](const std::string& sections) {
    reply a = s.ask("PUT", path, {}, R"({"ReadingStates":[{"LastModified":"2026-03-06T21:30:44Z",)" + sections + "}]}");
    CHECK(a.status == 200);
    return a.body;
  };
  const std::string at = R"("LastModified":"2026-03-06T21:30:44Z")";
  for (const char* status : {"5", "\"x\\u0000\"", "\"Read\"", "[]"})
    CHECK(put(R"("StatusInfo":{)" + at + R"(,"Status":)" + status + "}").find(R"("StatusInfoResult":{"Result":"Failure"})") !=
          std::string::npos);
  for (const char* percent : {"1e300", "-1", "101", "\"7\""})
    CHECK(put(R"("CurrentBookmark":{)" + at + R"(,"ProgressPercent":)" + percent + "}").find("Failure") != std::string::npos);
  put(R"("CurrentBookmark":{)" + at +
      R"(,"ProgressPercent":33.7,"a\u0000":"b","Location":{"Source":"c\u0000","Type":"KoboSpan","Value":"kobo.1.1"}})");
  std::string state = s.ask("GET", path).body;
  CHECK(state.find(R"("ProgressPercent":33)") != std::string::npos);
  CHECK(state.find("u0000") == std::string::npos);
  // What a clock that is years ahead says is told back to its reader alone.
  put(R"("StatusInfo":{"LastModified":"2099-01-01T00:00:00Z","Status":"Finished"})");
  CHECK(s.ask("GET", path).body.find(R"("PriorityTimestamp":"2099-01-01T00:00:00Z")") != std::string::npos);
  s.token = s.db.pool().write_now([&](db::tx& tx) {
    library::new_device other = library::add_device(tx, s.db.reader(), "Libra", "kobo").value();
    library::feed_device(tx, other.made.id, s.shelf, true);
    return other.token;
  });
  std::string elsewhere = s.ask("GET", path).body;
  CHECK(elsewhere.find(R"("Status":"Finished")") != std::string::npos);
  CHECK(elsewhere.find("2099-01") == std::string::npos);
}

TEST_CASE("a download that is resumed counts once, and as complete") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  std::string path = s.file_path(r.library.begin()->first);
  auto noted = [&](const db::statement& which) {
    return s.db.pool().read_now([&](db::tx& tx) { return !tx.run(which).empty(); });
  };
  // Who never asked for the beginning has not got the book.
  for (const char* range : {"bytes=-1", "bytes=500-"}) CHECK(s.ask("GET", path, {{"Range", range}}).status == 206);
  CHECK(s.ask("GET", path, {{"Range", "bytes=0-499"}}).status == 206);
  CHECK(harness::eventually([&] { return noted(started); }));
  CHECK_FALSE(noted(complete));
  for (int i = 0; i < 4; ++i) CHECK(s.ask("GET", path, {{"Range", "bytes=500-"}}).status == 206);
  CHECK(harness::eventually([&] { return noted(complete); }));
}

TEST_CASE("a book that is asked for several times at once is answered once") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  const std::string id = r.library.begin()->first;
  std::string once = s.ask("GET", "/v1/library/" + id + "/metadata").body;
  CHECK(s.ask("GET", "/v1/library/" + id + "," + id + ",x," + upper(id) + "/metadata").body == once);
}

TEST_CASE("a database that hangs is told as one that is away, so that the Kobo comes again") {
  storefront s({}, {}, std::chrono::milliseconds(300));
  s.shelve("One");
  reply late;
  s.db.pool().write_now([&](db::tx& tx) {
    tx.script("lock table kobo_devices in access exclusive mode");
    late = s.ask("GET", "/v1/library/sync");
  });
  CHECK(late.status == 503);
  CHECK(late.header("retry-after") == "60");
  CHECK(late.header("x-kobo-synctoken").empty());
  CHECK(late.body.find('[') == std::string::npos);
}

TEST_CASE("a storefront that is switched off opens nothing") {
  storefront s(headers{{"kobo.enabled", "off"}});
  CHECK(s.ask("GET", "/v1/initialization").status == 403);
  CHECK(s.ask("GET", "/v1/library/sync").body == "{}");
}
