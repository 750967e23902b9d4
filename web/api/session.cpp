#include "server/auth/credentials.hpp"
#include "web/api/call.hpp"
#include "web/embedded.hpp"
#include "web/visit.hpp"

namespace carrel::web {

answer open_session(const site& at, http::context& c) {
  refuse_foreign_form(at, c.in);
  json::object body = body_of(c);
  std::string name, password;
  if (!body.take("name", name) || !body.take("password", password)) invalid("name and password are texts.");
  auth::credentials::opened_session opened = co_await at.with.credentials.sign_in(c, name, password);
  http::response out = json_object({{"csrf", opened.csrf}});
  out.add("Set-Cookie", auth::set_session_cookie(c.in, opened));
  co_return out;
}

answer close_session(const site& at, http::context& c) {
  co_await at.with.credentials.sign_out(c);
  http::response out = http::empty(204);
  out.add("Set-Cookie", auth::clear_session_cookie(c.in));
  co_return out;
}

answer openapi(const site& at, http::context& c) {
  std::string text(api_texts().front().text);
  constexpr std::string_view address = "\"/api/v1\"";
  text.insert(text.find(address) + 1, base_of(at, c.in));
  co_return http::json(std::move(text)).with("Cache-Control", "no-cache");
}

}  // namespace carrel::web
