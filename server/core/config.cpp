#include "server/core/config.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "server/core/setting_value.hpp"
#include "server/core/text.hpp"

extern char** environ;

namespace carrel {
namespace {

constexpr const char* standard_file = "/etc/carrel/carrel.conf";

const setting_key* find_key(std::string_view name) {
  for (const setting_key& k : setting_keys()) {
    if (name == k.name) return &k;
  }
  return nullptr;
}

std::string nearest(std::string_view name) {
  std::string best;
  std::size_t best_shared = 3;
  for (const setting_key& k : setting_keys()) {
    std::string_view other = k.name;
    std::size_t shared = 0;
    while (shared < name.size() && shared < other.size() && name[shared] == other[shared]) ++shared;
    if (shared > best_shared) best_shared = shared, best = k.name;
  }
  return best.empty() ? "" : " (did you mean " + best + "?)";
}

std::optional<std::string> own_environment(const std::string& name) {
  const char* v = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): read once, before any thread
  return v ? std::optional<std::string>(v) : std::nullopt;
}

result<std::string> value_from_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return error{path, std::string("cannot be read: ") + std::strerror(errno)};
  std::string all((std::istreambuf_iterator<char>(in)), {});
  return std::string(trim(all));
}

}  // namespace

config::config() {
  for (const setting_key& k : setting_keys()) entries_[k.name] = {k.initial, "default"};
}

std::optional<error> config::set(const std::string& key, const std::string& value, const std::string& origin) {
  const setting_key* k = find_key(key);
  if (!k) return error{origin, "unknown setting " + key + nearest(key)};
  if (std::optional<std::string> wrong = flaw_of(*k, value)) return error{origin, key + " " + *wrong};
  entries_[key] = {value, origin};
  return std::nullopt;
}

std::optional<error> config::read_file(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) return error{path, "cannot be read: it is a folder"};
  std::ifstream in(path);
  if (!in) return error{path, std::string("cannot be read: ") + std::strerror(errno)};
  std::string line;
  std::map<std::string, int> seen;
  for (int number = 1; std::getline(in, line); ++number) {
    std::string where = path + ":" + std::to_string(number);
    std::string_view text = trim(line);
    if (text.empty() || text.front() == '#') continue;
    std::size_t equals = text.find('=');
    if (equals == text.npos) return error{where, "expected `key = value`"};
    std::string key(trim(text.substr(0, equals)));
    std::string value(trim(text.substr(equals + 1)));
    if (auto [at, fresh] = seen.emplace(key, number); !fresh) {
      return error{where, key + " was set before, on line " + std::to_string(at->second)};
    }
    if (key.ends_with("_FILE")) {
      key.resize(key.size() - 5);
      result<std::string> held = value_from_file(value);
      if (!held) return error{where, held.error().message()};
      value = *held;
    }
    if (auto bad = set(key, value, where)) return bad;
  }
  return std::nullopt;
}

result<config> config::load(const sources& from) {
  config c;
  if (from.file) {
    if (auto bad = c.read_file(*from.file)) return *bad;
  } else if (::access(standard_file, F_OK) == 0) {
    if (auto bad = c.read_file(standard_file)) return *bad;
  }

  auto environment = from.environment ? from.environment : own_environment;
  for (const setting_key& k : setting_keys()) {
    std::string name = environment_name(k.name);
    if (auto v = environment(name)) {
      if (auto bad = c.set(k.name, *v, name)) return *bad;
    }
    if (auto path = environment(name + "_FILE")) {
      result<std::string> held = value_from_file(*path);
      if (!held) return error{name + "_FILE", held.error().message()};
      if (auto bad = c.set(k.name, *held, name + "_FILE")) return *bad;
    }
  }
  std::vector<std::string> names = from.environment_names;
  if (!from.environment) {
    for (char** e = environ; e && *e; ++e) names.emplace_back(*e, std::strcspn(*e, "="));
  }
  for (const std::string& name : names) {
    if (!name.starts_with("CARREL_")) continue;
    std::string bare = name.ends_with("_FILE") ? name.substr(0, name.size() - 5) : name;
    const auto& keys = setting_keys();
    if (std::none_of(keys.begin(), keys.end(), [&](const setting_key& k) {
          return environment_name(k.name) == name || environment_name(k.name) == bare;
        })) {
      return error{name, "unknown setting in the environment"};
    }
  }

  for (const auto& [key, value] : from.command_line) {
    if (auto bad = c.set(key, value, "command line")) return *bad;
  }
  if (auto bad = c.check_certificate()) return *bad;
  return c;
}

std::optional<error> config::check_certificate() const {
  for (auto [key, other] : {std::pair("tls.cert", "tls.key"), std::pair("tls.key", "tls.cert")}) {
    if (!is_set(key)) continue;
    const std::string& origin = entries_.at(key).origin;
    if (!is_set(other)) return error{origin, std::string(key) + " is set, and " + other + " is not; TLS needs both"};
    // A file that this user may not see is left to the service.
    if (::access(text(key).c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
      return error{origin, std::string(key) + " names a file that does not exist"};
    }
  }
  return std::nullopt;
}

const std::string& config::text(std::string_view key) const {
  auto at = entries_.find(std::string(key));
  CARREL_EXPECT(at != entries_.end());
  return at->second.text;
}

std::vector<std::string> config::list(std::string_view key) const {
  std::vector<std::string> out;
  for (std::string& part : split(text(key), ',')) {
    if (!part.empty()) out.push_back(std::move(part));
  }
  return out;
}

bool config::on(std::string_view key) const { return text(key) == "on"; }

std::int64_t config::integer(std::string_view key) const { return to_integer(text(key)).value_or(0); }

std::chrono::milliseconds config::duration(std::string_view key) const {
  return parse_duration(text(key)).value_or(std::chrono::milliseconds{0});
}

std::uint64_t config::bytes(std::string_view key) const { return parse_size(text(key)).value_or(0); }

std::string config::shown(std::string_view key) const {
  const setting_key* k = find_key(key);
  std::string v = text(key);
  if (v.empty()) return v;
  if (k && k->secret) return "********";
  return without_passwords(std::move(v));
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view s) {
  if (s.empty()) return std::nullopt;
  if (s == "0") return std::chrono::milliseconds{0};
  std::int64_t total = 0;
  while (!s.empty()) {
    std::size_t digits = 0;
    while (digits < s.size() && s[digits] >= '0' && s[digits] <= '9') ++digits;
    std::optional<std::int64_t> n = to_integer(s.substr(0, digits));
    if (!n || *n > 1'000'000'000) return std::nullopt;
    s.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < s.size() && s[letters] >= 'a' && s[letters] <= 'z') ++letters;
    std::string_view unit = s.substr(0, letters);
    std::int64_t ms = unit == "ms"  ? 1
                      : unit == "s" ? 1000
                      : unit == "m" ? 60'000
                      : unit == "h" ? 3'600'000
                      : unit == "d" ? 86'400'000
                                    : 0;
    if (ms == 0) return std::nullopt;
    total += *n * ms;
    s.remove_prefix(letters);
  }
  return std::chrono::milliseconds{total};
}

std::optional<std::uint64_t> parse_size(std::string_view s) {
  std::size_t digits = 0;
  while (digits < s.size() && s[digits] >= '0' && s[digits] <= '9') ++digits;
  std::optional<std::int64_t> n = to_integer(s.substr(0, digits));
  if (!n) return std::nullopt;
  std::string_view unit = trim(s.substr(digits));
  struct scale {
    std::string_view name;
    std::uint64_t bytes;
  };
  static constexpr scale scales[] = {
      {"", 1},      {"B", 1},     {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20},   {"GiB", 1ULL << 30},      {"TiB", 1ULL << 40},
      {"KB", 1000}, {"kB", 1000}, {"MB", 1'000'000},   {"GB", 1'000'000'000}, {"TB", 1'000'000'000'000}};
  for (const scale& x : scales) {
    if (x.name == unit && static_cast<std::uint64_t>(*n) <= UINT64_MAX / x.bytes) return static_cast<std::uint64_t>(*n) * x.bytes;
  }
  return std::nullopt;
}

std::string environment_name(std::string_view key) {
  std::string out = "CARREL_";
  for (char c : key) out += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return out;
}

}  // namespace carrel
