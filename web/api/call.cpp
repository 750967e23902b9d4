#include "web/api/call.hpp"

#include "server/auth/credentials.hpp"
#include "server/core/text.hpp"

namespace carrel::web {
namespace {

[[noreturn]] void not_a_token() { throw http::problem{400, "after is not a token of this list.", "cursor"}; }

// What the token says after the name of its list.
std::optional<std::string> token_of(const http::request& in, const std::string& list) {
  std::string token = in.query("after").value_or("");
  if (token.empty()) return std::nullopt;
  std::optional<std::string> plain = base64_decode(token);
  std::string prefix = list + ":";
  if (!plain || !plain->starts_with(prefix)) not_a_token();
  return plain->substr(prefix.size());
}

std::string to_text(const place& p) {
  return std::to_string(p.group) + ":" + std::to_string(p.at.time_since_epoch().count()) + ":" + p.id;
}

place place_from(const std::string& text) {
  std::size_t first = text.find(':'), second = first == text.npos ? first : text.find(':', first + 1);
  if (second == text.npos) not_a_token();
  std::optional<std::int64_t> group = to_integer(std::string_view(text).substr(0, first));
  std::optional<std::int64_t> at = to_integer(std::string_view(text).substr(first + 1, second - first - 1));
  if (!group || *group < 0 || *group > 1 || !at) not_a_token();
  return {static_cast<int>(*group), instant(std::chrono::microseconds(*at)), text.substr(second + 1)};
}

}  // namespace

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

std::string books_base(const site& at, const http::request& in) { return base_of(at, in) + "/api/v1/books"; }

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
  if (std::optional<std::string> token = token_of(in, list)) {
    std::optional<std::int64_t> number = to_integer(*token);
    if (!number || *number < 0) not_a_token();
    out.first = std::min(static_cast<std::size_t>(*number), size);
  }
  out.count = std::min(limit, size - out.first);
  if (out.first + out.count < size) out.next = base64url(list + ":" + std::to_string(out.first + out.count));
  return out;
}

bool place::before(const place& other) const {
  if (group != other.group) return group < other.group;
  return at != other.at ? at > other.at : id > other.id;
}

slice slice_after(const http::request& in, const std::string& list, const std::vector<place>& places) {
  slice out;
  auto limit = static_cast<std::size_t>(limit_of(in));
  if (std::optional<std::string> token = token_of(in, list)) {
    place last = place_from(*token);
    while (out.first < places.size() && !last.before(places[out.first])) ++out.first;
  }
  out.count = std::min(limit, places.size() - out.first);
  std::size_t end = out.first + out.count;
  if (end < places.size()) out.next = base64url(list + ":" + to_text(places[end - 1]));
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
