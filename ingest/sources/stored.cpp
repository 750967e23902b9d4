#include "ingest/sources/stored.hpp"

#include <limits>

namespace carrel::ingest::sources {
namespace {

std::optional<int> whole(const json::object& o, std::string_view name) {
  std::int64_t n = 0;
  bool good = o.take(name, n) && n > 0 && n <= std::numeric_limits<int>::max();
  return good ? std::optional(static_cast<int>(n)) : std::nullopt;
}

std::vector<record_series> series_from(const json::value* v) {
  std::vector<record_series> out;
  if (v == nullptr || v->as_array() == nullptr) return out;
  for (const json::value& item : *v->as_array()) {
    record_series one;
    const json::object* o = item.as_object();
    if (o == nullptr || !o->take("name", one.name) || one.name.empty()) continue;
    if (double position = 0; o->take("position", position)) one.position = position;
    o->take("position_text", one.position_text);
    o->take("primary", one.primary);
    out.push_back(std::move(one));
  }
  return out;
}

record_cover cover_from(const json::value* v) {
  record_cover out;
  const json::object* o = v != nullptr ? v->as_object() : nullptr;
  if (o == nullptr) return out;
  o->take("url", out.url);
  out.width = whole(*o, "width").value_or(0);
  out.height = whole(*o, "height").value_or(0);
  return out;
}

}  // namespace

record record_from(const json::object& n) {
  record out;
  n.take("title", out.title);
  n.take("subtitle", out.subtitle);
  n.take("authors", out.authors);
  n.take("narrators", out.narrators);
  out.series = series_from(n.find("series"));
  n.take("publisher", out.publisher);
  n.take("published_date", out.published_date);
  out.published_year = whole(n, "published_year");
  n.take("language", out.language);
  n.take("isbn_10", out.isbn_10);
  n.take("isbn_13", out.isbn_13);
  n.take("asin", out.asin);
  if (const json::value* v = n.find("identifiers"); v != nullptr && v->as_object() != nullptr) {
    for (const auto& [scheme, value] : v->as_object()->members()) {
      if (value.as_text() != nullptr && !value.as_text()->empty()) out.identifiers.emplace_back(scheme, *value.as_text());
    }
  }
  n.take("description", out.description);
  out.page_count = whole(n, "page_count");
  n.take("genres", out.genres);
  n.take("tags", out.tags);
  out.cover = cover_from(n.find("cover"));
  return out;
}

score score_from(double confidence, const json::object& detail) {
  score out{.confidence = confidence, .detail = detail};
  std::string number;
  detail.take("identifier", number);
  if (number == "same") out.identifier = identity::same;
  if (number == "recycled") out.identifier = identity::recycled;
  if (number == "different") out.identifier = identity::different;
  return out;
}

}  // namespace carrel::ingest::sources
