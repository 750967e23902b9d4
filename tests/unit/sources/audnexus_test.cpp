// metadata-providers.md 6.
#include <catch2/catch.hpp>

#include "replies.hpp"

using namespace carrel;
using namespace carrel::test;

namespace {

src::reply missing(const char* code) {
  src::reply r;
  r.status = 404;
  r.body = std::string(R"({"error":{"code":")") + code + R"(","message":"x"}})";
  return r;
}

}  // namespace

TEST_CASE("audnexus: a recording by its ASIN") {
  talk_result t = held("audnexus", audio_example(), {{"/books/B00EXAMPLE?region=us", ok(audnexus_book())}});
  REQUIRE(t.asked.size() == 1);
  CHECK(t.asked[0].kind == "asin");
  REQUIRE(t.found.size() == 1);
  const src::record& r = t.found[0];
  CHECK(r.provider_key == "B00EXAMPLE");
  CHECK(r.asin == "B00EXAMPLE");
  CHECK(r.authors == std::vector<std::string>{"A. Writer"});
  REQUIRE(r.contributors.size() == 1);
  CHECK(r.contributors[0].name == "T. Ranslator");
  CHECK(r.contributors[0].role == "translator");
  CHECK(r.narrators == std::vector<std::string>{"N. Arrator"});
  CHECK(r.publisher == "Sound House");
  CHECK(r.description == "<p>Heard <b>well</b></p>");
  CHECK(r.published_date == "2014-03-02");
  CHECK(r.language == "en");
  CHECK(r.duration_seconds == 36000.0);
  CHECK(r.abridged == false);
  CHECK(r.explicit_content == false);
  CHECK(r.rating == 4.7);
  CHECK(r.genres == std::vector<std::string>{"Science Fiction & Fantasy"});
  CHECK(r.tags == std::vector<std::string>{"Dragons"});
  REQUIRE(r.series.size() == 2);
  CHECK(r.series[0].position == 2.0);
  CHECK(r.series[0].position_text == "2, Dramatized Adaptation");
  CHECK(r.series[0].primary);
  CHECK(r.series[1].position_text == "1-3");
  CHECK_FALSE(r.series[1].primary);
  CHECK(r.identifiers == decltype(r.identifiers){{"audible", "B00EXAMPLE"}});
}

TEST_CASE("audnexus: nothing is asked without an ASIN, or of what is read") {
  src::question q = audio_example();
  q.asin = "not one";
  CHECK(held("audnexus", q, {}).asked.empty());
  q = audio_example();
  q.audio = false;
  CHECK(held("audnexus", q, {}).asked.empty());
}

TEST_CASE("audnexus: three other regions are tried where one does not sell it, none where nobody knows it") {
  src::preferences german;
  german.audnexus_regions = {"de", "uk", "nowhere", "de"};
  talk_result t = held("audnexus", audio_example(), {{"/books/", missing("REGION_UNAVAILABLE")}}, german);
  REQUIRE(t.asked.size() == 4);
  CHECK(t.asked[0].target == "/books/B00EXAMPLE?region=de");
  CHECK(t.asked[1].target == "/books/B00EXAMPLE?region=uk");
  CHECK(t.asked[2].target == "/books/B00EXAMPLE?region=us");
  CHECK(t.asked[3].target == "/books/B00EXAMPLE?region=au");
  CHECK(held("audnexus", audio_example(), {{"/books/", missing("NOT_FOUND")}}).asked.size() == 1);
  src::reply old;
  old.status = 404;
  old.body = R"({"statusCode":404,"error":"Not Found","message":"x"})";
  CHECK(held("audnexus", audio_example(), {{"/books/", old}}).asked.size() == 1);
  t = held("audnexus", audio_example(), {{"region=us", missing("REGION_UNAVAILABLE")}, {"region=uk", ok(audnexus_book())}});
  CHECK(t.found.size() == 1);
}
