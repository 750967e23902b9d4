#pragma once
// Manifests and position lists as JSON. Internal to opds.

#include <optional>
#include <string>
#include <vector>

#include "library/book.hpp"
#include "library/recording.hpp"
#include "opds/visit.hpp"
#include "publication/outline.hpp"
#include "server/core/json.hpp"

namespace carrel::opds {

// What a manifest is made from. `inside` is null for sound.
struct manifest_source {
  const library::book& book;
  const library::book_file& file;
  const publication::outline* inside = nullptr;
  library::recording sound{};
};
json::object manifest_of(const visit&, const manifest_source&);

// One place of a position list (10.4).
struct listed_position {
  std::size_t item = 0;                           // of the reading order; pages of a PDF
  double progression = 0, total_progression = 0;  // of its beginning, in the item and in the book
};
std::vector<listed_position> positions_of(const publication::outline&);
json::object position_list(const visit&, const manifest_source&);

// Where a time of a recording is, which has a track.
const library::recorded_track& track_at(const library::recording&, std::int64_t milliseconds);

// As locators name it: the path inside the container, or the address of a page.
std::string locator_href(const visit&, const manifest_source&, std::size_t item);
std::string locator_type_of(const manifest_source&, std::size_t item);

}  // namespace carrel::opds
