// What each app of opds.md 15 sends and needs, beyond KOReader's own conversations (koreader_test.cpp, sync_test.cpp).
#include <algorithm>
#include <catch2/catch.hpp>
#include <pugixml.hpp>
#include <regex>

#include "library/shelf.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/publication/comic_maker.hpp"
#include "tests/unit/publication/zip_maker.hpp"

using namespace carrel;
using namespace carrel::opds::tests;
namespace made = carrel::publication::test;

namespace {

using strings = std::vector<std::string>;

struct xml_link {
  std::string rel, href, type, title;
};
std::vector<xml_link> links_of(pugi::xml_node in) {
  std::vector<xml_link> out;
  for (pugi::xml_node l : in.children("link"))
    out.push_back(
        {l.attribute("rel").value(), l.attribute("href").value(), l.attribute("type").value(), l.attribute("title").value()});
  return out;
}
const xml_link* link_with(const std::vector<xml_link>& all, std::string_view rel) {
  auto found = std::find_if(all.begin(), all.end(), [&](const xml_link& l) { return l.rel == rel; });
  return found == all.end() ? nullptr : &*found;
}

constexpr const char* acquisition = "http://opds-spec.org/acquisition";

void some_books(world& w) {
  std::vector<book_draft> more;
  for (int i = 0; i < 60; ++i) more.push_back({.title = "Filler " + std::to_string(i), .cover = i % 2 == 0});
  w.add_all(more);
  w.add({.title = "Sea & Salt", .authors = {"Ines Marlow"}, .series = "Tides", .index = 1, .tags = {"Ocean"}, .cover = true});
}

}  // namespace

TEST_CASE("Readest finds the sign-in with HEAD, searches by the exact type, and is not led away from a subscribed shelf") {
  world w;
  some_books(w);
  made_book b = w.add({.title = "Shelved", .cover = true});
  auto http = w.as(w.owner), nobody = w.anonymous();
  for (auto* c : {http.get(), nobody.get()}) {
    c->always.emplace_back("User-Agent", "Readest/1.0 (OPDS Browser)");
    c->always.emplace_back("Accept", "application/atom+xml, application/xml, text/xml, */*");
  }
  reply probe = nobody->head("/opds/dl/" + b.file.text() + "/Shelved.epub");
  CHECK(probe.status == 401);
  CHECK(probe.header("WWW-Authenticate") == "Basic realm=\"Carrel\", charset=\"UTF-8\"");

  reply root = http->get("/opds");
  REQUIRE(root.body.starts_with("<?xml"));
  std::vector<xml_link> links = links_of(parsed(root.body).child("feed"));
  auto search = std::find_if(links.begin(), links.end(), [](const xml_link& l) { return l.type == "application/atom+xml"; });
  REQUIRE(search != links.end());
  std::string address = search->href;
  address.replace(address.find("{searchTerms}"), 13, "sea%20salt");
  CHECK(titles_of(http->get(path_of_url(address)).body) == strings{"Sea & Salt"});

  uuid shelf{};
  w.change([&](db::tx& tx) {
    shelf = library::create_shelf(tx, w.owner.user, "To read", true)->id;
    library::add_to_shelf(tx, w.owner.user, shelf, {b.id});
  });
  std::regex title_of_news("newest|latest|recent|by date", std::regex::icase),
      address_of_news("/new|sort=new|sort=added|sort=date");
  for (const std::string& subscribed : {"/opds/shelves/" + shelf.text() + "?order=added", std::string("/opds/sync")}) {
    pugi::xml_document doc = parsed(http->get(subscribed).body);
    for (const xml_link& l : links_of(doc.child("feed"))) {
      INFO(l.rel << " " << l.href << " " << l.title);
      CHECK(l.rel != "http://opds-spec.org/sort/new");
      CHECK_FALSE(std::regex_search(l.title, title_of_news));
      CHECK_FALSE(std::regex_search(path_of_url(l.href), address_of_news));
    }
  }
  // Identity and cover version.
  pugi::xml_document doc = parsed(http->get("/opds/new").body);
  std::string id = doc.child("feed").child("entry").child_value("id");
  CHECK(id == "urn:uuid:" + b.id.text());
}

TEST_CASE("Readest expands the search of OPDS 2.0 and opens the full publication") {
  world w;
  some_books(w);
  auto http = w.as(w.owner);
  std::string found = http->get("/opds/v2/search?query=salt&title=&author=marlow").body;
  CHECK(found.find("Sea & Salt") != std::string::npos);
  std::size_t self = found.find("\"rel\":\"self\",\"href\":\"" + w.base() + "/opds/v2/books/");
  REQUIRE(self != std::string::npos);
  std::string address = found.substr(found.find(w.base(), self));
  reply full = http->get(path_of_url(address.substr(0, address.find('"'))));
  CHECK(full.status == 200);
  CHECK(full.header("Content-Type") == "application/opds-publication+json");
}

TEST_CASE("KOReader v2026.07, which asks for OPDS 2.0 alone, browses groups, lists and a search") {
  world w;
  some_books(w);
  auto http = w.as(w.owner);
  http->always.emplace_back("User-Agent", "KOReader/2026.07 (Kobo Libra 2)");
  http->always.emplace_back("Accept", "application/opds+json");
  reply root = http->get("/opds");
  CHECK(http->head("/opds").header("Content-Type") == "application/opds+json");
  REQUIRE(root.body.starts_with('{'));
  CHECK(root.body.find("null") == std::string::npos);
  result<json::object> o = json::read_object(root.body);
  REQUIRE(o);
  const json::object& group = *o->find("groups")->as_array()->front().as_object();
  std::string list;
  group.find("links")->as_array()->front().as_object()->take("href", list);
  CHECK(http->get(path_of_url(list)).status == 200);
  // It cuts the template at the brace and asks by itself.
  std::size_t brace = root.body.find("{?query");
  REQUIRE(brace != std::string::npos);
  std::size_t from = root.body.rfind('"', brace) + 1;
  std::string cut = root.body.substr(from, brace - from);
  CHECK(cut.find("query") == std::string::npos);
  CHECK(http->get(path_of_url(cut + "?query=sea%20salt")).body.find("Sea & Salt") != std::string::npos);
}

TEST_CASE("Thorium signs in by the document, takes sections for sections and books for books, and turns pages both ways") {
  world w;
  some_books(w);
  auto nobody = w.anonymous();
  reply refused = nobody->get("/opds");
  CHECK(refused.status == 401);
  CHECK(refused.header("Content-Type") == "application/opds-authentication+json");
  CHECK(refused.body.find("\"type\":\"http://opds-spec.org/auth/basic\"") != std::string::npos);
  CHECK(refused.header("WWW-Authenticate").starts_with("Basic"));

  auto http = w.as(w.owner);
  pugi::xml_document root = parsed(http->get("/opds").body);
  for (pugi::xml_node e : root.child("feed").children("entry")) {
    std::vector<xml_link> links = links_of(e);
    REQUIRE(links.size() == 1);
    CHECK(links[0].type.find("kind=") != std::string::npos);
    CHECK_FALSE(e.child("author"));
  }
  // It takes the last template that is exactly {searchTerms}.
  std::string description = http->get("/opds/search.xml").body;
  CHECK(description.find("{searchTerms}") == description.rfind("{searchTerms}"));

  pugi::xml_document first = parsed(http->get("/opds/new").body);
  std::string next = link_of(first, "next");
  pugi::xml_document second = parsed(http->get(path_of_url(next)).body);
  CHECK(link_of(second, "previous") != "");
  CHECK(link_of(second, "first") == w.base() + "/opds/new");
  for (pugi::xml_node e : first.child("feed").children("entry")) {
    for (const xml_link& l : links_of(e)) {
      if (l.rel == acquisition) CHECK(l.type.find(';') == std::string::npos);
      if (l.rel == "http://opds-spec.org/image/thumbnail")
        CHECK(http->get(path_of_url(l.href)).header("Content-Type") == "image/jpeg");
    }
  }
  // On a page whose total is known, the three numbers agree.
  std::string last = http->get("/opds/v2/new?n=200").body;
  CHECK(last.find("\"numberOfItems\":61,\"itemsPerPage\":200,\"currentPage\":1") != std::string::npos);
}

TEST_CASE("Moon+ Reader loads covers without the password and finds every prefix declared") {
  world w;
  some_books(w);
  std::string feed = w.as(w.owner)->get("/opds/new").body;
  auto nobody = w.anonymous();
  pugi::xml_document doc = parsed(feed);
  int covers = 0;
  for (pugi::xml_node e : doc.child("feed").children("entry")) {
    for (const xml_link& l : links_of(e)) {
      CHECK(l.href.starts_with("http://"));
      if (l.rel != "http://opds-spec.org/image") continue;
      CHECK(nobody->get(path_of_url(l.href)).status == 200);
      ++covers;
    }
  }
  CHECK(covers > 10);
  std::string head = feed.substr(feed.find("<feed"), feed.find('>', feed.find("<feed")) - feed.find("<feed"));
  for (const char* prefix : {"opds", "dc", "thr", "opensearch", "calibre"}) {
    bool used = feed.find(std::string("<") + prefix + ":") != std::string::npos ||
                feed.find(std::string(" ") + prefix + ":") != std::string::npos;
    INFO(prefix);
    CHECK((head.find(std::string("xmlns:") + prefix + "=") != std::string::npos) == used);
  }
}

TEST_CASE("Librera writes a plus for a blank") {
  world w;
  some_books(w);
  CHECK(titles_of(w.as(w.owner)->get("/opds/search?q=sea+salt").body) == strings{"Sea & Salt"});
}

TEST_CASE("FBReader, PocketBook and Chunky read a list to its end and take file names from address and header") {
  world w;
  some_books(w);
  auto http = w.as(w.owner);
  std::string at = "/opds/books";
  std::size_t books = 0;
  while (!at.empty()) {
    reply r = http->get(at);
    CHECK(r.body.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
    pugi::xml_document doc = parsed(r.body);
    for (pugi::xml_node e : doc.child("feed").children("entry")) {
      std::vector<xml_link> links = links_of(e);
      const xml_link* file = link_with(links, acquisition);
      REQUIRE(file);
      CHECK(file->href.ends_with(".epub"));
      if (books++ % 20 == 0)
        CHECK(http->head(path_of_url(file->href)).header("Content-Disposition").find("filename=\"") != std::string::npos);
    }
    std::string next = link_of(doc, "next");
    at = next.empty() ? "" : path_of_url(next);
  }
  CHECK(books == 61);
}

TEST_CASE("Aldiko and Cantook get an absolute search address and a Basic prompt; Palace the entry type to the letter") {
  world w;
  some_books(w);
  auto http = w.as(w.owner);
  std::vector<xml_link> links = links_of(parsed(http->get("/opds").body).child("feed"));
  const xml_link* search = link_with(links, "search");
  REQUIRE(search);
  CHECK(search->type == "application/opensearchdescription+xml");
  CHECK(search->href == w.base() + "/opds/search.xml");
  CHECK(w.anonymous()->get("/opds").header("WWW-Authenticate").starts_with("Basic "));

  links = links_of(parsed(http->get("/opds/new").body).child("feed").child("entry"));
  const xml_link* whole = link_with(links, "alternate");
  REQUIRE(whole);
  CHECK(whole->type == "application/atom+xml;type=entry;profile=opds-catalog");
  CHECK(http->get(path_of_url(whole->href)).header("Content-Type") == whole->type + ";charset=utf-8");
  CHECK(http->get(path_of_url(whole->href)).body.find("<schema:Series") != std::string::npos);
}

TEST_CASE("Marvin and Mantano follow the description by absolute addresses, and Foliate the lists by their kinds") {
  world w;
  some_books(w);
  auto http = w.as(w.owner);
  std::string description = http->get("/opds/search.xml").body;
  pugi::xml_document doc = parsed(description);
  for (pugi::xml_node url : doc.child("OpenSearchDescription").children("Url"))
    CHECK(std::string(url.attribute("template").value()).starts_with(w.base() + "/opds/search?q={searchTerms"));

  pugi::xml_document root = parsed(http->get("/opds").body);
  for (pugi::xml_node section : root.child("feed").children("entry")) {
    std::vector<xml_link> links = links_of(section);
    REQUIRE(links.size() == 1);
    CHECK(links[0].href.starts_with(w.base() + "/opds/"));
    reply list = http->get(path_of_url(links[0].href));
    CHECK(list.header("Content-Type") == links[0].type + ";charset=utf-8");
    bool books = links[0].type.ends_with("kind=acquisition");
    for (pugi::xml_node e : parsed(list.body).child("feed").children("entry"))
      CHECK((link_with(links_of(e), acquisition) != nullptr) == books);
  }
}

TEST_CASE("Panels has a file besides the stream and fetches pages ahead, all at once") {
  world w;
  std::vector<made::part> pages;
  for (int i = 1; i <= 8; ++i) pages.push_back({.name = std::to_string(i) + ".png", .data = made::page_picture(i)});
  made_book b = w.add({.title = "Drawn", .format = "cbz", .extension = ".cbz", .bytes = made::make_zip(pages)});
  w.read_outlines();
  auto http = w.as(w.owner);
  std::vector<xml_link> links = links_of(parsed(http->get("/opds/new").body).child("feed").child("entry"));
  const xml_link* file = link_with(links, acquisition);
  const xml_link* stream = link_with(links, "http://vaemendis.net/opds-pse/stream");
  REQUIRE(file);
  REQUIRE(stream);
  CHECK(file < stream);
  std::vector<std::unique_ptr<client>> ahead;
  for (int i = 0; i < 8; ++i) {
    ahead.push_back(w.as(w.owner));
    std::string at = path_of_url(stream->href);
    at.replace(at.find("{pageNumber}"), 12, std::to_string(i)).replace(at.find("{maxWidth}"), 10, "800");
    CHECK(ahead.back()->begin("GET", at).status == 200);
  }
  CHECK(http->get("/opds/pse/" + b.file.text() + "/8").status == 404);
}

TEST_CASE("small readers get small plain pages from an address with n, all the way down") {
  world w;
  some_books(w);
  auto http = w.as(w.owner);
  pugi::xml_document root = parsed(http->get("/opds?n=10").body);
  for (pugi::xml_node e : root.child("feed").children("entry")) {
    std::string to = e.child("link").attribute("href").value();
    CHECK(to.ends_with("n=10"));
    reply r = http->get(path_of_url(to));
    REQUIRE(r.status == 200);
    CHECK_FALSE(r.has("Content-Encoding"));
    CHECK(r.has("Content-Length"));
    CHECK(titles_of(r.body).size() <= 10);
    CHECK(r.body.size() < 40'000);
  }
}

TEST_CASE("requests that nobody should send get an answer of their own, never a failure") {
  world w;
  some_books(w);
  auto http = w.as(w.owner);
  std::string id = "00000000-0000-7000-8000-00000000ffff";
  for (const std::string& tree : {std::string("/opds"), std::string("/opds/v2")}) {
    for (const std::string& path :
         {std::string("/new?after=!!!"), "/new?after=" + std::string(600, 'A'), std::string("/shelves?before=AAAA"),
          std::string("/random?after=AQID"), std::string("/sync?after=AQID"), std::string("/years?after=AQID")}) {
      INFO(tree + path.substr(0, 40));
      reply r = http->get(tree + path);
      CHECK(r.status == 400);
      CHECK(r.header("Content-Type") == "text/plain;charset=utf-8");
      CHECK(std::count(r.body.begin(), r.body.end(), '\n') == 1);
    }
    for (const std::string& path :
         {"/authors/" + id, "/genres/" + id, "/publishers/" + id, "/shelves/" + id, "/libraries/" + id, std::string("/authors/7"),
          std::string("/genres/x"), std::string("/ratings/0"), std::string("/years/-5"), std::string("/books/" + id),
          std::string("/nowhere"), std::string("/languages/x%20y"), std::string("/formats/%C3%A4")}) {
      INFO(tree + path);
      CHECK(http->get(tree + path).status == 404);
      CHECK(http->head(tree + path).status == 404);
    }
    for (const std::string& path :
         {std::string("/new?n=99999999999999999999"), std::string("/new?n=-7"), std::string("/new?n=0x10"),
          std::string("/books?order=%00"), std::string("/new?pos=nowhere"), "/search?q=" + std::string(6000, 'x'),
          "/search?query=" + std::string(6000, '%'), std::string("/search?q=%27%29%3B--&lang=%27"),
          std::string("/search?q=a&startIndex=-1&startPage=99999999"), std::string("/authors?i=%F0%9F%90%99"),
          std::string("/publishers?i=%20"), std::string("/genres?i=%25")}) {
      INFO(tree + path.substr(0, 60));
      CHECK(http->get(tree + path).status == 200);
    }
  }
  for (const char* broken : {"/opds/languages/%00", "/opds/v2/formats/%FF", "/opds/search?q=%FF%00&after=%00"}) {
    INFO(broken);
    int status = http->get(broken).status;
    CHECK((status == 200 || status == 400 || status == 404));
  }
  for (const char* accept : {"application/opds+json;version=3.0", "application/opds+json;q=2", "text/html", "image/*", ";;;", ",",
                             "application/vnd.unknown+json"}) {
    INFO(accept);
    CHECK(http->get("/opds", {{"Accept", accept}}).status == 200);
    CHECK(http->get("/opds/new", {{"Accept", accept}}).status == 200);
    CHECK(http->get("/opds/v2/new", {{"Accept", accept}}).status == 200);
  }
  for (const char* tree : {"/opds/search?q=", "/opds/v2/search?query="}) {
    reply r = w.as(w.owner)->get(tree + std::string(10'000, 'x'));  // more than a request line may hold
    CHECK(r.status == 414);
    CHECK(std::count(r.body.begin(), r.body.end(), '\n') == 1);
  }
  for (const char* method : {"POST", "DELETE", "PATCH"}) {
    reply r = http->send(method, "/opds/v2/new", {{"Content-Length", "0"}});
    CHECK(r.status == 405);
    CHECK(r.has("Allow"));
  }
}
