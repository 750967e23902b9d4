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

struct reader {
  std::map<std::string, shown_book> library;  // by entitlement
  std::map<std::string, std::pair<std::string, std::set<std::string>>> tags;
  std::map<std::string, std::string> positions;  // PriorityTimestamp of the state that it has
  std::string token;

  void apply(const json::value& item);
  void remove(const std::string& id);
};

// The items of an answer's body; fails the test when it is no array of objects with one member each.
json::array items_of(const std::string& body);
std::string kind_of(const json::value& item);
// The entitlement or tag that an item speaks of.
std::string id_of(const json::value& item);

}  // namespace carrel::kobo::tests
