#pragma once
// One line per event on standard error: `ts level event key=value ...`, or JSON. Secrets never get here: callers pass
// facts, and redact() masks Kobo tokens in paths.

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace carrel::log {

enum class level { debug, info, warn, error };

struct field {
  std::string_view key;
  std::string text;
  field(std::string_view k, std::string_view v) : key(k), text(v) {}
  field(std::string_view k, const std::string& v) : key(k), text(v) {}
  field(std::string_view k, const char* v) : key(k), text(v) {}
  field(std::string_view k, std::same_as<bool> auto v) : key(k), text(v ? "true" : "false") {}
  template <class T>
  requires((std::integral<T> && !std::same_as<T, bool>) || std::floating_point<T>) field(std::string_view k, T v)
      : key(k), text(std::to_string(v)) {}
  template <class T>
  requires requires(const T& v) {
    { v.text() } -> std::convertible_to<std::string>;
  }
  field(std::string_view k, const T& v) : key(k), text(v.text()) {}
};

// `format` is "text", "journal" (text with syslog priorities, no time) or "json".
void start(level lowest, std::string_view format);
bool enabled(level);
void write(level, std::string_view event, std::initializer_list<field>);

inline void debug(std::string_view event, std::initializer_list<field> f = {}) { write(level::debug, event, f); }
inline void info(std::string_view event, std::initializer_list<field> f = {}) { write(level::info, event, f); }
inline void warn(std::string_view event, std::initializer_list<field> f = {}) { write(level::warn, event, f); }
inline void error(std::string_view event, std::initializer_list<field> f = {}) { write(level::error, event, f); }

// A request path as it may be logged: the token after /kobo/ and every query value become "…".
std::string redact(std::string_view path_and_query);

}  // namespace carrel::log
