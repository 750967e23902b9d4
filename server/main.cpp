// carrel: picks the command, turns what happens into an exit status.
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>

#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>

#include "publication/isolated/pool.hpp"
#include "server/commands/command.hpp"
#include "server/core/log.hpp"

namespace {

using namespace carrel;

// Also of a command line that cannot be understood.
bool asks_for_json(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](const char* word) { return std::strcmp(word, "--json") == 0; });
}

int run(int argc, char** argv, commands::invocation& call) {
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
       {commands::describe_serve,   commands::describe_setup,    commands::describe_ingest,      commands::describe_import,
        commands::describe_library, commands::describe_covers,   commands::describe_book,        commands::describe_merge,
        commands::describe_review,  commands::describe_metadata, commands::describe_shelf,       commands::describe_user,
        commands::describe_device,  commands::describe_token,    commands::describe_kosync,      commands::describe_job,
        commands::describe_hash,    commands::describe_kepub,    commands::describe_kepub_cache, commands::describe_config,
        commands::describe_migrate, commands::describe_doctor,   commands::describe_version}) {
    one(app, call);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e, std::cout, std::cerr);
    bool lacks_command = dynamic_cast<const CLI::RequiredError*>(&e) != nullptr;
    std::string words = lacks_command ? commands::wrong_word(app) : "";
    call.json = asks_for_json(argc, argv);
    if (!words.empty()) return call.fail({commands::usage, "usage", words});
    if (call.json) return call.fail({commands::usage, "usage", e.what()});
    app.exit(e, std::cout, std::cerr);
    return commands::usage;
  }
  return call.action(call);
}

}  // namespace

int main(int argc, char** argv) {
  // Started with closed standard streams, no file opened later may take their numbers.
  while (true) {
    int fd = ::open("/dev/null", O_RDWR);
    if (fd > 2) ::close(fd);
    if (fd > 2 || fd < 0) break;
  }
  std::signal(SIGPIPE, SIG_IGN);
  log::start(log::level::warn, "text");
  // The isolated parser (ingest.md 23): nothing of the command line concerns it.
  if (argc == 2 && std::strcmp(argv[1], "inspect") == 0) return publication::isolated::child_main();
  commands::invocation call;
  try {
    return run(argc, argv, call);
  } catch (...) {
    return call.fail(commands::failure_of(std::current_exception()));
  }
}
