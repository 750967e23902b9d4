// `/login`, `/logout`, the theme and language switches of the footer, and the pages behind which nothing is.

#include "server/auth/credentials.hpp"

#include <algorithm>

#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

bool has_owner(db::tx& tx) { return library::has_owner(tx); }

http::response login_form(const visit& v, const std::string& name, const std::string& next, const http::problem* refused) {
  view out;
  out.set("typed_name", name).set("next", next).set("refused", refused ? v.say.text("login.refused") : "");
  http::response r = show(v, {v.say.text("login.title"), ""}, "bare_login", std::move(out), refused ? refused->status : 200);
  if (refused) {
    for (const auto& [header, value] : refused->headers) {
      if (header == "Retry-After") r.add(header, value);
    }
  }
  return r;
}

std::string next_of(const std::optional<std::string>& next) {
  bool ours = next && next->size() > 1 && next->starts_with('/') && (*next)[1] != '/' && next->find('\\') == std::string::npos;
  for (char c : next.value_or("")) ours = ours && static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  return ours ? *next : "/";
}

// An empty one stays as it is.
void save_appearance(db::tx& tx, uuid user, const std::string& language, const std::string& theme) {
  std::optional<library::user> u = library::find_user(tx, user);
  if (u) library::set_appearance(tx, user, language.empty() ? u->language : language, theme.empty() ? u->theme : theme);
}

// Back to the page, which is remembered in this browser for people who are not signed in.
http::response chosen_answer(const site& at, const http::context& c, const http::form& form, const std::string& cookie) {
  http::response out = http::redirect(base_of(at, c.in) + back_path(form, "/"));
  out.add("Set-Cookie", cookie);
  return out;
}

}  // namespace

answer static_file(const site& at, http::context& c) { co_return at.files.serve(c.in, c.in.param("file")); }

answer not_found_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  if (!v.user) throw http::problem{404, v.say.text("problem.404"), "not_found"};
  view out;
  co_return show(v, {v.say.text("problem.404.title"), ""}, "not_found", std::move(out), 404);
}

answer login_page(const site& at, http::context& c) {
  bool owned = co_await at.with.pool.read(has_owner);
  if (!owned) co_return http::redirect(base_of(at, c.in) + "/setup");
  if (c.who) co_return http::redirect(base_of(at, c.in) + "/");
  visit v = co_await visit_of(at, c);
  co_return login_form(v, "", next_of(c.in.query("next")), nullptr);
}

answer login(const site& at, http::context& c) {
  refuse_foreign_form(at, c.in);
  visit v = co_await visit_of(at, c);
  http::form form(c.in);
  std::string name = form.text("name"), password = form.text("password"), next = next_of(form.text("next"));
  std::optional<http::problem> refused;
  try {
    auth::credentials::opened_session opened = co_await at.with.credentials.sign_in(c, name, password);
    http::response out = http::redirect(v.href(next));
    out.add("Set-Cookie", auth::set_session_cookie(c.in, opened));
    co_return out;
  } catch (const http::problem& p) {
    if (p.status != 401 && p.status != 429 && p.status != 403) throw;
    refused = p;
  }
  co_return login_form(v, name, next, &*refused);
}

answer logout(const site& at, http::context& c) {
  co_await at.with.credentials.sign_out(c);
  http::response out = http::redirect(base_of(at, c.in) + "/login");
  out.add("Set-Cookie", auth::clear_session_cookie(c.in));
  co_return out;
}

answer theme_change(const site& at, http::context& c) {
  refuse_foreign_form(at, c.in);
  http::form form(c.in);
  std::string theme = form.text("theme");
  bool known = theme == "system" || theme == "light" || theme == "dark" || theme == "eink";
  if (!known) throw http::problem{422, "There is no such theme.", "choice"};
  std::string same;
  if (c.who) co_await at.with.pool.write(save_appearance, c.who->user, same, theme);
  co_return chosen_answer(at, c, form, appearance_cookie(c.in, "carrel_theme", theme));
}

answer language_change(const site& at, http::context& c) {
  refuse_foreign_form(at, c.in);
  http::form form(c.in);
  std::string language = form.text("language"), same;
  const auto& all = at.words.all();
  bool known = std::any_of(all.begin(), all.end(), [&](const auto& m) { return m->language() == language; });
  if (!known) throw http::problem{422, "There is no such language.", "choice"};
  if (c.who) co_await at.with.pool.write(save_appearance, c.who->user, language, same);
  co_return chosen_answer(at, c, form, appearance_cookie(c.in, "carrel_language", language));
}

}  // namespace carrel::web
