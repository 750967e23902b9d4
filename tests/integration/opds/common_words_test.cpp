// Searches for words that very many books have (opds.md 6.4).
#include <algorithm>
#include <catch2/catch.hpp>
#include <pugixml.hpp>
#include <set>

#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

using strings = std::vector<std::string>;

// Books about tides, none of which is called so; titles sort before and after.
void add_many(world& w, int count) {
  w.change([&](db::tx& tx) {
    tx.run({"test.common_books", R"sql(
      insert into books (id, status, title, title_key, author_key, place_key, language, languages, created_at, offered, search_vector)
      select gen_random_uuid(), 'organized', 'Sea ' || i, 'sea ' || lpad(i::text, 6, '0'), '', '', 'en', '{en}',
             now() - i * interval '1 second', 2, setweight(to_tsvector('simple', 'sea'), 'A') || setweight(to_tsvector('simple', 'tide'), 'C')
        from generate_series(1, $1::int) i)sql"},
           count);
    tx.run({"test.common_files", R"sql(
      insert into book_files (id, book_id, format, original_name, download_name, storage_path, file_size, checksum, offered)
      select gen_random_uuid(), id, 'epub', title, title || '.epub', 'x', 1, id::text, 2 from books where title like 'Sea %')sql"});
  });
}

strings walked(client& http, std::string at) {
  strings out;
  while (!at.empty()) {
    reply r = http.get(at);
    REQUIRE(r.status == 200);
    for (const std::string& id : ids_of(r.body)) out.push_back(id);
    std::string next = link_of(parsed(r.body), "next");
    at = next.empty() ? "" : path_of_url(next);
    REQUIRE(out.size() <= 1000);
  }
  return out;
}

}  // namespace

TEST_CASE("a title that is what was typed comes first, then those that begin so, however common the word") {
  world w;
  add_many(w, 2500);
  w.add({.title = "Tide Tables"});
  w.add({.title = "Tide"});
  w.add({.title = "Of the Tide", .tags = {"Sea"}});
  auto http = w.as(w.owner);
  for (const char* typed : {"tide", "TIDE", "T%C3%AFde"}) {
    INFO(typed);
    strings titles = titles_of(http->get(std::string("/opds/search?n=5&q=") + typed).body);
    REQUIRE(titles.size() == 5);
    CHECK(titles[0] == "Tide");
    CHECK(titles[1] == "Tide Tables");
  }
  CHECK(titles_of(http->get("/opds/search?q=tide%20tables").body) == strings{"Tide Tables"});
}

TEST_CASE("of more results than 1,000 the best are paged to the end, each once, without a total") {
  world w;
  add_many(w, 1400);
  w.add({.title = "Tide"});
  auto http = w.as(w.owner);
  for (const char* search : {"/opds/search?n=200&q=tide", "/opds/search?n=200&q=sea", "/opds/search?n=200&q=tid",
                             "/opds/search?n=200&q=tide&order=title", "/opds/search?n=200&q=tide&order=published"}) {
    INFO(search);
    CHECK_FALSE(parsed(http->get(search).body).child("feed").child("opensearch:totalResults"));
    strings ids = walked(*http, search);
    CHECK(ids.size() == 1000);
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 1000);
  }
}

TEST_CASE("a word counts as it stands and as a beginning, and a field narrows both") {
  world w;
  add_many(w, 300);
  w.add({.title = "Tidemark", .authors = {"Tide Waterman"}});
  w.add({.title = "Tidings", .authors = {"Ada Fenwick"}});
  auto http = w.as(w.owner);
  auto total = [&](const std::string& query) {
    return std::string(parsed(http->get("/opds/search?" + query).body).child("feed").child_value("opensearch:totalResults"));
  };
  CHECK(total("q=tide") == "301");
  CHECK(total("q=tid") == "302");
  CHECK(total("q=tidem") == "1");
  CHECK(total("title=tid") == "2");
  CHECK(total("author=tid") == "1");
  CHECK(total("q=sea%20tid") == "300");
  CHECK(total("q=%22tid%22") == "0");
}
