#include "kobo/resources.hpp"

#include <map>

#include "server/core/json.hpp"

namespace carrel::kobo {
namespace {

std::string expanded(std::string_view value, std::string_view base) {
  if (value.starts_with("S/")) return std::string(base) + std::string(value.substr(1));
  if (value.starts_with("K/")) return "https://www.kobo.com" + std::string(value.substr(1));
  return std::string(value);
}

// Where the device must not follow Kobo's own spelling of a path (5, rule 2).
std::map<std::string, std::string> own_addresses(const std::string& base, std::string_view origin) {
  std::string library = base + "/v1/library/", tag = library + "tags/{TagId}";
  return {{"image_host", base + "/covers/"},
          {"image_url_template", base + "/covers/{ImageId}/{Width}/{Height}/false/image.jpg"},
          {"image_url_quality_template", base + "/covers/{ImageId}/{Width}/{Height}/{Quality}/{IsGreyscale}/image.jpg"},
          {"library_sync", library + "sync"},
          {"library_metadata", library + "{Ids}/metadata"},
          {"reading_state", library + "{Ids}/state"},
          {"library_book", base + "/v1/user/library/books/{LibraryItemId}"},
          {"delete_entitlement", library + "{Ids}"},
          {"tags", library + "tags"},
          {"tag_items", tag + "/Items"},
          {"delete_tag", tag},
          {"rename_tag", tag},
          {"delete_tag_items", tag + "/items/delete"},
          {"oauth_host", base + "/oauth"},
          {"reading_services_host", std::string(origin)},
          {"notebooks", base + "/api/internal/notebooks"}};
}

json::object free_books() {
  static constexpr std::string_view root = "https://www.kobo.com/{region}/{language}/";
  json::object out;
  for (auto [language, page] :
       {std::pair{"EN", "p/free-ebooks"}, std::pair{"FR", "p/livres-gratuits"}, std::pair{"IT", "p/libri-gratuiti"},
        std::pair{"NL", "List/bekijk-het-overzicht-van-gratis-ebooks/QpkkVWnUw8sxmgjSlCbJRg"},
        std::pair{"PT", "p/livros-gratis"}}) {
    out.set(language, std::string(root) + page);
  }
  return out;
}

}  // namespace

std::string initialization_json(std::string_view base, std::string_view origin, std::string_view accounts) {
  std::map<std::string, std::string> texts = own_addresses(std::string(base), origin);
  if (!accounts.empty()) texts["oauth_host"] = accounts;
  for (const resource& r : store_resources) texts.try_emplace(std::string(r.key), expanded(r.value, base));
  json::object all;
  for (auto& [key, value] : texts) all.set(key, std::move(value));
  all.set("blackstone_header", json::object{{"key", "x-amz-request-payer"}, {"value", "requester"}});
  all.set("free_books_page", free_books());
  return json::dump(json::object{{"Resources", std::move(all)}});
}

}  // namespace carrel::kobo
