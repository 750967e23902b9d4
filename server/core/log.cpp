#include "server/core/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cctype>
#include <memory>

#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::log {
namespace {

enum class layout { text, journal, json };
std::atomic<layout> form{layout::text};
std::atomic<int> lowest_level{static_cast<int>(level::info)};

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("carrel", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

constexpr const char* names[] = {"debug", "info", "warn", "error"};
constexpr int priorities[] = {7, 6, 4, 3};  // syslog, understood by journald as <n>

bool needs_quotes(std::string_view s) {
  if (s.empty()) return true;
  for (char c : s) {
    auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u == 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

std::string line(layout how, level at, std::string_view event, std::initializer_list<field> fields) {
  std::string out;
  auto index = static_cast<std::size_t>(at);
  if (how == layout::json) {
    json::object o{{"ts", rfc3339_micros(now())}, {"level", names[index]}, {"event", event}};
    for (const field& f : fields) o.set(std::string(f.key), f.text);
    json::append(out, json::value(std::move(o)));
    return out;
  }
  if (how == layout::journal)
    out = "<" + std::to_string(priorities[index]) + ">";
  else
    out = rfc3339_micros(now()) + " ";
  out += names[index];
  out += ' ';
  out += event;
  for (const field& f : fields) {
    out += ' ';
    out += f.key;
    out += '=';
    if (needs_quotes(f.text))
      json::append_string(out, f.text);
    else
      out += f.text;
  }
  return out;
}

}  // namespace

void start(level lowest, std::string_view format) {
  lowest_level = static_cast<int>(lowest);
  form = format == "json" ? layout::json : format == "journal" ? layout::journal : layout::text;
}

bool enabled(level at) { return static_cast<int>(at) >= lowest_level.load(std::memory_order_relaxed); }

void write(level at, std::string_view event, std::initializer_list<field> fields) {
  if (!enabled(at)) return;
  sink().log(spdlog::level::info, line(form, at, event, fields));
}

namespace {

// The length of a slash at this place, as it is or percent-encoded; 0 when there is none.
std::size_t slash_at(std::string_view path, std::size_t at) {
  if (at < path.size() && path[at] == '/') return 1;
  return at + 3 <= path.size() && equal_ascii_case(path.substr(at, 3), "%2f") ? 3 : 0;
}

// A token that stands where none belongs, as behind a proxy that takes the prefix away: 24 letters and digits in one go.
std::string without_tokens(std::string_view path) {
  constexpr std::size_t token_length = 24;
  auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t end = at;
    while (end < path.size() && is_part(path[end])) ++end;
    if (end == at) {
      out += path[at++];
      continue;
    }
    out += end - at == token_length ? std::string_view("…") : path.substr(at, end - at);
    at = end;
  }
  return out;
}

}  // namespace

std::string redact(std::string_view target) {
  constexpr std::string_view prefix = "kobo";
  std::size_t query = target.find('?');
  std::string_view path = target.substr(0, query);
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t slashes = 0;
    while (std::size_t one = slash_at(path, at + slashes)) slashes += one;
    std::size_t next = at + slashes + prefix.size();
    if (slashes == 0 || !equal_ascii_case(path.substr(at + slashes, prefix.size()), prefix) || slash_at(path, next) == 0) {
      out += path[at++];
      continue;
    }
    while (std::size_t one = slash_at(path, next)) next += one;
    while (next < path.size() && slash_at(path, next) == 0) ++next;
    out += "/kobo/…";
    at = next;
  }
  out = without_tokens(out);
  if (query != std::string_view::npos) out += "?…";
  return out;
}

}  // namespace carrel::log
