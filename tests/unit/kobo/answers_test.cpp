#include <catch2/catch.hpp>

#include "kobo/identity.hpp"
#include "kobo/resources.hpp"
#include "kobo/stubs.hpp"
#include "server/core/json.hpp"

using namespace carrel;
using namespace carrel::kobo;

namespace {

constexpr const char* base = "https://books.example/kobo/secret";

json::object object(const std::string& text) {
  result<json::object> o = json::read_object(text);
  INFO(text);
  REQUIRE(o);
  return *o;
}

http::request request(http::verb method, std::string body = {}, http::header_list headers = {}) {
  http::request::parts p;
  p.method = method;
  p.headers = std::move(headers);
  p.body = std::move(body);
  return http::request(std::move(p));
}

std::string stub(std::string_view path, std::string body = {}, http::header_list headers = {}) {
  http::request in = request(http::verb::get, std::move(body), std::move(headers));
  http::response r = stub_answer(in, path);
  CHECK(r.status < 300);
  return std::get<std::string>(r.body);
}

}  // namespace

TEST_CASE("the map is whole, points to us for everything that is called by itself, and is always the same") {
  std::string text = initialization_json(base, "https://books.example");
  CHECK(text == initialization_json(base, "https://books.example"));
  json::object all = *object(text).find("Resources")->as_object();
  CHECK(all.size() >= 193);
  for (const auto& [key, value] : all.members()) {
    INFO(key);
    if (value.as_text() == nullptr) {
      CHECK((key == "blackstone_header" || key == "free_books_page"));
      continue;
    }
    const std::string& v = *value.as_text();
    CHECK(v.find("storeapi.kobo.com") == std::string::npos);
    CHECK(v.find("cdn.kobo.com") == std::string::npos);
    CHECK_FALSE(v.starts_with("S/"));
    CHECK_FALSE(v.starts_with("K/"));
  }
  auto at = [&](std::string_view key) { return *all.find(key)->as_text(); };
  CHECK(at("library_sync") == std::string(base) + "/v1/library/sync");
  CHECK(at("image_url_quality_template") ==
        std::string(base) + "/covers/{ImageId}/{Width}/{Height}/{Quality}/{IsGreyscale}/image.jpg");
  CHECK(at("reading_services_host") == "https://books.example");
  CHECK(at("oauth_host") == std::string(base) + "/oauth");
  CHECK(at("instapaper_enabled") == "True");
  CHECK(at("account_page").starts_with("https://www.kobo.com/"));
}

TEST_CASE("whatever a Kobo asks beside its library gets the shape that it expects") {
  CHECK(stub("/v1/user/loyalty/benefits") == R"({"Benefits":{}})");
  CHECK(stub("/v1/deals") == R"({"Deals":[]})");
  CHECK(stub("/v1/assets") == R"({"AssetGroups":[],"KeepGoing":false})");
  CHECK(stub("/v1/products/books/subscriptions") == "[]");
  CHECK(stub("/v1/products/a-b-c/prices") == R"({"Items":[]})");
  CHECK(object(stub("/v1/products/x/recommendations")).find("TotalItemCount"));
  CHECK(object(stub("/v1/user/wishlist")).find("VersionCode"));
  CHECK(stub("/v1/products/books/1234") == "{}");
  CHECK(stub("/v9/anything/at/all") == "{}");
  CHECK(stub("") == "{}");
  std::string id;
  CHECK(object(stub("/v1/user/profile", "", {{"x-kobo-platformid", "390"}})).take("PlatformId", id));
  CHECK(id == "390");
}

TEST_CASE("tests and events are taken note of by their names, whatever they are made of") {
  CHECK(stub("/v1/analytics/gettests", R"({"TestKey":"k"})") == R"({"Result":"Success","TestKey":"k","Tests":{}})");
  CHECK(stub("/v1/analytics/gettests", "{", {{"x-kobo-userkey", "u"}}) == R"({"Result":"Success","TestKey":"u","Tests":{}})");
  CHECK(stub("/v1/analytics/event", R"({"Events":[{"Id":"a"},{"Id":7},"x",{"Id":"b"}]})") ==
        R"({"Result":"Success","AcceptedEvents":["a","b"],"RejectedEvents":{}})");
  CHECK(stub("/v1/analytics/event", "[]") == R"({"Result":"Success","AcceptedEvents":[],"RejectedEvents":{}})");
}

TEST_CASE("the account services give tokens that last and echo the key that was shown") {
  device_tokens t = new_tokens();
  CHECK(t.access.size() >= 32);
  CHECK(t.access != t.refresh);
  json::object auth = object(device_auth_json(request(http::verb::post, R"({"UserKey":"me"})"), t));
  std::string text;
  CHECK((auth.take("UserKey", text) && text == "me"));
  CHECK((auth.take("TokenType", text) && text == "Bearer"));
  CHECK((object(device_auth_json(request(http::verb::post, "not json"), t)).take("UserKey", text) && text.empty()));
  json::object oauth = object(oauth_token_json(t));
  std::int64_t seconds = 0;
  CHECK((oauth.take("expires_in", seconds) && seconds == 315'360'000));
  CHECK((oauth.take("user_id", text) && !text.empty()));
  CHECK((object(discovery_json(base)).take("token_endpoint", text) && text == std::string(base) + "/oauth/token"));
}
