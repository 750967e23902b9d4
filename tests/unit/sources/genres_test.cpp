#include "ingest/sources/genres.hpp"

#include <catch2/catch.hpp>

using namespace carrel::ingest::sources;
using names = std::vector<std::string>;

TEST_CASE("paths are split; General goes, and Fiction where more is said") {
  CHECK(genres_of_paths({"Fiction / Fantasy / Epic", "Fiction / General"}, {}) == names{"Fantasy", "Epic"});
  CHECK(genres_of_paths({"Fiction"}, {}) == names{"Fiction"});
  CHECK(genres_of_paths({"General"}, {}).empty());
  CHECK(genres_of_paths({"Biography & Autobiography / General"}, {}) == names{"Biography"});
  std::string many;
  for (char c = 'A'; c <= 'Z'; ++c) many += std::string("Genre ") + c + "/";
  CHECK(genres_of_paths({many}, {}).size() == 10);
}

TEST_CASE("of subjects the five most frequent stay, without marks of libraries") {
  CHECK(genres_of_subjects({"nyt:list=2", "Accessible book", "Protected DAISY", "In library", "Large type books",
                            "Open Library Staff Picks", "20th century", "award:hugo", "magic", "dragons and swords", "Magic"},
                           {}) == names{"Magic", "Dragons and Swords"});
  CHECK(genres_of_subjects({"a", "b", "c", "d", "e", "f", "f"}, {}) == names{"F", "A", "B", "C", "D"});
}

TEST_CASE("other names of a genre become its name, and those of the household come first") {
  CHECK(genres_of_names({"Sci-Fi", "science fiction", "YA"}, {}) == names{"Science Fiction", "Young Adult"});
  genre_aliases own{{"ya", "Jugendbuch"}, {"magic", ""}};
  CHECK(genres_of_names({"Magic", "YA"}, own) == names{"Jugendbuch"});
}
