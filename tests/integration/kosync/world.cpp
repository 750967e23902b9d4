#include "tests/integration/kosync/world.hpp"

#include <algorithm>
#include <stdexcept>

#include "kosync/routes.hpp"
#include "library/position.hpp"
#include "schema/migrations.hpp"
#include "server/auth/password.hpp"
#include "server/core/digest.hpp"
#include "server/http/server.hpp"

namespace carrel::kosync::tests {
namespace {

// Before the first database, which is a member of the first world.
[[maybe_unused]] const bool prepared = (harness::use_migrations(schema::migrations()), true);

}  // namespace

struct world::engine {
  auth::cpu_pool cpu;
  auth::credentials credentials;
  http::router main, metrics;
  kosync::api api;
  std::unique_ptr<http::server> server;

  engine(db::pool& pool, const config& c)
      : cpu(2), credentials(pool, cpu, c), api({.pool = pool, .credentials = credentials, .cpu = cpu, .settings = c}) {}
};

world::world(settings on_the_command_line, const std::string& database_url) {
  if (database_url.empty()) database_ = std::make_unique<harness::database>();
  url_ = database_ ? database_->url() : database_url;
  pool_ = std::make_unique<db::pool>(db::pool_options{.url = url_, .connections = 4});
  other_ = std::make_unique<db::pool>(db::pool_options{.url = url_, .connections = 1, .application = "another"});

  config::sources from;
  from.environment = [](const std::string&) { return std::nullopt; };
  from.command_line = std::move(on_the_command_line);
  from.command_line.emplace_back("auth.argon2_memory", "8MiB");
  result<config> loaded = config::load(from);
  if (!loaded) throw std::runtime_error(loaded.error().message());
  config_ = std::move(*loaded);

  engine_ = std::make_unique<engine>(*pool_, config_);
  engine_->api.mount(engine_->main);
  http::server_options options;
  options.listen = {{"127.0.0.1:0"}};
  engine_->server = std::make_unique<http::server>(options, engine_->main, engine_->metrics);
  result<std::vector<std::string>> bound = engine_->server->bind();
  if (!bound) throw std::runtime_error(bound.error().message());
  port_ = static_cast<unsigned>(std::stoul(bound->front().substr(bound->front().rfind(':') + 1)));
  engine_->server->start();
}

world::~world() {
  engine_->server->stop_accepting();
  engine_->server->abort_drain();
  engine_->server->drain();
  engine_->api.stop();
  engine_.reset();
}

uuid world::add_user(const std::string& name) {
  return other_->write_now([&](db::tx& tx) { return library::add_user(tx, name, library::role::reader, std::nullopt).id; });
}

reader world::shared(const std::string& name) {
  std::string key = md5_hex("password");
  std::string hash = auth::hash_password(key, 8 << 20);
  other_->write_now([&](db::tx& tx) { library::register_kosync(tx, name, hash); });
  return with_key(name, key);
}

reader world::device(const uuid& user, const std::string& user_name, const std::string& device_name) {
  std::string password = other_->write_now([&](db::tx& tx) {
    result<library::new_device> made = library::add_device(tx, user, device_name, "koreader");
    if (!made) throw std::runtime_error(made.error().message());
    return made->password;
  });
  return with_key(user_name, md5_hex(password));
}

void world::wait_for_background() { engine_->api.wait_for_links(); }

std::vector<past> history_of(world& w, const uuid& user, const std::string& document) {
  std::vector<past> out;
  auto rows = w.other().read_now([&](db::tx& tx) { return library::positions_of_document(tx, user, document, 1000); });
  for (const library::position_row& r : rows) out.push_back({r.percentage, r.accepted, r.reason});
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace carrel::kosync::tests
