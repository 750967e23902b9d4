#pragma once
// Files that wait to be really deleted below attic/ (ingest.md 2.1): what was taken in from a drop folder, and what was replaced.
// The folder is the truth; rows only say where a file came from.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct attic_entry {
  uuid id;           // the name of its folder
  std::string name;  // of its file, the first one when there are several; bytes
  int files = 0;
  std::uint64_t size = 0;
  instant at{};  // since when it is there
};

// Newest first, those after the given one; looks at every folder, and keeps no more than it gives.
struct attic_place {
  instant at{};
  uuid id;
};
std::vector<attic_entry> attic_entries(const std::filesystem::path& attic, const std::optional<attic_place>& after,
                                       std::size_t most);
std::optional<attic_entry> find_attic_entry(const std::filesystem::path& attic, const uuid& id);

struct attic_origin {
  uuid id;
  bool replaced = false;           // else taken in from a folder
  std::optional<uuid> book, file;  // file: that it was replaced in
  std::string title;
  bool hidden = false;  // its book is none that the viewer sees
};
// Of those of which something is known.
std::vector<attic_origin> attic_origins(db::tx&, const uuid& viewer, const std::vector<uuid>& entries);

}  // namespace carrel::library
