#pragma once
// A migrated database, a store and inspectors of their own.

#include <string>
#include <vector>

#include "ingest/command.hpp"
#include "ingest/services.hpp"
#include "server/jobs/worker.hpp"
#include "small_epub.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"

namespace carrel::ingest::test {

namespace fs = std::filesystem;

publication::isolated::options helper_inspectors(const std::string& command = "inspect");
settings quick_settings(const fs::path& data);

struct workbench {
  workbench();
  harness::database database;
  fs::path folder, data, inbox;  // inbox: where the test's own files lie
  library::store store;
  db::pool pool;
  publication::isolated::pool inspectors;
  services with;

  outcome take(const std::vector<fs::path>&, bool keep = true, bool approve = true);
  // Everything that was interrupted, as a start of the server does it.
  void recover();
  std::int64_t number(const std::string& sql);
  std::string text(const std::string& sql);
  // Files below a folder of the data directory.
  std::vector<fs::path> files(const std::string& below) const;
  std::string rows_of_everything();
};

using harness::eventually;
std::string codes(const outcome&);

}  // namespace carrel::ingest::test
