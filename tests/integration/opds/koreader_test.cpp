#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include "server/core/text.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

// What KOReader sends, header for header (opds.md 3.12).
struct koreader {
  explicit koreader(world& w) : http(w.as(w.owner)) {
    for (const auto& h : headers{
             {"Accept", "application/opds+json, application/atom+xml;profile=opds-catalog, */*"},
             {"Accept-Encoding", "identity"},
             {"User-Agent", "KOReader/2026.07 (Kobo Libra 2; Linux; arm; https://github.com/koreader/koreader) LuaSocket/3.1.0"},
             {"Connection", "close, TE"},
             {"TE", "trailers"}}) {
      http->always.push_back(h);
    }
  }

  // HEAD, then GET, for every feed.
  std::string load(const std::string& url) {
    reply head = http->head(path_of_url(url)), get = http->get(path_of_url(url));
    INFO(url);
    CHECK(head.status == 200);
    REQUIRE(get.status == 200);
    for (const char* name : {"Content-Type", "ETag", "Last-Modified"}) CHECK(head.header(name) == get.header(name));
    CHECK_FALSE(get.has("Content-Encoding"));
    CHECK(get.header("Connection") == "close");
    CHECK(get.header("Vary").find("User-Agent") != std::string::npos);
    CHECK_FALSE(get.body.starts_with('{'));
    return get.body;
  }

  // With the text percent-encoded and %20 for blanks.
  std::string search(const std::string& feed, const std::string& words) {
    std::string address;
    pugi::xml_document doc = parsed(feed);
    for (pugi::xml_node l : doc.child("feed").children("link")) {
      CHECK(std::string(l.attribute("type").value()) != "application/opensearchdescription+xml");
      if (std::string(l.attribute("rel").value()) == "search") address = l.attribute("href").value();
    }
    REQUIRE(address.ends_with("{searchTerms}"));
    return load(address.substr(0, address.size() - 13) + percent_encode(words));
  }

  std::unique_ptr<client> http;
};

std::string section(const std::string& feed, const std::string& title) {
  pugi::xml_document doc = parsed(feed);
  for (pugi::xml_node e : doc.child("feed").children("entry")) {
    if (e.child_value("title") == title) return e.child("link").attribute("href").value();
  }
  return "";
}

}  // namespace

TEST_CASE("KOReader browses, turns pages, sorts, searches and downloads") {
  world w;
  w.add({.title = "Sea & Salt", .authors = {"Ines Marlow", "Tomás Quill"}, .tags = {"Ocean"}, .bytes = "the book"});
  std::vector<book_draft> more;
  for (int i = 0; i < 60; ++i) more.push_back({.title = "Filler " + std::to_string(i)});
  w.add_all(more);
  w.add({.title = "Ärger; \"im\" 50% Hafen", .authors = {"Mo Castell"}});
  w.add({.title = "Heard only", .format = "m4b", .extension = ".m4b"});
  koreader reader(w);

  std::string root = reader.load("/opds");
  std::string newest = reader.load(section(root, "Recently added"));
  CHECK(titles_of(newest).front() == "Ärger; \"im\" 50% Hafen");
  std::string second = reader.load(link_of(parsed(newest), "next"));
  // The audiobook is on none of the pages.
  CHECK(titles_of(newest).size() + titles_of(second).size() == 62);

  std::string facet = link_of(parsed(newest), "http://opds-spec.org/facet");
  CHECK(path_of_url(facet) == "/opds/new");
  pugi::xml_document doc = parsed(newest);
  int active = 0, facets = 0;
  for (pugi::xml_node l : doc.child("feed").children("link")) {
    if (std::string(l.attribute("rel").value()) != "http://opds-spec.org/facet") continue;
    ++facets;
    std::string group = l.attribute("opds:facetGroup").value();
    CHECK((group == "Order" || group == "Reading"));  // one language and one format are no choice
    active += std::string(l.attribute("opds:activeFacet").value()) == "true";
    reader.load(l.attribute("href").value());
  }
  CHECK(facets == 9);
  CHECK(active == 2);

  std::string found = reader.search(newest, "sea & salt");
  REQUIRE(titles_of(found) == std::vector<std::string>{"Sea & Salt"});
  pugi::xml_document result = parsed(found);
  pugi::xml_node entry = result.child("feed").child("entry");
  CHECK(std::string(entry.child("author").child_value("name")) == "Ines Marlow, Tomás Quill");
  CHECK_FALSE(entry.child("author").next_sibling("author"));
  CHECK(titles_of(reader.search(newest, "ä")).size() <= 1);
  found = reader.search(newest, "ärger");
  REQUIRE(titles_of(found).size() == 1);

  pugi::xml_document umlaut = parsed(found);
  std::string file;
  for (pugi::xml_node l : umlaut.child("feed").child("entry").children("link")) {
    if (std::string(l.attribute("rel").value()) == "http://opds-spec.org/acquisition") file = l.attribute("href").value();
  }
  reply head = reader.http->head(path_of_url(file));
  std::string name = head.header("Content-Disposition");
  INFO(name);
  CHECK(name.find("filename=\"Ärger") != std::string::npos);
  std::string quoted = name.substr(22, name.find("\"; filename*=") - 22);
  CHECK(quoted.find_first_of("\"%;") == std::string::npos);
  CHECK(quoted.ends_with(".epub"));
  CHECK(reader.http->get(path_of_url(file)).header("Content-Length") == head.header("Content-Length"));
}

TEST_CASE("a list with nothing for KOReader is empty, with a way to search") {
  world w;
  for (int i = 0; i < 3; ++i) w.add({.title = "Heard " + std::to_string(i), .format = "mp3", .extension = ".mp3"});
  koreader reader(w);
  std::string feed = reader.load("/opds/new");
  CHECK(titles_of(feed).empty());
  CHECK(link_of(parsed(feed), "search").ends_with("{searchTerms}"));
}

TEST_CASE("pages with nothing for KOReader are passed over") {
  world w;
  w.add({.title = "To read"});
  std::vector<book_draft> heard;
  for (int i = 0; i < 20; ++i) heard.push_back({.title = "Heard " + std::to_string(i), .format = "mp3", .extension = ".mp3"});
  w.add_all(heard);
  koreader reader(w);
  CHECK(titles_of(reader.load("/opds/new?n=5")) == std::vector<std::string>{"To read"});
}
