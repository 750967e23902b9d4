// The storefront over real sockets, as a Kobo meets it (kobo.md 3, 4, 5, 9, 12, 18).
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "kobo/routes.hpp"
#include "library/device.hpp"
#include "library/shelf.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/core/digest.hpp"
#include "server/http/server.hpp"
#include "tests/integration/kobo/reader.hpp"
#include "tests/integration/kosync/client.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;
using kosync::tests::headers;
using kosync::tests::reply;

namespace {

namespace fs = std::filesystem;

class storefront {
 public:
  harness::library_db db;
  std::string token;

  storefront() {
    fs::path folder = harness::fresh_folder("storefront");
    store_.emplace(library::store::open(folder, folder / "cache").value());
    std::ofstream(store_->absolute("library/x")) << std::string(1000, 'b');
    config::sources from;
    from.environment = [](const std::string&) { return std::nullopt; };
    from.command_line = {{"external_url", "https://books.example"}, {"kobo.page_size", "2"}};
    config_ = config::load(from).value();
    links_.emplace(config_);
    cpu_.emplace(1);
    credentials_.emplace(db.pool(), *cpu_, config_);
    api_.emplace(kobo::services{
        .pool = db.pool(), .credentials = *credentials_, .store = *store_, .links = *links_, .settings = config_, .cpu = *cpu_});
    api_->mount(main_);
    http::server_options options;
    options.listen = {{"127.0.0.1:0"}};
    server_.emplace(options, main_, metrics_);
    std::string bound = server_->bind().value().front();
    port_ = static_cast<unsigned>(std::stoul(bound.substr(bound.rfind(':') + 1)));
    server_->start();
    db.pool().write_now([&](db::tx& tx) {
      library::new_device made = library::add_device(tx, db.reader(), "Clara", "kobo").value();
      token = made.token;
      shelf_ = library::create_shelf(tx, db.reader(), "To read", true)->id;
      library::feed_device(tx, made.made.id, shelf_, true);
    });
  }
  ~storefront() {
    server_->stop_accepting();
    server_->abort_drain();
    server_->drain();
  }

  void shelve(const std::string& title) {
    uuid book = db.add({.title = title});
    db.pool().write_now([&](db::tx& tx) { library::add_to_shelf(tx, db.reader(), shelf_, {book}); });
  }
  reply ask(const std::string& method, const std::string& path, const headers& h = {}, const std::string& body = {}) {
    return kosync::tests::send(port_, method, "/kobo/" + token + path, h, body);
  }
  // A whole sync; what the device holds then.
  void sync(reader& r) {
    for (bool more = true; more;) {
      headers h;
      if (!r.token.empty()) h.emplace_back("x-kobo-synctoken", r.token);
      reply a = ask("GET", "/v1/library/sync?Filter=ALL&DownloadUrlFilter=Generic,Android&PrioritizeRecentReads=true", h);
      REQUIRE(a.status == 200);
      for (const json::value& item : items_of(a.body)) r.apply(item);
      r.token = a.header("x-kobo-synctoken");
      REQUIRE_FALSE(r.token.empty());
      more = a.header("x-kobo-sync") == "continue";
      std::size_t size = 0;
      for (const auto& [name, value] : a.fields) size += name.size() + value.size() + 4;
      CHECK(size < 2048);
    }
  }

 private:
  std::optional<library::store> store_;
  config config_;
  std::optional<http::links> links_;
  std::optional<auth::cpu_pool> cpu_;
  std::optional<auth::credentials> credentials_;
  std::optional<kobo::api> api_;
  http::router main_, metrics_;
  std::optional<http::server> server_;
  unsigned port_ = 0;
  uuid shelf_;
};

}  // namespace

TEST_CASE("a Kobo that comes for the first time finds its way to its books") {
  storefront s;
  for (const char* title : {"One", "Two", "Three"}) s.shelve(title);

  reply map = s.ask("GET", "/v1/initialization");
  CHECK(map.status == 200);
  CHECK(map.header("x-kobo-apitoken") == "e30=");
  CHECK(map.header("content-type") == "application/json; charset=utf-8");
  CHECK(map.body.find("https://books.example/kobo/" + s.token + "/v1/library/sync") != std::string::npos);
  CHECK(map.body.find(R"("reading_services_host":"https://books.example")") != std::string::npos);
  CHECK(s.ask("POST", "/v1/auth/device", {}, R"({"UserKey":""})").text("TokenType") == "Bearer");
  CHECK(s.ask("POST", "/v1/auth/refresh", {}, "{}").status == 200);
  CHECK_FALSE(s.ask("GET", "/oauth/.well-known/openid-configuration").text("token_endpoint").empty());
  CHECK_FALSE(s.ask("POST", "/oauth/token", {}, "grant_type=refresh_token").text("user_id").empty());

  reader r;
  s.sync(r);
  CHECK(r.library.size() == 3);
  std::string token = r.token;
  s.sync(r);
  CHECK(r.token == token);

  const std::string id = r.library.begin()->first;
  std::string about = s.ask("GET", "/v1/library/" + id + "/metadata").body;
  std::size_t at = about.find("/download/"), end = about.find('"', at);
  REQUIRE(at != std::string::npos);
  reply file = s.ask("GET", about.substr(at, end - at));
  CHECK(file.status == 200);
  CHECK(file.body.size() == 1000);
  CHECK(file.header("content-type") == "application/epub+zip");
  CHECK(s.ask("GET", "/download/" + id + "/000000000000/x.epub").status == 404);
  CHECK(s.ask("GET", "/download/" + uuid::make().text() + "/000000000000/x.epub").status == 404);
}

TEST_CASE("states and removals are taken, whatever they look like") {
  storefront s;
  s.shelve("One");
  reader r;
  s.sync(r);
  const std::string id = r.library.begin()->first, path = "/v1/library/" + id + "/state";
  CHECK(s.ask("GET", path).body.find(R"("Status":"ReadyToRead")") != std::string::npos);
  reply put = s.ask(
      "PUT", path, {},
      R"({"ReadingStates":[{"EntitlementId":")" + id +
          R"(","LastModified":"2026-03-06T21:30:44Z","StatusInfo":{"Status":"Reading","LastModified":"2026-03-06T21:30:44Z"}}]})");
  CHECK(put.status == 200);
  CHECK(put.body.find(R"("StatusInfoResult":{"Result":"Success"})") != std::string::npos);
  CHECK(s.ask("GET", path).body.find(R"("LastModified":"2026-03-06T21:30:44Z")") != std::string::npos);
  for (const char* body : {"", "{", "[]", R"({"ReadingStates":7})", R"({"ReadingStates":[null,1,"x"]})"}) {
    INFO(body);
    reply odd = s.ask("PUT", path, {}, body);
    CHECK(odd.status == 200);
    CHECK(odd.body == R"({"RequestResult":"Failure","UpdateResults":[]})");
  }
  std::string unknown = "/v1/library/" + uuid::make().text();
  CHECK(s.ask("PUT", unknown + "/state", {}, R"({"ReadingStates":[{}]})").body.find("Ignored") != std::string::npos);
  CHECK(s.ask("GET", unknown + "/state").body == "[]");
  CHECK(s.ask("GET", unknown + "/metadata").body == "[]");
  CHECK(s.ask("DELETE", unknown).status == 204);
  CHECK(s.ask("DELETE", "/v1/library/tags").status == 405);

  CHECK(s.ask("DELETE", "/v1/library/" + id).status == 204);
  r.remove(id);
  s.sync(r);
  CHECK(r.library.empty());
}

TEST_CASE("a wrong token opens nothing, and nothing else is refused") {
  storefront s;
  std::string good = s.token;
  s.token = "AAAAAAAAAAAAAAAAAAAAAAAA";
  for (const char* path : {"/v1/initialization", "/v1/library/sync", "/v1/anything", ""}) {
    reply r = s.ask("GET", path);
    CHECK(r.status == 401);
    CHECK(r.body == "{}");
  }
  s.token = good;
  for (const char* path :
       {"", "/", "/v1/user/profile", "/v1/assets?DiffRequests=[{Key:a,Value:{}}]", "//v1//deals", "/v1/deals/", "/v2/x/y",
        "/v1/library/sync/v1/initialization", "/v1/library/not-an-id/metadata", "/v1/library/search?q=%00"}) {
    INFO(path);
    CHECK(s.ask("GET", path).status == 200);
  }
  CHECK(s.ask("POST", "/v1/library/sync", {}, "{}").status == 200);
  CHECK(s.ask("PATCH", "/v1/initialization", {}, "{}").status == 200);
}
