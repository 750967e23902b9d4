#include "opds/progression_document.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "server/core/text.hpp"
#include "server/db/timestamp.hpp"

namespace carrel::opds {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t longest_id = 255, longest_name = 255, longest_text = 1000, longest_reference = 2000, most_references = 50;
constexpr milliseconds ahead = std::chrono::minutes(5);  // opds.md 11.4
constexpr instant oldest{std::chrono::sys_days{std::chrono::year{2020} / 1 / 1}};

error missing(const char* what) { return {what, "missing"}; }
error wrong(const char* what) { return {what, "not what it has to be"}; }

bool is_plain(std::string_view s) { return s.find('\0') == std::string_view::npos; }

// Absent is "", of another type is wrong.
bool take_text(const json::object& in, std::string_view name, std::size_t most, std::string& out) {
  const json::value* v = in.find(name);
  if (v == nullptr || v->is_null()) return true;
  if (v->as_text() == nullptr || !is_plain(*v->as_text())) return false;
  out = std::string(cut_utf8(*v->as_text(), most));
  return true;
}

bool take_fraction(const json::object& in, std::string_view name, std::optional<double>& out) {
  const json::value* v = in.find(name);
  if (v == nullptr || v->is_null()) return true;
  double d = 0;
  if (!in.take(name, d) || !(d >= 0 && d <= 1)) return false;
  out = d;
  return true;
}

bool take_texts(const json::object& in, std::string_view name, std::vector<std::string>& out) {
  const json::value* v = in.find(name);
  if (v == nullptr || v->is_null()) return true;
  if (v->as_array() == nullptr || v->as_array()->size() > most_references) return false;
  for (const json::value& item : *v->as_array()) {
    const std::string* text = item.as_text();
    if (text == nullptr || !is_plain(*text) || text->size() > longest_reference) return false;
    out.push_back(*text);
  }
  return true;
}

std::optional<error> take_moment(const json::object& in, instant now, instant& out) {
  std::string text;
  if (!in.take("modified", text)) return missing("modified");
  std::optional<instant> at = parse_moment(text);
  if (!at) return error{"modified", "not a date and time with its zone"};
  bool believed = *at >= oldest && *at <= now + ahead;
  out = believed ? *at : std::chrono::floor<milliseconds>(now);
  return std::nullopt;
}

std::optional<error> take_device(const json::object& in, app_device& out) {
  const json::value* v = in.find("device");
  const json::object* device = v == nullptr ? nullptr : v->as_object();
  if (device == nullptr) return missing("device");
  if (!device->take("id", out.id) || out.id.empty() || count_code_points(out.id) > longest_id || !is_plain(out.id))
    return wrong("device.id");
  if (!take_text(*device, "name", longest_name, out.name) || out.name.empty()) return wrong("device.name");
  return std::nullopt;
}

const json::object* object_in(const json::object& in, std::string_view name) {
  const json::value* v = in.find(name);
  return v == nullptr ? nullptr : v->as_object();
}

bool take_locations(const json::object& in, locator_document& out) {
  if (!take_fraction(in, "progression", out.progression) || !take_fraction(in, "totalProgression", out.total_progression) ||
      !take_texts(in, "fragments", out.fragments))
    return false;
  const json::value* v = in.find("position");
  if (v == nullptr || v->is_null()) return true;
  std::int64_t position = 0;
  if (!in.take("position", position)) return false;
  out.position = position;
  return true;
}

bool take_words(const json::object& in, locator_document& out) {
  return take_text(in, "before", longest_text, out.before) && take_text(in, "highlight", longest_text, out.highlight) &&
         take_text(in, "after", longest_text, out.after);
}

json::object device_json(const app_device& d) { return {{"id", d.id}, {"name", d.name}}; }

}  // namespace

std::string milliseconds_text(instant at) {
  auto rest = (at - std::chrono::floor<std::chrono::seconds>(at)) / milliseconds(1);
  char text[8];
  std::snprintf(text, sizeof text, ".%03dZ", static_cast<int>(rest));
  std::string out = rfc3339(at);
  out.pop_back();
  return out + text;
}

std::optional<instant> parse_moment(std::string_view given) {
  // The form of PostgreSQL differs by the T and the Z.
  std::string text(trim(given));
  if (text.size() < 20 || text.size() > 40 || (text[10] != 'T' && text[10] != 't' && text[10] != ' ')) return std::nullopt;
  text[10] = ' ';
  if (text.back() == 'Z' || text.back() == 'z') text.replace(text.size() - 1, 1, "+00");
  auto two = [&](std::size_t at) { return to_integer(std::string_view(text).substr(at, 2)).value_or(99); };
  if (two(11) > 23 || two(14) > 59 || two(17) > 60) return std::nullopt;
  std::size_t zone = text.find_first_of("+-", 19);
  if (zone == std::string::npos) return std::nullopt;
  if (text.size() == zone + 5) text.insert(zone + 3, 1, ':');  // +0200
  std::optional<instant> at = db::parse_timestamp(text);
  if (!at || *at == instant::max() || *at == instant::min()) return std::nullopt;
  return std::chrono::floor<milliseconds>(*at);
}

std::optional<double> number_in_fragment(const std::vector<std::string>& fragments, std::string_view name) {
  for (std::string_view f : fragments) {
    f.remove_prefix(f.rfind('#') == std::string_view::npos ? 0 : f.rfind('#') + 1);
    if (!f.starts_with(name) || f.substr(name.size(), 1) != "=") continue;
    std::optional<double> n = to_double(f.substr(name.size() + 1));
    if (n && *n >= 0 && *n < 1e9) return n;
  }
  return std::nullopt;
}

result<progression_document> read_progression(std::string_view body, instant now) {
  result<json::object> in = json::read_object(body);
  if (!in) return in.error();
  progression_document out;
  if (std::optional<error> bad = take_moment(*in, now, out.modified)) return *bad;
  if (std::optional<error> bad = take_device(*in, out.device)) return *bad;
  std::optional<double> progression;
  if (!take_fraction(*in, "progression", progression)) return error{"progression", "not between 0 and 1"};
  if (!progression) return missing("progression");
  out.progression = *progression;
  if (!take_text(*in, "title", longest_text, out.title)) return wrong("title");
  // Older drafts called them refs.
  const char* name = in->find("references") != nullptr ? "references" : "refs";
  if (!take_texts(*in, name, out.references)) return wrong(name);
  return out;
}

result<locator_document> read_locator(std::string_view body, instant now) {
  result<json::object> in = json::read_object(body);
  if (!in) return in.error();
  locator_document out;
  if (std::optional<error> bad = take_moment(*in, now, out.modified)) return *bad;
  if (std::optional<error> bad = take_device(*in, out.device)) return *bad;
  const json::object* locator = object_in(*in, "locator");
  if (locator == nullptr) return missing("locator");
  bool named = locator->take("href", out.href) && !out.href.empty() && out.href.size() <= longest_reference && is_plain(out.href);
  if (!named) return missing("locator.href");
  if (!take_text(*locator, "type", longest_text, out.type)) return wrong("locator.type");
  if (!take_text(*locator, "title", longest_text, out.title)) return wrong("locator.title");
  const json::value* where = locator->find("locations");
  if (where != nullptr && !where->is_null() && (where->as_object() == nullptr || !take_locations(*where->as_object(), out)))
    return wrong("locator.locations");
  const json::value* words = locator->find("text");
  if (words != nullptr && !words->is_null() && (words->as_object() == nullptr || !take_words(*words->as_object(), out)))
    return wrong("locator.text");
  return out;
}

json::object to_json(const progression_document& d) {
  json::object out;
  if (!d.title.empty()) out.set("title", d.title);
  out.set("modified", milliseconds_text(d.modified)).set("device", device_json(d.device)).set("progression", d.progression);
  if (!d.references.empty()) out.set("references", d.references);
  return out;
}

json::object to_json(const locator_document& d) {
  json::object at;
  if (!d.fragments.empty()) at.set("fragments", d.fragments);
  if (d.progression) at.set("progression", *d.progression);
  if (d.position) at.set("position", *d.position);
  if (d.total_progression) at.set("totalProgression", *d.total_progression);
  json::object locator{{"href", d.href}, {"type", d.type}};
  if (!d.title.empty()) locator.set("title", d.title);
  locator.set("locations", std::move(at));
  json::object words;
  if (!d.before.empty()) words.set("before", d.before);
  if (!d.highlight.empty()) words.set("highlight", d.highlight);
  if (!d.after.empty()) words.set("after", d.after);
  if (!words.empty()) locator.set("text", std::move(words));
  return {{"modified", milliseconds_text(d.modified)}, {"device", device_json(d.device)}, {"locator", std::move(locator)}};
}

}  // namespace carrel::opds
