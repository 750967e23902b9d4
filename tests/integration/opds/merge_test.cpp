// Addresses of a book that was merged (library/merge.hpp): apps keep them for years.
#include "library/merge.hpp"

#include <catch2/catch.hpp>

#include "library/merge_file.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

constexpr db::statement sql_downloads{"test.downloads_of_merged", "select count(*) from downloads where file_id = $1"};

std::string entry(const uuid& book) { return "/opds/books/" + book.text(); }
std::string download(const uuid& file) { return "/opds/dl/" + file.text() + "/x.epub"; }

}  // namespace

TEST_CASE("the entry, the file and the cover of a merged book lead to what it has become") {
  world w;
  made_book kept = w.add({.title = "Rain", .bytes = "0123456789", .cover = true}),
            other = w.add({.title = "Snow", .bytes = "abcdef"});
  auto http = w.as(w.owner);
  w.change([&](db::tx& tx) { REQUIRE(library::merge_books(tx, kept.id, {other.id}, library::merge_act::merge, {}).ok()); });
  reply moved = http->get(entry(other.id));
  CHECK(moved.status == 200);
  CHECK(moved.body == http->get(entry(kept.id)).body);
  CHECK(http->get(entry(kept.id)).status == 200);
  CHECK(http->get(entry(uuid::make())).status == 404);
  CHECK(http->get(download(other.file)).body == "abcdef");
  CHECK(http->get("/covers/" + other.id.text() + "/300").status == 200);
}

TEST_CASE("the address of a file whose bytes took the place of another's gives these bytes") {
  world w;
  made_book kept = w.add({.title = "Rain", .bytes = "0123456789"}), other = w.add({.title = "Rain", .bytes = "abcdef"});
  w.change([&](db::tx& tx) {
    library::file_pair pair = library::exchangeable_files(tx, kept.id, other.id).at(0);
    uuid merge = library::merge_books(tx, kept.id, {other.id}, library::merge_act::replace, {})->merge;
    library::take_bytes(tx, merge, other.id, pair, "");
  });
  auto http = w.as(w.owner);
  CHECK(http->get(download(other.file)).body == "abcdef");
  CHECK(http->get(download(kept.file)).body == "abcdef");
  CHECK(http->get(entry(kept.id)).status == 200);  // what is left of the request before is done by then
  w.finish_background();
  CHECK(w.other().read_now([&](db::tx& tx) { return tx.run(sql_downloads, kept.file)[0].integer(0); }) == 2);
}

TEST_CASE("who may not see the survivor does not learn of it") {
  world w;
  library::limits child;
  child.hidden_tags = {"Adult"};
  auto http = w.as(w.add_reader("child", "limited", &child));
  made_book kept = w.add({.title = "Rain", .tags = {"Adult"}}), other = w.add({.title = "Snow"});
  w.change([&](db::tx& tx) { REQUIRE(library::merge_books(tx, kept.id, {other.id}, library::merge_act::merge, {}).ok()); });
  CHECK(http->get(entry(other.id)).status == 404);
  CHECK(http->get(download(other.file)).status == 404);
}
