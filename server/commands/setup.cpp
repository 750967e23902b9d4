#include "library/setting.hpp"
#include "server/auth/password.hpp"
#include "server/commands/command.hpp"

#include <iostream>

namespace carrel::commands {
namespace {

bool only_code = false;

exit_status code(invocation& call) {
  environment e = call.open(1);
  std::string fresh = change(e, call, [](db::tx& tx) {
    if (library::has_owner(tx))
      throw stop(refused, "Carrel is set up already. New accounts: carrel user add, or the People page.");
    return library::make_code(tx, "setup", std::chrono::hours{24 * 7});
  });
  std::string base = device_base(e.settings);
  call.answer(json::object{{"code", fresh}},
              "Setup code: " + fresh + "\nOpen " + base + "/setup and type it. It is good for a week and for one use.");
  return done;
}

// The first-run steps in the terminal: an owner account.
exit_status terminal(invocation& call) {
  environment e = call.open(1);
  if (e.pool->read_now([](db::tx& tx) { return library::has_owner(tx); })) throw stop(refused, "Carrel is set up already.");
  std::cerr << "This makes the owner's account. Name: " << std::flush;
  std::string name;
  std::getline(std::cin, name);
  result<std::string> good = library::check_user_name(name);
  if (!good) throw stop(usage, good.error().message());
  std::cerr << "Password (at least 10 characters): " << std::flush;
  std::string password = first_line_of_input();
  if (auto flaw = auth::flaw_of(password, *good)) throw stop(refused, std::string(auth::words_for(*flaw)));
  std::string hash = auth::hash_password(password, e.settings.bytes("auth.argon2_memory"));
  library::user made = change(e, call, [&](db::tx& tx) { return library::add_user(tx, *good, library::role::owner, hash); });
  call.answer(json::object{{"id", made.id}, {"name", made.name}, {"role", "owner"}},
              "Done. Sign in as " + made.name + " at " + device_base(e.settings) + "/login");
  return done;
}

}  // namespace

void describe_setup(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("setup", "first-run steps: make the owner's account here, or print a code for the browser");
  cmd->add_flag("--code", only_code, "print a new one-time setup code for the browser");
  cmd->callback([&call] { call.action = [](invocation& c) { return only_code ? code(c) : terminal(c); }; });
}

}  // namespace carrel::commands
