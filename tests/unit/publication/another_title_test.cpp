// ingest.md 18.1: a file beside a book, or its name, may speak of another one.
#include "publication/another_title.hpp"

#include <catch2/catch.hpp>
#include <string>

using carrel::publication::is_another_title;

namespace {

struct pair_of_titles {
  const char *a, *b;
};

// Whichever comes first.
bool are_of_two_books(const pair_of_titles& p) {
  INFO(p.a << " / " << p.b);
  CHECK(is_another_title(p.a, p.b) == is_another_title(p.b, p.a));
  return is_another_title(p.a, p.b);
}

}  // namespace

TEST_CASE("titles of one book, written one way and another") {
  for (const pair_of_titles& p : {
           pair_of_titles{"Dune", "DUNE"},
           {"Les Mis\u00e9rables", "les miserables"},
           {"War & Peace", "War and Peace"},
           {"The Hobbit", "Hobbit"},
           {"Quiet Harbour", "The Quiet Harbor"},
           {"The Colour of Magic", "The Color of Magic"},
           {"Frankenstein", "Frankenstien"},
           {"The Hobbit", "The Hobbit, or There and Back Again"},
           {"Dune", "Dune: The Graphic Novel"},
           {"Dune", "Dune The Graphic Novel"},
           {"Dune", "Dune_ The Graphic Novel"},
           {"Dune", "Dune (Dune Chronicles, 1)"},
           {"Educated", "Educated A Memoir"},
           {"The Two Towers", "The Lord of the Rings: The Two Towers"},
           {"The Two Towers", "Lord of the Rings 2 - The Two Towers"},
           {"The Small Book", "The Small Book, Told"},
           {"The Left Hand of Darkness", "Left Hand of Darkness, The"},
           {"The Voyage", "The Voyage (Unabridged)"},
           {"The Small Book", "The Small Book in JSON"},
           {"Foundation", "Foundation 1"},  // only one of them counts
           {"\u4e09\u4f53", "\u4e09\u4f53\uff1a\u9ed1\u6697\u68ee\u6797"},
           {"It", "It: A Novel"},
           {"", "Dune"},
           {"...", "Dune"},
           {"", ""},
       })
    CHECK_FALSE(are_of_two_books(p));
}

TEST_CASE("titles of two books, however alike their letters are") {
  for (const pair_of_titles& p : {
           pair_of_titles{"Dune", "Duel"},
           {"Emma", "Ella"},
           {"Emma", "Enna"},
           {"Holes", "Homes"},
           {"Room", "Roots"},
           {"It", "If"},
           {"It", "It Ends with Us"},
           {"Dune", "Dune Messiah"},
           {"Foundation", "Foundation and Empire"},
           {"Foundation 1", "Foundation 2"},
           {"Part II", "Part III"},
           {"The Stand", "The Strand"},
           {"The Trial", "The Trail"},
           {"The Quiet Harbour", "The Loud Harbour"},
           {"The Girl", "The Girl on the Train"},
           {"Harry Potter and the Goblet of Fire", "Harry Potter and the Chamber of Secrets"},
           {"The Lord of the Rings: The Two Towers", "The Lord of the Rings: The Return of the King"},
           {"Moby Dick", "War and Peace"},
           {"Der Prozess", "Das Schloss"},
           {"\u4e09\u4f53", "\u7ea2\u697c\u68a6"},
           {"Dune", "x"},
       })
    CHECK(are_of_two_books(p));
}

TEST_CASE("a title of a hundred thousand letters is compared in bounded time") {
  std::string a(100'000, 'a'), b(100'000, 'b'), words, others;
  for (int i = 0; i < 20'000; ++i) {
    words += "harbour" + std::to_string(i) + " ";
    others += "harbor" + std::to_string(i) + " ";
  }
  CHECK(is_another_title(a, b));
  is_another_title(words, others);
  SUCCEED("it came to an end");
}
