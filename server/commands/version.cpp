#include "server/version.hpp"
#include "schema/migrations.hpp"
#include "server/commands/command.hpp"

namespace carrel::commands {

void describe_version(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("version", "print version, build and schema");
  cmd->callback([&call] {
    call.action = [](invocation& c) {
      int schema = schema::migrations().back().number;
      c.answer(json::object{{"version", version}, {"build", build}, {"schema", schema}},
               std::string("Carrel ") + version + " (" + build + "), schema " + std::to_string(schema));
      return done;
    };
  });
}

}  // namespace carrel::commands
