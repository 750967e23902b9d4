#pragma once
// What the device pages share.

#include <optional>
#include <string>
#include <vector>

#include "library/device.hpp"
#include "library/device_feed.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {

std::optional<library::device> find_own_device(db::tx&, const uuid& user, const uuid& device);
void fill_activity(const visit&, const std::vector<library::device_request>&, view& out);
void fill_addresses(const visit&, const std::string& kind, view& out);
// What a device's own list in the catalog offers it; nothing of Kobos, which have lists of another kind.
struct waiting_data {
  bool any = false;
  std::vector<library::unfetched_book> unfetched;
};
waiting_data load_waiting(db::tx&, const uuid& viewer, const library::device&);
void fill_waiting(const visit&, const waiting_data&, view& out);
// The one page that shows a device's password. It is not kept by browsers.
http::response secret_answer(const visit&, const library::new_device&, bool rotated);

}  // namespace carrel::web
