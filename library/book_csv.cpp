#include "library/book_csv.hpp"

#include <algorithm>
#include <array>

#include "library/catalog_lists.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr std::array texts{"title", "subtitle", "title_sort", "publisher", "published", "description"};
constexpr std::array lists{"authors", "languages", "genres", "tags"};

template <class Items>
bool holds(const Items& items, std::string_view name) {
  return std::any_of(items.begin(), items.end(), [&](const char* item) { return name == item; });
}

std::string number_text(const book& b) { return b.series_index ? shortest(*b.series_index) : ""; }

json::value number_value(std::string_view cell) {
  if (cell.empty()) return nullptr;
  std::string text(cell);
  std::replace(text.begin(), text.end(), ',', '.');
  return to_double(text) ? json::value(json::number{text}) : json::value(text);
}

// A line that ends early says nothing about the columns that it does not reach.
bool reaches(const publication::csv_columns& columns, const publication::csv_row& row, std::string_view name) {
  auto at = std::find(columns.names().begin(), columns.names().end(), name) - columns.names().begin();
  return static_cast<std::size_t>(at) < row.fields.size();
}

json::value series_value(const publication::csv_columns& columns, const publication::csv_row& row) {
  std::string_view name = columns.of(row, "series");
  if (name.empty()) return nullptr;
  json::object out{{"name", std::string(name)}};
  if (columns.has("series_index") && reaches(columns, row, "series_index"))
    out.set("index", number_value(columns.of(row, "series_index")));
  return out;
}

json::value identifiers_value(std::string_view cell) {
  json::object out;
  for (const std::string& item : csv_items(cell)) {
    std::size_t colon = item.find(':');
    if (colon == std::string::npos) return std::string(cell);  // no object: refused with its reason
    out.set(lower_ascii(trim(std::string_view(item).substr(0, colon))),
            std::string(trim(std::string_view(item).substr(colon + 1))));
  }
  return out;
}

json::value value_of(const std::string& name, std::string_view cell) {
  if (name == "identifiers") return identifiers_value(cell);
  if (name == "page_count") return number_value(cell);
  if (holds(lists, name)) return csv_items(cell);
  return std::string(cell);
}

bool is_field(std::string_view name) {
  return holds(texts, name) || holds(lists, name) || name == "series" || name == "identifiers" || name == "page_count";
}

}  // namespace

std::string csv_list(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) {
    if (!out.empty()) out += "; ";
    for (char c : item) {
      if (c == ';' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

std::vector<std::string> csv_items(std::string_view cell) {
  std::vector<std::string> out;
  std::string item;
  auto end = [&] {
    std::string_view plain = trim(item);
    if (!plain.empty()) out.emplace_back(plain);
    item.clear();
  };
  for (std::size_t i = 0; i < cell.size(); ++i) {
    bool escape = cell[i] == '\\' && i + 1 < cell.size() && (cell[i + 1] == ';' || cell[i + 1] == '\\');
    if (cell[i] == ';' && !escape) {
      end();
    } else {
      item += cell[escape ? ++i : i];
    }
  }
  end();
  return out;
}

const std::vector<std::string>& csv_book_columns() {
  static const std::vector<std::string> all{"id",        "title",        "subtitle",  "title_sort",  "authors",
                                            "series",    "series_index", "languages", "identifiers", "publisher",
                                            "published", "genres",       "tags",      "page_count",  "description",
                                            "formats",   "status",       "added",     "locked"};
  return all;
}

std::vector<std::string> csv_book_cells(const book& b) {
  std::vector<std::string> authors, tags, identifiers, formats;
  for (const person& p : b.authors) authors.push_back(p.name);
  for (const tag& t : b.tags) tags.push_back(t.name);
  for (const auto& [scheme, value] : b.identifiers) identifiers.push_back(scheme + ":" + value);
  for (const book_file& f : b.files) formats.push_back(f.format);
  return {b.id.text(),
          b.title,
          b.subtitle,
          b.title_sort,
          csv_list(authors),
          b.series,
          number_text(b),
          csv_list(b.languages),
          csv_list(identifiers),
          b.publisher,
          b.published_on,
          csv_list(b.genres),
          csv_list(tags),
          b.page_count ? std::to_string(*b.page_count) : "",
          b.description,
          csv_list(formats),
          b.status,
          rfc3339(b.created_at),
          csv_list(b.locked_fields)};
}

std::vector<book> csv_books(db::tx& tx, const uuid& viewer, const filter& f, const uuid& after, int limit) {
  return load_books(tx, viewer, matching_ids(tx, viewer, f, after, limit));
}

std::optional<std::string> refused_columns(const publication::csv_columns& columns) {
  if (!columns.has("id")) return "no_id";
  bool any = std::any_of(columns.names().begin(), columns.names().end(), is_field);
  if (columns.has("series_index") && !columns.has("series")) return "series_index";
  return any ? std::nullopt : std::optional<std::string>("no_fields");
}

result<csv_line> csv_book_line(const publication::csv_columns& columns, const publication::csv_row& row) {
  std::optional<uuid> id = uuid::parse(columns.of(row, "id"));
  if (!id) return error{"id", "is none"};
  csv_line out{.book = *id, .wanted = {}};
  for (const std::string& name : columns.names()) {
    if (!reaches(columns, row, name)) continue;
    if (name == "series")
      out.wanted.set(name, series_value(columns, row));
    else if (is_field(name))
      out.wanted.set(name, value_of(name, columns.of(row, name)));
  }
  return out;
}

}  // namespace carrel::library
