#pragma once
// The filters of a list of books that are no names of the catalog, by the words of addresses: `publisher` (a part of its name),
// `year_from` and `year_to`, `missing` (a field that the book lacks), `added` (in so many days), `device` ("on.<id>" and
// "off.<id>": a device of the viewer that is known to have the book, or not).

#include <array>
#include <string>
#include <string_view>

#include "library/catalog.hpp"

namespace carrel::library {

inline constexpr std::array detail_names{"publisher", "year_from", "year_to", "missing", "added", "device"};
inline constexpr std::array missing_fields{"cover", "author", "series", "language", "description"};

// False, and nothing set, when the value cannot be read; "" is no filter.
bool set_detail(filter&, std::string_view name, const std::string& value);
std::string detail_of(const filter&, std::string_view name);  // what set_detail reads
bool has_details(const filter&);

}  // namespace carrel::library
