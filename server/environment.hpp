#pragma once
// What every command that touches the library opens first: settings, the book store, the database.

#include <memory>
#include <string>

#include "library/store.hpp"
#include "server/core/config.hpp"
#include "server/core/error.hpp"
#include "server/db/pool.hpp"
#include "server/postgres/cluster.hpp"

namespace carrel {

struct environment {
  config settings;
  library::store store;
  std::unique_ptr<postgres::cluster> cluster;  // none with database.url
  std::string url;
  std::unique_ptr<db::pool> pool;
};

struct environment_options {
  unsigned connections = 2;
  bool migrate = true;            // false: only connect (migrate status, doctor)
  bool keep_file_access = false;  // started as root: go on reading and removing files of others (`carrel ingest`)
};

// Becomes the service user when started as root, makes the folders, starts or finds the database, brings the schema up to
// date. Must run before any thread exists. Errors say what was tried and what to do.
result<environment> open_environment(config, const environment_options&);

// Folders that follow from the settings.
std::string data_dir(const config&);
std::string cache_dir(const config&);  // beside the data when only data_dir was set
std::string drop_dir(const config&);
unsigned work_threads(const config&);

}  // namespace carrel
