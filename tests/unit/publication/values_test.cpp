#include <catch2/catch.hpp>

#include "publication/unicode.hpp"

using namespace carrel::publication;

TEST_CASE("languages come in the shortest form") {
  auto [in, out] = GENERATE(table<std::string, std::string>({
      {"en", "en"},
      {"EN", "en"},
      {"eng", "en"},
      {"ger", "de"},
      {"deu", "de"},
      {"fre", "fr"},
      {"chi", "zh"},
      {"zh_tw", "zh-TW"},
      {"en-us", "en-US"},
      {"sr-latn-rs", "sr-Latn-RS"},
      {"iw", "he"},
      {"English", "en"},
      {"deutsch", "de"},
      {"FRANÇAIS", "fr"},
      {"русский", "ru"},
      {"日本語", "ja"},
      {" pt-BR ", "pt-BR"},
      {"und", ""},
      {"zxx", ""},
      {"mul", ""},
      {"xyzzy", ""},
      {"jp", ""},
      {"", ""},
      {"e", ""},
      {"en-", "en"},
      {"Klingonish", ""},
      {"de-1996", "de"},
      {"farsi", "fa"},
      {"norsk bokmål", "nb"},
  }));
  CHECK(language_tag(in).value_or("") == out);
}

TEST_CASE("languages have names") {
  CHECK(language_name("de", "en") == "German");
  CHECK(language_name("de", "de") == "Deutsch");
  CHECK(language_name("zh-TW", "en") == "Chinese (Taiwan)");
}

TEST_CASE("dates keep their precision") {
  auto [in, out] = GENERATE(table<std::string, std::string>({
      {"2019", "2019"},
      {"2019-06", "2019-06"},
      {"2019-06-01", "2019-06-01"},
      {"2019-6-1", "2019-06-01"},
      {"2019/06/01", "2019-06-01"},
      {"2019.06.01", "2019-06-01"},
      {"01.06.2019", "2019-06-01"},
      {"2019-06-01T00:00:00+02:00", "2019-06-01"},
      {"2019-12-31T23:00:00-05:00", "2020-01-01"},
      {"2019-06-01T00:30:00+02:00", "2019-05-31"},
      {"2019-06-01T12:00:00Z", "2019-06-01"},
      {"2019-06-01 12:00", "2019-06-01"},
      {"D:20190601120000+02'00'", "2019-06-01"},
      {"D:2019", "2019"},
      {"March 2019", "2019-03"},
      {"12 March 2019", "2019-03-12"},
      {"Mar 12th, 2019", "2019-03-12"},
      {"0101-01-01", ""},
      {"0101-01-01T00:00:00+00:00", ""},
      {"2019-13-01", ""},
      {"2019-02-30", ""},
      {"20x1", ""},
      {"19", ""},
      {"01/06/2019", ""},
      {"3000", ""},
      {"999", ""},
      {"", ""},
      {"Smarch 2019", ""},
  }));
  CHECK(date(in).value_or("") == out);
}

TEST_CASE("ISBNs are checked and come in both forms") {
  auto found = parse_isbn("978-0-306-40615-7");
  REQUIRE(found);
  CHECK(found->isbn_13 == "9780306406157");
  CHECK(found->isbn_10 == "0306406152");

  found = parse_isbn("ISBN-10: 0-8044-2957-X");
  REQUIRE(found);
  CHECK(found->isbn_10 == "080442957X");
  CHECK(found->isbn_13 == "9780804429573");

  found = parse_isbn("urn:isbn:9791234567896");
  REQUIRE(found);
  CHECK(found->isbn_10.empty());

  CHECK(parse_isbn("9780306406157").has_value());
  CHECK(parse_isbn("978\u00a00306406157").has_value());
  for (const char* wrong :
       {"9780306406158", "0306406153", "9770306406157", "X306406152", "12345", "", "978030640615712", "isbn", "97803064O6157"}) {
    CHECK_FALSE(parse_isbn(wrong));
  }
}
