#pragma once
// What the library says of a book, as copies that are handed out carry it (setting deliver.metadata).

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

// An empty field leaves what the file says, unless it is among `cleared`: then somebody emptied it on purpose.
struct corrected {
  std::string title{}, subtitle{}, title_sort{};
  std::vector<person> authors{}, contributors{};
  std::string series{};
  std::optional<double> series_index{};
  std::vector<std::string> languages{};  // BCP 47
  std::string publisher{}, published_on{};
  std::string description{};  // XHTML
  std::vector<std::string> subjects{};
  std::vector<std::pair<std::string, std::string>> identifiers{};  // as in metadata
  std::vector<std::string> cleared{};  // title, subtitle, authors, series, ... as books name their fields

  bool clears(std::string_view field) const;
};

// The same values make the same text: copies are known by its digest.
std::string to_json(const corrected&);
result<corrected> corrected_from_json(std::string_view);

}  // namespace carrel::publication
