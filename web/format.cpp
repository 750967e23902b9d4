#include "web/format.hpp"

#include <unicode/dtptngen.h>
#include <unicode/locid.h>
#include <unicode/smpdtfmt.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "server/core/text.hpp"

namespace carrel::web {
namespace {

// Cloth colours of books that have no cover; the same book always gets the same.
int tone_of(const uuid& id) { return id.bytes[15] % 6; }

std::string one_decimal(const messages& say, double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 9.95 ? "%.1f" : "%.0f", value);
  std::string out = text;
  std::size_t dot = out.find('.');
  if (dot != std::string::npos) out.replace(dot, 1, say.text("number.decimal"));
  return out;
}

std::string exact(instant at) {
  std::string text = rfc3339(at);  // 2026-05-04T09:12:33Z
  return text.substr(0, 10) + " " + text.substr(11, 5) + " UTC";
}

icu::Locale locale_of(const messages& say) { return icu::Locale::createCanonical(say.language().c_str()); }

}  // namespace

std::string language_name(const messages& say, const std::string& tag) {
  UErrorCode failed = U_ZERO_ERROR;
  icu::Locale named = icu::Locale::forLanguageTag(tag, failed);
  if (U_FAILURE(failed) || named.isBogus() || named.getLanguage()[0] == '\0') return tag;
  icu::UnicodeString text;
  named.getDisplayName(locale_of(say), text);
  std::string out;
  return text.isEmpty() ? tag : text.toUTF8String(out);
}

std::string languages_text(const messages& say, const std::vector<std::string>& tags) {
  std::vector<std::string> names;
  names.reserve(tags.size());
  for (const std::string& tag : tags) names.push_back(language_name(say, tag));
  return join(names, say.text("list.comma") + " ");
}

// Month and day are shown as far as they are known; what is no date stays as it is.
std::string date_text(const messages& say, const std::string& published) {
  std::vector<std::string> parts = split(published, '-');
  std::vector<std::int64_t> numbers;
  numbers.reserve(parts.size());
  for (const std::string& p : parts) numbers.push_back(to_integer(p).value_or(0));
  bool usual = (numbers.size() == 2 || numbers.size() == 3) && parts[0].size() == 4 && numbers[1] >= 1 && numbers[1] <= 12;
  if (!usual || (numbers.size() == 3 && (numbers[2] < 1 || numbers[2] > 31))) return published;
  bool has_day = numbers.size() == 3;
  UErrorCode failed = U_ZERO_ERROR;
  icu::Locale locale = locale_of(say);
  std::unique_ptr<icu::DateTimePatternGenerator> patterns(icu::DateTimePatternGenerator::createInstance(locale, failed));
  if (U_FAILURE(failed)) return published;
  icu::SimpleDateFormat format(patterns->getBestPattern(has_day ? u"yMMMMd" : u"yMMMM", failed), locale, failed);
  if (U_FAILURE(failed)) return published;
  using namespace std::chrono;
  year_month_day day{year{static_cast<int>(numbers[0])}, month{static_cast<unsigned>(numbers[1])},
                     std::chrono::day{has_day ? static_cast<unsigned>(numbers[2]) : 1U}};
  if (!day.ok()) return published;
  format.adoptTimeZone(icu::TimeZone::createTimeZone("UTC"));
  icu::UnicodeString text;
  format.format(static_cast<UDate>(duration_cast<milliseconds>(sys_days{day}.time_since_epoch()).count()), text);
  std::string out;
  return text.toUTF8String(out);
}

std::string ago(const messages& say, instant at) {
  constexpr std::int64_t day = 86400, month = 30 * day, year = 365 * day;
  std::int64_t seconds = std::max<std::int64_t>(0, unix_seconds(now()) - unix_seconds(at));
  if (seconds < 45) return say.text("time.now");
  if (seconds < 3570) return say.count("time.minutes", std::max<std::int64_t>(1, (seconds + 30) / 60));
  if (seconds < day) return say.count("time.hours", (seconds + 1800) / 3600);
  if (seconds < month) return say.count("time.days", seconds / day);
  if (seconds < year) return say.count("time.months", seconds / month);
  return say.count("time.years", seconds / year);
}

view moment(const messages& say, instant at) {
  view v;
  v.set("iso", rfc3339(at)).set("words", ago(say, at)).set("exact", exact(at));
  return v;
}

view moment(const messages& say, const std::optional<instant>& at, view& into, const std::string& name) {
  if (at) {
    into.set(name, moment(say, *at));
  } else {
    into.set(name, false);
  }
  return into;
}

std::string length_text(const messages& say, std::int64_t milliseconds) {
  std::int64_t minutes = std::max<std::int64_t>(1, (milliseconds + 30'000) / 60'000);
  std::string hours = say.number(minutes / 60), rest = say.number(minutes % 60);
  if (minutes < 60) return say.say("length.minutes", {{"minutes", rest}});
  return say.say("length.hours", {{"hours", hours}, {"minutes", rest}});
}

std::string size_text(const messages& say, std::int64_t bytes) {
  double size = static_cast<double>(bytes);
  if (size < 1000) return say.count("size.bytes", bytes);
  for (const char* unit : {"size.kb", "size.mb", "size.gb"}) {
    size /= 1000;
    if (size < 999.5 || unit == std::string_view("size.gb")) {
      std::string shown = one_decimal(say, size);
      return say.say(unit, {{"n", shown}});
    }
  }
  return {};
}

std::string percent_text(const messages& say, double fraction) {
  std::string shown = say.number(std::lround(std::clamp(fraction, 0.0, 1.0) * 100));
  return say.say("number.percent", {{"n", shown}});
}

std::string format_name(const messages& say, const library::book_file& f) {
  std::string name;
  for (char c : f.format) name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return f.is_kepub ? say.say("format.kepub", {{"name", name}}) : name;
}

std::string index_text(const library::book& b) {
  if (!b.series_index_text.empty() || !b.series_index) return b.series_index_text;
  return shortest(*b.series_index);
}

std::string names_of(const messages& say, const std::vector<library::person>& people) {
  std::vector<std::string> names;
  names.reserve(people.size());
  for (const library::person& p : people) names.push_back(p.name);
  return join(names, say.text("list.comma") + " ");
}

std::string refusal_text(const messages& say, const std::string& code) {
  return say.has("code." + code) ? say.text("code." + code) : say.text("errata.no_detail");
}

std::string detail_text(const messages& say, const std::string& detail) {
  static constexpr std::pair<std::string_view, std::string_view> whole[] = {
      {"all parts together", "detail.all_parts"},
      {"this looks like a web page", "detail.web_page"},
      {"a picture", "detail.picture"},
      {"a video", "detail.video"},
      {"this is an Adobe download ticket, not a book", "detail.ticket"},
      {"a rich text document", "detail.rtf"},
      {"an Office document", "detail.office"},
      {"a KFX book of a Kindle", "detail.kfx"},
      {"a DjVu document", "detail.djvu"},
      {"a Topaz book of an old Kindle", "detail.topaz"},
      {"a Microsoft Reader (LIT) book", "detail.lit"},
      {"unpack this archive first", "detail.unpack"},
      {"an archive without a book", "detail.no_book"},
      {"memory", "detail.memory"},
      {"processor time", "detail.time"},
      {"folder or device", "detail.folder"},
      {"link or device", "detail.link"},
      {"its table of contents does not fit in memory", "detail.contents"},
      {"sizes add up to more than is possible", "detail.sizes"},
      {"too many items", "detail.items"},
      {"it changed while it was read", "detail.changed"},
      {"reading failed", "detail.reading"},
      {"there is no such file", "detail.no_file"},
  };
  for (const auto& [english, key] : whole) {
    if (detail == english) return say.text(key);
  }
  std::string_view text = detail, more = "more than ", parts = " parts", mib = " MiB", limit = "; the limit is ";
  if (text.ends_with(parts)) {
    std::optional<std::int64_t> n = to_integer(text.substr(0, text.size() - parts.size()));
    if (n) return say.say("detail.parts", {{"n", say.number(*n)}});
  }
  if (text.starts_with(more) && text.ends_with(mib) && text.size() > more.size() + mib.size()) {
    std::optional<std::int64_t> n = to_integer(text.substr(more.size(), text.size() - more.size() - mib.size()));
    if (n) return say.say("detail.more_than_mib", {{"n", say.number(*n)}});
  }
  if (std::size_t at = text.find(limit); text.ends_with(" GiB") && at != text.npos) {
    return say.say("detail.limit", {{"size", text.substr(0, at)}, {"limit", text.substr(at + limit.size())}});
  }
  return detail;
}

view card(const messages& say, const library::book& b) {
  view v;
  v.set("id", b.id.text()).set("title", b.title).set("author", names_of(say, b.authors)).set("tone", tone_of(b.id));
  v.set("cover", b.cover ? b.cover->version() : "");
  v.set("series", b.series).set("series_index", index_text(b));
  v.set("waits", b.status != "organized").set("status", b.status == "organized" ? "" : say.text("status." + b.status));
  v.set("progress", "").set("percent", "");
  std::vector<std::string> formats;
  for (const library::book_file& f : b.files) {
    std::string name = format_name(say, f);
    if (std::find(formats.begin(), formats.end(), name) == formats.end()) formats.push_back(name);
  }
  v.set("formats", join(formats, say.text("list.comma") + " "));
  v.set("language", languages_text(say, b.languages));
  v.set("added", moment(say, b.created_at));
  return v;
}

std::vector<view> cards(const messages& say, const std::vector<library::book>& books) {
  std::vector<view> out;
  out.reserve(books.size());
  for (const library::book& b : books) out.push_back(card(say, b));
  return out;
}

}  // namespace carrel::web
