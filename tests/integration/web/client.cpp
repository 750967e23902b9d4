#include "tests/integration/web/client.hpp"

#include <algorithm>

#include "server/core/text.hpp"
#include "tests/harness/wire.hpp"

namespace carrel::web::tests {

std::string reply::header(std::string_view name) const { return harness::find_header(head, name); }

json::object reply::json() const { return json::read_object(body).value(); }

std::string reply::text(std::string_view member) const {
  std::string out;
  json().take(member, out);
  return out;
}

std::string form_text(const fields& form) {
  std::string out;
  for (const auto& [name, value] : form) out += (out.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  return out;
}

namespace {

// An answer may end in the middle, when the test closed the connection.
std::string put_together(const std::string& chunks) {
  std::string out;
  for (std::size_t at = 0; at < chunks.size();) {
    std::size_t line = std::min(chunks.find("\r\n", at), chunks.size());
    std::size_t size = std::stoul("0" + chunks.substr(at, line - at), nullptr, 16);
    if (line + 2 < chunks.size()) out += chunks.substr(line + 2, size);
    at = line + 2 + size + 2;
  }
  return out;
}

}  // namespace

reply client::send(const std::string& method, const std::string& target, const std::string& body, const headers& more) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
  std::string jar;
  for (const auto& [name, value] : cookies) jar += (jar.empty() ? "" : "; ") + name + "=" + value;
  if (!jar.empty()) text += "Cookie: " + jar + "\r\n";
  for (const auto& [name, value] : always) text += name + ": " + value + "\r\n";
  for (const auto& [name, value] : more) text += name + ": " + value + "\r\n";
  if (!body.empty() || method != "GET") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  harness::answer answer = harness::parse_answer(harness::exchange(port_, text + "\r\n" + body, arrived));
  reply out;
  out.status = answer.status;
  out.head = std::move(answer.head);
  out.body = out.header("Transfer-Encoding") == "chunked" ? put_together(answer.body) : std::move(answer.body);
  for (const auto& [name, value] : out.head) {
    if (!equal_ascii_case(name, "Set-Cookie")) continue;
    std::string pair = value.substr(0, value.find(';'));
    std::size_t equals = pair.find('=');
    if (equals + 1 == pair.size()) {
      cookies.erase(pair.substr(0, equals));
    } else {
      cookies[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
  }
  return out;
}

reply client::post(const std::string& target, fields form) {
  bool has_token = std::any_of(form.begin(), form.end(), [](const auto& f) { return f.first == "csrf"; });
  if (!has_token && !csrf.empty()) form.emplace_back("csrf", csrf);
  return send("POST", target, form_text(form), {{"Content-Type", "application/x-www-form-urlencoded"}});
}

reply client::api(const std::string& method, const std::string& path, const std::string& body) {
  headers more{{"Content-Type", "application/json"}};
  if (!csrf.empty()) more.emplace_back("X-CSRF-Token", csrf);
  return send(method, "/api/v1" + path, body, more);
}

reply client::upload(const std::string& target, const std::string& name, const std::string& bytes, const fields& form,
                     const headers& more) {
  std::string mark = "----carrel-test", body;
  for (const auto& [key, value] : form) {
    body += "--" + mark + "\r\nContent-Disposition: form-data; name=\"" + key + "\"\r\n\r\n" + value + "\r\n";
  }
  body += "--" + mark + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\n" + bytes +
          "\r\n--" + mark + "--\r\n";
  headers all = more;
  all.emplace_back("Content-Type", "multipart/form-data; boundary=" + mark);
  return send("POST", target, body, all);
}

}  // namespace carrel::web::tests
