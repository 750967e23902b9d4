// metadata-providers.md 8.
#include "ingest/sources/normalise.hpp"

#include <catch2/catch.hpp>

#include "replies.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::ingest::sources;

namespace {

record titled(std::string_view title, std::string_view subtitle = {}) {
  record r;
  set_title(r, title, subtitle);
  return r;
}

node of(const json::value& v) { return node(v); }

}  // namespace

TEST_CASE("titles are composed, trimmed and of single spaces") {
  CHECK(titled("  The \n E\u0301xample ").title == "The \u00c9xample");
  CHECK(titled("Sea &amp; Salt").title == "Sea & Salt");
  CHECK(titled(std::string(5000, 'x')).title.size() == 1000);
}

TEST_CASE("a series tag behind a title goes to the series") {
  record r = titled("The Example (Examples, #2.5)");
  CHECK(r.title == "The Example");
  REQUIRE(r.series.size() == 1);
  CHECK(r.series[0].name == "Examples");
  CHECK(r.series[0].position == 2.5);
  CHECK(titled("The Example (a novel)").title == "The Example (a novel)");
  CHECK(titled("(Foo, #2)").title == "(Foo, #2)");
}

TEST_CASE("a subtitle is not repeated in the title") {
  record r = titled("The Example: A Story", "a story");
  CHECK(r.title == "The Example");
  CHECK(r.subtitle == "a story");
  CHECK(titled("The Example", "The Example").subtitle.empty());
  CHECK(titled("Dune: Part Two", "A Story").title == "Dune: Part Two");
}

TEST_CASE("what a title is searched by has neither subtitle nor tag and ends at a word") {
  CHECK(main_title("The Example: A Story", 60) == "The Example");
  CHECK(main_title("The Example - A Story", 60) == "The Example");
  CHECK(main_title("The Example (Foo #3)", 60) == "The Example");
  CHECK(main_title("One two three", 9) == "One two");
  CHECK(main_title("One two", 7) == "One two");
  CHECK(main_title(std::string(100, 'x'), 60).size() == 60);
  CHECK(main_title(": odd", 60) == ": odd");
}

TEST_CASE("one text of several names is split at semicolon, & and and only") {
  CHECK(split_names("A. Writer; B. Other & C. Third and D. Fourth") ==
        std::vector<std::string>{"A. Writer", "B. Other", "C. Third", "D. Fourth"});
  CHECK(split_names("Last, First") == std::vector<std::string>{"Last, First"});
  CHECK(split_names("A with B").size() == 1);
  CHECK(split_names(" ; ").empty());
}

TEST_CASE("people are turned, cleaned of roles and named once") {
  record r;
  for (const char* name : {"Writer, Ada", "ada writer", "  B.  Other (Author) ", "Unknown", "C. Third (Translator)",
                           "D. Fourth - introduction", "Mary-Ann - Fifth"})
    add_person(r, name);
  CHECK(r.authors == std::vector<std::string>{"Ada Writer", "B. Other", "Mary-Ann - Fifth"});
  REQUIRE(r.contributors.size() == 2);
  CHECK(r.contributors[0].name == "C. Third");
  CHECK(r.contributors[0].role == "translator");
  CHECK(r.contributors[1].role == "introduction");
  add_person(r, "N. Arrator", "Narrator");
  add_person(r, "I. Llustrator", "Illustrator");
  add_person(r, "S. Omebody", "Letterer");
  CHECK(r.narrators == std::vector<std::string>{"N. Arrator"});
  CHECK(r.contributors[2].role == "illustrator");
  CHECK(r.contributors[3].role == "letterer");
  for (int i = 0; i < 1000; ++i) add_person(r, "Person Number" + std::to_string(i));
  CHECK(r.authors.size() == 100);
}

TEST_CASE("a series stays one, whoever names it, and keeps places of 0 and fractions") {
  record r;
  add_series(r, "Examples", "");
  add_series(r, "EXAMPLES", "0", true, 3);
  add_series_text(r, "World -- 1-3");
  add_series_text(r, "Alone");
  add_series(r, "", "2");
  REQUIRE(r.series.size() == 3);
  CHECK(r.series[0].position == 0.0);
  CHECK(r.series[0].primary);
  CHECK(r.series[0].total == 3);
  CHECK(r.series[1].position == 1.0);
  CHECK(r.series[1].position_text == "1-3");
  CHECK_FALSE(r.series[2].position);
}

TEST_CASE("dates are kept as exact as they are known") {
  struct {
    const char *text, *date;
    int year;
  } cases[] = {{"2014", "2014", 2014},
               {"2014-03", "2014-03", 2014},
               {"2014-03-02", "2014-03-02", 2014},
               {"2014*", "2014", 2014},
               {"2014-03-02T00:00:00.000Z", "2014-03-02", 2014},
               {"March 2014", "2014-03", 2014},
               {"[1999?]", "1999", 1999},
               {"printed in 1987 or so", "", 1987},
               {"2014-13-40", "", 2014},
               {"c1965", "", 1965}};
  for (const auto& c : cases) {
    record r;
    set_date(r, c.text);
    INFO(c.text);
    CHECK(r.published_date == c.date);
    CHECK(r.published_year == c.year);
  }
  for (const char* none : {"", "0", "soon", "0999", "9999", "12345", "03/02/14"}) {
    record r;
    set_date(r, none);
    INFO(none);
    CHECK_FALSE(r.published_year);
  }
}

TEST_CASE("languages come from codes of two and three letters and from names") {
  struct {
    const char *tag, *two, *three_b, *three_t, *name;
  } cases[] = {{"en", "en", "eng", "eng", "English"},    {"de", "de", "ger", "deu", "German"},
               {"fr", "fr", "fre", "fra", "French"},     {"es", "es", "spa", "spa", "Spanish"},
               {"it", "it", "ita", "ita", "Italian"},    {"pt", "pt", "por", "por", "Portuguese"},
               {"nl", "nl", "dut", "nld", "Dutch"},      {"sv", "sv", "swe", "swe", "Swedish"},
               {"da", "da", "dan", "dan", "Danish"},     {"no", "no", "nor", "nor", "Norwegian"},
               {"fi", "fi", "fin", "fin", "Finnish"},    {"is", "is", "ice", "isl", "Icelandic"},
               {"pl", "pl", "pol", "pol", "Polish"},     {"cs", "cs", "cze", "ces", "Czech"},
               {"sk", "sk", "slo", "slk", "Slovak"},     {"sl", "sl", "slv", "slv", "Slovenian"},
               {"hr", "hr", "hrv", "hrv", "Croatian"},   {"sr", "sr", "srp", "srp", "Serbian"},
               {"bs", "bs", "bos", "bos", "Bosnian"},    {"bg", "bg", "bul", "bul", "Bulgarian"},
               {"mk", "mk", "mac", "mkd", "Macedonian"}, {"ru", "ru", "rus", "rus", "Russian"},
               {"uk", "uk", "ukr", "ukr", "Ukrainian"},  {"be", "be", "bel", "bel", "Belarusian"},
               {"hu", "hu", "hun", "hun", "Hungarian"},  {"ro", "ro", "rum", "ron", "Romanian"},
               {"el", "el", "gre", "ell", "Greek"},      {"tr", "tr", "tur", "tur", "Turkish"},
               {"ar", "ar", "ara", "ara", "Arabic"},     {"fa", "fa", "per", "fas", "Persian"},
               {"he", "he", "heb", "heb", "Hebrew"},     {"hi", "hi", "hin", "hin", "Hindi"},
               {"bn", "bn", "ben", "ben", "Bangla"},     {"ta", "ta", "tam", "tam", "Tamil"},
               {"zh", "zh", "chi", "zho", "Chinese"},    {"ja", "ja", "jpn", "jpn", "Japanese"},
               {"ko", "ko", "kor", "kor", "Korean"},     {"vi", "vi", "vie", "vie", "Vietnamese"},
               {"th", "th", "tha", "tha", "Thai"},       {"id", "id", "ind", "ind", "Indonesian"},
               {"ms", "ms", "may", "msa", "Malay"},      {"ca", "ca", "cat", "cat", "Catalan"},
               {"eu", "eu", "baq", "eus", "Basque"},     {"gl", "gl", "glg", "glg", "Galician"},
               {"cy", "cy", "wel", "cym", "Welsh"},      {"ga", "ga", "gle", "gle", "Irish"},
               {"lt", "lt", "lit", "lit", "Lithuanian"}, {"lv", "lv", "lav", "lav", "Latvian"},
               {"et", "et", "est", "est", "Estonian"},   {"sq", "sq", "alb", "sqi", "Albanian"},
               {"hy", "hy", "arm", "hye", "Armenian"},   {"ka", "ka", "geo", "kat", "Georgian"},
               {"la", "la", "lat", "lat", "Latin"},      {"eo", "eo", "epo", "epo", "Esperanto"}};
  for (const auto& c : cases) {
    INFO(c.tag);
    CHECK(language_of(c.two) == c.tag);
    CHECK(language_of(c.three_b) == c.tag);
    CHECK(language_of(c.three_t) == c.tag);
    CHECK(language_of(c.name) == c.tag);
  }
  CHECK(language_of("english") == "en");
  CHECK(language_of("pt-BR") == "pt-br");
  for (const char* none : {"", "und", "un", "mul", "zxx", "Klingonish", "qq", "????"}) {
    INFO(none);
    CHECK(language_of(none).empty());
  }
}

TEST_CASE("ISBNs have right check digits and no hyphens, and the one asked for comes first") {
  question asked = test::example();
  record r;
  set_isbn(r, {"bad", "0-306-40615-3", "978-3-16-148410-0", "0306406152"}, asked);
  CHECK(r.isbn_13 == "9780306406157");
  CHECK(r.isbn_10 == "0306406152");
  record other;
  set_isbn(other, {"978-3-16-148410-0"}, asked);
  CHECK(other.isbn_13 == "9783161484100");
  record none;
  set_isbn(none, {"9780306406158", "", std::string(100'000, '9')}, asked);
  CHECK(none.isbn_13.empty());
  CHECK(isbns_of(asked) == std::vector<std::string>{"9780306406157", "0306406152"});
  question by_ten;
  by_ten.isbn_10 = "0306406152";
  CHECK(isbns_of(by_ten) == isbns_of(asked));
  question french;
  french.isbn_13 = "9791032305690";
  CHECK(isbns_of(french) == std::vector<std::string>{"9791032305690"});
  question wrong;
  wrong.isbn_13 = "9780306406158";
  CHECK(isbns_of(wrong).empty());
}

TEST_CASE("an ASIN is ten characters of the shop's pattern") {
  CHECK(asin_of(" b00example ") == "B00EXAMPLE");
  CHECK(asin_of("0306406152") == "0306406152");
  for (const char* none : {"", "B00EXAMPL", "B00EXAMPLE1", "C00EXAMPLE", "B00EXAM-LE", "030640615Z"})
    CHECK(asin_of(none).empty());
}

TEST_CASE("descriptions hold a few elements and nothing else") {
  CHECK(description_of("<h2 class=x>Head</h2><p onclick='x'>A <a href='http://x.example'>link</a>, <u>line</u> &amp; <b>more</b>"
                       "<script>alert(1)</script><img src=x><hr><ul><li>one</ul>") ==
        "<p>Head</p><p>A link, line &amp; <b>more</b></p><ul><li>one</li></ul>");
  CHECK(description_of("plain <3 text\nsecond line") == "<p>plain &lt;3 text<br/>second line</p>");
  CHECK(description_of("").empty());
  std::string many;
  for (int i = 0; i < 9000; ++i) many += "<p>wörds</p>";
  CHECK(count_code_points(description_of(many)) <= 20'000);
}

TEST_CASE("numbers out of range are unknown") {
  CHECK(page_count_of(of(json::value(342))) == 342);
  CHECK(page_count_of(of(json::value("342"))) == 342);
  for (const json::value& none : {json::value(0), json::value(-1), json::value(20'001), json::value(3.5), json::value("many"),
                                  json::value(), json::value(json::array{}), json::value(json::number{"1e300"})})
    CHECK_FALSE(page_count_of(of(none)));
  CHECK_FALSE(seconds_of(0));
  CHECK_FALSE(seconds_of(-3));
  CHECK(seconds_of(0.5) == 0.5);
  record r;
  set_rating(r, of(json::value("4.7")), of(json::value(12)));
  CHECK(r.rating == 4.7);
  CHECK(r.ratings_count == 12);
  record none;
  set_rating(none, of(json::value(0)), of(json::value(12)));
  set_rating(none, of(json::value(5.1)), of(json::value(12)));
  CHECK_FALSE(none.rating);
  CHECK_FALSE(none.ratings_count);
}

TEST_CASE("addresses are of the web and name nobody") {
  CHECK(web_address(" https://a.example/x ") == "https://a.example/x");
  CHECK(web_address("//a.example/x") == "https://a.example/x");
  for (const std::string& none : {std::string("javascript:alert(1)"), std::string("file:///etc/passwd"), std::string("https://"),
                                  std::string("https://me:secret@a.example/"), std::string("https://a.example/\x01"),
                                  std::string("https://a.example/<x"), "https://a.example/" + std::string(3000, 'x')}) {
    INFO(none.substr(0, 40));
    CHECK(web_address(none).empty());
  }
}

TEST_CASE("what is unknown is absent from the normalised record") {
  CHECK(record{}.normalized().empty());
  record r;
  r.title = "T";
  r.authors = {"A"};
  r.series = {{"S", 0, "", {}}};
  r.abridged = false;
  r.cover.url = "https://a.example/c";
  r.identifiers = {{"google", "x"}};
  CHECK(json::dump(r.normalized()) ==
        R"({"title":"T","authors":["A"],"series":[{"name":"S","position":0,"primary":false}],"identifiers":{"google":"x"},)"
        R"("abridged":false,"cover":{"url":"https://a.example/c"}})");
}

TEST_CASE("every key of the normalised record has its value") {
  record r;
  r.title = "T", r.subtitle = "U", r.author_sort = "A", r.publisher = "P", r.published_date = "2014-03", r.language = "en";
  r.authors = {"A"}, r.narrators = {"N"}, r.genres = {"G"}, r.tags = {"T"}, r.moods = {"M"};
  r.contributors = {{"C", "editor"}};
  r.series = {{"S", 1.5, "1.5", 3, true}};
  r.published_year = 2014, r.original_year = 2009, r.page_count = 342, r.duration_seconds = 36000;
  r.isbn_10 = "0306406152", r.isbn_13 = "9780306406157", r.asin = "B00EXAMPLE", r.description = "<p>D</p>",
  r.url = "https://u.example";
  r.abridged = true, r.explicit_content = false, r.rating = 4.5, r.ratings_count = 12;
  r.cover = {"https://c.example", {"https://d.example"}, 400, 600};
  json::object n = r.normalized();
  CHECK(n.size() == 27);
  CHECK(json::dump(*n.find("cover")) == R"({"url":"https://c.example","width":400,"height":600,"others":["https://d.example"]})");
  CHECK(json::dump(*n.find("series")) == R"([{"name":"S","position":1.5,"position_text":"1.5","total":3,"primary":true}])");
  CHECK(json::dump(*n.find("contributors")) == R"([{"name":"C","role":"editor"}])");
}

TEST_CASE("raw records can be stored: no NUL, no endless number, no more than 256 KiB") {
  json::value v = parsed(R"({"a\u0000b":"c\u0000d","n":1e999999,"long":0.)" + std::string(20'000, '1') + R"(,"i":12,"f":null})");
  CHECK(json::dump(storable(node(v))) == R"({"ab":"cd","n":null,"long":0.1111111111111111,"i":12,"f":null})");
  json::value large =
      json::object{{"text", std::string(3 << 20, 'x')}, {"list", std::vector<std::string>(5000, std::string(500, 'y'))}};
  CHECK(json::dump(storable(node(large))).size() <= 256 << 10);
  CHECK_FALSE(storable(node(large)).is_null());
  CHECK(storable(node()).is_null());
}
