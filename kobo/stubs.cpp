#include "kobo/stubs.hpp"

#include <array>

#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

struct stub {
  std::string_view path;  // a * stands for one segment, one at the end for all that follow
  std::string_view body;
};

constexpr std::string_view no_products =
    R"({"Items":[],"TotalItemCount":0,"ItemCount":0,"CurrentPageIndex":0,"TotalPageCount":0,"ItemsPerPage":0,"VersionCode":2,"Filters":{}})";
constexpr std::string_view no_reviews = R"({"ReviewSummary":{},"Items":[],"CurrentPageIndex":1,"TotalPageCount":0})";

// The first that fits counts.
constexpr std::array stubs{
    stub{"/v1/user/loyalty/benefits", R"({"Benefits":{}})"},
    stub{"/v1/user/wishlist/items", R"({"SuccessfulIds":[]})"},
    stub{
        "/v1/user/wishlist",
        R"({"TotalCountByProductType":{},"Items":[],"ItemCount":0,"TotalPageCount":0,"TotalItemCount":0,"CurrentPageIndex":0,"ItemsPerPage":100,"VersionCode":2})"},
    stub{"/v1/user/recommendations/shelfie", "{}"},
    stub{
        "/v1/user/recommendations",
        R"({"CurrentPageIndex":0,"Filters":{},"ItemCount":0,"Items":[],"ItemsPerPage":50,"TotalItemCount":0,"TotalPageCount":0,"VersionCode":2})"},
    stub{"/v1/user/reviews", R"({"CurrentPageIndex":1,"Items":[],"TotalPageCount":0})"},
    stub{"/v1/user/library/previews/prices", R"({"Items":[]})"},
    stub{"/v1/user/library", R"({"Items":[],"TotalCount":0})"},
    stub{"/v1/products/books/subscriptions", "[]"},
    stub{"/v1/products/books/series/*", no_products},
    stub{"/v1/products/books/external/*", "[]"},
    stub{"/v1/products/*/prices", R"({"Items":[]})"},
    stub{"/v1/products/*/recommendations", no_products},
    stub{"/v1/products/*/related", no_products},
    stub{"/v1/products/*/reviews", no_reviews},
    stub{"/v1/deals", R"({"Deals":[]})"},
    stub{"/v1/assets", R"({"AssetGroups":[],"KeepGoing":false})"},
};

bool fits(std::string_view pattern, std::string_view path) {
  std::vector<std::string> wanted = split(pattern, '/'), shown = split(path, '/');
  if (wanted.size() > shown.size() || (wanted.size() < shown.size() && wanted.back() != "*")) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] != "*" && wanted[i] != shown[i]) return false;
  }
  return true;
}

std::string header_of(const http::request& in, std::string_view name) { return std::string(in.header(name).value_or("")); }

json::object body_of(const http::request& in) {
  result<json::object> o = json::read_object(in.body());
  return o ? std::move(*o) : json::object{};
}

// All keys that a device was seen to be given; only the flags matter (14).
std::string profile(const http::request& in) {
  json::object loyalty{{"LoyaltyCurrentBalance", 0}, {"LoyaltyIsActive", false}, {"LoyaltyTags", json::array{}}};
  json::object out{{"AffiliateName", "Kobo"},
                   {"AudiobooksEnabled", false},
                   {"ContactEmail", ""},
                   {"CountryCode", ""},
                   {"Geo", ""},
                   {"HasPurchased", true},
                   {"HasPurchasedAudiobook", false},
                   {"HasPurchasedBook", true},
                   {"IsChildAccount", false},
                   {"IsEligibleForOrangeDeal", false},
                   {"IsLibraryMigrated", true},
                   {"IsOneStore", true},
                   {"IsOrangeAffiliated", false},
                   {"IsoCultureCode", "en-US"},
                   {"KoboCrmOptInSetting", "ExplicitlyConsentedNo"},
                   {"LinkedAccounts", json::array{}},
                   {"LoyaltyDetails", std::move(loyalty)},
                   {"PartnerId", "00000000-0000-0000-0000-000000000001"},
                   {"PlatformId", header_of(in, "x-kobo-platformid")},
                   {"PrivacyPermissions", json::array{}},
                   {"SafeSearch", false},
                   {"StoreFront", "US"},
                   {"UserId", "00000000-0000-4000-8000-000000000001"},
                   {"VipMembershipPurchased", false}};
  return json::dump(out);
}

std::string tests_answer(const http::request& in) {
  std::string key;
  if (!body_of(in).take("TestKey", key)) key = header_of(in, "x-kobo-userkey");
  return json::dump(json::object{{"Result", "Success"}, {"TestKey", key}, {"Tests", json::object{}}});
}

std::string events_answer(const http::request& in) {
  json::array accepted;
  json::object body = body_of(in);
  const json::value* events = body.find("Events");
  if (events != nullptr && events->as_array() != nullptr) {
    for (const json::value& e : *events->as_array()) {
      const json::value* id = e.as_object() != nullptr ? e.as_object()->find("Id") : nullptr;
      if (id != nullptr && id->as_text() != nullptr) accepted.push_back(*id);
    }
  }
  return json::dump(
      json::object{{"Result", "Success"}, {"AcceptedEvents", std::move(accepted)}, {"RejectedEvents", json::object{}}});
}

}  // namespace

http::response stub_answer(const http::request& in, std::string_view path) {
  if (path == "/v1/user/profile") return http::json(profile(in));
  if (path == "/v1/analytics/gettests") return http::json(tests_answer(in));
  if (path == "/v1/analytics/event") return http::json(events_answer(in));
  bool opinion =
      in.method() != http::verb::get &&
      (fits("/v1/products/*/reviews", path) || fits("/v1/products/*/rating/*", path) || fits("/v1/products/reviews/*", path));
  if (opinion) return http::empty(200);
  if (path == "/v1/user/recommendations/feedback") return http::empty(204);
  for (const stub& s : stubs) {
    if (fits(s.path, path)) return http::json(std::string(s.body));
  }
  return http::json("{}");
}

}  // namespace carrel::kobo
