#pragma once
// From a rule to the statements that find its books. Constant pieces and parameters: nothing that somebody wrote becomes text of
// a statement. Internal to library/.

#include <optional>
#include <vector>

#include "library/rule.hpp"
#include "server/db/composed.hpp"

namespace carrel::library {

// Ids of the books in the rule's order, at most `most`; with `among` only of those.
db::composed matching_books(const rule&, const uuid& reader, const std::optional<std::vector<uuid>>& among, int most);
// How many there are, whatever the rule's limit.
db::composed matching_count(const rule&, const uuid& reader);
// What stands on the shelf, in the rule's order.
db::composed books_in_order(const rule&, const uuid& reader, const uuid& shelf);

}  // namespace carrel::library
