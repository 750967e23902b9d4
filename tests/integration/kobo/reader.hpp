#pragma once
// A Kobo as far as its library goes (kobo.md, Appendix C): what it does with the items of an answer.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/core/json.hpp"

namespace carrel::kobo::tests {

struct shown_book {
  std::string title;
  std::int64_t size = 0;
  bool operator==(const shown_book&) const = default;
};

// What it does with the token of an answer (6.5): keeps that of each page, only that of the last, shows the same one while more
// is announced, or keeps none.
enum class token_use : std::uint8_t { per_page, at_end, pinned, none };

struct reader {
  std::map<std::string, shown_book> library;  // by entitlement
  std::map<std::string, std::pair<std::string, std::set<std::string>>> tags;
  std::map<std::string, std::string> positions;  // PriorityTimestamp of the state that it has
  std::map<std::string, std::int64_t> files;     // downloaded ones and their sizes
  std::set<std::string> met;                     // got once, whether it is still there or not
  std::string token;
  token_use keeps = token_use::per_page;
  std::string base = "https://books.example/kobo/";  // where its files have to be
  int lost_downloads = 0;  // of books whose file is the same; a strict reader loses one with each NewEntitlement

  void apply(const json::value& item);
  void remove(const std::string& id);
  void download();  // everything that it shows
  // The token of its next request in the same run, after an answer.
  std::string next_token(const std::string& shown, const std::string& got) const;
};

// The items of an answer's body; fails the test when it is no array of objects with one member each.
json::array items_of(const std::string& body);
std::string kind_of(const json::value& item);
bool is_sample(const json::value& item);  // of a book whose file is to be fetched anew (8.6)
// One thing is said once in a page; a new file in two items, and a reading state after what is said of its book.
void check_once(const json::array& items);
// The entitlement or tag that an item speaks of.
std::string id_of(const json::value& item);

}  // namespace carrel::kobo::tests
