// Kobos that sync while the server is killed, at every moment between a commit and its answer: in the end they hold their shelf
// (kobo.md 17.9).
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "tests/harness/database.hpp"
#include "tests/integration/ingest/small_epub.hpp"
#include "tests/integration/kobo/reader.hpp"
#include "tests/integration/kosync/client.hpp"
#include "tests/integration/program/carrel.hpp"

using namespace carrel;
using namespace carrel::program::tests;
using kobo::tests::reader;
using kosync::tests::headers;
using kosync::tests::reply;
namespace fs = std::filesystem;

namespace {

constexpr int books = 12;

std::string title_of(int book) { return "Book number " + std::to_string(book); }

void add_file(const fs::path& folder, int book) {
  ingest::test::book b;
  b.title = title_of(book);
  b.text = "Words that only this one has: " + std::to_string(book * 7919);
  ingest::test::write(folder / (std::to_string(book) + ".epub"), ingest::test::epub(b));
}

// A reader with its token; what is answered completely is applied before the token is kept.
struct kobo_device {
  std::string token;
  reader r;

  std::optional<reply> ask(unsigned port) const {
    headers h;
    if (!r.token.empty()) h.emplace_back("x-kobo-synctoken", r.token);
    try {
      return kosync::tests::send(port, "GET", "/kobo/" + token + "/v1/library/sync", h);
    } catch (const std::runtime_error&) {
      return std::nullopt;
    }
  }
  // True when its sync is over.
  bool take(const std::optional<reply>& answer) {
    if (!answer || answer->status == 503) return true;
    REQUIRE(answer->status == 200);
    for (const json::value& item : kobo::tests::items_of(answer->body)) r.apply(item);
    r.token = answer->header("x-kobo-synctoken");
    return answer->header("x-kobo-sync") != "continue";
  }
  void whole(unsigned port) {
    for (int requests = 0; !take(ask(port)); ++requests) REQUIRE(requests < 100);
  }
};

class household {
 public:
  household() : data_(harness::fresh_folder("kobos")), how_{{"EXTERNAL_URL", "https://books.example"}, {"KOBO_PAGE_SIZE", "2"}} {
    up();
    add_owner(data_);
    fs::path folder = harness::fresh_folder("kobo-books");
    for (int i = 0; i < books; ++i) add_file(folder, i);
    run(data_, {"ingest", folder.string(), "--approve", "--wait"});
    run(data_, {"shelf", "create", "To read"});
    for (const char* name : {"Clara", "Libra"}) {
      json::object made = run(data_, {"device", "add", name, "--kind", "kobo", "--shelf", "To read"});
      kobo_device d;
      REQUIRE(made.find("kobo")->as_object()->take("token", d.token));
      kobos.push_back(std::move(d));
    }
  }
  void up() { server_ = std::make_unique<server>(data_, server_ ? server_->port() : 0, how_); }
  void down() { server_->kill(); }
  unsigned port() const { return server_->port(); }
  void shelve(int book, bool on) { run(data_, {"shelf", on ? "add" : "remove", "To read", title_of(book)}); }
  // Until every book on the shelf is converted: only then is it announced.
  void wait_for_conversions() const {
    library_of library(data_);
    auto waiting = [&] {
      return library.number("select count(*) from shelf_books sb join books b on b.id = sb.book_id where not b.kobo_ready");
    };
    for (int tries = 0; waiting() > 0; ++tries) {
      REQUIRE(tries < 600);
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
  }

  std::vector<kobo_device> kobos;

 private:
  fs::path data_;
  settings how_;
  std::unique_ptr<server> server_;
};

}  // namespace

TEST_CASE("Kobos hold their shelf although the server is killed in the middle of their syncs") {
  household h;
  std::mt19937 dice(7);
  std::set<int> shelved;
  for (int i = 0; i < books; ++i) h.shelve(i, shelved.insert(i).second);
  for (int round = 0; round < 10; ++round) {
    kobo_device& k = h.kobos[dice() % 2];
    for (unsigned pages = dice() % 4; pages > 0; --pages) {
      if (k.take(k.ask(h.port()))) break;
    }
    std::optional<reply> answer;
    std::thread asking([&] { answer = k.ask(h.port()); });
    std::this_thread::sleep_for(std::chrono::microseconds{dice() % 8000});
    h.down();
    asking.join();
    k.take(answer);
    h.up();
    int book = static_cast<int>(dice() % books);
    bool on = !shelved.contains(book);
    h.shelve(book, on);
    if (on)
      shelved.insert(book);
    else
      shelved.erase(book);
  }
  h.wait_for_conversions();
  for (kobo_device& k : h.kobos) {
    k.whole(h.port());
    std::set<std::string> held, wanted;
    for (const auto& [id, book] : k.r.library) held.insert(book.title);
    for (int i : shelved) wanted.insert(title_of(i));
    CHECK(held == wanted);
    std::string token = k.r.token;
    k.whole(h.port());
    CHECK(k.r.token == token);
  }
}

TEST_CASE("two requests of one Kobo at once get the same page") {
  household h;
  for (int i = 0; i < books; ++i) h.shelve(i, true);
  h.wait_for_conversions();
  kobo_device& k = h.kobos.front();
  std::optional<reply> one, two;
  std::thread first([&] { one = k.ask(h.port()); });
  two = k.ask(h.port());
  first.join();
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->body == two->body);
  CHECK(one->header("x-kobo-synctoken") == two->header("x-kobo-synctoken"));
  k.take(one);
  k.whole(h.port());
  CHECK(k.r.library.size() == books);
}
