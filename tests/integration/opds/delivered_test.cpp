// Copies with corrected metadata (settings deliver.metadata, deliver.cache; opds.md 3.4, 5.2; kosync.md 8.6).
#include <fcntl.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <pugixml.hpp>

#include "library/document.hpp"
#include "library/position.hpp"
#include "publication/fingerprint.hpp"
#include "publication/open.hpp"
#include "server/core/digest.hpp"
#include "server/core/file.hpp"
#include "tests/harness/folder.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/publication/epub_maker.hpp"

using namespace carrel;
using namespace carrel::opds::tests;
namespace fs = std::filesystem;

namespace {

constexpr db::statement sql_hashes{
    "test.served_hashes", "select kind, hash from book_file_hashes where file_id = $1 and variant = 'served' order by kind"};
constexpr db::statement sql_copies{"test.copies", "select kept from delivered_copies where file_id = $1 order by kept"};
constexpr db::statement sql_downloaded{"test.downloaded_copy", "select checksum from downloads where file_id = $1 order by at"};
constexpr db::statement sql_document{
    "test.add_document", "insert into documents (user_id, document, link) values ($1, $2, 'none') on conflict do nothing"};
constexpr db::statement sql_link{"test.link_of_document",
                                 "select book_id from documents where user_id = $1 and document = $2 and link = 'auto'"};

const settings on{{"deliver.metadata", "on"}};

std::string small_book(const std::string& extra = "") {
  publication::test::epub in;
  in.metadata += extra;
  return in.bytes();
}

publication::fingerprints prints_of(const std::string& bytes) {
  harness::scratch_folder folder;
  std::ofstream(folder.path / "x", std::ios::binary) << bytes;
  carrel::file in(::open((folder.path / "x").c_str(), O_RDONLY));
  return publication::fingerprint(in.get()).value();
}

publication::opened told_by(const std::string& bytes) {
  harness::scratch_folder folder;
  std::ofstream(folder.path / "x.epub", std::ios::binary) << bytes;
  carrel::file in(::open((folder.path / "x.epub").c_str(), O_RDONLY));
  return publication::open(in.get(), "x.epub").value();
}

pugi::xml_document feed_of(client& http) { return parsed(http.get("/opds/new").body); }

pugi::xml_node acquisition(const pugi::xml_document& doc) {
  for (pugi::xml_node l : doc.child("feed").child("entry").children("link")) {
    if (l.attribute("rel").value() == std::string("http://opds-spec.org/acquisition")) return l;
  }
  return {};
}

std::string download_of(client& http) { return path_of_url(acquisition(feed_of(http)).attribute("href").value()); }

std::vector<std::string> texts(world& w, const db::statement& sql, const uuid& file) {
  std::vector<std::string> out;
  w.other().read_now([&](db::tx& tx) {
    for (const db::row& r : tx.run(sql, file)) out.push_back(r.text(0));
  });
  return out;
}

void retitle(world& w, const uuid& book, const std::string& title) {
  w.change([&](db::tx& tx) {
    REQUIRE(library::edit_book(tx, book, json::object{{"title", title}}, {.user = w.owner.user, .name = "owner"}));
  });
}

std::size_t files_below(const fs::path& folder) {
  if (!fs::exists(folder)) return 0;
  return static_cast<std::size_t>(
      std::count_if(fs::recursive_directory_iterator(folder), {}, [](const auto& e) { return e.is_regular_file(); }));
}

}  // namespace

TEST_CASE("without the setting the stored file is handed out, with its size") {
  world w;
  std::string bytes = small_book();
  made_book b = w.add({.title = "Corrected", .bytes = bytes});
  auto http = w.as(w.owner);
  CHECK(acquisition(feed_of(*http)).attribute("length").as_ullong() == bytes.size());
  CHECK(http->get(download_of(*http)).body == bytes);
  CHECK(texts(w, sql_copies, b.file).empty());
}

TEST_CASE("with the setting an app gets what the library says, and the stored file stays as it is") {
  world w(on);
  std::string bytes = small_book();
  made_book b = w.add({.title = "Corrected",
                       .authors = {"Ada Fenwick", "Bo Lark"},
                       .series = "Ledgers",
                       .index = 2,
                       .tags = {"Sea"},
                       .languages = {"de"},
                       .bytes = bytes,
                       .isbn = "9783161484100",
                       .description = "<p>About it.</p>",
                       .published = "2019-03",
                       .publisher = "Small Press"});
  auto http = w.as(w.owner);
  CHECK_FALSE(acquisition(feed_of(*http)).attribute("length"));  // rather left out than wrong
  std::string at = download_of(*http);
  reply got = http->get(at);
  REQUIRE(got.status == 200);
  CHECK(got.body != bytes);
  CHECK(got.header("Content-Length") == std::to_string(got.body.size()));
  CHECK(got.header("ETag") == "\"" + sha256_hex(got.body).substr(0, 32) + "\"");
  CHECK_FALSE(got.has("Last-Modified"));
  CHECK(got.header("Content-Type") == "application/epub+zip");
  publication::metadata told = told_by(got.body).about;
  CHECK(told.title == "Corrected");
  REQUIRE(told.authors.size() == 2);
  CHECK(told.authors[1].name == "Bo Lark");
  CHECK(told.series == "Ledgers");
  CHECK(told.series_index == 2);
  CHECK(told.languages == std::vector<std::string>{"de"});
  CHECK(told.publisher == "Small Press");
  CHECK(told.published_on == "2019-03");
  CHECK(told.description_html == "<p>About it.</p>");
  CHECK(told.subjects == std::vector<std::string>{"Sea"});

  CHECK(http->head(at).header("Content-Length") == std::to_string(got.body.size()));
  CHECK(http->get(at, {{"Range", "bytes=10-19"}}).body == got.body.substr(10, 10));
  CHECK(http->get(at, {{"If-None-Match", got.header("ETag")}}).status == 304);
  CHECK(http->get(at).body == got.body);
  CHECK(harness::read_file(w.path_of(b.file)) == bytes);
  CHECK(texts(w, sql_copies, b.file) == std::vector<std::string>{""});
}

TEST_CASE("an edit makes another copy, and an edit back the first one again") {
  world w(on);
  made_book b = w.add({.title = "First", .bytes = small_book()});
  auto http = w.as(w.owner);
  std::string at = download_of(*http), first = http->get(at).body;
  retitle(w, b.id, "Second");
  CHECK(download_of(*http) == at);
  reply second = http->get(at, {{"If-None-Match", "\"" + sha256_hex(first).substr(0, 32) + "\""}});
  CHECK(second.status == 200);
  CHECK(told_by(second.body).about.title == "Second");
  CHECK(http->get(at, {{"Range", "bytes=0-9"}, {"If-Range", "\"" + sha256_hex(first).substr(0, 32) + "\""}}).status == 200);
  retitle(w, b.id, "First");
  CHECK(http->get(at).body == first);
}

TEST_CASE("a copy that the cache let go is made again, byte by byte") {
  world w(on);
  w.add({.title = "Corrected", .bytes = small_book()});
  auto http = w.as(w.owner);
  std::string at = download_of(*http), first = http->get(at).body;
  fs::path folder = w.store().cache() / "delivered";
  CHECK(files_below(folder) == 1);
  fs::remove_all(folder);
  CHECK(http->get(at).body == first);
  CHECK(files_below(folder) == 1);
  CHECK(files_below(w.store().cache() / "delivered-new") == 0);
}

TEST_CASE("a book that says all of it, or cannot be changed safely, or is none, is handed out as it is stored") {
  world w(on);
  std::string same = small_book(), hostile = small_book("<meta id='i' name='a' content='b'/>"), none = "no archive";
  publication::metadata told = told_by(same).about;
  std::vector<made_book> all = w.add_all({{.title = told.title, .authors = {told.authors[0].name}, .bytes = same},
                                          {.title = "Hostile", .bytes = hostile},
                                          {.title = "None", .bytes = none}});
  auto http = w.as(w.owner);
  for (const auto& [title, bytes] :
       {std::pair{told.title, same}, {std::string("Hostile"), hostile}, {std::string("None"), none}}) {
    INFO(title);
    pugi::xml_document doc = feed_of(*http);
    pugi::xml_node entry = doc.child("feed").find_child([&](pugi::xml_node n) { return n.child("title").text().get() == title; });
    pugi::xml_node link = entry.find_child_by_attribute("rel", "http://opds-spec.org/acquisition");
    CHECK(http->get(path_of_url(link.attribute("href").value())).body == bytes);
  }
  CHECK(texts(w, sql_copies, all[0].file) == std::vector<std::string>{"same"});
  CHECK(texts(w, sql_copies, all[1].file) == std::vector<std::string>{"epub_bad_package"});
  CHECK(texts(w, sql_copies, all[2].file).size() == 1);
  CHECK(files_below(w.store().cache() / "delivered") == 0);
}

TEST_CASE("other formats are handed out as they are stored") {
  world w(on);
  w.add({.title = "Comic", .format = "cbz", .extension = ".cbz", .bytes = "0123456789"});
  auto http = w.as(w.owner);
  CHECK(acquisition(feed_of(*http)).attribute("length").as_ullong() == 10);
  CHECK(http->get(download_of(*http)).body == "0123456789");
}

TEST_CASE("the fingerprints of a copy are known before it has arrived, and link what KOReader said of it") {
  world w(on);
  made_book b = w.add({.title = "Corrected", .bytes = small_book()});
  auto http = w.as(w.owner);
  std::string at = download_of(*http);
  publication::fingerprints copy = prints_of(http->get(at).body);
  w.other().read_now([&](db::tx& tx) {
    db::rows rows = tx.run(sql_hashes, b.file);
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].text(1) == copy.md5);
    CHECK(rows[1].text(1) == copy.koreader_md5);
    CHECK(rows[2].text(1) == copy.sha256);
  });
  w.finish_background();
  CHECK(texts(w, sql_downloaded, b.file) == std::vector<std::string>{copy.sha256});
  std::optional<uuid> linked = w.other().write_now([&](db::tx& tx) {
    tx.run(sql_document, w.owner.user, copy.koreader_md5);
    return library::link_document(tx, w.owner.user, copy.koreader_md5);
  });
  CHECK(linked == b.id);
}

TEST_CASE("a document that was there before its copy is linked when the copy is made") {
  world w(on);
  made_book b = w.add({.title = "Corrected", .bytes = small_book()});
  auto http = w.as(w.owner);
  std::string at = download_of(*http);
  std::string document = prints_of(http->get(at).body).koreader_md5;
  // As in another database that has the reader's documents and not yet the copy.
  w.change([&](db::tx& tx) {
    constexpr db::statement forget{"test.forget_copies", "delete from delivered_copies"};
    constexpr db::statement unknown{"test.forget_hashes", "delete from book_file_hashes where variant = 'served'"};
    tx.run(forget);
    tx.run(unknown);
    tx.run(sql_document, w.owner.user, document);
  });
  CHECK(http->head(at).status == 200);
  w.other().read_now([&](db::tx& tx) {
    db::rows rows = tx.run(sql_link, w.owner.user, document);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].id(0) == b.id);
  });
}

TEST_CASE("a copy that is opened for the first time opens at the reader's place") {
  constexpr db::statement sql_progress{"test.progress_of_document",
                                       "select progress from reading_progress where user_id = $1 and document = $2"};
  world w(on);
  std::string bytes = small_book();
  made_book b = w.add({.title = "Corrected", .bytes = bytes});
  auto http = w.as(w.owner);
  // The stored file was read elsewhere.
  std::string original = prints_of(bytes).koreader_md5;
  w.change([&](db::tx& tx) {
    library::remember_hash(tx, b.id, b.file, "partial", original, "original");
    library::position p;
    p.user = w.owner.user;
    p.document = original;
    p.progress = "/body/DocFragment[1]/body/p/text().5";
    p.percentage = 0.6;
    p.device = "elsewhere";
    p.device_key = "c:elsewhere";
    p.origin = "device";
    p.timestamp = 1'700'000'000;
    library::put_positions(tx, {p}, {});
    library::link_document(tx, w.owner.user, original);
  });
  w.place_moved(w.owner.user, original);
  w.settle_places();
  reply got = http->get(download_of(*http));
  w.finish_background();
  w.settle_places();
  std::string copy = prints_of(got.body).koreader_md5;
  w.other().read_now([&](db::tx& tx) {
    db::rows rows = tx.run(sql_progress, w.owner.user, copy);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].text(0).find("/body/DocFragment[1]/body") == 0);
  });
}
