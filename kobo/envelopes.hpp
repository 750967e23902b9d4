#pragma once
// The items of a library answer (kobo.md 7 and 8). Field names and constants are the store's.

#include <string>

#include "kobo/states.hpp"
#include "kobo/target.hpp"
#include "server/core/json.hpp"

namespace carrel::kobo {

// Addresses of one device: the public origin and its path, "https://books.example/kobo/<token>".
struct device_base {
  std::string text;
  std::string download(const uuid& entitlement, const deliverable&) const;  // section 12
};

// `container` unless told otherwise; kobo.md 8.3 has the evidence.
enum class metadata_form { container, pair, bare };

json::object book_metadata(const uuid& entitlement, const delivery&, const device_base&);  // 7.2

json::object new_entitlement(const uuid& entitlement, const delivery&, const reading_state*, const device_base&,
                             instant modified);
json::array changed_metadata(const uuid& entitlement, const delivery&, const reading_state*, const device_base&, metadata_form);
// A sample in place of the book (8.6).
json::object preview(const uuid& entitlement, const delivery&, const device_base&, instant session_created);
json::object removal(const uuid& entitlement, const std::string& title, instant session_created);  // 8.5
json::object changed_state(const uuid& entitlement, const reading_state*, instant added);
json::object tag_item(const char* kind, const collection&);  // NewTag, ChangedTag
json::object deleted_tag(const uuid& id, instant session_created);

}  // namespace carrel::kobo
