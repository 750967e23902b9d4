#include "in_place.hpp"
#include "library/library_root.hpp"

using namespace carrel;
using namespace carrel::ingest::test;

namespace {

struct rules {
  in_place t;
  std::vector<library::book_library> others = t.b.pool.read_now(library::libraries);

  std::string check(const fs::path& p) {
    library::root_rules r{.files = t.b.store,
                          .allowed = {fs::canonical(t.b.folder) / "shelves", fs::canonical(t.b.folder) / "tree", t.b.data},
                          .drop_dir = t.b.data / "drop",
                          .others = others};
    result<fs::path> root = library::check_root(p, r);
    return root ? root->native() : root.error().field;
  }
};

}  // namespace

TEST_CASE("a library lies below one of the places for libraries, whatever its path says") {
  rules r;
  fs::path shelves = fs::canonical(r.t.b.folder) / "shelves", elsewhere = fs::canonical(r.t.b.folder) / "elsewhere";
  fs::create_directories(shelves / "a");
  fs::create_directories(elsewhere);
  fs::create_directory_symlink(elsewhere, shelves / "out");
  fs::create_directory_symlink(shelves / "a", elsewhere / "in");
  CHECK(r.check(shelves / "a") == (shelves / "a").native());
  CHECK(r.check(shelves / "a" / ".." / "a/") == (shelves / "a").native());
  CHECK(r.check(elsewhere / "in") == (shelves / "a").native());
  CHECK(r.check(elsewhere) == "library.outside_roots");
  CHECK(r.check(shelves / "out") == "library.outside_roots");
  CHECK(r.check(shelves / "a" / ".." / ".." / "elsewhere") == "library.outside_roots");
  CHECK(r.check("/") == "library.outside_roots");
  CHECK(r.check(shelves / "nothing") == "library.no_folder");
  write(shelves / "file", "x");
  CHECK(r.check(shelves / "file") == "library.no_folder");
  fs::create_directories(fs::canonical(r.t.b.folder) / "shelves2");
  CHECK(r.check(fs::canonical(r.t.b.folder) / "shelves2") == "library.outside_roots");
}

TEST_CASE("Carrel's own folders, the drop folder and other libraries are no library, nor what contains them") {
  rules r;
  for (const char* own : {"staging", "library", "attic", "quarantine", "trash", "covers", "drop"}) {
    CHECK(r.check(r.t.b.data / own) == "library.own_folder");
    fs::create_directories(r.t.b.data / own / "below");
    CHECK(r.check(r.t.b.data / own / "below") == "library.own_folder");
  }
  CHECK(r.check(r.t.b.data) == "library.own_folder");
  fs::create_directories(r.t.root / "below");
  CHECK(r.check(r.t.root) == "library.overlaps");
  CHECK(r.check(r.t.root / "below") == "library.overlaps");
  fs::create_directories(r.t.b.data / "mine");
  CHECK(r.check(r.t.b.data / "mine") == fs::canonical(r.t.b.data / "mine").native());
}

TEST_CASE("the library of another program is known by its marks") {
  rules r;
  CHECK(library::other_program(r.t.root).empty());
  write(r.t.root / "metadata.db", "");
  CHECK(library::other_program(r.t.root) == "Calibre");
  fs::remove(r.t.root / "metadata.db");
  fs::create_directory(r.t.root / ".kobo");
  CHECK(library::other_program(r.t.root) == "a Kobo");
}
