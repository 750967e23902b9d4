#include "server/auth/api_key.hpp"
#include "server/commands/command.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string label, user, scope = "read";
};
arguments given;

exit_status create(invocation& call) {
  environment e = call.open(1);
  auth::new_key made = change(e, call, [](db::tx& tx) {
    result<auth::new_key> key = auth::create_key(tx, acting_user(tx, given.user).id, given.label, given.scope);
    if (!key) throw stop(usage, key.error().message());
    library::record(tx, command_line, "token.create", "api_key", key->made.id);
    return *key;
  });
  call.answer(json::object{{"id", made.made.id}, {"key", made.key}},
              made.key + "\nThe key is shown this once. Send it as: Authorization: Bearer KEY");
  return done;
}

exit_status list(invocation& call) {
  environment e = call.open(1);
  std::vector<auth::api_key> all = e.pool->read_now([](db::tx& tx) {
    std::optional<uuid> of;
    if (!given.user.empty()) of = acting_user(tx, given.user).id;
    return auth::list_keys(tx, of);
  });
  json::array document;
  std::vector<std::vector<std::string>> rows{{"LABEL", "SCOPE", "OF", "KEY", "LAST USED", "ID"}};
  for (const auth::api_key& k : all) {
    document.push_back(json::object{{"id", k.id},
                                    {"label", k.label},
                                    {"scope", k.scope},
                                    {"user", k.user_name},
                                    {"prefix", k.prefix},
                                    {"last_used_at", k.last_used_at}});
    rows.push_back(
        {k.label, k.scope, k.user_name, k.prefix + "...", k.last_used_at ? rfc3339(*k.last_used_at) : "never", k.id.text()});
  }
  call.answer(document, table(rows));
  return done;
}

exit_status revoke(invocation& call) {
  std::optional<uuid> id = uuid::parse(given.label);
  if (!id) throw stop(usage, "TOKEN is an id that `carrel token list` prints.");
  environment e = call.open(1);
  bool gone = change(e, call, [&](db::tx& tx) {
    bool revoked = auth::revoke_key(tx, std::nullopt, *id);
    if (revoked) library::record(tx, command_line, "token.revoke", "api_key", *id);
    return revoked;
  });
  if (!gone) throw stop(not_found, "There is no such key.");
  call.answer(json::object{{"revoked", 1}}, "Revoked.");
  return done;
}

}  // namespace

void describe_token(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("token", "API keys: create, list, revoke");
  cmd->require_subcommand(1);
  CLI::App* one = cmd->add_subcommand("create", "a new key for /api/v1; shown this once");
  one->add_option("LABEL", given.label, "what it is for")->required();
  one->add_option("--user", given.user, "account whose rights it has at most (default: the owner)");
  one->add_option("--scope", given.scope, "read, write or admin")->capture_default_str();
  one->callback([&call] { call.action = create; });
  one = cmd->add_subcommand("list", "all keys");
  one->add_option("--user", given.user, "only of this account");
  one->callback([&call] { call.action = list; });
  one = cmd->add_subcommand("revoke", "refuse a key from now on");
  one->add_option("TOKEN", given.label, "id")->required();
  one->callback([&call] { call.action = revoke; });
}

}  // namespace carrel::commands
