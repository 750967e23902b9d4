#include "publication/names.hpp"

#include <catch2/catch.hpp>

using namespace carrel::publication;

TEST_CASE("file names are taken apart carefully") {
  struct row {
    const char* name;
    guess expected;
  };
  std::vector<row> rows{
      {"The_Lost_Garden.epub",
       {.title = "The Lost Garden", .author = "", .series = "", .series_index = "", .year = "", .asin = "", .narrator = ""}},
      {"Ada Lark - The Lost Garden.epub", {"The Lost Garden", "Ada Lark", "", "", "", "", ""}},
      {"The Lost Garden - Ada Lark.epub", {"The Lost Garden - Ada Lark", "", "", "", "", "", ""}},
      {"Ada Lark - Lanterns 01 - Garden.epub", {"Garden", "Ada Lark", "Lanterns", "1", "", "", ""}},
      {"Lark, Ada - [Lanterns 2] - Garden.epub", {"Garden", "Ada Lark", "Lanterns", "2", "", "", ""}},
      {"Garden (Lanterns #1.5).epub", {"Garden", "", "Lanterns", "1.5", "", "", ""}},
      {"Lanterns 03 - Garden.epub", {"Garden", "", "Lanterns", "3", "", "", ""}},
      {"Garden (2019).epub", {"Garden", "", "", "", "2019", "", ""}},
      {"Garden [B0ABCDEF12].m4b", {"Garden", "", "", "", "", "B0ABCDEF12", ""}},
      {"Garden {Ida Hale}.m4b", {"Garden", "", "", "", "", "", "Ida Hale"}},
      {"Garden (2).epub", {"Garden", "", "", "", "", "", ""}},
      {"Garden - copy.epub", {"Garden", "", "", "", "", "", ""}},
      {"Garden (retail) [epub].epub", {"Garden", "", "", "", "", "", ""}},
      {"Garden (of Eden).epub", {"Garden (of Eden)", "", "", "", "", "", ""}},
      {"folder/Garden.kepub.epub", {"Garden", "", "", "", "", "", ""}},
      {"1984.epub", {"1984", "", "", "", "", "", ""}},
      {"book-00011.epub", {"book-00011", "", "", "", "", "", ""}},
      {"(2019).epub", {"(2019)", "", "", "", "", "", ""}},
      {".epub", {".epub", "", "", "", "", "", ""}},
  };
  for (const row& r : rows) {
    INFO(r.name);
    guess g = guess_from_name(r.name);
    CHECK(g.title == r.expected.title);
    CHECK(g.author == r.expected.author);
    CHECK(g.series == r.expected.series);
    CHECK(g.series_index == r.expected.series_index);
    CHECK(g.year == r.expected.year);
    CHECK(g.asin == r.expected.asin);
    CHECK(g.narrator == r.expected.narrator);
  }
}

TEST_CASE("what stands in front is an author whom the library knows, whatever it looks like") {
  std::vector<std::string> asked;
  auto known = [&](const std::string& name) {
    asked.push_back(name);
    return name == "Homer" || name == "Ada Lark";
  };
  CHECK(guess_from_name("Homer - Odyssey.epub", known).author == "Homer");
  CHECK(guess_from_name("Homer - Odyssey.epub", known).title == "Odyssey");
  CHECK(guess_from_name("Lark, Ada - Fog.epub", known).author == "Ada Lark");
  CHECK(guess_from_name("Odyssey - Homer.epub", known).author.empty());
  CHECK(guess_from_name("Odyssey - Homer.epub", known).title == "Odyssey - Homer");
  CHECK(guess_from_name("Homer - Odyssey.epub").author.empty());
  asked.clear();
  guess_from_name("Odyssey.epub", known);
  CHECK(asked.empty());
  CHECK(guess_from_audiobook_name("1999 - Homer - Odyssey.mp3", known).author == "Homer");
}

TEST_CASE("comic names give series, number and year") {
  guess g = guess_from_comic_name("Harbour Tales 012 (2019) (Digital).cbz");
  CHECK(g.series == "Harbour Tales");
  CHECK(g.series_index == "12");
  CHECK(g.year == "2019");
}

TEST_CASE("extensions may have two parts") {
  CHECK(file_extension("a.KEPUB.EPUB") == "kepub.epub");
  CHECK(file_extension("a.fb2.zip") == "fb2.zip");
  CHECK(file_extension("Mr. Hale") == "");
  CHECK(file_extension("noextension") == "");
  CHECK(file_stem("dir/a.b.epub") == "a.b");
}

TEST_CASE("names of audiobooks may begin with a year or a place in a series") {
  auto [name, title, index, year] = GENERATE(table<std::string, std::string, std::string, std::string>({
      {"Book 2 - The Lost Garden.m4b", "The Lost Garden", "2", ""},
      {"Vol. 3 The Lost Garden.m4b", "The Lost Garden", "3", ""},
      {"vol 03. The Lost Garden.m4b", "The Lost Garden", "3", ""},
      {"6. The Lost Garden.m4b", "The Lost Garden", "6", ""},
      {"1.5 - The Lost Garden.m4b", "The Lost Garden", "1.5", ""},
      {"1999 - The Lost Garden.m4b", "The Lost Garden", "", "1999"},
      {"1999 - Book 4 - The Lost Garden.m4b", "The Lost Garden", "4", "1999"},
      {"The Lost Garden.m4b", "The Lost Garden", "", ""},
      {"3 Lost Gardens.m4b", "3 Lost Gardens", "", ""},
      {"1984.m4b", "1984", "", ""},
      {"20000. Leagues.m4b", "20000. Leagues", "", ""},
      {"Book 2.m4b", "Book 2", "", ""},
      {"5 - .m4b", "5 -", "", ""},
      {"Band of Thieves.m4b", "Band of Thieves", "", ""},
  }));
  INFO(name);
  guess g = guess_from_audiobook_name(name);
  CHECK(g.title == title);
  CHECK(g.series_index == index);
  CHECK(g.year == year);
  CHECK(g.series == "");
}

TEST_CASE("the folder of an audiobook tells author, series and title") {
  guess g = guess_from_audiobook_folder("Ada Fenwick/Harbours/Book 2 - The Voyage (2014) {Nora Voice} [B0ABCDEF12]");
  CHECK(g.author == "Ada Fenwick");
  CHECK(g.series == "Harbours");
  CHECK(g.series_index == "2");
  CHECK(g.title == "The Voyage");
  CHECK(g.year == "2014");
  CHECK(g.narrator == "Nora Voice");
  CHECK(g.asin == "B0ABCDEF12");
  g = guess_from_audiobook_folder("audio/Fenwick, Ada/Harbours/1999 - The Voyage");
  CHECK(g.author == "Ada Fenwick");
  CHECK(g.year == "1999");
  g = guess_from_audiobook_folder("Ada_Fenwick/6. The Voyage vol.2");
  CHECK(g.author == "Ada Fenwick");
  CHECK(g.series.empty());
  CHECK(g.title == "The Voyage vol.2");
  CHECK(guess_from_audiobook_folder("2 Fast Foxes").title == "2 Fast Foxes");
  CHECK(guess_from_audiobook_folder("").title == "_");
}
