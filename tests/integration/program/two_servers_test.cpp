// Two whole servers on one data folder: what one does the other shows, and neither misses the other.
#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "server/core/text.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/ingest/small_epub.hpp"
#include "tests/integration/kosync/client.hpp"
#include "tests/integration/program/carrel.hpp"
#include "tests/integration/web/client.hpp"

using namespace carrel;
using namespace carrel::program::tests;
using browser = web::tests::client;
using kosync::tests::reader;
namespace fs = std::filesystem;

namespace {

browser signed_in(unsigned port, const account& a) {
  browser b(port);
  json::object words;
  words.set("name", a.name).set("password", a.password);
  web::tests::reply r = b.send("POST", "/api/v1/session", json::dump(words), {{"Content-Type", "application/json"}});
  REQUIRE(r.status == 200);
  b.csrf = r.text("csrf");
  return b;
}

std::string opds_new(unsigned port, const account& a) {
  browser b(port);
  auto r = b.get("/opds/new", {{"Authorization", "Basic " + base64(a.name + ":" + a.device_password)}});
  CHECK(r.status == 200);
  return r.body;
}

// Somebody who reads and writes all the time and wants every answer.
class patron {
 public:
  patron(unsigned port, const account& a) : thread_([this, port, a] { visit(port, a); }) {}
  ~patron() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
  }
  patron(const patron&) = delete;
  patron& operator=(const patron&) = delete;

  bool comes_back(int times = 30) const {
    int before = answers_;
    return harness::eventually([&] { return answers_ >= before + times || refusals_ > 0; });
  }
  int refusals() const { return refusals_; }

 private:
  void visit(unsigned port, const account& a) {
    reader r{.port = port, .name = a.name, .key = a.kosync_key};
    for (int i = 0; !ending_; ++i) {
      bool good = false;
      try {
        good = r.push("patron", i / 1'000'000.0, std::to_string(i)).status == 200 && r.get("patron").status == 200;
      } catch (const std::runtime_error&) {
      }
      ++(good ? answers_ : refusals_);
    }
  }

  std::atomic<bool> ending_{false};
  std::atomic<int> answers_{0};
  std::atomic<int> refusals_{0};
  std::thread thread_;
};

}  // namespace

TEST_CASE("two servers on one data folder are one library, and either goes on alone") {
  fs::path data = harness::fresh_folder("two");
  auto first = std::make_unique<server>(data, 0, settings{{"INGEST_AUTO_APPROVE", "0"}});
  auto second = std::make_unique<server>(data, 0, settings{{"INGEST_AUTO_APPROVE", "0"}});
  account a = add_owner(data);

  // One session, both servers; its end ends it on both.
  browser at_first = signed_in(first->port(), a);
  browser at_second(second->port());
  at_second.cookies = at_first.cookies;
  at_second.csrf = at_first.csrf;
  CHECK(at_second.api("GET", "/books").status == 200);

  CHECK(opds_new(second->port(), a).find("The Shared Harbour") == std::string::npos);
  std::string book = ingest::test::epub({.title = "The Shared Harbour"});
  CHECK(at_first.upload("/api/v1/books", "harbour.epub", book, {}, {{"X-CSRF-Token", at_first.csrf}}).status == 202);
  CHECK(harness::eventually([&] { return opds_new(second->port(), a).find("The Shared Harbour") != std::string::npos; }));
  CHECK(at_second.upload("/api/v1/books", "again.epub", book, {}, {{"X-CSRF-Token", at_second.csrf}}).status == 409);

  reader pushing{.port = first->port(), .name = a.name, .key = a.kosync_key};
  reader fetching{.port = second->port(), .name = a.name, .key = a.kosync_key};
  for (int i = 1; i <= 20; ++i) {
    REQUIRE(pushing.push("shared", i / 100.0, "page " + std::to_string(i)).status == 200);
    CHECK(fetching.get("shared").text("progress") == "page " + std::to_string(i));
  }

  CHECK(at_second.api("DELETE", "/session").status / 100 == 2);
  CHECK(at_first.api("GET", "/books").status == 401);

  // The first has started the database; it leaves, or is killed.
  int how = GENERATE(SIGTERM, SIGKILL);
  patron visitor(second->port(), a);
  REQUIRE(visitor.comes_back());
  pid_t database = postmaster(data);
  auto began = std::chrono::steady_clock::now();
  first->send(how);
  CHECK(first->wait() == (how == SIGTERM ? 0 : 128 + SIGKILL));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds{3});
  CHECK(visitor.comes_back());
  server third(data);
  CHECK(visitor.comes_back());
  CHECK(opds_new(third.port(), a).find("The Shared Harbour") != std::string::npos);
  third.send(how);
  third.wait();
  CHECK(visitor.comes_back());
  CHECK(visitor.refusals() == 0);
  CHECK(postmaster(data) == database);
}
