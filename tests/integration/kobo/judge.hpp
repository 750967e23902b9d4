#pragma once
// Asks for a sync as a Kobo does and holds the answer against what may be said at all (kobo.md 17.11).

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/kobo/shop.hpp"

namespace carrel::kobo::tests {

// A reader behind a credential as the server tells it apart, and what a test knows of it.
struct place {
  uuid kobo;
  std::string hash;
  bool paused = false;
  std::set<std::string> announced{};  // in any answer
  std::set<std::string> buried{};     // removed there by its reader
  std::set<std::string> lifted{};     // what its owner asked for is done with the next request
  bool all_lifted = false;
  std::vector<std::string> shown{};  // tokens of its requests
  int asked = 0;                     // in a row with the last of them
  int lineages = 1;                  // readers that share it
};

struct heard {
  sync_answer answer;
  json::array items;
  int weight = 0;      // items that the ops of the page stand for
  bool pairs = false;  // some of them need two
};

class judge {
 public:
  explicit judge(shop& s) : s_(s) {}

  std::map<std::string, std::string> names;  // entitlement -> how the titles of that book begin

  // `who` will apply it; nothing for a request that somebody else repeats.
  heard ask(place&, const std::string& token, const reader* who);
  // What the device and its owner have chosen, without what its reader removed there.
  std::set<std::string> on_shelves(const uuid& kobo, bool with_trash);

 private:
  struct facts;
  facts learn(place&, const std::string& token);
  static void follow(const std::vector<op>&, const json::array&);
  void check_items(const place&, const facts&, const json::array&, const reader* who) const;

  shop& s_;
};

}  // namespace carrel::kobo::tests
