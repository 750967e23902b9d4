#include "web/pages/library_details.hpp"

#include <algorithm>

#include "server/core/text.hpp"
#include "web/pages/parts.hpp"
#include "web/pages/table.hpp"

namespace carrel::web {
namespace {

constexpr std::array usual_days{7, 30, 365};

query_pairs missing_options(const visit& v) {
  query_pairs out{{"", v.say.text("filter.missing.any")}};
  for (const char* field : library::missing_fields) out.emplace_back(field, v.say.text(std::string("filter.missing.") + field));
  return out;
}

// An address may name any number of days; the form keeps it.
query_pairs added_options(const visit& v, const library::filter& f) {
  query_pairs out{{"", v.say.text("filter.added.any")}};
  for (int days : usual_days) out.emplace_back(std::to_string(days), v.say.count("filter.added.days", days));
  bool unusual = f.added_days > 0 && std::find(usual_days.begin(), usual_days.end(), f.added_days) == usual_days.end();
  if (unusual) out.emplace_back(std::to_string(f.added_days), v.say.count("filter.added.days", f.added_days));
  return out;
}

query_pairs device_options(const visit& v, const std::vector<library::device>& devices) {
  query_pairs out;
  for (const library::device& d : devices) {
    out.emplace_back("on." + d.id.text(), v.say.say("filter.device.on", {{"name", d.name}}));
    out.emplace_back("off." + d.id.text(), v.say.say("filter.device.off", {{"name", d.name}}));
  }
  if (!out.empty()) out.insert(out.begin(), {"", v.say.text("filter.device.any")});
  return out;
}

std::string device_words(const visit& v, const library::filter& f, const std::vector<library::device>& devices) {
  auto at = std::find_if(devices.begin(), devices.end(), [&](const library::device& d) { return f.device == d.id; });
  std::string name = at == devices.end() ? v.say.text("filter.unknown") : at->name;
  return v.say.say(f.on_device ? "filter.device.on" : "filter.device.off", {{"name", name}});
}

std::string detail_words(const visit& v, const library::filter& f, const std::string& name,
                         const std::vector<library::device>& devices) {
  if (name == "missing") return v.say.text("filter.missing." + f.missing);
  if (name == "added") return v.say.count("filter.added.days", f.added_days);
  if (name == "device") return device_words(v, f, devices);
  return v.say.say("filter." + name + ".chip", {{"name", library::detail_of(f, name)}});
}

}  // namespace

void fill_details(const visit& v, const library::filter& f, const std::vector<library::device>& devices, view& out) {
  out.set("filter_publisher", f.publisher).set("filter_from", library::detail_of(f, "year_from"));
  out.set("filter_to", library::detail_of(f, "year_to")).set("missing_offered", options(missing_options(v), f.missing));
  out.set("added_offered", options(added_options(v, f), library::detail_of(f, "added")));
  out.set("devices_offered", options(device_options(v, devices), library::detail_of(f, "device")));
}

std::vector<view> detail_chips(const visit& v, const library::filter& f, const std::vector<library::device>& devices) {
  std::vector<view> out;
  for (const char* name : library::detail_names) {
    if (library::detail_of(f, name).empty()) continue;
    view chip;
    chip.set("without", query_with(v.c.in, name, "")).set("chip_label", detail_words(v, f, name, devices));
    out.push_back(chip);
  }
  return out;
}

}  // namespace carrel::web
