// What the owner of a Kobo asks for (kobo.md 8.6, 17.7), and readers that cannot keep their place (17.6, 17.8 H1c).
#include "library/kobo_ledger.hpp"
#include "tests/integration/kobo/one_kobo.hpp"

using namespace carrel;
using namespace carrel::kobo;
using namespace carrel::kobo::tests;

namespace {

bool has(const std::string& body, std::string_view text) { return body.find(text) != std::string::npos; }

struct owner : one_kobo {
  owner() { choose({{"collections", false}}); }
  int again(const std::vector<uuid>& books, library::announcing as) {
    return db.pool().write_now([&](db::tx& tx) { return library::announce_again(tx, kobo, books, as); });
  }
  int take_off(const std::vector<uuid>& books) {
    return db.pool().write_now([&](db::tx& tx) { return library::take_off(tx, kobo, books); });
  }
  library::next_sync next() {
    return db.pool().read_now([&](db::tx& tx) { return library::next_sync_of(tx, kobo); });
  }
  std::string state_of(const uuid& book) {
    return db.pool().read_now(
        [&](db::tx& tx) { return library::kobo_ledger(tx, kobo, std::vector<uuid>{book}).front().books.front().state; });
  }
};

}  // namespace

TEST_CASE("a book whose file is to be fetched again is a sample first and whole with the sync after") {
  owner s;
  std::vector<uuid> books = s.fill(2);
  s.whole();
  CHECK(s.again({books[0]}, {.only_removed = false, .fetch_again = true}) == 1);
  sync_answer first = s.sync(s.kobo, s.r.token);
  CHECK(items_of(first.body).size() == 1);
  CHECK(has(first.body, "ChangedEntitlement"));
  CHECK(has(first.body, R"("Accessibility":"Preview")"));
  CHECK(s.sync(s.kobo, s.r.token).body == first.body);  // until it is heard
  sync_answer second = s.sync(s.kobo, first.token);
  CHECK(items_of(second.body).size() == 1);
  CHECK(has(second.body, "NewEntitlement"));
  CHECK(has(second.body, R"("Accessibility":"Full")"));
  CHECK(s.sync(s.kobo, second.token).body == "[]");
}

TEST_CASE("a reset in between does not make a file stay that is to be fetched again") {
  owner s;
  std::vector<uuid> books = s.fill(2);
  s.whole();
  CHECK(s.again({books[0]}, {.only_removed = false, .fetch_again = true}) == 1);
  s.db.pool().write_now([&](db::tx& tx) { library::reset_kobo(tx, s.kobo, false); });
  sync_answer first = s.sync(s.kobo, s.r.token);
  CHECK(items_of(first.body).size() == 2);
  CHECK(has(first.body, R"("Accessibility":"Preview")"));
  CHECK(has(first.body, s.entitlement(books[1])));
  sync_answer second = s.sync(s.kobo, first.token);
  CHECK(items_of(second.body).size() == 1);
  CHECK(has(second.body, s.entitlement(books[0])));
  CHECK(has(second.body, R"("Accessibility":"Full")"));
  CHECK(s.sync(s.kobo, second.token).body == "[]");
}

TEST_CASE("what the next sync brings is told as it will be") {
  owner s;
  s.how.page_size = 100;
  std::vector<uuid> books = s.fill(6);
  auto numbers = [&] {
    library::next_sync n = s.next();
    return std::vector<std::int64_t>{n.added, n.removed, n.changed};
  };
  using all = std::vector<std::int64_t>;
  CHECK(numbers() == all{6, 0, 0});
  s.sync(s.kobo, "");
  s.sync(s.kobo, "");  // its first answer was lost
  s.whole();
  s.whole();
  CHECK(numbers() == all{0, 0, 0});
  s.retitle(books[1], "Another title");
  CHECK(numbers() == all{0, 0, 1});
  s.whole();
  s.whole();
  SECTION("a book is sent again") {
    s.again({books[0]}, {.only_removed = false, .fetch_again = false});
    CHECK(numbers() == all{1, 0, 0});
    s.whole();
    s.whole();
    CHECK(numbers() == all{0, 0, 0});
  }
  SECTION("a book that was removed there is restored") {
    uuid id = *uuid::parse(s.entitlement(books[0]));
    s.with_row(s.kobo, [&](db::tx& tx, const kobo_row& k) { removed_on_device(tx, k, id); });
    s.whole();
    s.whole();
    CHECK(numbers() == all{0, 0, 0});
    s.again({books[0]}, {.only_removed = true, .fetch_again = false});
    CHECK(numbers() == all{1, 0, 0});
    CHECK(s.state_of(books[0]) == "wanted");
  }
  SECTION("all is said anew after a reset") {
    s.shelve(books[5], false);
    s.whole();
    s.whole();
    s.db.pool().write_now([&](db::tx& tx) { library::reset_kobo(tx, s.kobo, false); });
    CHECK(numbers() == all{5, 1, 0});
  }
}

TEST_CASE("a book is on the device again when its new file is, or when a reader that may have been wiped has fetched it") {
  owner s;
  std::vector<uuid> books = s.fill(2);
  s.whole();
  s.whole();
  auto shows = [&](int minute) {
    clock_at then(s.start + std::chrono::minutes(minute));
    s.show(signal::download_done, {s.entitlement(books[0])});
  };
  shows(1);
  CHECK(s.state_of(books[0]) == "fetched");
  {
    clock_at later(s.start + std::chrono::minutes(2));
    s.replace_file(books[0]);
    s.whole();
    s.whole();
  }
  CHECK(s.state_of(books[0]) == "acknowledged");
  shows(3);
  CHECK(s.state_of(books[0]) == "fetched");
  {
    clock_at later(s.start + std::chrono::minutes(4));
    s.r = {};
    s.whole();
    s.whole();
  }
  CHECK(s.state_of(books[0]) == "acknowledged");
  shows(5);
  CHECK(s.state_of(books[0]) == "fetched");
}

TEST_CASE("a book that its owner takes off a Kobo goes, stays away, and comes back when it is restored") {
  owner s;
  std::vector<uuid> books = s.fill(3);
  s.whole();
  uuid foreign = s.add_book("Not on its shelf");
  CHECK(s.take_off({books[0], foreign}) == 1);
  CHECK(s.take_off({books[0]}) == 0);
  s.whole();
  CHECK_FALSE(s.r.library.contains(s.entitlement(books[0])));
  CHECK(s.r.library.size() == 2);
  CHECK(s.state_of(books[0]) == "retiring");
  s.whole();
  CHECK(s.r.library.size() == 2);
  CHECK(s.state_of(books[0]) == "gone");
  CHECK(s.again({books[0]}, {.only_removed = true, .fetch_again = false}) == 1);
  s.whole();
  CHECK(s.r.library.size() == 3);
  CHECK(s.happened(library::event::taken_off));
}

TEST_CASE("a book that was removed on the device says so after a reset, too") {
  owner s;
  std::vector<uuid> books = s.fill(2);
  s.whole();
  uuid id = *uuid::parse(s.entitlement(books[0]));
  s.with_row(s.kobo, [&](db::tx& tx, const kobo_row& k) { removed_on_device(tx, k, id); });
  s.db.pool().write_now([&](db::tx& tx) { library::reset_kobo(tx, s.kobo, false); });
  s.whole();
  s.whole();
  CHECK(s.r.library.size() == 1);
  CHECK(s.state_of(books[0]) == "removed-by-device");
  CHECK(s.again({books[0]}, {.only_removed = true, .fetch_again = false}) == 1);
  s.whole();
  CHECK(s.r.library.size() == 2);
  CHECK(s.state_of(books[0]) != "removed-by-device");
}

TEST_CASE("a book that is taken off before a Kobo ever heard of it can be restored") {
  owner s;
  std::vector<uuid> books = s.fill(2);
  s.sync(s.kobo, "");  // it has come
  uuid later = s.add_book("Later");
  s.shelve(later, true);
  CHECK(s.take_off({later}) == 1);
  s.whole();
  CHECK(s.r.library.size() == 2);
  CHECK(s.again({later}, {.only_removed = GENERATE(true, false), .fetch_again = false}) == 1);
  s.whole();
  CHECK(s.r.library.size() == 3);
}

TEST_CASE("what was asked for a book before it is taken off is not done any more") {
  owner s;
  std::vector<uuid> books = s.fill(2);
  s.whole();
  CHECK(s.again({books[0]}, {.only_removed = false, .fetch_again = GENERATE(true, false)}) == 1);
  CHECK(s.take_off({books[0]}) == 1);
  s.whole();
  s.whole();
  CHECK_FALSE(s.r.library.contains(s.entitlement(books[0])));
}

TEST_CASE("the file of a book is fetched again also by a Kobo that keeps no token") {
  owner s;
  s.how.page_size = 100;
  std::vector<uuid> books = s.fill(2);
  bool ledger = GENERATE(false, true);
  if (ledger) s.choose({{"sync_mode", "ledger"}});
  s.sync(s.kobo, "");
  CHECK(s.again({books[0]}, {.only_removed = false, .fetch_again = true}) == 1);
  instant at = now();
  {
    clock_at later(at + std::chrono::minutes(20));
    CHECK(has(s.sync(s.kobo, "").body, R"("Accessibility":"Preview")"));
  }
  clock_at later(at + std::chrono::minutes(40));
  sync_answer whole = s.sync(s.kobo, "");
  CHECK_FALSE(has(whole.body, R"("Accessibility":"Preview")"));
  CHECK(has(whole.body, s.entitlement(books[0])));
  if (ledger) CHECK(s.sync(s.kobo, "").body == "[]");
}

TEST_CASE("a sample and its book are not told in one sync of several pages") {
  owner s;
  s.how.page_size = 1;
  std::vector<uuid> books = s.fill(3);
  s.whole();
  s.whole();
  CHECK(s.again({books[0], books[1]}, {.only_removed = false, .fetch_again = true}) == 2);
  int pages = 0;
  for (bool more = true; more; ++pages) {
    REQUIRE(pages < 10);
    sync_answer a = s.sync(s.kobo, s.r.token);
    CHECK_FALSE(has(a.body, "NewEntitlement"));
    s.r.token = a.token;
    more = a.more;
  }
  CHECK(pages == 2);
  sync_answer next = s.sync(s.kobo, s.r.token);
  CHECK(has(next.body, "NewEntitlement"));
}

TEST_CASE("a shelf knows what the next sync will say") {
  owner s;
  std::vector<uuid> books = s.fill(4);
  CHECK(s.next().added == 4);
  s.whole();  // told, and not yet proven
  library::next_sync quiet = s.next();
  CHECK(quiet.added + quiet.removed + quiet.changed == 0);
  s.sync(s.kobo, s.r.token);
  s.retitle(books[0], "Other");
  s.shelve(books[1], false);
  s.shelve(books[2], false);
  s.shelve(s.add_book("New"), true);
  library::next_sync next = s.next();
  CHECK(next.added == 1);
  CHECK(next.removed == 2);
  CHECK(next.changed == 1);
  s.lose_file(books[0], true);  // nothing is said of what cannot be served
  CHECK(s.next().changed == 0);
}

TEST_CASE("a Kobo without tokens that is taken to hold what it was told gets only what is new") {
  owner s;
  s.how.page_size = 100;
  std::vector<uuid> books = s.fill(3);
  CHECK(items_of(s.sync(s.kobo, "").body).size() == 3);
  CHECK(items_of(s.sync(s.kobo, "").body).size() == 3);
  s.choose({{"sync_mode", "ledger"}});
  sync_answer nothing = s.sync(s.kobo, "");
  CHECK(nothing.body == "[]");
  CHECK_FALSE(nothing.token.empty());
  s.shelve(books[0], false);
  sync_answer removal = s.sync(s.kobo, "");
  CHECK(items_of(removal.body).size() == 1);
  CHECK(has(removal.body, R"("IsRemoved":true)"));
  CHECK(s.sync(s.kobo, "").body == "[]");
  // An answer that was cut off was not told.
  s.shelve(books[0], true);
  s.sync(s.kobo, "");
  s.with_row(s.kobo, [](db::tx& tx, const kobo_row& k) { unanswered(tx, k); });
  CHECK(has(s.sync(s.kobo, "").body, "NewEntitlement"));
  // Nothing of this proves anything.
  CHECK(s.state_of(books[1]) == "announced");
  // A reset is heard all the same.
  s.db.pool().write_now([&](db::tx& tx) { library::reset_kobo(tx, s.kobo, false); });
  CHECK(items_of(s.sync(s.kobo, "").body).size() >= 2);
}

TEST_CASE("a Kobo that repeats its place while a sync goes on is named, unless its answers were cut off") {
  owner s;
  s.how.page_size = 1;
  s.fill(3);
  bool cut = GENERATE(false, true);
  for (int i = 0; i < 5; ++i) {
    s.sync(s.kobo, "");
    if (cut) s.with_row(s.kobo, [](db::tx& tx, const kobo_row& k) { unanswered(tx, k); });
  }
  CHECK(s.happened(library::event::repeats) == !cut);
}

TEST_CASE("two readers on one address are named when they step back again and again") {
  owner s;
  s.fill(1);
  s.whole();
  reader other = s.r;
  instant at = now();
  for (int i = 0; i < 5; ++i) {
    clock_at later(at + std::chrono::hours(3 * (i + 1)));
    s.shelve(s.add_book("More " + std::to_string(i)), true);
    CHECK(s.happened(library::event::shared) == (i > 3));
    for (reader* r : {&s.r, &other}) {
      complete_sync(s, s.kobo, *r);
      s.sync(s.kobo, r->token);  // proves that all arrived
    }
  }
  CHECK(s.happened(library::event::shared));
}
