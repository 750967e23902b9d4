// hardcover.md 8.4.
#include "publication/likeness.hpp"

#include <catch2/catch.hpp>
#include <iterator>
#include <random>
#include <string>

using carrel::publication::name_likeness;
using carrel::publication::title_likeness;

TEST_CASE("titles are equal whatever their case, marks, punctuation and article") {
  for (auto [a, b] :
       {std::pair{"The Lighthouse", "lighthouse"}, std::pair{"Sea & Salt", "Sea and Salt"},
        std::pair{"Émile, oder: Über", "emile oder uber"}, std::pair{"Der Prozess", "PROZESS"}, std::pair{"The", "the!"}}) {
    INFO(a);
    CHECK(title_likeness(a, b) == 1);
    CHECK(title_likeness(b, a) == 1);
  }
}

TEST_CASE("titles are more or less alike") {
  CHECK(title_likeness("Dune", "Dune: The Graphic Novel") == 1);  // the words of one are all in the other
  CHECK(title_likeness("The Quiet Harbour", "The Quiet Harbor") > 0.95);
  CHECK(title_likeness("The Quiet Harbour", "The Loud Harbour") < 0.95);
  CHECK(title_likeness("Moby Dick", "War and Peace") < 0.6);
  CHECK(title_likeness("", "") == 0);
  CHECK(title_likeness("", "Dune") == 0);
  CHECK(title_likeness("...", "...") == 1);
  CHECK(title_likeness("...", "???") == 0);
  CHECK(title_likeness(std::string(100'000, 'a'), std::string(100'000, 'b')) == 0);
}

TEST_CASE("names are alike when the surnames are equal") {
  CHECK(name_likeness("Ursula K. Le Guin", "Le Guin, Ursula K.") == 0);  // surname of two words is known only with its comma
  CHECK(name_likeness("Ada Fenwick", "Fenwick, Ada") == 1);
  CHECK(name_likeness("A. Fenwick", "Ada Fenwick") == Approx(0.94));
  CHECK(name_likeness("Ada Fenwick", "Bert Fenwick") < 0.9);
  CHECK(name_likeness("Ada Fenwick", "Bert Fenwick") >= 0.7);
  CHECK(name_likeness("Ada Fenwick", "Ada Fenwich") == 0);
  CHECK(name_likeness("", "") == 0);
}

TEST_CASE("a title that is compared with many is as like as when they are compared one by one") {
  using carrel::publication::known_title;
  std::mt19937 random(20261122);
  const char* words[]{"the",    "quiet", "harbour", "harbor", "of", "a", "night",   "\u00e9t\u00e9",
                      "volume", "3",     "iii",     "and",    "&",  "o", "quietly", "-"};
  auto title = [&] {
    std::string out;
    for (std::size_t n = random() % 6; n > 0; --n) out += std::string(words[random() % std::size(words)]) + " ";
    if (random() % 50 == 0) out += std::string(400, 'x') + " y";
    if (!out.empty() && random() % 4 == 0) out.erase(random() % out.size(), 1);
    return out;
  };
  int alike = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string a = title(), b = title();
    double exact = title_likeness(a, b), least = 0.5 + 0.05 * static_cast<double>(random() % 10);
    INFO(a << "|" << b << "|" << least);
    REQUIRE(known_title(a).likeness(b, least) == (exact < least ? 0 : exact));
    alike += exact >= 0.9 ? 1 : 0;
  }
  CHECK(alike > 500);
}
