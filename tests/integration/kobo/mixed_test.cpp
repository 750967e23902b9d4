// Requests that speak of our books and of the store's at once (kobo.md 16.2): each hears of its own, and the store never of ours.
#include "tests/harness/eventually.hpp"
#include "tests/integration/kobo/two_shops.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;
using harness::heard;
using harness::said;

namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string state(const std::string& id, int percent) {
  const std::string at = R"("LastModified":"2026-03-06T21:30:44Z")";
  return R"({"EntitlementId":")" + id + "\"," + at + R"(,"CurrentBookmark":{)" + at + R"(,"ProgressPercent":)" +
         std::to_string(percent) + "}}";
}
std::string states(const std::string& some) { return R"({"ReadingStates":[)" + some + "]}"; }

std::string item(const std::string& id) { return R"({"RevisionId":")" + id + R"(","Type":"ProductRevisionTagItem"})"; }
std::string items(const std::string& some) { return R"({"Items":[)" + some + "]}"; }

struct mixture : two_shops {
  std::string own = book(), other = uuid::make().text();

  mixture() {
    api.says([](const heard&) { return said(200, "\"of-the-store\""); });
  }
  // No word of our book has reached the store, however it was written.
  void check_nothing_leaked() const {
    for (const heard& h : api.all()) {
      INFO(h.method << " " << h.target << " " << h.body);
      for (const std::string& text : {h.target, h.body}) {
        CHECK(text.find(own) == std::string::npos);
        CHECK(text.find(upper(own)) == std::string::npos);
        CHECK(text.find(here.token) == std::string::npos);
      }
    }
  }
  std::string place() { return here.ask("GET", "/v1/library/" + own + "/state").body; }
};

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a place in our book is taken here, also when one in a book of the store comes with it") {
  mixture s;
  const std::string both = states(state(s.other, 70) + "," + state(s.own, 40));
  reply mine = s.here.ask("PUT", "/v1/library/" + s.own + "/state", {}, both);
  CHECK(holds(mine.body, s.own));
  CHECK(holds(mine.body, R"("CurrentBookmarkResult":{"Result":"Success"})"));
  CHECK(holds(s.place(), R"("ProgressPercent":40)"));
  for (const std::string& path :
       {"/v1/library/" + s.other, "/v1/library/" + upper(s.own), "/v1/library/" + s.own + "," + s.other}) {
    INFO(path);
    reply r = s.here.ask("PUT", path + "/state", {}, both);
    CHECK(r.status == 200);
    CHECK(holds(r.body, R"("RequestResult":"Success")"));
  }
  CHECK(holds(s.place(), R"("ProgressPercent":40)"));
  CHECK(s.connections() == 0);
  // Of a book of the store alone the store hears.
  CHECK(s.here.ask("PUT", "/v1/library/" + s.other + "/state", {}, states(state(s.other, 70))).body == "\"of-the-store\"");
  CHECK(s.api.all().size() == 1);
}

TEST_CASE("a question about books of both is answered here, as far as they are ours") {
  mixture s;
  for (const std::string& ids : {s.own + "," + s.other, s.other + "," + s.own, upper(s.own) + "," + s.other}) {
    INFO(ids);
    for (const char* about : {"/metadata", "/state"}) {
      reply r = s.here.ask("GET", "/v1/library/" + ids + about);
      CHECK(r.status == 200);
      result<json::value, json::failure> all = json::parse(r.body);
      REQUIRE(all);
      REQUIRE(all->as_array() != nullptr);
      CHECK(all->as_array()->size() == 1);
      CHECK(holds(r.body, s.own));
      CHECK_FALSE(holds(r.body, s.other));
    }
    CHECK(s.here.ask("GET", "/v1/products/" + ids + "/prices").body == R"({"Items":[]})");
  }
  CHECK(s.connections() == 0);
}

TEST_CASE("a collection with books of both is kept in both places, and each hears of its own members") {
  mixture s;
  reply made =
      s.here.ask("POST", "/v1/library/tags", {}, R"({"Name":"Both","Items":[)" + item(upper(s.own)) + "," + item(s.other) + "]}");
  CHECK(made.status == 201);
  const std::string tag = made.body.substr(1, 36), theirs = uuid::make().text();
  REQUIRE(uuid::parse(tag));
  REQUIRE(harness::eventually([&] { return s.api.all().size() == 1; }));
  CHECK(s.api.all()[0].body == R"({"Name":"Both","Items":[)" + item(s.other) + "]}");
  reader r;
  s.here.sync(r);
  REQUIRE(r.tags.contains(tag));
  CHECK(r.tags.at(tag) == std::pair<std::string, std::set<std::string>>("Both", {s.own}));

  // Into and out of our own: the store does not know it.
  s.api.forget();
  for (const char* path : {"/items", "/Items", "/items/delete", "/Items/delete"})
    CHECK(s.here.ask("POST", "/v1/library/tags/" + tag + path, {}, items(item(s.own) + "," + item(s.other))).status < 300);
  CHECK(std::none_of(s.api.all().begin(), s.api.all().end(), [&](const heard& h) { return holds(h.target, tag); }));
  s.here.sync(r);
  CHECK(r.tags.at(tag).second.empty());

  // Into and out of one of the store: without ours.
  s.api.forget();
  for (const char* path : {"/items", "/Items/delete"}) {
    CHECK(s.here.ask("POST", "/v1/library/tags/" + theirs + path, {}, items(item(s.own) + "," + item(s.other))).body ==
          "\"of-the-store\"");
    REQUIRE_FALSE(s.api.all().empty());
    CHECK(s.api.all().back().target == "/v1/library/tags/" + theirs + path);
    CHECK(s.api.all().back().body == items(item(s.other)));
    std::size_t before = s.api.all().size();
    CHECK(s.here.ask("POST", "/v1/library/tags/" + theirs + path, {}, items(item(s.own))).status < 300);  // accepted, for peace
    CHECK(s.api.all().size() == before);
  }
  s.check_nothing_leaked();
}

TEST_CASE("whatever a device asks of our book the store never hears of it") {
  mixture s;
  const std::string image = s.own + "-01234567";
  for (const auto& [method, path] : std::vector<std::pair<const char*, std::string>>{
           {"GET", "/v1/library/" + s.own + "/metadata"},
           {"GET", "/v1/library/" + upper(s.own) + "/state"},
           {"GET", "/v1/products/" + s.own + "/nextread"},
           {"GET", "/v1/products/books/" + s.own + "/access"},
           {"GET", "/v1/products/x%2C" + s.own + "/prices"},
           {"POST", "/v1/products/" + s.own + "/rating/5"},
           {"GET", "/v1/user/reviews?ProductIds=" + s.own},
           {"GET", "/v1/user/reviews?ProductIds=" + s.own.substr(0, 8) + "%2D" + s.own.substr(9)},
           {"GET", "/v1/anything?of=" + upper(s.own)},
           {"POST", "/v1/library/" + s.own},
           {"GET", "/covers/" + image + "/355/530/false/image.jpg"},
           {"GET", "/api/v3/content/" + s.own + "/annotations"},
           {"PATCH", "/api/v3/content/" + s.own + "/annotations"},
           {"DELETE", "/v1/library/" + s.own}}) {
    INFO(method << " " << path);
    reply r = s.here.ask(method, path, {}, std::string_view(method) == "GET" ? "" : "{}");
    CHECK(r.status < 400);
    CHECK(r.header("location").empty());
  }
  for (const std::string& body : {R"({"Add":[{"CrossRevisionId":")" + s.own + "\"}]}", R"({"x":"a-)" + upper(s.own) + "-b\"}"})
    CHECK(s.here.ask("POST", "/v1/user/wishlist/items", {}, body).status == 200);
  CHECK(s.connections() == 0);
}
