#pragma once
// Folders that no file is taken out of: those of libraries, and the store (ingest.md 2.1, product.md 3.2).

#include "ingest/scan.hpp"
#include "ingest/services.hpp"
#include "library/libraries.hpp"

namespace carrel::ingest {

// The roots of libraries that are there now, by device and inode: another path to one of them is the same folder.
own_folders library_folders(db::tx&);
own_folders folders_of(const std::vector<library::book_library>&);
// The file lies below one of them, or in the store, whatever its path says.
bool lies_in_library(const services&, const std::filesystem::path& file);
// The very file that is kept of these bytes, under this or another name: nobody else may have another one.
bool is_stored_file(const services&, const std::string& sha256, const identity&);

}  // namespace carrel::ingest
