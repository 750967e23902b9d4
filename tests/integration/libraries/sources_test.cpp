// Nothing that brings files in takes one out of a library (ingest.md 4, product.md 3.2).

#include "in_place.hpp"
#include "ingest/group.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/scan.hpp"
#include "ingest/upload.hpp"
#include "tests/integration/ingest/unshared.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

std::size_t nothing_left(const workbench& b) {
  return b.files("attic").size() + b.files("quarantine").size() + b.files("staging").size() + b.files("trash").size();
}

const library::actor ada{.user = {}, .name = "ada"};

// As a service that found the file before its folder became a library.
item waiting_to_be_moved(workbench& b, const fs::path& p) {
  item like;
  like.origin = "watch";
  like.state = "settled";
  std::vector<finding> one{{p.native(), *identity_at(p)}};
  uuid id = b.pool.write_now([&](db::tx& tx) { return store_findings(tx, one, like).front().id; });
  return *b.pool.read_now([&](db::tx& tx) { return find_item(tx, id); });
}

}  // namespace

TEST_CASE("the command refuses the folder of a library, whatever its path says, and leaves it as it is") {
  in_place t;
  t.put("a/known.epub", {.title = "Known"});
  t.scan();
  t.put("a/fresh.epub", {.title = "Fresh", .text = "new"});
  write(t.root / "a" / "bad.epub", "PK\3\4 nothing");
  write(t.root / "a" / "fresh.opf", "<package/>");
  fs::create_directory_symlink(t.root, t.b.folder / "link");
  std::string before = t.state_of_folder();
  for (const fs::path& given :
       {t.root, t.root / "a", t.root / "a" / "known.epub", t.root / "a" / "fresh.epub", t.root / "a" / "bad.epub",
        t.b.folder / "link" / "a" / "known.epub", t.b.folder / "link" / "a", t.b.inbox / ".." / "tree" / "a" / "known.epub"}) {
    INFO(given);
    outcome out = t.b.take({given}, false);
    CHECK(codes(out) == given.filename().native() + "=in_library ");
    CHECK(out.added.empty());
    CHECK(out.duplicates.empty());
    CHECK(t.state_of_folder() == before);
  }
  CHECK(nothing_left(t.b) == 0);
  CHECK(t.books() == 1);
}

TEST_CASE("a walk that comes to the folder of a library says so and takes the rest") {
  in_place t;
  t.put("known.epub", {.title = "Known"});
  t.scan();
  fs::path above = t.b.folder / "above";
  fs::create_directories(above);
  fs::rename(t.root, above / "tree");
  t.root = fs::canonical(above) / "tree";
  t.b.pool.write_now([&](db::tx& tx) {
    tx.script("update libraries set root = '" + t.root.native() + "' where root <> ''");
    tx.script("update book_files set storage_path = '" + (t.root / "known.epub").native() + "'");
  });
  write(above / "other.epub", epub({.title = "Other", .text = "other"}));
  outcome out = t.b.take({above}, false);
  CHECK(codes(out) == "tree=in_library ");
  CHECK(out.added.size() == 1);
  CHECK(fs::exists(t.root / "known.epub"));
  CHECK_FALSE(fs::exists(above / "other.epub"));
}

TEST_CASE("the tree of a managed library is refused as well") {
  workbench b;
  fs::path tree = fs::canonical(b.folder) / "managed";
  write(tree / "x.epub", epub({}));
  b.pool.write_now([&](db::tx& tx) { library::add_library(tx, "Named", "managed", tree.native(), "{title}", ada); });
  CHECK(codes(b.take({tree / "x.epub"}, false)) == "x.epub=in_library ");
  CHECK(fs::exists(tree / "x.epub"));
}

TEST_CASE("files of a library that are kept can be brought in") {
  in_place t;
  t.put("known.epub", {.title = "Known"});
  t.scan();
  t.put("fresh.epub", {.title = "Fresh", .text = "new"});
  std::string before = t.state_of_folder();
  outcome out = t.b.take({t.root}, true);
  CHECK(out.added.size() == 1);
  CHECK(out.duplicates.size() == 1);
  CHECK(out.failed.empty());
  CHECK(t.state_of_folder() == before);
}

TEST_CASE("another name of a library's own file stays where it is") {
  in_place t;
  t.put("known.epub", {.title = "Known"});
  t.scan();
  fs::create_hard_link(t.root / "known.epub", t.b.inbox / "again.epub");
  for (int turn = 0; turn < 2; ++turn) {
    outcome out = t.b.take({t.b.inbox}, false);
    CHECK(out.duplicates.size() == 1);
    CHECK(fs::exists(t.root / "known.epub"));
    CHECK(fs::exists(t.b.inbox / "again.epub"));
  }
  CHECK(nothing_left(t.b) == 0);
  // A copy of it goes, as every source does.
  write(t.b.inbox / "copy.epub", read(t.root / "known.epub"));
  CHECK(t.b.take({t.b.inbox / "copy.epub"}, false).duplicates.size() == 1);
  CHECK_FALSE(fs::exists(t.b.inbox / "copy.epub"));
}

TEST_CASE("the file of a removed library, whose book is in the trash, stays where it is") {
  in_place t;
  t.put("known.epub", {.title = "Known"});
  t.scan();
  t.b.pool.write_now([&](db::tx& tx) { library::remove_library(tx, t.is.id, ada); });
  CHECK(t.b.take({t.root}, false).duplicates.size() == 1);
  CHECK(fs::exists(t.root / "known.epub"));
  CHECK(nothing_left(t.b) == 0);
}

TEST_CASE("through a bind mount the folder of a library is the same folder") {
  in_place t;
  t.put("a/known.epub", {.title = "Known"});
  t.scan();
  t.put("a/fresh.epub", {.title = "Fresh", .text = "new"});
  fs::path other = t.b.folder / "other", below = t.b.folder / "below", out = t.b.folder / "out.json";
  fs::create_directories(other);
  fs::create_directories(below);
  std::string binds = "mount --bind '" + t.root.native() + "' '" + other.native() + "' && mount --bind '" +
                      (t.root / "a").native() + "' '" + below.native() + "'";
  if (unshared(binds) != 0) {
    WARN("nothing can be mounted here");
    return;
  }
  std::string before = t.state_of_folder();
  for (const fs::path& given : {other, below / "known.epub"}) {
    INFO(given);
    std::string take = std::string("'") + INGEST_HELPER + "' take '" + t.b.database.url() + "' '" + t.b.data.native() + "' '" +
                       t.b.store.cache().native() + "' move - '" + given.native() + "' > '" + out.native() + "'";
    REQUIRE(unshared(binds + " && " + take) == 0);
    INFO(read(out));
    CHECK(t.state_of_folder() == before);
  }
  CHECK(nothing_left(t.b) == 0);
}

TEST_CASE("what was to be moved when its folder became a library is copied, refused or known, and stays") {
  in_place t;
  t.put("known.epub", {.title = "Known"});
  t.scan();
  t.put("fresh.epub", {.title = "Fresh", .text = "new"});
  write(t.root / "bad.epub", "PK\3\4 nothing");
  std::string before = t.state_of_folder();
  for (const char* name : {"known.epub", "fresh.epub", "bad.epub"}) {
    INFO(name);
    uuid id = waiting_to_be_moved(t.b, t.root / name).id;
    ending e = *take_in(t.b.with, id, true);
    CHECK(e.how == (name[0] == 'k' ? ending::duplicate : name[0] == 'f' ? ending::added : ending::rejected));
    item after = *t.b.pool.read_now([&](db::tx& tx) { return find_item(tx, id); });
    CHECK(after.keep);
    CHECK(after.source_done);
    CHECK(t.state_of_folder() == before);
  }
  t.b.recover();
  CHECK(t.state_of_folder() == before);
  CHECK(nothing_left(t.b) == 0);
}

TEST_CASE("what lies beside a book stays with it when their folder became a library") {
  in_place t;
  t.put("x.epub", {.title = "Known"});
  write(t.root / "x.opf",
        "<package xmlns='http://www.idpf.org/2007/opf' version='2.0'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>"
        "<dc:title>Told</dc:title></metadata></package>");
  std::string before = t.state_of_folder();
  item like;
  like.origin = "watch";
  like.state = "settled";
  listing all = list_folder(t.root, {});
  std::vector<unit> units = units_of(std::move(all));
  REQUIRE(units.size() == 1);
  REQUIRE(units[0].beside.size() == 1);
  uuid group = *t.b.pool.write_now([&](db::tx& tx) { return store_units(tx, units, like).front().group; });
  REQUIRE(take_group(t.b.with, group, true));
  CHECK(t.b.number("select count(*) from sidecars where book_id is not null and source_done and storage_path <> ''") == 1);
  CHECK(t.state_of_folder() == before);
  CHECK(nothing_left(t.b) == 0);
}

TEST_CASE("an upload of a library's bytes says which book has them and touches nothing") {
  in_place t;
  t.put("known.epub", {.title = "Known"});
  t.scan();
  std::string before = t.state_of_folder();
  fs::path staged = t.b.data / "staging" / "upload-x";
  write(staged, read(t.root / "known.epub"));
  CHECK(std::holds_alternative<upload_known>(accept_upload(t.b.with, staged, "known.epub", std::nullopt)));
  CHECK(t.state_of_folder() == before);
  CHECK(nothing_left(t.b) == 0);
}
