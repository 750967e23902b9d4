#include <catch2/catch.hpp>
#include <deque>
#include <pugixml.hpp>
#include <set>

#include "library/shelf.hpp"
#include "server/core/clock.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/opds/checks.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

constexpr const char* navigation = "application/atom+xml;profile=opds-catalog;kind=navigation";
constexpr const char* acquisition = "application/atom+xml;profile=opds-catalog;kind=acquisition";

struct walker {
  explicit walker(world& w) : base(w.base()), http(w.as(w.owner)) {}

  void from(const std::string& root) {
    add(root, navigation);
    while (!todo.empty()) {
      auto [url, type] = todo.front();
      todo.pop_front();
      visit(url, type);
    }
  }

  void add(const std::string& url, const std::string& type) {
    INFO(url);
    REQUIRE(url.starts_with(base + "/"));
    CHECK(url.find("%25") == std::string::npos);
    CHECK(url.find("&amp;") == std::string::npos);
    if (seen.insert(url).second) todo.emplace_back(url, type);
  }

  void visit(const std::string& url, const std::string& type) {
    INFO(url);
    reply r = http->get(path_of_url(url));
    bool no_place = type == "application/vnd.readium.progression+json" && r.status == 204;  // opds.md 11
    if (no_place) return;
    REQUIRE(r.status == 200);
    std::string got = r.header("Content-Type");
    if (!type.starts_with("application/atom+xml") && !type.starts_with("application/opensearch")) {
      CHECK(got == type);
      return;
    }
    CHECK(got == type + ";charset=utf-8");
    documents.push_back(r.body);
    if (type.starts_with("application/opensearch")) return;

    reply head = http->head(path_of_url(url));
    CHECK(head.status == 200);
    CHECK(head.body.empty());
    for (const char* name : {"Content-Type", "ETag", "Last-Modified", "Cache-Control", "Vary", "Cross-Origin-Resource-Policy"}) {
      CHECK(head.header(name) == r.header(name));
    }
    read(url, type, r.body);
  }

  void read(const std::string& url, const std::string& type, const std::string& body) {
    pugi::xml_document doc = parsed(body);
    pugi::xml_node top = doc.document_element();
    for (pugi::xml_node l : top.children("link")) {
      std::string rel = l.attribute("rel").value(), href = l.attribute("href").value();
      if (rel == "self") {
        if (is_kept(url)) CHECK(http->get(path_of_url(href)).body == body);
        continue;
      }
      // Each facet by itself; all of them together are thousands of lists.
      bool narrowed = url.find('?') != std::string::npos;
      if (rel == "http://opds-spec.org/facet" && narrowed) continue;
      if (rel == "search" && href.find('{') != std::string::npos) {
        CHECK(href.ends_with("q={searchTerms}"));
        add(href.substr(0, href.find('{')) + "salt", acquisition);
        continue;
      }
      add(href, l.attribute("type").value());
    }
    bool books = type == acquisition;
    for (pugi::xml_node e : top.children("entry")) {
      int downloads = 0, sections = 0;
      for (pugi::xml_node l : e.children("link")) {
        std::string rel = l.attribute("rel").value(), href = l.attribute("href").value();
        add(href, l.attribute("type").value());
        if (rel.starts_with("http://opds-spec.org/acquisition")) {
          ++downloads;
          reply file = http->get(path_of_url(href));
          CHECK(file.header("Content-Length") == l.attribute("length").value());
          CHECK(file.has("Content-Disposition"));
        } else if (std::string(l.attribute("type").value()).find("kind=") != std::string::npos) {
          ++sections;
        }
      }
      INFO(url);
      CHECK((downloads > 0) == books);
      CHECK((sections > 0) == !books);
      if (!books) CHECK_FALSE(e.child("author"));
    }
  }

  // Two lists are others each time.
  static bool is_kept(const std::string& url) {
    return url.find("/opds/random") == std::string::npos && url.find("/opds/sync") == std::string::npos;
  }

  std::string base;
  std::unique_ptr<client> http;
  std::set<std::string> seen;
  std::deque<std::pair<std::string, std::string>> todo;
  std::vector<std::string> documents;
};

// Some seconds after the last change: whether Last-Modified is sent must not change under way.
struct later {
  later() { set_clock(now() + std::chrono::seconds{10}); }
  ~later() { set_clock(std::nullopt); }
};

std::vector<std::string> walked(world& w, const std::string& root) {
  later clock;
  walker walk(w);
  walk.from(w.base() + root);
  return walk.documents;
}

void put_on_shelf(world& w, const std::string& name, const std::vector<made_book>& books) {
  std::vector<uuid> ids;
  for (const made_book& b : books) ids.push_back(b.id);
  w.change([&](db::tx& tx) {
    uuid shelf = library::create_shelf(tx, w.owner.user, name, true)->id;
    library::add_to_shelf(tx, w.owner.user, shelf, ids);
  });
}

}  // namespace

TEST_CASE("every link of an empty catalog answers as promised and every document is valid") {
  world w;
  std::vector<std::string> documents = walked(w, "/opds");
  CHECK(documents.size() >= 5);
  CHECK(refused(documents) == "");
  CHECK(titles_of(w.as(w.owner)->get("/opds").body) ==
        std::vector<std::string>{"New for reader", "Recently added", "All books", "Authors", "Surprise me"});
}

TEST_CASE("every link of a catalog with one book answers as promised and every document is valid") {
  world w;
  made_book b =
      w.add({.title = "The Lighthouse Ledger", .series = "Harbour Lights", .index = 2, .tags = {"Boats"}, .cover = true});
  put_on_shelf(w, "To read", {b});
  std::vector<std::string> documents = walked(w, "/opds");
  CHECK(refused(documents) == "");
  std::vector<std::string> root = titles_of(w.as(w.owner)->get("/opds").body);
  CHECK(root == std::vector<std::string>{"New for reader", "Recently added", "Shelves", "All books", "Authors", "Series", "Tags",
                                         "Surprise me"});
}

TEST_CASE("every link of a catalog with 120 hostile books answers as promised and every document is valid") {
  world w;
  std::vector<made_book> books = w.add_all(w.hostile_books(120));
  put_on_shelf(w, "Sea & <Salt>", books);
  std::vector<std::string> documents = walked(w, "/opds");
  CHECK(documents.size() > 200);
  CHECK(refused(documents) == "");
}

TEST_CASE("a complete entry holds what the partial one does") {
  world w;
  w.add_all(w.hostile_books(10));
  auto http = w.as(w.owner);
  pugi::xml_document feed = parsed(http->get("/opds/books").body);
  int compared = 0;
  for (pugi::xml_node partial : feed.child("feed").children("entry")) {
    std::string address;
    for (pugi::xml_node l : partial.children("link")) {
      if (std::string(l.attribute("rel").value()) == "alternate") address = l.attribute("href").value();
    }
    pugi::xml_document entry = parsed(http->get(path_of_url(address)).body);
    pugi::xml_node whole = entry.child("entry");
    for (const char* name :
         {"id", "title", "updated", "dc:publisher", "dc:issued", "calibre:series", "calibre:series_index", "summary"}) {
      CHECK(std::string(whole.child_value(name)) == partial.child_value(name));
    }
    std::set<std::string> addresses;
    for (pugi::xml_node l : whole.children("link")) addresses.insert(l.attribute("href").value());
    for (pugi::xml_node l : partial.children("link")) CHECK(addresses.count(l.attribute("href").value()) == 1);
    ++compared;
  }
  CHECK(compared == 10);
}

TEST_CASE("the aliases and spellings of the root answer 200 with the same document") {
  world w;
  auto http = w.as(w.owner);
  std::string root = http->get("/opds").body;
  for (const char* alias :
       {"/opds/", "//opds/", "/opds/v1.2", "/opds/v1.2/", "/opds/v1.2/catalog", "/opds/v1", "/opds/catalog"}) {
    INFO(alias);
    reply r = http->get(alias, {{"Accept", "application/opds+json"}});
    CHECK(r.status == 200);
    bool common = std::string(alias) == "/opds/" || std::string(alias) == "//opds/";
    if (common)
      CHECK(r.header("Content-Type") == "application/opds+json");
    else
      CHECK(r.body == root);
    CHECK(http->get(alias).body == root);
  }
  CHECK(http->get("/opds/new/", {{"Accept", "application/opds+json"}}).header("Content-Type") ==
        std::string(acquisition) + ";charset=utf-8");
}

TEST_CASE("the page size of the root's address is carried into every feed link") {
  world w;
  w.add_all(w.hostile_books(30));
  std::string root = w.as(w.owner)->get("/opds?n=7").body;
  pugi::xml_document doc = parsed(root);
  for (pugi::xml_node e : doc.child("feed").children("entry")) {
    CHECK(std::string(e.child("link").attribute("href").value()).ends_with("?n=7"));
  }
  CHECK(titles_of(w.as(w.owner)->get("/opds/books?n=7").body).size() == 7);
  CHECK(titles_of(w.as(w.owner)->get("/opds/books?n=1").body).size() == 5);
  CHECK(titles_of(w.as(w.owner)->get("/opds/books?n=many").body).size() == 30);
  CHECK(link_of(parsed(w.as(w.owner)->get("/opds/books?n=900").body), "self").ends_with("/opds/books?n=200"));
}

TEST_CASE("behind a proxy with a prefix and https every address carries both") {
  world w;
  w.add({.title = "Prefixed", .tags = {"Tag"}, .cover = true});
  auto http = w.as(w.owner);
  headers proxy{{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "books.example.net"}, {"X-Forwarded-Prefix", "/books"}};
  for (const char* path : {"/opds", "/opds/new", "/opds/tags", "/opds/search.xml", "/opds/auth.json"}) {
    reply r = http->get(path, proxy);
    INFO(r.body);
    CHECK(r.status == 200);
    CHECK(r.body.find("127.0.0.1") == std::string::npos);
    CHECK(r.body.find("https://books.example.net/books/opds") != std::string::npos);
  }
  CHECK(http->get("/opds/new", proxy).header("ETag") != http->get("/opds/new").header("ETag"));
  CHECK(w.anonymous()->get("/opds", proxy).header("Link").starts_with("<https://books.example.net/books/opds/auth.json>"));
}

TEST_CASE("a configured address does not change with what a client sends") {
  world w(settings{{"external_url", "https://books.example.net/shelf/"}});
  w.add({.title = "Fixed", .cover = true});
  auto http = w.as(w.owner);
  std::string usual = http->get("/opds/new").body;
  CHECK(http->get("/opds/new", {{"Host", "evil.example"}, {"X-Forwarded-Host", "evil.example"}}).body == usual);
  CHECK(link_of(parsed(usual), "self") == "https://books.example.net/shelf/opds/new");
}
