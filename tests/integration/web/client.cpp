#include "tests/integration/web/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "server/core/text.hpp"

namespace carrel::web::tests {
namespace {

struct connection {
  explicit connection(unsigned port) : fd(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval wait{20, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("cannot connect");
  }
  ~connection() { ::close(fd); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  int fd;
};

std::string conversation(unsigned port, const std::string& request) {
  connection c(port);
  for (std::size_t sent = 0; sent < request.size();) {
    ssize_t n = ::send(c.fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;  // refused early: the answer is there to be read
    sent += static_cast<std::size_t>(n);
  }
  std::string out;
  char piece[65536];
  for (ssize_t n; (n = ::recv(c.fd, piece, sizeof piece, 0)) > 0;) out.append(piece, static_cast<std::size_t>(n));
  return out;
}

reply parsed(const std::string& raw) {
  reply out;
  std::size_t end = raw.find("\r\n\r\n");
  if (end == std::string::npos) throw std::runtime_error("no answer");
  out.status = std::stoi(raw.substr(9, 3));
  out.body = raw.substr(end + 4);
  std::size_t at = raw.find("\r\n") + 2;
  while (at < end) {
    std::size_t line_end = raw.find("\r\n", at);
    std::string line = raw.substr(at, line_end - at);
    std::size_t colon = line.find(':');
    out.head.emplace_back(line.substr(0, colon), std::string(trim(std::string_view(line).substr(colon + 1))));
    at = line_end + 2;
  }
  return out;
}

}  // namespace

std::string reply::header(std::string_view name) const {
  for (const auto& [key, value] : head) {
    if (equal_ascii_case(key, name)) return value;
  }
  return "";
}

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

reply client::send(const std::string& method, const std::string& target, const std::string& body, const headers& more) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
  std::string jar;
  for (const auto& [name, value] : cookies) jar += (jar.empty() ? "" : "; ") + name + "=" + value;
  if (!jar.empty()) text += "Cookie: " + jar + "\r\n";
  for (const auto& [name, value] : always) text += name + ": " + value + "\r\n";
  for (const auto& [name, value] : more) text += name + ": " + value + "\r\n";
  if (!body.empty() || method != "GET") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  reply out = parsed(conversation(port_, text + "\r\n" + body));
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
