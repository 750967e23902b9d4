#include "library/catalog_details.hpp"

#include <algorithm>

#include "library/storable.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr int last_year = 9999, most_days = 36'500;
constexpr std::size_t longest_publisher = 200;

bool set_number(int& into, const std::string& value, int most) {
  if (value.empty()) {
    into = 0;
    return true;
  }
  std::optional<std::int64_t> n = to_integer(value);
  if (!n || *n < 1 || *n > most) return false;
  into = static_cast<int>(*n);
  return true;
}

bool set_missing(filter& f, const std::string& value) {
  bool known = std::find(missing_fields.begin(), missing_fields.end(), value) != missing_fields.end();
  if (!value.empty() && !known) return false;
  f.missing = value;
  return true;
}

bool set_device(filter& f, std::string_view value) {
  f.device.reset();
  if (value.empty()) return true;
  std::size_t dot = value.find('.');
  std::string_view how = value.substr(0, dot);
  if (dot == std::string_view::npos || (how != "on" && how != "off")) return false;
  f.device = uuid::parse(value.substr(dot + 1));
  f.on_device = how == "on";
  return f.device.has_value();
}

bool set_publisher(filter& f, const std::string& value) {
  std::string name(trim(value));
  if (name.size() > longest_publisher || !storable(name)) return false;
  f.publisher = name;
  return true;
}

std::string number_or_nothing(int n) { return n > 0 ? std::to_string(n) : std::string(); }

}  // namespace

bool set_detail(filter& f, std::string_view name, const std::string& value) {
  if (name == "publisher") return set_publisher(f, value);
  if (name == "year_from") return set_number(f.year_from, value, last_year);
  if (name == "year_to") return set_number(f.year_to, value, last_year);
  if (name == "missing") return set_missing(f, value);
  if (name == "added") return set_number(f.added_days, value, most_days);
  return name == "device" && set_device(f, value);
}

std::string detail_of(const filter& f, std::string_view name) {
  if (name == "publisher") return f.publisher;
  if (name == "year_from") return number_or_nothing(f.year_from);
  if (name == "year_to") return number_or_nothing(f.year_to);
  if (name == "missing") return f.missing;
  if (name == "added") return number_or_nothing(f.added_days);
  return f.device ? (f.on_device ? "on." : "off.") + f.device->text() : std::string();
}

bool has_details(const filter& f) {
  return std::any_of(detail_names.begin(), detail_names.end(), [&](const char* name) { return !detail_of(f, name).empty(); });
}

}  // namespace carrel::library
