// What must not be seen anywhere: the token of a device's address, the device's own id, the key of its owner's account at Kobo
// (kobo.md 3, 4.1).
#include <fcntl.h>
#include <unistd.h>

#include "server/core/log.hpp"
#include "tests/harness/folder.hpp"
#include "tests/harness/peer.hpp"
#include "tests/integration/kobo/storefront.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

const std::string device_id = "4c5d4c5d4c5d4c5d4c5d4c5d4c5d4c5d4c5d4c5d4c5d4c5d4c5d4c5d4c5d4c5d";
const std::string user_key = "0f9d3c51-8a46-4f0e-9a51-2f6c0a9b7d44", bearer = "eyJhbGciOiJub25lIn0.c2VjcmV0.bearer";
const headers shown{{"x-kobo-deviceid", device_id},
                    {"x-kobo-userkey", user_key},
                    {"Authorization", "Bearer " + bearer},
                    {"Cookie", "ReadingServices=very-secret-cookie"},
                    {"x-kobo-appversion", "4.45.23792"}};

// Everything that is logged while it lives, from the first word on.
class listener {
 public:
  listener() {
    REQUIRE(file_ >= 0);
    ::dup2(file_, 2);
    log::start(log::level::debug, "text");
  }
  ~listener() {
    ::dup2(kept_, 2);
    ::close(kept_);
    ::close(file_);
    log::start(log::level::error, "text");
  }
  std::string heard() const { return harness::read_file(path_); }

 private:
  std::string path_ = std::filesystem::absolute(harness::fresh_folder("kobo-log") / "stderr").native();
  int kept_ = ::dup(2), file_ = ::open(path_.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
};

std::string everything_stored(storefront& s) {
  std::string out;
  s.db.pool().read_now([&](db::tx& tx) {
    constexpr db::statement tables{"test.kobo_tables", R"sql(
      select query_to_xml('select * from ' || quote_ident(table_name), true, false, '')::text from information_schema.tables
       where table_schema = 'public' and table_type = 'BASE TABLE'
         and (table_name like 'kobo%' or table_name like 'device%' or table_name like 'annotation%' or table_name like 'position%'
              or table_name in ('documents', 'downloads')))sql"};
    for (const db::row& r : tx.run(tables)) out += r.text(0);
  });
  return out;
}

// A whole visit, with what goes wrong on the way.
void converse(storefront& s) {
  reader r;
  auto ask = [&](const char* method, const std::string& path, const std::string& body = {}) {
    return s.ask(method, path, shown, body);
  };
  ask("GET", "/v1/initialization");
  ask("POST", "/v1/auth/device", R"({"DeviceId":")" + device_id + R"(","UserKey":")" + user_key + "\"}");
  ask("POST", "/v1/auth/refresh", R"({"RefreshToken":")" + bearer + "\"}");
  ask("GET", "/oauth/.well-known/openid-configuration");
  ask("POST", "/oauth/token", "refresh_token=" + bearer);
  ask("POST", "/v1/analytics/gettests", "{}");
  for (std::string token, more = "continue"; more == "continue";) {
    headers h = shown;
    if (!token.empty()) h.emplace_back("x-kobo-synctoken", token);
    reply page = s.ask("GET", "/v1/library/sync?token=" + s.token, h);
    for (const json::value& item : items_of(page.body)) r.apply(item);
    token = page.header("x-kobo-synctoken");
    more = page.header("x-kobo-sync");
  }
  REQUIRE(r.library.size() == 3);
  const std::string id = r.library.begin()->first, book = "/v1/library/" + id, file = s.file_path(id);
  ask("GET", book + "/metadata");
  ask("PUT", book + "/state", R"({"ReadingStates":[{"StatusInfo":{"Status":"Reading"}}]})");
  ask("PUT", book + "/state", "{");
  ask("GET", file);
  ask("GET", "//" + file + "?again");
  ask("GET", "/download/" + id + "/000000000000/x.epub");
  ask("GET", "/covers/" + id + "/355/530/false/image.jpg");
  ask("POST", "/v1/library/tags", R"({"Name":"Winter"})");
  ask("POST", "/v1/library/tags", "no");
  ask("POST", "/v1/analytics/event",
      R"({"Events":[{"Id":"e","EventType":"FailedSync","Attributes":{"Reason":"/kobo/)" + s.token + "\"}}]}");
  ask("PATCH", "/api/v3/content/" + id + "/annotations", R"({"updatedAnnotations":[]})");
  ask("GET", "/v1/library/sync/v1/initialization");
  ask("DELETE", book);
  ask("BREW", "/v1/coffee");
  ask("GET", "/%00/" + s.token);
  s.ask_root("POST", "/api/v3/content/checkforchanges", shown, R"([{"ContentId":")" + id + R"(","etag":"W/\"0\""}])");
  s.ask_root("GET", "//kobo//" + s.token + "//v1//deals", shown);
  s.ask_root("GET", "/%6bobo/" + s.token + "/v1/deals", shown);
  s.ask_root("GET", "/books/kobo/" + s.token + "/v1/deals", shown);
  s.ask_root("GET", "/kobo/" + s.token, {{"Referer", "https://books.example/kobo/" + s.token}});
  s.db.pool().write_now([&](db::tx& tx) {  // and the database is away
    tx.script("lock table kobo_devices in access exclusive mode");
    CHECK(ask("GET", "/v1/library/sync").status == 503);
  });
  s.db.pool().write_now([&](db::tx& tx) { CHECK(library::revoke_device(tx, s.device)); });
  CHECK(ask("GET", "/v1/initialization").status == 401);
}

}  // namespace

TEST_CASE("no token, device id or account key is in a log or in the database, whatever a device says") {
  const std::string passthrough = GENERATE("off", "on");
  harness::peer store(
      [](const harness::heard& h) { return harness::said(h.target.find("tags") != h.target.npos ? 500 : 401, "{}"); });
  listener log;
  std::string token, stored;
  {
    storefront s({{"kobo.passthrough", passthrough}, {"kobo.header_budget", "1"}}, {.api = store.url(), .reading = store.url()},
                 std::chrono::seconds(3));
    for (const char* title : {"One", "Two", "Three"}) s.shelve(title);
    token = s.token;
    converse(s);
    stored = everything_stored(s);
  }
  const std::string lines = log.heard();
  CHECK(lines.find(" http ") != std::string::npos);
  CHECK(lines.find("kobo.headers") != std::string::npos);
  CHECK(lines.find("/kobo/…/v1/library/sync") != std::string::npos);
  CHECK(stored.find("Clara") != std::string::npos);
  for (const std::string& secret : {token, device_id, user_key, bearer, std::string("very-secret-cookie")}) {
    INFO(secret);
    CHECK(lines.find(secret) == std::string::npos);
    CHECK(stored.find(secret) == std::string::npos);
  }
}

TEST_CASE("a device is let in by its token alone, while its account and itself may") {
  storefront s;
  constexpr db::statement disable{"test.disable", "update users set disabled_at = now() where id = $1"};
  CHECK(s.ask("GET", "/v1/initialization").status == 200);
  SECTION("its account is switched off") {
    s.db.pool().write_now([&](db::tx& tx) { tx.run(disable, s.db.reader()); });
    CHECK(s.ask("GET", "/v1/initialization").status == 403);
  }
  SECTION("it may not use the storefront") {
    s.db.pool().write_now([&](db::tx& tx) { CHECK(library::set_device_scopes(tx, s.device, {"opds"})); });
    CHECK(s.ask("GET", "/v1/initialization").status == 403);
  }
  SECTION("its token has another one in its place") {
    s.db.pool().write_now([&](db::tx& tx) { CHECK(library::rotate_device(tx, s.device, {})); });
    CHECK(s.ask("GET", "/v1/initialization").status == 401);
  }
  SECTION("it is revoked") {
    s.db.pool().write_now([&](db::tx& tx) { CHECK(library::revoke_device(tx, s.device)); });
    CHECK(s.ask("GET", "/v1/initialization").status == 401);
  }
  reply refused = s.ask("GET", "/v1/library/sync");
  CHECK((refused.status == 200 || refused.body == "{}"));
  CHECK(refused.header("x-kobo-synctoken").empty() == (refused.status != 200));
}
