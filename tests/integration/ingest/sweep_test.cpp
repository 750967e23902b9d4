#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "../../unit/publication/zip_maker.hpp"
#include "ingest/covers.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/sweep.hpp"
#include "library/book.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

struct quiet final : jobs::progress {
  void report(std::int64_t, std::optional<std::int64_t>) override {}
  bool stopping() const override { return false; }
};

void make_old(const fs::path& p) {
  struct timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ::utimensat(AT_FDCWD, p.c_str(), times, 0);
}

}  // namespace

TEST_CASE("the sweep removes old attic files and leaves young ones and foreign things") {
  workbench b;
  write(b.inbox / "a.epub", epub({}));
  write(b.inbox / "b.epub", epub({.title = "B", .text = "b"}));
  b.take({b.inbox}, false);
  std::vector<fs::path> attic = b.files("attic");
  REQUIRE(attic.size() == 2);
  make_old(attic[0].parent_path());
  write(b.data / "attic" / "mine" / "note.txt", "x");
  make_old(b.data / "attic" / "mine");
  quiet p;
  swept out = sweep_store(b.with, p);
  CHECK(out.attic_files == 1);
  CHECK_FALSE(fs::exists(attic[0]));
  CHECK(fs::exists(attic[1]));
  CHECK(fs::exists(b.data / "attic" / "mine" / "note.txt"));
  CHECK(b.files("library").size() == 2);
}

TEST_CASE("a book that was long in the trash goes with its file; another one stays") {
  workbench b;
  write(b.inbox / "a.epub", epub({.title = "Old"}));
  write(b.inbox / "b.epub", epub({.title = "Young", .text = "b"}));
  outcome in = b.take({b.inbox});
  b.pool.write_now([&](db::tx& tx) {
    library::trash_books(tx, {in.added.at(0).book, in.added.at(1).book}, {});
    tx.script("update books set deleted_at = now() - interval '31 days' where title = 'Old'");
  });
  quiet p;
  swept out = sweep_store(b.with, p);
  CHECK(out.books == 1);
  CHECK(out.book_files == 1);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(b.files("library").size() == 1);
  // The same file may come in again.
  CHECK(b.take({b.inbox / "a.epub"}).added.size() == 1);
}

TEST_CASE("quarantine keeps its files until a person has put them away") {
  workbench b;
  write(b.inbox / "bad.epub", "PK\3\4 nothing");
  b.take({b.inbox}, false);
  quiet p;
  CHECK(sweep_store(b.with, p).quarantine_files == 0);
  b.pool.write_now([](db::tx& tx) { tx.script("update ingest_items set dismissed_at = now() - interval '31 days'"); });
  CHECK(sweep_store(b.with, p).quarantine_files == 1);
  CHECK(b.files("quarantine").empty());
}

TEST_CASE("larger renditions are cut afterwards, once") {
  workbench b;
  write(b.inbox / "a.epub", epub({.cover = publication::test::make_png(1000, 2000)}));
  write(b.inbox / "b.epub", epub({.title = "B", .text = "b", .cover = publication::test::make_png(700, 900)}));
  b.take({b.inbox});
  quiet p;
  CHECK(cut_renditions(b.with, p) == 5);  // 600 and the box of a Kobo's lists; 1600 would not be smaller than the second
  CHECK(cut_renditions(b.with, p) == 0);
}

TEST_CASE("a cover that an undo may need, or that a source offers, is not swept; one that nobody needs is") {
  workbench b;
  write(b.inbox / "a.epub", epub({}));
  b.take({b.inbox});
  b.pool.write_now([&](db::tx& tx) {
    tx.script(R"sql(
      insert into covers (id, sha256, mime, width, height, bytes, source, storage_path, created_at)
      select gen_random_uuid(), w, 'image/png', 1, 1, 1, 'embedded', 'covers/' || w, now() - interval '90 days'
        from unnest(array['before', 'offered', 'nobodys']) w;
      insert into metadata_changes (id, book_id, group_id, field, old, new, actor)
      select gen_random_uuid(), (select id from books), gen_random_uuid(), 'cover',
             jsonb_build_object('exact', jsonb_build_object('id', c.id)), '{}', 'ada' from covers c where c.sha256 = 'before';
      update book_metadata_candidates set normalized = normalized || '{"cover": {"sha256": "offered"}}')sql");
  });
  quiet p;
  sweep_store(b.with, p);
  CHECK(b.number("select count(*) from covers where sha256 in ('before', 'offered')") == 2);
  CHECK(b.number("select count(*) from covers where sha256 = 'nobodys'") == 0);
}
