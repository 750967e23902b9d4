// Calibre's stars and columns about reading become those of the person who brings the books (ingest.md 16).

#include "calibre_workbench.hpp"
#include "library/opinion.hpp"
#include "library/user.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

struct shelf_of_calibre : importer {
  shelf_of_calibre() {
    reader = with.pool.write_now([](db::tx& tx) { return library::add_user(tx, "ada", library::role::owner, std::nullopt).id; });
    calibre_maker m(calibre);
    for (const char* title : {"Read", "Wanted", "Silent"}) m.add(small(title));
    m.run(
        "insert into ratings (rating) values (9); insert into books_ratings_link (book, rating) values (1, 1);"
        "insert into custom_columns (label, datatype, normalized) values ('read', 'bool', 0), ('date_read', 'datetime', 0), "
        "('mystate', 'enumeration', 0);"
        "create table custom_column_1 (id integer primary key, book integer, value bool);"
        "create table custom_column_2 (id integer primary key, book integer, value timestamp);"
        "create table custom_column_3 (id integer primary key, book integer, value text);"
        "insert into custom_column_1 (book, value) values (1, 1), (2, 0);"
        "insert into custom_column_2 (book, value) values (1, '2021-03-15 00:00:00+00:00');"
        "insert into custom_column_3 (book, value) values (1, 'dnf'), (2, 'To Read')");
  }

  import_outcome bring(const std::string& column = "", bool dry_run = false) {
    import_options o;
    o.reader = reader;
    o.read_column = column;
    o.dry_run = dry_run;
    result<import_outcome, publication::refusal> out = import_calibre(with, calibre, o);
    REQUIRE(out);
    if (out->files.interrupted) std::rethrow_exception(out->files.interrupted);
    return std::move(*out);
  }

  std::string said() {
    return text(
        "select coalesce(string_agg(concat_ws(' ', b.title, o.state, o.rating, o.finished_on, o.state_by), ', ' order by "
        "b.title), '') "
        "from opinions o join books b on b.id = o.book_id");
  }

  uuid reader;
};

}  // namespace

TEST_CASE("stars and columns about reading become the reader's, and the same again changes nothing") {
  shelf_of_calibre s;
  CHECK(s.bring("", true).opinions == 2);
  CHECK(s.said().empty());
  CHECK(s.bring().opinions == 2);
  CHECK(s.said() == "Read read 9 2021-03-15 calibre, Wanted unread  calibre");
  import_outcome again = s.bring();
  CHECK(again.opinions == 0);
  CHECK(again.unchanged == 3);
  CHECK(s.bring("", true).opinions == 0);
}

TEST_CASE("a column that is named takes the place of the usual ones, also for books that came before") {
  shelf_of_calibre s;
  s.bring();
  CHECK(s.bring("#MyState").opinions == 2);
  CHECK(s.said() == "Read abandoned 9 2021-03-15 calibre, Wanted wanted  calibre");
}

TEST_CASE("without a reader nothing is said, and one who comes later gets theirs") {
  shelf_of_calibre s;
  s.import();
  CHECK(s.said().empty());
  CHECK(s.bring().opinions == 2);
}

TEST_CASE("what the reader said by hand stays, and what another import said since") {
  shelf_of_calibre s;
  s.bring();
  uuid book = *uuid::parse(s.text("select id::text from books where title = 'Read'"));
  s.with.pool.write_now([&](db::tx& tx) {
    library::opinion_change c;
    c.rating = 2;
    REQUIRE(library::change_opinion(tx, s.reader, book, c));
    publication::heard_opinion h;
    h.state = publication::reading_state::abandoned;
    const std::vector<library::import_word> words{{book, h}};
    const library::import_source goodreads{.name = "goodreads"};
    library::hear_import(tx, s.reader, goodreads, words, true);
  });
  CHECK(s.bring().opinions == 0);
  CHECK(s.said() == "Read abandoned 2 2021-03-15 goodreads, Wanted unread  calibre");
  calibre_maker::reopen(s.calibre)->run("update books set last_modified = '2030-01-01 00:00:00+00:00'");
  CHECK(s.bring().opinions == 1);
  CHECK(s.said() == "Read read 2 2021-03-15 calibre, Wanted unread  calibre");
}

TEST_CASE("tags of Calibre that are named like a genre are genres, and take the place of the file's subjects") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("One"));
    m.run("insert into tags (name) values ('Sci-Fi'), ('Boats'); insert into books_tags_link (book, tag) values (1, 1), (1, 2)");
  }
  b.import();
  CHECK(b.text("select genres::text || tags::text from books") == "{\"Science Fiction\"}{Boats}");
  CHECK(
      b.text("select (normalized->>'genres') || (normalized->>'tags') from book_metadata_candidates where source = 'calibre'") ==
      "[\"Science Fiction\"][\"Boats\"]");
  CHECK(b.import().unchanged == 1);
}
