#include "server/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "schema/migrations.hpp"
#include "server/core/log.hpp"

namespace carrel {
namespace {

std::string absolute(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

std::optional<error> bring_up_to_date(environment& e) {
  try {
    result<db::schema_state> state = db::migrate(*e.pool, schema::migrations());
    if (!state) return state.error();
    return std::nullopt;
  } catch (const db::lost& lost) {
    return error{"database", "cannot connect to " + e.settings.shown("database.url") + ": " + lost.what()};
  } catch (const db::failure& failed) {
    return error{"database", failed.what()};
  }
}

}  // namespace

std::string data_dir(const config& c) { return absolute(c.text("data_dir")); }

std::string cache_dir(const config& c) {
  bool own_cache = c.entries().at("cache_dir").origin != "default";
  bool own_data = c.entries().at("data_dir").origin != "default";
  return own_cache || !own_data ? absolute(c.text("cache_dir")) : data_dir(c) + "/cache";
}

std::string drop_dir(const config& c) {
  return c.is_set("ingest.drop_dir") ? absolute(c.text("ingest.drop_dir")) : data_dir(c) + "/drop";
}

unsigned work_threads(const config& c) {
  if (c.is_set("threads")) return static_cast<unsigned>(std::max<std::int64_t>(1, c.integer("threads")));
  return std::max(1U, std::thread::hardware_concurrency());
}

result<environment> open_environment(config settings, const environment_options& options) {
  std::string data = data_dir(settings), cache = cache_dir(settings);
  if (auto bad = postgres::drop_root({data, cache}, options.keep_file_access)) return *bad;

  result<library::store> store = library::store::open(data, cache);
  if (!store) return store.error();

  std::unique_ptr<postgres::cluster> cluster;
  std::string url = settings.text("database.url");
  if (url.empty()) {
    result<std::unique_ptr<postgres::cluster>> opened = postgres::cluster::open(data);
    if (!opened) return opened.error();
    cluster = std::move(*opened);
    url = cluster->url();
  }

  db::pool_options pool;
  pool.url = url;
  pool.connections = options.connections;
  pool.statement_timeout = settings.duration("database.statement_timeout");
  environment e{.settings = std::move(settings),
                .store = std::move(*store),
                .cluster = std::move(cluster),
                .url = url,
                .pool = std::make_unique<db::pool>(pool)};
  if (options.migrate && e.settings.on("database.migrate")) {
    if (auto bad = bring_up_to_date(e)) return *bad;
  }
  return e;
}

}  // namespace carrel
