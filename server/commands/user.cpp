#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <optional>
#include <utility>

#include "library/access.hpp"
#include "library/user_export.hpp"
#include "server/auth/password.hpp"
#include "server/commands/command.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string name, role = "reader";
  std::string export_to;
  bool password_stdin = false, on = false;
};
arguments given;

json::object to_json(const library::user& u) {
  return {{"id", u.id}, {"name", u.name}, {"role", std::string(library::name_of(u.may.is))}};
}

library::user user_named(db::tx& tx, const std::string& name) {
  std::optional<library::user> found = library::find_user_named(tx, name);
  if (!found) throw stop(not_found, "There is no account called " + name + ".");
  return *found;
}

library::role role_given() {
  std::optional<library::role> role = library::parse_role(given.role);
  if (!role) throw stop(usage, "--role is one of owner, librarian, reader, limited.");
  return *role;
}

std::optional<std::string> hash_given(const environment& e) {
  if (!given.password_stdin) return std::nullopt;
  std::string password = first_line_of_input();
  if (auto flaw = auth::flaw_of(password, given.name)) throw stop(refused, std::string(auth::words_for(*flaw)));
  return auth::hash_password(password, e.settings.bytes("auth.argon2_memory"));
}

exit_status add(invocation& call) {
  library::role role = role_given();
  result<std::string> name = library::check_user_name(given.name);
  if (!name) throw stop(usage, name.error().message());
  environment e = call.open(1);
  std::optional<std::string> hash = hash_given(e);
  try {
    library::user made = change(e, call, [&](db::tx& tx) {
      library::user u = library::add_user(tx, *name, role, hash);
      library::record(tx, command_line, "user.add", "user", u.id);
      return u;
    });
    call.answer(to_json(made), "Made the account " + made.name + " (" + given.role + ").");
  } catch (const db::unique_violation&) {
    throw stop(refused, "There is an account called " + *name + " already.");
  }
  return done;
}

exit_status list(invocation& call) {
  environment e = call.open(1);
  std::vector<library::user> all = e.pool->read_now([](db::tx& tx) { return library::users(tx); });
  json::array document;
  std::vector<std::vector<std::string>> rows{{"NAME", "ROLE", "ID"}};
  for (const library::user& u : all) {
    document.push_back(to_json(u));
    rows.push_back({u.name, std::string(library::name_of(u.may.is)) + (u.disabled ? " (disabled)" : ""), u.id.text()});
  }
  call.answer(document, table(rows));
  return done;
}

exit_status set_role(invocation& call) {
  library::role role = role_given();
  environment e = call.open(1);
  library::user changed = change(e, call, [&](db::tx& tx) {
    library::user u = user_named(tx, given.name);
    if (auto no = library::set_role(tx, u.id, role)) throw stop(refused, no->message());
    library::record(tx, command_line, "user.role", "user", u.id);
    return user_named(tx, given.name);
  });
  call.answer(to_json(changed), changed.name + " is now " + given.role + ".");
  return done;
}

exit_status set_password(invocation& call) {
  environment e = call.open(1);
  given.password_stdin = true;
  std::optional<std::string> hash = hash_given(e);
  library::user changed = change(e, call, [&](db::tx& tx) {
    library::user u = user_named(tx, given.name);
    library::set_password_hash(tx, u.id, *hash);
    library::record(tx, command_line, "user.password", "user", u.id);
    return u;
  });
  call.answer(to_json(changed), "Changed the password of " + changed.name + ". Every browser was signed out.");
  return done;
}

exit_status disable(invocation& call) {
  environment e = call.open(1);
  library::user changed = change(e, call, [&](db::tx& tx) {
    library::user u = user_named(tx, given.name);
    if (auto no = library::disable_user(tx, u.id, !given.on)) throw stop(refused, no->message());
    library::record(tx, command_line, given.on ? "user.enable" : "user.disable", "user", u.id);
    return u;
  });
  call.answer(to_json(changed), changed.name + (given.on ? " may sign in again." : " is disabled, with all devices."));
  return done;
}

void export_parts(environment& e, const uuid& user, const std::function<void(const std::string&)>& to) {
  library::user_export all(user);
  for (;;) {
    std::string part = e.pool->read_now([&](db::tx& tx) { return all.next(tx); });
    if (part.empty()) return;
    to(part);
  }
}

// A file that was not there, for nobody else's eyes. What does not come to its end leaves none.
class export_file {
 public:
  explicit export_file(std::string path) : path_(std::move(path)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor_ < 0 && errno == EEXIST) throw stop(refused, "There is a file of this name already.");
    if (descriptor_ < 0) throw stop(failed, "The file cannot be made.");
  }
  ~export_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!kept_) ::unlink(path_.c_str());
  }
  export_file(const export_file&) = delete;
  export_file& operator=(const export_file&) = delete;

  void write(environment& e, const uuid& user) {
    bool good = true;
    export_parts(e, user, [&](const std::string& part) {
      for (std::size_t at = 0; good && at < part.size();) {
        ssize_t went = ::write(descriptor_, part.data() + at, part.size() - at);
        good = went > 0;
        if (good) at += static_cast<std::size_t>(went);
      }
    });
    good = ::fsync(descriptor_) == 0 && good;
    good = ::close(std::exchange(descriptor_, -1)) == 0 && good;
    if (!good) throw stop(failed, "The file could not be written.");
    kept_ = true;
  }
  void withdraw() { kept_ = false; }

 private:
  std::string path_;
  int descriptor_ = -1;
  bool kept_ = false;
};

// The document is JSON, with --json or without.
exit_status export_data(invocation& call) {
  environment e = call.open(1);
  library::user u = e.pool->read_now([](db::tx& tx) { return user_named(tx, given.name); });
  export_parts(e, u.id, [](const std::string& part) { std::cout << part; });
  std::cout.flush();
  return std::cout ? done : failed;
}

library::user delete_account(environment& e, const invocation& call) {
  return change(e, call, [&](db::tx& tx) {
    library::user u = user_named(tx, given.name);
    if (auto no = library::delete_user(tx, u.id)) throw stop(refused, no->message());
    library::record(tx, command_line, "user.delete", "user", u.id, json::object{{"name", u.name}});
    return u;
  });
}

exit_status remove(invocation& call) {
  environment e = call.open(1);
  std::optional<export_file> exported;
  if (!given.export_to.empty() && !call.dry_run) {
    library::user u = e.pool->read_now([](db::tx& tx) { return user_named(tx, given.name); });
    exported.emplace(given.export_to);
    exported->write(e, u.id);
  }
  library::user gone;
  try {
    gone = delete_account(e, call);
  } catch (const stop&) {  // of a connection that was lost nobody knows whether it deleted the account: then the file stays
    if (exported) exported->withdraw();
    throw;
  }
  call.answer(to_json(gone), "Deleted the account " + gone.name + " with its shelves, devices and positions.");
  return done;
}

}  // namespace

void describe_user(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("user", "accounts: add, list, role, password, disable, export, delete");
  cmd->require_subcommand(1);
  auto sub = [&](const char* name, const char* help, exit_status (*run)(invocation&)) {
    CLI::App* s = cmd->add_subcommand(name, help);
    s->callback([&call, run] { call.action = run; });
    return s;
  };
  const char* roles = "owner (everything), librarian (books), reader, or limited";

  CLI::App* one = sub("add", "make an account", add);
  one->add_option("NAME", given.name, "name to sign in with")->required();
  one->add_option("--role", given.role, roles)->capture_default_str();
  one->add_flag("--password-stdin", given.password_stdin,
                "read the web password (at least 10 characters) from standard input; without it the account has none");

  sub("list", "all accounts", list);

  one = sub("role", "change what an account may do", set_role);
  one->add_option("NAME", given.name, "account")->required();
  one->add_option("--role", given.role, roles)->required();

  one = sub("password", "set the web password from standard input; ends all browser sign-ins", set_password);
  one->add_option("NAME", given.name, "account")->required();
  one->add_flag("--password-stdin", given.password_stdin, "accepted for symmetry with `user add`");

  one = sub("disable", "refuse an account and all its devices", disable);
  one->add_option("NAME", given.name, "account")->required();
  one->add_flag("--off", given.on, "let it in again");

  one = sub("export", "print what belongs to an account as JSON: devices, shelves, opinions, positions, highlights", export_data);
  one->add_option("NAME", given.name, "account")->required();

  one = sub("delete", "delete an account with its shelves, devices and positions; see --export", remove);
  one->add_option("NAME", given.name, "account")->required();
  one->add_option("--export", given.export_to, "first write what belongs to it to this new file, as `user export` does");
}

}  // namespace carrel::commands
