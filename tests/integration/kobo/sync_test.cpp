// Conversations of a sync: first, nothing new, changes, removal, pages that were lost (kobo.md 18).
#include <catch2/catch.hpp>

#include <thread>

#include "kobo/artifact.hpp"
#include "kobo/collections.hpp"
#include "library/device.hpp"
#include "library/kobo_options.hpp"
#include "library/shelf.hpp"
#include "tests/integration/kobo/shop.hpp"

using namespace carrel;
using namespace carrel::kobo;
using namespace carrel::kobo::tests;

namespace {

using strings = std::vector<std::string>;

constexpr db::statement sql_announced{"test.announced", "select from kobo_ledger"};
constexpr db::statement sql_ready{"test.ready_for_kobos", "update books set kobo_ready = $2 where id = $1"};
constexpr db::statement sql_forget{"test.forget_account", "delete from users where id = $1"};

strings kinds_of(const std::string& body) {
  strings out;
  for (const json::value& item : items_of(body)) out.push_back(kind_of(item));
  return out;
}

}  // namespace

TEST_CASE("a first sync brings the shelf in pages, the collection last, and the next one says nothing") {
  shop s;
  uuid kobo = s.add_kobo("Clara");
  for (const char* title : {"One", "Two", "Three", "Four"}) s.shelve(s.add_book(title), true);
  s.add_book("Not on the shelf");

  sync_answer first = s.sync(kobo, "");
  CHECK(kinds_of(first.body) == strings{"NewEntitlement", "NewEntitlement", "NewEntitlement"});
  CHECK(first.more);
  CHECK(first.token.size() < 300);
  sync_answer second = s.sync(kobo, first.token);
  CHECK(kinds_of(second.body) == strings{"NewEntitlement", "NewTag"});
  CHECK_FALSE(second.more);

  reader r;
  for (const std::string& body : {first.body, second.body}) {
    for (const json::value& item : items_of(body)) r.apply(item);
  }
  CHECK(r.library == s.target(kobo));
  REQUIRE(r.tags.size() == 1);
  CHECK(r.tags.begin()->second.first == "To read");
  CHECK(r.tags.begin()->second.second.size() == 4);

  sync_answer quiet = s.sync(kobo, second.token);
  CHECK(quiet.body == "[]");
  CHECK(quiet.token == second.token);
  CHECK_FALSE(quiet.more);
}

TEST_CASE("a book that becomes ready during the first sync of all comes with the next") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), book = s.add_book("One");
  s.shelve(book, true);
  s.db.pool().write_now([&](db::tx& tx) { tx.run(sql_ready, book, false); });
  sync_answer first = s.db.pool().write_now([&](db::tx& tx) {
    sync_answer said = s.sync_in(tx, kobo, "", "");
    std::thread conversion([&] {  // before the device's row can be seen
      s.db.pool().write_now([&](db::tx& other) {
        other.run(sql_ready, book, true);
        tell_devices(other);
      });
    });
    conversion.join();
    return said;
  });
  strings before = kinds_of(first.body), after = kinds_of(s.sync(kobo, first.token).body);
  CHECK(std::count(before.begin(), before.end(), "NewEntitlement") == 0);
  CHECK(std::count(after.begin(), after.end(), "NewEntitlement") == 1);
}

TEST_CASE("what was announced is forgotten with the account") {
  shop s;
  uuid kobo = s.add_kobo("Clara");
  s.shelve(s.add_book("One"), true);
  s.sync(kobo, "");
  auto announced = [&] { return s.db.pool().write_now([](db::tx& tx) { return tx.run(sql_announced).size(); }); };
  CHECK(announced() == 2);
  s.db.pool().write_now([&](db::tx& tx) { tx.run(sql_forget, s.db.reader()); });
  CHECK(announced() == 0);
}

TEST_CASE("an answer that was lost is given again, byte for byte") {
  shop s;
  uuid kobo = s.add_kobo("Clara");
  for (const char* title : {"One", "Two", "Three", "Four"}) s.shelve(s.add_book(title), true);
  sync_answer first = s.sync(kobo, ""), again = s.sync(kobo, "");
  CHECK(again.body == first.body);
  CHECK(again.token == first.token);
  sync_answer second = s.sync(kobo, first.token), once_more = s.sync(kobo, first.token);
  CHECK(once_more.body == second.body);
  CHECK(once_more.token == second.token);
}

TEST_CASE("changes are said in the form that keeps a download, and a file in the one that renews it") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), book = s.add_book("One"), other = s.add_book("Other");
  s.shelve(book, true);
  s.shelve(other, true);
  reader r;
  complete_sync(s, kobo, r);

  s.retitle(book, "One, revised");
  sync_answer meta = s.sync(kobo, r.token);
  CHECK(kinds_of(meta.body) == strings{"ChangedProductMetadata"});
  for (const json::value& item : items_of(meta.body)) r.apply(item);
  r.token = meta.token;
  CHECK(r.library == s.target(kobo));

  s.replace_file(book);
  sync_answer file = s.sync(kobo, r.token);
  CHECK(kinds_of(file.body) == strings{"NewEntitlement", "ChangedProductMetadata"});
  r.token = file.token;

  s.shelve(book, false);
  sync_answer gone = s.sync(kobo, r.token);
  CHECK(kinds_of(gone.body) == strings{"ChangedEntitlement", "ChangedTag"});
  CHECK(gone.body.find("One, revised") != std::string::npos);  // the title by which the reader knows it
  r.token = gone.token;
  CHECK(s.sync(kobo, r.token).body == "[]");
}

TEST_CASE("tokens that are not ours, damaged or of another Kobo begin at the beginning") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), other = s.add_kobo("Libra");
  s.shelve(s.add_book("One"), true);
  reader r;
  complete_sync(s, kobo, r);
  std::string store = "eyJ0eXAiOjF9.eyJJbnRlcm5hbFN5bmNUb2tlbiI6IiJ9", damaged = r.token;
  damaged[damaged.size() / 2] = damaged[damaged.size() / 2] == 'A' ? 'B' : 'A';
  for (const std::string& token : {std::string("KOMGA.abc"), store, damaged, std::string(5000, 'A'), std::string("\xff\xfe")}) {
    CHECK(kinds_of(s.sync(kobo, token).body) == strings{"NewEntitlement", "NewTag"});
  }
  CHECK(kinds_of(s.sync(other, r.token).body) == strings{"NewEntitlement", "NewTag"});
}

TEST_CASE("a book that cannot be served just now is neither announced nor taken away") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), here = s.add_book("Here"), away = s.add_book("Away");
  s.shelve(here, true);
  s.shelve(away, true);
  s.lose_file(away, true);
  reader r;
  complete_sync(s, kobo, r);
  CHECK(r.library.size() == 1);
  s.lose_file(away, false);
  complete_sync(s, kobo, r);
  CHECK(r.library.size() == 2);
  s.lose_file(here, true);
  complete_sync(s, kobo, r);
  CHECK(r.library.size() == 2);
}

TEST_CASE("what the reader removes stays away from this Kobo alone until it is restored") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), other = s.add_kobo("Libra"), book = s.add_book("One");
  s.shelve(book, true);
  reader r, second;
  complete_sync(s, kobo, r);
  complete_sync(s, other, second);
  std::string id = s.entitlement(book);

  r.remove(id);
  s.with_row(kobo, [&](db::tx& tx, const kobo_row& k) { removed_on_device(tx, k, *uuid::parse(id)); });
  CHECK(s.sync(kobo, r.token).body.find(R"("IsRemoved":true)") != std::string::npos);
  complete_sync(s, kobo, r);
  CHECK(r.library.empty());
  CHECK(s.sync(other, second.token).body == "[]");

  s.with_row(kobo, [&](db::tx& tx, const kobo_row& k) { send_again(tx, k, {*uuid::parse(id)}); });
  complete_sync(s, kobo, r);
  CHECK(r.library.size() == 1);
}

TEST_CASE("a reset says everything again and takes away what should not be there") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), book = s.add_book("One"), ghost = s.add_book("Ghost");
  s.shelve(book, true);
  s.shelve(ghost, true);
  reader r;
  complete_sync(s, kobo, r);
  reader before = r;
  s.shelve(ghost, false);
  complete_sync(s, kobo, r);
  r.library = before.library;  // the reader kept it all the same
  s.with_row(kobo, [&](db::tx& tx, const kobo_row& k) { reset_sync(tx, k); });
  complete_sync(s, kobo, r);
  CHECK(r.library == s.target(kobo));
}

TEST_CASE("what is sent again is newer than what was sent before, each time it is asked for") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), book = s.add_book("One");
  s.shelve(book, true);
  auto modified = [](const sync_answer& a) {
    json::array items = items_of(a.body);
    REQUIRE_FALSE(items.empty());
    const json::object& item = *items.front().as_object()->find("NewEntitlement")->as_object();
    std::string out;
    REQUIRE(item.find("BookEntitlement")->as_object()->take("LastModified", out));
    return out;
  };
  std::string at_first = modified(s.sync(kobo, ""));
  CHECK(modified(s.sync(kobo, "")) == at_first);
  reader r;
  complete_sync(s, kobo, r);
  const instant later = std::chrono::floor<std::chrono::seconds>(now()) + std::chrono::hours(2);
  set_clock(later);
  s.with_row(kobo, [&](db::tx& tx, const kobo_row& k) { reset_sync(tx, k); });
  sync_answer again = s.sync(kobo, ""), once_more = s.sync(kobo, "");
  set_clock(std::nullopt);
  CHECK(modified(again) == rfc3339(later));
  CHECK(once_more.body == again.body);
}

TEST_CASE("a series that is gone is taken away, and a book that never had one has none to lose") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), plain = s.add_book("Plain"), second = s.add_book("Second");
  for (const uuid& book : {plain, second}) s.shelve(book, true);
  auto series = [&](const char* name) { s.set_series(second, name); };
  series("Harbours");
  reader r;
  auto next = [&] {
    sync_answer a = s.sync(kobo, r.token);
    r.token = a.token;
    return a.body;
  };
  std::string first = next();
  CHECK(first.find(R"("Series":{"Id":)") != std::string::npos);
  CHECK(first.find(R"("Series":{})") == std::string::npos);
  next();
  s.retitle(plain, "Plain, revised");
  CHECK(next().find("Series") == std::string::npos);
  series("");
  CHECK(next().find(R"("Series":{})") != std::string::npos);
}

TEST_CASE("a book that left the shelf before it was ever said is not said to be removed") {
  shop s;
  uuid kobo = s.add_kobo("Clara");
  std::vector<uuid> books;
  for (const char* title : {"One", "Two", "Three", "Four"}) books.push_back(s.add_book(title));
  for (const uuid& b : books) s.shelve(b, true);
  reader r;
  sync_answer first = s.sync(kobo, "");
  s.shelve(books[0], false);  // the newest are said first
  CHECK(kinds_of(s.sync(kobo, first.token).body) == strings{"NewTag"});
  complete_sync(s, kobo, r);
  CHECK(r.library == s.target(kobo));
  CHECK(s.sync(kobo, r.token).body == "[]");
}

TEST_CASE("what the reader removed comes back once it has left the shelf, though the Kobo did not ask in between") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), book = s.add_book("One");
  s.shelve(book, true);
  reader r;
  complete_sync(s, kobo, r);
  std::string id = s.entitlement(book);
  r.remove(id);
  s.with_row(kobo, [&](db::tx& tx, const kobo_row& k) { removed_on_device(tx, k, *uuid::parse(id)); });
  SECTION("one book") {
    s.shelve(book, false);
    s.shelve(book, true);
  }
  SECTION("the whole shelf") {
    for (bool on : {false, true}) s.db.pool().write_now([&](db::tx& tx) { library::feed_device(tx, kobo, s.shelf, on); });
  }
  complete_sync(s, kobo, r);
  CHECK(r.library.contains(id));
}

TEST_CASE("a book that is on a second shelf has not left, and stays away") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), book = s.add_book("One"), second;
  s.db.pool().write_now([&](db::tx& tx) {
    second = library::create_shelf(tx, s.db.reader(), "Second", true)->id;
    library::feed_device(tx, kobo, second, true);
    library::add_to_shelf(tx, s.db.reader(), second, {book});
  });
  s.shelve(book, true);
  reader r;
  complete_sync(s, kobo, r);
  std::string id = s.entitlement(book);
  r.remove(id);
  s.with_row(kobo, [&](db::tx& tx, const kobo_row& k) { removed_on_device(tx, k, *uuid::parse(id)); });
  s.shelve(book, false);
  s.shelve(book, true);
  complete_sync(s, kobo, r);
  CHECK_FALSE(r.library.contains(id));
}

TEST_CASE("two readers with one token do not take each other's lists for changed ones") {
  shop s;
  s.how.page_size = 1;
  uuid kobo = s.add_kobo("Clara"), one = s.add_book("One"), away = s.add_book("Away");
  s.shelve(one, true);
  s.shelve(away, true);
  reader first, second;
  complete_sync(s, kobo, first);
  SECTION("one of them may have a book that cannot be served just now") {
    s.shelve(away, false);
    complete_sync(s, kobo, second);
    s.lose_file(away, true);
    s.shelve(away, true);
    complete_sync(s, kobo, first);
    complete_sync(s, kobo, second);
  }
  SECTION("one of them was in the middle when the other went on") {
    second = first;
    s.retitle(one, "One, revised");
    s.shelve(away, false);
    second.token = s.sync(kobo, second.token).token;
    s.shelve(s.add_book("New"), true);
    complete_sync(s, kobo, first);
    complete_sync(s, kobo, second);
  }
  SECTION("a list without books was said to one of them, and taken from the other") {
    second = first;
    s.with_row(kobo, [](db::tx& tx, const kobo_row& k) { create_collection(tx, k, {.name = "Empty", .entitlements = {}}); });
    for (bool on : {false, true}) {
      s.db.pool().write_now([&](db::tx& tx) { library::change_kobo_options(tx, kobo, {{"collections", on}}).value(); });
      complete_sync(s, kobo, first);
    }
    complete_sync(s, kobo, second);
    CHECK(s.sync(kobo, first.token).body == "[]");
  }
  for (reader* r : {&first, &second}) CHECK(s.sync(kobo, r->token).body == "[]");
}

TEST_CASE("an answer is given again though it took the place of older ones") {
  shop s;
  s.how.page_size = 100;
  uuid kobo = s.add_kobo("Clara");
  std::vector<uuid> books;
  for (const char* title : {"One", "Two"}) books.push_back(s.add_book(title));
  for (const uuid& b : books) s.shelve(b, true);
  auto same_twice = [&](const std::string& token) {
    sync_answer a = s.sync(kobo, token), b = s.sync(kobo, token);
    CHECK(a.body == b.body);
    CHECK(a.token == b.token);
    return b.token;
  };
  std::string backup = s.sync(kobo, "").token, token;
  SECTION("none of many arrived") {
    for (int i = 0; i < 12; ++i) {
      s.retitle(books[static_cast<std::size_t>(i % 2)], "Title " + std::to_string(i));
      same_twice(backup);
    }
  }
  SECTION("it follows one that is older than all that are kept") {
    for (int i = 0; i < 3; ++i) {
      s.retitle(books[0], "Title " + std::to_string(i));
      token = s.sync(kobo, token).token;
    }
    CHECK(s.sync(kobo, token).body == "[]");
    s.retitle(books[0], "Last title");
    CHECK(kinds_of(s.sync(kobo, backup).body) == strings{"ChangedProductMetadata"});
    same_twice(backup);
  }
}

TEST_CASE("a change of metadata, and one of the file, are told in the form that the server is set to") {
  shop s;
  uuid kobo = s.add_kobo("Clara"), book = s.add_book("One");
  s.shelve(book, true);
  reader r;
  complete_sync(s, kobo, r);
  metadata_form form = GENERATE(metadata_form::container, metadata_form::pair, metadata_form::bare);
  s.how.form = form;
  s.retitle(book, "Other");
  sync_answer changed = s.sync(kobo, r.token);
  CHECK(kinds_of(changed.body) ==
        (form == metadata_form::pair ? strings{"NewEntitlement", "ChangedProductMetadata"} : strings{"ChangedProductMetadata"}));
  bool wrapped = changed.body.find(R"({"ChangedProductMetadata":{"BookEntitlement")") != std::string::npos;
  CHECK(wrapped == (form == metadata_form::container));
  s.replace_file(book);
  CHECK(kinds_of(s.sync(kobo, changed.token).body) == strings{"NewEntitlement", "ChangedProductMetadata"});
}
