#include "server/core/setting_value.hpp"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "server/core/text.hpp"

namespace carrel {
namespace {

bool one_of(std::string_view word, std::string_view words) {
  if (words.empty()) return false;
  for (const std::string& w : split(words, '|')) {
    if (w == word) return true;
  }
  return false;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool good_ip(int family, std::string_view v) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(family, std::string(v).c_str(), bytes) == 1;
}

bool good_port(std::string_view v, std::int64_t lowest) {
  bool digits = !v.empty() && v.find_first_not_of("0123456789") == v.npos;
  std::optional<std::int64_t> n = digits ? to_integer(v) : std::nullopt;
  return n && *n >= lowest && *n <= 65535;
}

// A name, an IPv4 address, or an IPv6 address in brackets.
bool good_host(std::string_view v) {
  if (v.size() > 2 && v.front() == '[' && v.back() == ']') return good_ip(AF_INET6, v.substr(1, v.size() - 2));
  if (v.find_first_not_of("0123456789.") == v.npos) return good_ip(AF_INET, v);
  return std::all_of(v.begin(), v.end(), is_name_character);
}

struct host_and_port {
  std::string_view host;
  std::optional<std::string_view> port;
};

host_and_port split_host(std::string_view v) {
  std::size_t colon = v.rfind(':');
  std::size_t bracket = v.rfind(']');
  if (colon == v.npos || (bracket != v.npos && colon < bracket)) return {v, std::nullopt};
  return {v.substr(0, colon), v.substr(colon + 1)};
}

bool good_address(std::string_view v) {
  if (v.starts_with("unix:")) {
    std::string_view path = v.substr(5);
    return path.starts_with('/') && path.size() < sizeof(sockaddr_un::sun_path);
  }
  auto [host, port] = split_host(v);
  if (!port || !good_port(*port, 0)) return false;
  return host.empty() || host == "*" || good_host(host);
}

bool good_network(std::string_view v) {
  std::size_t slash = v.find('/');
  std::string_view address = v.substr(0, slash);
  std::int64_t most = good_ip(AF_INET, address) ? 32 : good_ip(AF_INET6, address) ? 128 : -1;
  if (most < 0) return false;
  if (slash == v.npos) return true;
  std::string_view bits = v.substr(slash + 1);
  std::optional<std::int64_t> n = to_integer(bits);
  return n && *n >= 0 && *n <= most && bits.front() != '+';
}

// Of a place that links are made from: no name, no query.
bool good_url(std::string_view v) {
  std::size_t at = v.starts_with("http://") ? 7 : v.starts_with("https://") ? 8 : v.npos;
  if (at == v.npos || v.find_first_of(" \t\"<>\\^`{|}?#@") != v.npos) return false;
  auto [host, port] = split_host(v.substr(at, v.find('/', at) - at));
  return !host.empty() && good_host(host) && (!port || good_port(*port, 1));
}

bool good_prefix(std::string_view v) {
  return v.starts_with('/') && !v.starts_with("//") && v.find_first_of(" \t\"<>\\^`{|}?#%") == v.npos;
}

bool good_time_of_day(std::string_view v) {
  if (v.size() != 5 || v[2] != ':') return false;
  std::optional<std::int64_t> h = to_integer(v.substr(0, 2)), m = to_integer(v.substr(3));
  return h && m && *h >= 0 && *h < 24 && *m >= 0 && *m < 60;
}

bool good_rate(std::string_view v) {
  std::size_t slash = v.find('/');
  if (slash == v.npos) return false;
  std::optional<std::int64_t> n = to_integer(v.substr(0, slash));
  std::string_view per = v.substr(slash + 1);
  return n && *n > 0 && (one_of(per, "s|m|h|d") || parse_duration(per).value_or(std::chrono::milliseconds{0}).count() > 0);
}

bool is_keyword_character(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::size_t after_blanks(std::string_view v, std::size_t at) {
  while (at < v.size() && is_blank(v[at])) ++at;
  return at;
}

// One value of libpq's `keyword = value` list: where it ends; npos when its quote is not closed.
std::size_t after_value(std::string_view v, std::size_t at) {
  bool quoted = at < v.size() && v[at] == '\'';
  for (at += quoted ? 1 : 0; at < v.size(); ++at) {
    if (v[at] == '\\')
      ++at;
    else if (quoted && v[at] == '\'')
      return at + 1;
    else if (!quoted && is_blank(v[at]))
      return at;
  }
  return quoted ? v.npos : v.size();
}

bool good_keywords(std::string_view v) {
  for (std::size_t at = after_blanks(v, 0); at < v.size(); at = after_blanks(v, at)) {
    std::size_t begin = at;
    while (at < v.size() && is_keyword_character(v[at])) ++at;
    std::size_t equals = after_blanks(v, at);
    if (at == begin || equals == v.size() || v[equals] != '=') return false;
    at = after_value(v, after_blanks(v, equals + 1));
    if (at == v.npos) return false;
  }
  return true;
}

// What libpq understands. It would repeat what it does not understand, and that may be a piece of a password.
bool good_database(std::string_view v) {
  if (!v.starts_with("postgresql://") && !v.starts_with("postgres://")) return good_keywords(v);
  return v.find_first_of(" \t\n\r") == v.npos && percent_decode(v).has_value();
}

bool good_source(std::string_view v) {
  constexpr std::string_view custom = "custom:";
  if (v.starts_with(custom))
    return v.size() > custom.size() && std::all_of(v.begin() + custom.size(), v.end(), is_name_character);
  return one_of(v, "openlibrary|open_library|googlebooks|google_books|hardcover|audnexus");
}

// publication/calibre_columns.hpp
bool good_column(std::string_view v) {
  std::size_t equals = v.find('=');
  if (equals == v.npos || equals == 0 || v.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != equals) return false;
  return one_of(v.substr(equals + 1), "subtitle|pages|narrators|translators|publisher|genres|tags");
}

using flaw = std::optional<std::string>;

flaw unless(bool good, const char* what) { return good ? flaw() : flaw(what); }

flaw flaw_of_number(const std::string& v, std::int64_t least) {
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  std::optional<std::int64_t> n = to_integer(v);
  if (n && *n >= least && *n <= most) return std::nullopt;
  if (n && *n > most) return "must be at most " + std::to_string(most);
  return "must be a whole number, " + std::to_string(least) + " or more";
}

// Beyond these Carrel could not start, or would answer nobody.
struct bounds {
  std::string_view key, least, most;
};
constexpr bounds narrower[] = {{"threads", "1", "256"},
                               {"database.pool", "1", "512"},
                               {"jobs.workers", "1", "256"},
                               {"ingest.workers", "1", "64"},
                               {"http.max_header", "1KiB", "16MiB"},
                               {"http.header_timeout", "100ms", "1d"},
                               {"http.idle_timeout", "100ms", "1d"},
                               {"database.statement_timeout", "0", "24d"},
                               {"auth.argon2_memory", "8KiB", "4GiB"},
                               {"metadata.timeout", "100ms", "5m"},
                               {"metadata.cache_days", "1", "3650"},
                               {"metadata.negative_cache_days", "1", "3650"},
                               {"metadata.max_response_bytes", "1KiB", "64MiB"},
                               {"google_books.min_interval", "0", "1h"},
                               {"open_library.min_interval", "0", "1h"},
                               {"audnexus.min_interval", "0", "1h"},
                               {"covers.max_bytes", "1KiB", "32MiB"},
                               {"limit.file_size", "1MiB", "1TiB"},
                               {"limit.audio_file_size", "1MiB", "1TiB"},
                               {"limit.entries", "1", "1000000"},
                               {"limit.unpacked", "1MiB", "64GiB"},
                               {"limit.comic_unpacked", "1MiB", "64GiB"},
                               {"limit.ratio", "2", "100000"},
                               {"limit.package_xml", "64KiB", "256MiB"},
                               {"limit.content_xml", "64KiB", "256MiB"},
                               {"limit.image", "64KiB", "1GiB"},
                               {"limit.manifest_items", "10", "1000000"},
                               {"limit.spine_items", "10", "1000000"},
                               {"auth.idle", "1m", "36500d"},
                               {"auth.max", "1m", "36500d"}};
constexpr bounds of_durations{"", "0", "36500d"};  // in nanoseconds still a number

std::int64_t measure(setting_kind kind, std::string_view v) {
  if (kind == setting_kind::duration) return parse_duration(v).value_or(std::chrono::milliseconds{0}).count();
  if (kind == setting_kind::size) return static_cast<std::int64_t>(std::min<std::uint64_t>(parse_size(v).value_or(0), INT64_MAX));
  return to_integer(v).value_or(0);
}

flaw flaw_of_range(const setting_key& k, const std::string& v) {
  const bounds* found = std::find_if(std::begin(narrower), std::end(narrower), [&](const bounds& b) { return b.key == k.name; });
  if (found == std::end(narrower) && k.kind != setting_kind::duration) return std::nullopt;
  const bounds& b = found == std::end(narrower) ? of_durations : *found;
  std::int64_t n = measure(k.kind, v);
  if (n < measure(k.kind, b.least)) return "must be at least " + std::string(b.least);
  if (n > measure(k.kind, b.most)) return "must be at most " + std::string(b.most);
  return std::nullopt;
}

// Which item it is, when there are several.
template <class Good>
flaw flaw_of_list(const std::string& v, Good good, const char* what) {
  std::vector<std::string> items = split(v, ',');
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].empty()) return "has an empty item: commas stand only between two items";
    if (good(items[i])) continue;
    return items.size() == 1 ? std::string("must be ") + what : "item " + std::to_string(i + 1) + " must be " + what;
  }
  return std::nullopt;
}

flaw flaw_of_form(const setting_key& k, const std::string& v) {
  using enum setting_kind;
  if (v.empty()) {
    bool may_be = k.initial[0] == '\0' || k.kind == list || k.kind == networks || std::strcmp(k.name, "listen.metrics") == 0;
    return unless(may_be, "must not be empty");
  }
  if (one_of(v, k.choices)) return std::nullopt;
  switch (k.kind) {
    case text:
      if (std::strcmp(k.name, "kepub.css") == 0)
        return unless(v.find("</") == v.npos && v.find("]]>") == v.npos, "must not hold </ or ]]>");
      return unless(std::strcmp(k.name, "database.url") != 0 || good_database(v),
                    "must be an address such as postgresql://carrel@db/carrel, or keywords such as host=db dbname=carrel");
    case list: {
      if (std::strcmp(k.name, "ingest.calibre_columns") == 0)
        return flaw_of_list(v, good_column, "a column and a field, such as keywords=tags");
      auto good = [&k](std::string_view item) { return std::strcmp(k.name, "metadata.sources") != 0 || good_source(item); };
      return flaw_of_list(v, good, "openlibrary, googlebooks, hardcover, audnexus or custom:NAME");
    }
    case address: return flaw_of_list(v, good_address, "an address such as [::]:8490, 127.0.0.1:8490 or unix:/path");
    case networks: return flaw_of_list(v, good_network, "a network such as 10.0.0.0/8 or an address such as ::1");
    case choice: return "must be one of: " + join(split(k.choices, '|'), ", ");
    case toggle: return unless(v == "on" || v == "off", "must be on or off");
    case integer: return flaw_of_number(v, 0);
    case count: return flaw_of_number(v, 1);
    case fraction: {
      std::optional<double> n = to_double(v);
      return unless(n && *n >= 0 && *n <= 1,
                    k.choices[0] != '\0' ? "must be off or a number from 0 to 1" : "must be a number from 0 to 1");
    }
    case duration: return unless(parse_duration(v).has_value(), "must be a duration such as 10s, 5m, 2h or 30d");
    case size: return unless(parse_size(v).has_value(), "must be a size such as 64KiB or 2GiB");
    case url:
      return unless(good_url(v), "must be an address that begins with http:// or https://, such as https://books.example.org");
    case prefix: return unless(good_prefix(v), "must be a path that begins with /, such as / or /books");
    case time_of_day: return unless(good_time_of_day(v), "must be a time of day such as 03:15");
    case rate: return unless(good_rate(v), "must be a rate such as 5/1m");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> flaw_of(const setting_key& k, const std::string& v) {
  if (flaw wrong = flaw_of_form(k, v)) return wrong;
  bool measured = !v.empty() && !one_of(v, k.choices);
  return measured ? flaw_of_range(k, v) : std::nullopt;
}

std::string without_passwords(std::string v) {
  const std::string mask = "********";
  if (std::size_t scheme = v.find("://"); scheme != v.npos) {
    std::size_t at = v.substr(0, v.find('?')).rfind('@');  // a password may hold an @ that should have been encoded
    std::size_t colon = v.find(':', scheme + 3);
    if (at != v.npos && colon < at) v.replace(colon + 1, at - colon - 1, mask);
  }
  const std::string word = "password";
  for (std::size_t found = v.find(word); found != v.npos; found = v.find(word, found)) {
    found += word.size();
    std::size_t equals = after_blanks(v, found);
    if (equals == v.size() || v[equals] != '=') continue;
    std::size_t begin = after_blanks(v, equals + 1);
    std::size_t end = begin < v.size() && v[begin] == '\'' ? after_value(v, begin) : v.find('&', begin);
    if (begin < v.size() && v[begin] != '\'' && end == v.npos) end = after_value(v, begin);
    v.replace(begin, end == v.npos ? v.npos : end - begin, mask);
    found = begin + mask.size();
  }
  return v;
}

}  // namespace carrel
