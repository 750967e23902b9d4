// Importing a Calibre library once more: after changes on either side, and after an interruption.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>

#include "calibre_workbench.hpp"
#include "library/book.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

// The number of the signal that ended the import, or 0.
int import_and_die(const importer& b, step s, int count) {
  std::vector<std::string> a{
      INGEST_HELPER,         "import", b.database.url(), b.data, b.store.cache(), std::to_string(static_cast<int>(s)),
      std::to_string(count), b.calibre};
  std::vector<char*> argv;
  for (std::string& one : a) argv.push_back(one.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  REQUIRE(::posix_spawn(&pid, INGEST_HELPER, nullptr, nullptr, argv.data(), environ) == 0);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace

TEST_CASE("the same import again changes nothing") {
  importer b;
  {
    calibre_maker m(b.calibre);
    calibre_book one = small("One");
    one.files.push_back({"TXT", "The same words as plain text, and enough of them to be one.\n"});
    one.cover = publication::test::make_png(60, 90);
    m.add(one);
    m.add(small("Two"));
  }
  b.import();
  std::string rows = b.rows();
  import_outcome o = b.import();
  CHECK(o.unchanged == 2);
  CHECK(o.files.added.empty());
  CHECK(o.files.duplicates.size() == 3);
  CHECK(b.rows() == rows);
}

TEST_CASE("what was changed in Calibre comes over, what was edited here stays, and other books are not touched") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("One"));
    m.add(small("Two"));
  }
  b.import();
  uuid one = *uuid::parse(b.text("select id::text from books where title = 'One'"));
  std::string two = b.text("select b::text from books b where title = 'Two'");
  b.pool.write_now([&](db::tx& tx) {
    return library::edit_book(tx, one, {{"title", "Mine"}, {"tags", json::array{"Own"}}}, {std::nullopt, "test"}).value();
  });
  calibre_maker::reopen(b.calibre)->run(
      "update books set title = 'Theirs', sort = 'Theirs', author_sort = 'Lark, A.', last_modified = '2022-01-02 03:04:05+00:00' "
      "where id = 1;"
      "insert into tags (name) values ('Sea'); insert into books_tags_link (book, tag) values (1, 1);"
      "insert into publishers (name) values ('Press'); insert into books_publishers_link (book, publisher) values (1, 1)");
  import_outcome o = b.import();
  CHECK(o.updated == 1);
  CHECK(o.unchanged == 1);
  CHECK(b.text("select title || '|' || title_sort || '|' || publisher || '|' || author_sort || '|' || tags::text from books "
               "where id = '" +
               one.text() + "'") == "Mine|Mine|Press|Lark, A.|{Own}");
  CHECK(b.text("select field_sources->>'title' || ' ' || (field_sources->>'publisher') from books where id = '" + one.text() +
               "'") == "user calibre");
  CHECK(b.text("select b::text from books b where title = 'Two'") == two);
  CHECK(b.number("select count(*) from audit where action = 'book.import'") == 1);
  std::string rows = b.rows();
  CHECK(b.import().updated == 0);
  CHECK(b.rows() == rows);
}

TEST_CASE("a new time of change with the same values leaves the book as it is") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("One"));
    m.run(
        "insert into identifiers (book, type, val) values (1, 'google', 'abc'), (1, 'doi', '10.1/x'), (1, 'goodreads', '7');"
        "insert into comments (book, text) values (1, '<p>Text</p>')");
  }
  b.import();
  std::string book = b.text("select b::text from books b");
  std::int64_t revision = b.number("select revision from catalog_revision");
  calibre_maker::reopen(b.calibre)->run("update books set last_modified = '2022-01-02 03:04:05+00:00'");
  CHECK(b.import().unchanged == 1);
  CHECK(b.text("select b::text from books b") == book);
  CHECK(b.number("select revision from catalog_revision") == revision);
}

TEST_CASE("an emptied value takes nothing away") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("One"));
    m.run("insert into publishers (name) values ('Press'); insert into books_publishers_link (book, publisher) values (1, 1)");
  }
  b.import();
  calibre_maker::reopen(b.calibre)->run("delete from books_publishers_link; update books set last_modified = '2022'");
  b.import();
  CHECK(b.text("select publisher from books") == "Press");
}

TEST_CASE("new books, new formats and a new cover are added") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("One"));
  }
  uuid one = b.import().files.added.at(0).book;
  std::string cover = publication::test::make_png(60, 90);
  {
    auto m = calibre_maker::reopen(b.calibre);
    m->add(small("Two"));
    m->run(
        "insert into data (book, format, name) values (1, 'TXT', 'book'); update books set last_modified = '2022' where id = 1");
    write(m->folder_of(1) / "book.txt", "The same words as plain text, and enough of them to be one.\n");
    write(m->folder_of(1) / "cover.jpg", cover);
  }
  import_outcome o = b.import();
  INFO(json::dump(to_json(o)));
  CHECK(o.added == 1);
  CHECK(o.updated == 1);
  REQUIRE(o.files.added.size() == 2);
  CHECK(o.files.added[0].book == one);
  CHECK(b.text("select string_agg(format, ' ' order by format) from book_files where book_id = '" + one.text() + "'") ==
        "epub txt");
  CHECK(b.text("select c.sha256 from books b join covers c on c.id = b.cover_id where b.id = '" + one.text() + "'") ==
        sha256_hex(cover));
  std::string rows = b.rows();
  b.import();
  CHECK(b.rows() == rows);
}

TEST_CASE("a file that Calibre wrote anew is the same file of the same book") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("One"));
  }
  import_outcome first = b.import();
  std::string old_bytes = read(b.calibre / "Author" / "Title (1)" / "book.epub"),
              new_bytes = small("One", " polished").files[0].bytes;
  write(b.calibre / "Author" / "Title (1)" / "book.epub", new_bytes);
  import_outcome o = b.import();
  INFO(json::dump(to_json(o)));
  CHECK(o.files_replaced == 1);
  REQUIRE(o.files.added.size() == 1);
  CHECK(o.files.added[0].file == first.files.added[0].file);
  CHECK(b.text("select string_agg(checksum, ' ') from book_files") == sha256_hex(new_bytes));
  REQUIRE(b.files("library").size() == 1);
  CHECK(read(b.files("library")[0]) == new_bytes);
  REQUIRE(b.files("attic").size() == 1);
  CHECK(read(b.files("attic")[0]) == old_bytes);
  std::string rows = b.rows();
  b.import();
  CHECK(b.rows() == rows);
}

TEST_CASE("a file that Calibre renamed and wrote anew is the same file of the same book") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("One"));
  }
  import_outcome first = b.import();
  std::string new_bytes = small("One", " polished").files[0].bytes;
  fs::path folder = b.calibre / "Author" / "Renamed (1)";
  fs::rename(b.calibre / "Author" / "Title (1)", folder);
  fs::rename(folder / "book.epub", folder / "renamed.epub");
  write(folder / "renamed.epub", new_bytes);
  calibre_maker::reopen(b.calibre)->run(
      "update books set path = 'Author/Renamed (1)', last_modified = '2030-01-01 00:00:00+00:00'; update data set name = "
      "'renamed'");
  import_outcome o = b.import();
  INFO(json::dump(to_json(o)));
  CHECK(o.files_replaced == 1);
  REQUIRE(o.files.added.size() == 1);
  CHECK(o.files.added[0].file == first.files.added.at(0).file);
  CHECK(b.text("select string_agg(checksum, ' ') from book_files") == sha256_hex(new_bytes));
}

TEST_CASE("killed anywhere, an import that is run again ends as if nothing had been") {
  for (step s : {step::probed, step::hashed, step::folder_made, step::in_staging, step::placed, step::stored}) {
    for (int count : {1, 2, 3}) {
      importer b;
      INFO("step " << static_cast<int>(s) << ", time " << count);
      {
        calibre_maker m(b.calibre);
        calibre_book one = small("One");
        one.files.push_back({"TXT", "The same words as plain text, and enough of them to be one.\n"});
        m.add(one);
        m.add(small("Two"));
      }
      std::string before = state_of(b.calibre);
      CHECK(import_and_die(b, s, count) == SIGKILL);
      b.recover();  // a server that starts in between leaves it alone
      CHECK(b.number("select count(*) from books b where not exists (select from imported_books i where i.book_id = b.id)") == 0);
      import_outcome o = b.import();
      INFO(json::dump(to_json(o)));
      CHECK(o.files.failed.empty());
      CHECK(b.text("select string_agg(title, ' ' order by title) from books where status = 'organized'") == "One Two");
      CHECK(b.text("select string_agg(f.format, ' ' order by f.format) from book_files f join books b on b.id = f.book_id"
                   " where b.title = 'One'") == "epub txt");
      CHECK(b.number("select count(*) from book_files") == 3);
      CHECK(b.number("select count(*) from ingest_items where state <> 'organised'") == 0);
      CHECK(b.files("library").size() == 3);
      CHECK(b.files("staging").empty());
      CHECK(state_of(b.calibre) == before);
      std::string rows = b.rows();
      b.import();
      CHECK(b.rows() == rows);
    }
  }
}

TEST_CASE("an import that is asked to end says what it did, and the next one does the rest") {
  importer b;
  {
    calibre_maker m(b.calibre);
    for (int i = 0; i < 12; ++i) m.add(small("Book " + std::to_string(i)));
  }
  std::stop_source ask;
  import_options o;
  o.stop = ask.get_token();
  auto out = import_calibre(b.with, b.calibre, o, [&](std::int64_t, std::int64_t) { ask.request_stop(); });
  REQUIRE(out);
  REQUIRE(out->files.interrupted);
  CHECK(out->seen < 12);
  CHECK(out->added == b.number("select count(*) from books"));
  CHECK(b.import().added == 12 - out->added);
}
