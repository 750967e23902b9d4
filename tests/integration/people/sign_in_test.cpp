#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>

#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

namespace {

struct web_house : house {
  explicit web_house(setting_list wanted = {}) : house(std::move(wanted)) {}
  library::user ada = add_with_password("Ada", "correct horse", library::role::owner);

  http::problem refused(const std::string& name, const std::string& password, const std::string& address = "192.0.2.7") {
    visit v({}, http::verb::post, "/login", "", address);
    return problem_of(who.sign_in(v.c, name, password));
  }
  auth::credentials::opened_session accepted(const std::string& name, const std::string& password,
                                             const std::string& address = "192.0.2.7") {
    visit v({}, http::verb::post, "/login", "", address);
    return run(who.sign_in(v.c, name, password));
  }
};

}  // namespace

TEST_CASE("name and password open a session") {
  web_house h;
  auto opened = h.accepted(" aDA", "correct horse");
  CHECK(opened.cookie.size() == 43);
  CHECK(opened.csrf.size() == 24);
  CHECK(opened.who.user == h.ada.id);
  CHECK(opened.who.user_name == "Ada");
  CHECK(opened.who.role == "owner");
  CHECK(opened.who.scope == "web");
  CHECK(h.accepted("Ada", "correct horse").cookie != opened.cookie);
  CHECK(h.number("select count(*) from sessions where octet_length(token_hash) = 32") == 2);
}

TEST_CASE("wrong, unknown, passwordless, disabled and hostile sign-ins look the same") {
  web_house h(setting_list{{"auth.throttle", "1000/1m"}});
  h.add("nopassword");
  library::user ben = h.add_with_password("ben", "secret");
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, ben.id, true); });
  std::vector<std::pair<std::string, std::string>> cases{{"ada", "wrong"},
                                                         {"ada", ""},
                                                         {"nobody", "correct horse"},
                                                         {"nopassword", ""},
                                                         {"ben", "secret"},
                                                         {"", ""},
                                                         {std::string("ada\0x", 5), "correct horse"},
                                                         {"\xff\xfe", "\xff"},
                                                         {std::string(5000, 'a'), std::string(100'000, 'b')},
                                                         {"' or 1=1 --", "x"}};
  http::problem first = h.refused("ada", "wrong");
  for (const auto& [name, password] : cases) {
    http::problem p = h.refused(name, password);
    CHECK(p.status == 401);
    CHECK(p.message == first.message);
    CHECK(p.code == first.code);
  }
  CHECK(h.number("select count(*) from sessions") == 0);
}

TEST_CASE("composed and decomposed passwords are the same") {
  web_house h;
  h.add_with_password("zoe", "p\xC3\xA4ssw\xC3\xB6rd");
  CHECK(h.refused("zoe", "pa\xCC\x88sswo\xCC\x88rd").status == 0);
}

TEST_CASE("after five failures in a minute an account waits, and then does not") {
  web_house h;
  still_clock clock;
  for (int i = 0; i < 5; ++i) {
    CHECK(h.refused("ada", "wrong", "192.0." + std::to_string(i) + ".1").status == 401);
    clock.pass(std::chrono::seconds{5});
  }
  http::problem p = h.refused("ada", "correct horse", "198.51.100.1");
  CHECK(p.status == 429);
  CHECK(header_of(p, "Retry-After") == "35");
  CHECK(h.refused("ADA", "wrong", "198.51.101.1").status == 429);
  clock.pass(std::chrono::seconds{34});
  CHECK(h.refused("ada", "correct horse", "198.51.100.1").status == 429);
  clock.pass(std::chrono::seconds{1});
  CHECK(h.refused("ada", "correct horse", "198.51.100.1").status == 0);
}

TEST_CASE("a network waits whatever the names, its neighbours do not") {
  web_house h;
  still_clock clock;
  for (int i = 0; i < 5; ++i) h.refused("guess" + std::to_string(i), "x", "203.0.113." + std::to_string(i));
  CHECK(h.refused("ada", "correct horse", "203.0.113.99").status == 429);
  CHECK(h.refused("ada", "correct horse", "203.0.114.1").status == 0);
  for (int i = 0; i < 5; ++i) h.refused("six" + std::to_string(i), "x", "2001:db8:1:2::" + std::to_string(i));
  CHECK(h.refused("ada", "correct horse", "2001:db8:1:2:ffff::1").status == 429);
  CHECK(h.refused("ada", "correct horse", "2001:db8:1:3::1").status == 0);
  for (int i = 0; i < 5; ++i) h.refused("local" + std::to_string(i), "x", "unix");
  CHECK(h.refused("ada", "correct horse", "unix").status == 429);
}

TEST_CASE("a success clears the account's failures and does not count for the network") {
  web_house h;
  still_clock clock;
  for (int round = 0; round < 3; ++round) {
    std::string address = "192.0." + std::to_string(round) + ".1";
    for (int i = 0; i < 4; ++i) CHECK(h.refused("ada", "wrong", address).status == 401);
    CHECK(h.refused("ada", "correct horse", address).status == 0);
    CHECK(h.number("select count(*) from sign_in_failures where subject like 'account:%'") == 0);
  }
  for (int i = 0; i < 12; ++i) CHECK(h.refused("ada", "correct horse", "198.51.100.1").status == 0);
}

TEST_CASE("failures are counted in the database: another process sees them") {
  web_house h;
  still_clock clock;
  auth::credentials other(h.pool, h.cpu, h.settings);
  for (int i = 0; i < 5; ++i) h.refused("ada", "wrong");
  visit v({}, http::verb::post, "/login", "", "198.51.100.1");
  CHECK(problem_of(other.sign_in(v.c, "ada", "correct horse")).status == 429);
}

TEST_CASE("guesses at the same moment do not pass the limit together") {
  web_house h;
  boost::asio::io_context io;
  int tried = 0, blocked = 0;
  std::vector<std::unique_ptr<visit>> visits;
  for (int i = 0; i < 20; ++i) {
    visits.push_back(std::make_unique<visit>(header_list{}));
    auto count = [&](const std::exception_ptr& e, const auto&) {
      try {
        if (e) std::rethrow_exception(e);
      } catch (const http::problem& p) {
        ++(p.status == 429 ? blocked : tried);
      }
    };
    boost::asio::co_spawn(io, h.who.sign_in(visits.back()->c, "ada", "guess"), count);
  }
  io.run();
  CHECK(tried == 5);
  CHECK(blocked == 15);
}

TEST_CASE("rows of old failures go away") {
  web_house h;
  still_clock clock;
  for (int i = 0; i < 4; ++i) h.refused("guess" + std::to_string(i), "x", "10.0." + std::to_string(i) + ".1");
  CHECK(h.number("select count(*) from sign_in_failures") == 8);
  clock.pass(std::chrono::minutes{2});
  h.refused("ada", "wrong", "10.1.0.1");
  CHECK(h.number("select count(*) from sign_in_failures") == 2);
}

TEST_CASE("passwords can be switched off") {
  web_house h(setting_list{{"auth.local", "off"}});
  CHECK(h.refused("ada", "correct horse").status == 403);
}
