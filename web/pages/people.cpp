// `/people`: accounts, for owners.

#include "library/audit.hpp"
#include "library/user.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/passwords.hpp"

namespace carrel::web {
namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

pairs role_options(const messages& say) {
  pairs out;
  for (std::string role : {"reader", "limited", "librarian", "owner"}) out.emplace_back(role, say.text("role.account." + role));
  return out;
}

view person_view(const visit& v, const library::user& u) {
  view one;
  std::string role(name_of(u.may.is));
  one.set("person", u.id.text()).set("name", u.name).set("role_words", v.say.text("role.account." + role));
  one.set("roles", options(role_options(v.say), role)).set("disabled", u.disabled).set("myself", u.id == v.id());
  one.set("made", moment(v.say, u.created_at));
  return one;
}

task<http::response> people_answer(const site& at, visit v, form_errors wrong, std::string typed, std::string typed_role) {
  std::vector<library::user> users = co_await at.with.pool.read(library::users);
  std::vector<view> people;
  people.reserve(users.size());
  for (const library::user& u : users) people.push_back(person_view(v, u));
  view out;
  out.set("people", people).set("typed_name", typed).set("new_roles", options(role_options(v.say), typed_role));
  wrong.fill(out);
  co_return show(v, {v.say.text("nav.people"), "people"}, "people", std::move(out), wrong.empty() ? 200 : 422);
}

library::user add_person(db::tx& tx, const std::string& name, library::role role, std::string hash, const library::actor& by) {
  library::user made = library::add_user(tx, name, role, hash);
  library::record(tx, by, "user.add", "user", made.id, {{"role", std::string(name_of(role))}});
  return made;
}

std::optional<error> change_role(db::tx& tx, uuid person, library::role role, const library::actor& by) {
  std::optional<error> refused = library::set_role(tx, person, role);
  if (!refused) library::record(tx, by, "user.role", "user", person, {{"role", std::string(name_of(role))}});
  return refused;
}

std::optional<error> change_disabled(db::tx& tx, uuid person, bool disabled, const library::actor& by) {
  std::optional<error> refused = library::disable_user(tx, person, disabled);
  if (!refused) library::record(tx, by, disabled ? "user.disable" : "user.enable", "user", person);
  return refused;
}

task<http::response> change_person(const site& at, visit v, uuid id, bool disabled, std::string_view act) {
  v.need(library::capability::administer);
  std::optional<library::user> person = co_await at.with.pool.read(library::find_user, id);
  if (!person) not_here(v);
  std::optional<error> refused = co_await at.with.pool.write(change_disabled, id, disabled, v.actor());
  if (!refused) co_return done(v, "/people", act, id.text());
  form_errors wrong;
  wrong.add("", v.say.text("person.last_owner"));
  co_return co_await people_answer(at, v, wrong, std::string{}, std::string("reader"));
}

}  // namespace

answer people_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::administer);
  co_return co_await people_answer(at, v, form_errors{}, std::string{}, std::string("reader"));
}

answer person_add(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::administer);
  http::form form(c.in);
  std::string name(trim(form.text("name"))), password = form.text("password"), typed_role = form.text("role");
  std::optional<library::role> role = library::parse_role(typed_role);
  form_errors wrong;
  if (!library::check_user_name(name)) wrong.add("name", v.say.text("person.wrong.name"));
  if (!role) wrong.add("role", v.say.text("person.wrong.role"));
  std::string words = password_wrong(v.say, name, password, form.has("again") ? form.text("again") : password);
  if (!words.empty()) wrong.add("password", words);
  if (!wrong.empty()) co_return co_await people_answer(at, v, wrong, name, typed_role);
  std::string hash = co_await slow_hash(at, password);
  try {
    co_await at.with.pool.write(add_person, name, *role, hash, v.actor());
    co_return done(v, "/people", "person.added");
  } catch (const db::unique_violation&) {
    wrong.add("name", v.say.text("person.wrong.taken"));
  }
  co_return co_await people_answer(at, v, wrong, name, typed_role);
}

answer person_role(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::administer);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<library::role> role = library::parse_role(form.text("role"));
  std::optional<library::user> person = co_await at.with.pool.read(library::find_user, id);
  if (!person || !role) not_here(v);
  std::optional<error> refused = co_await at.with.pool.write(change_role, id, *role, v.actor());
  if (!refused) co_return done(v, "/people", "person.role", id.text(), name_of(person->may.is));
  form_errors wrong;
  wrong.add("", v.say.text("person.last_owner"));
  co_return co_await people_answer(at, v, wrong, std::string{}, std::string("reader"));
}

answer person_disable(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  co_return co_await change_person(at, v, id, true, std::string_view("person.disabled"));
}

answer person_enable(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  co_return co_await change_person(at, v, id, false, std::string_view("person.enabled"));
}

}  // namespace carrel::web
