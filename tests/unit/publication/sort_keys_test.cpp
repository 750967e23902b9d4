#include <catch2/catch.hpp>

#include "publication/author_order.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

using namespace carrel::publication;

TEST_CASE("the article of the book's language goes behind the title") {
  auto [title, language, sort] = GENERATE(table<std::string, std::string, std::string>({
      {"The Lost Garden", "en", "Lost Garden, The"},
      {"An Island", "en-GB", "Island, An"},
      {"The", "en", "The"},
      {"Theory", "en", "Theory"},
      {"“The Of The Lantern”", "en", "Of The Lantern, The"},
      {"\"A\" Team", "en", "\"A\" Team"},
      {"Der stille Fluss", "de", "stille Fluss, Der"},
      {"The stille Fluss", "de", "The stille Fluss"},
      {"L’île", "fr", "île, L’"},
      {"L'île", "fr", "île, L'"},
      {"Les Misérables", "fr", "Misérables, Les"},
      {"Un'altra vita", "it", "altra vita, Un'"},
      {"'t Hooge Huis", "nl", "Hooge Huis, 't"},
      {"El jardín", "es", "jardín, El"},
      {"Ο κήπος", "el", "κήπος, Ο"},
      {"A kert", "hu", "kert, A"},
      {"A rzeka", "pl", "A rzeka"},
      {"The Unknown", "", "Unknown, The"},
      {"  The Spaces  ", "en", "Spaces, The"},
      {"『灯台』", "ja", "灯台"},
      {"O poder", "pt", "poder, O"},
  }));
  CHECK(title_sort(title, language) == sort);
}

TEST_CASE("author sort names") {
  auto [name, sort] = GENERATE(table<std::string, std::string>({
      {"Ada Lark", "Lark, Ada"},
      {"Ursula K. Le Guin", "Guin, Ursula K. Le"},
      {"Ludwig van Beethoven", "Beethoven, Ludwig van"},
      {"Plato", "Plato"},
      {"Lark, Ada", "Lark, Ada"},
      {"Martin Luther King Jr.", "King, Martin Luther Jr."},
      {"Dr. Ada Lark", "Lark, Ada"},
      {"Ada Lark PhD", "Lark, Ada PhD"},
      {"Harper Collins Inc.", "Harper Collins Inc."},
      {"National Geographic", "National Geographic"},
      {"Ada Lark (editor)", "Lark, Ada"},
      {"村上春樹", "村上春樹"},
      {"김현우", "김현우"},
      {"Лев Толстой", "Толстой, Лев"},
      {"", ""},
  }));
  CHECK(author_sort(name) == sort);
}

TEST_CASE("sort keys order as people expect") {
  CHECK(sort_key("Book 2") < sort_key("Book 10"));
  CHECK(sort_key("Book 007") == sort_key("Book 7"));
  CHECK(sort_key("Émile") == sort_key("emile"));
  CHECK(sort_key("Straße") == sort_key("strasse"));
  CHECK(sort_key("Ærø Łódź") == "aero lodz");
  CHECK(sort_key("Þór") == "thor");
  CHECK(sort_key("Don't stop") == "dont stop");
  CHECK(sort_key("a\u00adb — c") == "ab c");
  CHECK(sort_key("2001") == "0000002001");
  CHECK(sort_key("٢٣") == "0000000023");
  CHECK(sort_key("000") == "0000000000");
  CHECK(sort_key("12345678901234") == "12345678901234");
  CHECK(sort_key("?!") == "\xef\xbf\xbf");
  CHECK(sort_key("") == "\xef\xbf\xbf");
  std::string everything;
  for (int i = 0; i < 200; ++i) everything += "é漢";
  CHECK(sort_key(everything).size() <= 120);
  CHECK(carrel::valid_utf8(sort_key(everything)));
}

TEST_CASE("letters of the index") {
  CHECK(index_letter(sort_key("Émile")) == "E");
  CHECK(index_letter(sort_key("2001")) == "#");
  CHECK(index_letter(sort_key("???")) == "#");
  CHECK(index_letter("") == "#");
  CHECK(index_letter(sort_key("漢字")) == "漢");
  CHECK(index_letter(sort_key("カタカナ")) == "あ");
  CHECK(index_letter(sort_key("편지")) == "가");
  CHECK(index_letter(sort_key("Маяк")) == "м");
}

TEST_CASE("title and author keys find the same work") {
  CHECK(title_key("The Lost Garden: A Novel", "en") == "lost garden");
  CHECK(title_key("The Lost Garden (Lantern Series #2)", "en") == "lost garden");
  CHECK(title_key("Lost Garden [Unabridged]", "en") == "lost garden");
  CHECK(title_key("Lost Garden (2)", "en") == "lost garden");
  CHECK(title_key("Lost Garden (of Eden)", "en") == "lost garden of eden");
  CHECK(title_key("L’Île mystérieuse", "fr") == "ile mysterieuse");
  CHECK(title_key("It: A Novel", "en") == "it a novel");  // fewer than three characters would remain
  CHECK(title_key("The", "en") == "the");
  CHECK(author_key("Lark, Ada") == author_key("Ada Lark"));
  CHECK(author_key("Ада  Ларк") == "ада ларк");
  CHECK(author_key("村上 春樹") == "村上春樹");
  CHECK(dup_key("The Lost Garden", "en", "Lark, Ada") == dup_key("Lost garden!", "en", "ADA LARK"));
  CHECK(dup_key("Lost Garden", "en", "Ada Lark").size() == 16);
  CHECK(dup_key("Lost Garden", "en", "Ada Lark") != dup_key("Lost Garden", "en", "Ada Larks"));
}

TEST_CASE("particles go with the given names, or with the surname where that is set") {
  CHECK(author_sort("Ludwig van Beethoven") == "Beethoven, Ludwig van");
  keep_particles_with_surname(true);
  CHECK(author_sort("Ludwig van Beethoven") == "van Beethoven, Ludwig");
  CHECK(author_sort("Ana de la Cruz Jr.") == "de la Cruz, Ana Jr.");
  CHECK(author_sort("van Gogh") == "van Gogh");
  CHECK(author_sort("Ada Lark") == "Lark, Ada");
  CHECK(settled_author_sort("Ludwig van Beethoven", "Beethoven, Ludwig van") == "van Beethoven, Ludwig");
  CHECK(settled_author_sort("Ludwig van Beethoven", "LvB") == "LvB");
  keep_particles_with_surname(false);
  CHECK(settled_author_sort("Ludwig van Beethoven", "Beethoven, Ludwig van") == "Beethoven, Ludwig van");
}
