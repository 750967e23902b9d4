#include "publication/corrected.hpp"

#include <algorithm>

#include "server/core/json.hpp"

namespace carrel::publication {
namespace {

json::array people_json(const std::vector<person>& people) {
  json::array out;
  for (const person& p : people) out.push_back(json::array{p.name, p.sort, p.role});
  return out;
}

std::optional<std::vector<std::string>> texts_in(const json::value& v) {
  if (v.as_array() == nullptr) return std::nullopt;
  std::vector<std::string> out;
  for (const json::value& one : *v.as_array()) {
    if (one.as_text() == nullptr) return std::nullopt;
    out.push_back(*one.as_text());
  }
  return out;
}

// Rows of a number of texts each.
template <class F>
bool take_rows(const json::object& in, std::string_view name, std::size_t width, F add) {
  const json::value* v = in.find(name);
  if (v == nullptr || v->as_array() == nullptr) return false;
  for (const json::value& row : *v->as_array()) {
    std::optional<std::vector<std::string>> parts = texts_in(row);
    if (!parts || parts->size() != width) return false;
    add(*parts);
  }
  return true;
}

}  // namespace

bool corrected::clears(std::string_view field) const { return std::find(cleared.begin(), cleared.end(), field) != cleared.end(); }

std::string to_json(const corrected& c) {
  json::object out;
  out.set("title", c.title).set("subtitle", c.subtitle).set("title_sort", c.title_sort);
  out.set("authors", people_json(c.authors)).set("contributors", people_json(c.contributors)).set("series", c.series);
  if (c.series_index) out.set("series_index", *c.series_index);
  out.set("languages", c.languages).set("publisher", c.publisher).set("published_on", c.published_on);
  out.set("description", c.description).set("subjects", c.subjects);
  json::array identifiers;
  for (const auto& [scheme, value] : c.identifiers) identifiers.push_back(json::array{scheme, value});
  return json::dump(out.set("identifiers", std::move(identifiers)).set("cleared", c.cleared));
}

result<corrected> corrected_from_json(std::string_view text) {
  result<json::object> in = json::read_object(text);
  if (!in) return in.error();
  corrected c;
  auto person_into = [](std::vector<person>& list) {
    return [&list](const std::vector<std::string>& p) { list.push_back({.name = p[0], .sort = p[1], .role = p[2]}); };
  };
  auto identifier = [&](const std::vector<std::string>& p) { c.identifiers.emplace_back(p[0], p[1]); };
  double index = 0;
  if (in->find("series_index") != nullptr && in->take("series_index", index)) c.series_index = index;
  bool good = in->take("title", c.title) && in->take("subtitle", c.subtitle) && in->take("title_sort", c.title_sort) &&
              take_rows(*in, "authors", 3, person_into(c.authors)) &&
              take_rows(*in, "contributors", 3, person_into(c.contributors)) && in->take("series", c.series) &&
              in->take("languages", c.languages) && in->take("publisher", c.publisher) &&
              in->take("published_on", c.published_on) && in->take("description", c.description) &&
              in->take("subjects", c.subjects) && take_rows(*in, "identifiers", 2, identifier) && in->take("cleared", c.cleared);
  return good ? result<corrected>(std::move(c)) : error{"metadata", "not as it was written"};
}

}  // namespace carrel::publication
