#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <pugixml.hpp>
#include <set>
#include <thread>

#include "library/shelf.hpp"
#include "server/core/metrics.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

struct pages {
  std::vector<std::string> addresses;
  std::vector<std::vector<std::string>> ids;
  std::vector<std::string> all() const {
    std::vector<std::string> out;
    for (const auto& page : ids) out.insert(out.end(), page.begin(), page.end());
    return out;
  }
};

// Follows `rel` until it ends; `between` runs after each page.
pages follow(client& http, const std::string& first, std::string_view rel, const std::function<void(int)>& between = nullptr) {
  pages out;
  for (std::string at = first; !at.empty() && out.ids.size() < 400;) {
    reply r = http.get(at);
    INFO(at << "\n" << r.body.substr(0, 300));
    REQUIRE(r.status == 200);
    out.addresses.push_back(at);
    out.ids.push_back(ids_of(r.body));
    std::string to = link_of(parsed(r.body), rel);
    at = to.empty() ? "" : path_of_url(to);
    if (between) between(static_cast<int>(out.ids.size()));
  }
  return out;
}

// Statements that ended so far, in this process.
int statements() {
  double all = 0;
  for (const std::string& line : split(metrics::expose(), '\n')) {
    if (line.starts_with("carrel_query_seconds_count{")) all += std::stod(line.substr(line.rfind(' ')));
  }
  return static_cast<int>(all);
}

std::vector<book_draft> equal_books(int count) {
  std::vector<book_draft> out;
  for (int i = 0; i < count; ++i) out.push_back({.title = "The Same", .tags = {"one"}, .bytes = "same " + std::to_string(i)});
  return out;
}

}  // namespace

TEST_CASE("500 books with equal keys are walked forwards and backwards without repeats or gaps") {
  world w;
  std::vector<made_book> books = w.add_all(equal_books(500));
  auto http = w.as(w.owner);
  for (const char* list :
       {"/opds/new", "/opds/books", "/opds/new?order=author", "/opds/tags/{tag}", "/opds/authors/{author}?order=title"}) {
    std::string address = list;
    for (const char* kind : {"tag", "author"}) {
      std::string mark = std::string("{") + kind + "}";
      if (address.find(mark) == std::string::npos) continue;
      std::string names = http->get(std::string("/opds/") + kind + "s").body;
      std::string to = parsed(names).child("feed").child("entry").child("link").attribute("href").value();
      address.replace(address.find(mark), mark.size(), to.substr(to.rfind('/') + 1));
    }
    address += address.find('?') == std::string::npos ? "?n=7" : "&n=7";
    INFO(address);
    pages forward = follow(*http, address, "next");
    std::vector<std::string> seen = forward.all();
    CHECK(forward.ids.size() == 72);
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 500);
    CHECK(seen.size() == 500);

    std::string last = link_of(parsed(http->get(address).body), "last");
    pages backward = follow(*http, path_of_url(last), "previous");
    std::vector<std::string> back;
    for (auto page = backward.ids.rbegin(); page != backward.ids.rend(); ++page)
      back.insert(back.end(), page->begin(), page->end());
    std::set<std::string> back_set(back.begin(), back.end());
    CHECK(back_set.size() == 500);
    // The first page is always full, so its end may have been on the page before.
    CHECK(std::vector<std::string>(back.end() - 490, back.end()) == std::vector<std::string>(seen.end() - 490, seen.end()));
  }
}

TEST_CASE("previous of next is the page itself and ordinals go on") {
  world w;
  w.add_all(equal_books(40));
  auto http = w.as(w.owner);
  reply first = http->get("/opds/new?n=10");
  CHECK(link_of(parsed(first.body), "previous") == "");
  CHECK(link_of(parsed(first.body), "first") == w.base() + "/opds/new?n=10");
  reply second = http->get(path_of_url(link_of(parsed(first.body), "next")));
  reply third = http->get(path_of_url(link_of(parsed(second.body), "next")));
  reply again = http->get(path_of_url(link_of(parsed(third.body), "previous")));
  CHECK(ids_of(again.body) == ids_of(second.body));
  pugi::xml_document back = parsed(http->get(path_of_url(link_of(parsed(second.body), "previous"))).body);
  CHECK(std::string(back.child("feed").child_value("opensearch:startIndex")) == "1");
  CHECK(link_of(back, "previous") == "");
  CHECK(link_of(back, "next") == link_of(parsed(first.body), "next"));
  CHECK(std::string(parsed(third.body).child("feed").child_value("opensearch:startIndex")) == "21");
  CHECK(std::string(parsed(first.body).child("feed").child_value("opensearch:itemsPerPage")) == "10");
  reply fourth = http->get(path_of_url(link_of(parsed(third.body), "next")));
  CHECK(link_of(parsed(fourth.body), "next") == "");
  CHECK(std::string(parsed(fourth.body).child("feed").child_value("opensearch:totalResults")) == "40");
}

TEST_CASE("books added and removed between pages are neither repeated nor make others vanish") {
  world w;
  std::vector<made_book> books = w.add_all(equal_books(60));
  auto http = w.as(w.owner);
  std::vector<uuid> removed;
  pages walk = follow(*http, "/opds/books?n=10", "next", [&](int page) {
    if (page > 3) return;
    w.add_all({{.title = "Another"}, {.title = "The Same", .bytes = "late " + std::to_string(page)}});
    // The anchor of the page just read goes away.
    std::string anchor = ids_of(http->get("/opds/books?n=10").body).back();
    if (page == 1) w.change([&](db::tx& tx) { library::trash_books(tx, {*uuid::parse(anchor.substr(9))}, {}); });
  });
  std::vector<std::string> seen = walk.all();
  std::set<std::string> once(seen.begin(), seen.end());
  CHECK(once.size() == seen.size());
  for (const made_book& b : books) CHECK(once.count("urn:uuid:" + b.id.text()) == 1);
}

TEST_CASE("a page takes at most four statements whatever its size, and an unchanged one takes one") {
  world w;
  std::vector<book_draft> drafts = w.hostile_books(220);
  for (book_draft& d : drafts) d.authors = {"Ada Fenwick"}, d.series = "Harbour Lights", d.tags = {"sea"}, d.languages = {"en"};
  drafts.back().languages = {"fr"};
  std::vector<made_book> made = w.add_all(drafts);
  uuid shelf = w.other().write_now([&](db::tx& tx) { return library::create_shelf(tx, w.owner.user, "To read", true)->id; });
  w.change([&](db::tx& tx) {
    std::vector<uuid> all;
    for (const made_book& b : made) all.push_back(b.id);
    library::add_to_shelf(tx, w.owner.user, shelf, all);
  });
  auto http = w.as(w.owner);
  auto only = [&](const char* list) {
    std::string to = parsed(http->get(list).body).child("feed").child("entry").child("link").attribute("href").value();
    return path_of_url(to);
  };
  std::string author = only("/opds/authors"), series = only("/opds/series"), tag = only("/opds/tags");
  w.change([](db::tx&) {});  // what these left in memory is of no use any more
  for (const std::string& list : {std::string("/opds"),
                                  std::string("/opds/new"),
                                  std::string("/opds/books"),
                                  std::string("/opds/new?order=author"),
                                  author,
                                  author + "?order=title",
                                  series,
                                  tag,
                                  tag + "?order=author",
                                  std::string("/opds/languages/en"),
                                  "/opds/shelves/" + shelf.text(),
                                  "/opds/shelves/" + shelf.text() + "?order=added",
                                  std::string("/opds/search?q=sea"),
                                  std::string("/opds/search?q=9780000000002"),
                                  std::string("/opds/shelves"),
                                  std::string("/opds/languages"),
                                  std::string("/opds/authors"),
                                  std::string("/opds/tags"),
                                  std::string("/opds/genres"),
                                  std::string("/opds/publishers"),
                                  std::string("/opds/formats"),
                                  std::string("/opds/years"),
                                  std::string("/opds/reading"),
                                  std::string("/opds/new?lang=en"),
                                  std::string("/opds/books?read=unread"),
                                  tag + "?fmt=epub",
                                  "/opds/books/" + made[0].id.text()}) {
    for (const char* n : {"5", "50", "200"}) {
      std::string at = list + (list.find('?') == std::string::npos ? "?n=" : "&n=") + n;
      // The first page, the second, and back.
      for (const char* then : {"next", "previous", "none"}) {
        INFO(at);
        int before = statements();
        reply r = http->get(at);
        w.finish_background();
        int asked = statements() - before;
        REQUIRE(r.status == 200);
        CHECK(asked >= 1);
        CHECK(asked <= 4);
        before = statements();
        CHECK(http->get(at, {{"If-None-Match", r.header("ETag")}}).status == 304);
        CHECK(statements() - before == 1);
        std::string to = link_of(parsed(r.body), then);
        if (to.empty()) break;
        at = path_of_url(to);
      }
    }
  }
}

TEST_CASE("a page whose books went away since its address was made tells the true total or none") {
  world w;
  std::vector<made_book> books = w.add_all(equal_books(12));
  auto http = w.as(w.owner);
  for (const char* list : {"/opds/books?n=5", "/opds/search?n=5&q=same"}) {
    INFO(list);
    pages walk = follow(*http, list, "next");
    REQUIRE(walk.ids.size() == 3);
    std::vector<uuid> last;
    for (const std::string& id : walk.ids.back()) last.push_back(*uuid::parse(id.substr(9)));
    w.change([&](db::tx& tx) { library::trash_books(tx, last, {}); });
    pugi::xml_document doc = parsed(http->get(walk.addresses.back()).body);
    CHECK_FALSE(doc.child("feed").child("entry"));
    bool counted = std::string(list).find("search") != std::string::npos;  // up to the last result
    CHECK(doc.child("feed").child_value("opensearch:totalResults") ==
          std::string(counted ? std::to_string(12 - last.size()) : ""));
    CHECK(link_of(doc, "first") == w.base() + list);
    w.change([&](db::tx& tx) { library::untrash_books(tx, last, {}); });
  }
}

TEST_CASE("tokens of other lists, cut off or random ones are refused with 400 and one line") {
  world w;
  w.add_all(equal_books(12));
  auto http = w.as(w.owner);
  std::string next = path_of_url(link_of(parsed(http->get("/opds/new?n=5").body), "next"));
  std::string token = next.substr(next.find("after=") + 6, next.find('&') - next.find("after=") - 6);
  for (const std::string& bad :
       {"/opds/books?after=" + token, "/opds/new?order=author&after=" + token, "/opds/search?q=a&after=" + token,
        "/opds/new?after=" + token.substr(0, 12), std::string("/opds/new?before=AAAA"),
        "/opds/new?after=" + std::string(2000, 'x'), "/opds/authors?after=" + token}) {
    INFO(bad);
    reply r = http->get(bad);
    CHECK(r.status == 400);
    CHECK(r.header("Content-Type") == "text/plain;charset=utf-8");
    CHECK(std::count(r.body.begin(), r.body.end(), '\n') == 1);
    CHECK(http->head(bad).status == 400);
  }
}

TEST_CASE("many authors are behind letters, and many of a letter behind longer ones") {
  world w;
  std::vector<book_draft> books;
  for (int i = 0; i < 620; ++i) {
    std::string name =
        i < 540 ? std::string("A") + static_cast<char>('a' + i % 20) + "x" : std::string(1, static_cast<char>('B' + i % 20));
    books.push_back({.title = "Book", .authors = {name + std::to_string(i)}, .bytes = "letters " + std::to_string(i)});
  }
  books.push_back({.title = "Book", .authors = {"山田"}, .bytes = "han"});
  w.add_all(books);
  auto http = w.as(w.owner);
  std::vector<std::string> letters = titles_of(http->get("/opds/authors").body);
  REQUIRE(letters.size() == 22);
  CHECK(letters.front() == "A");
  CHECK(titles_of(http->get("/opds/authors?i=A").body).size() == 20);
  pages b = follow(*http, "/opds/authors?i=B&n=50", "next");
  CHECK(b.all().size() == 4);
  // Whatever way down, every name is found once.
  std::set<std::string> names;
  for (const std::string& letter : titles_of(http->get("/opds/authors").body)) {
    reply r = http->get("/opds/authors?i=" + percent_encode(letter));
    REQUIRE(r.status == 200);
    bool deeper = r.body.find("?i=") != std::string::npos && letter == "A";
    std::vector<std::string> next = deeper ? titles_of(r.body) : std::vector<std::string>{letter};
    for (const std::string& prefix : next) {
      for (const auto& page : follow(*http, "/opds/authors?i=" + percent_encode(prefix), "next").ids)
        names.insert(page.begin(), page.end());
    }
  }
  CHECK(names.size() == 621);
  CHECK(titles_of(http->get("/opds/authors?i=ZZ").body).empty());
  pages small = follow(*http, "/opds/authors?n=5", "next");
  CHECK(small.all().size() == 22);
}

TEST_CASE("names whose second character is a blank are reached, too") {
  world w;
  std::vector<book_draft> books;
  for (int i = 0; i < 520; ++i) {
    std::string second = i % 2 ? " Tale " : "bbey ";
    books.push_back({.title = "Book", .series = "X" + second + std::to_string(i), .index = 1, .bytes = "x " + std::to_string(i)});
  }
  w.add_all(books);
  auto http = w.as(w.owner);
  std::set<std::string> names;
  std::function<void(const std::string&, int)> down = [&](const std::string& at, int depth) {
    REQUIRE(depth < 6);
    for (const std::string& page : follow(*http, at, "next").addresses) {
      pugi::xml_document doc = parsed(http->get(page).body);
      for (pugi::xml_node e : doc.child("feed").children("entry")) {
        std::string to = path_of_url(e.child("link").attribute("href").value());
        if (to.find("?i=") != std::string::npos)
          down(to, depth + 1);
        else
          CHECK(names.insert(e.child_value("title")).second);
      }
    }
  };
  down("/opds/series", 0);
  CHECK(names.size() == 520);
  CHECK(titles_of(http->get("/opds/series?i=X").body) == std::vector<std::string>{"X …", "XB"});
}

TEST_CASE("walking the whole catalog while others add books meets every book exactly once") {
  world w;
  std::vector<book_draft> drafts;
  for (int i = 0; i < 400; ++i) {
    // Equal keys, several authors, and formats that no app takes in between.
    std::string format = i % 7 == 3 ? "flac" : "epub";
    drafts.push_back({.title = i % 3 == 0 ? "The Same" : "Title " + std::to_string(i % 40),
                      .authors = {"Author " + std::to_string(i % 11)},
                      .tags = {"one"},
                      .format = format,
                      .extension = "." + format});
  }
  std::vector<made_book> before = w.add_all(drafts);
  std::set<std::string> visible;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (drafts[i].format == "epub") visible.insert("urn:uuid:" + before[i].id.text());
  }

  std::atomic<bool> walking = true;
  std::atomic<int> added = 0;
  std::thread others([&] {
    for (int i = 0; walking; ++i) {
      w.add({.title = i % 2 ? "The Same" : "Title " + std::to_string(i % 40), .authors = {"Author 3"}, .tags = {"one"}});
      ++added;
    }
  });
  auto http = w.as(w.owner);
  auto list_of = [&](const char* list, const std::string& title) {
    pugi::xml_document doc = parsed(http->get(list).body);
    for (pugi::xml_node e : doc.child("feed").children("entry")) {
      if (e.child_value("title") == title) return path_of_url(e.child("link").attribute("href").value());
    }
    return std::string();
  };
  std::string tag = list_of("/opds/tags", "one");
  auto walk_all = [&] {
    for (const std::string& list :
         {std::string("/opds/new"), std::string("/opds/books"), std::string("/opds/new?order=author"), tag, tag + "?order=title",
          std::string("/opds/languages/en"), std::string("/opds/new?read=unread"), std::string("/opds/books?read=unread"),
          tag + "?read=unread"}) {
      INFO(list);
      std::string first = list + (list.find('?') == std::string::npos ? "?n=20" : "&n=20");
      for (bool back : {false, true}) {
        std::string from = back ? path_of_url(link_of(parsed(http->get(first).body), "last")) : first;
        std::vector<std::string> seen = follow(*http, from, back ? "previous" : "next").all();
        std::set<std::string> once(seen.begin(), seen.end());
        // Going back, the first page is always full: its end may have been on the page before.
        if (!back) CHECK(once.size() == seen.size());
        if (back) CHECK(seen.size() - once.size() < 20);
        for (const std::string& id : visible) CHECK(once.count(id) == 1);
      }
    }
  };
  // Until enough came in between to have been in the way, however slow the machine is.
  do walk_all();
  while (added <= 20);
  walking = false;
  others.join();
}
