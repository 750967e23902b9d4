// Files beside books that are read in place (ingest.md 3.4, 15, 18).

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../unit/publication/zip_maker.hpp"
#include "in_place.hpp"
#include "ingest/company.hpp"
#include "library/book.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;
using publication::test::make_png;

namespace {

std::string opf(const std::string& title, const std::string& publisher = "Harbour House") {
  return "<package xmlns='http://www.idpf.org/2007/opf' version='2.0'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/' "
         "xmlns:opf='http://www.idpf.org/2007/opf'><dc:title>" +
         title + "</dc:title><dc:creator opf:role='aut'>Ada Fenwick</dc:creator><dc:publisher>" + publisher +
         "</dc:publisher></metadata></package>";
}

std::string title_of(in_place& t, const std::string& path) {
  return t.b.text("select coalesce((select b.title from books b join book_files f on f.book_id = b.id where f.storage_path = '" +
                  (t.root / path).native() + "'), '')");
}

std::int64_t waiting(in_place& t) { return t.b.number("select count(*) from library_sidecars where waiting"); }

// As somebody writes it who saves the file: other bytes, another time.
void rewrite(const fs::path& p, const std::string& bytes) {
  write(p, bytes);
  static std::int64_t at = 1'000'000;
  std::array<struct timespec, 2> times{{{.tv_sec = ++at, .tv_nsec = 0}, {.tv_sec = at, .tv_nsec = 0}}};
  REQUIRE(::utimensat(AT_FDCWD, p.c_str(), times.data(), 0) == 0);
}

}  // namespace

TEST_CASE("what lies beside a book that is read in place tells of it, and stays untouched") {
  in_place t;
  t.put("Fenwick/The Small Book/book.epub", {.title = "small book v2", .author = "unknown"});
  write(t.root / "Fenwick/The Small Book/metadata.opf", opf("The Small Book"));
  write(t.root / "Fenwick/The Small Book/cover.png", make_png(300, 400));
  std::string before = t.state_of_folder();
  t.scan();
  CHECK(title_of(t, "Fenwick/The Small Book/book.epub") == "The Small Book");
  CHECK(t.b.text("select publisher from books") == "Harbour House");
  CHECK(t.b.text("select c.source from books b join covers c on c.id = b.cover_id") == "sidecar");
  CHECK(t.b.number("select count(*) from book_metadata_candidates where source = 'sidecar_opf'") == 1);
  CHECK(waiting(t) == 0);
  CHECK(t.b.files("library").empty());
  CHECK(t.state_of_folder() == before);

  SECTION("a second look tells nothing again") {
    std::string rows = t.b.rows_of_everything();
    CHECK(t.look().beside == 0);
    CHECK(tell_beside(t.b.with, t.is, nullptr) == 0);
    CHECK(t.b.rows_of_everything() == rows);
  }
  SECTION("what is written there later is heard, but for what a person has chosen") {
    uuid book = *uuid::parse(t.b.text("select id from books"));
    REQUIRE(t.b.pool.write_now([&](db::tx& tx) {
      return library::edit_book(tx, book, json::object{{"title", "My own name for it"}}, {.user = {}, .name = "ada"});
    }));
    rewrite(t.root / "Fenwick/The Small Book/metadata.opf", opf("The Small Book, revised", "Another House"));
    CHECK(t.look().beside == 1);
    CHECK(tell_beside(t.b.with, t.is, nullptr) == 1);
    CHECK(t.b.text("select title from books") == "My own name for it");
    CHECK(t.b.text("select publisher from books") == "Another House");
  }
  SECTION("a file that was only touched does not bring back what a person has changed") {
    uuid book = *uuid::parse(t.b.text("select id from books"));
    t.b.pool.write_now([&](db::tx& tx) { tx.script("update books set publisher = ''"); });
    rewrite(t.root / "Fenwick/The Small Book/metadata.opf", opf("The Small Book"));
    CHECK(t.look().beside == 1);
    CHECK(tell_beside(t.b.with, t.is, nullptr) == 0);
    CHECK(waiting(t) == 0);
    CHECK(t.b.text("select publisher from books where id = '" + book.text() + "'").empty());
  }
  SECTION("what it said stays when it is gone") {
    fs::remove(t.root / "Fenwick/The Small Book/metadata.opf");
    t.scan();
    CHECK(t.b.text("select title from books") == "The Small Book");
    CHECK(t.b.number("select count(*) from library_sidecars") == 1);
  }
}

TEST_CASE("files beside a book may be there before it") {
  in_place t;
  write(t.root / "a/metadata.opf", opf("The Small Book"));
  t.scan();
  CHECK(waiting(t) == 0);
  t.put("a/book.epub", {.title = "small book v2"});
  t.scan();
  CHECK(title_of(t, "a/book.epub") == "The Small Book");

  fs::create_directories(t.root / "b");
  write(t.root / "b/metadata.opf", opf("The Small Book in b", "House b"));
  t.scan();
  fs::rename(t.root / "a/book.epub", t.root / "b/book.epub");
  t.scan();
  CHECK(t.b.text("select publisher from books") == "House b");
}

TEST_CASE("of several books in a folder each hears only what bears its name") {
  in_place t;
  t.put("one.epub", {.title = "first v1", .text = "One."});
  t.put("two.epub", {.title = "second v1", .text = "Two."});
  write(t.root / "metadata.opf", opf("Neither"));
  write(t.root / "one.opf", opf("first v1: the whole of it"));
  write(t.root / "cover.png", make_png(300, 400));
  t.scan();
  CHECK(title_of(t, "one.epub") == "first v1: the whole of it");
  CHECK(title_of(t, "two.epub") == "second v1");
  CHECK(t.b.number("select count(*) from books where cover_id is not null") == 0);
  CHECK(waiting(t) == 0);
}

TEST_CASE("a folder of Calibre's is one book, whatever its files are called") {
  in_place t;
  t.put("Fenwick/Two (7)/Two.epub", {.title = "Two"});
  write(t.root / "Fenwick/Two (7)/Two in pictures.cbz", publication::test::make_zip({{"1.png", make_png(200, 300)}}));
  write(t.root / "Fenwick/Two (7)/metadata.opf", opf("Two, told by Calibre"));
  t.scan();
  CHECK(t.books() == 1);
  CHECK(t.b.text("select title from books") == "Two, told by Calibre");
  CHECK(t.b.number("select count(*) from book_files") == 2);
}

TEST_CASE("a file beside a book that may not be read waits until it may") {
  if (::geteuid() == 0) return;  // root may read everything
  in_place t;
  t.put("a/book.epub", {.title = "The Small Book"});
  write(t.root / "a/metadata.opf", opf("The Small Book, told"));
  ::chmod((t.root / "a/metadata.opf").c_str(), 0);
  t.scan();
  CHECK(t.b.text("select code from library_sidecars") == "source_unreadable");
  CHECK_FALSE(t.b.pool.read_now([&](db::tx& tx) { return waits_for_reading(tx, t.is.id); }));
  ::chmod((t.root / "a/metadata.opf").c_str(), 0644);
  t.scan();
  CHECK(title_of(t, "a/book.epub") == "The Small Book, told");
}

TEST_CASE("what cannot be read beside a book harms nobody, and is read again when it is another") {
  in_place t;
  t.put("a/book.epub", {.title = "The Small Book"});
  t.put("b/book.epub", {.title = "Another Book", .text = "Other words."});
  write(t.root / "a/metadata.opf", "this says nothing");
  write(t.root / "a/cover.png", "\x89PNG\r\n\x1a\n and then no more");
  write(t.root / "b/book.opf", opf("Another Book, at great length"));
  fs::resize_file(t.root / "b/book.opf", largest_sidecar + 1);
  write(t.b.folder / "secret.opf", opf("Another Book, told by a link"));
  fs::create_symlink(t.b.folder / "secret.opf", t.root / "b/metadata.opf");
  t.scan();
  CHECK(title_of(t, "a/book.epub") == "The Small Book");
  CHECK(title_of(t, "b/book.epub") == "Another Book");
  CHECK(t.b.text("select string_agg(code, ' ' order by code) from library_sidecars where code <> '' and not waiting") ==
        "cover_unreadable epub_bad_package file_too_large");
  CHECK(tell_beside(t.b.with, t.is, nullptr) == 0);
  rewrite(t.root / "a/metadata.opf", opf("The Small Book, at last"));
  t.scan();
  CHECK(title_of(t, "a/book.epub") == "The Small Book, at last");

  SECTION("a folder that became a link is not gone into") {
    fs::create_directories(t.b.folder / "outside");
    write(t.b.folder / "outside/metadata.opf", opf("The Small Book of somebody else"));
    rewrite(t.root / "a/metadata.opf", opf("The Small Book, again"));
    t.look();
    fs::rename(t.root / "a", t.root / ".away");
    fs::create_directory_symlink(t.b.folder / "outside", t.root / "a");
    tell_beside(t.b.with, t.is, nullptr);
    CHECK(t.b.text("select title from books where title like 'The Small%'") == "The Small Book, at last");
  }
}

TEST_CASE("a picture beside a book that is exchanged is the new cover, a chosen one stays") {
  in_place t;
  t.put("a/book.epub", {.title = "The Small Book"});
  write(t.root / "a/cover.png", make_png(300, 400));
  t.scan();
  std::string first = t.b.text("select cover_id from books");
  rewrite(t.root / "a/cover.png", make_png(330, 440));
  t.scan();
  std::string second = t.b.text("select cover_id from books");
  CHECK(second != first);
  t.b.pool.write_now([](db::tx& tx) { tx.script("update books set locked_fields = array['cover']"); });
  rewrite(t.root / "a/cover.png", make_png(360, 480));
  t.scan();
  CHECK(t.b.text("select cover_id from books") == second);
}
