#include "ingest/sources/record.hpp"

namespace carrel::ingest::sources {
namespace {

void set_text(json::object& out, const char* name, const std::string& s) {
  if (!s.empty()) out.set(name, s);
}

template <class T>
void set_known(json::object& out, const char* name, const std::optional<T>& v) {
  if (v) out.set(name, *v);
}

void set_list(json::object& out, const char* name, const std::vector<std::string>& list) {
  if (!list.empty()) out.set(name, list);
}

json::array series_json(const std::vector<record_series>& list) {
  json::array out;
  for (const record_series& s : list) {
    json::object one{{"name", s.name}, {"position", s.position}};
    set_text(one, "position_text", s.position_text);
    if (s.total) one.set("total", *s.total);
    one.set("primary", s.primary);
    out.emplace_back(std::move(one));
  }
  return out;
}

json::array people_json(const std::vector<record_person>& people) {
  json::array out;
  for (const record_person& p : people) out.emplace_back(json::object{{"name", p.name}, {"role", p.role}});
  return out;
}

json::object cover_json(const record_cover& c) {
  json::object out{{"url", c.url}};
  if (c.width > 0) out.set("width", c.width);
  if (c.height > 0) out.set("height", c.height);
  set_list(out, "others", c.others);
  return out;
}

}  // namespace

json::object record::normalized() const {
  json::object out;
  set_text(out, "title", title);
  set_text(out, "subtitle", subtitle);
  set_list(out, "authors", authors);
  set_text(out, "author_sort", author_sort);
  set_list(out, "narrators", narrators);
  if (!contributors.empty()) out.set("contributors", people_json(contributors));
  if (!series.empty()) out.set("series", series_json(series));
  set_text(out, "publisher", publisher);
  set_text(out, "published_date", published_date);
  set_known(out, "published_year", published_year);
  set_known(out, "original_year", original_year);
  set_text(out, "language", language);
  set_text(out, "isbn_10", isbn_10);
  set_text(out, "isbn_13", isbn_13);
  set_text(out, "asin", asin);
  json::object schemes;
  for (const auto& [scheme, value] : identifiers) schemes.set(scheme, value);
  if (!schemes.empty()) out.set("identifiers", std::move(schemes));
  set_text(out, "description", description);
  set_known(out, "page_count", page_count);
  set_known(out, "duration_seconds", duration_seconds);
  set_known(out, "abridged", abridged);
  set_list(out, "genres", genres);
  set_list(out, "tags", tags);
  set_list(out, "moods", moods);
  set_known(out, "rating", rating);
  set_known(out, "ratings_count", ratings_count);
  if (!cover.url.empty()) out.set("cover", cover_json(cover));
  set_text(out, "url", url);
  set_known(out, "explicit", explicit_content);
  return out;
}

}  // namespace carrel::ingest::sources
