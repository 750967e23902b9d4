#include "kosync/progress.hpp"

#include <catch2/catch.hpp>

#include "kosync/registration.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::kosync;

namespace {

constexpr const char* captured =
    R"({"document":"59d481d168cca6267322f150c5f6a2a3","percentage":0.4213,"device":"Kobo_nova",)"
    R"("device_id":"3F2504E04F8941D39A0C0305E82C3301","progress":"/body/DocFragment[12]/body/p[3]/text().0"})";

refusal refused(const std::string& body) {
  result<library::position, refusal> p = parse_progress(body);
  REQUIRE_FALSE(p);
  return p.error();
}

std::string with(const std::string& member, const std::string& json) {
  std::string out = R"({"document":"d","progress":"p","percentage":0.5,"device":"a")";
  return out + ",\"" + member + "\":" + json + "}";
}

}  // namespace

TEST_CASE("what KOReader was captured sending is understood") {
  result<library::position, refusal> p = parse_progress(captured);
  REQUIRE(p);
  CHECK(p->document == "59d481d168cca6267322f150c5f6a2a3");
  CHECK(p->percentage == 0.4213);
  CHECK(p->progress == "/body/DocFragment[12]/body/p[3]/text().0");
  CHECK(p->device == "Kobo_nova");
  CHECK(p->device_id == "3F2504E04F8941D39A0C0305E82C3301");
  CHECK(p->device_key == "d:3F2504E04F8941D39A0C0305E82C3301");
  CHECK(p->file_name.empty());
}

TEST_CASE("every percentage of KOReader is printed as it was sent") {
  for (int k = 0; k <= 10'000; ++k) {
    std::string sent = std::to_string(k / 10'000.0).substr(0, 6);
    while (sent.find('.') != sent.npos && (sent.ends_with('0') || sent.ends_with('.'))) sent.pop_back();
    result<library::position, refusal> p = parse_progress(with("percentage", sent));
    REQUIRE(p);
    p->timestamp = 7;
    CHECK(progress_json(*p) == R"({"document":"d","percentage":)" + sent + R"(,"progress":"p","device":"a","timestamp":7})");
  }
}

TEST_CASE("devices are told apart as well as they can be") {
  CHECK(device_key("Kobo", "ABC") == "d:ABC");
  CHECK(device_key("CrossPoint", "crosspoint-reader") == "n:CrossPoint/crosspoint-reader");
  CHECK(device_key("Kobo", std::nullopt) == "n:Kobo/");
  CHECK(device_key("Kobo", "") == "n:Kobo/");
}

TEST_CASE("an empty device_id comes back, an absent one does not") {
  result<library::position, refusal> p = parse_progress(with("device_id", "\"\""));
  REQUIRE(p);
  CHECK(progress_json(*p).find(R"("device_id":"")") != std::string::npos);
  p = parse_progress(with("device_id", "null"));
  REQUIRE(p);
  CHECK_FALSE(p->device_id);
}

TEST_CASE("limits are bytes, and the limit itself is allowed") {
  CHECK(parse_progress(with("device", "\"" + std::string(256, 'x') + "\"")));
  CHECK(refused(with("device", "\"" + std::string(257, 'x') + "\"")) == invalid_request());
  CHECK(refused(with("device_id", "\"" + std::string(257, 'x') + "\"")) == invalid_request());
  CHECK(parse_progress(with("progress", "\"" + std::string(4096, 'x') + "\"")));
  CHECK(refused(with("progress", "\"" + std::string(4097, 'x') + "\"")) == invalid_request());
  CHECK(parse_progress(with("document", "\"" + std::string(256, 'x') + "\"")));
  CHECK(refused(with("document", "\"" + std::string(257, 'x') + "\"")) == invalid_request());
}

TEST_CASE("documents: one rule for both directions") {
  for (const char* good : {"a", "59d481d168cca6267322f150c5f6a2a3", "A b.c-d_e~f", "Éluard", "..", "%2F"})
    CHECK(valid_document(good));
  for (const char* bad : {"", "a:b", "a/b", "a\tb", "a\x7f", "\xff", "a\xc2\x85"}) CHECK_FALSE(valid_document(bad));
  CHECK_FALSE(valid_document(std::string_view("a\0b", 3)));
}

TEST_CASE("metadata of the wrong kind is as good as none") {
  for (const char* odd : {"7", "[]", "null", R"({"filename":1,"title":[],"authors":{}})"}) {
    result<library::position, refusal> p = parse_progress(with("metadata", odd));
    REQUIRE(p);
    CHECK(p->file_name.empty());
    CHECK(p->title.empty());
    CHECK(p->authors.empty());
  }
  result<library::position, refusal> p = parse_progress(with("metadata", R"({"title":")" + std::string(5000, 'x') + "\"}"));
  REQUIRE(p);
  CHECK(p->title.size() == 1024);
}

TEST_CASE("numbers in other places than they belong are refused, not guessed") {
  for (const char* odd : {"true", "null", "[]", "{}", R"("")", R"("12%")", R"("0x1p-1")", R"("inf")", "1e400"}) {
    CHECK(refused(with("percentage", odd)) == invalid_request());
  }
  for (const char* odd : {"true", "null", "[]", "{}", R"("")", "1e400"})
    CHECK(refused(with("progress", odd)) == invalid_request());
}

TEST_CASE("hostile bodies are refused and never crash") {
  std::string deep(100, '[');
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("\0", 1), deep, std::string("{\"document\":\"d\"}garbage"),
        std::string("\xef\xbb\xbf{}"), std::string("{\"document\":\"\\ud800\\ud800\"}")}) {
    CHECK(refused(body).status >= 400);
  }
  std::string good = captured;
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK_FALSE(parse_progress(good.substr(0, cut)));
}

TEST_CASE("the payload holds what was understood") {
  result<library::position, refusal> p = parse_progress(with("metadata", R"({"title":"T","other":"\u0001"})"));
  REQUIRE(p);
  CHECK(p->payload == R"({"document":"d","percentage":0.5,"progress":"p","device":"a","metadata":{"title":"T"}})");
}

TEST_CASE("registration takes the digest or the password") {
  auto key_of = [](const std::string& password) {
    result<registration, refusal> r = parse_registration(R"({"username":" Ada ","password":")" + password + R"("})");
    REQUIRE(r);
    CHECK(r->name == "Ada");
    return r->key;
  };
  CHECK(key_of("5f4dcc3b5aa765d61d8327deb882cf99") == "5f4dcc3b5aa765d61d8327deb882cf99");
  CHECK(key_of("5F4DCC3B5AA765D61D8327DEB882CF99") == "5f4dcc3b5aa765d61d8327deb882cf99");
  CHECK(key_of("password") == "5f4dcc3b5aa765d61d8327deb882cf99");
  CHECK(md5_hex("correct horse battery staple") == "9cc2ae8a1ba7a93da39b46fc1019c481");
  CHECK(md5_hex("pässwörd") == "12841e4ba5e37d2fbfc78458c6714ade");
  CHECK(md5_hex("hunter2") == "2ab96390c7dbe3439de74d0c9b0b1767");
}

TEST_CASE("errors are objects with a number and a text") {
  CHECK(error_json(2001, "no \"way\"") == R"({"code":2001,"message":"no \"way\""})");
  CHECK(no_document().as_problem().code == "2004");
}
