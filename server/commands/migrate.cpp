#include "schema/migrations.hpp"
#include "server/commands/command.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

environment open_unmigrated(invocation& call) {
  result<environment> e = open_environment(call.load_settings(), {.connections = 1, .migrate = false});
  if (!e) throw stop(failed, e.error().message());
  return std::move(*e);
}

void tell(invocation& call, const db::schema_state& s) {
  json::object document{{"applied", s.applied}, {"known", s.known}, {"pending", s.pending}};
  std::string text = "Schema " + std::to_string(s.applied) + " of " + std::to_string(s.known) + ".";
  if (!s.pending.empty()) text += " Waiting: " + join(s.pending, ", ") + ".";
  call.answer(document, text);
}

exit_status status(invocation& call) {
  environment e = open_unmigrated(call);
  tell(call, db::state_of_schema(*e.pool, schema::migrations()));
  return done;
}

exit_status up(invocation& call) {
  environment e = open_unmigrated(call);
  result<db::schema_state> s = db::migrate(*e.pool, schema::migrations());
  if (!s) throw stop(failed, s.error().message());
  tell(call, *s);
  return done;
}

}  // namespace

void describe_migrate(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("migrate", "state of the database schema");
  cmd->require_subcommand(1);
  cmd->add_subcommand("status", "which changes are applied and which wait")->callback([&call] { call.action = status; });
  cmd->add_subcommand("up", "apply what waits")->callback([&call] { call.action = up; });
}

}  // namespace carrel::commands
