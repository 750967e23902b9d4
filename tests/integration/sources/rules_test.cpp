// What an answer means for the source that gave it, without a network.
#include <catch2/catch.hpp>

#include "ingest/sources/rules.hpp"
#include "server/core/clock.hpp"
#include "tests/integration/sources/stage.hpp"

using namespace carrel;
using namespace carrel::ingest::sources;
using namespace std::chrono_literals;
using kind = verdict::kind;

namespace {

const instant noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 4) + 12h;

verdict of(unsigned status, const std::string& body = "{}", const std::string& source = "open_library", bool with_key = false,
           bool posted = false) {
  return judge(source, with_key, posted, {.status = status, .body = body, .location = {}, .retry_after = {}, .rate_limit = {}},
               noon);
}

verdict waiting(const std::string& retry_after, const std::string& rate_limit = "") {
  return judge("open_library", false, false,
               {.status = 429, .body = "{}", .location = {}, .retry_after = retry_after, .rate_limit = rate_limit}, noon);
}

std::string google_error(int code, const std::string& reason, const std::string& message = "no") {
  return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + message + R"(","errors":[{"reason":")" + reason +
         R"("}]}})";
}

}  // namespace

TEST_CASE("answers that a talk is to hear") {
  CHECK(of(200).how == kind::deliver);
  CHECK(of(302, "").how == kind::deliver);
  CHECK(of(404, "<html>").how == kind::deliver);
}

TEST_CASE("what is no answer is asked again, and counts against the source") {
  for (unsigned status : {500U, 502U, 504U, 520U, 599U, 408U, 0U, 199U}) CHECK(of(status, "<html>").how == kind::again);
  CHECK(of(200, "<html>sorry").how == kind::again);
  CHECK(of(200, "").how == kind::again);
  CHECK(of(200, "null").how == kind::again);
  CHECK(of(200, std::string(50, '[') + std::string(50, ']')).how == kind::again);
}

TEST_CASE("a wrong question is not asked again") {
  for (unsigned status : {400U, 405U, 410U, 422U}) CHECK(of(status).how == kind::wrong);
}

TEST_CASE("a key that is refused stops the source, and without a key the caller is not liked") {
  CHECK(of(401, "{}", "custom:mine", true).how == kind::attention);
  CHECK(of(403, "{}", "google_books", true).how == kind::attention);
  CHECK(of(400, google_error(400, "badRequest", "API key not valid. Pass a valid one."), "google_books", true).how ==
        kind::attention);
  CHECK(of(400, google_error(400, "API_KEY_INVALID"), "google_books", true).how == kind::attention);
  CHECK(of(403).how == kind::again);
}

TEST_CASE("how long a source wants to be left alone") {
  CHECK(waiting("17").wait == 17s);
  CHECK(waiting("Wed, 04 Mar 2026 12:02:00 GMT").wait == 120s);
  CHECK(waiting("Wed, 04 Mar 2026 11:00:00 GMT").wait == 0s);
  CHECK(waiting("99999999999").wait == 24h);
  for (const char* nonsense : {"", "soon", "-5", "1.5", "9999999999999999999999", "Wed, 99 Mar"})
    CHECK_FALSE(waiting(nonsense).wait);
  CHECK(waiting("1", R"("Free";r=0;t=42, "daily";r=4231;t=51234)").wait == 42s);
  verdict day = waiting("", R"("Free";r=8;t=42, "daily";r=0;t=51234)");
  CHECK(day.until_midnight);
  CHECK(of(503).how == kind::later);
  CHECK(pause_after(0) == 30s);
  CHECK(pause_after(1) == 60s);
  CHECK(pause_after(6) == 32min);
  CHECK(pause_after(7) == 1h);
  CHECK(pause_after(1'000'000) == 1h);
  CHECK(retry_after(0) == 5s);
  CHECK(retry_after(1) == 30s);
  CHECK_FALSE(retry_after(2));
}

TEST_CASE("Google's quota comes as 429 and as 403") {
  verdict day = of(403, google_error(403, "dailyLimitExceeded"), "google_books", true);
  CHECK(day.how == kind::later);
  CHECK(day.until_midnight);
  verdict soon = of(403, google_error(403, "rateLimitExceeded"), "google_books", true);
  CHECK(soon.how == kind::later);
  CHECK_FALSE(soon.until_midnight);
  CHECK(of(429, google_error(429, "rateLimitExceeded"), "google_books", true).how == kind::later);
  CHECK(of(429, google_error(429, "quotaExceeded"), "google_books", true).until_midnight);
  CHECK(of(403, google_error(403, "unknownLocation"), "google_books", true).how == kind::elsewhere);
}

TEST_CASE("Hardcover says what is wrong in many ways") {
  auto says = [](unsigned status, const std::string& body) { return of(status, body, "hardcover", true, true); };
  CHECK(says(200, R"({"data":{"books":[]}})").how == kind::deliver);
  CHECK(says(200, R"({"errors":[{"message":"Could not verify JWT","extensions":{"code":"invalid-jwt"}}]})").how ==
        kind::attention);
  CHECK(says(200, R"({"errors":[{"message":"field 'books' not found in type: 'query_root'"}]})").how == kind::attention);
  CHECK(says(200, R"({"errors":[{"message":"x","extensions":{"code":"validation-failed"}}],"data":null})").how == kind::wrong);
  CHECK(says(401, R"({"error":"invalid_token"})").how == kind::attention);
  CHECK(says(403, R"({"error":"insufficient_scope","scope":"read:catalog"})").how == kind::attention);
  CHECK(says(403, R"({"errors":["top_level_limit_exceeded"]})").how == kind::wrong);
  verdict quota = says(403, R"({"error":"Your quota has been reached for today"})");
  CHECK(quota.how == kind::later);
  CHECK(quota.until_midnight);
  for (unsigned status : {301U, 302U, 308U, 404U}) CHECK(says(status, "").how == kind::attention);
  CHECK(says(429, R"({"error":"Throttled"})").how == kind::later);
}

TEST_CASE("a source that is nearly spent is left alone before it has to say no") {
  heard h{.status = 200, .body = "{}", .location = {}, .retry_after = {}, .rate_limit = R"("Free";r=-1.5;t=7)"};
  verdict v = judge("hardcover", true, true, h, noon);
  CHECK(v.how == kind::deliver);
  CHECK(v.wait == 7s);
}

TEST_CASE("words of a source are kept short and plain") {
  std::string why = of(400, R"({"message":")" + std::string(5000, 'x') + R"(\u0000\n\u001b[31m"})").why;
  CHECK(why.size() <= 200);
  CHECK(why.find('\n') == std::string::npos);
  CHECK(why.find('\0') == std::string::npos);
}
