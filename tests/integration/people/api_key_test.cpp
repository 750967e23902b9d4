#include <catch2/catch.hpp>

#include "server/auth/api_key.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

namespace {

struct api_house : house {
  library::user ada = add("ada", library::role::owner), ben = add("ben");

  auth::new_key create(const library::user& u, const std::string& scope, const std::optional<instant>& until = std::nullopt) {
    auto made = write([&](db::tx& tx) { return auth::create_key(tx, u.id, "script", scope, until); });
    REQUIRE(made.ok());
    return *made;
  }
  http::problem refused(const std::string& key) {
    visit v({{"Authorization", "Bearer " + key}});
    return problem_of(who.api_key(v.c));
  }
  std::optional<http::principal> accepted(header_list headers) {
    visit v(std::move(headers));
    return run(who.api_key(v.c));
  }
};

}  // namespace

TEST_CASE("a key is shown once and stored as a hash") {
  api_house h;
  auth::new_key k = h.create(h.ada, "admin");
  CHECK(k.key.substr(0, 4) == "crl_");
  CHECK(k.key.size() == 36);
  CHECK(k.made.prefix == k.key.substr(0, 12));
  CHECK(k.made.user_name == "ada");
  CHECK(h.number("select count(*) from api_keys where octet_length(key_hash) = 32") == 1);

  auto who = h.accepted({{"Authorization", "bearer " + k.key}});
  REQUIRE(who);
  CHECK(who->user == h.ada.id);
  CHECK(who->role == "owner");
  CHECK(who->scope == "admin");
  CHECK(who->credential == k.made.id);
  CHECK(harness::eventually([&] { return h.number("select count(last_used_at) from api_keys") == 1; }));
}

TEST_CASE("no key is nobody, a wrong one is 401") {
  api_house h;
  auth::new_key k = h.create(h.ada, "read");
  CHECK_FALSE(h.accepted({}));
  CHECK_FALSE(h.accepted(basic_headers("ada", "x")));
  CHECK(h.refused("crl_unknown").status == 401);
  CHECK(h.refused("").status == 401);
  CHECK(h.refused(k.key + "x").status == 401);
  CHECK(h.refused(k.made.prefix).status == 401);
  CHECK(h.refused(std::string("\0\xff", 2)).status == 401);
}

TEST_CASE("keys end: by date, by revoking, with their account") {
  api_house h;
  still_clock clock;
  auth::new_key dated = h.create(h.ada, "read", now() + std::chrono::hours{1});
  auth::new_key his = h.create(h.ben, "write");
  CHECK(h.refused(dated.key).status == 0);
  clock.pass(std::chrono::hours{1});
  CHECK(h.refused(dated.key).status == 401);

  CHECK_FALSE(h.write([&](db::tx& tx) { return auth::revoke_key(tx, h.ada.id, his.made.id); }));
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, h.ben.id, true); });
  CHECK(h.refused(his.key).status == 403);
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, h.ben.id, false); });
  CHECK(h.refused(his.key).status == 0);
  CHECK(h.write([&](db::tx& tx) { return auth::revoke_key(tx, std::nullopt, his.made.id); }));
  CHECK(h.refused(his.key).status == 401);
}

TEST_CASE("keys are listed for one account or all") {
  api_house h;
  h.create(h.ada, "read");
  h.create(h.ben, "write");
  auto list = [&](const std::optional<uuid>& u) { return h.read([&](db::tx& tx) { return auth::list_keys(tx, u); }); };
  CHECK(list(std::nullopt).size() == 2);
  REQUIRE(list(h.ben.id).size() == 1);
  CHECK(list(h.ben.id)[0].scope == "write");
  CHECK(list(h.ben.id)[0].label == "script");
}

TEST_CASE("what cannot be a key is refused by name") {
  api_house h;
  auto refused = [&](const uuid& user, const std::string& label, const std::string& scope) {
    auto made = h.write([&](db::tx& tx) { return auth::create_key(tx, user, label, scope); });
    return made ? "" : made.error().field;
  };
  CHECK(refused(h.ada.id, "x", "root") == "scope");
  CHECK(refused(h.ada.id, "", "read") == "label");
  CHECK(refused(h.ada.id, std::string("a\0b", 3), "read") == "label");
  CHECK(refused(h.ada.id, std::string(101, 'x'), "read") == "label");
  CHECK(refused(uuid::make(), "x", "read") == "user");
}

TEST_CASE("a key has at most the rights of its user and of its scope") {
  api_house h;
  using library::capability;
  library::rights owner{.is = library::role::owner}, reader{.is = library::role::reader};
  auto key_of = [&](const library::user& u, const std::string& scope) {
    return *h.accepted({{"Authorization", "Bearer " + h.create(u, scope).key}});
  };
  http::principal admin = key_of(h.ada, "admin"), write = key_of(h.ada, "write"), read = key_of(h.ada, "read");
  http::principal readers_admin = key_of(h.ben, "admin");
  CHECK(auth::allows(admin, owner, capability::administer));
  CHECK_FALSE(auth::allows(readers_admin, reader, capability::administer));
  CHECK_FALSE(auth::allows(readers_admin, reader, capability::curate));
  CHECK(auth::allows(write, owner, capability::curate));
  CHECK_FALSE(auth::allows(write, owner, capability::administer));
  CHECK(write.role == "librarian");
  CHECK(auth::allows(read, owner, capability::download));
  CHECK_FALSE(auth::allows(read, owner, capability::shelve));

  library::new_device clara = h.add_device(h.ada, "Clara");
  visit v(basic_headers("", clara.password));
  http::principal device = run(h.who.basic(v.c, "opds"));
  CHECK(auth::allows(device, owner, capability::download));
  CHECK_FALSE(auth::allows(device, owner, capability::administer));
  CHECK_FALSE(auth::allows(device, owner, capability::upload));
}
