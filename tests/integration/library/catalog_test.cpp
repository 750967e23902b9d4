#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using harness::library_db;
using harness::titles;
using kind = library::list::of;
using strings = std::vector<std::string>;

namespace {

library::list of(kind what, uuid id = {}) { return {.what = what, .id = id, .language = ""}; }

uuid name_id(library_db& db, library::names which, const std::string& name) {
  library::name_page all =
      db.pool().read_now([&](db::tx& tx) { return library::list_names(tx, db.owner(), which, "", {}, 100); });
  for (const library::name_entry& e : all.entries) {
    if (e.name == name) return e.id;
  }
  FAIL("no name " << name);
  return {};
}

void limit_reader(library_db& db, const std::vector<std::string>& hidden) {
  db.pool().write_now([&](db::tx& tx) {
    library::limits l = library::limits_of(tx, db.reader());
    l.hidden_tags = hidden;
    library::set_limits(tx, db.reader(), l);
  });
}

}  // namespace

TEST_CASE("newest books come first and what waits in the inbox is not in lists for readers") {
  library_db db;
  db.add({.title = "First"});
  db.add({.title = "Waiting", .status = "review"});
  db.add({.title = "Second"});
  CHECK(titles(db.browse(db.reader(), of(kind::newest)).books) == strings{"Second", "First"});
  CHECK(titles(db.browse(db.owner(), of(kind::newest)).books) == strings{"Second", "First"});
  CHECK(titles(db.browse(db.owner(), of(kind::waiting)).books) == strings{"Waiting"});
  CHECK(db.browse(db.reader(), of(kind::waiting)).books.empty());
  CHECK(db.browse(uuid::make(), of(kind::newest)).books.empty());
}

TEST_CASE("titles sort without articles, accents and case, numbers by value") {
  library_db db;
  for (const char* t : {"Book 10", "The Apple", "Émile", "book 2", "Zebra", "emilia"}) db.add({.title = t});
  CHECK(titles(db.browse(db.reader(), of(kind::title)).books) ==
        strings{"The Apple", "book 2", "Book 10", "Émile", "emilia", "Zebra"});
}

TEST_CASE("a series is in its order, books without a number last") {
  library_db db;
  db.add({.title = "Three", .series = "Harbour", .index = 3});
  db.add({.title = "Loose", .series = "Harbour"});
  db.add({.title = "One and a half", .series = "Harbour", .index = 1.5});
  db.add({.title = "Ten", .series = "Harbour", .index = 10});
  db.add({.title = "Alone"});
  uuid series = name_id(db, library::names::series, "Harbour");
  CHECK(titles(db.browse(db.reader(), of(kind::series, series)).books) == strings{"One and a half", "Three", "Ten", "Loose"});
  uuid ada = name_id(db, library::names::authors, "Ada Fenwick");
  CHECK(titles(db.browse(db.reader(), of(kind::person, ada)).books) ==
        strings{"One and a half", "Three", "Ten", "Loose", "Alone"});
}

TEST_CASE("walking forwards and backwards meets every book once, with books arriving meanwhile") {
  library_db db;
  // Equal order keys on purpose.
  for (int i = 0; i < 60; ++i) db.add({.title = i % 3 == 0 ? "Same" : "Title " + std::to_string(i % 10)});
  for (kind what : {kind::newest, kind::title, kind::author, kind::updated}) {
    std::multiset<uuid> seen;
    library::cursor at;
    std::vector<library::cursor> backs;
    strings forward;
    for (int page_number = 0;; ++page_number) {
      library::page page = db.browse(db.reader(), of(what), at, 7);
      REQUIRE((page_number == 0) == !page.previous.has_value());
      CHECK(page.first_ordinal == static_cast<std::uint64_t>(page_number) * 7 + 1);
      for (const library::book& b : page.books) seen.insert(b.id), forward.push_back(b.id.text());
      if (page.previous) backs.push_back(*page.previous);
      if (!page.next) break;
      at = *page.next;
      at.from = library::cursor::side::after;
    }
    CHECK(seen.size() == 60);
    CHECK(std::set<uuid>(seen.begin(), seen.end()).size() == 60);

    strings backward;
    library::cursor end;
    end.from = library::cursor::side::end;
    for (;;) {
      library::page page = db.browse(db.reader(), of(what), end, 7);
      for (auto b = page.books.rbegin(); b != page.books.rend(); ++b) {
        // The last page going back is the full first page: what was met already is not counted again.
        if (std::find(backward.begin(), backward.end(), b->id.text()) == backward.end()) backward.push_back(b->id.text());
      }
      if (!page.previous) break;
      end = *page.previous;
    }
    std::reverse(backward.begin(), backward.end());
    CHECK(backward == forward);
  }

  library::page first = db.browse(db.reader(), of(kind::newest), {}, 10);
  db.add({.title = "Arrived"});
  library::page second = db.browse(db.reader(), of(kind::newest), *first.next, 10);
  for (const library::book& b : second.books) {
    CHECK(std::none_of(first.books.begin(), first.books.end(), [&](const library::book& f) { return f.id == b.id; }));
    CHECK(b.title != "Arrived");
  }
}

TEST_CASE("a reader with a hidden tag sees no trace of those books") {
  library_db db;
  uuid secret =
      db.add({.title = "Night", .author = "Hidden Author", .series = "Hidden Series", .language = "fr", .tags = {"Horror"}});
  db.add({.title = "Day", .tags = {"Garden"}});
  limit_reader(db, {"Horror"});
  CHECK(titles(db.browse(db.reader(), of(kind::newest)).books) == strings{"Day"});
  db.pool().read_now([&](db::tx& tx) {
    CHECK_FALSE(library::find_book(tx, db.reader(), secret));
    CHECK(library::find_book(tx, db.owner(), secret));
    for (library::names which :
         {library::names::authors, library::names::series, library::names::tags, library::names::languages}) {
      for (const library::name_entry& e : library::list_names(tx, db.reader(), which, "", {}, 100).entries) {
        CHECK(e.name.find("Hidden") == std::string::npos);
        CHECK(e.name != "Horror");
        CHECK(e.name != "fr");
      }
    }
    CHECK(library::letters(tx, db.reader(), library::names::authors) == strings{"F"});
    CHECK(library::letters(tx, db.owner(), library::names::authors) == strings{"A", "F"});
    CHECK(library::search(tx, db.reader(), {.all = "night"}, 0, 10).books.empty());
    CHECK(library::search(tx, db.owner(), {.all = "night"}, 0, 10).books.size() == 1);
    CHECK(library::count_books(tx, db.reader()).books == 1);
  });
}

TEST_CASE("letters and longer prefixes lead to every name") {
  library_db db;
  for (const char* a : {"Ada Abbott", "Ben Abel", "Cy Adams", "Dee Zorn", "Émile Éluard", "王小波", "42 Group"})
    db.add({.title = a, .author = a});
  db.pool().read_now([&](db::tx& tx) {
    strings all = library::letters(tx, db.reader(), library::names::authors);
    CHECK(all.front() == "A");
    CHECK(std::count(all.begin(), all.end(), "#") <= 1);
    std::size_t met = 0;
    for (const std::string& letter : all)
      met += library::list_names(tx, db.reader(), library::names::authors, letter, {}, 100).entries.size();
    CHECK(met == 7);
    strings longer = library::longer_prefixes(tx, db.reader(), library::names::authors, "A");
    CHECK(longer == strings{"AB", "AD"});
    CHECK(library::list_names(tx, db.reader(), library::names::authors, "AB", {}, 100).entries.size() == 2);
    CHECK(library::more_names_than(tx, db.reader(), library::names::authors, "", 3));
    CHECK_FALSE(library::more_names_than(tx, db.reader(), library::names::authors, "", 7));
  });
}

TEST_CASE("filters combine and page") {
  library_db db;
  for (int i = 0; i < 20; ++i) {
    db.add({.title = "Book " + std::to_string(i),
            .author = i % 2 ? "Odd" : "Even",
            .language = i % 4 ? "en" : "de",
            .status = i == 3 ? "inbox" : "organized",
            .tags = {"t" + std::to_string(i % 3)}});
  }
  uuid odd = name_id(db, library::names::authors, "Odd"), t1 = name_id(db, library::names::tags, "t1");
  auto count = [&](const uuid& viewer, library::filter f) {
    std::size_t met = 0;
    library::cursor at;
    for (;;) {
      library::page p = db.pool().read_now([&](db::tx& tx) { return library::browse(tx, viewer, f, at, 3); });
      met += p.books.size();
      if (!p.next) return met;
      at = *p.next;
    }
  };
  CHECK(count(db.owner(), {}) == 20);
  CHECK(count(db.reader(), {}) == 19);
  CHECK(count(db.owner(), {.status = "inbox"}) == 1);
  CHECK(count(db.reader(), {.status = "inbox"}) == 0);
  CHECK(count(db.owner(), {.language = "de"}) == 5);
  CHECK(count(db.owner(), {.status = "organized", .person = odd}) == 9);
  CHECK(count(db.owner(), {.person = odd, .tag = t1, .order = kind::title}) == 4);
  CHECK(count(db.owner(), {.format = "pdf"}) == 0);
  CHECK(count(db.owner(), {.text = "book 7"}) == 1);
  CHECK(count(db.owner(), {.text = "!?"}) == 0);
  CHECK(count(db.owner(), {.order = kind::author}) == 20);
}

TEST_CASE("trashed books leave every list and come back") {
  library_db db;
  uuid id = db.add({.title = "Gone"});
  library::actor who{.user = std::nullopt, .name = "test"};
  CHECK(db.pool().write_now([&](db::tx& tx) { return library::trash_books(tx, {id, id}, who); }) == 1);
  CHECK(db.pool().write_now([&](db::tx& tx) { return library::trash_books(tx, {id}, who); }) == 0);
  CHECK(db.browse(db.owner(), of(kind::newest)).books.empty());
  CHECK(db.pool().write_now([&](db::tx& tx) { return library::untrash_books(tx, {id}, who); }) == 1);
  CHECK(db.browse(db.owner(), of(kind::newest)).books.size() == 1);
}
