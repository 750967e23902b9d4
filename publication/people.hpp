#pragma once
// Names of people as files give them (ingest.md 17.5).

#include <string>
#include <string_view>
#include <vector>

namespace carrel::publication {

struct person_name {
  std::string name, sort;
};

// Cleans a name and, with `turn`, turns "Last, First" round; `given_sort` wins over what is computed. Empty for placeholders.
// Names in `language` hu are sorted as written.
person_name clean_person(std::string_view name, std::string_view given_sort, std::string_view language, bool turn = true);

// Splits one string that holds several people; one part when there is nothing to split.
std::vector<std::string> split_people(std::string_view);

// The same where commas divide people, too: in ComicInfo and audio tags. "Last, First" and "First Last, Jr." are one person.
std::vector<std::string> split_people_at_commas(std::string_view);

}  // namespace carrel::publication
