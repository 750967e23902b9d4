// Managed with write-back: metadata.opf beside a book (product.md 3.2, ingest.md 15.1).

#include <csignal>
#include <fstream>

#include "../../unit/publication/zip_maker.hpp"
#include "ingest/merging.hpp"
#include "ingest/own_cover.hpp"
#include "ingest/sweep.hpp"
#include "server/jobs/queue.hpp"
#include "written_tree.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

struct quiet final : jobs::progress {
  void report(std::int64_t, std::optional<std::int64_t>) override {}
  bool stopping() const override { return false; }
};

// Another tree that is written beside, and the act that puts a book there.
struct second_tree {
  explicit second_tree(written& t) : bench(t), root(fs::canonical(t.b.folder) / "second"), names(root) {
    fs::create_directories(root);
    id = t.b.pool.write_now([&](db::tx& tx) {
      return library::add_library(tx, "Second", "managed", root.native(), std::string(default_pattern), ada);
    });
    REQUIRE_FALSE(link_trees(t.b.with));
    REQUIRE(set_write_back(t.b.with, id, library::every_field("side"), ada));
  }
  void take_over(const uuid& book) {
    REQUIRE(bench.b.pool.write_now([&](db::tx& tx) { return library::move_to_library(tx, book, id, ada); }) == 1);
    REQUIRE(organise_book(bench.b.with, is(), book, names));
  }
  library::book_library is() {
    return *bench.b.pool.read_now([&](db::tx& tx) { return library::find_library(tx, id); });
  }

  written& bench;
  fs::path root;
  tree_listing names;
  uuid id;
};

std::string code_of(const result<chosen_write_back>& r) { return r ? "" : r.error().field; }

}  // namespace

TEST_CASE("what is read in place and what lies in the store is never written back") {
  workbench b;
  fs::create_directories(b.folder / "there");
  uuid in_place = b.pool.write_now(
      [&](db::tx& tx) { return library::add_library(tx, "Read", "in_place", (b.folder / "there").native(), "", ada); });
  uuid store = b.pool.read_now([](db::tx& tx) { return library::libraries(tx).front().id; });
  for (const char* where : {"side", "files"}) {
    CHECK(code_of(set_write_back(b.with, in_place, library::every_field(where), ada)) == "library.read_only");
    CHECK(preview_write_back(b.with, in_place, library::every_field(where), 10).error().field == "library.read_only");
    CHECK(code_of(set_write_back(b.with, store, library::every_field(where), ada)) == "library.no_tree");
    // Nor by a way around it.
    for (const uuid& id : {in_place, store}) {
      auto around = [&](db::tx& tx) { library::set_write_choice(tx, id, library::every_field(where), ada); };
      CHECK_THROWS_AS(b.pool.write_now(around), db::failure);
    }
  }
  CHECK(b.number("select count(*) from jobs where kind = 'library.write'") == 0);
}

TEST_CASE("a choice is one of three, and names fields that there are") {
  using library::write_choice_of;
  CHECK(write_choice_of("off", {"nonsense"})->where.empty());
  CHECK(write_choice_of("side", {"tags", "title", "tags"})->fields == std::vector<std::string>{"title", "tags"});
  CHECK(write_choice_of("everywhere", {"title"}).error().field == "library.write_where");
  CHECK(write_choice_of("files", {"title", "shoe_size"}).error().field == "library.write_fields");
  CHECK(write_choice_of("files", {}).error().field == "library.write_fields");
  for (const library::write_choice& c :
       {library::write_choice{}, library::every_field("side"), *write_choice_of("files", {"date"})})
    CHECK(library::write_choice_from_text(library::to_text(c)) == c);
  for (const char* bad : {"", "side", "side ", "files x", "both title"}) CHECK_FALSE(library::write_choice_from_text(bad));
}

TEST_CASE("metadata.opf lies beside the book, says what the library says, and follows it") {
  written t("side");
  uuid book = t.take("x.epub");
  CHECK(t.settle().empty());
  CHECK(t.tree() == small_epub + "\n" + small_folder + "metadata.opf\n");
  CHECK(t.beside(small_folder + "metadata.opf").about.title == "The Small Book");
  std::string file = t.sum(small_epub);

  t.set(book, "publisher", "Press & Sons");
  t.set(book, "description", "<p>All of it</p>");
  CHECK(t.settle().empty());
  publication::metadata m = t.beside(small_folder + "metadata.opf").about;
  CHECK(m.publisher == "Press & Sons");
  CHECK(m.description_html == "<p>All of it</p>");
  CHECK(m.authors.at(0).name == "Ada Lark");
  CHECK(t.sum(small_epub) == file);

  // Another title is another folder: one side file, in the new one.
  t.set(book, "title", "Renamed");
  CHECK(t.settle().empty());
  CHECK(t.tree() == "Ada Lark/Renamed/Renamed - Ada Lark.epub\nAda Lark/Renamed/metadata.opf\n");
  CHECK_FALSE(fs::exists(t.root / small_folder));
  CHECK(t.state() == "written");
}

TEST_CASE("nothing is due any more when it is written, and looking again changes no file") {
  written t("side");
  uuid book = t.take("x.epub");
  t.settle();
  fs::file_time_type before = fs::last_write_time(t.root / small_folder / "metadata.opf");
  std::string rows = t.b.rows_of_everything();
  CHECK(t.due().empty());
  CHECK_FALSE(write_book(t.b.with, t.is(), t.choice(), book));
  CHECK(fs::last_write_time(t.root / small_folder / "metadata.opf") == before);
  CHECK(t.b.rows_of_everything() == rows);
}

TEST_CASE("only the fields that are chosen are said") {
  written t("side");
  uuid book = t.take("x.epub", {.isbn = "9783161484100"});
  t.set(book, "publisher", "Press");
  t.choose(*library::write_choice_of("side", {"title", "publisher"}));
  t.settle();
  publication::metadata m = t.beside(small_folder + "metadata.opf").about;
  CHECK(m.title == "The Small Book");
  CHECK(m.publisher == "Press");
  CHECK(m.authors.empty());
  CHECK(m.identifiers.empty());
  CHECK(m.languages.empty());
  t.choose(*library::write_choice_of("side", {"authors"}));
  t.settle();
  m = t.beside(small_folder + "metadata.opf").about;
  CHECK(m.title.empty());
  CHECK(m.authors.size() == 1);
}

TEST_CASE("ten changes are written once, after a moment without another") {
  written t("side");
  uuid book = t.take("x.epub");
  t.settle();
  for (int i = 0; i < 10; ++i) t.set(book, "publisher", "Press " + std::to_string(i));
  t.organise();
  library::book_library l = t.is();
  library::write_choice c = t.choice();
  auto due_after = [&](std::int64_t quiet) {
    return t.b.pool.read_now([&](db::tx& tx) { return library::books_to_write(tx, l, c, quiet, {}, 10); }).size();
  };
  CHECK(due_after(3600) == 0);
  CHECK(due_after(0) == 1);
  t.b.pool.write_now([](db::tx& tx) { tx.script("update books set updated_at = updated_at - interval '1 hour'"); });
  CHECK(due_after(3599) == 1);
}

TEST_CASE("a side file that somebody else wrote or changed stays as it is, and errata says so") {
  written t("side");
  uuid book = t.take("x.epub");
  t.organise();
  write(t.root / small_folder / "metadata.opf", "mine");
  CHECK(t.settle() == "side_file_there");
  CHECK(read(t.root / small_folder / "metadata.opf") == "mine");
  CHECK(t.b.number("select count(*) from side_files") == 0);

  fs::remove(t.root / small_folder / "metadata.opf");
  t.set(book, "publisher", "One");
  CHECK(t.settle().empty());
  std::ofstream(t.root / small_folder / "metadata.opf", std::ios::app) << "<!-- a note of mine -->";
  std::string theirs = read(t.root / small_folder / "metadata.opf");
  t.set(book, "publisher", "Two");
  CHECK(t.settle() == "side_file_changed");
  CHECK(read(t.root / small_folder / "metadata.opf") == theirs);
  // It moves with nobody: the book goes, the file stays.
  t.set(book, "title", "Renamed");
  CHECK(t.settle().empty());
  CHECK(read(t.root / small_folder / "metadata.opf") == theirs);
  CHECK(t.beside("Ada Lark/Renamed/metadata.opf").about.title == "Renamed");
  // One that was removed is written again.
  fs::remove(t.root / "Ada Lark/Renamed/metadata.opf");
  t.set(book, "publisher", "Three");
  CHECK(t.settle().empty());
  CHECK(t.beside("Ada Lark/Renamed/metadata.opf").about.publisher == "Three");
}

TEST_CASE("a link in the place of a side file or of its folder is not followed") {
  written t("side");
  uuid book = t.take("x.epub");
  t.organise();
  write(t.b.folder / "secret", "secret");
  fs::create_symlink(t.b.folder / "secret", t.root / small_folder / "metadata.opf");
  CHECK(t.settle() == "side_file_there");
  CHECK(read(t.b.folder / "secret") == "secret");
  fs::rename(t.root / "Ada Lark", t.b.folder / "elsewhere");
  fs::create_directory_symlink(t.b.folder / "elsewhere", t.root / "Ada Lark");
  CHECK_FALSE(write_book(t.b.with, t.is(), t.choice(), book));
  CHECK(t.problems() == "file_missing");
  CHECK_FALSE(fs::is_regular_file(fs::symlink_status(t.b.folder / "elsewhere/The Small Book/metadata.opf")));
}

TEST_CASE("books that share a folder have side files of their own names") {
  written t("side");
  t.set_pattern("{author}/{title}");
  uuid one = t.take("x.epub");
  CHECK(t.settle().empty());
  CHECK(t.tree() == "Ada Lark/The Small Book.epub\nAda Lark/metadata.opf\n");
  t.take("y.epub", {.title = "Other", .text = "Other words."});
  CHECK(t.settle().empty());
  CHECK(t.tree() == "Ada Lark/Other.epub\nAda Lark/Other.opf\nAda Lark/The Small Book.epub\nAda Lark/The Small Book.opf\n");
  CHECK(t.beside("Ada Lark/Other.opf").about.title == "Other");
  CHECK(t.beside("Ada Lark/The Small Book.opf").about.title == "The Small Book");
  t.set(one, "publisher", "Press");
  CHECK(t.settle().empty());
  CHECK(t.beside("Ada Lark/The Small Book.opf").about.publisher == "Press");
}

TEST_CASE("books of one name in different formats have side files of their own") {
  written t("side");
  t.set_pattern("{title}");
  uuid one = t.take("x.epub");
  write(t.b.inbox / "y.txt", "The only words of this book, and there are not many of them.\n");
  outcome o = t.b.take({t.b.inbox / "y.txt"});
  REQUIRE(o.added.size() == 1);
  uuid two = o.added[0].book;
  CHECK(t.settle().empty());
  t.set(two, "title", "The Small Book");
  CHECK(t.settle().empty());
  std::string second = "The Small Book [" + two.text().substr(0, 8) + "].opf";
  CHECK(fs::exists(t.root / "The Small Book.txt"));
  CHECK(t.sum("The Small Book.opf") ==
        t.b.text("select sha256 from side_files where kind = 'opf' and book_id = '" + one.text() + "'"));
  CHECK(t.sum(second) == t.b.text("select sha256 from side_files where kind = 'opf' and book_id = '" + two.text() + "'"));
  t.set(one, "publisher", "Press");
  t.set(two, "publisher", "Sons");
  CHECK(t.settle().empty());
  CHECK(t.beside("The Small Book.opf").about.publisher == "Press");
  CHECK(t.beside(second).about.publisher == "Sons");
  CHECK(t.b.number("select count(*) from side_files") == 2);
  // Nobody gets the name of another.
  std::string path = t.b.text("select storage_path from side_files where book_id = '" + one.text() + "'");
  for (const char* kind : {"opf", "cover"})
    CHECK_FALSE(t.b.pool.write_now([&](db::tx& tx) { return library::begin_side_file(tx, two, kind, path, "ff"); }));
}

TEST_CASE("a book that is moved to another tree takes its side file along") {
  written t("side");
  uuid book = t.take("x.epub");
  CHECK(t.settle().empty());
  second_tree other(t);
  other.take_over(book);
  CHECK_FALSE(write_book(t.b.with, other.is(), library::every_field("side"), book));
  CHECK(t.problems().empty());
  CHECK(t.tree().empty());
  CHECK(fs::exists(other.root / small_folder / "metadata.opf"));
  CHECK(t.b.number("select count(*) from side_files") == 1);
}

TEST_CASE("a side file that nobody can look at is remembered until somebody can") {
  written t("side");
  uuid book = t.take("x.epub"), rest = t.take("y.epub", {.title = "Other", .text = "Other words."});
  CHECK(t.settle().empty());
  second_tree other(t);
  other.take_over(book);
  fs::rename(t.root, t.b.folder / "unplugged");
  fs::create_directories(t.root);
  CHECK_FALSE(write_book(t.b.with, other.is(), library::every_field("side"), book));
  CHECK(t.problems().empty());
  CHECK(fs::exists(other.root / small_folder / "metadata.opf"));
  CHECK(t.b.number("select count(*) from side_files") == 3);
  CHECK(remove_stray_side_files(t.b.with) == 0);
  CHECK(t.b.number("select count(*) from side_files") == 3);
  fs::remove(t.root);
  fs::rename(t.b.folder / "unplugged", t.root);
  CHECK(remove_stray_side_files(t.b.with) == 1);
  CHECK(t.b.number("select count(*) from side_files") == 2);
  CHECK_FALSE(fs::exists(t.root / small_folder));
  t.set(rest, "publisher", "Press");
  CHECK(t.settle().empty());
}

TEST_CASE("interrupted twice, a side file is still known") {
  written t("side");
  uuid book = t.take("x.epub");
  CHECK(t.settle().empty());
  for (step s : {step::placed, step::hashed}) {
    t.set(book, "publisher", std::to_string(static_cast<int>(s)));
    t.organise();
    CHECK(run_helper(t.b, "write", s, 1) == SIGKILL);
  }
  CHECK(t.settle().empty());
  CHECK(t.beside(small_folder + "metadata.opf").about.publisher == std::to_string(static_cast<int>(step::hashed)));
}

TEST_CASE("a folder that is added again is not written to until somebody says so; its undo brings all of it back") {
  written t("side");
  t.take("x.epub");
  CHECK(t.settle().empty());
  library::write_choice chosen = t.choice();
  auto remove = [&](db::tx& tx) { library::remove_library(tx, t.id, ada); };
  t.b.pool.write_now(remove);
  CHECK(t.b.pool.write_now([&](db::tx& tx) { return library::restore_library(tx, t.id, ada); }));
  CHECK(t.choice() == chosen);
  t.b.pool.write_now(remove);
  auto add = [&](db::tx& tx) {
    return library::add_library(tx, "Tree", "managed", t.root.native(), std::string(default_pattern), ada);
  };
  CHECK(t.b.pool.write_now(add) == t.id);
  CHECK_FALSE(t.choice().on());
  CHECK(t.b.pool.read_now(library::libraries_that_write).empty());
}

TEST_CASE("a cover that a person chose lies beside the book, and goes when it is taken back") {
  written t("side");
  std::string own = publication::test::make_png(500, 800);
  uuid book = t.take("x.epub", {.cover = publication::test::make_png(700, 1000)});
  CHECK(t.settle().empty());
  CHECK(t.tree() == small_epub + "\n" + small_folder + "metadata.opf\n");  // nobody chose the one of the file
  write(t.b.data / "staging" / "sent", own);
  REQUIRE_FALSE(set_own_cover(t.b.with, book, t.b.data / "staging" / "sent", ada));
  CHECK(t.settle().empty());
  std::string name = t.beside(small_folder + "metadata.opf").cover;
  CHECK(name.starts_with("cover."));
  CHECK(sha256_hex(read(t.root / small_folder / name)) ==
        t.b.text("select c.sha256 from books b join covers c on c.id = b.cover_id"));
  // Chosen fields decide about it, too.
  t.choose(*library::write_choice_of("side", {"title"}));
  CHECK(t.settle().empty());
  CHECK(t.beside(small_folder + "metadata.opf").cover.empty());
  CHECK(fs::exists(t.root / small_folder / name));
  t.choose(library::every_field("side"));
  t.b.pool.write_now([](db::tx& tx) {
    tx.script("update books set locked_fields = '{}', field_sources = field_sources - 'cover', version = version + 1");
  });
  CHECK(t.settle().empty());
  CHECK_FALSE(fs::exists(t.root / small_folder / name));
}

TEST_CASE("where somebody else's picture has the name of the cover, the rest is written all the same") {
  written t("side");
  uuid book = t.take("x.epub");
  t.organise();
  write(t.b.data / "staging" / "sent", publication::test::make_png(500, 800));
  REQUIRE_FALSE(set_own_cover(t.b.with, book, t.b.data / "staging" / "sent", ada));
  t.organise();
  for (const char* name : {"cover.jpg", "cover.png", "cover.webp"}) write(t.root / small_folder / name, "theirs");
  CHECK(t.settle() == "side_file_there");
  for (const char* name : {"cover.jpg", "cover.png", "cover.webp"}) CHECK(read(t.root / small_folder / name) == "theirs");
  publication::told said = t.beside(small_folder + "metadata.opf");
  CHECK(said.about.title == "The Small Book");
  CHECK(said.cover.empty());
}

TEST_CASE("a change of a book is noticed by itself, once it has been left alone") {
  written t("side");
  t.take("x.epub");
  t.organise();
  auto jobs = [&] { return t.b.number("select count(*) from jobs where kind = 'library.write' and done_at is null"); };
  t.b.pool.write_now([](db::tx& tx) { tx.script("delete from jobs where kind = 'library.write'"); });
  t.b.with.how.write_quiet = std::chrono::hours(1);
  {
    jobs::schedule clock(t.b.pool);
    schedule_write_back(clock, t.b.with);
    clock.every("test.later", std::chrono::seconds(1), [&] {
      t.b.pool.write_now([](db::tx& tx) { tx.script("update books set updated_at = updated_at - interval '2 hours'"); });
    });
    clock.start();
    CHECK(eventually([&] { return jobs() == 1; }, std::chrono::seconds(60)));
    clock.stop();
  }
  CHECK(t.b.text("select payload->>'at_once' from jobs where kind = 'library.write'") == "no");
}

TEST_CASE("switched off, nothing more is written and everything stays") {
  written t("side");
  uuid book = t.take("x.epub");
  t.settle();
  std::string tree = t.tree(), said = read(t.root / small_folder / "metadata.opf");
  t.choose({});
  t.set(book, "publisher", "Later");
  CHECK(t.settle().empty());
  CHECK(t.tree() == tree);
  CHECK(read(t.root / small_folder / "metadata.opf") == said);
  // It does not stay where its book is no more.
  t.set(book, "title", "Renamed");
  t.settle();
  CHECK(remove_stray_side_files(t.b.with) == 1);
  CHECK(t.tree() == "Ada Lark/Renamed/Renamed - Ada Lark.epub\n");
}

TEST_CASE("side files go with their book when the trash is emptied and when it is merged") {
  written t("side");
  uuid one = t.take("x.epub"), two = t.take("y.epub", {.title = "Other", .text = "Other words."});
  CHECK(t.settle().empty());
  CHECK(remove_stray_side_files(t.b.with) == 0);
  t.b.pool.write_now([&](db::tx& tx) { return library::trash_books(tx, {one}, ada); });
  CHECK(remove_stray_side_files(t.b.with) == 0);
  t.b.pool.write_now(
      [](db::tx& tx) { tx.script("update books set deleted_at = now() - interval '40 days' where deleted_at is not null"); });
  quiet p;
  sweep_store(t.b.with, p);
  CHECK(t.tree() == "Ada Lark/Other/Other - Ada Lark.epub\nAda Lark/Other/metadata.opf\n");
  uuid three = t.take("z.epub", {.title = "Third", .text = "Third words."});
  CHECK(t.settle().empty());
  CHECK(merge_books(t.b.with, three, {two}, library::merge_act::merge, ada));
  CHECK(t.settle().empty());
  remove_stray_side_files(t.b.with);
  CHECK_FALSE(fs::exists(t.root / "Ada Lark/Other/metadata.opf"));
  CHECK(t.beside("Ada Lark/Third/metadata.opf").about.title == "Third");
}

TEST_CASE("killed at any step of a side file, the next run leads to one whole file that is known") {
  for (step s : {step::hashed, step::in_staging, step::placed, step::stored}) {
    written t("side");
    INFO("step " << static_cast<int>(s));
    uuid book = t.take("x.epub");
    t.organise();
    for (const char* publisher : {"", "First", "Second"}) {
      if (*publisher != '\0') t.set(book, "publisher", publisher);
      t.organise();
      CHECK(run_helper(t.b, "write", s, 1) == SIGKILL);
      // Old or new, and whole.
      if (fs::exists(t.root / small_folder / "metadata.opf")) t.beside(small_folder + "metadata.opf");
      CHECK(t.settle().empty());
      CHECK(t.tree() == small_epub + "\n" + small_folder + "metadata.opf\n");
      CHECK(t.beside(small_folder + "metadata.opf").about.publisher == publisher);
      CHECK(t.b.text("select sha256 || next_sha256 from side_files") == t.sum(small_folder + "metadata.opf"));
    }
  }
}

TEST_CASE("a root that is away or suddenly empty is not written to") {
  written t("side");
  uuid book = t.take("x.epub");
  t.settle();
  t.set(book, "publisher", "Press");
  fs::rename(t.root, t.b.folder / "unplugged");
  CHECK(write_book(t.b.with, t.is(), t.choice(), book)->field == "folder_unavailable");
  fs::create_directories(t.root);
  CHECK(write_book(t.b.with, t.is(), t.choice(), book)->field == "folder_unavailable");
  CHECK(fs::is_empty(t.root));
  fs::remove(t.root);
  fs::rename(t.b.folder / "unplugged", t.root);
  CHECK(t.settle().empty());
  CHECK(t.beside(small_folder + "metadata.opf").about.publisher == "Press");
}

TEST_CASE("the job writes what is due, and its preview said so") {
  written t("side");
  uuid book = t.take("x.epub");
  t.organise();
  result<library::write_preview> seen = preview_write_back(t.b.with, t.id, t.choice(), 10);
  REQUIRE(seen);
  REQUIRE(seen->lines.size() == 1);
  CHECK(seen->lines[0].path == small_folder + "metadata.opf");
  CHECK(seen->lines[0].how == "side");
  CHECK(seen->lines[0].book == book);
  CHECK((seen->books == 1 && seen->beside == 1 && seen->files == 0));
  CHECK_FALSE(fs::exists(t.root / small_folder / "metadata.opf"));
  CHECK(t.b.number("select count(*) from jobs where kind = 'library.write' and state = 'waiting'") == 1);
  db::notifier bell(t.b.database.url());
  jobs::workers w(t.b.pool, bell, 1, "test");
  register_write_back(w, t.b.with);
  while (w.run_one()) {
  }
  CHECK(fs::exists(t.root / small_folder / "metadata.opf"));
  CHECK(preview_write_back(t.b.with, t.id, t.choice(), 10)->books == 0);
  library::write_counts n = t.counts();
  CHECK((n.written == 1 && n.failed == 0 && n.held == 0 && n.waiting == 0));
}

TEST_CASE("a full disk leaves the old side file, and an error that can be read") {
  fs::path root = harness::fresh_folder("full-tree");
  written t("side", fs::canonical(root));
  uuid book = t.take("x.epub");
  t.settle();
  t.set(book, "description", "<p>" + std::string(60'000, 'w') + "</p>");
  t.organise();
  std::optional<int> ended = write_in_little_room(t, "16k");
  if (!ended) return;
  CHECK(*ended == 75);
  INFO(read(t.b.folder / "said"));
  CHECK(read(t.b.folder / "said").find("disk_full") != std::string::npos);
  CHECK(read(t.b.folder / "copy" / small_folder / "metadata.opf") == read(t.root / small_folder / "metadata.opf"));
  CHECK(t.settle().empty());
  CHECK(t.beside(small_folder + "metadata.opf").about.description_html.size() > 60'000);
}
