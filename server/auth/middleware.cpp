#include "server/auth/credentials.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "server/http/multipart.hpp"

namespace carrel::auth {
namespace {

using http::context;
using http::handler;
using http::response;

bool changes(http::verb v) {
  return v == http::verb::post || v == http::verb::put || v == http::verb::patch || v == http::verb::del;
}
bool reads(http::verb v) { return v == http::verb::get || v == http::verb::head || v == http::verb::options; }

task<response> with_basic(credentials& who, std::string scope, context& c, const handler& next) {
  task<http::principal> asking = who.basic(c, scope);
  c.who = co_await std::move(asking);
  co_return co_await next(c);
}

task<response> with_session(credentials& who, context& c, const handler& next) {
  task<std::optional<http::principal>> asking = who.session(c);
  c.who = co_await std::move(asking);
  co_return co_await next(c);
}

task<response> with_api(credentials& who, context& c, const handler& next) {
  task<std::optional<http::principal>> by_key = who.api_key(c);
  c.who = co_await std::move(by_key);
  if (!c.who) {
    task<std::optional<http::principal>> by_cookie = who.session(c);
    c.who = co_await std::move(by_cookie);
  }
  if (!c.who) throw http::problem{401, "sign in, or send an API key", "unauthorized"};
  if (c.who->scope == "read" && !reads(c.in.method())) throw http::problem{403, "this key may only read", "scope"};
  co_return co_await next(c);
}

response to_sign_in(const context& c) {
  std::string page = c.in.prefix() + "/login?next=" + percent_encode(c.in.target());
  if (!c.in.header("hx-request")) return http::redirect(page);
  // A redirect would put the sign-in page into a part of the page that asked.
  response r = http::empty(401);
  r.set("HX-Redirect", std::move(page));
  return r;
}

task<response> with_somebody(context& c, const handler& next) {
  if (!c.who && reads(c.in.method())) co_return to_sign_in(c);
  if (!c.who) throw http::problem{401, "Sign in first.", "unauthorized"};
  co_return co_await next(c);
}

std::string shown_csrf(const http::request& in) {
  if (std::optional<std::string_view> header = in.header("x-csrf-token")) return std::string(*header);
  http::form form(in);
  if (form.has("csrf")) return form.text("csrf");
  return in.query("csrf").value_or("");
}

task<response> with_csrf(context& c, const handler& next) {
  if (c.who && c.who->scope == "web" && changes(c.in.method())) {
    std::string shown = shown_csrf(c.in);
    if (c.csrf.empty() || !equal_constant_time(shown, c.csrf)) {
      throw http::problem{403, "This form is too old. Load the page again and repeat.", "csrf"};
    }
  }
  co_return co_await next(c);
}

bool over_https(const http::request& in) { return in.scheme() == "https"; }

std::string cookie_with(const http::request& in, std::string_view value, std::string_view max_age) {
  std::string out = session_cookie_name(in);
  out.append("=").append(value).append("; Path=/; Max-Age=").append(max_age).append("; HttpOnly; SameSite=Lax");
  if (over_https(in)) out += "; Secure";
  return out;
}

}  // namespace

http::middleware require_basic(credentials& who, std::string scope) {
  return [&who, scope = std::move(scope)](context& c, const handler& next) { return with_basic(who, scope, c, next); };
}

http::middleware web_session(credentials& who) {
  return [&who](context& c, const handler& next) { return with_session(who, c, next); };
}

http::middleware require_web_session() { return with_somebody; }

http::middleware api_principal(credentials& who) {
  return [&who](context& c, const handler& next) { return with_api(who, c, next); };
}

http::middleware check_csrf() { return with_csrf; }

bool allows(const http::principal& p, const library::rights& r, library::capability c) {
  using library::capability;
  if (p.device) return c == capability::download && library::allows(r, c);
  if (p.scope == "web" || p.scope == "admin") return library::allows(r, c);
  if (p.scope == "write") return c != capability::administer && library::allows(r, c);
  bool reading = c == capability::download || c == capability::see_all_errata;
  return p.scope == "read" && reading && library::allows(r, c);
}

// __Host- keeps other hosts of the same domain from setting the cookie; browsers refuse it without https.
std::string session_cookie_name(const http::request& in) { return over_https(in) ? "__Host-carrel_session" : "carrel_session"; }

// An unused sign-in ends earlier (auth.idle); that is decided by the server.
std::string set_session_cookie(const http::request& in, const credentials::opened_session& s) {
  return cookie_with(in, s.cookie, std::to_string(s.most.count()));
}
std::string clear_session_cookie(const http::request& in) { return cookie_with(in, "", "0"); }

}  // namespace carrel::auth
