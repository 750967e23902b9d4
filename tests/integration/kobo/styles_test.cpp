// Whether books are converted, and how they are hyphenated, as it was chosen for a Kobo of its own (product.md 4.7).
#include "library/kobo_options.hpp"
#include "tests/integration/kobo/bookshop.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

const std::string source = ingest::test::epub({.text = "It rained. Nobody came."});

constexpr db::statement sql_styled{"test.styled_files", "select count(*) from kobo_styled"};

std::string hyphenated(publication::kepub::hyphens how, const std::string& of = source) {
  publication::kepub::options o;
  o.hyphenation = how;
  return converted(of, o);
}

// Two Kobos that get the same shelf. One at a time asks.
struct two_kobos : bookshop {
  struct one {
    uuid device;
    std::string token;
    reader holds;
  };
  one plain, own;
  uuid book;
  std::string id;

  explicit two_kobos(const headers& more = {}) : bookshop(more) {
    plain = {device, token, {}};
    db.pool().write_now([&](db::tx& tx) {
      library::new_device made = library::add_device(tx, db.reader(), "Libra", "kobo").value();
      own = {made.made.id, made.token, {}};
      library::feed_device(tx, own.device, shelf, true);
    });
    book = give("Rain", source);
    id = entitlement_of(book);
  }

  void choose(const json::object& o) {
    db.pool().write_now([&](db::tx& tx) { REQUIRE(library::change_kobo_options(tx, own.device, o).value()); });
  }
  // A sync of it; whether anything was said.
  bool sync_of(one& k) {
    std::string before = k.holds.token;
    token = k.token;
    device = k.device;
    sync(k.holds);
    return k.holds.token != before;
  }
  // What it downloads of the book, with the size that it was told.
  std::string fetched_by(one& k) {
    token = k.token;
    device = k.device;
    REQUIRE(k.holds.library.contains(id));
    reply a = ask("GET", address_of(book));
    REQUIRE(a.status == 200);
    CHECK(static_cast<std::int64_t>(a.body.size()) == k.holds.library.at(id).size);
    return a.body;
  }
  // The server is set so, and all that follows from it is done.
  void server_hyphenates() {
    config::sources from;
    from.environment = [](const std::string&) { return std::nullopt; };
    from.command_line = {{"kepub.hyphenation", "on"}};
    kobo::artifacts other(db.pool(), store(), readers(), config::load(from).value());
    no_report p;
    other.settle_wanted(p);
    CHECK_FALSE(other.has_work());
  }
  std::int64_t styled() {
    return db.pool().read_now([](db::tx& tx) { return tx.run(sql_styled)[0].integer(0); });
  }
};

}  // namespace

TEST_CASE("a Kobo's books are hyphenated as it was chosen for it, and no other's") {
  two_kobos s;
  s.choose({{"hyphenation", "on"}});
  CHECK(s.settle().done == 2);
  CHECK_FALSE(s.conversions->has_work());
  s.sync_of(s.plain);
  s.sync_of(s.own);
  CHECK(s.fetched_by(s.plain) == converted(source));
  CHECK(s.fetched_by(s.own) == hyphenated(publication::kepub::hyphens::on));

  s.choose({{"hyphenation", "never"}});
  CHECK_FALSE(s.sync_of(s.plain));
  s.sync_of(s.own);
  CHECK(s.own.holds.library.contains(s.id));  // it waits, and what it has stays
  s.settle();
  CHECK(s.sync_of(s.own));
  CHECK(s.fetched_by(s.own) == hyphenated(publication::kepub::hyphens::never));
  CHECK_FALSE(s.sync_of(s.own));

  s.choose({{"hyphenation", nullptr}});
  CHECK_FALSE(s.conversions->has_work());  // that file is there
  CHECK(s.sync_of(s.own));
  CHECK(s.fetched_by(s.own) == converted(source));
  CHECK_FALSE(s.sync_of(s.own));
  CHECK_FALSE(s.sync_of(s.plain));
}

TEST_CASE("a Kobo gets its books as they are where that was chosen for it") {
  two_kobos s;
  s.choose({{"kepub", false}});
  s.sync_of(s.own);  // nothing has to be made for it
  CHECK(s.fetched_by(s.own) == source);
  std::string about = s.ask("GET", "/v1/library/" + s.id + "/metadata").body;
  CHECK(about.find(R"("Format":"KEPUB")") == std::string::npos);
  CHECK_FALSE(s.address_of(s.book).ends_with(".kepub.epub"));
  s.sync_of(s.plain);
  CHECK(s.plain.holds.library.empty());
  s.settle();
  s.sync_of(s.plain);
  CHECK(s.fetched_by(s.plain) == converted(source));
  CHECK_FALSE(s.sync_of(s.own));
  // The size limit counts what it gets.
  s.choose({{"largest", static_cast<std::int64_t>(source.size())}});
  CHECK_FALSE(s.sync_of(s.own));
  s.choose({{"largest", static_cast<std::int64_t>(source.size()) - 1}});
  s.sync_of(s.own);
  CHECK(s.own.holds.library.empty());
}

TEST_CASE("a Kobo gets conversions where the server makes none") {
  two_kobos s(headers{{"kepub.enabled", "off"}});
  s.choose({{"kepub", true}, {"hyphenation", "on"}});
  s.settle();
  s.sync_of(s.plain);
  s.sync_of(s.own);
  CHECK(s.fetched_by(s.plain) == source);
  CHECK(s.fetched_by(s.own) == hyphenated(publication::kepub::hyphens::on));
  s.choose({{"kepub", nullptr}});  // hyphenation says how, not whether
  s.settle();
  CHECK(s.sync_of(s.own));
  CHECK(s.fetched_by(s.own) == source);
}

TEST_CASE("another file of a book is another file for Kobos of every style") {
  two_kobos s;
  s.choose({{"hyphenation", "on"}});
  s.settle();
  s.sync_of(s.plain);
  s.sync_of(s.own);
  CHECK(s.styled() == 1);
  std::string other = ingest::test::epub({.text = "It snowed. Somebody came."});
  s.put(s.book, other, "other.epub", false);
  CHECK(s.styled() == 0);
  s.sync_of(s.own);
  CHECK(s.own.holds.library.contains(s.id));
  s.settle();
  s.db.pool().write_now([&](db::tx& tx) { tx.script("update books set version = version + 1, file_version = version + 1"); });
  s.sync_of(s.own);
  s.sync_of(s.plain);
  CHECK(s.fetched_by(s.own) == hyphenated(publication::kepub::hyphens::on, other));
  CHECK(s.fetched_by(s.plain) == converted(other));
}

TEST_CASE("what the server chooses anew reaches Kobos of a style that leaves it open") {
  two_kobos s;
  s.choose({{"kepub", true}});
  s.settle();
  s.sync_of(s.plain);
  s.sync_of(s.own);
  CHECK(s.fetched_by(s.own) == converted(source));
  s.server_hyphenates();
  for (two_kobos::one* k : {&s.own, &s.plain}) {
    CHECK(s.sync_of(*k));
    CHECK(s.fetched_by(*k) == hyphenated(publication::kepub::hyphens::on));
    CHECK_FALSE(s.sync_of(*k));
  }
}

TEST_CASE("another conversion for the others is none for a Kobo with its own choice") {
  two_kobos s;
  json::object own = GENERATE(json::object{{"kepub", false}}, json::object{{"hyphenation", "never"}});
  s.choose(own);
  s.settle();
  s.sync_of(s.plain);
  s.sync_of(s.own);
  for (two_kobos::one* k : {&s.own, &s.plain}) k->holds.files[s.id] = k->holds.library.at(s.id).size;
  s.server_hyphenates();
  s.sync_of(s.plain);
  CHECK(s.fetched_by(s.plain) == hyphenated(publication::kepub::hyphens::on));
  s.sync_of(s.own);
  CHECK(s.own.holds.files.contains(s.id));  // no new entitlement: its file stays
  CHECK_FALSE(s.plain.holds.files.contains(s.id));
}

TEST_CASE("places and highlights go with their book into another file, also where no Kobo gets the usual conversion") {
  bool alone = GENERATE(true, false);
  two_kobos s;
  if (alone) s.db.pool().write_now([&](db::tx& tx) { library::feed_device(tx, s.plain.device, s.shelf, false); });
  s.choose({{"hyphenation", "on"}});
  s.settle();
  s.sync_of(s.own);
  const std::string at = R"("LastModified":"2026-03-02T08:00:00Z")", notes = "/api/v3/content/" + s.id + "/annotations";
  CHECK(s.ask("PUT", "/v1/library/" + s.id + "/state", {},
              R"({"ReadingStates":[{"EntitlementId":")" + s.id + "\"," + at + R"(,"StatusInfo":{"Status":"Reading",)" + at +
                  R"(},"CurrentBookmark":{"ProgressPercent":50,"ContentSourceProgressPercent":50,)" + at +
                  R"(,"Location":{"Source":"OEBPS/c1.xhtml","Type":"KoboSpan","Value":"kobo.1.2"}}}]})")
            .status == 200);
  CHECK(s.ask("PATCH", notes, {},
              R"({"updatedAnnotations":[{"id":"7f0b1a52-3d6e-4c1f-9a55-1c2d3e4f5a6b","type":"highlight",)"
              R"("highlightedText":"Nobody","clientLastModifiedUtc":"2026-03-02T08:00:00Z",)"
              R"("location":{"span":{"chapterFilename":"OEBPS/c1.xhtml","chapterProgress":0.5,)"
              R"("startPath":"span#kobo\\.1\\.2","startChar":0,"endPath":"span#kobo\\.1\\.2","endChar":6}}}]})")
            .status == 204);
  s.put(s.book, ingest::test::epub({.text = "Drip.</p><p>It rained. Nobody came."}), "other.epub", false);
  s.settle();
  CHECK(s.ask("GET", "/v1/library/" + s.id + "/state").body.find("kobo.2.") != std::string::npos);
  CHECK(s.ask("GET", notes).body.find(R"("startPath":"span#kobo\\.2\\.2","startChar":0)") != std::string::npos);
}
