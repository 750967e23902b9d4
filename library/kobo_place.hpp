#pragma once
// Places in books as Kobos say and hear them (kobo.md 10), where they meet those of the reader's other devices.

#include <optional>
#include <string>

#include "library/position.hpp"
#include "publication/kepub/span_map.hpp"
#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// What a device said of a book's place; what it did not say is absent.
struct kobo_place {
  std::string source, value;                         // of Location; "" when there was none
  std::optional<std::int64_t> in_document, in_book;  // whole percents
  bool finished = false;
  std::optional<uuid> artifact{};  // whose spans these are: the conversion that the device fetched last
};

// A row of history like any other push's, under a document of its own that is linked to the book. The name of that document.
std::string hear_kobo(db::tx&, const uuid& user, const uuid& device, const uuid& entitlement, const kobo_place&,
                      const put_policy&);
// What hear_kobo stored: all of it, and what a restored row of history still says.
std::optional<kobo_place> kobo_place_from(const std::string& payload);
std::optional<kobo_place> kobo_place_of(const std::string& progress);

// All Kobos of the reader are told so with their next sync or when the book is opened. It counts as later than what they said
// themselves, whose clocks may be ahead: whether it is, the caller knows. Without a location, which needs a span map, only that
// it was finished. False when they know it already.
bool tell_kobos(db::tx&, const uuid& user, const uuid& entitlement, const std::optional<publication::kepub::location>&,
                instant at, bool finished);

}  // namespace carrel::library
