// The cover, in the order of ingest.md 9.5.

#include <algorithm>
#include <array>

#include "publication/content.hpp"
#include "publication/cover.hpp"
#include "publication/epub.hpp"
#include "publication/names.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t most_text_beside_a_cover = 200;
constexpr std::uint64_t largest_cover_page = 128 << 10;  // a longer first document is a chapter: it need not be parsed twice

class finder {
 public:
  finder(archive& zip, const epub_package& package, const limits& limit, std::vector<warning>& warnings)
      : zip_(zip), package_(package), limit_(limit), warnings_(warnings) {}

  std::optional<cover_image> find(const std::string& landmark) {
    if (auto c = by_property()) return c;
    if (auto c = by_meta()) return c;
    if (auto c = by_guide()) return c;
    if (!landmark.empty()) {
      if (auto c = from_document(zip_.find_close(landmark), true)) return c;
    }
    const manifest_item& first = *package_.spine.front().item;
    if (!first.is_document() || first.entry->size <= largest_cover_page) {
      if (auto c = from_item(first)) return c;
    }
    return by_name();
  }

 private:
  bool is_image_item(const manifest_item& i) const {
    return i.media_type.starts_with("image/") && i.media_type != "image/svg+xml";
  }

  std::optional<cover_image> by_property() {
    for (const manifest_item& i : package_.items) {
      if (!has_token(i.properties, "cover-image")) continue;
      if (auto c = from_item(i, true)) return c;
    }
    return std::nullopt;
  }

  std::optional<cover_image> by_meta() {
    pugi::xml_node metadata_node = child(package_.root, "metadata");
    for (pugi::xml_node at = metadata_node.first_child(); at; at = next_node(at, metadata_node)) {
      if (!equal_ascii_case(local_name(at), "meta") || !equal_ascii_case(attribute(at, "name"), "cover")) continue;
      std::string id = attribute(at, "content");
      const manifest_item* item = package_.item(id);
      if (item == nullptr) {
        auto same_href =
            std::find_if(package_.items.begin(), package_.items.end(), [&](const manifest_item& i) { return i.href == id; });
        if (same_href != package_.items.end()) item = &*same_href;
      }
      if (item == nullptr) continue;
      if (auto c = from_item(*item, true)) return c;
    }
    return std::nullopt;
  }

  std::optional<cover_image> by_guide() {
    for (pugi::xml_node reference : child(package_.root, "guide").children()) {
      std::string type = lower_ascii(trim(attribute(reference, "type")));
      if (type != "cover" && type != "other.ms-coverimage-standard" && type != "other.ms-coverimage") continue;
      std::string href = attribute(reference, "href");
      found_entry found = look_up(zip_, package_.folder, href);
      if (found.outside) warn(warnings_, "href_outside_container");
      if (found.entry == nullptr) continue;
      std::optional<cover_image> c =
          is_document(found.entry->name) ? from_document(found.entry, true) : picture(found.entry, true);
      if (c) return c;
    }
    return std::nullopt;
  }

  std::optional<cover_image> by_name() {
    static constexpr std::array<std::string_view, 6> exact{"cover",       "cover-image", "coverimage",
                                                           "cover_image", "front-cover", "frontcover"};
    auto stem = [](const manifest_item& i) { return lower_ascii(file_stem(i.href)); };
    for (std::string_view wanted : exact) {
      for (const manifest_item& i : package_.items) {
        if (!is_image_item(i) || (lower_ascii(i.id) != wanted && stem(i) != wanted)) continue;
        if (auto c = picture(i.entry, false)) return c;
      }
    }
    for (const manifest_item& i : package_.items) {
      if (!is_image_item(i) || (!stem(i).starts_with("cover") && !lower_ascii(i.id).starts_with("cover"))) continue;
      if (auto c = picture(i.entry, false)) return c;
    }
    return std::nullopt;
  }

  bool is_document(std::string_view name) const {
    for (const manifest_item& i : package_.items) {
      if (i.entry != nullptr && i.entry->name == name) return i.is_document();
    }
    std::string extension = file_extension(name);
    return extension == "xhtml" || extension == "html" || extension == "htm";
  }

  // `declared`: the book names this item as its cover, so a fault in it is worth a warning.
  std::optional<cover_image> from_item(const manifest_item& item, bool declared = false) {
    if (item.is_document()) return from_document(item.entry, declared);
    if (item.entry == nullptr) {
      if (declared && !item.outside) warn(warnings_, "cover_missing", item.href);
      return std::nullopt;
    }
    if (!declared && !item.media_type.starts_with("image/")) return std::nullopt;
    return picture(item.entry, declared);
  }

  std::optional<cover_image> from_document(const archive_entry* entry, bool declared) {
    if (entry == nullptr || std::find(documents_.begin(), documents_.end(), entry) != documents_.end()) return std::nullopt;
    documents_.push_back(entry);
    result<std::string, refusal> bytes = zip_.read(*entry, limit_.content_xml, "xml_too_large");
    if (!bytes) return std::nullopt;
    content_document doc;
    parse_content(*bytes, doc);
    pugi::xml_node body = doc.body() ? doc.body() : doc.tree.document_element();
    std::string text;
    append_text(body, text);
    if (count_code_points(collapse_spaces(text)) >= most_text_beside_a_cover) return std::nullopt;
    std::vector<std::string> hrefs;
    append_pictures(body, hrefs);
    if (hrefs.empty()) return std::nullopt;
    found_entry found = look_up(zip_, folder_of(entry->name), hrefs.front());
    if (found.outside) warn(warnings_, "href_outside_container");
    if (declared && found.entry == nullptr && !found.outside) warn(warnings_, "cover_missing", hrefs.front());
    return picture(found.entry, declared);
  }

  std::optional<cover_image> picture(const archive_entry* entry, bool declared) {
    if (entry == nullptr || std::find(refused_.begin(), refused_.end(), entry) != refused_.end()) return std::nullopt;
    result<std::string, refusal> bytes = zip_.read(*entry, limit_.image, "archive_entry_too_large");
    if (!bytes) {
      refused_.push_back(entry);
      bool link = bytes.error().code == "archive_symlink", damaged = bytes.error().code == "archive_entry_damaged";
      warn(warnings_, link || damaged ? bytes.error().code : "cover_unreadable", bytes.error().detail);
      return std::nullopt;
    }
    std::optional<cover_image> cover = usable_cover(std::move(*bytes), entry->name, declared, warnings_);
    if (!cover) refused_.push_back(entry);
    return cover;
  }

  archive& zip_;
  const epub_package& package_;
  const limits& limit_;
  std::vector<warning>& warnings_;
  std::vector<const archive_entry*> documents_, refused_;
};

}  // namespace

std::optional<cover_image> find_cover(archive& zip, const epub_package& package, const std::string& landmark_cover,
                                      const limits& limit, std::vector<warning>& warnings) {
  return finder(zip, package, limit, warnings).find(landmark_cover);
}

}  // namespace carrel::publication
