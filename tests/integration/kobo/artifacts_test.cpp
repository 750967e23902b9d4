// What Kobos get of a book: made when it becomes wanted, announced with its size, the same bytes for ever (kepub.md 9,
// kobo.md 7.4, 12).
#include <algorithm>

#include "library/kobo_options.hpp"
#include "publication/kepub/span_map.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kobo/bookshop.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;
namespace fs = std::filesystem;

namespace {

constexpr db::statement sql_hashes{"test.hashes",
                                   "select kind, hash from book_file_hashes where book_id = $1 and variant = 'kepub'"};
constexpr db::statement sql_source{"test.source_of", "select checksum from book_files where book_id = $1"};
constexpr db::statement sql_map{
    "test.span_map", "select span_map from kobo_artifacts a join book_files f on f.kobo_as = a.id where f.book_id = $1"};

}  // namespace

TEST_CASE("a book is converted before it is announced, and announced as it is delivered") {
  bookshop s;
  std::string source = ingest::test::epub({.text = "It rained. Nobody came."});
  s.sync(s.kobo);
  uuid book = s.give("Rain", source);
  CHECK(s.jobs() == 1);  // the database rang
  s.sync(s.kobo);
  CHECK(s.kobo.library.empty());
  no_report told = s.settle();
  CHECK(told.done == 1);
  CHECK(told.total == 1);
  CHECK_FALSE(s.conversions->has_work());
  s.sync(s.kobo);
  REQUIRE(s.kobo.library.size() == 1);

  std::string expected = converted(source),
              about = s.ask("GET", "/v1/library/" + s.kobo.library.begin()->first + "/metadata").body;
  CHECK(about.find("\"Format\":\"KEPUB\"") != std::string::npos);
  CHECK(about.find("\"Size\":" + std::to_string(expected.size()) + ",") != std::string::npos);
  std::string address = s.address_of(book);
  CHECK(address.ends_with(".kepub.epub"));
  CHECK(address.find("/" + sha256_hex(expected).substr(0, 12) + "/") != std::string::npos);
  reply a = s.ask("GET", address);
  CHECK(a.status == 200);
  CHECK(a.body == expected);
  CHECK(a.header("ETag") == "\"" + sha256_hex(expected) + "\"");
  CHECK(a.header("Content-Length") == std::to_string(expected.size()));
  CHECK(s.ask("GET", address, {{"Range", "bytes=10-19"}}).body == expected.substr(10, 10));
  CHECK(s.ask("HEAD", address).header("Content-Length") == std::to_string(expected.size()));
}

TEST_CASE("a book whose new file is not converted yet is promised nowhere, neither in a sync nor when it is asked for") {
  bookshop s;
  std::vector<uuid> books;
  for (const char* title : {"One", "Two", "Three"})
    books.push_back(s.give(title, ingest::test::epub({.title = title, .text = "It rained."})));
  s.settle();
  reply first = s.ask("GET", "/v1/library/sync");  // two of the three
  REQUIRE(items_of(first.body).size() == 2);
  for (const uuid& book : books) {
    std::string title = "New " + book.text();
    s.put(book, ingest::test::epub({.title = title, .text = "It snowed."}), "new.epub", false);
  }
  reply second = s.ask("GET", "/v1/library/sync", {{"x-kobo-synctoken", first.header("x-kobo-synctoken")}});
  CHECK(second.body.find("Entitlement\":{\"BookEnt") == std::string::npos);
  for (const uuid& book : books) {
    const std::string id = s.entitlement_of(book);
    CHECK(s.ask("GET", "/v1/library/" + id + "/metadata").body == "[]");
    CHECK(s.ask("GET", "/v1/products/books/" + id + "/access").body == "{}");
    std::string source = s.db.pool().read_now([&](db::tx& tx) { return tx.run(sql_source, book)[0].text(0).substr(0, 12); });
    CHECK(s.ask("GET", "/download/" + id + "/" + source + "/x.epub").status == 404);
  }
  s.settle();
  s.sync(s.kobo);
  CHECK(s.kobo.library.size() == 3);
  CHECK(s.ask("GET", "/v1/library/" + s.entitlement_of(books[0]) + "/metadata").body.find("KEPUB") != std::string::npos);
}

TEST_CASE("what the cache let go is made again, byte by byte") {
  bookshop s(headers{{"kepub.cache", "1B"}});
  uuid book = s.give("Rain", ingest::test::epub({.text = "It rained. Nobody came."}));
  s.settle();
  s.sync(s.kobo);
  fs::path cache = s.store().cache() / "kepub";
  auto files = [&] {
    return std::count_if(fs::recursive_directory_iterator(cache), {}, [](const auto& e) { return e.is_regular_file(); });
  };
  CHECK(files() == 0);  // nobody was told of it yet
  std::string address = s.address_of(book);
  CHECK(s.ask("HEAD", address).status == 200);
  CHECK(files() == 1);
  CHECK(s.conversions->trim() == 0);  // the device was told of it
  std::string first = s.ask("GET", address).body;
  REQUIRE(harness::eventually([&] { return s.conversions->trim() == 1; }));  // and now it has it
  CHECK(files() == 0);
  CHECK(s.ask("GET", address).body == first);
  CHECK(files() == 1);
}

TEST_CASE("a book that is not to be converted is delivered as it is, and named") {
  bookshop s;
  uuid fixed = s.give("Pictures", harness::read_file(harness::shared_folder() / "samples" / "lay-fxl-layout-pre-paginated.epub"));
  uuid broken = s.give("Broken", "no archive at all");
  s.settle();
  CHECK(s.kept(fixed) == "kepub_fixed_layout");
  CHECK_FALSE(s.kept(broken).empty());
  s.sync(s.kobo);
  CHECK(s.kobo.library.size() == 2);
  CHECK(s.address_of(broken).ends_with(".epub"));
  CHECK_FALSE(s.address_of(broken).ends_with(".kepub.epub"));
  CHECK(s.ask("GET", s.address_of(broken)).body == "no archive at all");
}

TEST_CASE("a KEPUB is delivered as it is, and its spans are known") {
  bookshop s;
  std::string kepub = converted(ingest::test::epub({.text = "It rained. Nobody came."}));
  uuid book = s.give("Rain", kepub, "rain.kepub.epub", true);
  s.settle();
  s.sync(s.kobo);
  CHECK(s.ask("GET", s.address_of(book)).body == kepub);
  CHECK_FALSE(fs::exists(s.store().cache() / "kepub" / sha256_hex(kepub).substr(0, 2)));
  std::string packed = s.db.pool().read_now([&](db::tx& tx) { return std::string(tx.run(sql_map, book)[0].raw(0)); });
  std::optional<publication::kepub::span_map> map = publication::kepub::span_map::unpack(packed);
  REQUIRE(map);
  CHECK(map->of("OEBPS/c1.xhtml", "kobo.1.1", {}, {}));
}

TEST_CASE("a conversion has fingerprints of its own, by which its book is found") {
  bookshop s;
  std::string source = ingest::test::epub({.text = "It rained. Nobody came."}), made = converted(source);
  uuid book = s.give("Rain", source);
  s.settle();
  std::map<std::string, std::string> known;
  s.db.pool().read_now([&](db::tx& tx) {
    for (const db::row& r : tx.run(sql_hashes, book)) known[r.text(0)] = r.text(1);
  });
  harness::scratch_folder folder;
  ingest::test::write(folder.path / "x", made);
  carrel::file bytes(::open((folder.path / "x").c_str(), O_RDONLY));
  publication::fingerprints is = publication::fingerprint(bytes.get()).value();
  CHECK(known == std::map<std::string, std::string>{{"sha256", is.sha256}, {"full", is.md5}, {"partial", is.koreader_md5}});
}

TEST_CASE("another setting makes another file, which devices are told of; the old address is gone") {
  bookshop s;
  std::string source = ingest::test::epub({.text = "It rained. Nobody came."});
  uuid book = s.give("Rain", source);
  s.settle();
  s.sync(s.kobo);
  std::string before = s.address_of(book);
  s.sync(s.kobo);

  config::sources from;
  from.environment = [](const std::string&) { return std::nullopt; };
  from.command_line = {{"kepub.hyphenation", "on"}};
  config other = config::load(from).value();
  kobo::artifacts hyphenated(s.db.pool(), s.store(), s.readers(), other);
  CHECK(hyphenated.has_work());
  CHECK(s.address_of(book) == before);  // until then nothing is different
  no_report p;
  hyphenated.settle_wanted(p);
  publication::kepub::options how;
  how.hyphenation = publication::kepub::hyphens::on;
  std::string made = converted(source, how);
  s.sync(s.kobo);
  REQUIRE(s.kobo.library.size() == 1);
  CHECK(s.kobo.library.begin()->second.size == static_cast<std::int64_t>(made.size()));
  CHECK(s.address_of(book) != before);
  CHECK(s.ask("GET", s.address_of(book)).body == made);
  CHECK(s.ask("GET", before).status == 404);
  s.settle();  // and back: it is there already
  CHECK(s.address_of(book) == before);
}

TEST_CASE("a cache that is rebuilt has the same bytes, and devices hear nothing") {
  bookshop s;
  std::string source = ingest::test::epub({.text = "It rained. Nobody came."});
  uuid book = s.give("Rain", source);
  s.settle();
  s.sync(s.kobo);
  s.sync(s.kobo);
  std::string address = s.address_of(book), token = s.kobo.token;
  CHECK(s.db.pool().write_now(kobo::decide_all_again) == 1);
  CHECK(s.db.pool().read_now(kobo::count_artifacts) == 1);
  fs::remove_all(s.store().cache() / "kepub");
  CHECK(s.ask("GET", address).body == converted(source));  // before the job runs
  fs::remove_all(s.store().cache() / "kepub");
  CHECK(s.conversions->has_work());
  s.settle();
  CHECK_FALSE(s.conversions->has_work());
  CHECK(fs::exists(s.store().cache() / "kepub"));
  s.sync(s.kobo);
  CHECK(s.kobo.token == token);
  CHECK(s.ask("GET", address).body == converted(source));
}

TEST_CASE("a device's size limit counts the bytes that it would get") {
  bookshop s;
  std::string source = ingest::test::epub({.text = "It rained. Nobody came."}), made = converted(source);
  auto size = static_cast<std::int64_t>(made.size());
  REQUIRE(made.size() > source.size());
  s.give("Rain", source);
  s.settle();
  auto choose = [&](std::int64_t largest) {
    s.db.pool().write_now([&](db::tx& tx) {
      REQUIRE(library::change_kobo_options(tx, s.device, json::object{{"largest", largest}}).value());
    });
    CHECK(s.jobs() == 1);  // other files may be wanted now
    s.db.pool().write_now([](db::tx& tx) { tx.script("update jobs set done_at = now()"); });
    s.sync(s.kobo);
    return s.kobo.library.size();
  };
  s.db.pool().write_now([](db::tx& tx) { tx.script("update jobs set done_at = now()"); });
  CHECK(choose(size - 1) == 0);
  CHECK(choose(size) == 1);
  // Large in the library and small on the device: that is known when it is converted.
  std::string large = ingest::test::epub({.text = "It snowed. " + std::string(400'000, ' ')});
  REQUIRE(converted(large).size() < large.size() / 2);
  CHECK(choose(static_cast<std::int64_t>(large.size() / 2)) == 1);
  s.give("Snow", large);
  s.settle();
  s.sync(s.kobo);
  CHECK(s.kobo.library.size() == 2);
}

TEST_CASE("switched off, books go as they are") {
  bookshop s(headers{{"kepub.enabled", "off"}});
  std::string source = ingest::test::epub({.text = "It rained. Nobody came."});
  uuid book = s.give("Rain", source);
  s.settle();
  s.sync(s.kobo);
  CHECK(s.kept(book).empty());
  CHECK(s.ask("GET", s.address_of(book)).body == source);
}

TEST_CASE("a file that is away makes its book wait, and a converter that dies delivers it as it is") {
  bookshop s;
  uuid away = s.give("Away", ingest::test::epub({.text = "It rained."}));
  fs::remove_all(s.store().absolute("library"));
  s.settle();
  CHECK_FALSE(s.conversions->has_work());  // it is known to be missing
  s.sync(s.kobo);
  CHECK(s.kobo.library.empty());

  uuid book = s.give("Rain", ingest::test::epub({.text = "It rained. Nobody came."}));
  publication::isolated::options dying;
  dying.command = {"/bin/false"};
  publication::isolated::pool readers(dying);
  config::sources from;
  from.environment = [](const std::string&) { return std::nullopt; };
  config usual = config::load(from).value();
  no_report p;
  publication::isolated::options gone;
  gone.command = {"/nowhere/carrel"};
  publication::isolated::pool nobody(gone);
  CHECK(kobo::artifacts(s.db.pool(), s.store(), nobody, usual).settle_wanted(p) == 1);  // no fault of the book
  CHECK(s.conversions->has_work());
  CHECK(kobo::artifacts(s.db.pool(), s.store(), readers, usual).settle_wanted(p) == 0);
  CHECK(s.kept(book) == "kepub_failed");
  CHECK(s.kept(away).empty());
  s.sync(s.kobo);
  CHECK(s.kobo.library.size() == 1);
}
