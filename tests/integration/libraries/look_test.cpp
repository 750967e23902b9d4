// What a look at the folder leaves alone.

#include <fstream>

#include "in_place.hpp"
#include "library/revision.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

struct before_and_after {
  explicit before_and_after(in_place& t_) : t(t_), before(rows()) {}
  std::string rows() {
    return t.b.rows_of_everything() + t.b.text("select string_agg(f::text, '' order by place) from library_files f");
  }
  bool unchanged() { return rows() == before; }
  in_place& t;
  std::string before;
};

}  // namespace

TEST_CASE("a folder that is away or suddenly empty changes nothing and is in errata") {
  in_place t;
  t.put("a/x.epub");
  t.put("b/y.epub", {.title = "Y", .text = "Of y."});
  t.scan();
  before_and_after rows(t);
  fs::path aside = t.b.folder / "aside";
  fs::rename(t.root, aside);
  CHECK(t.look().trouble == "folder_unavailable");
  CHECK(rows.unchanged());
  CHECK(t.b.text("select trouble from libraries where name = 'Tree'") == "folder_unavailable");
  fs::create_directories(t.root / "a" / "lost+found");  // the place where a disk is put when it is not there
  CHECK(t.look().trouble == "folder_unavailable");
  CHECK(rows.unchanged());
  fs::remove_all(t.root);
  fs::create_directory_symlink(aside, t.root);
  CHECK(t.look().trouble == "folder_unavailable");
  CHECK(rows.unchanged());
  fs::remove(t.root);
  fs::rename(aside, t.root);
  folder_look l = t.look();
  CHECK(l.trouble.empty());
  CHECK(l.unchanged == 2);
  CHECK(t.b.text("select trouble from libraries where name = 'Tree'").empty());
}

TEST_CASE("names that are never looked at are passed over, and what is known below them stays") {
  in_place t;
  t.put("keep/x.epub");
  t.put(".hidden/y.epub");
  t.put("@eaDir/z.epub");
  t.put("q.epub.part");
  CHECK(t.scan().added == 1);
  CHECK(t.look().ignored == 3);
  t.put("seen.epub", {.title = "Seen", .text = "Of seen."});
  t.b.with.how.ignore.emplace_back("keep");
  folder_look l = t.look();
  CHECK(l.gone == 0);
  CHECK(l.fresh == 1);
  CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 0);
}

TEST_CASE("folders nested too deeply are named once, and what lies below them is not gone") {
  in_place t;
  fs::path deep = t.root;
  for (int i = 0; i < 130; ++i) deep /= "d";
  write(deep / "x.epub", epub({}));
  t.put("y.epub", {.title = "Y", .text = "Of y."});
  CHECK(t.scan().added == 1);
  CHECK(t.b.text("select code from library_files where state = 'refused'") == "folder_too_deep");
  CHECK(t.look().fresh == 0);
}

TEST_CASE("folders and files are compared in the order in which they are walked") {
  in_place t;
  // '!' is before '/', '0' after it: an order by plain paths would call some of them gone.
  for (const char* p :
       {"a/x.epub", "a!.epub", "a!/x.epub", "a0.epub", "a.epub", "a/b/x.epub", "a/b.epub", "a-/x.epub", "a-.epub"})
    t.put(p, {.title = p, .text = p});
  CHECK(t.scan().added == 9);
  folder_look l = t.look();
  CHECK(l.unchanged == 9);
  CHECK(l.fresh + l.gone == 0);
}

TEST_CASE("more places than fit a page or a batch") {
  in_place t;
  std::string bytes = "PK\3\4 nothing";
  for (int i = 0; i < 11'000; ++i) {
    fs::path p = t.root / std::to_string(i % 37) / (std::to_string(i) + ".epub");
    if (i < 37) fs::create_directory(p.parent_path());
    std::ofstream(p) << bytes;
  }
  CHECK(t.look().fresh == 11'000);
  CHECK(t.b.number("select count(*) from library_files where state = 'waiting'") == 11'000);
  CHECK(t.look().unchanged == 11'000);
  fs::remove_all(t.root / "3");
  folder_look l = t.look();
  CHECK(l.gone == 298);
  CHECK(l.unchanged == 11'000 - 298);
  CHECK(t.b.number("select count(*) from library_files") == 11'000 - 298);
}

TEST_CASE("a preview counts and writes nothing") {
  in_place t;
  t.put("x.epub");
  write(t.root / "y.PDF", "%PDF-1.4");
  write(t.root / ".z", "");
  before_and_after rows(t);
  std::string folder = t.state_of_folder();
  library::folder_preview p = preview_folder(t.b.with, t.root, std::chrono::seconds(10));
  CHECK(p.files == 2);
  CHECK(p.by_extension.at("epub") == 1);
  CHECK(p.by_extension.at("pdf") == 1);
  CHECK(p.ignored == 1);
  CHECK(rows.unchanged());
  CHECK(t.state_of_folder() == folder);
}

TEST_CASE("a file that others met missing while the folder was away is there again with the next look") {
  in_place t;
  t.put("a.epub", {.title = "A", .text = "a"});
  t.put("b.epub", {.title = "B", .text = "b"});
  t.scan();
  fs::path aside = t.b.folder / "aside";
  fs::rename(t.root, aside);
  t.b.pool.write_now([](db::tx& tx) { tx.script("update book_files set missing_since = now()"); });
  CHECK(t.look().trouble == "folder_unavailable");
  CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 2);
  fs::rename(aside, t.root);
  fs::remove(t.root / "b.epub");
  std::int64_t before = t.b.pool.read_now(library::current_revision).number;
  t.look();
  CHECK(t.b.text("select string_agg(original_name, ' ') from book_files where missing_since is null") == "a.epub");
  CHECK(t.b.pool.read_now(library::current_revision).number > before);
}
