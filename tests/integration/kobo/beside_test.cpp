// What a Kobo asks beside its library (kobo.md 4, 9.5, 14), as it comes over the wire.
#include "tests/integration/kobo/storefront.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

struct question {
  const char *method, *path, *answer;
};

constexpr const char* no_products =
    R"({"Items":[],"TotalItemCount":0,"ItemCount":0,"CurrentPageIndex":0,"TotalPageCount":0,"ItemsPerPage":0,"VersionCode":2,"Filters":{}})";
constexpr const char* no_reviews = R"({"ReviewSummary":{},"Items":[],"CurrentPageIndex":1,"TotalPageCount":0})";
const std::string product = "/v1/products/5d0c8f0e-7f0a-4b61-9a3e-0c7a3b1f2e11";

json::object object_of(const reply& r) {
  INFO(r.body);
  CHECK(r.status == 200);
  CHECK(r.header("content-type") == "application/json; charset=utf-8");
  result<json::object> o = json::read_object(r.body);
  REQUIRE(o);
  return *o;
}

}  // namespace

TEST_CASE("every question beside the library has the answer that a device expects") {
  storefront s;
  for (
      const question& q : std::vector<question>{
          {"GET", "/v1/user/loyalty/benefits", R"({"Benefits":{}})"},
          {"GET", "/v1/user/loyalty/membership", "{}"},
          {"POST", "/v1/user/loyalty/redeem", "{}"},
          {"GET", "/v1/user/wishlist?PageSize=100",
           R"({"TotalCountByProductType":{},"Items":[],"ItemCount":0,"TotalPageCount":0,"TotalItemCount":0,"CurrentPageIndex":0,"ItemsPerPage":100,"VersionCode":2})"},
          {"POST", "/v1/user/wishlist/items", R"({"SuccessfulIds":[]})"},
          {"GET", "/v1/user/recommendations",
           R"({"CurrentPageIndex":0,"Filters":{},"ItemCount":0,"Items":[],"ItemsPerPage":50,"TotalItemCount":0,"TotalPageCount":0,"VersionCode":2})"},
          {"GET", "/v1/user/recommendations/shelfie", "{}"},
          {"GET", "/v1/user/reviews?ProductIds=a,b", R"({"CurrentPageIndex":1,"Items":[],"TotalPageCount":0})"},
          {"GET", "/v1/user/ratings", "{}"},
          {"POST", "/v1/user/add-device", "{}"},
          {"GET", "/v1/user/anything/else", "{}"},
          {"GET", "/v1/products/a,b/nextread", "{}"},
          {"GET", "/v1/products/a,b/prices", R"({"Items":[]})"},
          {"POST", "/v1/products/a,b/prices", R"({"Items":[]})"},
          {"GET", "/v1/products/a/recommendations", no_products},
          {"GET", "/v1/products/a/related", no_products},
          {"GET", "/v1/products/a/reviews", no_reviews},
          {"GET", "/v1/products/books/subscriptions", "[]"},
          {"GET", "/v1/products/books/5d0c8f0e-7f0a-4b61-9a3e-0c7a3b1f2e11", "{}"},
          {"GET", "/v1/products/books/x/SendToBrowseHistory", "{}"},
          {"GET", "/v1/products/books/series/x?ExcludeOwned=true&PageSize=5", no_products},
          {"GET", "/v1/products/books/external/a,b", "[]"},
          {"GET", "/v1/products/featured/x", "{}"},
          {"GET", "/v1/products/autocomplete?q=a", "{}"},
          {"GET", "/v1/categories/x/featured", "{}"},
          {"GET", "/v1/deals", R"({"Deals":[]})"},
          {"GET", "/v1/assets?DiffRequests=[]", R"({"AssetGroups":[],"KeepGoing":false})"},
          {"GET", "/v1/affiliate?PlatformID=390&SerialNumber=x", "{}"},
          {"GET", "/v1/configuration", "{}"},
          {"POST", "/v1/funnelmetrics", "{}"},
          {"POST", "/v1/analytics/anything", "{}"},
          {"POST", "/v1/notifications/registration", "{}"},
          {"GET", "/v1/store/quickbuy/x/checkout", "{}"},
          {"GET", "/v2/products/list/featured", "{}"},
          {"POST", "/api/v2/anything", "{}"},
          {"GET", "", "{}"},
          {"GET", "/v1/library/downloadlink", "{}"},
          {"GET", "/v1/library/downloadkeys", "{}"},
          {"POST", "/v1/library/a,b/preview", "{}"},
          {"POST", "/v1/library/a", "{}"},
          {"GET", "/v1/library/a", "{}"},
          {"POST", "/v1/library/borrow", "{}"},
          {"GET", "/v1/library/search?q=a", "{}"},
          {"GET", "/v1/user/library", R"({"Items":[],"TotalCount":0})"},
          {"GET", "/v1/user/library/books/a", "{}"},
          {"GET", "/v1/user/library/previews/prices", R"({"Items":[]})"},
          {"GET", "/v1/products/books/a/access?DisplayProfile=x", "{}"},
          {"GET", "/oauth/jwks", R"({"keys":[]})"}}) {
    INFO(q.method << " " << q.path);
    reply r = s.ask(q.method, q.path, {}, std::string_view(q.method) == "POST" ? "{}" : "");
    CHECK(r.status == 200);
    CHECK(r.header("content-type") == "application/json; charset=utf-8");
    CHECK(r.body == q.answer);
  }
}

TEST_CASE("opinions are taken, and nothing is said of them") {
  storefront s;
  for (const auto& [method, path] :
       std::vector<std::pair<const char*, std::string>>{{"POST", product + "/reviews"},
                                                        {"POST", product + "/rating/5"},
                                                        {"DELETE", product + "/rating/1"},
                                                        {"POST", "/v1/products/reviews/x"},
                                                        {"PUT", "/v1/products/reviews/x/sentiment/y"}}) {
    INFO(method << " " << path);
    reply r = s.ask(method, path, {}, R"({"Rating":5,"Content":"warm"})");
    CHECK(r.status == 200);
    CHECK((r.body.empty() || r.body == "{}"));
  }
  reply feedback = s.ask("POST", "/v1/user/recommendations/feedback", {},
                         R"({"FeedbackItems":[{"FeedbackType":"Rate5Star","RevisionId":"x"}]})");
  CHECK(feedback.status == 204);
  CHECK(feedback.body.empty());
}

TEST_CASE("a test is answered with its key: the one that it names, else that of the account, else none") {
  storefront s;
  const headers account{{"x-kobo-userkey", "the-account"}};
  auto key = [&](const headers& h, const std::string& body) { return s.ask("POST", "/v1/analytics/gettests", h, body).body; };
  CHECK(key(account, R"({"AffiliateName":"Kobo","TestKey":"its-own"})") ==
        R"({"Result":"Success","TestKey":"its-own","Tests":{}})");
  for (const char* body : {"{}", "", "[]", R"({"TestKey":7})"})
    CHECK(key(account, body) == R"({"Result":"Success","TestKey":"the-account","Tests":{}})");
  CHECK(key({}, "{}") == R"({"Result":"Success","TestKey":"","Tests":{}})");
  CHECK(s.ask("GET", "/v1/analytics/gettests").body == R"({"Result":"Success","TestKey":"","Tests":{}})");
}

TEST_CASE("every event that has a name is accepted, known or not") {
  storefront s;
  auto sent = [&](const std::string& events) {
    return s.ask("POST", "/v1/analytics/event", {}, R"({"Events":)" + events + "}").body;
  };
  auto accepted = [](const std::string& ids) {
    return R"({"Result":"Success","AcceptedEvents":)" + ids + R"(,"RejectedEvents":{}})";
  };
  CHECK(sent(R"([{"Id":"a","EventType":"OpenContent"},{"Id":"b","EventType":"NeverHeardOf"},{"Id":"a"}])") ==
        accepted(R"(["a","b","a"])"));
  CHECK(sent("[]") == accepted("[]"));
  CHECK(sent(R"([{"EventType":"FailedSync"},null,[],{"Id":{}}])") == accepted("[]"));
  std::string many = "[";
  for (int i = 0; i < 5000; ++i)
    many += std::string(i ? "," : "") + R"({"Id":"x","EventType":"LeaveContent","Attributes":{"volumeid":"y"}})";
  CHECK(sent(many + "]").size() > 5000 * 4);
}

TEST_CASE("the profile has every key that a device was seen to be given, and is the same each time") {
  storefront s;
  json::object all = object_of(s.ask("GET", "/v1/user/profile", {{"x-kobo-platformid", "00000000-0000-0000-0000-000000000390"}}));
  for (const char* flag : {"AudiobooksEnabled", "HasPurchasedAudiobook", "IsChildAccount", "IsEligibleForOrangeDeal",
                           "IsOrangeAffiliated", "SafeSearch", "VipMembershipPurchased"}) {
    INFO(flag);
    bool on = true;
    CHECK((all.take(flag, on) && !on));
  }
  for (const char* flag : {"HasPurchased", "HasPurchasedBook", "IsLibraryMigrated", "IsOneStore"}) {
    INFO(flag);
    bool on = false;
    CHECK((all.take(flag, on) && on));
  }
  for (const auto& [name, value] :
       std::vector<std::pair<const char*, const char*>>{{"AffiliateName", "Kobo"},
                                                        {"ContactEmail", ""},
                                                        {"CountryCode", ""},
                                                        {"Geo", ""},
                                                        {"IsoCultureCode", "en-US"},
                                                        {"KoboCrmOptInSetting", "ExplicitlyConsentedNo"},
                                                        {"PartnerId", "00000000-0000-0000-0000-000000000001"},
                                                        {"PlatformId", "00000000-0000-0000-0000-000000000390"},
                                                        {"StoreFront", "US"}}) {
    INFO(name);
    std::string text = "absent";
    CHECK((all.take(name, text) && text == value));
  }
  for (const char* list : {"LinkedAccounts", "PrivacyPermissions"}) {
    INFO(list);
    REQUIRE(all.find(list) != nullptr);
    CHECK((all.find(list)->as_array() != nullptr && all.find(list)->as_array()->empty()));
  }
  REQUIRE(all.find("LoyaltyDetails") != nullptr);
  CHECK(json::dump(*all.find("LoyaltyDetails")) == R"({"LoyaltyCurrentBalance":0,"LoyaltyIsActive":false,"LoyaltyTags":[]})");
  std::string user;
  CHECK((all.take("UserId", user) && uuid::parse(user)));
  CHECK(s.ask("GET", "/v1/user/profile").text("UserId") == user);
  CHECK(all.size() == 24);
}

TEST_CASE("tokens are given for the asking, with all that newer and older firmware looks for") {
  storefront s;
  for (const char* path : {"/v1/auth/device", "/v1/auth/refresh", "/v1/auth/exchange", "/v1/auth/rakuten_token_exchange"}) {
    INFO(path);
    json::object o = object_of(s.ask("POST", path, {}, R"({"UserKey":"of the account","RefreshToken":"whatever"})"));
    CHECK(o.size() == 5);
    std::string access, refresh, text;
    CHECK((o.take("AccessToken", access) && o.take("RefreshToken", refresh) && !access.empty() && !refresh.empty()));
    CHECK((o.take("TokenType", text) && text == "Bearer"));
    CHECK((o.take("TrackingId", text) && uuid::parse(text)));
    CHECK((o.take("UserKey", text) && text == "of the account"));
    CHECK(s.ask("POST", path, {}, "").text("UserKey").empty());
  }
  for (const auto& [method, path] : std::vector<std::pair<const char*, const char*>>{
           {"POST", "/oauth/token"}, {"GET", "/oauth/token"}, {"POST", "/oauth/refresh"}, {"GET", "/oauth/some/other"}}) {
    INFO(method << " " << path);
    json::object o = object_of(s.ask(method, path, {}, std::string_view(method) == "POST" ? "grant_type=refresh_token" : ""));
    for (auto [older, newer] : {std::pair{"AccessToken", "access_token"}, std::pair{"RefreshToken", "refresh_token"},
                                std::pair{"TokenType", "token_type"}}) {
      std::string a, b;
      CHECK((o.take(older, a) && o.take(newer, b) && a == b && !a.empty()));
    }
    std::int64_t lasts = 0;
    std::string user, scope;
    CHECK((o.take("expires_in", lasts) && lasts == 315'360'000));
    CHECK((o.take("user_id", user) && !user.empty() && o.take("scope", scope)));
    CHECK(s.ask("GET", "/oauth/userinfo").text("sub") == user);
  }
  const std::string here = "https://books.example/kobo/" + s.token + "/oauth";
  json::object found = object_of(s.ask("GET", "/oauth/.well-known/openid-configuration"));
  CHECK(found.size() == 11);
  for (auto [name, path] :
       {std::pair{"issuer", ""}, std::pair{"authorization_endpoint", "/authorize"}, std::pair{"token_endpoint", "/token"},
        std::pair{"userinfo_endpoint", "/userinfo"}, std::pair{"jwks_uri", "/jwks"}}) {
    std::string text;
    CHECK((found.take(name, text) && text == here + path));
  }
  reply back = s.ask("GET", "/oauth/authorize?state=a%26b&redirect_uri=https://evil.example/");
  CHECK(back.status == 302);
  CHECK(back.header("location").starts_with("kobo://UserAuthenticated?code="));
  CHECK(back.header("location").ends_with("&state=a%26b"));
}
