#pragma once
// What `carrel ingest` does (contract.md 3): files and folders, now, with an exact account of each.

#include <cstdint>
#include <exception>
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
  bool dry_run = false;  // only says what would happen; book and file of what would be added are nil then
};

struct added_file {
  std::string path;
  uuid book, file;
  std::string status;
  std::vector<publication::warning> warnings;
  std::optional<uuid> possible_duplicate_of = {};  // of a dry run
};
struct duplicate_file {
  std::string path;
  uuid book, file;
  std::string same_as = {};  // of a dry run: the path of this run that has the same bytes
};
struct failed_file {
  std::string path, code, message;
};

struct outcome {
  std::vector<added_file> added;
  std::vector<duplicate_file> duplicates;
  std::vector<failed_file> failed;
  std::int64_t ignored = 0;
  bool dry_run = false;
  std::exception_ptr interrupted;  // what ended the run too early (the database went away); the lists say what was done before
};
json::object to_json(const outcome&);

using progress_callback = std::function<void(std::int64_t done, std::int64_t found)>;

// Lists are in the order of the walk. Works beside a running server: what the server takes in meanwhile is counted all the same.
outcome ingest_paths(const services&, const std::vector<std::filesystem::path>&, const ingest_options&,
                     const progress_callback& = nullptr);

}  // namespace carrel::ingest
