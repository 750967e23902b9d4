#include "server/commands/book_fields.hpp"

#include "server/core/text.hpp"

namespace carrel::commands {

bool is_list_field(std::string_view field) {
  return field == "authors" || field == "languages" || field == "genres" || field == "tags";
}

std::vector<std::string> list_given(const std::string& text) {
  std::vector<std::string> items = split(text, ';');
  std::erase_if(items, [](const std::string& item) { return trim(item).empty(); });
  return items;
}

json::value value_given(const std::string& field, const std::string& text) {
  if (is_list_field(field)) return list_given(text);
  if (field == "series") {
    if (text.empty()) return nullptr;
    std::size_t mark = text.rfind(" #");
    std::optional<double> index = mark == text.npos ? std::nullopt : to_double(text.substr(mark + 2));
    return json::object{{"name", index ? text.substr(0, mark) : text}, {"index", index}};
  }
  if (field == "page_count" || field == "age_rating") return text.empty() ? json::value() : json::value(json::number{text});
  if (field != "identifiers") return text;
  result<json::object> o = json::read_object(text);
  if (!o) throw stop(usage, "identifiers expects a JSON object such as {\"isbn_13\":\"9780000000019\"}");
  return *o;
}

}  // namespace carrel::commands
