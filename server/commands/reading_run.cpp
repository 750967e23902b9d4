#include "server/commands/reading_run.hpp"

#include "library/source_queue.hpp"

namespace carrel::commands {
namespace {

// A connection for each reader and one for the run itself.
environment opened(const invocation& call) {
  patience::block();
  config settings = call.load_settings();
  unsigned workers = ingest::settings_from(settings).workers;
  result<environment> out =
      open_environment(std::move(settings), {.connections = workers + 1, .migrate = true, .keep_file_access = true});
  if (!out) throw stop(failed, out.error().message());
  return std::move(*out);
}

}  // namespace

reading_run::reading_run(const invocation& call)
    : env_(opened(call)),
      inspectors_(publication::isolated::options_from(env_.settings)),
      services_{.pool = *env_.pool,
                .store = env_.store,
                .inspectors = inspectors_,
                .how = ingest::settings_from(env_.settings),
                .added = [this](db::tx& tx, const uuid& book) { library::fetch_after_import(tx, env_.settings, book); }} {}

std::optional<uuid> reading_run::user(const std::string& name) const {
  if (name.empty()) return std::nullopt;
  return services_.pool.read_now([&](db::tx& tx) { return acting_user(tx, name).id; });
}

}  // namespace carrel::commands
