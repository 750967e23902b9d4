#include "web/own_kobo.hpp"

#include "web/pages/device_parts.hpp"

namespace carrel::web {

bool owns_kobo(db::tx& tx, const uuid& user, const uuid& device) {
  std::optional<library::device> found = find_own_device(tx, user, device);
  return found && found->kind == "kobo";
}

std::optional<int> announce_own_again(db::tx& tx, const uuid& user, const uuid& device, const std::vector<uuid>& books,
                                      library::announcing how) {
  if (!owns_kobo(tx, user, device)) return std::nullopt;
  return library::announce_again(tx, device, books, how);
}

std::optional<int> take_off_own(db::tx& tx, const uuid& user, const uuid& device, const std::vector<uuid>& books) {
  if (!owns_kobo(tx, user, device)) return std::nullopt;
  return library::take_off(tx, device, books);
}

std::optional<int> reset_own_kobo(db::tx& tx, const uuid& user, const uuid& device, bool lift_removed) {
  if (!owns_kobo(tx, user, device)) return std::nullopt;
  return library::reset_kobo(tx, device, lift_removed);
}

bool take_back_own_acts(db::tx& tx, const uuid& user, const uuid& device) {
  if (!owns_kobo(tx, user, device)) return false;
  library::take_back_kobo_acts(tx, device);
  return true;
}

bool show_own_hidden(db::tx& tx, const uuid& user, const uuid& device, const uuid& shelf) {
  return owns_kobo(tx, user, device) && library::show_hidden(tx, device, shelf);
}

bool agree_to_own_removal(db::tx& tx, const uuid& user, const uuid& device) {
  if (!owns_kobo(tx, user, device)) return false;
  library::agree_to_removal(tx, device);
  return true;
}

result<bool> change_own_options(db::tx& tx, const uuid& user, const uuid& device, const json::object& change) {
  if (!owns_kobo(tx, user, device)) return false;
  return library::change_kobo_options(tx, device, change);
}

}  // namespace carrel::web
