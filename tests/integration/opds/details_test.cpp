// Rules that hold on every page and download, whatever is asked for (opds.md 3.10, 5.13, 12.7, 13.2).
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <pugixml.hpp>
#include <regex>

#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

using strings = std::vector<std::string>;

struct facet_links {
  std::map<std::string, strings> titles;  // by group, in their order
  std::map<std::string, int> active;
  strings addresses;
};

facet_links facets_in(const std::string& feed) {
  facet_links out;
  pugi::xml_document doc = parsed(feed);
  for (pugi::xml_node l : doc.child("feed").children("link")) {
    std::string group = l.attribute("opds:facetGroup").value();
    if (group.empty()) continue;
    out.titles[group].push_back(l.attribute("title").value());
    out.active[group] += l.attribute("opds:activeFacet").as_bool();
    out.addresses.push_back(l.attribute("href").value());
  }
  return out;
}

void add_polyglot_books(world& w) {
  const strings languages{"en", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "fi", "pl", "cs", "hu", "el", "tr"};
  std::vector<book_draft> drafts;
  for (std::size_t i = 0; i < 60; ++i) {
    drafts.push_back({.title = "Book " + std::to_string(i),
                      .languages = {languages[i % languages.size()]},
                      .format = i % 2 ? "epub" : "pdf",
                      .extension = i % 2 ? ".epub" : ".pdf"});
  }
  w.add_all(drafts);
}

}  // namespace

TEST_CASE("facets are on every page, at most four groups of twelve choices, with one in force in each") {
  world w;
  add_polyglot_books(w);
  auto http = w.as(w.owner);
  std::string first = http->get("/opds/new?n=20").body;
  std::string second = http->get(path_of_url(link_of(parsed(first), "next"))).body;
  for (const std::string& body : {first, second, http->get("/opds/search?q=book&n=20").body}) {
    facet_links f = facets_in(body);
    CHECK(f.titles.size() >= 3);
    CHECK(f.titles.size() <= 4);
    for (const auto& [group, titles] : f.titles) {
      INFO(group);
      CHECK(titles.size() >= 2);
      CHECK(titles.size() <= 12);
      CHECK(f.active[group] == 1);
    }
    for (const std::string& address : f.addresses) {
      CHECK(address.find("after=") == std::string::npos);
      CHECK(address.find("n=20") != std::string::npos);
    }
    CHECK(body.find("activeFacet=\"false\"") == std::string::npos);
  }
  // The one in force is shown although it is the last of fifteen.
  facet_links chosen = facets_in(http->get("/opds/new?lang=tr").body);
  CHECK(chosen.active["Language"] == 1);
  CHECK(chosen.titles["Language"].back() == "Turkish");
}

TEST_CASE("no facet is taken for a list of new books by an app that looks for one") {
  world w;
  add_polyglot_books(w);
  auto http = w.as(w.owner);
  static const std::regex title(R"(newest|latest|recent|by date|\bnew\b)", std::regex::icase),
      address(R"(sort=new|sort=added|sort=date)", std::regex::icase);
  for (const char* path : {"/opds/books", "/opds/languages/en", "/opds/formats/pdf", "/opds/search?q=book"}) {
    for (const char* accepted : {"en", "de", "fr"}) {
      facet_links f = facets_in(http->get(path, {{"Accept-Language", accepted}}).body);
      REQUIRE_FALSE(f.addresses.empty());
      for (const auto& [group, titles] : f.titles) {
        for (const std::string& t : titles) {
          INFO(t);
          CHECK_FALSE(std::regex_search(t, title));
        }
      }
      for (const std::string& a : f.addresses) {
        INFO(a);
        CHECK_FALSE(std::regex_search(a, address));
        CHECK(a.find("/new") == std::string::npos);
      }
    }
  }
}

TEST_CASE("answers of every kind set no cookie, cannot be taken for another type, and may be read by apps of other origins") {
  world w;
  made_book b = w.add({.title = "Tide", .bytes = "0123456789", .cover = true});
  auto http = w.as(w.owner);
  std::string entry = http->get("/opds/books/" + b.id.text()).body;
  std::string cover =
      path_of_url(parsed(entry).select_node("//*[@rel='http://opds-spec.org/image/thumbnail']").node().attribute("href").value());
  for (const std::string& path :
       {std::string("/opds"), std::string("/opds/new"), std::string("/opds/v2"), std::string("/opds/search.xml"),
        std::string("/opds/auth.json"), "/opds/books/" + b.id.text(), "/opds/dl/" + b.file.text() + "/x.epub",
        "/opds/books/" + b.id.text() + "/progression", std::string("/opds/nowhere"), cover}) {
    for (const char* method : {"GET", "HEAD", "OPTIONS"}) {
      INFO(method << " " << path);
      reply r = http->send(method, path);
      CHECK_FALSE(r.has("Set-Cookie"));
      CHECK(r.header("X-Content-Type-Options") == "nosniff");
      CHECK_FALSE((r.status >= 300 && r.status < 400));
      if (std::string(method) != "OPTIONS") CHECK(r.header("Cross-Origin-Resource-Policy") == "cross-origin");
    }
  }
}

TEST_CASE("a look at the end of a file is no download, and parts are one when all of them have come") {
  world w;
  made_book b = w.add({.title = "Fetched", .bytes = "0123456789"});
  auto http = w.as(w.owner);
  std::string at = "/opds/dl/" + b.file.text() + "/x.epub";
  auto downloads = [&] {
    w.finish_background();
    return w.other().read_now([&](db::tx& tx) {
      return tx.run({"test.count_downloads", "select count(*) from downloads where file_id = $1"}, b.file)[0].integer(0);
    });
  };
  auto fetch = [&](const std::string& range) {
    CHECK(http->get(at, {{"Range", "bytes=" + range}}).status == 206);
    CHECK(http->head(at).status == 200);  // an answer ends before the next one on its connection begins
    return downloads();
  };
  CHECK(fetch("-4") == 0);
  CHECK(fetch("4-7") == 0);
  CHECK(fetch("3-") == 0);
  CHECK(fetch("0-2") == 1);
  CHECK(fetch("-4") == 1);
}
