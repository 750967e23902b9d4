#include <catch2/catch.hpp>

#include "server/core/text.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

namespace {

struct opds_house : house {
  library::user ada = add_with_password("Ad\xC3\xA4", "web password", library::role::owner);
  library::new_device clara = add_device(ada, "Clara");

  http::problem refused(header_list headers) {
    visit v(std::move(headers));
    return problem_of(who.basic(v.c, "opds"));
  }
  http::principal accepted(header_list headers) {
    visit v(std::move(headers));
    return run(who.basic(v.c, "opds"));
  }
};

}  // namespace

TEST_CASE("a device's password tells the device") {
  opds_house h;
  http::principal p = h.accepted(basic_headers("Ad\xC3\xA4", h.clara.password));
  CHECK(p.user == h.ada.id);
  CHECK(p.user_name == "Ad\xC3\xA4");
  CHECK(p.role == "owner");
  CHECK(p.device == h.clara.made.id);
  CHECK(p.device_name == "Clara");
  CHECK(p.credential == h.clara.made.id);
  CHECK(p.scope == "opds");
}

TEST_CASE("Basic is read as clients send it") {
  opds_house h;
  std::string token = base64("Ad\xC3\xA4:" + h.clara.password);
  std::string bare = token.substr(0, token.find('='));
  CHECK(h.accepted({{"authorization", "bAsIc   " + bare}}).user == h.ada.id);
  CHECK(h.accepted({{"Authorization", "Basic " + base64("AD\xC3\x84:" + h.clara.password)}}).user == h.ada.id);
  CHECK(h.accepted({{"Authorization", "Basic " + base64("ad\xE4:" + h.clara.password)}}).user == h.ada.id);  // ISO-8859-1
  CHECK(h.accepted({{"Authorization", "Basic " + base64("Ada\xCC\x88:" + h.clara.password)}}).user == h.ada.id);
  CHECK(h.accepted(basic_headers("", h.clara.password)).user == h.ada.id);
  CHECK(h.accepted({{"Authorization", "Bearer " + h.clara.password}}).user == h.ada.id);
}

TEST_CASE("what is missing, wrong or broken is 401 with exactly one challenge") {
  opds_house h;
  using namespace std::string_literals;
  std::vector<header_list> cases{{},
                                 basic_headers("Ad\xC3\xA4", "aaaa-bbbb-cccc-dddd"),
                                 basic_headers("ben", h.clara.password),
                                 basic_headers("Ad\xC3\xA4", "web password"),
                                 basic_headers("Ad\xC3\xA4"s, h.clara.password + ":"),
                                 basic_headers("a\0b"s, h.clara.password),
                                 basic_headers("", ""),
                                 basic_headers(std::string(5000, '\xff'), std::string(5000, '\0')),
                                 {{"Authorization", "Basic"}},
                                 {{"Authorization", "Basic !!!!"}},
                                 {{"Authorization", "Basic " + base64("no colon")}},
                                 {{"Authorization", "Basicx " + base64("a:b")}},
                                 {{"Authorization", "Digest username=\"ada\""}},
                                 {{"Authorization", "Bearer "}},
                                 {{"Authorization", "Bearer nothing"}}};
  for (header_list& headers : cases) {
    INFO((headers.empty() ? "" : headers[0].second));
    http::problem p = h.refused(headers);
    CHECK(p.status == 401);
    CHECK(p.headers.size() == 1);
    CHECK(header_of(p, "WWW-Authenticate") == R"(Basic realm="Carrel", charset="UTF-8")");
  }
}

TEST_CASE("a revoked device, an ended grace, a disabled account and a missing scope are refused") {
  opds_house h;
  still_clock clock;
  auto headers = basic_headers("Ad\xC3\xA4", h.clara.password);
  CHECK(h.accepted(headers).user == h.ada.id);
  auto next = h.write([&](db::tx& tx) { return library::rotate_device(tx, h.clara.made.id, std::chrono::minutes{5}); });
  CHECK(h.accepted(headers).user == h.ada.id);
  clock.pass(std::chrono::minutes{5});
  CHECK(h.refused(headers).status == 401);

  headers = basic_headers("Ad\xC3\xA4", next->password);
  CHECK(h.accepted(headers).user == h.ada.id);
  h.write([&](db::tx& tx) { return library::set_device_scopes(tx, h.clara.made.id, {"kosync"}); });
  CHECK(h.refused(headers).status == 403);
  h.write([&](db::tx& tx) { return library::set_device_scopes(tx, h.clara.made.id, {}); });

  h.add("owner", library::role::owner);
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, h.ada.id, true); });
  CHECK(h.refused(headers).status == 403);
  CHECK(h.refused(basic_headers("someone", next->password)).status == 401);
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, h.ada.id, false); });
  h.write([&](db::tx& tx) { return library::revoke_device(tx, h.clara.made.id); });
  CHECK(h.refused(headers).status == 401);
}

TEST_CASE("contact is written in the background, once a minute") {
  opds_house h;
  still_clock clock;
  auto seen = [&] { return h.read([&](db::tx& tx) { return library::find_device(tx, h.clara.made.id); })->last_seen_at; };
  auto wait_for = [&](std::optional<instant> wanted) { return harness::eventually([&] { return seen() == wanted; }); };
  auto headers = basic_headers("", h.clara.password);
  headers.emplace_back("User-Agent", "KOReader/2026.01");
  h.accepted(headers);
  CHECK(wait_for(now()));
  instant first = now();
  clock.pass(std::chrono::seconds{30});
  h.accepted(headers);
  clock.pass(std::chrono::seconds{31});
  CHECK(seen() == first);
  h.accepted(headers);
  CHECK(wait_for(now()));
  library::device d = *h.read([&](db::tx& tx) { return library::find_device(tx, h.clara.made.id); });
  CHECK(d.last_agent == "KOReader/2026.01");
  CHECK(d.last_address == "192.0.2.7");
}

TEST_CASE("a Kobo's token opens the storefront only, and only a Kobo has one") {
  opds_house h;
  library::new_device kobo = h.add_device(h.ada, "Libra", "kobo");
  auto enter = [&](const std::string& token) {
    visit v({});
    return problem_of(h.who.kobo(v.c, token)).status;
  };
  CHECK(enter(kobo.token) == 0);
  CHECK(enter(kobo.password) == 401);
  CHECK(enter("") == 401);
  CHECK(enter(std::string("\0\xff", 2)) == 401);
  CHECK(h.refused(basic_headers("", kobo.token)).status == 401);
  h.write([&](db::tx& tx) { return library::set_device_scopes(tx, kobo.made.id, {"opds"}); });
  CHECK(enter(kobo.token) == 403);
}
