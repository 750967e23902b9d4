#include "publication/calibre/moment.hpp"

#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::calibre {

std::optional<instant> moment(const std::string& text) {
  using namespace std::chrono;
  std::optional<std::string> day = date(text);  // in UTC, as long as it is not midnight
  if (!day || day->size() != 10 || text.size() < 19) return std::nullopt;
  auto number = [&](std::size_t from, std::size_t size) { return to_integer(text.substr(from, size)).value_or(-1); };
  std::int64_t y = number(0, 4), mo = number(5, 2), d = number(8, 2), h = number(11, 2), mi = number(14, 2), s = number(17, 2);
  year_month_day given = year(static_cast<int>(y)) / static_cast<int>(mo) / static_cast<int>(d);
  if (!given.ok() || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60) return std::nullopt;
  instant out = sys_days(given) + hours(h) + minutes(mi) + seconds(s);
  std::size_t zone = text.find_first_of("+-", 19);
  if (zone != std::string::npos && text.size() >= zone + 6) {
    std::int64_t zh = number(zone + 1, 2), zm = number(zone + 4, 2);
    if (zh < 0 || zh > 24 || zm < 0 || zm > 59) return std::nullopt;
    out += (text[zone] == '-' ? 1 : -1) * minutes(zh * 60 + zm);
  }
  if (out < instant{} || out > now()) return std::nullopt;
  return out;
}

}  // namespace carrel::publication::calibre
