// metadata-providers.md 3.
#include <catch2/catch.hpp>

#include "replies.hpp"

using namespace carrel;
using namespace carrel::test;

TEST_CASE("google: an ISBN is asked for first, then the whole volume") {
  talk_result t =
      held("google_books", example(), {{"isbn%3A9780306406157", ok(google_list())}, {"/volumes/", ok(google_volume())}});
  REQUIRE(t.asked.size() == 2);
  CHECK(t.asked[0].kind == "isbn");
  CHECK(t.asked[0].target ==
        "/volumes?q=isbn%3A9780306406157&maxResults=10&printType=books&fields=totalItems%2Citems%28id%2CvolumeInfo%29");
  CHECK(t.asked[1].kind == "id");
  CHECK(t.asked[1].target == "/volumes/aBcD0123xyzC");
  REQUIRE(t.found.size() == 1);
  const src::record& r = t.found[0];
  CHECK(r.provider_key == "aBcD0123xyzC");
  CHECK(r.query_kind == "isbn");
  CHECK(r.title == "The Example");
  CHECK(r.subtitle == "A Story");
  CHECK(r.authors == std::vector<std::string>{"A. Writer"});
  CHECK(r.publisher == "Some House");
  CHECK(r.published_date == "2014-03");
  CHECK(r.isbn_13 == "9780306406157");
  CHECK(r.isbn_10 == "0306406152");
  CHECK(r.page_count == 342);
  CHECK(r.language == "en");
  CHECK(r.description == "<p>Text with <b>simple</b> HTML</p>");
  CHECK(r.genres == std::vector<std::string>{"Fantasy", "Epic"});
  CHECK(r.rating == 4.5);
  CHECK(r.explicit_content == false);
  CHECK(r.series.empty());  // an id of a series is no name
  CHECK(r.url == "https://books.example/canonical");
  CHECK(r.identifiers == decltype(r.identifiers){{"google", "aBcD0123xyzC"}});
}

TEST_CASE("google: covers are the thumbnail over https, without curl, larger first") {
  talk_result t = held("google_books", example(), {{"isbn", ok(google_list())}});
  REQUIRE(t.found.size() == 1);
  CHECK(t.found[0].cover.url == "https://books.example/c?id=1&printsec=frontcover&img=1&zoom=1&source=x&fife=w800");
  CHECK(t.found[0].cover.others ==
        std::vector<std::string>{"https://books.example/c?id=1&printsec=frontcover&img=1&zoom=1&source=x"});
  src::preferences plain;
  plain.google_books_url = "http://127.0.0.1:1/books/v1";
  CHECK(held("google_books", example(), {{"isbn", ok(google_list())}}, plain).found[0].cover.url.starts_with("http://"));
}

TEST_CASE("google: without the ISBN both forms, the title and plain words are tried") {
  src::question q = example();
  q.title = "The \"Example\": A Story";
  talk_result t = held("google_books", q, {{"/volumes", ok(R"({"totalItems":0})")}});
  REQUIRE(t.asked.size() == 4);
  CHECK(t.asked[1].target.starts_with("/volumes?q=isbn%3A0306406152&"));
  CHECK(t.asked[2].target.starts_with("/volumes?q=intitle%3A%22The%20%20Example%22%20inauthor%3A%22A.%20Writer%22&"));
  CHECK(t.asked[3].target.starts_with("/volumes?q=The%20%20Example%20A.%20Writer&"));
  CHECK(t.found.empty());
}

TEST_CASE("google: a volume without the number is no match by number") {
  std::string other = google_list();
  for (const char* number : {"9780306406157", "0306406152"}) other.replace(other.find(number), std::string(number).size(), "x");
  talk_result t = held("google_books", example(), {{"isbn", ok(other)}});
  REQUIRE(t.found.size() == 1);
  CHECK(t.found[0].isbn_13.empty());
}

TEST_CASE("google: what is wrong for the number is not the end") {
  std::string other = google_list();
  other.replace(other.find("\"The Example\""), 13, "\"Woodworking\"");
  other.replace(other.find("A. Writer"), 9, "Z. Nobody");
  talk_result t = held("google_books", example(), {{"isbn", ok(other)}, {"intitle", ok(google_list())}});
  CHECK(t.asked.size() == 4);
  CHECK(t.asked[2].kind == "search");
  CHECK(t.asked[3].kind == "id");
}

TEST_CASE("google: another author's book with the number is not the end either") {
  std::string other = google_list();
  other.replace(other.find("A. Writer"), 9, "Z. Nobody");
  CHECK(held("google_books", example(), {{"isbn", ok(other)}}).asked.size() == 4);
}

TEST_CASE("google: long titles are cut at a word") {
  src::question q;
  q.title = "An Extraordinarily Long Title That Nobody Would Ever Search For In Full";
  talk_result t = held("google_books", q, {});
  REQUIRE(t.asked.size() == 2);
  CHECK(t.asked[0].target.find("Would%20Ever%20Search%22&") != std::string::npos);
  CHECK(t.asked[0].target.find("inauthor") == std::string::npos);
}

TEST_CASE("google: unknown is unknown") {
  talk_result t =
      held("google_books", example(), {{"isbn", ok(R"({"totalItems":9,"items":[{"id":"x1","volumeInfo":{"title":"The Example",
    "authors":["A. Writer"],"pageCount":0,"language":"un","publishedDate":"2014*","averageRating":0}},{"id":"../etc","volumeInfo":{"title":"X"}},
    {"id":"x2","volumeInfo":{}}]})")}});
  REQUIRE(t.found.size() == 1);
  CHECK_FALSE(t.found[0].page_count);
  CHECK(t.found[0].language.empty());
  CHECK(t.found[0].published_date == "2014");
  CHECK_FALSE(t.found[0].rating);
  CHECK(t.found[0].cover.url.empty());
}

TEST_CASE("google: a book that nothing is known of is not asked about") { CHECK(held("google_books", {}, {}).asked.empty()); }
