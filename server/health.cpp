#include "server/health.hpp"

#include <unistd.h>

#include "schema/migrations.hpp"
#include "server/core/digest.hpp"
#include "server/core/metrics.hpp"

namespace carrel {
namespace {

constexpr db::statement sql_schema{"health.schema", "select coalesce(max(number), 0) from schema_migrations"};

int applied_schema(db::tx& tx) { return static_cast<int>(tx.run(sql_schema)[0].integer(0)); }

http::response not_ready(std::string why) { return http::text(std::move(why), 503).with("Retry-After", "5"); }

task<http::response> show_metrics(http::context& c, std::string expected) {
  bool allowed = expected.empty() || equal_constant_time(c.in.header("authorization").value_or(""), expected);
  if (!allowed) throw http::problem{404, "Not found."};
  co_return http::text(metrics::expose()).with("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
}

task<http::response> live(http::context&) { co_return http::text("ok\n"); }

}  // namespace

void health::mount(http::router& r) {
  http::route_options quick{.budget = std::chrono::milliseconds{2'000}};
  r.add(http::verb::get, "/healthz", live, quick);
  r.add(
      http::verb::get, "/readyz", [this](http::context& c) { return ready(c); }, quick);
}

task<http::response> health::ready(http::context&) {
  if (draining_) co_return not_ready("draining\n");
  int applied = co_await pool_.read(applied_schema);
  if (applied != schema::migrations().back().number) co_return not_ready("schema\n");
  if (::access(store_.data().c_str(), W_OK) != 0) co_return not_ready("storage\n");
  co_return http::text("ready\n");
}

void mount_metrics(http::router& r, const std::string& token) {
  std::string expected = token.empty() ? "" : "Bearer " + token;
  r.add(http::verb::get, "/metrics", [expected](http::context& c) { return show_metrics(c, expected); });
}

}  // namespace carrel
