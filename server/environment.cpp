#include "server/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "schema/migrations.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel {
namespace {

std::string absolute(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

constexpr db::statement sql_about{"environment.about", R"sql(
  select current_setting('server_version_num')::int, current_setting('server_encoding'))sql"};
constexpr std::int64_t oldest_server = 15;

// libpq's messages have several lines.
std::string on_one_line(std::string_view text) {
  std::vector<std::string> lines;
  for (std::string& line : split(text, '\n')) {
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return join(lines, " ");
}

const std::string& origin_of_url(const environment& e) { return e.settings.entries().at("database.url").origin; }

// Where the address of the database came from, and which it is, without its password.
error cannot_connect(const environment& e, const db::lost& why) {
  std::string reason = on_one_line(why.what());
  if (e.cluster)
    return error{"database", "the private PostgreSQL under " + data_dir(e.settings) + " cannot be reached: " + reason};
  return error{origin_of_url(e), "database.url: cannot connect to " + e.settings.shown("database.url") + ": " + reason};
}

// A database that somebody else made.
std::optional<error> check_foreign(const environment& e) {
  auto [version, encoding] = e.pool->read_now([](db::tx& tx) {
    db::rows rows = tx.run(sql_about);
    return std::pair(rows[0].integer(0) / 10'000, rows[0].text(1));
  });
  if (version < oldest_server) {
    return error{origin_of_url(e), "database.url: the server is PostgreSQL " + std::to_string(version) + "; Carrel needs " +
                                       std::to_string(oldest_server) + " or newer"};
  }
  if (encoding != "UTF8") {
    return error{origin_of_url(e), "database.url: the database has the encoding " + encoding +
                                       "; Carrel needs UTF8: create database NAME encoding 'UTF8' template template0"};
  }
  return std::nullopt;
}

std::optional<error> connect(const environment& e, bool migrate) {
  try {
    if (!e.cluster) {
      if (auto bad = check_foreign(e)) return bad;
    }
    if (!migrate) return std::nullopt;
    result<db::schema_state> state = db::migrate(*e.pool, schema::migrations());
    if (state) return std::nullopt;
    std::string reason = on_one_line(state.error().reason);
    if (!e.cluster && reason.find("permission denied for schema") != reason.npos) {
      reason += " The database user has to own the database, or: grant create on schema public to USER";
    }
    return error{state.error().field, reason};
  } catch (const db::lost& lost) {
    return cannot_connect(e, lost);
  } catch (const db::failure& failed) {
    return error{"database", on_one_line(failed.what())};
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
  if (auto bad = connect(e, options.migrate && e.settings.on("database.migrate"))) return *bad;
  return e;
}

}  // namespace carrel
