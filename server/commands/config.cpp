#include "server/commands/command.hpp"

namespace carrel::commands {
namespace {

exit_status check(invocation& call) {
  config c = call.load_settings();
  call.answer(json::object{{"ok", true}, {"settings", c.entries().size()}}, "The configuration is valid.");
  return done;
}

exit_status show(invocation& call, bool origin) {
  config c = call.load_settings();
  json::object document;
  std::string text;
  for (const setting_key& key : setting_keys()) {
    const config::entry& entry = c.entries().at(key.name);
    std::string value = c.shown(key.name);
    if (origin)
      document.set(key.name, json::object{{"value", value}, {"origin", entry.origin}});
    else
      document.set(key.name, value);
    text += std::string("# ") + key.meaning + (origin ? "  [" + entry.origin + "]" : "") + "\n" + key.name + " = " + value + "\n";
  }
  call.answer(document, text);
  return done;
}

}  // namespace

void describe_config(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("config", "check or print the settings");
  cmd->require_subcommand(1);
  cmd->add_subcommand("check", "validate; names file, line and key of what is wrong")->callback([&call] { call.action = check; });
  static bool origin = false;
  CLI::App* print = cmd->add_subcommand("show", "print every setting in force, secrets masked");
  print->add_flag("--origin", origin, "say where each value comes from");
  print->callback([&call] { call.action = [](invocation& c) { return show(c, origin); }; });
}

}  // namespace carrel::commands
