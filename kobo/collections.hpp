#pragma once
// Collections as a Kobo makes and changes them (kobo.md 11). Whatever is done to one is said again with the next sync, so that
// the device shows what is true also where its wish was not granted; of a read-only one none is (4.1).

#include <optional>
#include <string_view>
#include <vector>

#include "kobo/sessions.hpp"

namespace carrel::kobo {

// What a device sends about a collection: {"Name", "Items":[{"RevisionId","Type"}]}. Items that are no books are left out.
struct sent_collection {
  std::optional<std::string> name;  // fit to be stored
  std::vector<uuid> entitlements;
};
std::optional<sent_collection> read_collection(std::string_view body);  // nothing when it is no JSON object

// A list of the reader's. The same again, while nothing proves that the device has heard of it, is the one that it made before.
uuid create_collection(db::tx&, const kobo_row&, const sent_collection&);
void rename_collection(db::tx&, const kobo_row&, const uuid& tag, const std::string& name);
void change_collection(db::tx&, const kobo_row&, const uuid& tag, const std::vector<uuid>& entitlements, bool add);
// A collection that was made on a device is deleted; a shelf stays and is no longer shown on this device.
void delete_collection(db::tx&, const kobo_row&, const uuid& tag);

}  // namespace carrel::kobo
