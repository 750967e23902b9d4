#pragma once
// What is known of files that are read piece by piece (publication/outline.hpp).

#include <optional>
#include <string>
#include <vector>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct stored_outline {
  std::string json;     // "" when it was refused
  std::string refused;  // a code of ingest.md 22
  int pages = 0;
};
// Of exactly these bytes.
std::optional<stored_outline> find_outline(db::tx&, const uuid& file, const std::string& checksum);
// Grows the catalog's revision when pages can be shown that could not before.
void store_outline(db::tx&, const uuid& file, const std::string& checksum, const stored_outline&);

struct file_to_outline {
  uuid id;
  std::string checksum, name, storage_path;
};
// Those that nobody has looked at, the newest first, behind the file `after`.
std::vector<file_to_outline> files_without_outline(db::tx&, const std::vector<std::string>& formats,
                                                   const std::optional<uuid>& after, int most);

}  // namespace carrel::library
