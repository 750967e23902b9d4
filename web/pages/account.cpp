// `/account`: password, theme, language, position policy, API keys (product.md 4.12).

#include <memory>

#include "library/user_export.hpp"
#include "server/auth/api_key.hpp"
#include "server/auth/password.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/passwords.hpp"

namespace carrel::web {
namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

pairs language_options(const visit& v) {
  pairs out{{"", v.say.text("account.language.browser")}};
  for (const auto& m : v.at.words.all()) {
    if (!m->is_pseudo()) out.emplace_back(m->language(), m->text("language.name"));
  }
  return out;
}

pairs theme_options(const visit& v) {
  pairs out;
  for (std::string t : {"system", "light", "dark", "eink"}) out.emplace_back(t, v.say.text("theme." + t));
  return out;
}

std::vector<view> key_views(const visit& v, const std::vector<auth::api_key>& keys) {
  std::vector<view> out;
  for (const auth::api_key& k : keys) {
    view one;
    one.set("key_id", k.id.text()).set("prefix", k.prefix).set("label", k.label).set("scope", v.say.text("scope." + k.scope));
    one.set("made", moment(v.say, k.created_at));
    moment(v.say, k.last_used_at, one, "used");
    out.push_back(one);
  }
  return out;
}

task<http::response> account_answer(const site& at, visit v, form_errors wrong, std::string new_key) {
  std::optional<uuid> mine = v.id();
  std::vector<auth::api_key> keys = co_await at.with.pool.read(auth::list_keys, mine);
  view out;
  out.set("keys", key_views(v, keys)).set("languages", options(language_options(v), v.user->language));
  out.set("theme_options", options(theme_options(v), v.user->theme))
      .set("role", v.say.text("role.account." + std::string(name_of(v.user->may.is))));
  pairs policies{{"", v.say.text("account.policy.default")},
                 {"latest", v.say.text("account.policy.latest")},
                 {"furthest", v.say.text("account.policy.furthest")}};
  out.set("policies", options(policies, v.user->position_policy.value_or("")));
  pairs holds{
      {"", v.say.text("account.policy.default")}, {"on", v.say.text("account.hold.on")}, {"off", v.say.text("account.hold.off")}};
  out.set("holds", options(holds, !v.user->hold_stale ? "" : *v.user->hold_stale ? "on" : "off"));
  pairs scopes{{"read", v.say.text("scope.read")}, {"write", v.say.text("scope.write")}};
  if (v.may(library::capability::administer)) scopes.emplace_back("admin", v.say.text("scope.admin"));
  out.set("scopes", options(scopes, "read")).set("new_key", false);
  if (!new_key.empty()) out.set("new_key", copyable(v, "account.key.value", new_key, true));
  wrong.fill(out);
  co_return show(v, {v.say.text("nav.account"), "account"}, "account", std::move(out), wrong.empty() ? 200 : 422);
}

std::string next_of_export(db::tx& tx, const std::shared_ptr<library::user_export>& all) { return all->next(tx); }

task<> write_export(const site& at, uuid user, http::sink& to) {
  auto all = std::make_shared<library::user_export>(user);
  for (;;) {
    std::string part = co_await at.with.pool.snapshot(next_of_export, all);
    if (part.empty()) co_return;
    co_await to.write(part);
  }
}

bool matches(const std::string& password, const std::string& hash) { return auth::password_matches(password, hash); }

}  // namespace

answer account_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  co_return co_await account_answer(at, v, form_errors{}, std::string{});
}

answer account_password(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  http::form form(c.in);
  std::string now = form.text("now"), password = form.text("password"), again = form.text("again"), name = v.user->name;
  form_errors wrong;
  std::optional<std::string> hash = co_await at.with.pool.read(library::password_hash_of, v.id());
  bool right = false;
  if (hash && now.size() <= 1024) right = co_await at.with.cpu.run(matches, now, *hash);
  if (!right) wrong.add("now", v.say.text("password.now_wrong"));
  std::string words = password_wrong(v.say, name, password, again);
  if (!words.empty()) wrong.add("password", words);
  if (!wrong.empty()) co_return co_await account_answer(at, v, wrong, std::string{});

  std::string made = co_await slow_hash(at, password);
  co_await at.with.pool.write(library::set_password_hash, v.id(), made);
  // That ended every sign-in of the account, this one too.
  auth::credentials::opened_session opened = co_await at.with.credentials.sign_in(c, name, password);
  http::response out = done(v, "/account", "password.changed");
  out.add("Set-Cookie", auth::set_session_cookie(c.in, opened));
  co_return out;
}

answer account_appearance(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  http::form form(c.in);
  std::string language = form.text("language"), theme = form.text("theme");
  bool known = theme == "system" || theme == "light" || theme == "dark" || theme == "eink";
  bool spoken = language.empty();
  for (const auto& m : at.words.all()) spoken = spoken || m->language() == language;
  if (!known || !spoken) throw http::problem{422, "There is no such choice.", "choice"};
  co_await at.with.pool.write(library::set_appearance, v.id(), language, theme);
  http::response out = done(v, "/account", "saved");
  out.add("Set-Cookie", appearance_cookie(c.in, "carrel_theme", theme));
  out.add("Set-Cookie", appearance_cookie(c.in, "carrel_language", language));
  co_return out;
}

answer account_positions(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  http::form form(c.in);
  std::string policy = form.text("policy"), hold = form.text("hold");
  bool known = policy.empty() || policy == "latest" || policy == "furthest";
  if (!known) throw http::problem{422, "There is no such choice.", "choice"};
  std::optional<std::string> chosen;
  std::optional<bool> holds;
  if (!policy.empty()) chosen = policy;
  if (hold == "on" || hold == "off") holds = hold == "on";
  co_await at.with.pool.write(library::set_position_policy, v.id(), chosen, holds);
  co_return done(v, "/account", "saved");
}

answer account_make_key(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  http::form form(c.in);
  std::string label(trim(form.text("label"))), scope = form.text("scope");
  form_errors wrong;
  bool too_much = scope == "admin" && !v.may(library::capability::administer);
  if (too_much) scope.clear();
  std::optional<instant> never;
  result<auth::new_key> made = co_await at.with.pool.write(auth::create_key, v.id(), label, scope, never);
  if (made) co_return co_await account_answer(at, v, wrong, made->key);
  std::string field = made.error().field == "label" ? "label" : "scope";
  wrong.add(field, v.say.text("account.key.wrong_" + field));
  co_return co_await account_answer(at, v, wrong, std::string{});
}

answer account_export(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid user = v.id();
  http::producer document = [&at, user](http::sink& to) { return write_export(at, user, to); };
  http::response out;
  out.set("Content-Type", "application/json").set("Cache-Control", "private, no-store");
  out.set("Content-Disposition", "attachment; filename=\"carrel.json\"");
  out.body = std::move(document);
  co_return out;
}

answer account_revoke_key(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  std::optional<uuid> mine = v.id();
  bool revoked = co_await at.with.pool.write(auth::revoke_key, mine, id);
  if (!revoked) not_here(v);
  co_return done(v, "/account", "key.revoked");
}

}  // namespace carrel::web
