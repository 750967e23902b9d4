#pragma once
// The metadata of a package document (ingest.md 9.3, 9.4), of an EPUB or of a file beside a book (15.1).

#include <vector>

#include "publication/metadata.hpp"

namespace pugi {
class xml_node;
}

namespace carrel::publication {

// From the tree of a package document. Missing values are not replaced and not warned about.
metadata package_metadata(const pugi::xml_node& package, std::vector<warning>&);

}  // namespace carrel::publication
