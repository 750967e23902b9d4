#include "opds/words.hpp"

#include <catch2/catch.hpp>

using namespace carrel::opds;

TEST_CASE("the account's language is spoken, else the best that the app accepts, else English") {
  CHECK(tongue_of("de", "fr") == tongue::german);
  CHECK(tongue_of("", "fr-CA,fr;q=0.9,en;q=0.8") == tongue::french);
  CHECK(tongue_of("", "en;q=0.3, de-AT;q=0.7") == tongue::german);
  CHECK(tongue_of("", "ja, de;q=0") == tongue::english);
  CHECK(tongue_of("nl", "DE") == tongue::german);
  CHECK(tongue_of("", "") == tongue::english);
  CHECK(tongue_of("", ";;,q=,de;q=x") == tongue::german);
}

TEST_CASE("every word is there in every language, with its gap") {
  for (const translated& t : catalog_words) {
    INFO(t.english);
    for (std::string_view text : {t.german, t.french}) {
      CHECK_FALSE(text.empty());
      CHECK((text.find("{}") == text.npos) == (t.english.find("{}") == t.english.npos));
    }
  }
}

TEST_CASE("a name stands where the gap is, whatever it holds") {
  CHECK(phrase("Books by {}").in(tongue::german, "{} & Co") == "Bücher von {} & Co");
  CHECK(phrase("Authors").in(tongue::french, "nobody") == "Auteurs");
  CHECK(stars_shown(1, tongue::german) == "1 Stern");
  CHECK(stars_shown(4, tongue::french) == "4 étoiles");
}
