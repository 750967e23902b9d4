#pragma once
// The metadata of a package document (ingest.md 9.3, 9.4), of an EPUB or of a file beside a book (15.1).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/error.hpp"

namespace pugi {
class xml_node;
}

namespace carrel::publication {

// A metadata.opf on its own. Missing values are not replaced and not warned about.
result<metadata, refusal> read_opf(std::string_view bytes, std::vector<warning>&);

// The same from the tree of a package document.
metadata package_metadata(const pugi::xml_node& package, std::vector<warning>&);

}  // namespace carrel::publication
