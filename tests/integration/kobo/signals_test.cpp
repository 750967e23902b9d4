// What a Kobo shows of its books, and what follows (kobo.md 17.2 guard, 17.8); what its owner chose for it.
#include "library/kobo_ledger.hpp"
#include "library/shelf.hpp"
#include "tests/integration/kobo/one_kobo.hpp"

using namespace carrel;
using namespace carrel::kobo;
using namespace carrel::kobo::tests;

namespace {

std::size_t library_guards(one_kobo& s) {
  return s.db.pool().read_now([&](db::tx& tx) { return library::guarded_devices(tx, s.db.reader()).size(); });
}

}  // namespace

TEST_CASE("a download that begins three times and never ends is suspicious, also when nothing else was asked for before") {
  one_kobo s;
  s.fill(1);
  s.whole();
  s.whole();
  std::string id = s.r.library.begin()->first;
  auto suspected = [&] {
    return s.db.pool().read_now([&](db::tx& tx) { return library::drift_of(tx, s.db.reader(), 10).size(); });
  };
  for (int i = 1; i <= 3; ++i) {
    CHECK(suspected() == 0);
    clock_at then(s.start + std::chrono::minutes(i));
    s.show(signal::download_started, {id});
  }
  CHECK(suspected() == 1);
  clock_at then(s.start + std::chrono::minutes(9));
  s.show(signal::download_done, {id});
  CHECK(suspected() == 0);
}

TEST_CASE("a book that should be gone and is asked for is said to be gone again") {
  one_kobo s;
  uuid book = s.fill(2).front();
  s.whole();
  std::string id = s.entitlement(book);
  reader with_it = s.r;
  s.shelve(book, false);
  s.whole();
  CHECK_FALSE(s.r.library.contains(id));
  s.whole();  // proves that the removal arrived
  with_it.token = s.r.token;
  SECTION("after a cover it may be in the archive: nothing is said") {
    s.show(signal::cover, {id});
    CHECK(s.sync(s.kobo, with_it.token).body == "[]");
  }
  SECTION("after its metadata, a state or a note") {
    s.show(GENERATE(signal::metadata, signal::state, signal::annotations, signal::inventory), {id});
    complete_sync(s, s.kobo, with_it);
    CHECK_FALSE(with_it.library.contains(id));
    CHECK(s.happened(library::event::ghost));
  }
  SECTION("a book that it never got is only noted") {
    s.show(signal::state, {s.entitlement(s.add_book("Other")), uuid::make().text()});
    CHECK(s.sync(s.kobo, with_it.token).body == "[]");
    CHECK(s.events() == strings{std::string(library::event::stranger)});
  }
}

TEST_CASE("a book that its reader took out of the archive is welcome again") {
  one_kobo s;
  uuid book = s.fill(2).front();
  s.whole();
  std::string id = s.entitlement(book);
  s.with_row(s.kobo, [&](db::tx& tx, const kobo_row& k) { removed_on_device(tx, k, *uuid::parse(id)); });
  s.r.remove(id);
  s.whole();
  s.whole();
  CHECK_FALSE(s.r.library.contains(id));
  SECTION("not when the state belongs to the sync that took it away") {
    s.show(signal::state, {id});
    s.whole();
    CHECK_FALSE(s.r.library.contains(id));
  }
  SECTION("when it is read later") {
    clock_at later(s.start + std::chrono::hours(3));
    s.show(signal::state, {id});
    s.whole();
    CHECK(s.r.library.contains(id));
    CHECK(s.happened(library::event::came_back));
  }
}

TEST_CASE("a book that a device never touched is announced again, twice at most") {
  one_kobo s;
  s.how.page_size = 100;
  uuid silent = s.fill(1).front();
  s.whole();
  s.whole();
  std::string id = s.entitlement(silent);
  set_clock(s.start + std::chrono::hours(1));
  s.fill(6);
  s.whole();
  s.whole();
  strings others;
  for (const auto& [other, shown] : s.r.library) {
    if (other != id) others.push_back(other);
  }
  s.show(signal::cover, others);
  int announced = 0;
  for (int day = 1; day <= 12; ++day) {
    set_clock(s.start + std::chrono::hours(24 * day));
    sync_answer a = s.sync(s.kobo, s.r.token);
    for (const json::value& item : items_of(a.body)) {
      s.r.apply(item);
      if (kind_of(item) == "ChangedTag") continue;  // the collection that holds it
      CHECK(kind_of(item) == "NewEntitlement");
      CHECK(id_of(item) == id);
      ++announced;
    }
    s.r.token = a.token;
    if (day < 2) CHECK(announced == 0);  // within two days nothing is suspicious
  }
  set_clock(std::nullopt);
  CHECK(announced == 2);
  CHECK(s.happened(library::event::healed));
}

TEST_CASE("a book that a device never touched is only suspected where its owner wants nothing to be mended") {
  one_kobo s;
  s.how.page_size = 100;
  s.fill(1);
  s.choose({{"heal", false}});
  s.whole();
  s.whole();
  clock_at hour(s.start + std::chrono::hours(1));
  std::string silent = s.r.library.begin()->first;
  s.fill(6);
  s.whole();
  s.whole();
  strings others;
  for (const auto& [other, shown] : s.r.library) {
    if (other != silent) others.push_back(other);
  }
  s.show(signal::cover, others);
  for (int day = 1; day <= 6; ++day) {
    set_clock(s.start + std::chrono::hours(24 * day));
    CHECK(s.sync(s.kobo, s.r.token).body == "[]");
  }
  CHECK_FALSE(s.happened(library::event::healed));
  std::vector<library::drift> drift = s.db.pool().read_now([&](db::tx& tx) { return library::drift_of(tx, s.db.reader(), 10); });
  REQUIRE(drift.size() == 1);
  CHECK(drift.front().entitlement.text() == silent);
}

TEST_CASE("a device without evidence for later books is not suspected") {
  one_kobo s;
  s.fill(8);
  s.whole();
  for (int day = 1; day <= 8; ++day) {
    set_clock(s.start + std::chrono::hours(24 * day));
    CHECK(s.sync(s.kobo, s.r.token).body == "[]");
  }
  set_clock(std::nullopt);
}

TEST_CASE("books that vanish in great number stay for a day, or until the owner agrees") {
  one_kobo s;
  s.how.page_size = 100;
  std::vector<uuid> books = s.fill(30);
  s.whole();
  for (std::size_t i = 0; i < 25; ++i) s.purge(books[i]);
  s.whole();
  CHECK(s.r.library.size() == 30);
  CHECK(s.happened(library::event::guarded));
  SECTION("the owner agrees") {
    s.db.pool().write_now([&](db::tx& tx) { CHECK(library::agree_to_removal(tx, s.kobo)); });
    s.whole();
    CHECK(s.r.library.size() == 5);
    // What the device has heard is gone is not guarded once more when it loses its place.
    s.whole();
    sync_answer anew = s.sync(s.kobo, "");
    std::size_t gone = 0;
    for (const json::value& item : items_of(anew.body)) gone += kind_of(item) == "ChangedEntitlement" ? 1 : 0;
    CHECK(gone == 25);
    strings told = s.events();
    CHECK(std::count(told.begin(), told.end(), library::event::guarded) == 1);  // at first
    CHECK(library_guards(s) == 0);
  }
  SECTION("its owner is told of it, and that the books stay") {
    library::ledger_row row = s.db.pool().read_now([&](db::tx& tx) { return library::kobo_ledger(tx, s.kobo).front(); });
    CHECK(row.guarded_since.has_value());
    CHECK(std::count_if(row.books.begin(), row.books.end(), [](const library::ledger_book& b) { return b.kept; }) == 25);
    CHECK(s.db.pool().read_now([&](db::tx& tx) { return library::next_sync_of(tx, s.kobo); }).removed == 0);
    s.db.pool().write_now([&](db::tx& tx) { CHECK(library::agree_to_removal(tx, s.kobo)); });
    row = s.db.pool().read_now([&](db::tx& tx) { return library::kobo_ledger(tx, s.kobo).front(); });
    CHECK_FALSE(row.guarded_since.has_value());
    CHECK(s.db.pool().read_now([&](db::tx& tx) { return library::next_sync_of(tx, s.kobo); }).removed == 25);
  }
  SECTION("a day passes") {
    clock_at later(now() + std::chrono::hours(25));
    s.whole();
    CHECK(s.r.library.size() == 5);
  }
  SECTION("what its reader takes off the shelf goes all the same") {
    s.shelve(books[28], false);
    s.whole();
    CHECK(s.r.library.size() == 29);
  }
  SECTION("not when the server is told not to") {
    s.how.guard = false;
    s.whole();
    CHECK(s.r.library.size() == 5);
  }
}

TEST_CASE("a shelf that is emptied empties the device") {
  one_kobo s;
  for (const uuid& b : s.fill(30)) s.shelve(b, false);
  s.fill(30);
  s.whole();
  std::set<std::string> wanted = s.wanted(s.kobo);
  s.db.pool().write_now([&](db::tx& tx) {
    std::vector<uuid> all = library::shelf_books(tx, s.db.reader(), s.shelf);
    library::remove_from_shelf(tx, s.db.reader(), s.shelf, all);
  });
  s.whole();
  CHECK(s.r.library.empty());
}

TEST_CASE("answers that a device could not use become smaller") {
  one_kobo s;
  s.how.page_size = 100;
  s.fill(70);
  auto fail = [&] { s.with_row(s.kobo, [](db::tx& tx, const kobo_row& k) { note_failed_sync(tx, k, "WebRequestErr", 100); }); };
  fail();
  fail();
  CHECK(items_of(s.sync(s.kobo, "").body).size() > 50);
  fail();
  CHECK(items_of(s.sync(s.kobo, "").body).size() == 50);
  CHECK(s.happened(library::event::smaller_pages));
}

TEST_CASE("what the owner chose for a device is kept to") {
  one_kobo s;
  std::vector<uuid> books = s.fill(4);
  s.whole();
  REQUIRE(s.r.tags.size() == 1);
  SECTION("paused: nothing comes, nothing goes") {
    s.choose({{"paused", true}});
    s.shelve(books[0], false);
    std::string token = s.r.token;
    s.whole();
    CHECK(s.r.token == token);
    CHECK(s.r.library.size() == 4);
    sync_answer nowhere = s.sync(s.kobo, "");
    CHECK(nowhere.body == "[]");
    CHECK(nowhere.token.size() < 300);
    CHECK(s.sync(s.kobo, std::string(3000, 'x')).token == nowhere.token);
    s.choose({{"paused", false}});
    s.whole();
    CHECK(s.r.library.size() == 3);
  }
  SECTION("no collections") {
    s.choose({{"collections", false}});
    s.whole();
    CHECK(s.r.tags.empty());
    CHECK(s.sync(s.kobo, s.r.token).body == "[]");
    s.choose({{"collections", true}});
    s.whole();
    CHECK(s.r.tags.size() == 1);
  }
  SECTION("no positions") {
    uuid other = s.add_kobo("Libra");
    reader second;
    complete_sync(s, other, second);
    s.choose({{"positions", false}});
    std::string id = s.entitlement(books[0]);
    json::object sent{{"LastModified", "2026-03-06T21:30:44Z"},
                      {"StatusInfo", json::object{{"Status", "Reading"}, {"LastModified", "2026-03-06T21:30:44Z"}}}};
    s.with_row(other, [&](db::tx& tx, const kobo_row& k) { put_state(tx, k, *uuid::parse(id), sent); });
    CHECK(s.sync(s.kobo, s.r.token).body == "[]");
    s.choose({{"positions", true}});
    std::string token = s.r.token;
    json::array items = items_of(s.sync(s.kobo, token).body);
    REQUIRE(items.size() == 1);
    CHECK(kind_of(items[0]) == "ChangedReadingState");
  }
  SECTION("only books up to a size") {
    s.choose({{"largest", 1002}});  // the sizes here are 1001 and up
    s.whole();
    CHECK(s.r.library.size() == 2);
    s.choose({{"largest", 0}});
    s.whole();
    CHECK(s.r.library.size() == 4);
  }
  SECTION("removed on the device and put back") {
    std::string id = s.entitlement(books[0]);
    s.with_row(s.kobo, [&](db::tx& tx, const kobo_row& k) { removed_on_device(tx, k, *uuid::parse(id), true); });
    s.r.remove(id);
    s.whole();
    CHECK(s.r.library.contains(id));
  }
  SECTION("what is not to be understood changes nothing") {
    s.db.pool().write_now([&](db::tx& tx) {
      for (const json::object& o : std::vector<json::object>{{{"paused", 1}}, {{"largest", -1}}, {{"put_back", "x"}}})
        CHECK_FALSE(library::change_kobo_options(tx, s.kobo, o));
      CHECK_FALSE(library::change_kobo_options(tx, uuid::make(), {{"paused", true}}).value());
      CHECK_FALSE(library::kobo_options_of(tx, s.kobo).paused);
    });
  }
}

TEST_CASE("a book that comes back to the shelf is announced once and is no ghost") {
  one_kobo s;
  uuid book = s.fill(2).front();
  s.whole();
  std::string id = s.entitlement(book);
  s.shelve(book, false);
  s.whole();
  s.whole();
  s.shelve(book, true);
  sync_answer a = s.sync(s.kobo, s.r.token);
  for (const json::value& item : items_of(a.body)) s.r.apply(item);
  CHECK(s.r.library.contains(id));
  s.show(signal::metadata, {id});  // before the token of that answer has come back
  s.show(signal::download_done, {id});
  s.r.token = a.token;
  CHECK(s.sync(s.kobo, s.r.token).body == "[]");
  CHECK_FALSE(s.happened(library::event::ghost));
}

TEST_CASE("books that vanish stay also for a device that has lost its place") {
  one_kobo s;
  s.how.page_size = 100;
  std::vector<uuid> books = s.fill(30);
  s.whole();
  s.whole();
  for (std::size_t i = 0; i < 25; ++i) s.purge(books[i]);
  for (const json::value& item : items_of(s.sync(s.kobo, "").body)) CHECK(kind_of(item) != "ChangedEntitlement");
}

TEST_CASE("books that vanish stay also for a device that keeps no token") {
  one_kobo s;
  s.how.page_size = 100;
  std::vector<uuid> books = s.fill(30);
  CHECK_FALSE(s.sync(s.kobo, "").more);
  for (std::size_t i = 0; i < 25; ++i) s.purge(books[i]);
  clock_at later(s.start + std::chrono::hours(1));
  for (const json::value& item : items_of(s.sync(s.kobo, "").body)) CHECK(kind_of(item) != "ChangedEntitlement");
  set_clock(s.start + std::chrono::hours(26));
  int gone = 0;
  for (const json::value& item : items_of(s.sync(s.kobo, "").body)) gone += kind_of(item) == "ChangedEntitlement" ? 1 : 0;
  CHECK(gone == 25);
}
