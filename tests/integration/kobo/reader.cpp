#include "tests/integration/kobo/reader.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

namespace carrel::kobo::tests {
namespace {

const json::object& part(const json::object& o, std::string_view name) {
  const json::value* v = o.find(name);
  INFO(name << " in " << json::dump(o));
  REQUIRE(v != nullptr);
  REQUIRE(v->as_object() != nullptr);
  return *v->as_object();
}

std::string text(const json::object& o, std::string_view name) {
  std::string out;
  INFO(name << " in " << json::dump(o));
  REQUIRE(o.take(name, out));
  return out;
}

shown_book book_of(const json::object& metadata, const std::string& base) {
  const json::value* urls = metadata.find("DownloadUrls");
  REQUIRE(urls != nullptr);
  REQUIRE(urls->as_array()->size() == 1);
  const json::object& url = *urls->as_array()->front().as_object();
  shown_book out{.title = text(metadata, "Title"), .size = 0};
  REQUIRE(url.take("Size", out.size));
  REQUIRE(text(url, "Url").starts_with(base));
  return out;
}

// The newer one wins.
void hear(std::string& position, const json::object& item) {
  position = std::max(position, text(part(item, "ReadingState"), "PriorityTimestamp"));
}

}  // namespace

json::array items_of(const std::string& body) {
  result<json::value, json::failure> v = json::parse(body);
  REQUIRE(v);
  REQUIRE(v->as_array() != nullptr);
  for (const json::value& item : *v->as_array()) {
    REQUIRE(item.as_object() != nullptr);
    REQUIRE(item.as_object()->size() == 1);
  }
  return *v->as_array();
}

std::string kind_of(const json::value& item) { return item.as_object()->members().front().first; }

bool is_sample(const json::value& item) {
  if (kind_of(item) != "ChangedEntitlement") return false;
  const json::object& inside = *item.as_object()->members().front().second.as_object();
  return text(part(inside, "BookEntitlement"), "Accessibility") == "Preview";
}

std::string id_of(const json::value& item) {
  std::string kind = kind_of(item);
  const json::object& inside = *item.as_object()->members().front().second.as_object();
  if (kind.ends_with("Tag")) return text(part(inside, "Tag"), "Id");
  if (kind == "ChangedReadingState") return text(part(inside, "ReadingState"), "EntitlementId");
  return text(part(inside, "BookEntitlement"), "Id");
}

void check_once(const json::array& items) {
  std::map<std::string, std::vector<std::string>> said;
  for (const json::value& item : items) said[id_of(item)].push_back(kind_of(item));
  for (auto& [id, kinds] : said) {
    if (kinds.size() > 1 && kinds.back() == "ChangedReadingState") kinds.pop_back();
    bool file = kinds == std::vector<std::string>{"NewEntitlement", "ChangedProductMetadata"};
    CHECK((kinds.size() == 1 || file));
  }
}

void reader::remove(const std::string& id) {
  library.erase(id);
  files.erase(id);
  positions.erase(id);
  for (auto& [tag, content] : tags) content.second.erase(id);
}

void reader::apply(const json::value& item) {
  std::string kind = kind_of(item), id = id_of(item);
  const json::object& inside = *item.as_object()->members().front().second.as_object();
  if (kind == "DeletedTag") {
    tags.erase(id);
  } else if (kind == "NewTag" || kind == "ChangedTag") {
    const json::object& tag = part(inside, "Tag");
    std::set<std::string> books;
    for (const json::value& v : *tag.find("Items")->as_array()) {
      std::string book = text(*v.as_object(), "RevisionId");
      if (library.contains(book)) books.insert(book);
    }
    tags[id] = {text(tag, "Name"), std::move(books)};
  } else if (kind == "ChangedReadingState") {
    if (library.contains(id)) hear(positions[id], inside);
  } else if (kind == "NewEntitlement" || kind == "ChangedEntitlement") {
    bool removed = false;
    REQUIRE(part(inside, "BookEntitlement").take("IsRemoved", removed));
    if (removed) return remove(id);
    if (is_sample(item)) {  // its file is no longer the whole book
      files.erase(id);
      if (library.contains(id)) library[id] = book_of(part(inside, "BookMetadata"), base);
      return;
    }
    REQUIRE(kind == "NewEntitlement");
    library[id] = book_of(part(inside, "BookMetadata"), base);
    met.insert(id);
    if (auto file = files.find(id); file != files.end()) {
      if (file->second == library[id].size) ++lost_downloads;
      files.erase(file);
    }
    hear(positions[id], inside);
  } else {
    REQUIRE(kind == "ChangedProductMetadata");
    if (library.contains(id)) library[id] = book_of(part(inside, "BookMetadata"), base);
  }
}

void reader::download() {
  for (const auto& [id, book] : library) files[id] = book.size;
}

std::string reader::next_token(const std::string& shown, const std::string& got) const {
  if (keeps == token_use::none) return "";
  return keeps == token_use::pinned ? shown : got;
}

}  // namespace carrel::kobo::tests
