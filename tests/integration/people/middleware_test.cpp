#include <catch2/catch.hpp>

#include "server/auth/api_key.hpp"
#include "server/core/digest.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;
using http::verb;

namespace {

task<http::response> say_who(http::context& c) { co_return http::text(c.who ? c.who->user_name + "/" + c.who->scope : "nobody"); }

http::response pass(const std::vector<http::middleware>& chain, http::context& c) {
  http::handler next = say_who;
  for (std::size_t i = chain.size(); i-- > 0;) {
    next = [m = chain[i], inner = next](http::context& at) { return m(at, inner); };
  }
  return run(next(c));
}

unsigned status(const std::vector<http::middleware>& chain, visit v) {
  try {
    return pass(chain, v.c).status;
  } catch (const http::problem& p) {
    return p.status;
  }
}

std::string body(const http::response& r) { return std::get<std::string>(r.body); }

struct gate_house : house {
  library::user ada = add_with_password("ada", "pw", library::role::owner);
  library::new_device clara = add_device(ada, "Clara");
  auth::credentials::opened_session opened = [this] {
    visit v({}, verb::post, "/login");
    return run(who.sign_in(v.c, "ada", "pw"));
  }();

  header_list cookie() const { return {{"Cookie", "carrel_session=" + opened.cookie}}; }
  header_list cookie_with(const std::string& name, const std::string& value) const {
    header_list out = cookie();
    out.emplace_back(name, value);
    return out;
  }
  std::string key(const std::string& scope) {
    return "Bearer " + write([&](db::tx& tx) { return auth::create_key(tx, ada.id, "k", scope); })->key;
  }
};

}  // namespace

TEST_CASE("the catalog's door lets the right ones in") {
  gate_house h;
  visit opds(basic_headers("ada", h.clara.password));
  CHECK(body(pass({auth::require_basic(h.who, "opds")}, opds.c)) == "ada/opds");
  CHECK(status({auth::require_basic(h.who, "opds")}, visit({})) == 401);
}

TEST_CASE("pages know who is there and send others to the sign-in page") {
  gate_house h;
  std::vector<http::middleware> open{auth::web_session(h.who)}, closed{auth::web_session(h.who), auth::require_web_session()};
  visit guest({});
  CHECK(body(pass(open, guest.c)) == "nobody");
  visit ada(h.cookie());
  CHECK(body(pass(closed, ada.c)) == "ada/web");

  visit lost({}, verb::get, "/books?q=a&b=//evil.example");
  http::response r = pass(closed, lost.c);
  CHECK(r.status == 303);
  CHECK(*r.find("Location") == "/login?next=%2Fbooks%3Fq%3Da%26b%3D%2F%2Fevil.example");
  CHECK(status(closed, visit({}, verb::post, "/books")) == 401);
  visit partial({{"HX-Request", "true"}}, verb::get, "/books");
  r = pass(closed, partial.c);
  CHECK(r.status == 401);
  CHECK(*r.find("HX-Redirect") == "/login?next=%2Fbooks");
}

TEST_CASE("the API takes a key or the session") {
  gate_house h;
  std::vector<http::middleware> api{auth::api_principal(h.who), auth::check_csrf()};
  CHECK(status(api, visit({})) == 401);
  CHECK(status(api, visit(header_list{{"Authorization", "Bearer crl_wrong"}})) == 401);
  CHECK(status(api, visit(h.cookie_with("Authorization", "Bearer crl_wrong"))) == 401);
  CHECK(status(api, visit(h.cookie())) == 200);
  CHECK(status(api, visit(h.cookie_with("Authorization", basic("proxy", "x")))) == 200);
  std::string write = h.key("write"), read = h.key("read");
  CHECK(status(api, visit({{"Authorization", write}}, verb::post)) == 200);  // a key needs no CSRF token
  CHECK(status(api, visit({{"Authorization", read}}, verb::get)) == 200);
  CHECK(status(api, visit({{"Authorization", read}}, verb::head)) == 200);
  for (verb v : {verb::post, verb::put, verb::patch, verb::del}) CHECK(status(api, visit({{"Authorization", read}}, v)) == 403);
}

TEST_CASE("a change made with the cookie needs its CSRF token") {
  gate_house h;
  std::vector<http::middleware> page{auth::web_session(h.who), auth::check_csrf()};
  const std::string& token = h.opened.csrf;
  for (verb v : {verb::post, verb::put, verb::patch, verb::del}) {
    CHECK(status(page, visit(h.cookie(), v)) == 403);
    CHECK(status(page, visit(h.cookie_with("X-CSRF-Token", "wrong"), v)) == 403);
    CHECK(status(page, visit(h.cookie_with("X-CSRF-Token", ""), v)) == 403);
    CHECK(status(page, visit(h.cookie_with("X-CSRF-Token", token + "x"), v)) == 403);
    CHECK(status(page, visit(h.cookie_with("X-CSRF-Token", token), v)) == 200);
  }
  header_list form = h.cookie_with("Content-Type", "application/x-www-form-urlencoded");
  CHECK(status(page, visit(form, verb::post, "/", "a=1&csrf=" + token)) == 200);
  CHECK(status(page, visit(form, verb::post, "/", "csrf=wrong")) == 403);
  CHECK(status(page, visit(form, verb::post, "/?csrf=" + token, "csrf=wrong")) == 403);
  header_list upload = h.cookie_with("Content-Type", "multipart/form-data; boundary=x");
  CHECK(status(page, visit(upload, verb::post, "/?csrf=" + token)) == 200);
  CHECK(status(page, visit(upload, verb::post, "/?csrf=")) == 403);
  CHECK(status(page, visit(h.cookie(), verb::get)) == 200);
  CHECK(status(page, visit({}, verb::post, "/login")) == 200);

  visit again({}, verb::post, "/login");
  auto other = run(h.who.sign_in(again.c, "ada", "pw"));
  CHECK(status(page, visit(h.cookie_with("X-CSRF-Token", other.csrf), verb::post)) == 403);
}

TEST_CASE("the cookie's attributes follow the scheme, and it lives as long as a sign-in can") {
  auth::credentials::opened_session opened;
  opened.cookie = "abc";
  opened.most = std::chrono::hours{24 * 90};
  visit plain({}), secure({}, verb::get, "/", "", "192.0.2.7", "https");
  CHECK(auth::set_session_cookie(plain.in, opened) == "carrel_session=abc; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax");
  CHECK(auth::set_session_cookie(secure.in, opened) ==
        "__Host-carrel_session=abc; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure");
  CHECK(auth::clear_session_cookie(plain.in) == "carrel_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
}
