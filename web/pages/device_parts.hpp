#pragma once
// What the device pages share.

#include <optional>
#include <string>
#include <vector>

#include "library/device.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {

std::optional<library::device> find_own_device(db::tx&, const uuid& user, const uuid& device);
void fill_activity(const visit&, const std::vector<library::device_request>&, view& out);
void fill_addresses(const visit&, const std::string& kind, view& out);
// The one page that shows a device's password. It is not kept by browsers.
http::response secret_answer(const visit&, const library::new_device&, bool rotated);

}  // namespace carrel::web
