#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "library/audit.hpp"
#include "library/download.hpp"
#include "library/instance.hpp"
#include "library/setting.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

TEST_CASE("an installation has one id and one key of a name, whoever asks first") {
  home h;
  std::set<std::string> ids, keys;
  std::mutex mutex;
  std::vector<std::thread> processes;
  for (int i = 0; i < 4; ++i) {
    processes.emplace_back([&] {
      uuid id = h.write([](db::tx& tx) { return library::instance_id(tx); });
      std::string key = h.write([](db::tx& tx) { return library::signing_key(tx, "covers"); });
      std::lock_guard lock(mutex);
      ids.insert(id.text());
      keys.insert(key);
    });
  }
  for (std::thread& t : processes) t.join();
  CHECK(ids.size() == 1);
  REQUIRE(keys.size() == 1);
  CHECK(keys.begin()->size() == 32);
  CHECK(h.write([](db::tx& tx) { return library::signing_key(tx, "cursors"); }) != *keys.begin());
}

TEST_CASE("the audit keeps who did what, even hostile text") {
  home h;
  uuid book = uuid::make();
  json::object detail{{"title", json::object{{"before", std::string("a\0b\xff", 4)}, {"after", "c"}}}};
  h.write([&](db::tx& tx) {
    library::record(tx, {std::nullopt, std::string("command\0line", 12)}, "book.edit", "book", book, detail);
  });
  h.write([&](db::tx& tx) { library::record(tx, {uuid::make(), "ada"}, "book.trash", "book", book); });
  auto all = h.read([&](db::tx& tx) { return library::history_of(tx, book, 10); });
  REQUIRE(all.size() == 2);
  CHECK(all[0].action == "book.trash");
  CHECK(all[0].detail == "{}");
  CHECK(all[1].actor == "command line");
  CHECK(all[1].subject == book);
  CHECK(json::read_object(all[1].detail)->find("title")->as_object()->find("before")->as_text()->substr(0, 2) == "ab");
  CHECK(h.read([&](db::tx& tx) { return library::history_of(tx, book, 1); }).size() == 1);
}

TEST_CASE("settings are JSON values; null removes one") {
  home h;
  auto get = [&](const std::string& key) { return h.read([&](db::tx& tx) { return library::read_setting(tx, key); }); };
  auto set = [&](const std::string& key, const json::value& v) {
    h.write([&](db::tx& tx) { library::write_setting(tx, key, v); });
  };
  CHECK_FALSE(get("smtp.from"));
  set("smtp.from", "a@b");
  CHECK(*get("smtp.from")->as_text() == "a@b");
  set("smtp.from", json::array{1, "x\\u0000", true});
  CHECK(get("smtp.from")->as_array()->size() == 3);
  set("smtp.from", nullptr);
  CHECK_FALSE(get("smtp.from"));
  CHECK_FALSE(get(std::string("a\0b", 3)));
}

TEST_CASE("a one-time code works once, in time, for its purpose, however it is typed") {
  home h;
  still_clock clock;
  auto make = [&] { return h.write([](db::tx& tx) { return library::make_code(tx, "setup", std::chrono::hours{1}); }); };
  auto good = [&](const std::string& purpose, const std::string& c) {
    return h.read([&](db::tx& tx) { return library::code_is_good(tx, purpose, c); });
  };
  auto use = [&](const std::string& c) { return h.write([&](db::tx& tx) { return library::use_code(tx, "setup", c); }); };

  std::string code = make();
  REQUIRE(code.size() == 9);
  CHECK(code[4] == '-');
  CHECK(good("setup", code));
  CHECK(good("setup", " " + code.substr(0, 4) + code.substr(5)));
  CHECK_FALSE(good("invite", code));
  CHECK_FALSE(good("setup", std::string("\0\xff", 2)));
  CHECK_FALSE(good("setup", ""));
  CHECK(use(code));
  CHECK_FALSE(use(code));
  CHECK_FALSE(good("setup", code));

  std::string late = make();
  clock.pass(std::chrono::hours{1});
  CHECK_FALSE(good("setup", late));
  CHECK_FALSE(use(late));
  make();
  CHECK(h.number("select count(*) from one_time_codes") == 1);
}

TEST_CASE("a download is recorded, and the file's hashes count as served") {
  home h;
  library::user ada = h.add("ada");
  uuid device = h.add_device(ada, "Clara").made.id;
  uuid book = h.add_book("A"), file = h.add_file(book);
  h.write([&](db::tx& tx) {
    tx.run({"test.hash", "insert into book_file_hashes (hash, kind, file_id, book_id) values ('x', 'partial', $1, $2)"}, file,
           book);
  });

  h.write([&](db::tx& tx) { library::record_download(tx, ada.id, device, file); });
  h.write([&](db::tx& tx) { library::record_download(tx, ada.id, std::nullopt, file); });
  h.write([&](db::tx& tx) { library::record_download(tx, ada.id, uuid::make(), file); });  // a device that is gone
  h.write([&](db::tx& tx) { library::record_download(tx, ada.id, device, uuid::make()); });
  h.write([&](db::tx& tx) { library::record_download(tx, uuid::make(), device, file); });
  CHECK(h.number("select count(*) from downloads") == 3);
  CHECK(h.number("select count(*) from downloads where device_id is not null") == 1);
  CHECK(h.number("select count(*) from book_file_hashes where last_served_at is not null") == 1);
}
