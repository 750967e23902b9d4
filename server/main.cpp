// carrel: picks the command, turns what happens into an exit status.
#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>

#include "ingest/inspector.hpp"
#include "server/commands/command.hpp"
#include "server/core/log.hpp"

namespace {

using namespace carrel;

int run(int argc, char** argv) {
  // The isolated parser (ingest.md 23): nothing of the command line concerns it.
  if (argc == 2 && std::strcmp(argv[1], "inspect") == 0) return ingest::inspector_main();

  commands::invocation call;
  CLI::App app{"Carrel: a library server for your books.\nRun `carrel COMMAND --help` for more on a command.", "carrel"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "show the help of all commands");
  app.fallthrough();
  app.add_flag("--json", call.json, "print exactly one JSON document on standard output");
  app.add_flag("--dry-run", call.dry_run, "commands that change the library: check and answer, but change nothing");
  app.add_option("--config", call.config_file, "configuration file (default /etc/carrel/carrel.conf)")->type_name("FILE");
  app.add_option("--set", call.settings, "a setting, stronger than file and environment; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.footer(
      "Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 refused by a rule, 5 partly done.\n"
      "Settings: `carrel config show` lists every key, its value and where it comes from.");
  for (commands::describe* one :
       {commands::describe_serve, commands::describe_setup, commands::describe_ingest, commands::describe_book,
        commands::describe_shelf, commands::describe_user, commands::describe_device, commands::describe_token,
        commands::describe_kosync, commands::describe_job, commands::describe_hash, commands::describe_config,
        commands::describe_migrate, commands::describe_doctor, commands::describe_version}) {
    one(app, call);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    int status = app.exit(e, std::cout, std::cerr);
    return status == 0 ? commands::done : commands::usage;
  }
  return call.action(call);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  log::start(log::level::warn, "text");
  try {
    return run(argc, argv);
  } catch (const commands::stop& e) {
    std::cerr << "carrel: " << e.what() << '\n';
    return e.status;
  } catch (const db::lost& e) {
    std::cerr << "carrel: the database cannot be reached: " << e.what() << '\n';
  } catch (const std::exception& e) {
    std::cerr << "carrel: " << e.what() << '\n';
  }
  return commands::failed;
}
