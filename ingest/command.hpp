#pragma once
// What `carrel ingest` does (contract.md 3): files and folders, now, with an exact account of each.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ingest/services.hpp"
#include "publication/metadata.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"

namespace carrel::ingest {

struct ingest_options {
  bool approve = false;
  bool keep = false;
  std::optional<uuid> user;
};

struct added_file {
  std::string path;
  uuid book, file;
  std::string status;
  std::vector<publication::warning> warnings;
};
struct duplicate_file {
  std::string path;
  uuid book, file;
};
struct failed_file {
  std::string path, code, message;
};

struct outcome {
  std::vector<added_file> added;
  std::vector<duplicate_file> duplicates;
  std::vector<failed_file> failed;
  std::int64_t ignored = 0;
};
json::object to_json(const outcome&);

using progress_callback = std::function<void(std::int64_t done, std::int64_t found)>;

// Lists are in the order of the walk. Works beside a running server: what the server takes in meanwhile is counted all the same.
outcome ingest_paths(const services&, const std::vector<std::filesystem::path>&, const ingest_options&,
                     const progress_callback& = nullptr);

}  // namespace carrel::ingest
