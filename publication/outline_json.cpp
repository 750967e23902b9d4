#include <algorithm>

#include "publication/outline.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t longest_path = 4096, most_items = 60'000, most_toc = 10'000, most_toc_bytes = 2U << 20;
constexpr std::int64_t largest = 1LL << 45, most_pages = 100'000, longest_side = 100'000;
const refusal broken{"inspection_crash", "outline"};

json::array json_of(const std::vector<outline_item>& items) {
  json::array out;
  out.reserve(items.size());
  for (const outline_item& i : items) out.push_back(json::array{i.path, i.type, i.place, i.packed, i.width, i.height});
  return out;
}

// Every fault of the sender ends here.
struct bad {};

std::string text_in(const json::value& v, std::size_t most) {
  const std::string* text = v.as_text();
  if (text == nullptr || text->size() > most || text->find('\0') != std::string::npos) throw bad{};
  return *text;
}

std::int64_t number_in(const json::value& v, std::int64_t most) {
  std::optional<std::int64_t> n = v.as_number() ? to_integer(v.as_number()->text) : std::nullopt;
  if (!n || *n < 0 || *n > most) throw bad{};
  return *n;
}

const json::array& array_in(const json::object& in, std::string_view name, std::size_t most) {
  const json::value* v = in.find(name);
  if (v == nullptr || v->as_array() == nullptr || v->as_array()->size() > most) throw bad{};
  return *v->as_array();
}

const json::array& row_in(const json::value& v, std::size_t size) {
  if (v.as_array() == nullptr || v.as_array()->size() != size) throw bad{};
  return *v.as_array();
}

// Only what this program itself writes into that place.
std::string type_in(const json::value& v) {
  std::string type = text_in(v, 100);
  bool known = type.empty() || type == "image/jxl" || type == "image/bmp" || type == "application/octet-stream" ||
               served_type(type, "") == type;
  if (!known) throw bad{};
  return type;
}

std::vector<outline_item> items_in(const json::object& in, std::string_view name) {
  std::vector<outline_item> out;
  for (const json::value& v : array_in(in, name, most_items)) {
    const json::array& row = row_in(v, 6);
    out.push_back({.path = text_in(row[0], longest_path),
                   .type = type_in(row[1]),
                   .place = static_cast<std::uint64_t>(number_in(row[2], largest)),
                   .packed = static_cast<std::uint64_t>(number_in(row[3], largest)),
                   .width = static_cast<int>(number_in(row[4], longest_side)),
                   .height = static_cast<int>(number_in(row[5], longest_side))});
  }
  return out;
}

std::vector<toc_entry> toc_in(const json::object& in) {
  std::vector<toc_entry> out;
  for (const json::value& v : array_in(in, "toc", most_toc)) {
    const json::array& row = row_in(v, 3);
    out.push_back({text_in(row[0], longest_path), text_in(row[1], longest_path), static_cast<int>(number_in(row[2], 1000))});
  }
  return out;
}

outline outline_in(const json::object& in) {
  outline out;
  std::string reading;
  std::int64_t pages = 0;
  bool whole = in.take("format", out.format) && in.take("cover", out.cover) && in.take("reading", reading) &&
               in.take("fixed", out.fixed_layout) && in.take("pages", pages);
  if (!whole || find_kind(out.format) == nullptr || out.cover.size() > longest_path || pages < 0 || pages > most_pages)
    throw bad{};
  out.pages = static_cast<int>(pages);
  out.reading = reading == "rtl" ? direction::rtl : reading == "ltr" ? direction::ltr : direction::unknown;
  out.order = items_in(in, "order");
  out.resources = items_in(in, "resources");
  out.toc = toc_in(in);
  return out;
}

}  // namespace

std::string to_json(const outline& o) {
  json::array toc;
  std::size_t bytes = 0;
  for (const toc_entry& e : o.toc) {
    bytes += e.title.size() + e.href.size();
    if (toc.size() >= most_toc || bytes > most_toc_bytes) break;
    toc.push_back(json::array{e.title, e.href, e.depth});
  }
  std::string_view reading = o.reading == direction::rtl ? "rtl" : o.reading == direction::ltr ? "ltr" : "";
  return json::dump(json::object{{"format", o.format},
                                 {"pages", o.pages},
                                 {"reading", reading},
                                 {"fixed", o.fixed_layout},
                                 {"cover", o.cover},
                                 {"order", json_of(o.order)},
                                 {"resources", json_of(o.resources)},
                                 {"toc", std::move(toc)}});
}

result<outline, refusal> outline_from_json(std::string_view text) {
  if (text.size() > longest_outline) return broken;
  result<json::object> in = json::read_object(text);
  if (!in) return broken;
  try {
    return outline_in(*in);
  } catch (const bad&) {
    return broken;
  }
}

}  // namespace carrel::publication
