// What `carrel library` says to people, and its exit status.
#include "tests/integration/commands/shell.hpp"
#include "tests/integration/ingest/small_epub.hpp"

using namespace carrel;
using namespace carrel::commands::tests;
namespace fs = std::filesystem;

namespace {

struct tree {
  shell sh;
  fs::path root = fs::canonical(harness::fresh_folder("tree"));

  outcome library(const std::string& words) const {
    return sh.run("library " + words + " --set 'library.roots=" + root.parent_path().native() + "'");
  }
  outcome add(const std::string& more = "") const { return library("add Tree '" + root.native() + "' --in-place " + more); }
  void put(const std::string& name, const ingest::test::book& about = {}) const {
    ingest::test::write(root / name, ingest::test::epub(about));
  }
};

}  // namespace

TEST_CASE("a folder is added, read, listed, verified and removed") {
  tree t;
  t.put("a/x.epub", {.title = "X"});
  t.put("y.epub", {.title = "Y", .text = "Of y."});
  outcome dry = t.add("--dry-run --json");
  CHECK(dry.status == 0);
  CHECK(dry.says("\"epub\":2"));
  CHECK_FALSE(t.library("list --json").says("Tree"));
  CHECK(t.add().status == 0);
  outcome scanned = t.library("scan tree --wait --json");
  CHECK(scanned.status == 0);
  CHECK(scanned.says("\"books\":2"));
  CHECK(t.sh.run("book find --json X").says("\"organized\""));
  CHECK(t.library("list").says("Tree"));
  CHECK(t.library("verify Tree --wait").status == 0);
  fs::remove(t.root / "y.epub");
  outcome missing = t.library("scan Tree --wait --json");
  CHECK(missing.status == 5);
  CHECK(missing.says("\"missing\":1"));
  outcome ask = t.library("remove Tree --json");
  CHECK(ask.status == 4);
  CHECK(ask.says("2 books"));
  CHECK(t.library("remove Tree --yes --json").says("\"trashed\":2"));
  CHECK(t.library("scan Tree").status == 3);
  CHECK(fs::exists(t.root / "a/x.epub"));
}

TEST_CASE("what cannot be read as a book is listed, and the exit status says so") {
  tree t;
  ingest::test::write(t.root / "bad.epub", "PK\3\4 nothing");
  t.add();
  outcome o = t.library("scan Tree --wait --json");
  CHECK(o.status == 5);
  CHECK(o.says("\"path\":\"bad.epub\",\"code\":\"archive_corrupt\""));
}

TEST_CASE("folders that may be no library are refused with the reason") {
  tree t;
  outcome outside = t.sh.run("library add Tree '" + t.root.native() + "' --in-place --json");
  CHECK(outside.status == 4);
  CHECK(outside.says("library.outside_roots"));
  CHECK(outside.err.find("library.roots") != std::string::npos);
  CHECK(t.library("add Tree '" + (t.root / "nothing").native() + "' --in-place").status == 3);
  CHECK(t.library("add Tree '" + t.root.native() + "'").status == 2);
  ingest::test::write(t.root / "metadata.db", "");
  outcome calibre = t.add("--json");
  CHECK(calibre.status == 4);
  CHECK(calibre.says("library.other_program"));
  CHECK(calibre.err.find("carrel import calibre") != std::string::npos);
  CHECK(t.add("--yes").status == 0);
  fs::create_directory(t.root / "below");
  CHECK(t.library("add Below '" + (t.root / "below").native() + "' --in-place --json").says("library.overlaps"));
  CHECK(t.library("remove Library --yes").status == 4);
  CHECK(t.library("scan Library").status == 4);
}

TEST_CASE("a managed library takes what is brought for it, and its pattern is shown before it runs") {
  tree t;
  CHECK(t.library("add Tree '" + t.root.native() + "' --managed --pattern '{titel}' --json").status == 2);
  CHECK(t.library("add Tree '" + t.root.native() + "' --managed --in-place").status == 2);
  CHECK(t.library("add Tree '" + t.root.native() + "' --managed --json").status == 0);
  CHECK(t.library("scan Tree").status == 4);
  fs::path given = harness::fresh_folder("given") / "x.epub";
  ingest::test::write(given, ingest::test::epub({.title = "X"}));
  CHECK(t.sh.run("ingest --approve --library Tree '" + given.native() + "'").status == 0);
  outcome dry = t.library("pattern Tree '{title}' --dry-run --json");
  CHECK(dry.status == 0);
  CHECK(dry.says("\"to\":\"X.epub\""));
  CHECK(dry.says("\"moved\":1"));
  CHECK(t.library("list --json").says("{title}/{title} - {author}"));
  CHECK(t.library("pattern Tree '{author}'").status == 2);
  CHECK(t.library("pattern Library '{title}'").status == 4);
  CHECK_FALSE(fs::exists(t.root / "X.epub"));
  outcome set = t.library("pattern Tree '{title}' --wait --json");
  CHECK(set.status == 0);
  CHECK(set.says("\"before\":\"{author}/"));
  CHECK(set.says("\"state\":\"done\""));
  CHECK(fs::exists(t.root / "X.epub"));
  CHECK(t.library("default Tree").status == 0);
  CHECK(t.library("list --json").says("\"takes_new\":true"));
  CHECK(t.library("put Library X --dry-run --json").says("\"changed\":1"));
  CHECK(t.library("put Library X --wait --json").says("\"changed\":1"));
  CHECK_FALSE(fs::exists(t.root / "X.epub"));
  CHECK(t.library("put Library X --json").says("\"changed\":0"));
}

TEST_CASE("a managed library writes beside its books or into them when it is told to, and says so before") {
  tree t;
  t.library("add Tree '" + t.root.native() + "' --managed");
  fs::path given = harness::fresh_folder("given") / "x.epub";
  ingest::test::write(given, ingest::test::epub({.title = "X"}));
  CHECK(t.sh.run("ingest --approve --library Tree '" + given.native() + "'").status == 0);
  CHECK(t.library("pattern Tree '{title}/{title}' --wait").status == 0);

  CHECK(t.library("write Tree --json").says("\"where\":\"off\""));
  outcome dry = t.library("write Tree side --dry-run --json");
  CHECK(dry.status == 0);
  CHECK(dry.says("\"path\":\"X/metadata.opf\",\"how\":\"side\""));
  CHECK_FALSE(fs::exists(t.root / "X/metadata.opf"));
  CHECK(t.library("write Tree --json").says("\"where\":\"off\""));

  outcome beside = t.library("write Tree side --field title --field date --wait --json");
  CHECK(beside.status == 0);
  CHECK(beside.says("\"fields\":[\"title\",\"date\"]"));
  CHECK(beside.says("\"written\":1,\"waiting\":0,\"held\":0,\"failed\":0"));
  std::string opf = ingest::test::read(t.root / "X/metadata.opf");
  CHECK(opf.find("<dc:title id=\"title\">X</dc:title>") != std::string::npos);
  CHECK(opf.find("creator") == std::string::npos);

  CHECK(t.sh.run("book set X publisher=Press").status == 0);
  CHECK(t.library("write Tree files --field publisher --dry-run --json").says("\"files\":0"));  // its place is not looked at yet
  outcome into = t.library("write Tree files --field publisher --wait --json");
  CHECK(into.status == 0);
  CHECK(into.says("\"written\":1"));
  CHECK(t.library("verify Tree --wait").status == 0);
  CHECK(ingest::test::read(t.root / "X/metadata.opf").find("Press") != std::string::npos);

  ingest::test::write(t.root / "X/metadata.opf", "mine");
  CHECK(t.sh.run("book set X publisher=Other").status == 0);
  outcome theirs = t.library("write Tree side --wait --json");
  CHECK(theirs.status == 5);
  CHECK(theirs.says("\"code\":\"side_file_changed\""));
  CHECK(ingest::test::read(t.root / "X/metadata.opf") == "mine");
  CHECK(t.library("write Tree off --json").says("\"where\":\"off\""));
}

TEST_CASE("what is read in place and the store refuse to be written to, and a choice names what there is") {
  tree t;
  t.put("x.epub");
  t.add();
  t.library("scan Tree --wait");
  for (const char* how : {"side", "files", "files --dry-run", "off", ""}) {
    INFO(how);
    outcome o = t.library(std::string("write Tree ") + how + " --json");
    CHECK(o.status == 4);
    CHECK(o.says("library.read_only"));
  }
  CHECK(t.library("write Library side --json").says("library.no_tree"));
  CHECK(t.library("write Nothing side").status == 3);
  CHECK_FALSE(fs::exists(t.root / "metadata.opf"));
  fs::path other = fs::canonical(harness::fresh_folder("tree-of-files"));
  outcome made =
      t.sh.run("library add Other '" + other.native() + "' --managed --set 'library.roots=" + other.parent_path().native() + "'");
  CHECK(made.status == 0);
  CHECK(t.library("write Other everywhere").status == 2);
  CHECK(t.library("write Other side --field shoe_size").status == 2);
}

TEST_CASE("a scan that is paused waits until it is resumed") {
  tree t;
  t.put("x.epub");
  std::string job = t.add("--json").text("job");
  CHECK(t.sh.run("job pause " + job).status == 0);
  CHECK(t.library("scan Tree --wait --json").says("\"state\":\"paused\""));
  CHECK(t.sh.run("job pause " + job).status == 3);
  CHECK(t.sh.run("job resume " + job).status == 0);
  CHECK(t.library("scan Tree --wait --json").says("\"books\":1"));
}

TEST_CASE("a kind of work is paused as a whole, and by its name only where there is such work") {
  tree t;
  t.put("x.epub");
  t.add("--json");
  CHECK(t.sh.run("job pause library.scans").status == 3);
  CHECK(t.sh.run("job pause library.scan").status == 0);
  CHECK(t.sh.run("job pause library.scan").status == 3);
  CHECK(t.sh.run("job cancel library.scan").status == 2);
  CHECK(t.sh.run("job resume library.scan").status == 0);
  CHECK(t.sh.run("job resume library.scan").status == 3);
}
