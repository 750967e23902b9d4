#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "../../unit/publication/zip_maker.hpp"
#include "library/book.hpp"
#include "library/cover_cache.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

TEST_CASE("an approved book is in the library with all its fingerprints, and its source stays with keep") {
  workbench b;
  std::string bytes = epub({.isbn = "9780306406157", .cover = publication::test::make_png(700, 1000)});
  write(b.inbox / "x.epub", bytes);
  outcome out = b.take({b.inbox / "x.epub"});
  INFO(codes(out));
  REQUIRE(out.added.size() == 1);
  CHECK(out.added[0].path == (b.inbox / "x.epub").native());
  CHECK(out.added[0].status == "organized");
  CHECK(read(b.inbox / "x.epub") == bytes);

  CHECK(b.text("select title from books") == "The Small Book");
  CHECK(b.text("select status::text from books") == "organized");
  CHECK(b.text("select author from books") == "Ada Lark");
  CHECK(b.text("select isbn_13 from books") == "9780306406157");
  CHECK(b.text("select checksum from book_files") == sha256_hex(bytes));
  CHECK(b.text("select md5 from book_files") == md5_hex(bytes));
  CHECK(b.text("select koreader_md5 from book_files").size() == 32);
  CHECK(b.text("select filename_md5 from book_files").size() == 32);
  CHECK(b.text("select content_hash from book_files").size() == 64);
  CHECK(b.text("select original_name from book_files") == "x.epub");
  CHECK(read(b.store.absolute(b.text("select storage_path from book_files"))) == bytes);
  CHECK(b.text("select state from ingest_items") == "organised");
  CHECK(b.files("staging").empty());
  CHECK(fs::is_empty(b.data / "attic"));

  CHECK(b.number("select width from covers") == 700);
  CHECK(fs::exists(b.store.absolute(b.text("select storage_path from covers"))));
  CHECK(library::is_cached(b.store, b.text("select sha256 from covers"), 300));
}

TEST_CASE("without approval a book waits for review") {
  workbench b;
  write(b.inbox / "x.epub", epub({}));
  outcome out = b.take({b.inbox}, true, false);
  REQUIRE(out.added.size() == 1);
  CHECK(out.added[0].status == "review");
  CHECK(b.text("select status::text from books") == "review");
  CHECK(b.text("select state from ingest_items") == "inbox");
}

TEST_CASE("auto-approve wants a title, an author and enough confidence") {
  workbench b;
  b.with.how.auto_approve = 0.85;
  write(b.inbox / "good.epub", epub({.title = "Good"}));
  write(b.inbox / "nobody.epub", epub({.title = "Nobody", .author = "", .text = "Other words."}));
  outcome out = b.take({b.inbox}, true, false);
  REQUIRE(out.added.size() == 2);
  CHECK(out.added[0].status == "organized");
  CHECK(out.added[1].status == "review");
}

TEST_CASE("without keep the source goes to the attic") {
  workbench b;
  std::string bytes = epub({});
  write(b.inbox / "sub" / "x.epub", bytes);
  outcome out = b.take({b.inbox}, false);
  REQUIRE(out.added.size() == 1);
  CHECK_FALSE(fs::exists(b.inbox / "sub" / "x.epub"));
  REQUIRE(b.files("attic").size() == 1);
  CHECK(b.files("attic")[0].filename() == "x.epub");
  CHECK(read(b.files("attic")[0]) == bytes);
  CHECK(b.number("select count(*) from ingest_items where source_done") == 1);
  CHECK(b.files("staging").empty());
}

TEST_CASE("the same command a second time changes nothing") {
  workbench b;
  write(b.inbox / "x.epub", epub({}));
  write(b.inbox / "bad.epub", "PK\3\4 nothing");
  write(b.inbox / "empty.epub", "");
  outcome first = b.take({b.inbox});
  REQUIRE(first.added.size() == 1);
  REQUIRE(first.failed.size() == 2);
  std::string rows = b.rows_of_everything();
  std::vector<fs::path> files = b.files("");
  outcome second = b.take({b.inbox});
  CHECK(second.added.empty());
  REQUIRE(second.duplicates.size() == 1);
  CHECK(second.duplicates[0].book == first.added[0].book);
  CHECK(second.duplicates[0].file == first.added[0].file);
  CHECK(codes(second) == codes(first));
  CHECK(b.rows_of_everything() == rows);
  CHECK(b.files("") == files);
}

TEST_CASE("a bad file is named, kept with keep, and in quarantine without") {
  workbench b;
  write(b.inbox / "cut.epub", epub({}).substr(0, 300));
  write(b.inbox / "noise.epub", std::string(4096, '\x01'));
  write(b.inbox / "empty.epub", "");
  outcome out = b.take({b.inbox});
  CHECK(codes(out) == "cut.epub=archive_corrupt empty.epub=empty_file noise.epub=unsupported_type ");
  for (const failed_file& f : out.failed) CHECK_FALSE(f.message.empty());
  CHECK(b.files("quarantine").empty());
  CHECK(fs::exists(b.inbox / "cut.epub"));
  CHECK(b.number("select count(*) from ingest_items where state = 'rejected'") == 3);
  CHECK(b.number("select count(*) from books") == 0);

  std::string cut = read(b.inbox / "cut.epub");
  out = b.take({b.inbox}, false);
  CHECK(out.failed.size() == 3);
  CHECK(fs::is_empty(b.inbox));
  REQUIRE(b.files("quarantine").size() == 3);
  bool found = false;
  for (const fs::path& p : b.files("quarantine")) found = found || read(p) == cut;
  CHECK(found);
  CHECK(b.files("staging").empty());
}

TEST_CASE("a file that only begins like its type is refused and kept") {
  workbench b;
  write(b.inbox / "Ada Lark - Of Clouds.wma", "\x30\x26\xb2\x75");
  outcome out = b.take({b.inbox}, false);
  INFO(codes(out));
  CHECK(out.added.empty());
  REQUIRE(out.failed.size() == 1);
  CHECK(out.failed[0].code == "audio_unreadable");
  CHECK(b.files("quarantine").size() == 1);
}

TEST_CASE("hidden, ignored and side files are counted and left alone") {
  workbench b;
  for (const char* name :
       {".hidden.epub", "half.epub.part", "Thumbs.db", "cover.jpg", "metadata.opf", "~lock.epub", "x.epub.crdownload"}) {
    write(b.inbox / name, "x");
  }
  write(b.inbox / "@eaDir" / "inside.epub", epub({}));
  outcome out = b.take({b.inbox}, false);
  CHECK(out.ignored == 8);
  CHECK(out.added.empty());
  CHECK(out.failed.empty());
  CHECK(fs::exists(b.inbox / "@eaDir" / "inside.epub"));
}

TEST_CASE("links, pipes and folders named like books") {
  workbench b;
  write(b.folder / "outside" / "o.epub", epub({.title = "Outside"}));
  write(b.inbox / "folder.epub" / "x.epub", epub({}));
  fs::create_symlink(b.folder / "outside", b.inbox / "way-out");
  fs::create_symlink(b.folder / "outside" / "o.epub", b.inbox / "link.epub");
  fs::create_symlink(b.inbox / "folder.epub" / "x.epub", b.inbox / "inner.epub");
  REQUIRE(::mkfifo((b.inbox / "pipe.epub").c_str(), 0600) == 0);
  outcome out = b.take({b.inbox}, false);
  CHECK(out.added.size() == 1);
  CHECK(out.ignored == 1);
  CHECK(codes(out) == "link.epub=not_a_regular_file pipe.epub=not_a_regular_file way-out=not_a_regular_file ");
  CHECK(fs::exists(b.folder / "outside" / "o.epub"));
  CHECK(fs::is_fifo(b.inbox / "pipe.epub"));
  CHECK(fs::is_symlink(b.inbox / "link.epub"));
}

TEST_CASE("what is not there and Carrel's own folders are refused") {
  workbench b;
  write(b.inbox / "x.epub", epub({}));
  b.take({b.inbox});
  outcome out = b.take({b.inbox / "none.epub", b.data / "library", b.data}, false);
  REQUIRE(out.failed.size() == 2);
  CHECK(out.failed[0].code == "not_found");
  CHECK(out.failed[1].code == "folder_unavailable");
  CHECK(b.files("library").size() == 1);
}

TEST_CASE("names of any kind survive") {
  workbench b;
  std::vector<std::string> names{"-rf.epub",         "a\nb.epub", "%2e%2e.epub",   "q\"uote'.epub",
                                 "bad\xff\xfe.epub", "CON.epub",  "\u202etxt.epub"};
  names.emplace_back(240, 'n');
  names.back().append(".epub");
  for (std::size_t i = 0; i < names.size(); ++i)
    write(b.inbox / names[i], epub({.title = "Book " + std::to_string(i), .text = std::to_string(i)}));
  outcome out = b.take({b.inbox}, false);
  INFO(codes(out));
  CHECK(out.added.size() == names.size());
  CHECK(fs::is_empty(b.inbox));
  CHECK(b.files("attic").size() == names.size());
  CHECK(b.number("select count(*) from book_files where original_name_raw is not null") >= 3);
  CHECK(b.number("select count(distinct storage_path) from book_files") == static_cast<std::int64_t>(names.size()));
}

TEST_CASE("the JSON of an outcome is that of the contract") {
  workbench b;
  write(b.inbox / "a.epub", epub({.author = ""}));
  write(b.inbox / "b.epub", epub({.author = ""}));
  write(b.inbox / "c.epub", "");
  outcome out = b.take({b.inbox}, false);
  std::string text = json::dump(to_json(out));
  auto back = json::read_object(text);
  REQUIRE(back);
  const json::object& added = *back->find("added")->as_array()->at(0).as_object();
  for (const char* name : {"path", "book", "file", "status", "warnings"}) CHECK(added.find(name) != nullptr);
  CHECK(text.find("metadata_missing_author") != std::string::npos);
  const json::object& duplicate = *back->find("duplicates")->as_array()->at(0).as_object();
  for (const char* name : {"path", "book", "file"}) CHECK(duplicate.find(name) != nullptr);
  const json::object& failed = *back->find("failed")->as_array()->at(0).as_object();
  CHECK(*failed.find("code")->as_text() == "empty_file");
  CHECK(*failed.find("message")->as_text() == "The file is empty.");
}

TEST_CASE("a run that is asked to stop finishes what it has in hand and leaves no trace of the rest") {
  workbench b;
  for (int i = 0; i < 60; ++i) {
    std::string n = std::to_string(i);
    write(b.inbox / (n + ".epub"), epub({.title = "Book " + n, .text = n}));
  }
  std::stop_source source;
  ingest_options o;
  o.stop = source.get_token();
  std::atomic<bool> begun = false;
  std::thread impatient([&] {
    begun.wait(false);
    source.request_stop();
  });
  outcome out = ingest_paths(b.with, {b.inbox}, o, [&](std::int64_t, std::int64_t) {
    begun = true;
    begun.notify_one();
  });
  impatient.join();
  REQUIRE(out.interrupted);
  CHECK_THROWS_AS(std::rethrow_exception(out.interrupted), stopped_by_request);
  auto added = static_cast<std::int64_t>(out.added.size());
  CHECK(added > 0);
  CHECK(added < 60);
  CHECK(b.number("select count(*) from books") == added);
  CHECK(b.number("select count(*) from ingest_items") == added);
  CHECK(b.files("staging").empty());
  CHECK(b.take({b.inbox}, false).added.size() == static_cast<std::size_t>(60 - added));
  CHECK(fs::is_empty(b.inbox));
}

TEST_CASE("the same text in other bytes says whose duplicate it may be") {
  workbench b;
  write(b.inbox / "a.epub", epub({}));
  uuid first = b.take({b.inbox / "a.epub"}).added.at(0).book;
  write(b.inbox / "b.epub", epub({.title = "Another Title", .author = "Nobody"}));
  outcome out = b.take({b.inbox / "b.epub"});
  REQUIRE(out.added.size() == 1);
  CHECK(out.added[0].status == "review");
  CHECK(out.added[0].possible_duplicate_of == first);
  CHECK(json::dump(to_json(out)).find("\"possible_duplicate_of\":\"" + first.text() + "\"") != std::string::npos);
}

TEST_CASE("the bytes of a trashed book are named as such") {
  workbench b;
  write(b.inbox / "a.epub", epub({}));
  uuid book = b.take({b.inbox}).added.at(0).book;
  b.pool.write_now([&](db::tx& tx) { return library::trash_books(tx, {book}, {}); });
  for (bool again : {false, true}) {
    INFO(again);
    write(b.inbox / (again ? "c.epub" : "b.epub"), epub({}));
    outcome out = b.take({b.inbox / (again ? "c.epub" : "b.epub")});
    REQUIRE(out.duplicates.size() == 1);
    CHECK(out.duplicates[0].book == book);
    CHECK(out.duplicates[0].trashed);
    CHECK(json::dump(to_json(out)).find("\"trashed\":true") != std::string::npos);
  }
}
