// `/setup`: code, then the owner's account, then what comes next (product.md 4.2). Gone once there is an owner.

#include "library/setting.hpp"
#include "server/auth/throttle.hpp"
#include "server/core/text.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/passwords.hpp"

namespace carrel::web {
namespace {

enum class set_up { done, wrong_code, has_owner };

bool code_good(db::tx& tx, const std::string& code) { return library::code_is_good(tx, "setup", code); }
bool has_owner(db::tx& tx) { return library::has_owner(tx); }

set_up make_owner(db::tx& tx, const std::string& code, const std::string& name, std::string hash) {
  if (library::has_owner(tx)) return set_up::has_owner;
  if (!library::use_code(tx, "setup", code)) return set_up::wrong_code;
  library::user made = library::add_user(tx, name, library::role::owner, hash);
  library::record(tx, {made.id, made.name}, "user.add", "user", made.id, {{"role", "owner"}});
  return set_up::done;
}

http::response code_form(const visit& v, const form_errors& wrong) {
  view out;
  wrong.fill(out);
  return show(v, {v.say.text("setup.title"), ""}, "bare_setup", std::move(out), wrong.empty() ? 200 : 422);
}

http::response too_many_codes(const visit& v, std::chrono::seconds wait) {
  form_errors wrong;
  wrong.add("code", v.say.text("setup.too_many"));
  http::response r = code_form(v, wrong);
  r.status = 429;
  r.add("Retry-After", std::to_string(wait.count()));
  return r;
}

http::response account_form(const visit& v, const std::string& code, const std::string& name, const form_errors& wrong) {
  view out;
  out.set("code", code).set("typed_name", name);
  wrong.fill(out);
  return show(v, {v.say.text("setup.account"), ""}, "bare_setup_account", std::move(out), wrong.empty() ? 200 : 422);
}

form_errors check_account(const messages& say, const std::string& name, const std::string& password, const std::string& again) {
  form_errors wrong;
  if (!library::check_user_name(name)) wrong.add("name", say.text("person.wrong.name"));
  std::string words = password_wrong(say, name, password, again);
  if (!words.empty()) wrong.add("password", words);
  return wrong;
}

task<> need_no_owner(const site& at) {
  bool owned = co_await at.with.pool.read(has_owner);
  if (owned) throw http::problem{404, "Not found.", "not_found"};
}

}  // namespace

answer setup_page(const site& at, http::context& c) {
  co_await need_no_owner(at);
  visit v = co_await visit_of(at, c);
  co_return code_form(v, {});
}

answer setup_step(const site& at, http::context& c) {
  refuse_foreign_form(at, c.in);
  co_await need_no_owner(at);
  visit v = co_await visit_of(at, c);
  http::form form(c.in);
  std::string code(trim(form.text("code")));
  form_errors wrong;
  // Counted like sign-ins, in the database: a code is short, and whoever guesses it owns the library.
  std::vector<std::string> subjects = auth::throttle_subjects("", c.in.client_address());
  auth::throttle_rate rate = auth::parse_rate(at.with.settings.text("auth.throttle"));
  std::optional<std::chrono::seconds> blocked = co_await at.with.pool.write(auth::count_try, subjects, rate);
  if (blocked) co_return too_many_codes(v, *blocked);
  bool good = co_await at.with.pool.read(code_good, code);
  if (!good) {
    wrong.add("code", v.say.text("setup.wrong_code"));
    co_return code_form(v, wrong);
  }
  co_await at.with.pool.write(auth::forgive_try, subjects);
  if (!form.has("name")) co_return account_form(v, code, "", wrong);

  std::string name(trim(form.text("name"))), password = form.text("password");
  std::string again = form.has("again") ? form.text("again") : password;
  wrong = check_account(v.say, name, password, again);
  if (!wrong.empty()) co_return account_form(v, code, name, wrong);

  std::string hash = co_await slow_hash(at, password);
  set_up outcome = co_await at.with.pool.write(make_owner, code, name, hash);
  if (outcome == set_up::has_owner) throw http::problem{404, "Not found.", "not_found"};
  if (outcome == set_up::wrong_code) {
    wrong.add("code", v.say.text("setup.wrong_code"));
    co_return code_form(v, wrong);
  }
  auth::credentials::opened_session opened = co_await at.with.credentials.sign_in(c, name, password);
  http::response out = http::redirect(v.href("/welcome"));
  out.add("Set-Cookie", auth::set_session_cookie(c.in, opened));
  co_return out;
}

answer welcome_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::administer);
  view out;
  std::string address = at.with.links.pages(c.in);
  out.set("address", address).set("fixed", at.with.links.fixed()).set("data_dir", at.with.store.data().string());
  out.set("drop_dir",
          at.with.settings.is_set("ingest.drop_dir") ? at.with.settings.text("ingest.drop_dir") : std::string("drop"));
  out.set("insecure", address.starts_with("http://"));
  co_return show(v, {v.say.text("setup.done"), ""}, "welcome", std::move(out));
}

}  // namespace carrel::web
