#include "server/core/clock.hpp"

#include <atomic>
#include <cstdio>
#include <ctime>
#include <limits>

namespace carrel {
namespace {

constexpr std::int64_t running = std::numeric_limits<std::int64_t>::min();
std::atomic<std::int64_t> frozen{running};

std::tm utc(instant at) {
  std::time_t seconds = unix_seconds(at);
  std::tm out{};
  gmtime_r(&seconds, &out);
  return out;
}

constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

instant now() {
  std::int64_t at = frozen.load(std::memory_order_relaxed);
  if (at != running) return instant{std::chrono::microseconds{at}};
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

void set_clock(std::optional<instant> at) { frozen = at ? at->time_since_epoch().count() : running; }

std::int64_t unix_seconds(instant at) { return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count(); }

std::string rfc3339(instant at) {
  std::tm t = utc(at);
  char out[40];
  std::snprintf(out, sizeof out, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                t.tm_sec);
  return out;
}

std::string rfc3339_micros(instant at) {
  std::string out = rfc3339(at);
  auto micros = (at - std::chrono::floor<std::chrono::seconds>(at)).count();
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>(micros));
  out.pop_back();
  return out + fraction;
}

std::string http_date(instant at) {
  std::tm t = utc(at);
  auto digits = [](int n, std::size_t width) {
    std::string out(width, '0');
    for (std::size_t left = width; left > 0 && n > 0; n /= 10) out[--left] = static_cast<char>('0' + n % 10);
    return out;
  };
  std::string out;
  out.reserve(29);
  out.append(days[t.tm_wday]).append(", ").append(digits(t.tm_mday, 2)).append(" ").append(months[t.tm_mon]).append(" ");
  out.append(digits(t.tm_year + 1900, 4)).append(" ").append(digits(t.tm_hour, 2)).append(":").append(digits(t.tm_min, 2));
  return out.append(":").append(digits(t.tm_sec, 2)).append(" GMT");
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
  if (text.size() != 29) return std::nullopt;
  char month[4] = {};
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  std::string copy(text.substr(5));
  if (std::sscanf(copy.c_str(), "%2d %3s %4d %2d:%2d:%2d GMT", &day, month, &year, &hour, &minute, &second) != 6)
    return std::nullopt;
  for (unsigned m = 0; m < 12; ++m) {
    if (std::string_view(months[m]) != month) continue;
    std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{m + 1},
                                     std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second};
  }
  return std::nullopt;
}

}  // namespace carrel
