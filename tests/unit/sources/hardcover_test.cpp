// metadata-providers.md 5, hardcover.md 6 and 7.
#include <catch2/catch.hpp>

#include "ingest/sources/reading.hpp"
#include "replies.hpp"

using namespace carrel;
using namespace carrel::test;

namespace {

const book_of_replies everything{{"EditionsBy", ok(hardcover_editions())},
                                 {"SearchBooks", ok(hardcover_search())},
                                 {"BookMeta", ok(hardcover_book())},
                                 {"EditionMeta", ok(hardcover_edition())},
                                 {"BookSeriesList", ok(hardcover_series())}};

std::string operation(const src::ask& a) {
  json::value body = src::parsed(a.body);
  return src::node(body)["operationName"].text();
}

std::string variables(const src::ask& a) {
  json::value body = src::parsed(a.body);
  return json::dump(*src::node(body)["variables"].value());
}

const src::record& of_key(const talk_result& t, const std::string& key) {
  for (const src::record& r : t.found) {
    if (r.provider_key == key) return r;
  }
  FAIL("no record " << key);
  return t.found.front();
}

src::question untitled_number() {
  src::question q = example();
  q.isbn_13.clear();
  return q;
}

}  // namespace

TEST_CASE("hardcover: the edition with the number, and all about it and its book") {
  talk_result t = held("hardcover", example(), everything);
  REQUIRE(t.asked.size() == 4);
  CHECK(operation(t.asked[0]) == "EditionsByIsbn");
  CHECK(variables(t.asked[0]) == R"({"isbn13":["9780306406157"],"isbn10":["0306406152"],"limit":300})");
  CHECK(t.asked[0].target == "/");
  CHECK(operation(t.asked[1]) == "BookMeta");
  CHECK(variables(t.asked[1]) == R"({"bookId":1023})");
  CHECK(operation(t.asked[2]) == "EditionMeta");
  CHECK(variables(t.asked[2]) == R"({"editionId":30405})");
  CHECK(operation(t.asked[3]) == "BookSeriesList");
  CHECK(t.found.size() == 2);  // the recording has the number, too; the German edition has not
  const src::record& r = of_key(t, "hc:1023:30405");
  CHECK(r.query_kind == "isbn");
  CHECK(r.title == "The Example");
  CHECK(r.subtitle == "A Story");
  CHECK(r.authors == std::vector<std::string>{"A. Writer"});
  REQUIRE(r.contributors.size() == 1);
  CHECK(r.contributors[0].role == "translator");
  CHECK(r.publisher == "Some House");
  CHECK(r.published_date == "2014-03-02");
  CHECK(r.original_year == 2009);
  CHECK(r.language == "en");
  CHECK(r.isbn_13 == "9780306406157");
  CHECK(r.page_count == 342);
  CHECK_FALSE(r.duration_seconds);
  CHECK(r.genres == std::vector<std::string>{"Fantasy", "Epic", "Magic"});  // what one alone said goes where more than 3 remain
  CHECK(r.moods == std::vector<std::string>{"dark"});
  CHECK(r.tags == std::vector<std::string>{"Dragons"});
  CHECK(r.rating == 4.25);
  CHECK(r.cover.url == "https://assets.example/e.jpg");
  CHECK(r.cover.width == 800);
  CHECK(r.cover.others == std::vector<std::string>{"https://assets.example/b.jpg"});
  REQUIRE(r.series.size() == 2);
  CHECK(r.series[0].name == "Examples");
  CHECK(r.series[0].position == 1.5);
  CHECK(r.series[0].primary);
  CHECK(r.series[0].total == 3);
  CHECK(r.series[1].position == 0.0);
  CHECK(r.identifiers == decltype(r.identifiers){{"hardcover_book", "1023"}, {"hardcover_edition", "30405"}});
  CHECK(r.url == "https://hardcover.app/id/edition/30405");
}

TEST_CASE("hardcover: listeners get the recording") {
  src::question q = audio_example();
  talk_result t = held("hardcover", q, everything);
  CHECK(operation(t.asked[0]) == "EditionsByAsin");
  CHECK(variables(t.asked[0]) == R"({"asins":["B00EXAMPLE"],"limit":300})");
  REQUIRE(t.found.size() == 1);
  CHECK(t.found[0].provider_key == "hc:1023:30406");
  CHECK(t.found[0].query_kind == "asin");
  CHECK(t.found[0].duration_seconds == 36000.0);
}

TEST_CASE("hardcover: without a number the text is searched for") {
  talk_result t = held("hardcover", untitled_number(), everything);
  REQUIRE(t.asked.size() == 3);
  CHECK(operation(t.asked[0]) == "SearchBooks");
  CHECK(variables(t.asked[0]) == R"({"q":"The Example A. Writer","perPage":10,"page":1})");
  REQUIRE(t.found.size() == 1);
  const src::record& r = t.found[0];
  CHECK(r.provider_key == "hc:1023");
  CHECK(r.query_kind == "search");
  CHECK(r.description == "<p>All about **it**.</p>");
  CHECK(r.isbn_13.empty());  // the numbers of a book are those of all its editions
  CHECK(r.url == "https://hardcover.app/id/book/1023");
}

TEST_CASE("hardcover: the documents of a search alone make a record") {
  talk_result t = held("hardcover", untitled_number(), {{"SearchBooks", ok(hardcover_search())}});
  REQUIRE(t.found.size() == 1);
  const src::record& r = t.found[0];
  CHECK(r.title == "The Example");
  CHECK(r.genres == std::vector<std::string>{"Fantasy", "Science Fiction"});
  CHECK(r.series[0].position == 2.0);
  CHECK(r.cover.height == 600);
  CHECK(r.original_year == 2009);
}

TEST_CASE("hardcover: results come as an object, as a text and as a list") {
  const std::string document = R"({"id":1023,"title":"The Example","author_names":["A. Writer"]})";
  const std::string wrapped = R"x("{\"hits\":[{\"document\":{\"id\":\"1023\",\"title\":\"The Example\"}}]}")x";
  for (const std::string& results : {R"({"hits":[{"document":)" + document + "}]}", wrapped, "[" + document + "]"}) {
    INFO(results);
    std::string body = R"({"data":{"search":{"error":null,"results":)" + results + "}}}";
    talk_result t = held("hardcover", untitled_number(), {{"SearchBooks", ok(body)}});
    REQUIRE(t.found.size() == 1);
    CHECK(t.found[0].provider_key == "hc:1023");
  }
}

TEST_CASE("hardcover: a failed search is asked once more, then the title alone") {
  talk_result t =
      held("hardcover", untitled_number(), {{"SearchBooks", ok(R"({"data":{"search":{"error":"busy","results":null}}})")}});
  REQUIRE(t.asked.size() == 3);
  CHECK(t.asked[0].body == t.asked[1].body);
  CHECK(variables(t.asked[2]) == R"({"q":"The Example","perPage":10,"page":1})");
  src::question alone = untitled_number();
  alone.authors.clear();
  CHECK(held("hardcover", alone, {{"SearchBooks", ok(R"({"data":{"search":{"error":null,"results":[]}}})")}}).asked.size() == 1);
}

TEST_CASE("hardcover: a success with errors is none") {
  for (const char* body : {R"({"errors":[{"message":"no"}],"data":{"editions":[]}})", R"({"data":null})", "", "[]", "<html>"}) {
    INFO(body);
    CHECK(held("hardcover", example(), {{"EditionsBy", ok(body)}}).found.empty());
  }
  std::string partly = hardcover_editions();
  partly.insert(1, R"("errors":[{"message":"no"}],)");
  CHECK(held("hardcover", example(), {{"EditionsBy", ok(partly)}}).found.empty());
}

TEST_CASE("hardcover: a book that was merged is the other book") {
  std::string merged = R"({"data":{"books":[{"id":1023,"title":"The Example","canonical_id":77}]}})";
  std::string other = hardcover_book();
  other.replace(other.find("\"id\":1023"), 9, "\"id\":77");
  talk_result t = held("hardcover", example(),
                       {{"EditionsBy", ok(hardcover_editions())}, {R"({"bookId":1023})", ok(merged)}, {"BookMeta", ok(other)}});
  const src::record& r = of_key(t, "hc:77:30405");
  CHECK(r.identifiers[0] == std::pair<std::string, std::string>{"hardcover_book", "77"});
  CHECK(r.genres.size() == 3);
  bool series_of_the_other = false;
  for (const src::ask& a : t.asked) series_of_the_other |= operation(a) == "BookSeriesList" && variables(a) == R"({"bookId":77})";
  CHECK(series_of_the_other);
  std::string loop = R"({"data":{"books":[{"id":77,"title":"x","canonical_id":78}]}})";
  CHECK(held("hardcover", example(), {{"EditionsBy", ok(hardcover_editions())}, {"BookMeta", ok(loop)}}).asked.size() <= 6);
}

TEST_CASE("hardcover: tags may be a list, a text, or nothing") {
  for (const char* tags :
       {R"([{"tag":"Fantasy","category":"Genre","count":2}])", R"("{\"Genre\":[{\"tag\":\"Fantasy\",\"count\":2}]}")",
        R"({"Genre":[{"tag":"Fantasy","count":"2"}]})"}) {
    INFO(tags);
    std::string body = std::string(R"({"data":{"books":[{"id":1023,"title":"The Example","cached_tags":)") + tags + "}]}}";
    talk_result t = held("hardcover", example(), {{"EditionsBy", ok(hardcover_editions())}, {"BookMeta", ok(body)}});
    CHECK(of_key(t, "hc:1023:30405").genres == std::vector<std::string>{"Fantasy"});
  }
  std::string few =
      R"({"data":{"books":[{"id":1023,"title":"The Example","cached_tags":{"Genre":[{"tag":"Epic","count":1}]}}]}})";
  talk_result t = held("hardcover", example(), {{"EditionsBy", ok(hardcover_editions())}, {"BookMeta", ok(few)}});
  CHECK(of_key(t, "hc:1023:30405").genres == std::vector<std::string>{"Epic"});
}
