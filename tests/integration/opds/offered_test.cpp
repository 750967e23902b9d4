#include <catch2/catch.hpp>
#include <functional>
#include <pugixml.hpp>
#include <set>

#include "library/shelf.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/opds/checks.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

const headers koreader{{"User-Agent", "KOReader/2026.07 (Kobo Libra 2; Linux; arm)"}};

using ids = std::set<std::string>;

// Every page of a list, each but the last one full; checks that no book comes twice.
ids walked(client& http, std::string at, const headers& who, std::size_t size) {
  ids seen;
  int pages = 0;
  for (bool last = false; !last; ++pages) {
    INFO(at);
    reply r = http.get(at, who);
    REQUIRE(r.status == 200);
    pugi::xml_document doc = parsed(r.body);
    std::vector<std::string> here = ids_of(r.body);
    std::string next = link_of(doc, "next");
    last = next.empty();
    if (!last) CHECK(here.size() == size);
    CHECK_FALSE((here.empty() && pages > 0));
    for (const std::string& id : here) CHECK(seen.insert(id).second);
    std::string total = doc.child("feed").child_value("opensearch:totalResults");
    if (last) CHECK(total == std::to_string(seen.size()));
    if (!last) at = path_of_url(next);
    REQUIRE(pages < 200);
  }
  return seen;
}

// The place of the section of that title.
std::string section(client& http, const std::string& list, const std::string& title, const headers& who = {}) {
  pugi::xml_document doc = parsed(http.get(list, who).body);
  for (pugi::xml_node e : doc.child("feed").children("entry")) {
    if (e.child_value("title") == title) return path_of_url(e.child("link").attribute("href").value());
  }
  return "";
}

}  // namespace

TEST_CASE("every page of every list is full of books that the app can take") {
  world w;
  std::vector<book_draft> drafts;
  std::vector<std::string> formats;
  // Long runs of one format, as imports leave them; the newest are in formats no app takes.
  for (int i = 0; i < 180; ++i) {
    std::string format = i < 60 ? "epub" : i < 110 ? "m4b" : i % 10 == 0 ? "epub" : i % 2 == 0 ? "flac" : "opus";
    formats.push_back(format);
    drafts.push_back({.title = "Harbour " + std::to_string(i),
                      .authors = {"Ada Fenwick"},
                      .series = "Harbour Lights",
                      .index = i,
                      .tags = {"sea"},
                      .languages = {"en"},
                      .format = format,
                      .extension = "." + format});
  }
  std::vector<made_book> made = w.add_all(drafts);
  uuid shelf{};
  w.change([&](db::tx& tx) {
    shelf = library::create_shelf(tx, w.owner.user, "All of them", true)->id;
    std::vector<uuid> all;
    for (const made_book& b : made) all.push_back(b.id);
    library::add_to_shelf(tx, w.owner.user, shelf, all);
  });
  ids for_apps, for_koreader;
  for (std::size_t i = 0; i < made.size(); ++i) {
    std::string id = "urn:uuid:" + made[i].id.text();
    if (formats[i] == "epub" || formats[i] == "m4b") for_apps.insert(id);
    if (formats[i] == "epub") for_koreader.insert(id);
  }
  REQUIRE(for_koreader.size() == 67);

  auto http = w.as(w.owner);
  std::string author = section(*http, "/opds/authors", "Ada Fenwick"), tag = section(*http, "/opds/tags", "sea"),
              series = section(*http, "/opds/series", "Harbour Lights"), on_shelf = "/opds/shelves/" + shelf.text();
  for (const std::string& list :
       {std::string("/opds/new"), std::string("/opds/books"), std::string("/opds/new?order=author"), author,
        author + "?order=added", author + "?order=title", series, series + "?order=added", tag, tag + "?order=title",
        std::string("/opds/languages/en"), std::string("/opds/languages/en?order=author"), on_shelf, on_shelf + "?order=added",
        on_shelf + "?order=title", std::string("/opds/search?q=harbour")}) {
    INFO(list);
    std::string first = list + (list.find('?') == std::string::npos ? "?n=7" : "&n=7");
    CHECK(walked(*http, first, {}, 7) == for_apps);
    CHECK(walked(*http, first, koreader, 7) == for_koreader);
  }
  for (const char* list : {"/opds/new", "/opds/books", "/opds/new?order=author"}) {
    std::string at = std::string(list) + (std::string(list).find('?') == std::string::npos ? "?pos=end&n=7" : "&pos=end&n=7");
    ids back;
    for (int page = 0; !at.empty(); ++page) {
      reply r = http->get(at, koreader);
      std::vector<std::string> here = ids_of(r.body);
      CHECK(here.size() == 7);
      back.insert(here.begin(), here.end());
      at = link_of(parsed(r.body), "previous");
      if (!at.empty()) at = path_of_url(at);
    }
    CHECK(back == for_koreader);
  }

  auto count = [&](const headers& who) {
    pugi::xml_document doc = parsed(http->get("/opds/shelves", who).body);
    return std::string(doc.child("feed").child("entry").child("link").attribute("thr:count").value());
  };
  CHECK(count({}) == "117");
  CHECK(count(koreader) == "67");
}

TEST_CASE("names whose books no app can take lead nowhere and are not shown") {
  world w;
  w.add({.title = "Read", .authors = {"Ada Fenwick"}, .tags = {"paper"}});
  w.add({.title = "Listened",
         .authors = {"Mo Castell"},
         .series = "Heard",
         .index = 1,
         .tags = {"sound"},
         .languages = {"fr"},
         .format = "m4b",
         .extension = ".m4b"});
  w.add({.title = "Locked in",
         .authors = {"Nobody Hears"},
         .series = "Unheard",
         .index = 1,
         .tags = {"silence"},
         .languages = {"de"},
         .format = "opus",
         .extension = ".opus"});
  auto http = w.as(w.owner);
  auto titles = [&](const char* list, const headers& who) { return titles_of(http->get(list, who).body); };
  using strings = std::vector<std::string>;
  CHECK(titles("/opds/authors", {}) == strings{"Mo Castell", "Ada Fenwick"});
  CHECK(titles("/opds/authors", koreader) == strings{"Ada Fenwick"});
  CHECK(titles("/opds/series", {}) == strings{"Heard"});
  CHECK(titles("/opds/series", koreader).empty());
  CHECK(titles("/opds/tags", {}) == strings{"paper", "sound"});
  CHECK(titles("/opds/tags", koreader) == strings{"paper"});
  CHECK(titles("/opds/languages", {}) == strings{"English", "French"});
  CHECK(titles("/opds", koreader) == strings{"New for reader", "Recently added", "All books", "Authors", "Tags", "Surprise me"});
  std::string heard = section(*http, "/opds/series", "Heard");
  CHECK(http->get(heard).status == 200);
  CHECK(http->get(heard, koreader).status == 404);
  CHECK(http->get("/opds/languages/de").status == 404);
  CHECK(titles("/opds/search?q=locked", {}).empty());
}

TEST_CASE("the entry of a book without a file for the app is 404, like that of any book that is not in its catalog") {
  world w;
  made_book heard = w.add({.title = "Heard", .format = "mp3", .extension = ".mp3"});
  made_book lossless = w.add({.title = "Lossless", .format = "flac", .extension = ".flac"});
  auto http = w.as(w.owner);
  std::string at = "/opds/books/" + heard.id.text(), other = "/opds/books/" + lossless.id.text();
  reply entry = http->get(at);
  CHECK(entry.status == 200);
  CHECK(refused({entry.body}) == "");
  for (const auto& [path, who] : {std::pair(at, koreader), std::pair(other, headers{}), std::pair(other, koreader)}) {
    INFO(path);
    reply r = http->get(path, who);
    CHECK(r.status == 404);
    CHECK(r.header("Content-Type") == "text/plain;charset=utf-8");
    CHECK(http->head(path, who).status == 404);
  }
  // With other bytes in its place the book is in the catalog.
  w.change([&](db::tx& tx) {
    library::new_file file;
    file.format = "epub";
    file.checksum = std::string(64, 'e');
    file.storage_path = "library/e.epub";
    library::replace_file(tx, lossless.file, file);
  });
  CHECK(http->get(other, koreader).status == 200);
  CHECK(titles_of(http->get("/opds/new", koreader).body) == std::vector<std::string>{"Lossless"});
}
