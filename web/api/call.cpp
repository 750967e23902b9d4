#include "web/api/call.hpp"

#include "server/auth/credentials.hpp"
#include "server/core/text.hpp"

namespace carrel::web {

bool caller::may(library::capability what) const { return c.who && auth::allows(*c.who, user.may, what); }

void caller::need(library::capability what) const {
  if (!may(what)) not_there();
}

task<caller> caller_of(const site& at, http::context& c) {
  std::optional<library::user> user = co_await at.with.pool.read(library::find_user, c.who->user);
  if (!user || user->disabled) throw http::problem{401, "Sign in, or send an API key.", "unauthorized"};
  co_return caller{at, c, std::move(*user)};
}

void not_there() { throw http::problem{404, "Not found.", "not_found"}; }

void invalid(const std::string& message, const std::string& code) { throw http::problem{422, message, code}; }

json::object body_of(const http::context& c) {
  result<json::object> body = json::read_object(c.in.body());
  if (!body) throw http::problem{400, "The body is no JSON object.", "json"};
  return std::move(*body);
}

int limit_of(const http::request& in) {
  std::optional<std::string> text = in.query("limit");
  if (!text) return 50;
  std::optional<std::int64_t> limit = to_integer(*text);
  if (!limit || *limit < 1 || *limit > 200) throw http::problem{400, "limit is a number from 1 to 200.", "limit"};
  return static_cast<int>(*limit);
}

std::string books_base(const site& at) { return at.with.links.base_path() + "/api/v1/books"; }

http::response json_object(const json::object& o, unsigned status) {
  http::response out = http::json(json::dump(o), status);
  out.set("Cache-Control", "private, no-store");
  return out;
}

http::response json_list(json::array items, const std::string& next) {
  json::object o{{"items", std::move(items)}};
  o.set("next", next.empty() ? json::value() : json::value(next));
  return json_object(o);
}

slice slice_of(const http::request& in, const std::string& list, std::size_t size) {
  slice out;
  auto limit = static_cast<std::size_t>(limit_of(in));
  std::string token = in.query("after").value_or("");
  if (!token.empty()) {
    std::optional<std::string> plain = base64_decode(token);
    std::string prefix = list + ":";
    std::optional<std::int64_t> place;
    if (plain && plain->starts_with(prefix)) place = to_integer(std::string_view(*plain).substr(prefix.size()));
    if (!place || *place < 0) throw http::problem{400, "after is not a token of this list.", "cursor"};
    out.first = std::min(static_cast<std::size_t>(*place), size);
  }
  out.count = std::min(limit, size - out.first);
  if (out.first + out.count < size) out.next = base64url(list + ":" + std::to_string(out.first + out.count));
  return out;
}

http::response api_problem(const http::context& c, const http::problem& p) {
  std::string code = p.code.empty() ? "error" : p.code;
  json::object inner{{"code", code}, {"message", p.message}, {"id", c.request_id}};
  http::response out = json_object({{"error", inner}}, p.status);
  for (const auto& [name, value] : p.headers) out.add(name, value);
  return out;
}

}  // namespace carrel::web
