// The catalog's own words in the reader's language (opds.md 5.5, 12.1).
#include <algorithm>
#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include "library/shelf.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/opds/checks.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

using strings = std::vector<std::string>;

void choose_language(world& w, const std::string& language) {
  w.change([&](db::tx& tx) {
    tx.run({"test.choose_language", "update users set language = $2 where id = $1"}, w.owner.user, language);
  });
}

bool has(const strings& all, const std::string& one) { return std::find(all.begin(), all.end(), one) != all.end(); }

}  // namespace

TEST_CASE("feeds speak the language that the account has chosen, whatever the app accepts") {
  world w;
  w.add({.title = "Ebbe", .languages = {"de"}});
  w.add({.title = "Tide", .languages = {"en"}});
  auto http = w.as(w.owner);
  reply english = http->get("/opds");
  CHECK(has(titles_of(english.body), "Recently added"));

  choose_language(w, "de");
  reply root = http->get("/opds", {{"If-None-Match", english.header("ETag")}, {"Accept-Language", "fr"}});
  REQUIRE(root.status == 200);
  CHECK(has(titles_of(root.body), "Neu hinzugefügt"));
  CHECK(has(titles_of(root.body), "Überrasche mich"));
  CHECK(parsed(root.body).child("feed").attribute("xml:lang").value() == std::string("de"));

  std::string list = http->get("/opds/new?lang=de").body;
  CHECK(parsed(list).child("feed").child_value("title") == std::string("Neu hinzugefügt (Deutsch)"));
  CHECK(list.find("title=\"Alle Angaben\"") != std::string::npos);
  CHECK(list.find("opds:facetGroup=\"Sprache\"") != std::string::npos);
  CHECK(refused({root.body, list}) == "");
  CHECK(titles_of(http->get("/opds/languages").body) == strings{"Deutsch", "Englisch"});
  CHECK(http->get("/opds/v2").body.find("\"Neu hinzugefügt\"") != std::string::npos);
  CHECK(parsed(http->get("/opds/search?q=tide").body).child("feed").child_value("title") == std::string("Suche: tide"));
}

TEST_CASE("without a choice of the account the app's Accept-Language counts, and neither form is taken for the other") {
  world w;
  made_book b = w.add({.title = "Tide"});
  auto http = w.as(w.owner);
  for (const std::string& path :
       {std::string("/opds"), std::string("/opds/new"), std::string("/opds/v2/new"), "/opds/books/" + b.id.text()}) {
    INFO(path);
    reply plain = http->get(path), french = http->get(path, {{"Accept-Language", "fr-FR, en;q=0.5"}});
    CHECK(french.header("ETag") != plain.header("ETag"));
    CHECK(french.header("Vary").find("Accept-Language") != std::string::npos);
    CHECK(french.body != plain.body);
    CHECK(http->get(path, {{"Accept-Language", "fr"}, {"If-None-Match", plain.header("ETag")}}).status == 200);
    CHECK(http->get(path, {{"Accept-Language", "fr"}, {"If-None-Match", french.header("ETag")}}).status == 304);
    CHECK(http->get(path).body == plain.body);
  }
  CHECK(has(titles_of(http->get("/opds", {{"Accept-Language", "fr"}}).body), "Ajouts récents"));
  CHECK(has(titles_of(http->get("/opds", {{"Accept-Language", "xx, *;q=0.1"}}).body), "Recently added"));
}
