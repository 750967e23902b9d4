// Dates, ISBNs and places in a series (ingest.md 17.4, 9.4, 9.3).

#include <array>
#include <charconv>
#include <chrono>

#include "publication/unicode.hpp"
#include "server/core/clock.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

using std::chrono::year;
using std::chrono::year_month_day;

struct parts {
  int y = 0, m = 0, d = 0;  // 0: not given
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class scanner {
 public:
  explicit scanner(std::string_view s) : rest_(s) {}
  bool empty() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool skip(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_any(std::string_view set) {
    while (!rest_.empty() && set.find(rest_.front()) != std::string_view::npos) rest_.remove_prefix(1);
  }
  // `low` to `high` digits, and no further digit behind them.
  std::optional<int> number(std::size_t low, std::size_t high) {
    std::size_t n = 0;
    while (n < rest_.size() && is_digit(rest_[n])) ++n;
    if (n < low || n > high) return std::nullopt;
    return take(n);
  }
  std::optional<int> exactly(std::size_t n) {
    if (rest_.size() < n) return std::nullopt;
    for (std::size_t i = 0; i < n; ++i) {
      if (!is_digit(rest_[i])) return std::nullopt;
    }
    return take(n);
  }
  std::string_view word() {
    std::size_t n = 0;
    while (n < rest_.size() && is_letter(rest_[n])) ++n;
    std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  void drop() { rest_ = {}; }

 private:
  std::optional<int> take(std::size_t n) {
    int value = 0;
    std::from_chars(rest_.data(), rest_.data() + n, value);
    rest_.remove_prefix(n);
    return value;
  }
  std::string_view rest_;
};

std::optional<std::string> formatted(const parts& p) {
  int this_year = static_cast<int>(year_month_day(std::chrono::floor<std::chrono::days>(now())).year());
  if (p.y < 1000 || p.y > this_year + 2) return std::nullopt;
  auto two = [](int n) { return std::string(n < 10 ? "-0" : "-") + std::to_string(n); };
  std::string out = std::to_string(p.y);
  if (p.m == 0) return out;
  if (p.m > 12) return std::nullopt;
  out += two(p.m);
  if (p.d == 0) return out;
  if (!(year(p.y) / p.m / p.d).ok()) return std::nullopt;
  return out + two(p.d);
}

// A time of day with a zone moves the date to UTC, unless it is midnight: then only the date was meant.
void apply_time(scanner& in, parts& p) {
  std::optional<int> h = in.exactly(2);
  if (!h || !in.skip(':')) return;
  std::optional<int> min = in.exactly(2);
  if (!min) return;
  int seconds = 0;
  if (in.skip(':')) {
    std::optional<int> s = in.exactly(2);
    if (!s) return;
    seconds = *s;
    if (in.skip('.')) in.skip_any("0123456789");
  }
  bool behind = in.peek() == '-';
  if (!in.skip('+') && !in.skip('-')) return;
  std::optional<int> zone_h = in.exactly(2);
  in.skip(':');
  std::optional<int> zone_m = in.empty() ? std::optional<int>(0) : in.exactly(2);
  if (!zone_h || !zone_m || *h > 24 || *min > 59 || (*h == 0 && *min == 0 && seconds == 0)) return;
  year_month_day given = year(p.y) / p.m / p.d;
  if (!given.ok()) return;
  int offset = (*zone_h * 60 + *zone_m) * (behind ? 1 : -1);
  auto utc = std::chrono::sys_days(given) + std::chrono::minutes(*h * 60 + *min + offset);
  year_month_day moved(std::chrono::floor<std::chrono::days>(utc));
  p = {static_cast<int>(moved.year()), static_cast<int>(static_cast<unsigned>(moved.month())),
       static_cast<int>(static_cast<unsigned>(moved.day()))};
}

int month_number(std::string_view name) {
  static constexpr std::array<std::string_view, 12> names{"january", "february", "march",     "april",   "may",      "june",
                                                          "july",    "august",   "september", "october", "november", "december"};
  if (name.size() < 3) return 0;
  std::string lower = lower_ascii(name);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].starts_with(lower)) return static_cast<int>(i + 1);
  }
  return lower == "sept" ? 9 : 0;
}

std::optional<std::string> year_first(scanner in) {
  parts p;
  std::optional<int> y = in.number(4, 4);
  if (!y) return std::nullopt;
  p.y = *y;
  char separator = in.peek();
  if (in.empty()) return formatted(p);
  if (separator != '-' && separator != '/' && separator != '.') return std::nullopt;
  in.skip(separator);
  std::optional<int> m = in.number(1, 2);
  if (!m || *m == 0) return std::nullopt;
  p.m = *m;
  if (in.empty()) return formatted(p);
  if (!in.skip(separator)) return std::nullopt;
  std::optional<int> d = in.number(1, 2);
  if (!d || *d == 0) return std::nullopt;
  p.d = *d;
  if (in.empty()) return formatted(p);
  if (!in.skip('T') && !in.skip('t') && !in.skip(' ')) return std::nullopt;
  apply_time(in, p);
  return formatted(p);
}

std::optional<std::string> day_first(scanner in) {
  std::optional<int> d = in.number(1, 2);
  if (!d || !in.skip('.')) return std::nullopt;
  std::optional<int> m = in.number(1, 2);
  if (!m || !in.skip('.')) return std::nullopt;
  std::optional<int> y = in.number(4, 4);
  if (!y || !in.empty() || *d == 0 || *m == 0) return std::nullopt;
  return formatted({*y, *m, *d});
}

std::optional<std::string> pdf_form(scanner in) {
  in.skip('D');
  in.skip(':');
  parts p;
  std::optional<int> y = in.exactly(4);
  if (!y) return std::nullopt;
  p.y = *y;
  if (std::optional<int> m = in.exactly(2); m && *m != 0) {
    p.m = *m;
    if (std::optional<int> d = in.exactly(2)) p.d = *d;
  }
  return formatted(p);
}

// "March 2019", "12 March 2019", "Mar 12th, 2019".
std::optional<std::string> with_month_name(scanner in) {
  parts p;
  constexpr std::string_view gaps = " ,.-/";
  while (!in.empty()) {
    in.skip_any(gaps);
    if (in.empty()) break;
    if (is_letter(in.peek())) {
      int m = month_number(in.word());
      if (m == 0 || p.m != 0) return std::nullopt;
      p.m = m;
    } else if (std::optional<int> n = in.number(4, 4)) {
      if (p.y != 0) return std::nullopt;
      p.y = *n;
    } else if (std::optional<int> n2 = in.number(1, 2)) {
      if (p.d != 0 || *n2 == 0) return std::nullopt;
      p.d = *n2;
      if (is_letter(in.peek())) {
        std::string ordinal = lower_ascii(in.word());
        if (ordinal != "st" && ordinal != "nd" && ordinal != "rd" && ordinal != "th") return std::nullopt;
      }
    } else {
      return std::nullopt;
    }
  }
  if (p.y == 0 || p.m == 0) return std::nullopt;
  return formatted(p);
}

bool isbn_13_ok(std::string_view d) {
  if (!d.starts_with("978") && !d.starts_with("979")) return false;
  int sum = 0;
  for (std::size_t i = 0; i < 13; ++i) sum += (d[i] - '0') * (i % 2 == 0 ? 1 : 3);
  return sum % 10 == 0;
}

bool isbn_10_ok(std::string_view d) {
  int sum = 0;
  for (int i = 0; i < 10; ++i) {
    char c = d[static_cast<std::size_t>(i)];
    if (c == 'X' && i != 9) return false;
    sum += (c == 'X' ? 10 : c - '0') * (10 - i);
  }
  return sum % 11 == 0;
}

std::string isbn_13_of(std::string_view isbn_10) {
  std::string out = "978" + std::string(isbn_10.substr(0, 9));
  int sum = 0;
  for (std::size_t i = 0; i < 12; ++i) sum += (out[i] - '0') * (i % 2 == 0 ? 1 : 3);
  return out + static_cast<char>('0' + (10 - sum % 10) % 10);
}

std::string isbn_10_of(std::string_view isbn_13) {
  if (!isbn_13.starts_with("978")) return {};
  std::string out(isbn_13.substr(3, 9));
  int sum = 0;
  for (int i = 0; i < 9; ++i) sum += (out[static_cast<std::size_t>(i)] - '0') * (10 - i);
  int check = (11 - sum % 11) % 11;
  return out + (check == 10 ? 'X' : static_cast<char>('0' + check));
}

std::string_view without_label(std::string_view s) {
  for (std::string_view label : {"urn:isbn:", "isbn-13", "isbn-10", "isbn13", "isbn10", "isbn"}) {
    if (s.size() >= label.size() && equal_ascii_case(s.substr(0, label.size()), label)) {
      s.remove_prefix(label.size());
      while (!s.empty() && (s.front() == ':' || s.front() == ' ' || s.front() == '=')) s.remove_prefix(1);
      break;
    }
  }
  return s;
}

}  // namespace

std::optional<std::string> date(std::string_view in) {
  std::string_view s = trim(in);
  if (s.empty() || s.size() > 64) return std::nullopt;
  if (s.starts_with("D:")) return pdf_form(scanner(s));
  if (auto found = year_first(scanner(s))) return found;
  if (auto found = day_first(scanner(s))) return found;
  return with_month_name(scanner(s));
}

std::optional<isbn> parse_isbn(std::string_view in) {
  std::string digits;
  std::string_view s = without_label(trim(in));
  for (std::size_t i = 0; i < s.size(); ++i) {
    char c = s[i];
    if (is_digit(c)) {
      digits += c;
    } else if (c == 'x' || c == 'X') {
      digits += 'X';
    } else if (c == '-' || c == ' ') {
      continue;
    } else if (s.substr(i).starts_with("\xc2\xa0")) {  // no-break space
      i += 1;
    } else if (s.substr(i).starts_with("\xe2\x80\x90") || s.substr(i).starts_with("\xe2\x80\x91") ||
               s.substr(i).starts_with("\xe2\x80\x93")) {  // hyphens and en dash
      i += 2;
    } else {
      return std::nullopt;
    }
    if (digits.size() > 13) return std::nullopt;
  }
  if (digits.size() == 10 && isbn_10_ok(digits)) return isbn{isbn_13_of(digits), digits};
  if (digits.size() == 13 && digits.find('X') == std::string::npos && isbn_13_ok(digits)) return isbn{digits, isbn_10_of(digits)};
  return std::nullopt;
}

std::optional<double> series_number(std::string_view s) {
  constexpr double largest = 99'999;  // what is larger is a date or another number
  s = trim(s);
  std::size_t n = 0, points = 0;
  while (n < s.size() && ((s[n] >= '0' && s[n] <= '9') || (s[n] == '.' && n > 0 && points == 0))) points += s[n++] == '.';
  if (n < s.size() && s[n] != '.') return std::nullopt;
  if (n > 0 && s[n - 1] == '.') --n;
  if (n == 0 || n > 12) return std::nullopt;
  std::optional<double> found = to_double(s.substr(0, n));
  return found && *found <= largest ? found : std::nullopt;
}

}  // namespace carrel::publication
