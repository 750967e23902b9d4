// The ways into the catalog, and how its lists are narrowed (opds.md 5.13, 12).
#include <catch2/catch.hpp>
#include <pugixml.hpp>
#include <set>

#include "library/opinion.hpp"
#include "library/shelf.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

using strings = std::vector<std::string>;

std::string section(client& http, const std::string& list, const std::string& title) {
  pugi::xml_document doc = parsed(http.get(list).body);
  for (pugi::xml_node e : doc.child("feed").children("entry")) {
    if (e.child_value("title") == title) return path_of_url(e.child("link").attribute("href").value());
  }
  return "";
}

strings titles(client& http, const std::string& list) {
  reply r = http.get(list);
  INFO(list << ": " << r.body.substr(0, 300));
  REQUIRE(r.status == 200);
  return titles_of(r.body);
}

strings sorted(strings s) {
  std::sort(s.begin(), s.end());
  return s;
}

void say(world& w, const uuid& user, const made_book& b, publication::reading_state state, int rating = 0) {
  w.change([&](db::tx& tx) {
    library::opinion_change c{.state = state};
    if (rating > 0) c.rating = rating;
    REQUIRE(library::change_opinion(tx, user, b.id, c));
  });
}

// Of one group: title of the choice -> path, and the choice in force.
struct facets {
  std::map<std::string, std::string> choices;
  std::string active;
};
facets facets_of(client& http, const std::string& list, const std::string& group) {
  facets out;
  pugi::xml_document doc = parsed(http.get(list).body);
  for (pugi::xml_node l : doc.child("feed").children("link")) {
    if (std::string(l.attribute("opds:facetGroup").value()) != group) continue;
    out.choices[l.attribute("title").value()] = path_of_url(l.attribute("href").value());
    if (std::string(l.attribute("opds:activeFacet").value()) == "true") out.active = l.attribute("title").value();
  }
  return out;
}

}  // namespace

TEST_CASE("genres and publishers have lists of their own, and follow what is edited") {
  world w;
  made_book a = w.add({.title = "A", .tags = {"sea"}, .genres = {"Fantasy", "Horror"}, .publisher = "Harbour & Sons"});
  w.add({.title = "B", .genres = {"Fantasy"}, .publisher = "Éditions du Phare"});
  auto http = w.as(w.owner);
  CHECK(titles(*http, "/opds/genres") == strings{"Fantasy", "Horror"});
  CHECK(titles(*http, "/opds/tags") == strings{"sea"});
  CHECK(titles(*http, "/opds/publishers") == strings{"Éditions du Phare", "Harbour & Sons"});
  CHECK(titles(*http, section(*http, "/opds/genres", "Fantasy")) == strings{"B", "A"});
  CHECK(titles(*http, section(*http, "/opds/publishers", "Harbour & Sons")) == strings{"A"});
  std::string fantasy = section(*http, "/opds/genres", "Fantasy");
  CHECK(titles(*http, fantasy + "?order=title") == strings{"A", "B"});
  w.change([&](db::tx& tx) {
    REQUIRE(library::edit_book(tx, a.id, {{"genres", strings{"Western"}}, {"publisher", "Harbour"}}, {}));
  });
  CHECK(titles(*http, "/opds/genres") == strings{"Fantasy", "Western"});
  CHECK(titles(*http, "/opds/publishers") == strings{"Éditions du Phare", "Harbour"});
  CHECK(titles(*http, fantasy) == strings{"B"});
  w.change([&](db::tx& tx) { library::trash_books(tx, {a.id}, {}); });
  CHECK(titles(*http, "/opds/genres") == strings{"Fantasy"});
}

TEST_CASE("many publishers are behind letters") {
  world w;
  std::vector<book_draft> drafts;
  for (int i = 0; i < 203; ++i) {
    std::string first(1, static_cast<char>('A' + i % 3));
    drafts.push_back({.title = "T " + std::to_string(i), .publisher = first + " House " + std::to_string(i)});
  }
  w.add_all(drafts);
  auto http = w.as(w.owner);
  CHECK(titles(*http, "/opds/publishers") == strings{"A", "B", "C"});
  CHECK(titles(*http, section(*http, "/opds/publishers", "B") + "&n=200").size() == 68);
}

TEST_CASE("years are behind decades, and formats, libraries and ratings are lists") {
  world w;
  made_book old = w.add({.title = "Old", .published = "1984-05-01"});
  w.add({.title = "Older", .published = "1979"});
  w.add({.title = "New", .format = "pdf", .extension = ".pdf", .published = "2019-03"});
  w.add({.title = "Undated", .published = "0101-01-01"});
  auto http = w.as(w.owner);
  strings decades = titles(*http, "/opds/years");
  REQUIRE(decades.size() >= 3);
  CHECK(strings(decades.begin(), decades.begin() + 3) == strings{"2010s", "1980s", "1970s"});
  CHECK(titles(*http, "/opds/years/1980s") == strings{"1984"});
  CHECK(titles(*http, "/opds/years/1984") == strings{"Old"});
  CHECK(link_of(parsed(http->get("/opds/years/1984").body), "up") == w.base() + "/opds/years/1980s");
  CHECK(http->get("/opds/years/198s").status == 404);
  CHECK(http->get("/opds/years/x").status == 404);
  CHECK(http->get("/opds/years/99999").status == 404);
  CHECK(titles(*http, "/opds/years/1850").empty());

  CHECK(titles(*http, "/opds/formats") == strings{"EPUB", "PDF"});
  CHECK(titles(*http, "/opds/formats/pdf") == strings{"New"});
  CHECK(http->get("/opds/formats/doc").status == 404);

  CHECK(titles(*http, "/opds/ratings").empty());
  say(w, w.owner.user, old, publication::reading_state::read, 9);
  CHECK(titles(*http, "/opds/ratings") == strings{"4 stars"});
  CHECK(titles(*http, "/opds/ratings/4") == strings{"Old"});
  CHECK(titles(*http, "/opds/ratings/5").empty());
  CHECK(http->get("/opds/ratings/6").status == 404);
  sign_in other = w.add_reader("other");
  CHECK(titles(*w.as(other), "/opds/ratings").empty());
  CHECK(titles(*w.as(other), "/opds/ratings/4").empty());

  CHECK(titles(*http, "/opds/libraries") == strings{"Library"});
  CHECK(titles(*http, section(*http, "/opds/libraries", "Library")).size() == 4);
}

TEST_CASE("facets narrow a list, together with each other, and name it") {
  world w;
  w.add({.title = "French EPUB", .languages = {"fr"}});
  made_book pdf = w.add({.title = "French PDF", .languages = {"fr"}, .format = "pdf", .extension = ".pdf"});
  w.add({.title = "English PDF", .format = "pdf", .extension = ".pdf"});
  auto http = w.as(w.owner);
  facets languages = facets_of(*http, "/opds/new", "Language");
  CHECK(languages.active == "All languages");
  CHECK(languages.choices.size() == 3);
  std::string french = languages.choices["French"];
  CHECK(french == "/opds/new?lang=fr");
  CHECK(sorted(titles(*http, french)) == strings{"French EPUB", "French PDF"});
  CHECK(std::string(parsed(http->get(french).body).child("feed").child_value("title")) == "Recently added (French)");
  facets formats = facets_of(*http, french, "Format");
  CHECK(formats.choices["PDF"] == "/opds/new?fmt=pdf&lang=fr");
  CHECK(titles(*http, formats.choices["PDF"]) == strings{"French PDF"});
  CHECK(facets_of(*http, french, "Language").active == "French");

  say(w, w.owner.user, pdf, publication::reading_state::reading);
  CHECK(titles(*http, "/opds/new?read=reading") == strings{"French PDF"});
  CHECK(titles(*http, "/opds/new?fmt=pdf&read=unread") == strings{"English PDF"});
  CHECK(titles(*http, "/opds/books?read=finished").empty());
  std::string tag = http->get("/opds/new?read=reading").header("ETag");
  say(w, w.owner.user, pdf, publication::reading_state::read);
  CHECK(http->get("/opds/new?read=reading", {{"If-None-Match", tag}}).status == 200);
  CHECK(titles(*http, "/opds/books?read=finished") == strings{"French PDF"});
}

TEST_CASE("facets that are not there are as good as none") {
  world w;
  w.add({.title = "One"});
  auto http = w.as(w.owner);
  std::string usual = http->get("/opds/new").body;
  for (const char* odd : {"?lang=xx", "?fmt=exe", "?read=maybe", "?lib=7", "?order=size", "?lang=", "?lang=%7Blang%7D",
                          "?colour=red", "?lib=00000000-0000-7000-8000-000000000009"}) {
    INFO(odd);
    CHECK(http->get(std::string("/opds/new") + odd).body == usual);
  }
  CHECK(http->get("/opds/new?lang=" + std::string(5000, 'x')).body == usual);
}

TEST_CASE("narrowed lists of every kind are walked both ways, each book once, in every order") {
  world w;
  std::vector<book_draft> drafts;
  for (int i = 0; i < 90; ++i) {
    drafts.push_back({.title = i % 2 ? "The Same" : "Title " + std::to_string(i % 7),
                      .authors = {"Author " + std::to_string(i % 3)},
                      .series = i % 4 ? "Harbour Lights" : "",
                      .index = i,
                      .tags = {"one"},
                      .languages = {i % 5 ? "en" : "fr"},
                      .format = i % 3 ? "epub" : "pdf",
                      .extension = i % 3 ? ".epub" : ".pdf",
                      .published = "1984",
                      .genres = {"Fantasy"}});
  }
  std::vector<made_book> made = w.add_all(drafts);
  uuid shelf{};
  w.change([&](db::tx& tx) {
    shelf = library::create_shelf(tx, w.owner.user, "All", true)->id;
    std::vector<uuid> all;
    for (const made_book& b : made) all.push_back(b.id);
    library::add_to_shelf(tx, w.owner.user, shelf, all);
  });
  auto http = w.as(w.owner);
  std::string library = section(*http, "/opds/libraries", "Library");
  struct kind_of_list {
    std::string path;
    int base;  // every how many books it has: 1 all, 3 those of one author, 4 all but every fourth
  };
  std::vector<kind_of_list> kinds{{"/opds/new", 1},
                                  {section(*http, "/opds/authors", "Author 0"), 3},
                                  {section(*http, "/opds/series", "Harbour Lights"), 4},
                                  {section(*http, "/opds/tags", "one"), 1},
                                  {section(*http, "/opds/genres", "Fantasy"), 1},
                                  {"/opds/shelves/" + shelf.text(), 1},
                                  {"/opds/years/1984", 1},
                                  {library, 1}};
  for (const kind_of_list& k : kinds) {
    for (const char* order : {"", "&order=added", "&order=title", "&order=author"}) {
      for (const char* narrowed : {"lang=fr", "fmt=pdf", "lang=en&fmt=epub", "read=unread"}) {
        std::string first = k.path + "?n=7&" + narrowed + order;
        INFO(first);
        std::set<std::string> wanted;
        for (std::size_t i = 0; i < drafts.size(); ++i) {
          std::string n = narrowed;
          bool in = k.base == 1 || (k.base == 3 ? i % 3 == 0 : i % 4 != 0);
          bool fits = n == "lang=fr"            ? i % 5 == 0
                      : n == "fmt=pdf"          ? i % 3 == 0
                      : n == "lang=en&fmt=epub" ? i % 5 != 0 && i % 3 != 0
                                                : true;
          if (in && fits) wanted.insert("urn:uuid:" + made[i].id.text());
        }
        for (const char* way : {"next", "previous"}) {
          std::string at = first;
          if (std::string(way) == "previous") {
            std::string last = link_of(parsed(http->get(first).body), "last");
            if (last.empty()) continue;
            at = path_of_url(last);
          }
          std::vector<std::string> seen;
          while (!at.empty()) {
            reply r = http->get(at);
            REQUIRE(r.status == 200);
            for (const std::string& id : ids_of(r.body)) seen.push_back(id);
            std::string to = link_of(parsed(r.body), way);
            at = to.empty() ? "" : path_of_url(to);
            REQUIRE(seen.size() < 200);
          }
          std::set<std::string> once(seen.begin(), seen.end());
          CHECK(once == wanted);
          if (std::string(way) == "next") CHECK(once.size() == seen.size());
        }
      }
    }
  }
}

TEST_CASE("a list too long to be sorted is walked along its order, far between its books") {
  world w;
  constexpr int all = 7000;
  w.change([&](db::tx& tx) {
    tx.run({"test.many_books", R"sql(
      insert into books (id, status, title, title_key, author_key, place_key, language, languages, created_at, offered)
      select gen_random_uuid(), 'organized', 'T ' || i, lpad((i * 37 % 7000)::text, 6, '0'), lpad((i % 50)::text, 4, '0'),
             lpad(i::text, 6, '0'), case when i % 3 = 0 then 'fr' else 'en' end, '{en}', now() - i * interval '1 second', 2
        from generate_series(1, $1::int) i)sql"},
           all);
    tx.run({"test.many_files", R"sql(
      insert into book_files (id, book_id, format, original_name, download_name, storage_path, file_size, checksum, offered)
      select gen_random_uuid(), id, case when title like '%00' then 'pdf' else 'epub' end, title, title || '.epub', 'x', 1, id::text, 2
        from books)sql"});
    tx.run({"test.many_labels", R"sql(
      with made as (insert into labels (id, kind, name, name_key, sort_key, letter)
                    values (gen_random_uuid(), 'genre', 'Fantasy', 'fantasy', 'fantasy', 'F') returning id)
      insert into book_labels (book_id, label_id, added_at) select b.id, m.id, b.created_at from books b, made m)sql"});
  });
  auto http = w.as(w.owner);
  std::string genre = section(*http, "/opds/genres", "Fantasy");
  struct walk {
    std::string list;
    std::size_t books;
  };
  for (const walk& k : {walk{genre + "?n=50&fmt=pdf", 70}, walk{genre + "?n=50&fmt=pdf&order=title", 70},
                        walk{genre + "?n=50&fmt=pdf&order=author", 70}, walk{genre + "?n=200&lang=fr&order=title", 2333},
                        walk{genre + "?n=200&lang=fr&order=author", 2333}, walk{"/opds/new?n=200&lang=fr&read=unread", 2333},
                        walk{genre + "?n=50&lang=fr&fmt=pdf&order=author", 23}, walk{genre + "?fmt=pdf&read=finished", 0}}) {
    INFO(k.list);
    std::set<std::string> forward, backward;
    std::size_t seen = 0;
    for (std::string at = k.list; !at.empty();) {
      reply r = http->get(at);
      REQUIRE(r.status == 200);
      for (const std::string& id : ids_of(r.body)) forward.insert(id), ++seen;
      std::string next = link_of(parsed(r.body), "next");
      at = next.empty() ? "" : path_of_url(next);
    }
    CHECK(seen == k.books);
    CHECK(forward.size() == k.books);
    std::string last = link_of(parsed(http->get(k.list).body), "last");
    for (std::string at = last.empty() ? "" : path_of_url(last); !at.empty();) {
      reply r = http->get(at);
      for (const std::string& id : ids_of(r.body)) backward.insert(id);
      std::string previous = link_of(parsed(r.body), "previous");
      at = previous.empty() ? "" : path_of_url(previous);
    }
    if (!last.empty()) CHECK(backward == forward);
  }
}

TEST_CASE("continue reading shows what was begun, and on deck what comes next in a series") {
  world w;
  made_book one = w.add({.title = "One", .series = "Lights", .index = 1}),
            two = w.add({.title = "Two", .series = "Lights", .index = 2}),
            three = w.add({.title = "Three", .series = "Lights", .index = 3}), alone = w.add({.title = "Alone"});
  auto http = w.as(w.owner);
  CHECK(titles(*http, "/opds/reading").empty());
  CHECK(titles(*http, "/opds/ondeck").empty());
  CHECK(section(*http, "/opds", "Continue reading") == "");
  std::string tag = http->get("/opds/reading").header("ETag"), root = http->get("/opds").header("ETag");

  say(w, w.owner.user, alone, publication::reading_state::reading);
  CHECK(http->get("/opds/reading", {{"If-None-Match", tag}}).status == 200);
  CHECK(http->get("/opds", {{"If-None-Match", root}}).status == 200);
  CHECK(titles(*http, section(*http, "/opds", "Continue reading")) == strings{"Alone"});
  say(w, w.owner.user, one, publication::reading_state::read);
  CHECK(titles(*http, section(*http, "/opds", "On deck")) == strings{"Two"});
  say(w, w.owner.user, two, publication::reading_state::reading);
  CHECK(titles(*http, "/opds/reading") == strings{"Two", "Alone"});
  CHECK(titles(*http, "/opds/ondeck").empty());
  say(w, w.owner.user, two, publication::reading_state::abandoned);
  CHECK(titles(*http, "/opds/ondeck") == strings{"Three"});
  say(w, w.owner.user, three, publication::reading_state::read);
  CHECK(titles(*http, "/opds/ondeck").empty());
  CHECK_FALSE(http->get("/opds/reading").has("Last-Modified"));

  sign_in other = w.add_reader("other");
  CHECK(titles(*w.as(other), "/opds/reading").empty());
}

TEST_CASE("surprise me shows every book once before it ends, and is never kept") {
  world w;
  w.add_all(w.hostile_books(23));
  auto http = w.as(w.owner);
  for (int run = 0; run < 5; ++run) {
    std::vector<std::string> seen;
    std::string at = "/opds/random?n=5";
    int pages = 0;
    for (; !at.empty(); ++pages) {
      reply r = http->get(at);
      REQUIRE(r.status == 200);
      CHECK(r.header("Cache-Control") == "no-store");
      CHECK_FALSE(r.has("ETag"));
      CHECK_FALSE(r.has("Last-Modified"));
      for (const std::string& id : ids_of(r.body)) seen.push_back(id);
      std::string next = link_of(parsed(r.body), "next");
      at = next.empty() ? "" : path_of_url(next);
    }
    CHECK(pages == 5);
    CHECK(seen.size() == 23);
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 23);
  }
  CHECK(titles(*http, "/opds/random?n=200").size() == 23);
  CHECK(http->get("/opds/random?after=xyz").status == 400);
  CHECK(http->get("/opds/random", {{"If-None-Match", "*"}}).status == 200);
}

TEST_CASE("who may not see a book finds no trace of it in any list") {
  world w;
  made_book secret = w.add({.title = "Secret",
                            .authors = {"Hidden Hand"},
                            .series = "Hidden Series",
                            .index = 1,
                            .tags = {"secret"},
                            .languages = {"sv"},
                            .format = "pdf",
                            .extension = ".pdf",
                            .published = "1950",
                            .genres = {"Erotica"},
                            .publisher = "Hidden House"});
  w.add({.title = "Open", .tags = {"open"}, .published = "2001", .genres = {"Fantasy"}, .publisher = "House"});
  library::limits limits;
  limits.hidden_tags = {"secret"};
  sign_in child = w.add_reader("child", "limited", &limits);
  say(w, w.owner.user, secret, publication::reading_state::reading, 8);
  auto all = w.as(w.owner), http = w.as(child);
  for (const char* list : {"/opds/genres", "/opds/publishers", "/opds/years", "/opds/authors", "/opds/series", "/opds/tags",
                           "/opds/formats", "/opds/languages", "/opds", "/opds/random", "/opds/sync", "/opds/new", "/opds/v2"}) {
    INFO(list);
    std::string body = http->get(list).body;
    for (const char* trace : {"Secret", "Hidden", "secret", "Erotica", "1950", "PDF", "Swedish", "lang=sv"}) {
      INFO(trace);
      CHECK(body.find(trace) == std::string::npos);
    }
  }
  for (const char* list : {"/opds/genres", "/opds/publishers", "/opds/authors", "/opds/series"}) {
    for (const char* name : {"Erotica", "Hidden House", "Hidden Hand", "Hidden Series"}) {
      std::string there = section(*all, list, name);
      if (!there.empty()) CHECK(http->get(there).status == 404);
    }
  }
  CHECK(http->get("/opds/languages/sv").status == 404);
  CHECK(http->get("/opds/formats/pdf").status == 404);
  CHECK(titles(*http, "/opds/years/1950").empty());
}
