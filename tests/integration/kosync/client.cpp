#include "tests/integration/kosync/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "server/core/text.hpp"

namespace carrel::kosync::tests {

std::string reply::header(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (equal_ascii_case(key, name)) return value;
  }
  return "";
}

json::object reply::object() const {
  result<json::object> o = json::read_object(body);
  return o ? *o : json::object{};
}

std::string reply::text(std::string_view member) const {
  json::object o = object();
  const json::value* v = o.find(member);
  if (!v) return "";
  if (v->as_text()) return *v->as_text();
  return v->as_number() ? v->as_number()->text : "";
}

long reply::code() const {
  std::int64_t code = -1;
  object().take("code", code);
  return static_cast<long>(code);
}

std::string send_raw(unsigned port, const std::string& request) {
  int s = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval wait{20, 0};
  ::setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  if (::connect(s, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("cannot connect");
  for (std::size_t at = 0; at < request.size();) {
    ssize_t n = ::send(s, request.data() + at, request.size() - at, MSG_NOSIGNAL);
    if (n <= 0) break;
    at += static_cast<std::size_t>(n);
  }
  std::string in;
  char piece[16384];
  ssize_t n = 0;
  // A child that stops or goes on interrupts the waiting.
  while ((n = ::recv(s, piece, sizeof piece, 0)) > 0 || (n < 0 && errno == EINTR)) {
    if (n > 0) in.append(piece, static_cast<std::size_t>(n));
  }
  int reason = n < 0 ? errno : 0;
  ::close(s);
  if (in.empty()) throw std::runtime_error(reason == 0 ? "closed without an answer" : std::strerror(reason));
  return in;
}

reply send(unsigned port, const std::string& method, const std::string& target, const headers& h, const std::string& body) {
  std::string out = method + " " + target + " HTTP/1.1\r\nHost: library.example\r\nConnection: close\r\n";
  for (const auto& [name, value] : h) out += name + ": " + value + "\r\n";
  if (!body.empty() || method == "PUT" || method == "POST") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  std::string in = send_raw(port, out + "\r\n" + body);

  reply r;
  std::size_t end = in.find("\r\n\r\n");
  if (end == in.npos) throw std::runtime_error("no answer");
  r.body = in.substr(end + 4);
  r.status = std::stoi(in.substr(9, 3));
  std::size_t at = in.find("\r\n") + 2;
  while (at < end) {
    std::size_t stop = std::min(in.find("\r\n", at), end);
    std::string line = in.substr(at, stop - at);
    std::size_t colon = line.find(':');
    r.fields.emplace_back(line.substr(0, colon), std::string(trim(line.substr(colon + 1))));
    at = stop + 2;
  }
  return r;
}

headers reader::sign_in() const {
  return {{"x-auth-user", name}, {"x-auth-key", key}, {"Accept", "application/vnd.koreader.v1+json"}};
}

reply reader::put(const std::string& body) const {
  headers h = sign_in();
  h.emplace_back("Content-Type", "application/json");
  return send(port, "PUT", base + "/syncs/progress", h, body);
}

reply reader::get(const std::string& document) const {
  return send(port, "GET", base + "/syncs/progress/" + percent_encode(document), sign_in());
}

std::string push_body(const std::string& document, double percentage, const std::string& progress, const std::string& device,
                      const std::string& device_id) {
  json::object o;
  o.set("document", document)
      .set("percentage", percentage)
      .set("progress", progress)
      .set("device", device)
      .set("device_id", device_id);
  return json::dump(o);
}

reply reader::push(const std::string& document, double percentage, const std::string& progress, const std::string& device,
                   const std::string& device_id) const {
  return put(push_body(document, percentage, progress, device, device_id));
}

}  // namespace carrel::kosync::tests
