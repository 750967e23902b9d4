#pragma once
// Lists of books as reading apps choose them: of something, narrowed by facets, in an order (opds.md 5.13, 7.3, 12.1). What has a
// list of its own in catalog.hpp costs what that costs; everything else is either few books, which are sorted, or so many that a
// walk along an order meets them soon. Such a walk looks at a bounded number of books at a time and goes on from there.

#include <optional>
#include <string>

#include "library/catalog.hpp"

namespace carrel::library {

struct selection {
  enum class source { all, person, series, tag, label, shelf, language, format, library, year, stars, state, popular };
  enum class order {
    own,
    added,
    title,
    author,
    published,
    rated
  };  // own: shelves by hand, people and series by series, years by title, else added
  source of = source::all;
  uuid id{};           // of the person, series, tag, label, shelf or library
  std::string word{};  // the language or format
  int number = 0;      // the year, or the viewer's stars, 1 to 5
  order by = order::own;
  std::string language{}, format{};
  std::string read{};  // of the viewer's reading: unread, reading, finished; "" any
  std::optional<uuid> library{};
  taker for_whom = taker::page;

  bool narrowed() const;
  std::string token_name() const;  // for to_token
};

// As for the lists of catalog.hpp; a page may be short although more follow. Callers have checked that the viewer may see a
// shelf.
outline outline_of(db::tx&, const uuid& viewer, const selection&, const cursor&, int limit);

}  // namespace carrel::library
