#pragma once
// The storefront over real sockets, with one reader, one shelf and one Kobo that it feeds.

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>

#include "kobo/routes.hpp"
#include "library/device.hpp"
#include "library/shelf.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/core/digest.hpp"
#include "server/http/server.hpp"
#include "tests/integration/kobo/reader.hpp"
#include "tests/integration/kosync/client.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

namespace carrel::kobo::tests {

using kosync::tests::headers;
using kosync::tests::reply;

class storefront {
 public:
  harness::library_db db;
  std::string token;
  uuid device, shelf;
  std::optional<kobo::artifacts> conversions;
  std::function<void(const uuid& user, const std::string& document)> moved;  // of places

  // Settings, where the real store is, and how long an answer may take.
  explicit storefront(const headers& more = {}, const store_addresses& store_at = {},
                      std::chrono::milliseconds budget = std::chrono::seconds(30)) {
    std::filesystem::path folder = harness::fresh_folder("storefront");
    store_.emplace(library::store::open(folder, folder / "cache").value());
    std::ofstream(store_->absolute("library/x")) << std::string(1000, 'b');
    config::sources from;
    from.environment = [](const std::string&) { return std::nullopt; };
    from.command_line = {{"external_url", "https://books.example"}, {"kobo.page_size", "2"}};
    from.command_line.insert(from.command_line.end(), more.begin(), more.end());
    config_ = config::load(from).value();
    links_.emplace(config_);
    cpu_.emplace(1);
    credentials_.emplace(db.pool(), *cpu_, config_);
    publication::isolated::options child;
    child.command = {KOBO_READER_CHILD};
    readers_.emplace(child);
    conversions.emplace(db.pool(), *store_, *readers_, config_);
    api_.emplace(kobo::services{.pool = db.pool(),
                                .credentials = *credentials_,
                                .store = *store_,
                                .links = *links_,
                                .settings = config_,
                                .cpu = *cpu_,
                                .client = client_,
                                .patient = *cpu_,
                                .made = *conversions,
                                .moved =
                                    [this](const uuid& user, const std::string& document) {
                                      if (moved) moved(user, document);
                                    },
                                .store_at = store_at,
                                .budget = budget});
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
      device = made.made.id;
      shelf = library::create_shelf(tx, db.reader(), "To read", true)->id;
      library::feed_device(tx, device, shelf, true);
    });
  }
  ~storefront() {
    server_->stop_accepting();
    server_->abort_drain();
    server_->drain();
  }

  unsigned port() const { return port_; }
  const library::store& store() const { return *store_; }
  publication::isolated::pool& readers() { return *readers_; }
  void write_file(const std::string& path, const std::string& bytes) {
    std::filesystem::create_directories(std::filesystem::path(store_->absolute(path)).parent_path());
    std::ofstream(store_->absolute(path)) << bytes;
  }
  void lose_files() { std::filesystem::remove(store_->absolute("library/x")); }
  void shelve(const std::string& title) {
    uuid book = db.add({.title = title});
    db.pool().write_now([&](db::tx& tx) { library::add_to_shelf(tx, db.reader(), shelf, {book}); });
  }
  // Without the path token.
  reply ask_root(const std::string& method, const std::string& path, const headers& h = {}, const std::string& body = {}) {
    return kosync::tests::send(port_, method, path, h, body);
  }
  reply ask(const std::string& method, const std::string& path, const headers& h = {}, const std::string& body = {}) {
    return kosync::tests::send(port_, method, "/kobo/" + token + path, h, body);
  }
  // Where the device is told to get the file of a book, below its own address.
  std::string file_path(const std::string& entitlement) {
    std::string about = ask("GET", "/v1/library/" + entitlement + "/metadata").body;
    std::size_t at = about.find("/download/"), end = about.find('"', at);
    REQUIRE(at != std::string::npos);
    return about.substr(at, end - at);
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
  std::optional<publication::isolated::pool> readers_;
  http::client client_{{.this_machine = true}};
  std::optional<auth::credentials> credentials_;
  std::optional<kobo::api> api_;
  http::router main_, metrics_;
  std::optional<http::server> server_;
  unsigned port_ = 0;
};

}  // namespace carrel::kobo::tests
