#include <algorithm>
#include <catch2/catch.hpp>

#include "server/auth/password.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

namespace {

struct sync_house : house {
  library::user ada = add("ada", library::role::owner);
  library::new_device clara = add_device(ada, "Clara");

  uuid register_account(const std::string& name, const std::string& password) {
    std::string hash = auth::hash_password(md5_hex(password), 64 * 1024);
    return write([&](db::tx& tx) { return library::register_kosync(tx, name, hash); });
  }
  http::problem refused(header_list headers, const std::string& address = "192.0.2.7") {
    visit v(std::move(headers), http::verb::get, "/", "", address);
    return problem_of(who.kosync(v.c));
  }
  http::principal accepted(header_list headers) {
    visit v(std::move(headers));
    return run(who.kosync(v.c));
  }
};

std::string upper(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return s;
}

}  // namespace

TEST_CASE("a device is known by the MD5 of any spelling of its password") {
  sync_house h;
  std::string blanks = h.clara.password, bare = h.clara.password;
  std::replace(blanks.begin(), blanks.end(), '-', ' ');
  std::erase(bare, '-');
  for (const std::string& typed : {h.clara.password, blanks, bare}) {
    http::principal p = h.accepted(kosync_headers(" ADA ", upper(md5_hex(typed))));
    CHECK(p.user == h.ada.id);
    CHECK(p.device == h.clara.made.id);
    CHECK(p.credential == h.clara.made.id);
    CHECK(p.scope == "kosync");
    CHECK(h.accepted(kosync_headers("ada", typed)).device == h.clara.made.id);  // clients that send it as typed
    CHECK(h.accepted(basic_headers("ada", typed)).device == h.clara.made.id);
  }
  CHECK(h.accepted({{"Authorization", "Bearer " + h.clara.password}}).device == h.clara.made.id);
}

TEST_CASE("a registered account is known by its key, its plain password and Basic") {
  sync_house h;
  uuid alice = h.register_account("Alice", "hunter2");
  for (const header_list& headers :
       {kosync_headers("alice", "2ab96390c7dbe3439de74d0c9b0b1767"), kosync_headers("ALICE", upper(md5_hex("hunter2"))),
        kosync_headers("Alice", "hunter2"), basic_headers("alice", "hunter2")}) {
    http::principal p = h.accepted(headers);
    CHECK(p.user == alice);
    CHECK(p.user_name == "Alice");
    CHECK_FALSE(p.device);
    CHECK_FALSE(p.credential.is_nil());
    CHECK(p.role == "limited");
  }
  visit v(basic_headers("alice", "hunter2"));
  CHECK(problem_of(h.who.basic(v.c, "opds")).status == 401);
}

TEST_CASE("a pair that fails falls back to Basic and then to Bearer") {
  sync_house h;
  h.register_account("alice", "hunter2");
  header_list headers = kosync_headers("alice", md5_hex("wrong"));
  headers.emplace_back("Authorization", basic("alice", "hunter2"));
  CHECK(h.accepted(headers).user_name == "alice");
  headers.back().second = basic("alice", "wrong too");
  CHECK(h.refused(headers).status == 401);
  headers.back().second = "Bearer " + h.clara.password;
  CHECK(h.accepted(headers).user_name == "ada");
}

TEST_CASE("everything else is 401 with code 2001 and never asks the browser") {
  sync_house h;
  h.register_account("alice", "hunter2");
  using namespace std::string_literals;
  std::vector<header_list> cases{{},
                                 {{"x-auth-user", "ada"}},
                                 {{"x-auth-key", md5_hex(h.clara.password)}},
                                 kosync_headers("", md5_hex(h.clara.password)),
                                 kosync_headers("ada", ""),
                                 kosync_headers("alice", md5_hex(h.clara.password)),
                                 kosync_headers("alice", md5_hex("hunter3")),
                                 kosync_headers("ada", md5_hex("hunter2")),
                                 kosync_headers("nobody", md5_hex("hunter2")),
                                 kosync_headers("a\0b"s, "x\0y"s),
                                 kosync_headers("\xff\xfe", std::string(40000, '\xff')),
                                 kosync_headers(std::string(65, 'a'), md5_hex("x")),
                                 kosync_headers("\xF0\x9F\x90\xB1", std::string(32, 'g')),
                                 basic_headers("ada", ""),
                                 {{"Authorization", "Bearer crl_x"}}};
  for (const header_list& headers : cases) {
    INFO((headers.empty() ? "" : headers[0].second));
    http::problem p = h.refused(headers);
    CHECK(p.status == 401);
    CHECK(p.code == "2001");
    CHECK(p.headers.empty());
  }
}

TEST_CASE("a disabled account, a revoked device and a narrowed scope are 401 too") {
  sync_house h;
  uuid alice = h.register_account("alice", "hunter2");
  library::user ben = h.add("ben");
  library::new_device phone = h.add_device(ben, "Phone");
  auto alice_headers = kosync_headers("alice", md5_hex("hunter2")), ben_headers = kosync_headers("ben", md5_hex(phone.password));
  CHECK(h.accepted(alice_headers).user == alice);
  CHECK(h.accepted(ben_headers).user == ben.id);
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, alice, true); });
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, ben.id, true); });
  CHECK(h.refused(alice_headers).code == "2001");
  CHECK(h.refused(ben_headers).code == "2001");
  h.write([&](db::tx& tx) { return library::set_device_scopes(tx, h.clara.made.id, {"opds"}); });
  CHECK(h.refused(kosync_headers("ada", md5_hex(h.clara.password))).status == 401);
  h.write([&](db::tx& tx) { return library::set_device_scopes(tx, h.clara.made.id, {}); });
  h.write([&](db::tx& tx) { return library::revoke_device(tx, h.clara.made.id); });
  CHECK(h.refused(kosync_headers("ada", md5_hex(h.clara.password))).status == 401);
}

TEST_CASE("a changed KOSync password ends the old one at once, remembered or not") {
  sync_house h;
  auto set = [&](const std::optional<std::string>& password) {
    std::optional<std::string> hash;
    if (password) hash = auth::hash_password(md5_hex(*password), 64 * 1024);
    h.write([&](db::tx& tx) { library::set_kosync_password(tx, h.ada.id, hash); });
  };
  auto first = kosync_headers("ada", md5_hex("first")), second = kosync_headers("ada", md5_hex("second"));
  set("first");
  CHECK(h.accepted(first).user == h.ada.id);
  CHECK(h.accepted(first).user == h.ada.id);
  set("second");
  CHECK(h.refused(first).status == 401);
  CHECK(h.accepted(second).user == h.ada.id);
  set(std::nullopt);
  CHECK(h.refused(second).status == 401);
}

TEST_CASE("a right key is never delayed, wrong ones are after ten") {
  sync_house h;
  auto took = [&](const header_list& headers, const std::string& address) {
    auto begin = std::chrono::steady_clock::now();
    h.refused(headers, address);
    return std::chrono::steady_clock::now() - begin;
  };
  auto wrong = kosync_headers("ada", md5_hex("wrong"));
  for (int i = 0; i < 20; ++i) h.refused({}, "192.0.2.7");  // nothing shown, nothing counted
  for (int i = 0; i < 15; ++i) h.refused(wrong, "192.0.2.7");
  constexpr std::chrono::milliseconds sixth{600};
  CHECK(took(wrong, "192.0.2.7") >= sixth);
  CHECK(took(wrong, "192.0.2.8") < sixth);
  CHECK(took(kosync_headers("ben", md5_hex("wrong")), "192.0.2.7") < sixth);
  CHECK(took({}, "192.0.2.7") < sixth);
  CHECK(took(kosync_headers("ada", md5_hex(h.clara.password)), "192.0.2.7") < sixth);
}
