// How much is said at once (kobo.md 3, 6.4, 17.5, 17.6; I12), and requests as devices and proxies spell them.
#include "tests/integration/kobo/one_kobo.hpp"
#include "tests/integration/kobo/two_shops.hpp"

using namespace carrel;
using namespace carrel::kobo;
using namespace carrel::kobo::tests;

namespace {

constexpr std::size_t largest_head = 2048;

// As it goes over the wire.
std::size_t head_of(const reply& r) {
  std::size_t size = std::string_view("HTTP/1.1 200 A reason of some length\r\n\r\n").size();
  for (const auto& [name, value] : r.fields) size += name.size() + value.size() + 4;
  return size;
}

int items_in(const sync_answer& a) { return static_cast<int>(items_of(a.body).size()); }

std::string repeated(const std::string& part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

struct request_line {
  const char* method;
  std::string path;
};

}  // namespace

TEST_CASE("a library that changes with every page ends a sync all the same, and the next one brings the rest") {
  one_kobo s;
  s.how.page_size = 1;
  std::vector<uuid> books = s.fill(2);
  s.choose({{"collections", false}});
  s.whole();
  int requests = 0, edits = 0;
  auto edit = [&] {
    for (const uuid& b : books) s.retitle(b, "Title " + std::to_string(++edits));
  };
  edit();
  for (bool more = true; more; edit()) {
    REQUIRE(++requests < 100);
    sync_answer a = s.sync(s.kobo, s.r.token);
    for (const json::value& item : items_of(a.body)) s.r.apply(item);
    s.r.token = a.token;
    more = a.more;
  }
  CHECK(requests == 2 * (1 + 20));  // two books each, in one session and the twenty that are chained to it
  CHECK_FALSE(s.r.library == s.target(s.kobo));
  s.whole();
  CHECK(s.r.library == s.target(s.kobo));
  CHECK(s.sync(s.kobo, s.r.token).body == "[]");
}

TEST_CASE("a page holds one item at least and five hundred at most, whatever the server is set to") {
  auto [setting, expected] = GENERATE(std::pair{"1", 1}, std::pair{"3", 3}, std::pair{"1000000", 500});
  storefront s(headers{{"kobo.page_size", setting}});
  for (int i = 0; i < expected + 1; ++i) s.shelve("Book " + std::to_string(i));
  reply first = s.ask("GET", "/v1/library/sync");
  CHECK(first.header("x-kobo-sync") == "continue");
  CHECK(items_of(first.body).size() == static_cast<std::size_t>(expected));
  CHECK(first.header("transfer-encoding").empty());
  CHECK(first.header("content-length") == std::to_string(first.body.size()));
}

TEST_CASE("for a Kobo that repeats its place the page grows until all that is left fits into one") {
  one_kobo s;
  s.how.page_size = 1;
  s.fill(40);
  clock_at evening(s.start);
  auto sizes = [&](const std::string& token) {
    std::vector<int> out;
    for (bool more = true; more;) {
      REQUIRE(out.size() < 20);
      sync_answer a = s.sync(s.kobo, token);
      out.push_back(items_in(a));
      more = a.more;
    }
    return out;
  };
  CHECK(sizes("") == std::vector<int>{1, 1, 1, 4, 16, 41});
  SECTION("another place is another beginning") {
    sync_answer page = s.sync(s.kobo, "");  // all was said before: this is another sync
    REQUIRE(page.more);
    CHECK(items_in(page) == 1);
    for (int i = 0; i < 4; ++i) s.sync(s.kobo, "");
    CHECK(sizes(page.token) == std::vector<int>{1, 1, 1, 4, 16, 40});
  }
  SECTION("two minutes between two requests are patience enough") {
    for (int i = 1; i < 6; ++i) {
      set_clock(s.start + std::chrono::minutes(3 * i));
      CHECK(items_in(s.sync(s.kobo, "")) == 1);
    }
  }
}

TEST_CASE("a token of any size and make begins at the beginning") {
  storefront s;
  s.shelve("One");
  for (const std::string& token : {std::string(60'000, 'A'), repeated("eyJ0eXAiOjF9.", 4'000), std::string(299, '='),
                                   std::string("%%%"), std::string("null")}) {
    INFO(token.size());
    reply r = s.ask("GET", "/v1/library/sync", {{"x-kobo-synctoken", token}, {"x-kobo-synctokenversion", "7"}});
    CHECK(r.status == 200);
    CHECK(items_of(r.body).size() == 2);
    CHECK(r.header("x-kobo-synctoken").size() <= 300);
    // Elsewhere it means nothing.
    CHECK(s.ask("GET", "/v1/deals", {{"x-kobo-synctoken", token}}).status == 200);
  }
}

TEST_CASE("no answer has a head that a proxy would drop") {
  const std::string passthrough = GENERATE("off", "on");
  two_shops both(passthrough.c_str());
  storefront& s = both.here;
  const std::string id = both.book(), file = s.file_path(id), unknown = uuid::make().text();
  const std::string euros = repeated("%E2%82%AC", 300), long_query = "?DiffRequests=[" + repeated("{Key:a,Value:{}},", 400) + "]";
  both.api.says([](const harness::heard&) {
    return harness::said(200, "{}", "x-kobo-a: " + std::string(1500, 'a') + "\r\nx-kobo-b: " + std::string(900, 'b') + "\r\n");
  });
  const std::vector<request_line> all{
      {"GET", ""},
      {"GET", "/v1/initialization"},
      {"POST", "/v1/auth/device"},
      {"POST", "/v1/auth/refresh"},
      {"GET", "/oauth/.well-known/openid-configuration"},
      {"POST", "/oauth/token"},
      {"GET", "/oauth/authorize?state=short"},
      {"GET", "/oauth/authorize?state=" + euros},
      {"GET", "/v1/library/sync"},
      {"GET", "/v1/library/" + id + "/metadata"},
      {"GET", "/v1/library/" + id + "/state"},
      {"GET", "/v1/library/" + unknown + "/metadata"},
      {"PUT", "/v1/library/" + id + "/state"},
      {"DELETE", "/v1/library/" + unknown},
      {"POST", "/v1/library/tags"},
      {"DELETE", "/v1/library/tags"},
      {"GET", "/v1/user/profile"},
      {"GET", "/v1/assets" + long_query},
      {"POST", "/v1/products/" + unknown + "/prices" + long_query},
      {"GET", "/v1/" + euros},
      {"POST", "/v1/analytics/event"},
      {"GET", file},
      {"HEAD", file},
      {"GET", "/download/" + id + "/" + file.substr(file.find(id) + 37, 12) + "/" + euros + ".epub"},
      {"GET", "/download/" + unknown + "/000000000000/x.epub"},
      {"GET", "/covers/" + id + "/355/530/false/image.jpg"},
      {"GET", "/covers/" + unknown + "/355/530/false/image.jpg"},
      {"GET", "/covers/" + euros + "/355/530/false/image.jpg"},
      {"POST", "/api/v3/content/checkforchanges"},
      {"GET", "/api/v3/content/" + id + "/annotations"},
      {"PATCH", "/api/v3/content/" + id + "/annotations"},
      {"GET", "/api/UserStorage/Metadata"},
      {"GET", "/nothing/of/the/kind"}};
  for (const request_line& r : all) {
    INFO(r.method << " " << r.path.substr(0, 80));
    reply got = s.ask(r.method, r.path, {{"Range", "bytes=0-9"}});
    CHECK((got.status < 500 || got.header("retry-after") == "60"));
    CHECK(head_of(got) <= largest_head);
    CHECK(got.header("set-cookie").empty());
  }
  // A question that is too long to be sent elsewhere is asked from here.
  both.api.forget();
  reply asked = s.ask("GET", "/v1/assets" + long_query);
  CHECK(asked.status == 200);
  CHECK(both.api.all().empty() == (passthrough == "off"));
  s.token = "AAAAAAAAAAAAAAAAAAAAAAAA";
  CHECK(head_of(s.ask("GET", "/v1/library/sync")) <= largest_head);
}

TEST_CASE("a path may have doubled slashes and one more at its end") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  const std::string id = r.library.begin()->first;
  auto spelled = [&](const char* method, const std::string& path, const std::string& body = {}) {
    INFO(method << " " << path);
    std::string doubled;
    for (char c : path) doubled.append(c == '/' ? 2 : 1, c);
    reply plain = s.ask(method, path, {}, body);
    for (const std::string& other : {path + "/", "/" + path, doubled, doubled + "//"}) {
      INFO(other);
      reply same = s.ask(method, other, {}, body);
      CHECK(same.status == plain.status);
      CHECK(same.header("content-type") == plain.header("content-type"));
      CHECK(same.body == plain.body);
    }
    return plain;
  };
  spelled("GET", "/v1/initialization");
  spelled("GET", "/v1/library/sync");
  spelled("GET", "/v1/library/" + id + "/metadata");
  spelled("GET", "/v1/library/" + id + "/state");
  spelled("GET", "/v1/user/loyalty/benefits");
  spelled("GET", "/v1/user/profile");
  spelled("POST", "/v1/analytics/gettests", R"({"TestKey":"k"})");
  spelled("GET", "/oauth/.well-known/openid-configuration");
  spelled("GET", "/covers/" + id + "/60/90/80/True/image.jpg");
  spelled("GET", s.file_path(id));
  spelled("GET", "/api/v3/content/" + id + "/annotations");
  CHECK(spelled("DELETE", "/v1/library/" + uuid::make().text()).status == 204);
  CHECK(spelled("DELETE", "/v1/library/tags").status == 405);
  const std::string tag = "/v1/library/tags/" + uuid::make().text();
  for (const char* items : {"/items", "/Items"}) {
    CHECK(spelled("POST", tag + items, R"({"Items":[]})").status == 201);
    CHECK(spelled("POST", tag + items + "/delete", R"({"Items":[]})").status == 200);
  }
}

TEST_CASE("what stands in a query is no reason to refuse anything") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  const std::string id = r.library.begin()->first;
  for (const std::string& path :
       {std::string("/v1/initialization"), std::string("/v1/library/sync"), "/v1/library/" + id + "/metadata",
        "/v1/library/" + id + "/state", std::string("/v1/assets"), std::string("/v1/affiliate"), s.file_path(id),
        "/covers/" + id + "/60/90/false/image.jpg", std::string("/oauth/authorize"), std::string("/v2/products")}) {
    reply plain = s.ask("GET", path);
    for (const char* query : {R"(?DiffRequests=[{Key:dictionaries,Value:{en,de}},{"Key":"a:b","Value":[]}])", "?", "?&&=&a=%",
                              "?a=%FF%00", "?Filter=ALL&Filter=NONE&limit=-1&page=x"}) {
      INFO(path << query);
      CHECK(s.ask("GET", path + query).status == plain.status);
    }
  }
}
