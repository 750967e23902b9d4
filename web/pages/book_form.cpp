#include "web/pages/book_form.hpp"

#include <algorithm>

#include "server/core/text.hpp"
#include "web/format.hpp"

namespace carrel::web {
namespace {

// Browsers send \r\n; what is stored has \n.
std::string plain_lines(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

json::object identifiers_value(const std::string& text) {
  json::object out;
  for (const std::string& line : lines_of(text)) {
    std::size_t colon = line.find(':');
    std::string name = lower_ascii(trim(std::string_view(line).substr(0, colon)));
    out.set(name, colon == std::string::npos ? std::string() : std::string(trim(std::string_view(line).substr(colon + 1))));
  }
  return out;
}

}  // namespace

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string& line : split(text, '\n')) {
    std::string_view plain = trim(line);
    if (!plain.empty()) out.emplace_back(plain);
  }
  return out;
}

std::vector<std::string> words_of(std::string_view text, const std::vector<std::string>& now) {
  std::vector<std::string> out, parts = split(text, ',');
  for (std::size_t at = 0; at < parts.size();) {
    std::string word = parts[at];
    std::string longer = word;
    std::size_t end = at + 1;
    for (std::size_t next = end; next < parts.size(); ++next) {
      longer += ", " + parts[next];
      if (std::find(now.begin(), now.end(), longer) == now.end()) continue;
      word = longer;
      end = next + 1;
    }
    if (!word.empty()) out.push_back(std::move(word));
    at = end;
  }
  return out;
}

json::value series_value(const http::form& form) {
  std::string name(trim(form.text("series")));
  if (name.empty()) return nullptr;
  json::object series{{"name", name}};
  std::string index(trim(form.text("series_index")));
  std::replace(index.begin(), index.end(), ',', '.');
  std::optional<double> number = to_double(index);
  if (number) series.set("index", *number);
  if (!number && !index.empty()) series.set("index", index);
  return series;
}

bool unnamed_identifier(const std::string& text) {
  for (const std::string& line : lines_of(text)) {
    std::size_t colon = line.find(':');
    if (colon == std::string::npos || trim(std::string_view(line).substr(0, colon)).empty() || colon > 40) return true;
  }
  return false;
}

json::object changes_of(const http::form& form, const library::book& b) {
  json::object out;
  auto text = [&](const char* name, const std::string& now) {
    std::string value = plain_lines(form.text(name));
    if (form.has(name) && trim(value) != now) out.set(name, std::string(trim(value)));
  };
  text("title", b.title);
  text("subtitle", b.subtitle);
  text("title_sort", b.title_sort);
  text("publisher", b.publisher);
  text("published", b.published_on);
  text("description", b.description);
  std::vector<std::string> authors, tags;
  for (const library::person& p : b.authors) authors.push_back(p.name);
  for (const library::tag& t : b.tags) tags.push_back(t.name);
  auto list = [&](const char* name, const std::vector<std::string>& now, const std::vector<std::string>& value) {
    if (form.has(name) && value != now) out.set(name, value);
  };
  list("authors", authors, lines_of(form.text("authors")));
  list("languages", b.languages, words_of(form.text("languages"), b.languages));
  list("genres", b.genres, words_of(form.text("genres"), b.genres));
  list("tags", tags, words_of(form.text("tags"), tags));
  bool same_series = trim(form.text("series")) == b.series && trim(form.text("series_index")) == index_text(b);
  if (form.has("series") && !same_series) out.set("series", series_value(form));
  json::object known;
  for (const auto& [name, value] : b.identifiers) known.set(name, value);
  json::object identifiers = identifiers_value(form.text("identifiers"));
  if (form.has("identifiers") && json::dump(known) != json::dump(identifiers)) out.set("identifiers", identifiers);
  std::string pages(trim(form.text("page_count")));
  if (form.has("page_count") && pages != (b.page_count ? std::to_string(*b.page_count) : "")) {
    std::optional<std::int64_t> number = to_integer(pages);
    out.set("page_count", number ? json::value(*number) : pages.empty() ? json::value() : json::value(pages));
  }
  return out;
}

std::string form_text(const library::book& b, std::string_view field) {
  if (field == "title") return b.title;
  if (field == "subtitle") return b.subtitle;
  if (field == "title_sort") return b.title_sort;
  if (field == "series") return b.series;
  if (field == "publisher") return b.publisher;
  if (field == "published") return b.published_on;
  if (field == "description") return b.description;
  if (field == "languages") return join(b.languages, ", ");
  if (field == "genres") return join(b.genres, ", ");
  if (field == "page_count") return b.page_count ? std::to_string(*b.page_count) : "";
  std::vector<std::string> items;
  if (field == "tags") {
    for (const library::tag& t : b.tags) items.push_back(t.name);
    return join(items, ", ");
  }
  if (field == "authors") {
    for (const library::person& p : b.authors) items.push_back(p.name);
  } else {
    for (const auto& [name, value] : b.identifiers) items.push_back(name + ": " + value);
  }
  return join(items, "\n");
}

std::string reason_text(const messages& say, const std::string& reason) {
  static constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"is too long", "edit.wrong.long"},
      {"has too many entries", "edit.wrong.many"},
      {"must be an object of texts", "edit.wrong.many"},
      {"must not be empty", "edit.wrong.title"},
      {"index must be a number from 0 to 99999", "edit.wrong.series_index"},
      {"must be language codes such as en or pt-BR", "edit.wrong.languages"},
      {"the ISBN has a wrong check digit or length", "edit.wrong.isbn"},
      {"must be a date such as 2019, 2019-03 or 2019-03-01", "edit.wrong.published"},
      {"must be a whole number from 0 to 1000000", "edit.wrong.page_count"},
  };
  for (const auto& [english, key] : known) {
    if (reason == english) return say.text(key);
  }
  return reason;
}

std::string wrong_words(const visit& v, const std::string& field, const std::string& words) {
  std::string key = "field." + field;
  return v.say.say("edit.wrong", {{"field", v.say.has(key) ? v.say.text(key) : field}, {"reason", words}});
}

}  // namespace carrel::web
