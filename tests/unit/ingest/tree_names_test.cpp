// Names in a tree of files (ingest.md 6.5).

#include "ingest/tree_names.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/harness/folder.hpp"

using namespace carrel::ingest;
namespace fs = std::filesystem;

namespace {

using names = std::vector<std::string>;

struct tree {
  void file(const fs::path& below) const {
    fs::create_directories((root / below).parent_path());
    std::ofstream(root / below) << "x";
  }

  carrel::harness::scratch_folder scratch;
  fs::path root = scratch.path;
  tree_listing list{root};
};

}  // namespace

TEST_CASE("names that differ in capitals or in their form of Unicode only are the same") {
  folder_names n;
  n.add("Stra\u00dfe.epub");
  n.add("Caf\u00e9/");
  CHECK(n.like("STRASSE.EPUB") == names{"Stra\u00dfe.epub"});
  CHECK(n.like("cafe\u0301") == names{"Caf\u00e9/"});
  CHECK(n.like("cafe").empty());
  n.add("STRASSE.epub");
  n.add("STRASSE.epub");
  CHECK(n.like("strasse.epub").size() == 2);
  n.remove("STRASSE.epub");
  n.remove("never there");
  CHECK(n.like("strasse.epub") == names{"Stra\u00dfe.epub"});
}

TEST_CASE("folders have a slash, links have none, and what is not there has no names") {
  tree t;
  t.file("Ada/x.epub");
  fs::create_directory_symlink(t.root / "Ada", t.root / "Link");
  CHECK(t.list.like({}, "ada") == names{"Ada/"});
  CHECK(t.list.like({}, "link") == names{"Link"});
  CHECK(t.list.like({"Ada"}, "X.EPUB") == names{"x.epub"});
  CHECK(t.list.like({"Nobody"}, "x.epub").empty());
}

TEST_CASE("what others change in a folder is seen, and what we change is known without reading it again") {
  tree t;
  t.file("Ada/x.epub");
  CHECK(t.list.like({"Ada"}, "y.epub").empty());
  fs::last_write_time(t.root / "Ada", fs::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(t.list.like({"Ada"}, "y.epub").empty());
  t.file("Ada/y.epub");
  CHECK(t.list.like({"Ada"}, "Y.epub") == names{"y.epub"});
  fs::remove(t.root / "Ada/x.epub");
  t.list.look_again("Ada/x.epub");
  CHECK(t.list.like({"Ada"}, "x.epub").empty());
  t.file("Bo/z.epub");
  t.list.look_again("Bo/z.epub");
  CHECK(t.list.like({"Bo"}, "z.epub") == names{"z.epub"});
  fs::remove_all(t.root / "Bo");
  t.list.look_again("Bo/z.epub");
  CHECK(t.list.like({"Bo"}, "z.epub").empty());
  CHECK(t.list.like({}, "bo").empty());
}
