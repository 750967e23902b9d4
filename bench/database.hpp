#pragma once
// The database of CARREL_DATABASE_URL, failing that a private one below CARREL_DATA_DIR, with its schema.

#include <filesystem>
#include <memory>
#include <string>

#include "schema/migrations.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"
#include "server/postgres/cluster.hpp"

namespace carrel::bench {

struct database {
  std::filesystem::path data;
  std::unique_ptr<postgres::cluster> cluster;
  std::unique_ptr<db::pool> pool;  // ends before its cluster
};

inline result<database> open_database(unsigned connections) {
  result<config> settings = config::load({});
  if (!settings) return settings.error();
  database out{.data = settings->text("data_dir"), .cluster = {}, .pool = {}};
  if (auto bad = postgres::drop_root({out.data})) return *bad;
  std::string url = settings->text("database.url");
  if (url.empty()) {
    auto opened = postgres::cluster::open(out.data);
    if (!opened) return opened.error();
    out.cluster = std::move(*opened);
    url = out.cluster->url();
  }
  db::pool_options options;
  options.url = url;
  options.connections = connections;
  out.pool = std::make_unique<db::pool>(options);
  if (auto state = db::migrate(*out.pool, schema::migrations()); !state) return state.error();
  return out;
}

}  // namespace carrel::bench
