#pragma once
// Settings: defaults < file < environment < command line (product.md 7). An unknown or invalid key is an error that
// names the file, the line and the reason.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/error.hpp"

namespace carrel {

enum class setting_kind {
  text,
  list,     // of words
  toggle,   // on or off
  integer,  // 0 or more
  count,    // 1 or more
  fraction,
  duration,
  size,
  address,   // list: [::]:8490, 127.0.0.1:8490, unix:/path
  networks,  // list: 10.0.0.0/8, ::1
  url,
  prefix,  // of paths: / or /books
  time_of_day,
  rate,
  choice
};

struct setting_key {
  const char* name;
  setting_kind kind;
  const char* initial;  // "" = unset
  const char* meaning;  // one line, for --help and the example file
  const char* choices;  // for `choice`: words separated by |; for others further words that are allowed ("auto|off")
  bool secret;
};

// Every key of product.md 7, in its order.
const std::vector<setting_key>& setting_keys();

class config {
 public:
  struct entry {
    std::string text;
    std::string origin;  // "default", "FILE:LINE", "CARREL_X", "command line"
  };
  struct sources {
    std::optional<std::string> file;  // must exist when given; without it /etc/carrel/carrel.conf is read if there is one
    std::function<std::optional<std::string>(const std::string&)> environment;  // nullptr: the process's own
    std::vector<std::string> environment_names;                                 // for tests; empty: the process's own
    std::vector<std::pair<std::string, std::string>> command_line;
  };

  static result<config> load(const sources&);
  config();  // defaults only

  bool is_set(std::string_view key) const { return !text(key).empty(); }
  const std::string& text(std::string_view key) const;
  std::vector<std::string> list(std::string_view key) const;
  bool on(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  std::chrono::milliseconds duration(std::string_view key) const;
  std::uint64_t bytes(std::string_view key) const;

  const std::map<std::string, entry>& entries() const { return entries_; }
  // The value as `config show` prints it: secrets and passwords inside URLs are masked.
  std::string shown(std::string_view key) const;

 private:
  std::optional<error> set(const std::string& key, const std::string& value, const std::string& origin);
  std::optional<error> read_file(const std::string& path);
  std::optional<error> check_certificate() const;
  std::map<std::string, entry> entries_;
};

std::optional<std::chrono::milliseconds> parse_duration(std::string_view);  // 10s 5m 2h 30d 250ms, also 1m30s
std::optional<std::uint64_t> parse_size(std::string_view);                  // 64KiB 2GiB 512MB 100
std::string environment_name(std::string_view key);                         // kobo.page_size -> CARREL_KOBO_PAGE_SIZE

}  // namespace carrel
