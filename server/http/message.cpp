#include "server/http/message.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "server/core/text.hpp"
#include "server/http/query.hpp"

namespace carrel::http {

std::string_view name_of(verb v) {
  switch (v) {
    case verb::get: return "GET";
    case verb::head: return "HEAD";
    case verb::post: return "POST";
    case verb::put: return "PUT";
    case verb::patch: return "PATCH";
    case verb::del: return "DELETE";
    case verb::options: return "OPTIONS";
    case verb::propfind: return "PROPFIND";
    case verb::proppatch: return "PROPPATCH";
    case verb::mkcol: return "MKCOL";
    case verb::move: return "MOVE";
    case verb::copy: return "COPY";
    case verb::lock: return "LOCK";
    case verb::unlock: return "UNLOCK";
    case verb::other: break;
  }
  return "OTHER";
}

request::request(parts p)
    : method_(p.method),
      target_(std::move(p.target)),
      body_(std::move(p.body)),
      client_address_(std::move(p.client_address)),
      scheme_(std::move(p.scheme)),
      host_(std::move(p.host)),
      prefix_(std::move(p.prefix)),
      headers_(std::move(p.headers)),
      body_file_(std::move(p.body_file)),
      body_size_(p.body_size),
      local_port_(p.local_port) {
  if (body_size_ == 0) body_size_ = body_.size();
  std::string_view target = target_;
  std::size_t mark = target.find('?');
  std::string_view path = target.substr(0, mark);
  // A broken escape has been answered 400 by the session; tests may still show one.
  path_ = path.find('%') == std::string_view::npos ? std::string(path) : percent_decode(path).value_or(std::string(path));
  if (mark != std::string_view::npos) queries_ = parse_query(target.substr(mark + 1));
}

std::string_view request::param(std::string_view name) const {
  for (const auto& [key, value] : params_) {
    if (key == name) return value;
  }
  throw std::logic_error("the route has no parameter " + std::string(name));
}

std::optional<std::string> request::query(std::string_view key) const {
  for (const auto& [name, value] : queries_) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> request::header(std::string_view name) const {
  for (const auto& [key, value] : headers_) {
    if (equal_ascii_case(key, name)) return trim(value);
  }
  return std::nullopt;
}

std::optional<std::string_view> request::cookie(std::string_view name) const {
  for (const auto& [key, value] : headers_) {
    if (!equal_ascii_case(key, "cookie")) continue;
    for (std::string_view rest = value; !rest.empty();) {
      std::size_t end = rest.find(';');
      std::string_view pair = trim(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
      std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || trim(pair.substr(0, equals)) != name) continue;
      std::string_view found = trim(pair.substr(equals + 1));
      if (found.size() >= 2 && found.front() == '"' && found.back() == '"') found = found.substr(1, found.size() - 2);
      return found;
    }
  }
  return std::nullopt;
}

response&& response::with(std::string name, std::string value) && {
  set(std::move(name), std::move(value));
  return std::move(*this);
}

response& response::set(std::string name, std::string value) {
  auto same = [&](const auto& h) { return equal_ascii_case(h.first, name); };
  auto first = std::find_if(headers.begin(), headers.end(), same);
  if (first == headers.end()) {
    headers.emplace_back(std::move(name), std::move(value));
  } else {
    first->second = std::move(value);
    headers.erase(std::remove_if(first + 1, headers.end(), same), headers.end());
  }
  return *this;
}

const std::string* response::find(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_ascii_case(key, name)) return &value;
  }
  return nullptr;
}

namespace {

response typed(std::string body, unsigned status, std::string_view type) {
  response r;
  r.status = status;
  r.headers.reserve(4);
  r.headers.emplace_back("Content-Type", type);
  r.body = std::move(body);
  return r;
}

}  // namespace

response text(std::string body, unsigned status) { return typed(std::move(body), status, "text/plain; charset=utf-8"); }
response html(std::string body, unsigned status) { return typed(std::move(body), status, "text/html; charset=utf-8"); }
response xml(std::string body, std::string_view type) { return typed(std::move(body), 200, type); }
response json(std::string body, unsigned status) { return typed(std::move(body), status, "application/json"); }

response redirect(std::string to, unsigned status) {
  response r;
  r.status = status;
  r.headers.emplace_back("Location", std::move(to));
  return r;
}

response empty(unsigned status) {
  response r;
  r.status = status;
  return r;
}

open_file::~open_file() {
  if (descriptor >= 0) ::close(descriptor);
}

std::shared_ptr<const open_file> open_to_read(const std::filesystem::path& path) {
  auto out = std::make_shared<open_file>();
  // O_NONBLOCK: a named pipe in a library folder must not stop the thread.
  out->descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat s {};
  if (out->descriptor < 0 || ::fstat(out->descriptor, &s) != 0 || !S_ISREG(s.st_mode)) return nullptr;
  out->size = static_cast<std::uint64_t>(s.st_size);
  out->modified = std::chrono::sys_seconds{std::chrono::seconds{s.st_mtim.tv_sec}};
  return out;
}

}  // namespace carrel::http
