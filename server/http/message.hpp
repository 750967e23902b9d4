#pragma once
// What handlers see of HTTP: no Beast, no sockets (architecture.md 8).

#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/core/task.hpp"
#include "server/core/uuid.hpp"

namespace carrel::library {
struct gate;
}

namespace carrel::http {

enum class verb { get, head, post, put, patch, del, options, propfind, proppatch, mkcol, move, copy, lock, unlock, other };

std::string_view name_of(verb);

using header_list = std::vector<std::pair<std::string, std::string>>;

// One request: head parsed, body read within the route's limit.
class request {
 public:
  verb method() const { return method_; }
  std::string_view path() const { return path_; }      // decoded once, without the query; // and a trailing / are kept
  std::string_view target() const { return target_; }  // as sent; log it only through log::redact
  std::string_view param(
      std::string_view name) const;  // {id} in the route, decoded; throws std::logic_error for a name the route lacks
  // First value, decoded, + is a space. Values that are not UTF-8 or hold NUL are absent; a broken escape stays as it is.
  std::optional<std::string> query(std::string_view key) const;
  const std::vector<std::pair<std::string, std::string>>& queries() const { return queries_; }
  std::optional<std::string_view> header(std::string_view name) const;  // first of that name, case-insensitive, trimmed
  const header_list& headers() const { return headers_; }               // in the order of the request
  std::optional<std::string_view> cookie(std::string_view name) const;
  std::string_view body() const { return body_; }
  // For routes with body_to_file: the file that holds the body. It is removed after the handler unless it was moved away.
  const std::filesystem::path& body_file() const { return body_file_; }
  std::uint64_t body_size() const { return body_size_; }

  // The client: the socket's peer, or what a trusted proxy says. An IP address in text form ("unix" for local sockets).
  const std::string& client_address() const { return client_address_; }
  // "http" or "https", the authority and the path prefix as the client sees them: from a trusted proxy's forwarding headers,
  // else from the connection and its Host header. Host is checked (opds.md 2.4); a bad one is answered 400 before routing.
  const std::string& scheme() const { return scheme_; }
  const std::string& host() const { return host_; }
  const std::string& prefix() const { return prefix_; }
  // Where the connection came in, perhaps from a proxy; 0 for a local socket.
  std::uint16_t local_port() const { return local_port_; }

  // Filled by the session and by tests.
  struct parts;
  explicit request(parts);
  request() = default;
  void set_params(std::vector<std::pair<std::string, std::string>> p) { params_ = std::move(p); }

 private:
  verb method_ = verb::get;
  std::string target_, path_, body_, client_address_, scheme_ = "http", host_, prefix_;
  std::vector<std::pair<std::string, std::string>> queries_, params_;
  header_list headers_;
  std::filesystem::path body_file_;
  std::uint64_t body_size_ = 0;
  std::uint16_t local_port_ = 0;
};

struct request::parts {
  verb method = verb::get;
  std::string target;
  header_list headers;
  std::string body;
  std::filesystem::path body_file;
  std::uint64_t body_size = 0;
  std::string client_address, scheme = "http", host, prefix;
  std::uint16_t local_port = 0;
};

// `count` bytes of a file from `first`. The file stays open from the answer's head to its end, so that replacing it
// meanwhile does not mix two contents.
struct open_file {
  int descriptor = -1;
  std::uint64_t size = 0;
  std::chrono::sys_seconds modified{};
  open_file() = default;
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file();
};

// A regular file for reading; null when there is none. A symbolic link as the last part of the path is not followed.
std::shared_ptr<const open_file> open_to_read(const std::filesystem::path&);

struct file_slice {
  std::filesystem::path path;
  std::uint64_t first = 0, count = 0;
  std::shared_ptr<const open_file> opened =
      nullptr;  // set by file(); otherwise the session opens `path` before it sends the head
};

class sink {
 public:
  virtual task<> write(std::string_view chunk) = 0;  // returns when the bytes were handed to the socket
 protected:
  ~sink() = default;
};
using producer = std::function<task<>(sink&)>;  // streamed, chunked; co_await gives back-pressure

struct response {
  unsigned status = 200;
  header_list headers;
  std::variant<std::string, file_slice, producer> body;
  // Called once on the connection's thread when the last byte was handed to the socket (true) or the answer was
  // broken off (false).
  std::function<void(bool complete)> sent;

  response&& with(std::string name, std::string value) &&;  // replaces a header of that name
  response& set(std::string name, std::string value);
  void add(std::string name, std::string value) { headers.emplace_back(std::move(name), std::move(value)); }
  const std::string* find(std::string_view name) const;
};

response text(std::string body, unsigned status = 200);
response html(std::string body, unsigned status = 200);
response xml(std::string body, std::string_view type);
response json(std::string body, unsigned status = 200);  // Content-Type exactly application/json
response redirect(std::string to, unsigned status = 303);
response empty(unsigned status);

// A request that cannot be served. The session renders it in the form of the group the route belongs to.
struct problem : std::exception {
  problem(unsigned status_, std::string message_, std::string code_ = "")
      : status(status_), message(std::move(message_)), code(std::move(code_)) {}
  const char* what() const noexcept override { return message.c_str(); }
  unsigned status;
  std::string message;  // for a person
  std::string code;     // for a program; may be empty
  header_list headers;  // e.g. WWW-Authenticate, Retry-After
};

// Who is asking; set by an authentication middleware.
struct principal {
  uuid user;
  std::string user_name;
  std::string role;            // owner, librarian, reader, limited
  std::optional<uuid> device;  // the device whose secret was shown
  std::string device_name;
  uuid credential;    // row that was used: a device, a session, an API key, a service credential
  std::string scope;  // "web", "opds", "kosync", "read", "write", "admin", ...
  // What the look-up of a device's secret read on its way; absent for everybody else.
  std::shared_ptr<const library::gate> gate;
};

struct context {
  request& in;
  std::optional<principal> who;
  std::string request_id;
  std::chrono::steady_clock::time_point deadline;
  std::string csrf;  // token of the browser session, for forms; set by the session middleware
};

using handler = std::function<task<response>(context&)>;
using middleware = std::function<task<response>(context&, const handler& next)>;

struct route_options {
  std::uint64_t body_limit = 64 << 10;       // 413 above
  bool body_to_file = false;                 // the body goes to a file in server_options.upload_dir
  std::chrono::milliseconds budget{30'000};  // 504 after this; 0 = none (event streams)
};

}  // namespace carrel::http
