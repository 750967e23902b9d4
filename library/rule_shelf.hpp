#pragma once
// Shelves made by rule. What a rule finds is stored as the books of the shelf and brought up to date whenever something has
// changed that rules ask for (schema/0015): book by book where that will do, else as a whole. Books keep their places, so that
// one that comes moves no other, and devices that the shelf feeds are told of what came and went as of any other change.

#include <optional>
#include <string>
#include <vector>

#include "library/rule.hpp"
#include "library/shelf.hpp"

namespace carrel::library {

// As many books as a shelf made by rule holds, whatever its limit: the first of its order.
inline constexpr int most_books_by_rule = 100'000;

// Which books a rule finds for this reader now.
struct rule_preview {
  std::int64_t count = 0;  // with the limit applied
  std::vector<uuid> first;
};
// Of shelves in the rule that the reader does not see there are no books. In a snapshot or a transaction.
rule_preview preview_rule(db::tx&, const uuid& reader, const rule&, int first);

// A rule that shows what its reader reads is its reader's to see: nothing for others.
std::optional<rule> rule_of(db::tx&, const uuid& user, const uuid& shelf);

// Makes a shelf of the user one by rule, or changes its rule, or, with nothing, makes it one by hand that holds what it held.
// False when there is no such shelf. Errors: "shelf" when the rule names a shelf that the user does not see, "cycle" when it
// would depend on itself, "hand" when books were put on the shelf by hand, or a device made it.
result<bool> set_rule(db::tx&, const uuid& user, const uuid& shelf, const std::optional<rule>&);
// create_shelf and set_rule.
result<shelf> create_rule_shelf(db::tx&, const uuid& user, const std::string& name, bool collection, const rule&);

// ---- keeping them right --------------------------------------------------------------------------------------------

bool rules_waiting(db::tx&);            // anything to be done at all; cheap
void distribute_rule_changes(db::tx&);  // from who changed something to the shelves it may concern
std::vector<uuid> shelves_due(db::tx&, const std::optional<uuid>& viewer, int most);  // all, or those that the viewer may see
// Works off what waits for this shelf. Other shelves may be due afterwards: those whose rules speak of it.
void bring_up_to_date(db::tx&, const uuid& shelf);
// All that waits, in one transaction: for commands and tests.
void settle_rules(db::tx&);

}  // namespace carrel::library
