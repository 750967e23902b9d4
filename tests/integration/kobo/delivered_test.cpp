// What the library says of a book, in the files that Kobos get (setting deliver.metadata; kepub.md 4, 9; kobo.md 7.4, 8.4, 10.4).
#include "tests/harness/eventually.hpp"
#include "tests/integration/kobo/bookshop.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;
namespace fs = std::filesystem;

namespace {

constexpr db::statement sql_form{
    "test.form_of_artifact", "select a.options from kobo_artifacts a join book_files f on f.kobo_as = a.id where f.book_id = $1"};
constexpr db::statement sql_fetched{"test.fetched_by_kobo", "select count(*) from kobo_delivered"};
constexpr db::statement sql_told{
    "test.hashes_of_conversions",
    "select count(distinct hash) from book_file_hashes where book_id = $1 and variant = 'kepub' and kind = 'partial'"};

const std::string text = "It rained. Nobody came.";

struct corrected_shop : bookshop {
  std::string source = ingest::test::epub({.title = "Misprint", .author = "Nobody", .text = text});
  uuid book;
  explicit corrected_shop(const headers& more = {{"deliver.metadata", "on"}}) : bookshop(more) {
    book = give("Rain", source);
    settle();
    sync(kobo);
  }
  void retitle(const std::string& title) {
    db.pool().write_now([&](db::tx& tx) {
      REQUIRE(library::edit_book(tx, book, json::object{{"title", title}}, {.user = db.reader(), .name = "owner"}));
    });
  }
  std::string fetch() { return ask("GET", address_of(book)).body; }
  // As a Kobo does it: all of it, and what that says is known.
  std::string fetch_whole() {
    std::string out = fetch();
    REQUIRE(harness::eventually([&] { return number(sql_fetched) > 0; }));
    return out;
  }
  std::int64_t number(const db::statement& sql) {
    return db.pool().read_now([&](db::tx& tx) { return tx.run(sql)[0].integer(0); });
  }
  std::string form() {
    return db.pool().read_now([&](db::tx& tx) { return tx.run(sql_form, book)[0].text(0); });
  }
  std::int64_t announced() { return kobo.library.at(entitlement_of(book)).size; }
};

std::string title_in(const std::string& epub) {
  harness::scratch_folder folder;
  ingest::test::write(folder.path / "x.epub", epub);
  carrel::file in(::open((folder.path / "x.epub").c_str(), O_RDONLY));
  return publication::open(in.get(), "x.epub").value().about.title;
}

}  // namespace

TEST_CASE("a Kobo gets what the library says, announced with the size that it has") {
  corrected_shop s;
  std::string got = s.fetch();
  CHECK(title_in(got) == "Rain");
  CHECK(s.announced() == static_cast<std::int64_t>(got.size()));
  CHECK(s.address_of(s.book).find("/" + sha256_hex(got).substr(0, 12) + "/") != std::string::npos);
  CHECK(harness::read_file(s.store().absolute(s.store().path_for(sha256_hex(s.source), ".epub"))) == s.source);
}

TEST_CASE("without the setting a conversion says what its book said") {
  corrected_shop s{headers{}};
  CHECK(s.fetch() == converted(s.source));
  CHECK(title_in(s.fetch()) == "Misprint");
  s.retitle("Storm");
  CHECK_FALSE(s.conversions->has_work());
}

TEST_CASE("an edit makes another file while no Kobo has the book, and devices are told of it") {
  corrected_shop s;
  std::string before = s.address_of(s.book), first = s.form();
  s.retitle("Storm");
  CHECK(s.conversions->has_work());
  CHECK(s.address_of(s.book) == before);  // what was announced is what is there
  s.settle();
  CHECK_FALSE(s.conversions->has_work());
  CHECK(s.form() != first);
  CHECK(s.ask("GET", before).status == 404);
  s.sync(s.kobo);
  std::string got = s.fetch();
  CHECK(title_in(got) == "Storm");
  CHECK(s.announced() == static_cast<std::int64_t>(got.size()));
  s.db.pool().read_now([&](db::tx& tx) { CHECK(tx.run(sql_told, s.book)[0].integer(0) == 2); });  // both lead to the book
}

TEST_CASE("an edit never makes another file of a book that a Kobo has") {
  corrected_shop s;
  std::string got = s.fetch_whole(), address = s.address_of(s.book);
  s.retitle("Storm");
  CHECK_FALSE(s.conversions->has_work());
  s.settle();
  s.sync(s.kobo);
  CHECK(s.kobo.library.at(s.entitlement_of(s.book)).title == "Storm");  // that is told by the envelope
  CHECK(s.announced() == static_cast<std::int64_t>(got.size()));
  CHECK(s.address_of(s.book) == address);
  CHECK(s.fetch() == got);
}

TEST_CASE("what a Kobo has is made again with the words it came with, though the library says others") {
  corrected_shop s;
  std::string got = s.fetch_whole();
  s.retitle("Storm");
  fs::remove_all(s.store().cache() / "kepub");
  CHECK(s.fetch() == got);
}

TEST_CASE("another setting makes another file of a book that a Kobo has, with the words it came with") {
  corrected_shop s;
  s.fetch_whole();
  s.retitle("Storm");
  config::sources from;
  from.environment = [](const std::string&) { return std::nullopt; };
  from.command_line = {{"kepub.hyphenation", "on"}};
  for (const char* metadata : {"on", "off"}) {
    from.command_line.emplace_back("deliver.metadata", metadata);
    config other = config::load(from).value();
    kobo::artifacts hyphenated(s.db.pool(), s.store(), s.readers(), other);
    CHECK(hyphenated.has_work());
    no_report p;
    hyphenated.settle_wanted(p);
    CHECK_FALSE(hyphenated.has_work());
    CHECK(title_in(s.fetch()) == "Rain");
  }
}

TEST_CASE("switching it on changes nothing of a book that a Kobo has") {
  corrected_shop s{headers{}};
  std::string got = s.fetch_whole(), address = s.address_of(s.book);
  config::sources from;
  from.environment = [](const std::string&) { return std::nullopt; };
  from.command_line = {{"deliver.metadata", "on"}};
  config other = config::load(from).value();
  kobo::artifacts told(s.db.pool(), s.store(), s.readers(), other);
  CHECK(told.has_work());
  no_report p;
  told.settle_wanted(p);
  CHECK_FALSE(told.has_work());
  CHECK(s.address_of(s.book) == address);
  CHECK(s.fetch() == got);
}

TEST_CASE("the spans of a file with other words about itself are the same: a place in it survives") {
  corrected_shop s;
  constexpr db::statement maps{"test.maps", "select span_map from kobo_artifacts order by made_at"};
  s.retitle("Storm");
  s.settle();
  s.db.pool().read_now([&](db::tx& tx) {
    db::rows rows = tx.run(maps);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].raw(0) == rows[1].raw(0));
  });
}

TEST_CASE("a KEPUB keeps its documents and says what the library says") {
  bookshop s(headers{{"deliver.metadata", "on"}});
  std::string kepub = converted(ingest::test::epub({.title = "Misprint", .text = text}));
  uuid book = s.give("Rain", kepub, "rain.kepub.epub", true);
  s.settle();
  s.sync(s.kobo);
  std::string got = s.ask("GET", s.address_of(book)).body;
  CHECK(got != kepub);
  CHECK(title_in(got) == "Rain");
  CHECK(s.kobo.library.begin()->second.size == static_cast<std::int64_t>(got.size()));
}
