#include <catch2/catch.hpp>

#include "server/core/clock.hpp"
#include "server/core/digest.hpp"
#include "server/core/log.hpp"
#include "server/core/random.hpp"
#include "server/core/text.hpp"
#include "server/core/uuid.hpp"

using namespace carrel;

TEST_CASE("UTF-8 with surrogates, overlong forms or cut sequences is invalid") {
  CHECK(valid_utf8("grüße 本 🙂"));
  CHECK_FALSE(valid_utf8("\xed\xa0\x80"));
  CHECK_FALSE(valid_utf8("\xc0\xaf"));
  CHECK_FALSE(valid_utf8("\xf4\x90\x80\x80"));
  CHECK_FALSE(valid_utf8("a\xe2\x82"));
  CHECK(replace_invalid_utf8("a\xff"
                             "b") ==
        "a\xef\xbf\xbd"
        "b");
}

TEST_CASE("code points are counted, wherever they stand") {
  for (const char* one : {"a", "ü", "語", "🙂"}) {
    for (std::size_t before = 0; before < 20; ++before) {
      std::string s = std::string(before, 'x') + one + std::string(before % 7, 'y') + one;
      CHECK(count_code_points(s) == before + before % 7 + 2);
    }
  }
  CHECK(count_code_points("") == 0);
}

TEST_CASE("a cut never splits a code point") {
  CHECK(cut_utf8("aü", 2) == "a");
  CHECK(cut_utf8("aü", 3) == "aü");
  CHECK(cut_utf8("🙂", 3).empty());
}

TEST_CASE("XML output drops what XML 1.0 forbids and escapes the rest once") {
  std::string out;
  append_xml_text(out, std::string_view("a<b>&\"\x01\x00\xef\xbf\xbe\xc3\xa9", 13));
  CHECK(out == "a&lt;b&gt;&amp;\"é");
  out.clear();
  append_xml_attribute(out, "\"\n\t");
  CHECK(out == "&quot;&#10;&#9;");
}

TEST_CASE("percent encoding leaves only unreserved characters and reads back") {
  CHECK(percent_encode("a b'/(é)~") == "a%20b%27%2F%28%C3%A9%29~");
  CHECK(percent_decode("a%20b+c") == "a b+c");
  CHECK(percent_decode("a+b", true) == "a b");
  CHECK_FALSE(percent_decode("%g1"));
  CHECK_FALSE(percent_decode("%4"));
}

TEST_CASE("base64 reads both alphabets with and without padding") {
  std::string bytes("\x00\xff\xfe\x10", 4);
  CHECK(base64_decode(base64(bytes)) == bytes);
  CHECK(base64_decode(base64url(bytes)) == bytes);
  CHECK(base64("alice:secret") == "YWxpY2U6c2VjcmV0");
  CHECK_FALSE(base64_decode("a"));
  CHECK_FALSE(base64_decode("ab*d"));
}

TEST_CASE("doubles print as the shortest text that reads back") {
  for (double v : {0.4213, 0.0003, 0.0, 1.0, 0.1 + 0.2, 1e-300}) CHECK(to_double(shortest(v)) == v);
  CHECK(shortest(0.4213) == "0.4213");
  CHECK_FALSE(to_double("nan"));
  CHECK_FALSE(to_double("1x"));
}

TEST_CASE("digests agree with the published values") {
  CHECK(md5_hex("password") == "5f4dcc3b5aa765d61d8327deb882cf99");
  CHECK(md5_hex("pässwörd") == "12841e4ba5e37d2fbfc78458c6714ade");
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("uuids read back, are versioned, and names are stable") {
  uuid a = uuid::make(), b = uuid::make();
  CHECK(a != b);
  CHECK(uuid::parse(a.text()) == a);
  CHECK(a.text()[14] == '7');
  CHECK_FALSE(uuid::parse("not-a-uuid"));
  CHECK_FALSE(uuid::parse("0d3b6c1e-4a43-4c0b-9a54-2b7a3d2f8e1g"));
  uuid dns = *uuid::parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  CHECK(uuid::of_name(dns, "www.example.com").text() == "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

TEST_CASE("a device password has four groups of four from a-z0-9") {
  std::string p = random_device_password();
  REQUIRE(p.size() == 19);
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (i % 5 == 4)
      CHECK(p[i] == '-');
    else
      CHECK(((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9')));
  }
  CHECK(p != random_device_password());
}

TEST_CASE("times print as the protocols want them") {
  instant at{std::chrono::microseconds{1777886013123456}};
  CHECK(rfc3339(at) == "2026-05-04T09:13:33Z");
  CHECK(rfc3339_micros(at) == "2026-05-04T09:13:33.123456Z");
  CHECK(http_date(at) == "Mon, 04 May 2026 09:13:33 GMT");
  CHECK(parse_http_date("Mon, 04 May 2026 09:13:33 GMT") == std::chrono::floor<std::chrono::seconds>(at));
  CHECK_FALSE(parse_http_date("yesterday"));
  CHECK_FALSE(parse_http_date("Mon, 40 May 2026 09:13:33 GMT"));
}

TEST_CASE("a logged path shows neither a Kobo token nor query values") {
  CHECK(log::redact("/kobo/abcdef/v1/library/sync?x=secret") == "/kobo/…/v1/library/sync?…");
  CHECK(log::redact("/kobo/abcdef") == "/kobo/…");
  CHECK(log::redact("/opds/new") == "/opds/new");
  // Whatever a client makes of the address.
  CHECK(log::redact("/carrel//kobo//abcdef//v1") == "/carrel/kobo/…//v1");
  CHECK(log::redact("/kobo/abcdef/kobo/ghijkl/v1/kobo") == "/kobo/…/kobo/…/v1/kobo");
  CHECK(log::redact("/KOBO/abcdef") == "/kobo/…");
  CHECK(log::redact("/x/../kobo%2Fabcdef%2fv1") == "/x/../kobo/…%2fv1");
  CHECK(log::redact("/kobold/abcdef") == "/kobold/abcdef");
  // Behind a proxy that takes the prefix away, or written so that it is no prefix.
  const std::string token = "abcdefghijkl0123456789AB";
  CHECK(log::redact("/" + token + "/v1/deals") == "/…/v1/deals");
  CHECK(log::redact("/x/../" + token + "/v1") == "/x/../…/v1");
  CHECK(log::redact("/kobo\\" + token + "\\v1") == "/kobo\\…\\v1");
  CHECK(log::redact("/kobo/abc/download/x/y/" + token + ".epub") == "/kobo/…/download/x/y/….epub");
  CHECK(log::redact("/books/01a206d2-144a-7be6-b06a-b864a4d7695e") == "/books/01a206d2-144a-7be6-b06a-b864a4d7695e");
}
