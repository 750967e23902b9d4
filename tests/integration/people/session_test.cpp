#include <catch2/catch.hpp>

#include "server/auth/password.hpp"
#include "server/auth/sessions.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

namespace {

struct session_house : house {
  explicit session_house(setting_list wanted = {}) : house(std::move(wanted)) {}
  library::user ada = add_with_password("ada", "pw", library::role::owner);

  auth::credentials::opened_session sign_in(header_list headers = {}) {
    visit v(std::move(headers), http::verb::post, "/login");
    return run(who.sign_in(v.c, "ada", "pw"));
  }
  std::optional<http::principal> come(const std::string& cookie) {
    visit v({{"Cookie", "theme=dark; carrel_session=" + cookie}});
    return run(who.session(v.c));
  }
  std::optional<instant> last_used() {
    return read([](db::tx& tx) { return tx.run({"test.last_used", "select max(last_used_at) from sessions"})[0].maybe_at(0); });
  }
  bool waits_for_use(instant wanted) {
    return harness::eventually([&] { return last_used() == wanted; });
  }
};

}  // namespace

TEST_CASE("the cookie opens the session and brings its CSRF token") {
  session_house h;
  auto opened = h.sign_in();
  visit v({{"Cookie", "carrel_session=" + opened.cookie}});
  auto who = run(h.who.session(v.c));
  REQUIRE(who);
  CHECK(who->user == h.ada.id);
  CHECK(who->role == "owner");
  CHECK(who->scope == "web");
  CHECK(who->credential == opened.who.credential);
  CHECK(v.c.csrf == opened.csrf);

  CHECK_FALSE(h.come("nonsense"));
  CHECK_FALSE(h.come(""));
  CHECK_FALSE(h.come(opened.csrf));
  visit none({});
  CHECK_FALSE(run(h.who.session(none.c)));
  CHECK(none.c.csrf.empty());
}

TEST_CASE("over https only the __Host- cookie counts") {
  session_house h;
  auto opened = h.sign_in();
  visit plain_name({{"Cookie", "carrel_session=" + opened.cookie}}, http::verb::get, "/", "", "192.0.2.7", "https");
  CHECK_FALSE(run(h.who.session(plain_name.c)));
  visit host_name({{"Cookie", "__Host-carrel_session=" + opened.cookie}}, http::verb::get, "/", "", "192.0.2.7", "https");
  CHECK(run(h.who.session(host_name.c)));
}

TEST_CASE("a session ends when it is not used, and after its longest life") {
  session_house h(setting_list{{"auth.idle", "1h"}, {"auth.max", "3h"}});
  still_clock clock;
  auto opened = h.sign_in();
  clock.pass(std::chrono::minutes{59});
  CHECK(h.come(opened.cookie));
  REQUIRE(h.waits_for_use(now()));
  clock.pass(std::chrono::minutes{59});
  CHECK(h.come(opened.cookie));
  REQUIRE(h.waits_for_use(now()));
  clock.pass(std::chrono::minutes{60});
  CHECK_FALSE(h.come(opened.cookie));

  auto second = h.sign_in();
  CHECK(h.number("select count(*) from sessions") == 1);  // what ended is removed
  for (int i = 0; i < 5; ++i) {
    clock.pass(std::chrono::minutes{30});
    CHECK(h.come(second.cookie));
    REQUIRE(h.waits_for_use(now()));
  }
  clock.pass(std::chrono::minutes{30});
  CHECK_FALSE(h.come(second.cookie));
}

TEST_CASE("use is written at most every five minutes") {
  session_house h;
  still_clock clock;
  auto opened = h.sign_in();
  clock.pass(std::chrono::seconds{299});
  CHECK(h.come(opened.cookie));
  // Had that been written, the next use would come too soon after it.
  clock.pass(std::chrono::seconds{1});
  CHECK(h.come(opened.cookie));
  CHECK(h.waits_for_use(now()));
}

TEST_CASE("signing out, a new password and a disabled account end sessions") {
  session_house h;
  auto one = h.sign_in(), two = h.sign_in();
  visit out({{"Cookie", "carrel_session=" + one.cookie}}, http::verb::post, "/logout");
  run(h.who.sign_out(out.c));
  run(h.who.sign_out(out.c));
  CHECK_FALSE(h.come(one.cookie));
  CHECK(h.come(two.cookie));

  h.write([&](db::tx& tx) { library::set_password_hash(tx, h.ada.id, auth::hash_password("pw", 64 * 1024)); });
  CHECK_FALSE(h.come(two.cookie));

  auto three = h.sign_in();
  h.add("owner", library::role::owner);
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, h.ada.id, true); });
  CHECK_FALSE(h.come(three.cookie));
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, h.ada.id, false); });
  CHECK_FALSE(h.come(three.cookie));
}

TEST_CASE("signing in again in the same browser replaces its session") {
  session_house h;
  auto one = h.sign_in();
  auto two = h.sign_in({{"Cookie", "carrel_session=" + one.cookie}});
  CHECK_FALSE(h.come(one.cookie));
  CHECK(h.come(two.cookie));
}

TEST_CASE("the account page lists sessions and ends one") {
  session_house h;
  auto one = h.sign_in({{"User-Agent", "Firefox"}}), two = h.sign_in();
  library::user ben = h.add("ben");
  auth::session_life life{.idle = h.settings.duration("auth.idle"), .most = h.settings.duration("auth.max")};
  auto all = h.read([&](db::tx& tx) { return auth::sessions_of(tx, h.ada.id, life); });
  REQUIRE(all.size() == 2);
  CHECK(all[0].id == two.who.credential);
  CHECK(all[1].agent == "Firefox");
  CHECK_FALSE(h.write([&](db::tx& tx) { return auth::end_session_of(tx, ben.id, all[1].id); }));
  CHECK(h.write([&](db::tx& tx) { return auth::end_session_of(tx, h.ada.id, all[1].id); }));
  CHECK_FALSE(h.come(one.cookie));
}
