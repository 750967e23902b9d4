// Lists by the time of publication and by the reader's own stars (opds.md 5.13, 7.3).
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <pugixml.hpp>
#include <set>

#include "library/opinion.hpp"
#include "library/shelf.hpp"
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

void give_stars(world& w, const uuid& user, const made_book& b, int halves) {
  w.change([&](db::tx& tx) {
    library::opinion_change c;
    c.rating = halves;
    REQUIRE(library::change_opinion(tx, user, b.id, c));
  });
}

// Along that link to the end; what a page shows in its order.
strings walked(client& http, std::string at, const std::string& rel) {
  strings out;
  while (!at.empty()) {
    reply r = http.get(at);
    INFO(at << ": " << r.body.substr(0, 200));
    REQUIRE(r.status == 200);
    strings page = ids_of(r.body);
    out.insert(rel == "next" ? out.end() : out.begin(), page.begin(), page.end());
    std::string to = link_of(parsed(r.body), rel);
    at = to.empty() ? "" : path_of_url(to);
    REQUIRE(out.size() < 20'000);
  }
  return out;
}

// Both ways give the same, each book once, in an order in which `key` never grows.
void check_order(client& http, const std::string& list, std::size_t books, const std::map<std::string, std::string>& key) {
  INFO(list);
  strings forward = walked(http, list, "next");
  CHECK(forward.size() == books);
  auto grows = [&](const std::string& a, const std::string& b) { return key.at(a) < key.at(b); };
  CHECK(std::adjacent_find(forward.begin(), forward.end(), grows) == forward.end());
  strings once = forward;
  std::sort(once.begin(), once.end());
  CHECK(std::adjacent_find(once.begin(), once.end()) == once.end());
  std::string last = link_of(parsed(http.get(list).body), "last");
  if (last.empty()) return;
  strings backward = walked(http, path_of_url(last), "previous");
  // The first page is always full, so walking back may show some of the second again (opds.md 7.3).
  std::set<std::string> all(backward.begin(), backward.end());
  CHECK(all == std::set<std::string>(once.begin(), once.end()));
}

struct shelf_of_years {
  world w;
  std::vector<made_book> made;
  std::map<std::string, std::string> published, stars;
  std::string shelf;

  shelf_of_years() {
    const strings dates{"", "1984", "1984-05", "1984-05-17", "2001-02-03", "0101", "1899-12-31"};
    std::vector<book_draft> drafts;
    for (std::size_t i = 0; i < 70; ++i) {
      drafts.push_back({.title = "Title " + std::to_string(i),
                        .authors = {"Author " + std::to_string(i % 2)},
                        .series = "Harbour Lights",
                        .index = static_cast<double>(i),
                        .tags = {"one"},
                        .languages = {i % 5 ? "en" : "fr"},
                        .published = dates[i % dates.size()]});
    }
    made = w.add_all(drafts);
    uuid all{};
    w.change([&](db::tx& tx) {
      all = library::create_shelf(tx, w.owner.user, "All", true)->id;
      std::vector<uuid> ids;
      for (const made_book& b : made) ids.push_back(b.id);
      library::add_to_shelf(tx, w.owner.user, all, ids);
    });
    shelf = "/opds/shelves/" + all.text();
    for (std::size_t i = 0; i < made.size(); ++i) {
      std::string id = "urn:uuid:" + made[i].id.text();
      int halves = i % 4 ? 0 : static_cast<int>(i % 11);
      if (halves > 0) give_stars(w, w.owner.user, made[i], halves);
      published[id] = drafts[i].published;
      stars[id] = std::string(halves < 10 ? "0" : "") + std::to_string(halves);
    }
  }
};

}  // namespace

TEST_CASE("lists are ordered by publication, the latest first and the undated last, and by the reader's stars") {
  shelf_of_years s;
  auto http = s.w.as(s.w.owner);
  struct list {
    std::string path;
    std::size_t books;
  };
  const std::vector<list> lists{{"/opds/new?", 70},
                                {"/opds/books?", 70},
                                {"/opds/new?lang=fr&", 14},
                                {"/opds/languages/fr?", 14},
                                {"/opds/new?read=unread&", 70},
                                {"/opds/formats/epub?lang=en&", 56},
                                {section(*http, "/opds/authors", "Author 0") + "?", 35},
                                {section(*http, "/opds/series", "Harbour Lights") + "?", 70},
                                {section(*http, "/opds/tags", "one") + "?", 70},
                                {s.shelf + "?", 70},
                                {"/opds/search?q=title&", 70}};
  for (const list& l : lists) {
    for (const char* n : {"n=7", "n=50"}) {
      check_order(*http, l.path + n + "&order=published", l.books, s.published);
      check_order(*http, l.path + n + "&order=rating", l.books, s.stars);
    }
  }
  check_order(*http, "/opds/years/1984?n=5&order=rating", 30, s.stars);
}

TEST_CASE("stars order the lists of the one who gave them, as soon as they are given") {
  shelf_of_years s;
  sign_in ben = s.w.add_reader("ben");
  auto ada = s.w.as(s.w.owner), other = s.w.as(ben);
  const std::string list = "/opds/new?n=5&order=rating", results = "/opds/search?q=title&n=5&order=rating";
  for (const std::string& path : {list, results}) {
    INFO(path);
    reply before = other->get(path);
    CHECK(before.header("ETag") != ada->get(path).header("ETag"));
    CHECK(other->get(path, {{"If-None-Match", before.header("ETag")}}).status == 304);
    CHECK_FALSE(before.has("Last-Modified"));
    const made_book& loved = s.made[path == list ? 3 : 5];
    give_stars(s.w, ben.user, loved, 10);
    reply after = other->get(path, {{"If-None-Match", before.header("ETag")}});
    REQUIRE(after.status == 200);
    strings ids = ids_of(after.body);
    CHECK(std::find(ids.begin(), ids.begin() + 2, "urn:uuid:" + loved.id.text()) != ids.begin() + 2);
    CHECK(s.stars.at(ids_of(ada->get(path).body).front()) == "10");
  }
}

TEST_CASE("both orders are choices of every list, and in OPDS 2.0 too") {
  shelf_of_years s;
  auto http = s.w.as(s.w.owner);
  for (const std::string& path : {std::string("/opds/new"), std::string("/opds/books"), s.shelf,
                                  std::string("/opds/search?q=title"), section(*http, "/opds/series", "Harbour Lights")}) {
    INFO(path);
    std::string body = http->get(path).body;
    for (const char* order : {"order=published", "order=rating"}) {
      CHECK(body.find(order) != std::string::npos);
      CHECK(http->get(path + (path.find('?') == path.npos ? "?" : "&") + order).status == 200);
    }
  }
  std::string plain = http->get("/opds/v2/new").body, ordered = http->get("/opds/v2/new?order=rating").body;
  CHECK(plain.find("order=rating") != std::string::npos);
  CHECK(ordered != plain);
  CHECK(http->get("/opds/years/1984").body.find("order=published") == std::string::npos);
}

TEST_CASE("a list too long to be sorted is walked by publication and stars, and every book met once") {
  world w;
  constexpr int all = 6000;
  w.change([&](db::tx& tx) {
    tx.run({"test.dated_books", R"sql(
      insert into books (id, status, title, title_key, author_key, place_key, language, languages, created_at, offered, published_on)
      select gen_random_uuid(), 'organized', 'T ' || i, lpad(i::text, 6, '0'), '', lpad(i::text, 6, '0'), 'en', '{en}',
             now() - i * interval '1 second', 2, case when i % 3 = 0 then '' else (1900 + i % 100)::text end
        from generate_series(1, $1::int) i)sql"},
           all);
    tx.run({"test.dated_files", R"sql(
      insert into book_files (id, book_id, format, original_name, download_name, storage_path, file_size, checksum, offered)
      select gen_random_uuid(), id, case when title like '%50' then 'pdf' else 'epub' end, title, title || '.epub', 'x', 1, id::text, 2
        from books)sql"});
    tx.run({"test.dated_labels", R"sql(
      with made as (insert into labels (id, kind, name, name_key, sort_key, letter)
                    values (gen_random_uuid(), 'genre', 'Fantasy', 'fantasy', 'fantasy', 'F') returning id)
      insert into book_labels (book_id, label_id, added_at) select b.id, m.id, b.created_at from books b, made m)sql"});
    tx.run({"test.dated_stars", R"sql(
      insert into opinions (user_id, book_id, rating) select $1, id, 1 + (random() * 9)::int from books where title like '%0')sql"},
           w.owner.user);
  });
  std::map<std::string, std::string> published, stars;
  w.change([&](db::tx& tx) {
    for (const db::row& r : tx.run({"test.keys", R"sql(
           select b.id, b.published_on, lpad(coalesce(o.rating, 0)::text, 2, '0') from books b left join opinions o on o.book_id = b.id)sql"})) {
      published["urn:uuid:" + r.id(0).text()] = r.text(1);
      stars["urn:uuid:" + r.id(0).text()] = r.text(2);
    }
  });
  auto http = w.as(w.owner);
  std::string genre = section(*http, "/opds/genres", "Fantasy");
  for (const std::string& narrowed : {genre + "?n=50&fmt=pdf", std::string("/opds/new?n=50&fmt=pdf&lang=en")}) {
    check_order(*http, narrowed + "&order=published", 60, published);
    check_order(*http, narrowed + "&order=rating", 60, stars);
  }
  check_order(*http, "/opds/new?n=200&order=rating", all, stars);
  check_order(*http, genre + "?n=200&order=published", all, published);
}
