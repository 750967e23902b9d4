// OPDS 2.0 is the same catalog in another form (opds.md 2.3, 9, 17).
#include <catch2/catch.hpp>
#include <deque>
#include <pugixml.hpp>
#include <set>

#include "library/opinion.hpp"
#include "library/shelf.hpp"
#include "server/core/json.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/opds/checks.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

constexpr const char* feed_type = "application/opds+json";
constexpr const char* publication_type = "application/opds-publication+json";

json::object read(const std::string& text) {
  result<json::object> o = json::read_object(text);
  INFO(text.substr(0, 400));
  REQUIRE(o);
  return *o;
}

const json::array& list_in(const json::object& o, std::string_view name) {
  static const json::array none;
  const json::value* v = o.find(name);
  return v && v->as_array() ? *v->as_array() : none;
}

std::string text_in(const json::object& o, std::string_view name) {
  std::string out;
  o.take(name, out);
  return out;
}

std::string link_in(const json::object& o, std::string_view rel) {
  for (const json::value& l : list_in(o, "links")) {
    if (text_in(*l.as_object(), "rel") == rel) return text_in(*l.as_object(), "href");
  }
  return "";
}

// The books of these lists are made up: nothing is in them that could be read online.
bool is_manifest(const json::object& link) { return text_in(link, "title").ends_with(" online"); }

struct walker {
  explicit walker(world& w) : base(w.base()), http(w.as(w.owner)) {}

  void from(const std::string& root) {
    add(root, feed_type);
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
    if (seen.insert(url).second) todo.emplace_back(url, type);
  }

  void visit(const std::string& url, const std::string& type) {
    INFO(url);
    reply r = http->get(path_of_url(url));
    bool no_place = type == "application/vnd.readium.progression+json" && r.status == 204;  // opds.md 11
    if (no_place) return;
    REQUIRE(r.status == 200);
    bool json = type == feed_type || type == publication_type;
    bool atom = type.starts_with("application/atom+xml");
    CHECK(r.header("Content-Type") == (atom ? type + ";charset=utf-8" : type));
    if (!json) return;
    reply head = http->head(path_of_url(url));
    for (const char* name : {"Content-Type", "ETag", "Cache-Control", "Vary"}) CHECK(head.header(name) == r.header(name));
    for (const char* bad : {":null", ":\"\"", ":[]"}) {
      INFO(bad);
      std::string text = r.body;
      std::size_t empty = text.find("\"groups\":[]");
      if (empty != std::string::npos) text.erase(empty, 11);
      CHECK(text.find(bad) == std::string::npos);
    }
    (type == feed_type ? feeds : publications).push_back(r.body);
    follow(url, read(r.body), r.body);
  }

  void follow(const std::string& url, const json::object& o, const std::string& body) {
    for (const json::value& v : list_in(o, "links")) {
      const json::object& l = *v.as_object();
      std::string href = text_in(l, "href"), rel = text_in(l, "rel");
      bool kept = url.find("/random") == std::string::npos && url.find("/sync") == std::string::npos;
      if (rel == "self" && kept && o.find("metadata") && body.starts_with('{')) {
        CHECK(http->get(path_of_url(href)).body == body);
      } else if (rel == "search") {
        CHECK(href == base + "/opds/v2/search{?query,title,author}");
        add(base + "/opds/v2/search?query=salt", feed_type);
      } else if (rel != "self" && !is_manifest(l)) {
        add(href, text_in(l, "type"));
      }
    }
    for (const json::value& v : list_in(o, "navigation")) add(text_in(*v.as_object(), "href"), text_in(*v.as_object(), "type"));
    for (const json::value& v : list_in(o, "publications")) publication(*v.as_object());
    for (const json::value& v : list_in(o, "images")) add(text_in(*v.as_object(), "href"), text_in(*v.as_object(), "type"));
    for (const json::value& v : list_in(o, "groups")) {
      const json::object& g = *v.as_object();
      REQUIRE(list_in(g, "links").size() == 1);  // KOReader opens the first
      add(link_in(g, "self"), feed_type);
      for (const json::value& p : list_in(g, "publications")) publication(*p.as_object());
    }
    if (url.find('?') != std::string::npos) return;
    for (const json::value& v : list_in(o, "facets")) {
      CHECK(list_in(*v.as_object(), "links").size() >= 2);
      for (const json::value& l : list_in(*v.as_object(), "links"))
        add(text_in(*l.as_object(), "href"), text_in(*l.as_object(), "type"));
    }
  }

  void publication(const json::object& p) {
    int downloads = 0;
    for (const json::value& v : list_in(p, "links")) {
      const json::object& l = *v.as_object();
      if (is_manifest(l)) continue;
      add(text_in(l, "href"), text_in(l, "type"));
      if (text_in(l, "rel") != "http://opds-spec.org/acquisition") continue;
      ++downloads;
      CHECK(l.find("properties"));
      CHECK(l.find("size"));
    }
    CHECK(downloads > 0);
    for (const json::value& v : list_in(p, "images")) add(text_in(*v.as_object(), "href"), text_in(*v.as_object(), "type"));
  }

  std::string base;
  std::unique_ptr<client> http;
  std::set<std::string> seen;
  std::deque<std::pair<std::string, std::string>> todo;
  std::vector<std::string> feeds, publications;
};

std::vector<std::string> downloads_in_atom(const std::string& body) {
  std::vector<std::string> out;
  pugi::xml_document doc = parsed(body);
  for (pugi::xml_node e : doc.child("feed").children("entry")) {
    for (pugi::xml_node l : e.children("link")) {
      if (std::string(l.attribute("rel").value()) == "http://opds-spec.org/acquisition")
        out.emplace_back(l.attribute("href").value());
    }
  }
  return out;
}

std::vector<std::string> downloads_in_json(const std::string& body) {
  std::vector<std::string> out;
  json::object feed = read(body);
  for (const json::value& p : list_in(feed, "publications")) {
    for (const json::value& l : list_in(*p.as_object(), "links")) {
      bool file = text_in(*l.as_object(), "rel") == "http://opds-spec.org/acquisition" && !is_manifest(*l.as_object());
      if (file) out.push_back(text_in(*l.as_object(), "href"));
    }
  }
  return out;
}

std::vector<made_book> hostile_library(world& w, int count) {
  std::vector<book_draft> drafts = w.hostile_books(count);
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    drafts[i].genres = {i % 2 ? "Fantasy" : "R & <B>"};
    drafts[i].publisher = i % 3 ? "Harbour & Sons" : "";
    if (drafts[i].published.empty() && i % 4 == 0) drafts[i].published = "1984";
  }
  std::vector<made_book> books = w.add_all(drafts);
  w.change([&](db::tx& tx) {
    std::vector<uuid> ids;
    for (const made_book& b : books) ids.push_back(b.id);
    uuid shelf = library::create_shelf(tx, w.owner.user, "Sea & <Salt>", true)->id;
    library::add_to_shelf(tx, w.owner.user, shelf, ids);
    library::opinion_change reading{.state = publication::reading_state::reading, .rating = 9};
    library::change_opinion(tx, w.owner.user, books[0].id, reading);
    library::opinion_change read{.state = publication::reading_state::read, .rating = 5};
    library::change_opinion(tx, w.owner.user, books[1].id, read);
  });
  return books;
}

void check_walk(world& w) {
  walker walk(w);
  walk.from(w.base() + "/opds/v2");
  CHECK(refused_json("feed", walk.feeds) == "");
  CHECK(refused_json("publication", walk.publications) == "");
}

}  // namespace

TEST_CASE("every link of an empty OPDS 2.0 catalog answers as promised and every document is valid") {
  world w;
  check_walk(w);
}

TEST_CASE("every link of an OPDS 2.0 catalog with hostile books answers as promised and every document is valid") {
  world w;
  hostile_library(w, 60);
  check_walk(w);
}

TEST_CASE("both versions of a list hold the same books in the same order with the same downloads") {
  world w;
  hostile_library(w, 40);
  auto http = w.as(w.owner);
  int compared = 0;
  for (const char* list : {"/new", "/books", "/new?order=author", "/reading", "/search?q=sea", "/new?lang=en", "/ratings/4",
                           "/years/1984", "/formats/epub", "/new?read=unread"}) {
    std::string asked = std::string(list) + (std::string(list).find('?') == std::string::npos ? "?n=15" : "&n=15");
    std::string atom = "/opds" + asked, json = "/opds/v2" + asked;
    for (int page = 0; page < 3 && !atom.empty(); ++page) {
      INFO(atom);
      reply a = http->get(atom), j = http->get(json);
      REQUIRE(a.status == 200);
      REQUIRE(j.status == 200);
      std::vector<std::string> downloads = downloads_in_atom(a.body);
      CHECK(downloads == downloads_in_json(j.body));
      CHECK_FALSE((page == 0 && downloads.empty()));
      compared += static_cast<int>(downloads.size());
      std::string next = link_of(parsed(a.body), "next"), other = link_in(read(j.body), "next");
      CHECK(next.empty() == other.empty());
      atom = next.empty() ? "" : path_of_url(next);
      json = other.empty() ? "" : path_of_url(other);
    }
  }
  CHECK(compared > 100);
}

TEST_CASE("the root negotiates, tells so, and leads to the other version") {
  world w;
  w.add({.title = "One"});
  auto http = w.as(w.owner);
  reply atom = http->get("/opds"), json = http->get("/opds", {{"Accept", "application/opds+json"}});
  CHECK(atom.header("Vary").find(", Accept") != std::string::npos);
  CHECK(json.header("Vary") == atom.header("Vary"));
  CHECK(json.header("ETag") != atom.header("ETag"));
  CHECK(json.body == http->get("/opds/v2").body);
  CHECK(http->get("/opds/v2/catalog").body == json.body);
  CHECK(link_in(read(json.body), "self") == w.base() + "/opds/v2");
  CHECK(link_in(read(json.body), "alternate") == w.base() + "/opds");
  CHECK(link_of(parsed(atom.body), "alternate") == w.base() + "/opds/v2");
  reply list = http->get("/opds/new", {{"Accept", "application/opds+json"}});
  CHECK(list.header("Content-Type") == "application/atom+xml;profile=opds-catalog;kind=acquisition;charset=utf-8");
  CHECK(http->get("/opds", {{"Accept", "application/opds+json"}, {"If-None-Match", json.header("ETag")}}).status == 304);
  CHECK(http->get("/opds", {{"If-None-Match", json.header("ETag")}}).status == 200);
}

TEST_CASE("the root of OPDS 2.0 shows what is being read, what comes next and what is new") {
  world w;
  std::vector<made_book> books = hostile_library(w, 12);
  auto http = w.as(w.owner);
  json::object root = read(http->get("/opds/v2").body);
  std::vector<std::string> titles;
  for (const json::value& g : list_in(root, "groups")) {
    const json::object& group = *g.as_object();
    titles.push_back(text_in(*group.find("metadata")->as_object(), "title"));
    CHECK(list_in(group, "publications").size() <= 10);
  }
  CHECK(titles == std::vector<std::string>{"Continue reading", "On deck", "Recently added"});
}

TEST_CASE("a bearer opens OPDS 2.0 as a password does") {
  world w;
  auto nobody = w.anonymous();
  CHECK(nobody->get("/opds/v2", {{"Authorization", "Bearer " + w.owner.password}}).status == 200);
  reply refused = nobody->get("/opds/v2");
  CHECK(refused.status == 401);
  CHECK(refused.header("Content-Type") == "application/opds-authentication+json");
  CHECK(refused_json("auth", {refused.body}) == "");
}
