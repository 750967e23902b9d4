#include <catch2/catch.hpp>
#include <thread>

#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;
using library::role;

namespace {

std::string field(const std::optional<error>& e) { return e ? e->field : ""; }

}  // namespace

TEST_CASE("people are found by id and by name in any case") {
  home h;
  CHECK_FALSE(h.read([](db::tx& tx) { return library::has_owner(tx); }));
  library::user ada = h.add("Ada Fenwick", role::owner);
  CHECK(h.read([](db::tx& tx) { return library::has_owner(tx); }));
  CHECK(ada.name == "Ada Fenwick");
  CHECK(ada.may.is == role::owner);

  auto named = [&](std::string_view text) { return h.read([&](db::tx& tx) { return library::find_user_named(tx, text); }); };
  CHECK(named(" ADA fenwick ")->id == ada.id);
  CHECK(named(ada.id.text())->id == ada.id);
  using namespace std::string_view_literals;
  CHECK_FALSE(named("ada fenwick\0x"sv));
  CHECK_FALSE(named("\xff"sv));
  CHECK_FALSE(named("' or true --"sv));
  CHECK_FALSE(named(uuid::make().text()));

  library::user id_like = h.add(uuid::make().text());
  CHECK(named(id_like.name)->id == id_like.id);
}

TEST_CASE("a name that differs only in case or composition is taken") {
  home h;
  h.add("Zo\xC3\xAB");
  CHECK_THROWS_AS(h.add("ZOE\xCC\x88"), db::unique_violation);
  CHECK_THROWS_AS(h.add("zo\xC3\xAB"), db::unique_violation);
  CHECK_NOTHROW(h.add("zoe"));
  CHECK(h.read([](db::tx& tx) { return library::users(tx); }).size() == 2);
  CHECK_THROWS_AS(h.add(std::string("a\0b", 3)), std::logic_error);
}

TEST_CASE("the last owner who can sign in stays") {
  home h;
  library::user ada = h.add("ada", role::owner);
  library::user ben = h.add("ben", role::owner);
  auto set_role = [&](const uuid& u, role r) { return h.write([&](db::tx& tx) { return library::set_role(tx, u, r); }); };
  auto disable = [&](const uuid& u, bool on) { return h.write([&](db::tx& tx) { return library::disable_user(tx, u, on); }); };
  auto remove = [&](const uuid& u) { return h.write([&](db::tx& tx) { return library::delete_user(tx, u); }); };

  CHECK_FALSE(disable(ben.id, true));
  CHECK(field(set_role(ada.id, role::reader)) == "owner");
  CHECK(field(disable(ada.id, true)) == "owner");
  CHECK(field(remove(ada.id)) == "owner");
  CHECK_FALSE(set_role(ada.id, role::owner));
  CHECK_FALSE(disable(ada.id, false));

  CHECK_FALSE(disable(ben.id, false));
  CHECK_FALSE(set_role(ada.id, role::reader));
  CHECK(field(remove(ben.id)) == "owner");
  CHECK_FALSE(remove(ada.id));
  CHECK(field(remove(ada.id)) == "user");
  CHECK(field(set_role(uuid::make(), role::reader)) == "user");
  CHECK(field(disable(uuid::make(), false)) == "user");
}

TEST_CASE("two owners who step down at the same moment do not both succeed") {
  home h;
  for (int round = 0; round < 5; ++round) {
    library::user a = h.add("a" + std::to_string(round), role::owner);
    library::user b = h.add("b" + std::to_string(round), role::owner);
    auto step_down = [&h](uuid u) { (void)h.write([&](db::tx& tx) { return library::set_role(tx, u, role::reader); }); };
    std::thread one(step_down, a.id), two(step_down, b.id);
    one.join();
    two.join();
    CHECK(h.number("select count(*) from users where role = 'owner'") == 1);
  }
}

TEST_CASE("what changes the view of an account bumps its audience, nothing else does") {
  home h;
  h.add("owner", role::owner);
  library::user ada = h.add("ada");
  auto audience = [&] { return h.load(ada.id).audience; };
  std::int64_t before = audience();

  (void)h.write([&](db::tx& tx) { return library::set_role(tx, ada.id, role::reader); });
  CHECK(audience() == before);
  (void)h.write([&](db::tx& tx) { return library::set_role(tx, ada.id, role::librarian); });
  CHECK(audience() == before + 1);
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, ada.id, true); });
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, ada.id, true); });
  CHECK(audience() == before + 2);
  CHECK_FALSE(h.read([&](db::tx& tx) { return library::rights_of(tx, ada.id); }));
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, ada.id, false); });
  CHECK(audience() == before + 3);
  CHECK(h.read([&](db::tx& tx) { return library::rights_of(tx, ada.id); })->is == role::librarian);

  h.write([&](db::tx& tx) { library::set_appearance(tx, ada.id, "de", "dark"); });
  CHECK(audience() == before + 3);
  std::int64_t state = h.load(ada.id).state;
  h.write([&](db::tx& tx) { library::bump_state(tx, ada.id); });
  CHECK(h.load(ada.id).state == state + 1);
}

TEST_CASE("limits come back as they were set") {
  home h;
  library::user ada = h.add("ada", role::limited);
  library::limits none = h.read([&](db::tx& tx) { return library::limits_of(tx, ada.id); });
  CHECK_FALSE(none.libraries);
  CHECK_FALSE(none.highest_age);

  library::limits l;
  l.libraries = std::vector<uuid>{uuid::make(), uuid::make()};
  l.highest_age = 12;
  l.hidden_tags = {"horror", "a,b\"c\\d{}", "NULL"};
  l.required_tags = {"children"};
  l.may_download = false;
  l.may_upload = true;
  l.may_shelve = false;
  h.write([&](db::tx& tx) { library::set_limits(tx, ada.id, l); });
  library::limits back = h.read([&](db::tx& tx) { return library::limits_of(tx, ada.id); });
  CHECK(back.libraries == l.libraries);
  CHECK(back.highest_age == 12);
  CHECK(back.hidden_tags == l.hidden_tags);
  CHECK(back.required_tags == l.required_tags);
  CHECK_FALSE(back.may_download);
  CHECK(back.may_upload);
  CHECK_FALSE(back.may_shelve);
  CHECK(h.load(ada.id).audience == ada.audience + 1);
  CHECK_FALSE(h.load(ada.id).may.may_download);

  l.libraries = std::vector<uuid>{};  // none at all is not the same as no limit
  h.write([&](db::tx& tx) { library::set_limits(tx, ada.id, l); });
  CHECK(h.read([&](db::tx& tx) { return library::limits_of(tx, ada.id); }).libraries == std::vector<uuid>{});
  l.hidden_tags = {std::string("a\0b", 3)};
  CHECK_THROWS_AS(h.write([&](db::tx& tx) { library::set_limits(tx, ada.id, l); }), std::logic_error);
}

TEST_CASE("appearance and position policy are kept") {
  home h;
  library::user ada = h.add("ada");
  CHECK_FALSE(ada.position_policy);
  h.write([&](db::tx& tx) { library::set_appearance(tx, ada.id, std::string("de\0\xff", 4), "dark"); });
  h.write([&](db::tx& tx) { library::set_position_policy(tx, ada.id, "furthest", false); });
  library::user now = h.load(ada.id);
  CHECK(now.theme == "dark");
  CHECK(now.position_policy == "furthest");
  CHECK(now.hold_stale == false);
  h.write([&](db::tx& tx) { library::set_position_policy(tx, ada.id, std::nullopt, std::nullopt); });
  CHECK_FALSE(h.load(ada.id).position_policy);
  CHECK_FALSE(h.load(ada.id).hold_stale);
  CHECK_THROWS_AS(h.write([&](db::tx& tx) { library::set_position_policy(tx, ada.id, "lww", true); }), std::logic_error);
}

TEST_CASE("registering for KOSync makes an account that cannot sign in") {
  home h;
  uuid id = h.write([](db::tx& tx) { return library::register_kosync(tx, " Alice ", "hash"); });
  library::user alice = h.load(id);
  CHECK(alice.name == "Alice");
  CHECK(alice.may.is == role::limited);
  CHECK_FALSE(alice.may.may_download);
  CHECK_FALSE(h.read([&](db::tx& tx) { return library::password_hash_of(tx, id); }));
  CHECK(h.read([&](db::tx& tx) { return library::has_kosync_password(tx, id); }));

  CHECK_THROWS_AS(h.write([](db::tx& tx) { return library::register_kosync(tx, "ALICE", "other"); }), db::unique_violation);
  h.add("ben");
  CHECK_THROWS_AS(h.write([](db::tx& tx) { return library::register_kosync(tx, "Ben", "other"); }), db::unique_violation);
  CHECK(h.number("select count(*) from users") == 2);
}

TEST_CASE("an account may have a KOSync password of its own, change it and remove it") {
  home h;
  library::user ada = h.add("ada");
  auto has = [&] { return h.read([&](db::tx& tx) { return library::has_kosync_password(tx, ada.id); }); };
  CHECK_FALSE(has());
  h.write([&](db::tx& tx) { library::set_kosync_password(tx, ada.id, "one"); });
  h.write([&](db::tx& tx) { library::set_kosync_password(tx, ada.id, "two"); });
  CHECK(has());
  CHECK(h.number("select count(*) from service_credentials where password_hash = 'two' and username_key = 'ada'") == 1);
  h.write([&](db::tx& tx) { library::set_kosync_password(tx, ada.id, std::nullopt); });
  CHECK_FALSE(has());
  h.write([&](db::tx& tx) { library::set_kosync_password(tx, ada.id, "three"); });
  h.add("owner", role::owner);
  (void)h.write([&](db::tx& tx) { return library::delete_user(tx, ada.id); });
  CHECK(h.number("select count(*) from service_credentials") == 0);
}
