// Taking books in while processes are killed, and while the service leaves under a command.
#include <signal.h>

#include <catch2/catch.hpp>
#include <set>

#include "server/core/text.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/ingest/small_epub.hpp"
#include "tests/integration/program/carrel.hpp"

using namespace carrel;
using namespace carrel::program::tests;
namespace fs = std::filesystem;

namespace {

void make_books(const fs::path& folder, int count) {
  fs::create_directories(folder);
  for (int i = 0; i < count; ++i) {
    std::string n = std::to_string(i);
    ingest::test::write(folder / ("book " + n + ".epub"),
                        ingest::test::epub({.title = "Number " + n, .text = "Text " + n + "."}));
  }
}

int sources_in(const fs::path& folder) {
  int out = 0;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    out += it->path().extension() == ".epub" ? 1 : 0;
  }
  return out;
}

void check_library(const fs::path& data, int count) {
  library_of lib(data);
  CHECK(lib.number("select count(*) from books") == count);
  CHECK(lib.number("select count(distinct title) from books") == count);
  CHECK(lib.number("select count(*) from book_files") == count);
  CHECK(lib.number("select count(distinct checksum) from book_files") == count);
  CHECK(lib.number("select count(*) from ingest_items where state in ('failed', 'rejected')") == 0);
  CHECK(sources_in(data / "library") == count);
}

}  // namespace

TEST_CASE("kill -9 of the server while it takes the drop folder in: every book is there once in the end") {
  constexpr int books = 120;
  fs::path data = harness::fresh_folder("killed-ingest");
  run(data, {"migrate", "status"});
  fs::path drop = data / "drop";
  auto running = std::make_unique<server>(data);
  make_books(drop, books);
  for (int wanted : {1, 20, 50}) {
    {
      library_of lib(data);
      REQUIRE(harness::eventually([&] { return lib.number("select count(*) from books") >= wanted; }));
    }
    running->kill();
    {
      // Nothing is lost at this moment either: it waits, is on its way, or is in the library.
      library_of lib(data);
      auto known = lib.number("select count(*) from books");
      CHECK(known < books);
      CHECK(sources_in(drop) + sources_in(data / "staging") + sources_in(data / "library") >= books);
    }
    running = std::make_unique<server>(data);
  }
  library_of lib(data);
  CHECK(harness::eventually([&] { return lib.number("select count(*) from books") >= books && sources_in(drop) == 0; },
                            std::chrono::seconds{120}));
  running->send(SIGTERM);
  CHECK(running->wait() == 0);
  check_library(data, books);
}

TEST_CASE("a service that ends, or is killed, does not take the database from a command at work") {
  constexpr int books = 80;
  int signal = GENERATE(SIGTERM, SIGKILL);
  fs::path data = harness::fresh_folder("left-alone");
  fs::path folder = harness::fresh_folder("books");
  make_books(folder, books);
  server service(data);
  process command(data, {}, {"ingest", "--approve", "--keep", "--json", folder.string()});
  {
    library_of lib(data);
    REQUIRE(harness::eventually([&] { return lib.number("select count(*) from books") > 3; }));
  }
  auto began = std::chrono::steady_clock::now();
  service.send(signal);
  CHECK(service.wait() == (signal == SIGTERM ? 0 : 128 + SIGKILL));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds{3});
  CHECK(command.running());
  int status = command.wait();
  INFO(command.err() << command.out());
  CHECK(status == 0);
  CHECK(postmaster(data) == 0);
  check_library(data, books);
}

TEST_CASE("a command that started the database leaves it to a service that came later") {
  fs::path data = harness::fresh_folder("left-behind");
  fs::path folder = harness::fresh_folder("books");
  make_books(folder, 60);
  process command(data, {}, {"ingest", "--approve", "--keep", "--json", folder.string()});
  REQUIRE(harness::eventually([&] { return postmaster(data) > 1; }));
  server service(data);
  pid_t database = postmaster(data);
  CHECK(command.wait() == 0);
  CHECK(postmaster(data) == database);
  check_library(data, 60);
  service.send(SIGTERM);
  CHECK(service.wait() == 0);
  CHECK(postmaster(data) == 0);
}

TEST_CASE("a command that is interrupted says what it did, and the next one does the rest") {
  constexpr int books = 150;
  int signal = GENERATE(SIGINT, SIGTERM, SIGKILL);
  fs::path data = harness::fresh_folder("interrupted");
  fs::path folder = harness::fresh_folder("books");
  make_books(folder, books);
  add_owner(data);
  process command(data, {}, {"ingest", "--approve", "--json", folder.string()});
  {
    library_of lib(data);
    REQUIRE(harness::eventually([&] { return lib.number("select count(*) from books") > 5; }));
  }
  command.send(signal);
  int status = command.wait();
  INFO(command.err() << command.out());
  std::int64_t added = 0;
  {
    library_of lib(data);
    added = lib.number("select count(*) from books");
    REQUIRE(added < books);
  }
  if (signal == SIGKILL) {
    CHECK(status == 128 + SIGKILL);
    process doctor(data, {}, {"doctor", "--json"});
    doctor.wait();
    CHECK(doctor.out().find("\"check\":\"unfinished\",\"ok\":false") != std::string::npos);
  } else {
    CHECK(status == 5);
    result<json::object> said = json::read_object(command.out());
    REQUIRE(said.ok());
    CHECK(static_cast<std::int64_t>(said->find("added")->as_array()->size()) == added);
    CHECK(*said->find("error")->as_object()->find("code")->as_text() == "interrupted");
    CHECK(sources_in(folder) == books - added);
  }
  // Another command, asked for something else, finishes the rest of what was begun.
  fs::path other = harness::fresh_folder("other");
  ingest::test::write(other / "one more.epub", ingest::test::epub({.title = "One more", .text = "More."}));
  run(data, {"ingest", "--approve", other.string()});
  {
    library_of lib(data);
    CHECK(lib.number("select count(*) from books") + sources_in(folder) == books + 1);
    CHECK(sources_in(data / "staging") == 0);
  }
  run(data, {"ingest", "--approve", folder.string()});
  CHECK(sources_in(folder) == 0);
  check_library(data, books + 1);
}
