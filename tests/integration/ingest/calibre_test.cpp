// The books of a Calibre library come in with what Calibre says (ingest.md 16).

#include <cstdlib>
#include <random>

#include "calibre_workbench.hpp"
#include "library/book.hpp"
#include "server/core/text.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

TEST_CASE("a book of Calibre is one book with all its formats, and Calibre's words win over the file's") {
  importer b;
  std::string cover = publication::test::make_png(60, 90);
  {
    calibre_maker m(b.calibre);
    calibre_book one = small("Calibre's Title");
    one.files.push_back({"TXT", "The same words as plain text, and enough of them to be one.\n"});
    one.files.push_back({"ORIGINAL_EPUB", "older bytes"});
    one.cover = cover;
    m.add(one);
    m.run(
        "insert into tags (name) values ('Sea'); insert into books_tags_link (book, tag) values (1, 1);"
        "insert into series (name) values ('Saga'); insert into books_series_link (book, series) values (1, 1);"
        "update books set series_index = 2.5;"
        "insert into ratings (rating) values (8); insert into books_ratings_link (book, rating) values (1, 1);"
        "insert into custom_columns (label, datatype, normalized) values ('read', 'bool', 0);"
        "create table custom_column_1 (id integer primary key, book integer, value bool);"
        "insert into custom_column_1 (book, value) values (1, 1)");
  }
  std::string before = state_of(b.calibre);
  import_outcome o = b.import();
  INFO(json::dump(to_json(o)));
  CHECK(o.added == 1);
  CHECK(o.files.added.size() == 2);
  CHECK(o.files.failed.empty());
  CHECK(o.oddities.empty());
  CHECK(state_of(b.calibre) == before);
  CHECK(b.number("select count(*) from books where status = 'organized'") == 1);
  CHECK(b.text("select string_agg(format, ' ' order by format) from book_files") == "epub txt");
  CHECK(b.text("select title || '|' || author || '|' || author_sort || '|' || series_index || '|' || published_on from books") ==
        "Calibre's Title|Ada Lark|Lark, Ada|2.500|2011-05-04");
  CHECK(b.text("select tags::text from books") == "{Sea}");
  CHECK(b.text("select extract(epoch from created_at)::bigint::text from books") == "1577934245");
  CHECK(b.number("select count(*) from book_tags t join books b on b.id = t.book_id where t.added_at = b.created_at") == 1);
  CHECK(b.text("select field_sources->>'title' || (field_sources->>'series') || (field_sources->>'authors') from books") ==
        "calibrecalibrecalibre");
  CHECK(b.number("select count(*) from books where locked_fields = '{}'") == 1);
  CHECK(b.text("select identifiers->>'calibre_uuid' from books") == "00000000-0000-4000-8000-000000000001");
  CHECK(b.text("select c.source || ' ' || c.sha256 from books b join covers c on c.id = b.cover_id") ==
        "calibre " + sha256_hex(cover));
  std::string candidate = " from book_metadata_candidates where source = 'calibre'";
  CHECK(b.text("select confidence::text || ' ' || (normalized->>'rating') || ' ' || "
               "(normalized->'facts'->'calibre_columns'->>'read')" +
               candidate) == "1.0000 4 yes");
  CHECK(b.number("select count(*) " + candidate + " and 'title' = any (selected_fields)") == 1);
  CHECK(b.text("select normalized->>'title' from book_metadata_candidates where source = 'embedded' and source_key = ''") ==
        "Inside Calibre's Title");
}

TEST_CASE("what Calibre does not know comes from the file") {
  importer b;
  {
    calibre_maker m(b.calibre);
    calibre_book one{.title = "Known"};
    one.files = {{"EPUB", epub({.isbn = "9780306406157"})}};
    m.add(one);
    m.run("insert into identifiers (book, type, val) values (1, 'google', 'abc')");
  }
  b.import();
  CHECK(b.text("select isbn_13 || ' ' || (identifiers->>'google') || ' ' || language from books") == "9780306406157 abc en");
  CHECK(b.text("select field_sources->>'languages' from books") == "embedded");
  CHECK(b.text("select status::text || approved_by_rule from books") == "organizedtrue");  // no person did that
}

TEST_CASE("oddities are told, and none of them keeps the other books out") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("Good"));
    calibre_book missing = small("Half");
    missing.files.push_back({"MOBI", ""});
    m.add(missing);
    calibre_book gone{.title = "Gone"};
    gone.files = {{"EPUB", ""}};
    m.add(gone);
    m.add({.title = "Never had one"});
    calibre_book bad{.title = "Bad"};
    bad.files = {{"EPUB", "PK\3\4 nothing"}};
    m.add(bad);
    calibre_book ugly = small("Ugly");
    ugly.cover = "no picture";
    m.add(ugly);
    m.run("pragma user_version = 30");
  }
  write(b.calibre / "Author" / "stranger.epub", epub({.title = "Stranger"}));
  write(b.calibre / ".caltrash" / "b" / "1" / "old.epub", "old");
  write(b.calibre / "Author" / "Title (1)" / "data" / "notes.txt", "notes");
  write(b.calibre / "metadata_db_prefs_backup.json", "{}");
  std::string before = state_of(b.calibre);
  import_outcome o = b.import();
  INFO(json::dump(to_json(o)));
  CHECK(o.books == 6);
  CHECK(o.added == 3);
  CHECK(o.without_files == 2);
  CHECK(o.failed == 1);
  CHECK(codes(o.files) == "book.epub=archive_corrupt ");
  CHECK(o.files_missing == 2);
  CHECK(o.files_unknown == 1);
  CHECK(b.oddities(o) ==
        "calibre_newer file_missing file_missing calibre_no_files calibre_no_files cover_unreadable calibre_unknown_file ");
  CHECK(o.oddities[1].number == 2);
  CHECK(o.oddities.back().path == (fs::canonical(b.calibre) / "Author" / "stranger.epub").native());
  CHECK(b.number("select count(*) from books") == 3);
  CHECK(state_of(b.calibre) == before);
  CHECK(b.files("quarantine").empty());
  std::string rows = b.rows();
  CHECK(b.oddities(b.import()).find("calibre_no_files") != std::string::npos);
  CHECK(b.rows() == rows);
}

TEST_CASE("two books of Calibre with the same words or bytes stay two, but no bytes are stored twice") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("Same"));
    m.add(small("Same"));            // the same file
    m.add(small("Same", " again"));  // another edition
  }
  import_outcome o = b.import();
  INFO(json::dump(to_json(o)));
  CHECK(o.added == 2);
  CHECK(o.failed == 1);  // and it is said
  CHECK(b.oddities(o) == "calibre_same_file ");
  CHECK(o.files.duplicates.size() == 1);
  CHECK(b.number("select count(*) from books where status = 'organized' and possible_duplicate_of is null") == 2);
  CHECK(b.number("select count(*) from book_files") == 2);
}

TEST_CASE("a file that came another way before is the same book, and Calibre's words go to it") {
  importer b;
  calibre_book one = small("From Calibre");
  {
    calibre_maker m(b.calibre);
    one.files.push_back({"TXT", "The same words as plain text, and enough of them to be one.\n"});
    m.add(one);
  }
  write(b.inbox / "x.epub", one.files[0].bytes);
  uuid book = b.take({b.inbox / "x.epub"}, true, false).added.at(0).book;
  CHECK(b.text("select status::text from books") == "review");
  import_outcome o = b.import();
  INFO(json::dump(to_json(o)));
  CHECK(o.files.duplicates.size() == 1);
  CHECK(b.text("select title || ' ' || status::text from books where id = '" + book.text() + "'") == "From Calibre organized");
  CHECK(b.number("select count(*) from imported_books") == 1);
}

TEST_CASE("a book in the trash stays there") {
  importer b;
  { calibre_maker(b.calibre).add(small("Unwanted")); }
  uuid book = b.import().files.added.at(0).book;
  b.pool.write_now([&](db::tx& tx) { return library::trash_books(tx, {book}, {std::nullopt, "test"}); });
  std::string rows = b.rows();
  import_outcome o = b.import();
  CHECK(b.oddities(o) == "calibre_trashed ");
  CHECK(o.files.added.empty());
  CHECK(b.rows() == rows);
}

TEST_CASE("a dry run says what would happen and writes nothing") {
  importer b;
  {
    calibre_maker m(b.calibre);
    m.add(small("One"));
    m.add(small("Two"));
    m.add(small("Two"));
    m.add({.title = "Without"});
  }
  std::string rows = b.rows();
  std::vector<fs::path> files = b.files("");
  import_outcome o = b.import(true);
  INFO(json::dump(to_json(o)));
  CHECK(o.added == 2);
  CHECK(o.without_files == 1);
  CHECK(o.files.added.size() == 2);
  CHECK(o.files.added[0].book.is_nil());
  CHECK(o.files.added[0].status == "organized");
  REQUIRE(o.files.duplicates.size() == 1);
  CHECK_FALSE(o.files.duplicates[0].same_as.empty());
  CHECK(b.rows() == rows);
  CHECK(b.files("") == files);

  CHECK(b.import().added == 2);
  { calibre_maker::reopen(b.calibre)->run("update books set title = 'New', last_modified = '2022' where id = 1"); }
  rows = b.rows();
  import_outcome later = b.import(true);
  CHECK(later.updated == 1);
  CHECK(later.added == 0);
  CHECK(b.rows() == rows);
  CHECK(b.import().updated == 1);
}

TEST_CASE("what is no Calibre library, or one of Carrel's own folders, is refused and changes nothing") {
  importer b;
  fs::create_directories(b.calibre);
  std::string rows = b.rows();
  CHECK(import_calibre(b.with, b.calibre, {}).error().code == "calibre_no_library");
  write(b.calibre / "metadata.db",
        "no database, but long enough to be taken for the beginning of one, which it is not....................");
  CHECK(import_calibre(b.with, b.calibre, {}).error().code == "calibre_damaged");
  CHECK(import_calibre(b.with, b.data / "library", {}).error().code == "folder_unavailable");
  CHECK(b.rows() == rows);
  CHECK(b.files("staging").empty());
}

TEST_CASE("whatever is damaged in metadata.db, an import ends with an account and no file of Calibre's is touched") {
  importer b;
  {
    calibre_maker m(b.calibre);
    for (int i = 0; i < 6; ++i) m.add(small("Book " + std::to_string(i)));
  }
  std::string good = read(b.calibre / "metadata.db");
  std::mt19937 random(11);  // NOLINT: the same every time
  for (int round = 0; round < 25; ++round) {
    std::string bad = good;
    for (int i = 0; i < 1 + round; ++i) bad[100 + random() % (bad.size() - 100)] = static_cast<char>(random());
    write(b.calibre / "metadata.db", bad);
    std::string before = state_of(b.calibre);
    result<import_outcome, publication::refusal> o = import_calibre(b.with, b.calibre, {});
    if (!o) CHECK(o.error().code.starts_with("calibre_"));
    CHECK(state_of(b.calibre) == before);
    CHECK(b.files("staging").empty());
  }
  write(b.calibre / "metadata.db", good);
  import_outcome o = b.import();
  CHECK(o.failed + o.without_files == 0);
  CHECK(b.number("select count(*) from book_files") == 6);
}

TEST_CASE("the corpus' Calibre library comes in as its manifest says, and a second time nothing changes") {
  fs::path maker = harness::shared_folder() / "corpus" / "make_corpus.py";
  if (!fs::exists(maker)) {
    WARN("no ../shared/corpus here: this check did not run");
    return;
  }
  importer b;
  fs::path out = b.folder / "corpus";
  std::string command = "python3 '" + maker.native() + "' --out '" + out.native() + "' --epub 1 --calibre 20 > /dev/null";
  REQUIRE(std::system(command.c_str()) == 0);  // NOLINT
  b.calibre = out / "calibre-library";
  std::string before = state_of(b.calibre);
  import_outcome o = b.import();
  INFO(json::dump(to_json(o)));
  auto manifest = json::read_object(read(out / "manifest.json"));
  REQUIRE(manifest);
  std::int64_t books = 0, files = 0;
  for (const json::value& v : *manifest->find("calibre")->as_object()->find("books")->as_array()) {
    const json::object& e = *v.as_object();
    std::vector<std::string> formats;
    e.take("formats", formats);
    std::erase(formats, "ORIGINAL_EPUB");
    files += static_cast<std::int64_t>(formats.size());
    books += formats.empty() ? 0 : 1;
    std::string uuid_text;
    e.take("uuid", uuid_text);
    CHECK(b.number("select count(*) from imported_books i join book_files f on f.book_id = i.book_id where i.book_uuid = '" +
                   uuid_text + "'") == static_cast<std::int64_t>(formats.size()));
  }
  CHECK(o.added == books);
  CHECK(o.files.failed.empty());
  CHECK(b.number("select count(*) from books where status = 'organized'") == books);
  CHECK(b.number("select count(*) from book_files") == files);
  CHECK(state_of(b.calibre) == before);
  std::string rows = b.rows();
  import_outcome again = b.import();
  CHECK(again.added + again.updated == 0);
  CHECK(again.unchanged == books);
  CHECK(b.rows() == rows);
}

TEST_CASE("columns are the fields, and tags the genres, that settings make of them") {
  auto bring = [](const char* tags) {
    importer b;
    b.with.how.calibre_tags = tags;
    b.with.how.calibre_columns = {{"keywords", "tags"}};
    {
      calibre_maker m(b.calibre);
      m.add(small("One"));
      m.run(
          "insert into tags (name) values ('Fantasy'), ('Sea'); insert into books_tags_link (book, tag) values (1, 1), (1, 2);"
          "insert into custom_columns (label, datatype, normalized) values ('keywords', 'text', 0);"
          "create table custom_column_1 (id integer primary key, book integer, value text);"
          "insert into custom_column_1 (book, value) values (1, 'Fog')");
    }
    b.import();
    return b.text("select array_to_string(genres, ' ') || ' / ' || array_to_string(tags, ' ') from books");
  };
  CHECK(bring("known") == "Fantasy / Sea Fog");
  CHECK(bring("genres") == "Fantasy Sea Fog / ");
  CHECK(bring("tags") == " / Fantasy Sea Fog");
}
