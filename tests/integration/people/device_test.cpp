#include <algorithm>
#include <catch2/catch.hpp>

#include "library/shelf.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

namespace {

struct readers : home {
  library::user ada = add("ada", library::role::owner), ben = add("ben");

  std::optional<library::secret_owner> owner_of(const std::string& hash, std::string_view form) {
    return read([&](db::tx& tx) { return library::find_secrets(tx, {{.hash = hash, .form = std::string(form)}}).front(); });
  }
  bool opens(const std::string& password) { return owner_of(library::plain_secret_hash(password), "plain").has_value(); }
  std::optional<library::new_device> rotate(const uuid& d, std::chrono::seconds grace) {
    return write([&](db::tx& tx) { return library::rotate_device(tx, d, grace); });
  }
};

std::string with(std::string password, char between) {
  std::replace(password.begin(), password.end(), '-', between);
  return password;
}

std::string without_dashes(std::string password) {
  std::erase(password, '-');
  return password;
}

}  // namespace

TEST_CASE("a device password is found however it is spelled, and only as what it is") {
  readers h;
  library::new_device kindle = h.add_device(h.ada, "Clara", "kobo");
  REQUIRE(kindle.password.size() == 19);
  REQUIRE(kindle.token.size() == 24);

  for (const std::string& shown : {kindle.password, with(kindle.password, ' '), without_dashes(kindle.password)}) {
    auto plain = h.owner_of(library::plain_secret_hash(shown), "plain");
    REQUIRE(plain);
    CHECK(plain->device == kindle.made.id);
    CHECK(plain->user == h.ada.id);
    CHECK(plain->user_name == "ada");
    CHECK(plain->device_name == "Clara");
    CHECK(plain->role == "owner");
    auto kosync = h.owner_of(library::kosync_secret_hash(md5_hex(shown)), "kosync");
    REQUIRE(kosync);
    CHECK(kosync->device == kindle.made.id);
  }
  CHECK(h.owner_of(library::kobo_secret_hash(kindle.token), "kobo")->device == kindle.made.id);
  CHECK_FALSE(h.owner_of(library::kobo_secret_hash(kindle.token), "plain"));
  CHECK_FALSE(h.owner_of(library::plain_secret_hash(kindle.password), "kobo"));
  CHECK_FALSE(h.opens("abcd-efgh-ijkl-mnop"));

  library::new_device app = h.add_device(h.ada, "Phone", "app");
  CHECK(app.token.empty());
  CHECK(h.number("select count(*) from device_secrets") == 9);
  CHECK(h.number("select count(*) from device_secrets where octet_length(hash) <> 32") == 0);
}

TEST_CASE("secrets and gates are found for many at once, and the gate tells of every change") {
  readers h;
  library::new_device a = h.add_device(h.ada, "Clara", "kobo"), b = h.add_device(h.ben, "Phone");
  std::vector<library::shown_secret> shown;
  for (const std::string& password : {a.password, std::string("abcd-efgh-ijkl-mnop"), b.password, a.password})
    shown.push_back({.hash = library::plain_secret_hash(password), .form = "plain"});
  auto look = [&] { return h.read([&](db::tx& tx) { return library::find_secrets_and_gates(tx, shown); }); };

  auto before = look();
  REQUIRE(before.size() == 4);
  CHECK_FALSE(before[1]);
  CHECK(before[0]->device == a.made.id);
  CHECK(before[2]->device == b.made.id);
  REQUIRE(before[3]->seen);
  CHECK(before[3]->seen->catalog.number == before[2]->seen->catalog.number);

  h.write([](db::tx& tx) { library::bump_revision(tx); });
  auto after = look();
  CHECK(after[0]->seen->catalog.number > before[0]->seen->catalog.number);
  CHECK(after[0]->seen->catalog.changed_at > before[0]->seen->catalog.changed_at);
  CHECK(after[0]->seen->state == before[0]->seen->state);
}

TEST_CASE("capitals that an e-reader's keyboard makes do not matter for the plain form") {
  readers h;
  library::new_device d = h.add_device(h.ada, "Phone");
  std::string shouted = d.password;
  std::transform(shouted.begin(), shouted.end(), shouted.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  CHECK(h.opens(shouted));
}

TEST_CASE("device names are unique for an account, and free again after revoking") {
  readers h;
  library::new_device first = h.add_device(h.ada, "Clara");
  CHECK_THROWS_AS(h.add_device(h.ada, " CLARA "), db::unique_violation);
  CHECK_NOTHROW(h.add_device(h.ben, "Clara"));
  CHECK(h.write([&](db::tx& tx) { return library::revoke_device(tx, first.made.id); }));
  CHECK_FALSE(h.write([&](db::tx& tx) { return library::revoke_device(tx, first.made.id); }));
  CHECK_NOTHROW(h.add_device(h.ada, "Clara"));

  auto refused = [&](const std::string& name, const std::string& kind) {
    auto made = h.write([&](db::tx& tx) { return library::add_device(tx, h.ada.id, name, kind); });
    return made ? "" : made.error().field;
  };
  CHECK(refused("x", "kindle") == "kind");
  CHECK(refused(std::string("x\0y", 3), "kobo") == "name");
  CHECK(refused(std::string(65, 'x'), "kobo") == "name");
  CHECK(refused("", "kobo") == "name");
  CHECK(refused("Ada's: 1/2", "app").empty());
}

TEST_CASE("devices are listed and named within an account") {
  readers h;
  library::new_device a = h.add_device(h.ada, "Clara"), b = h.add_device(h.ben, "clara"), c = h.add_device(h.ben, "Phone");
  auto all = h.read([](db::tx& tx) { return library::devices(tx, std::nullopt); });
  REQUIRE(all.size() == 3);
  CHECK(all[0].user_name == "ada");
  CHECK(h.read([&](db::tx& tx) { return library::devices(tx, h.ben.id); }).size() == 2);

  auto named = [&](const std::optional<uuid>& user, std::string_view text) {
    return h.read([&](db::tx& tx) { return library::find_device_named(tx, user, text); });
  };
  CHECK(named(h.ben.id, "CLARA")->id == b.made.id);
  CHECK(named(std::nullopt, "phone")->id == c.made.id);
  CHECK_FALSE(named(std::nullopt, "Clara"));  // two accounts have one
  CHECK(named(std::nullopt, a.made.id.text())->id == a.made.id);
  CHECK_FALSE(named(h.ben.id, a.made.id.text()));
  using namespace std::string_view_literals;
  CHECK_FALSE(named(h.ben.id, "phone\0"sv));
  h.write([&](db::tx& tx) { return library::revoke_device(tx, c.made.id); });
  CHECK_FALSE(named(h.ben.id, "phone"));
  CHECK_FALSE(h.read([&](db::tx& tx) { return library::find_device(tx, c.made.id); }));
}

TEST_CASE("a new secret ends the old one at once, or after its grace") {
  readers h;
  still_clock clock;
  library::new_device first = h.add_device(h.ada, "Clara", "kobo");
  auto second = h.rotate(first.made.id, std::chrono::seconds{0});
  REQUIRE(second);
  CHECK_FALSE(h.opens(first.password));
  CHECK_FALSE(h.owner_of(library::kobo_secret_hash(first.token), "kobo"));
  CHECK(h.opens(second->password));
  CHECK(h.owner_of(library::kobo_secret_hash(second->token), "kobo"));

  auto third = h.rotate(first.made.id, std::chrono::hours{1});
  CHECK(h.opens(second->password));
  CHECK(h.opens(third->password));
  clock.pass(std::chrono::minutes{30});
  auto fourth = h.rotate(first.made.id, std::chrono::hours{2});
  clock.pass(std::chrono::minutes{30});
  CHECK_FALSE(h.opens(second->password));  // a later rotation does not prolong the first grace
  CHECK(h.opens(third->password));
  clock.pass(std::chrono::minutes{90});
  CHECK_FALSE(h.opens(third->password));
  CHECK(h.opens(fourth->password));
  h.rotate(first.made.id, std::chrono::seconds{0});
  CHECK(h.number("select count(*) from device_secrets") == 5);
  CHECK_FALSE(h.rotate(uuid::make(), std::chrono::seconds{0}));
}

TEST_CASE("a revoked device has no secrets, a disabled account's are marked") {
  readers h;
  library::new_device d = h.add_device(h.ben, "Phone"), e = h.add_device(h.ben, "Clara");
  h.write([&](db::tx& tx) { return library::revoke_device(tx, d.made.id); });
  CHECK_FALSE(h.opens(d.password));
  CHECK_FALSE(h.rotate(d.made.id, std::chrono::hours{1}));
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, h.ben.id, true); });
  auto owner = h.owner_of(library::plain_secret_hash(e.password), "plain");
  REQUIRE(owner);
  CHECK(owner->disabled);
  CHECK_FALSE(owner->may_use("opds"));
}

TEST_CASE("many secrets are looked up by one statement, in order") {
  readers h;
  std::vector<library::shown_secret> shown;
  std::vector<uuid> ids;
  for (int i = 0; i < 20; ++i) {
    library::new_device d = h.add_device(h.ada, "d" + std::to_string(i));
    shown.push_back({.hash = library::plain_secret_hash(d.password), .form = "plain"});
    shown.push_back({.hash = library::plain_secret_hash("no"), .form = "plain"});
    ids.push_back(d.made.id);
  }
  auto found = h.read([&](db::tx& tx) { return library::find_secrets(tx, shown); });
  REQUIRE(found.size() == 40);
  for (std::size_t i = 0; i < 20; ++i) {
    CHECK(found[2 * i]->device == ids[i]);
    CHECK_FALSE(found[2 * i + 1]);
  }
}

TEST_CASE("scopes narrow what a secret opens") {
  readers h;
  library::new_device d = h.add_device(h.ada, "Clara", "kobo"), app = h.add_device(h.ada, "Phone", "app");
  auto owner = [&](const library::new_device& of) { return *h.owner_of(library::plain_secret_hash(of.password), "plain"); };
  for (std::string_view scope : {"opds", "kosync", "dav", "kobo"}) CHECK(owner(d).may_use(scope));
  CHECK_FALSE(owner(app).may_use("kobo"));
  auto set = [&](std::vector<std::string> scopes) {
    return h.write([&](db::tx& tx) { return library::set_device_scopes(tx, d.made.id, scopes); });
  };
  CHECK(set({"kosync"}));
  CHECK(owner(d).may_use("kosync"));
  CHECK_FALSE(owner(d).may_use("opds"));
  CHECK_FALSE(set({"everything"}));
  CHECK(set({}));
  CHECK(owner(d).may_use("opds"));
  CHECK_FALSE(h.write([&](db::tx& tx) { return library::set_device_scopes(tx, uuid::make(), {"opds"}); }));
}

TEST_CASE("contact is remembered once a minute") {
  readers h;
  still_clock clock;
  uuid id = h.add_device(h.ada, "Clara").made.id;
  auto saw = [&](const std::string& address, const std::string& agent) {
    h.write([&](db::tx& tx) { library::saw_device(tx, id, address, agent); });
    return *h.read([&](db::tx& tx) { return library::find_device(tx, id); });
  };
  CHECK(saw("192.0.2.1", "KOReader").last_agent == "KOReader");
  clock.pass(std::chrono::seconds{59});
  CHECK(saw("192.0.2.2", "other").last_address == "192.0.2.1");
  clock.pass(std::chrono::seconds{1});
  library::device d = saw("192.0.2.2", std::string("bad\0\xff\n", 6) + std::string(5000, 'x'));
  CHECK(d.last_address == "192.0.2.2");
  CHECK(d.last_seen_at == now());
  CHECK(d.last_agent.substr(0, 8) == "bad \xEF\xBF\xBD ");
  CHECK(d.last_agent.size() <= 200);
}

TEST_CASE("the last fifty requests of a device are kept, newest first") {
  readers h;
  uuid id = h.add_device(h.ada, "Clara").made.id, other = h.add_device(h.ada, "Phone").made.id;
  library::device_notes heard;
  auto note = [&] { h.write([&](db::tx& tx) { library::note_requests(tx, std::exchange(heard, {})); }); };
  instant start = now();
  for (int i = 0; i < 60; ++i) {
    library::device_request r{.at = start + std::chrono::microseconds{i},
                              .protocol = "kosync",
                              .request = "GET /" + std::to_string(i),
                              .note = "",
                              .status = 200};
    heard[id].push_back(r);
    if (i % 7 == 0) note();
  }
  heard[other].push_back({.at = {}, .protocol = "opds", .request = std::string("a\0b\xff", 4), .note = "n", .status = 500});
  heard[uuid::make()].push_back({.at = {}, .protocol = "", .request = "", .note = ""});  // revoked meanwhile
  note();
  CHECK(h.number("select count(*) from device_requests") == 51);

  auto all = h.read([&](db::tx& tx) { return library::recent_requests(tx, id, 100); });
  REQUIRE(all.size() == 50);
  CHECK(all.front().request == "GET /59");
  CHECK(all.back().request == "GET /10");
  CHECK(h.read([&](db::tx& tx) { return library::recent_requests(tx, id, 3); }).size() == 3);
  auto odd = h.read([&](db::tx& tx) { return library::recent_requests(tx, other, 10); });
  REQUIRE(odd.size() == 1);
  CHECK(odd[0].request == "a b\xEF\xBF\xBD");
  CHECK(odd[0].status == 500);
}

TEST_CASE("a shelf feeds a device of its account, or any when it is shared") {
  readers h;
  uuid hers = h.add_device(h.ada, "Clara").made.id, his = h.add_device(h.ben, "Phone").made.id;
  library::shelf shelf = *h.write([&](db::tx& tx) { return library::create_shelf(tx, h.ada.id, "Holiday", true); });
  auto feed = [&](const uuid& d, bool on) {
    return h.write([&](db::tx& tx) { return library::feed_device(tx, d, shelf.id, on); });
  };
  std::int64_t state = h.load(h.ada.id).state;

  CHECK(feed(hers, true));
  CHECK_FALSE(feed(hers, true));
  CHECK(h.load(h.ada.id).state == state + 1);
  CHECK_FALSE(feed(his, true));
  (void)h.write([&](db::tx& tx) {
    return library::change_shelf(tx, h.ada.id, shelf.id, {.name = {}, .collection = {}, .opds = {}, .shared = true});
  });
  CHECK(feed(his, true));
  CHECK(h.read([&](db::tx& tx) { return library::devices_fed(tx, shelf.id); }) == std::vector<uuid>{hers, his});
  CHECK(h.read([&](db::tx& tx) { return library::find_device(tx, hers); })->shelves == std::vector<uuid>{shelf.id});
  CHECK(feed(hers, false));
  CHECK_FALSE(feed(hers, false));
  h.write([&](db::tx& tx) { return library::revoke_device(tx, his); });
  CHECK(h.read([&](db::tx& tx) { return library::devices_fed(tx, shelf.id); }).empty());
}
