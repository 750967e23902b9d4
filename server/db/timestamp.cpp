#include "server/db/timestamp.hpp"

#include <charconv>
#include <cstdint>
#include <cstdio>

namespace carrel::db {
namespace {

constexpr std::int64_t micros_per_day = 86'400'000'000;

struct civil {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

// Days from 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years that begin in March.
std::int64_t days_of(civil c) {
  std::int64_t y = c.month <= 2 ? c.year - 1 : c.year;
  std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  std::int64_t year_of_era = y - era * 400;
  std::int64_t month_from_march = (c.month + 9) % 12;
  std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + c.day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

civil civil_of(std::int64_t days) {
  std::int64_t z = days + 719'468;
  std::int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
  std::int64_t day_of_era = z - era * 146'097;
  std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  unsigned day = static_cast<unsigned>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  unsigned month = static_cast<unsigned>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

class reader {
 public:
  explicit reader(std::string_view s) : rest_(s) {}

  bool skip(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  std::optional<std::int64_t> digits(std::size_t least, std::size_t most) {
    std::size_t n = 0;
    while (n < rest_.size() && n < most && rest_[n] >= '0' && rest_[n] <= '9') ++n;
    if (n < least) return std::nullopt;
    std::int64_t out = 0;
    std::from_chars(rest_.data(), rest_.data() + n, out);
    rest_.remove_prefix(n);
    return out;
  }

  // ".5" is 500000.
  std::int64_t fraction_micros() {
    if (!skip(".")) return 0;
    std::int64_t out = 0;
    std::int64_t unit = 100'000;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      out += unit * (rest_.front() - '0');
      unit /= 10;
      rest_.remove_prefix(1);
    }
    return out;
  }

  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<std::int64_t> offset_seconds(reader& in) {
  std::int64_t sign = 0;
  if (in.skip("+")) sign = 1;
  if (sign == 0 && in.skip("-")) sign = -1;
  if (sign == 0) return std::nullopt;
  auto hours = in.digits(2, 2);
  if (!hours) return std::nullopt;
  std::int64_t total = *hours * 3600;
  for (std::int64_t unit : {60, 1}) {
    if (!in.skip(":")) break;
    auto part = in.digits(2, 2);
    if (!part) return std::nullopt;
    total += *part * unit;
  }
  return sign * total;
}

}  // namespace

std::string timestamp_text(instant at) {
  std::int64_t micros = at.time_since_epoch().count();
  std::int64_t days = micros / micros_per_day - (micros % micros_per_day < 0 ? 1 : 0);
  std::int64_t rest = micros - days * micros_per_day;
  civil c = civil_of(days);
  bool before_christ = c.year <= 0;
  char text[64];
  std::snprintf(text, sizeof text, "%04lld-%02u-%02u %02d:%02d:%02d.%06d+00%s",
                static_cast<long long>(before_christ ? 1 - c.year : c.year), c.month, c.day,
                static_cast<int>(rest / 3'600'000'000), static_cast<int>(rest / 60'000'000 % 60),
                static_cast<int>(rest / 1'000'000 % 60), static_cast<int>(rest % 1'000'000), before_christ ? " BC" : "");
  return text;
}

std::optional<instant> parse_timestamp(std::string_view text) {
  if (text == "infinity") return instant::max();
  if (text == "-infinity") return instant::min();
  reader in(text);
  auto year = in.digits(4, 6);
  if (!year || !in.skip("-")) return std::nullopt;
  auto month = in.digits(2, 2);
  if (!month || *month < 1 || *month > 12 || !in.skip("-")) return std::nullopt;
  auto day = in.digits(2, 2);
  if (!day || *day < 1 || *day > 31 || !in.skip(" ")) return std::nullopt;
  auto hour = in.digits(2, 2);
  if (!hour || !in.skip(":")) return std::nullopt;
  auto minute = in.digits(2, 2);
  if (!minute || !in.skip(":")) return std::nullopt;
  auto second = in.digits(2, 2);
  if (!second) return std::nullopt;
  std::int64_t micros = in.fraction_micros();
  auto offset = offset_seconds(in);
  if (!offset) return std::nullopt;
  if (in.skip(" BC")) year = 1 - *year;
  if (!in.at_end()) return std::nullopt;

  std::int64_t days = days_of({*year, static_cast<unsigned>(*month), static_cast<unsigned>(*day)});
  std::int64_t seconds = days * 86'400 + *hour * 3600 + *minute * 60 + *second - *offset;
  std::int64_t out = 0;
  if (__builtin_mul_overflow(seconds, std::int64_t{1'000'000}, &out)) return std::nullopt;
  if (__builtin_add_overflow(out, micros, &out)) return std::nullopt;
  return instant(std::chrono::microseconds(out));
}

}  // namespace carrel::db
