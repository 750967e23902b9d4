// Copy protection (ingest.md 9.9) and the display options of other shops (9.3 fixed_layout).

#include <algorithm>
#include <unordered_set>

#include "publication/epub.hpp"
#include "publication/recognise.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::string_view font_obfuscation[] = {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"};

xml_tree read_meta_inf(archive& zip, std::string_view name, const limits& limit) {
  const archive_entry* e = zip.find(name);
  if (e == nullptr) return nullptr;
  result<std::string, refusal> bytes = zip.read(*e, limit.package_xml, "xml_too_large");
  if (!bytes) return nullptr;
  std::vector<warning> ignored;
  result<xml_tree, refusal> tree = parse_package_xml(*bytes, limit.xml_depth, ignored);
  return tree ? std::move(*tree) : nullptr;
}

bool matters(const epub_package& package, const archive_entry& e) {
  if (e.name == package.path || is_image_name(e.name)) return true;
  for (const spine_item& s : package.spine) {
    if (s.item->entry == &e) return true;
  }
  return std::any_of(package.items.begin(), package.items.end(), [&](const manifest_item& i) {
    return i.entry == &e &&
           (has_token(i.properties, "nav") || i.media_type == "application/x-dtbncx+xml" || i.media_type.starts_with("image/"));
  });
}

std::string kind_of_protection(archive& zip, const limits& limit) {
  if (zip.find("META-INF/license.lcpl") != nullptr) return "lcp";
  if (zip.find("META-INF/sinf.xml") != nullptr) return "apple";
  if (zip.find("META-INF/rights.xml") == nullptr) return "unknown";
  xml_tree rights = read_meta_inf(zip, "META-INF/rights.xml", limit);
  return rights && local_name(rights->document_element()) == "kdrm" ? "kobo" : "adept";
}

}  // namespace

std::string find_drm(archive& zip, const epub_package& package, const limits& limit, std::vector<warning>& warnings) {
  const archive_entry* listed = zip.find("META-INF/encryption.xml");
  if (listed == nullptr) return {};
  xml_tree tree = read_meta_inf(zip, "META-INF/encryption.xml", limit);
  if (!tree) {
    warn(warnings, "archive_entry_damaged", listed->name);
    return {};
  }
  std::size_t checked = 0;
  std::unordered_set<const archive_entry*> seen;
  for (pugi::xml_node at = tree->first_child(); at; at = next_node(at, *tree)) {
    if (local_name(at) != "EncryptedData") continue;
    if (++checked > limit.entries) break;
    std::string algorithm = attribute(first_descendant(at, "EncryptionMethod"), "Algorithm");
    if (std::find(std::begin(font_obfuscation), std::end(font_obfuscation), algorithm) != std::end(font_obfuscation)) continue;
    // The URI counts from the root of the container.
    found_entry found = look_up(zip, "", attribute(first_descendant(at, "CipherReference"), "URI"));
    if (found.entry == nullptr || !seen.insert(found.entry).second || !matters(package, *found.entry)) continue;
    std::string kind = kind_of_protection(zip, limit);
    warn(warnings, "drm_protected", kind);
    return kind;
  }
  return {};
}

bool displays_fixed_layout(archive& zip, const limits& limit) {
  for (std::string_view name : {"META-INF/com.apple.ibooks.display-options.xml", "META-INF/com.kobobooks.display-options.xml"}) {
    xml_tree tree = read_meta_inf(zip, name, limit);
    if (!tree) continue;
    for (pugi::xml_node at = tree->first_child(); at; at = next_node(at, *tree)) {
      if (local_name(at) == "option" && attribute(at, "name") == "fixed-layout" && lower_ascii(trim(text_of(at, 100))) == "true")
        return true;
    }
  }
  return false;
}

}  // namespace carrel::publication
