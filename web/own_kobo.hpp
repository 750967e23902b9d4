#pragma once
// What pages and API do with a Kobo of the account that asks. Of a device that is not its own, or no Kobo, nothing is told and
// nothing is done: the answer is empty or false.

#include <optional>
#include <vector>

#include "library/kobo_acts.hpp"
#include "library/kobo_ledger.hpp"
#include "library/kobo_options.hpp"

namespace carrel::web {

bool owns_kobo(db::tx&, const uuid& user, const uuid& device);

std::optional<int> announce_own_again(db::tx&, const uuid& user, const uuid& device, const std::vector<uuid>& books,
                                      library::announcing);
std::optional<int> take_off_own(db::tx&, const uuid& user, const uuid& device, const std::vector<uuid>& books);
std::optional<int> reset_own_kobo(db::tx&, const uuid& user, const uuid& device, bool lift_removed);
bool take_back_own_acts(db::tx&, const uuid& user, const uuid& device);
bool show_own_hidden(db::tx&, const uuid& user, const uuid& device, const uuid& shelf);
bool agree_to_own_removal(db::tx&, const uuid& user, const uuid& device);
result<bool> change_own_options(db::tx&, const uuid& user, const uuid& device, const json::object& change);

}  // namespace carrel::web
