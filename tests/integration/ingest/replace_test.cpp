#include "ingest/replace.hpp"

#include <catch2/catch.hpp>

#include "../../unit/publication/pdf_maker.hpp"
#include "server/core/digest.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

struct shelf {
  shelf() {
    write(b.inbox / "x.epub", old_bytes);
    added_file a = b.take({b.inbox}).added.at(0);
    book = a.book;
    file = a.file;
  }
  std::optional<error> put(const std::string& bytes) {
    fs::path staged = b.data / "staging" / ("upload-" + uuid::make().text());
    write(staged, bytes);
    std::optional<error> bad = replace_file(b.with, file, staged, {});
    CHECK_FALSE(fs::exists(staged));
    return bad;
  }
  std::string column(const std::string& name) {
    return b.text("select " + name + "::text from book_files where id = '" + file.text() + "'");
  }

  workbench b;
  std::string old_bytes = epub({}), new_bytes = epub({.text = "Once there was a better book."});
  uuid book, file;
};

}  // namespace

TEST_CASE(
    "new bytes for a file: same book, same file, new fingerprints, the old bytes in the attic and their prints still known") {
  shelf s;
  std::string old_sum = s.column("checksum"), old_koreader = s.column("koreader_md5"), old_path = s.column("storage_path");
  REQUIRE_FALSE(s.put(s.new_bytes));
  CHECK(s.b.number("select count(*) from books") == 1);
  CHECK(s.b.number("select count(*) from book_files") == 1);
  CHECK(s.column("book_id") == s.book.text());
  CHECK(s.column("checksum") != old_sum);
  CHECK(s.column("koreader_md5") != old_koreader);
  CHECK(s.column("file_size") == std::to_string(s.new_bytes.size()));
  CHECK(read(s.b.store.absolute(s.column("storage_path"))) == s.new_bytes);
  CHECK_FALSE(fs::exists(s.b.store.absolute(old_path)));
  REQUIRE(s.b.files("attic").size() == 1);
  CHECK(read(s.b.files("attic")[0]) == s.old_bytes);
  CHECK(s.b.number("select count(*) from book_file_hashes where hash = '" + old_koreader + "'") > 0);
  CHECK(s.b.number("select count(*) from book_file_hashes where hash = '" + s.column("koreader_md5") + "'") > 0);
  CHECK(s.b.files("library").size() == 1);
  CHECK(s.b.text("select kobo_file::text from books") == s.file.text());
}

TEST_CASE("the same bytes replace nothing") {
  shelf s;
  std::string rows = s.b.rows_of_everything();
  CHECK_FALSE(s.put(s.old_bytes));
  CHECK(s.b.rows_of_everything() == rows);
  CHECK(s.b.files("attic").empty());
}

TEST_CASE("bytes of another kind, damaged ones and those of another book are refused and change nothing") {
  shelf s;
  write(s.b.folder / "other" / "y.epub", epub({.title = "Y", .text = "y"}));
  s.b.take({s.b.folder / "other"});
  std::string rows = s.b.rows_of_everything();
  CHECK(s.put(publication::test::pdf{}.bytes())->field == "format");
  CHECK(s.put("PK\3\4 nothing")->field == "archive_corrupt");
  CHECK(s.put(epub({.title = "Y", .text = "y"}))->field == "duplicate_file");
  CHECK(s.b.rows_of_everything() == rows);
  CHECK(read(s.b.store.absolute(s.column("storage_path"))) == s.old_bytes);
}

TEST_CASE("new bytes whose name in the library is taken by a damaged file are stored all the same") {
  shelf s;
  fs::path target = s.b.store.absolute(s.b.store.path_for(sha256_hex(s.new_bytes), ".epub"));
  write(target, "rotten");
  REQUIRE_FALSE(s.put(s.new_bytes));
  CHECK(read(s.b.store.absolute(s.column("storage_path"))) == s.new_bytes);
  CHECK(s.b.files("attic").size() == 2);
}

TEST_CASE("old bytes that another book has by the time they are replaced stay in the library") {
  shelf s;
  std::string old_path = s.column("storage_path");
  // As if they had come in again between the change of the row and the removal of the file.
  s.b.pool.write_now([](db::tx& tx) {
    tx.script(R"sql(
      create function came_again() returns trigger language plpgsql as $$
        begin
          insert into book_files (id, book_id, format, original_name, storage_path, file_size, checksum)
          values (gen_random_uuid(), old.book_id, old.format, 'again.epub', old.storage_path, old.file_size, old.checksum);
          return null;
        end $$;
      create trigger came_again after update on book_files for each row when (old.checksum <> new.checksum)
        execute function came_again())sql");
  });
  REQUIRE_FALSE(s.put(s.new_bytes));
  CHECK(read(s.b.store.absolute(old_path)) == s.old_bytes);
}

TEST_CASE("what new bytes say of the book is a suggestion; its fields stay as they are") {
  shelf s;
  std::string title = s.b.text("select title from books");
  REQUIRE_FALSE(s.put(epub({.title = "Another Title", .text = "Once there was a better book."})));
  CHECK(s.b.text("select title from books") == title);
  CHECK(s.b.number("select count(*) from book_metadata_candidates where source = 'embedded'") == 1);
  CHECK(s.b.text("select normalized->>'title' from book_metadata_candidates where source = 'embedded'") == "Another Title");
}
