#pragma once
// The documents of a book, put together from its markup. For the files of this folder only.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/mobi/library.hpp"

namespace carrel::publication::mobi {

// In reading order. An AZW3 comes as frames, each followed by the pieces that belong into it; an older book is one document,
// which is cut where its pages break. Null when the pieces do not fit together.
std::optional<std::vector<std::string>> documents_of(const palm_database&, const headers&, const told&);

// Text of a book in UTF-8, whatever it was.
std::string readable(std::string_view bytes, bool is_latin);

}  // namespace carrel::publication::mobi
