// Finding and reading the package document (ingest.md 9.1, 9.6).

#include <algorithm>

#include "publication/epub.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::string_view package_type = "application/oebps-package+xml";

void check_mimetype(archive& zip, std::vector<warning>& warnings) {
  constexpr std::string_view expected = "application/epub+zip";
  const archive_entry* e = zip.find("mimetype");
  if (e == nullptr) return warn(warnings, "epub_mimetype", "the mimetype entry is missing");
  if (e->index != 0) return warn(warnings, "epub_mimetype", "the mimetype entry is not the first");
  if (e->method != 0) return warn(warnings, "epub_mimetype", "the mimetype entry is compressed");
  result<std::string, refusal> text = zip.read(*e, 1024, "archive_entry_too_large");
  if (!text || *text != expected) warn(warnings, "epub_mimetype", "the mimetype entry has another content");
}

const archive_entry* find_package_entry(const archive& zip, const std::string& path, std::vector<warning>& warnings) {
  if (const archive_entry* e = zip.find(path)) return e;
  if (auto plain = percent_decode(path)) {
    if (const archive_entry* e = zip.find(*plain)) return e;
  }
  if (path.starts_with('/')) {
    if (const archive_entry* e = zip.find(path.substr(1))) return e;
  }
  const archive_entry* e = zip.find_without_case(path);
  if (e != nullptr) warn(warnings, "epub_missing_resource", path);
  return e;
}

const archive_entry* only_package(const archive& zip) {
  const archive_entry* found = nullptr;
  for (const archive_entry& e : zip.entries()) {
    if (e.name.size() < 5 || lower_ascii(e.name.substr(e.name.size() - 4)) != ".opf") continue;
    if (found != nullptr && found->name != e.name) return nullptr;
    if (found == nullptr) found = &e;
  }
  return found;
}

// The entry that container.xml names; null when the container is missing or useless.
result<const archive_entry*, refusal> from_container(archive& zip, const limits& limit, std::vector<warning>& warnings) {
  const archive_entry* none = nullptr;
  const archive_entry* container = zip.find("META-INF/container.xml");
  if (container == nullptr) return none;
  if (container->duplicate) return refusal{"archive_duplicate_entry", container->name};
  result<std::string, refusal> bytes = zip.read(*container, limit.container_xml, "xml_too_large");
  if (!bytes) {
    if (bytes.error().code != "archive_symlink" && bytes.error().code != "archive_entry_damaged") return bytes.error();
    warn(warnings, bytes.error().code, bytes.error().detail);
    return none;
  }
  result<xml_tree, refusal> tree = parse_package_xml(*bytes, limit.xml_depth, warnings);
  if (!tree) return tree.error();
  pugi::xml_node root = (*tree)->document_element();
  if (!equal_ascii_case(local_name(root), "container")) return none;
  for (pugi::xml_node file : child(root, "rootfiles").children()) {
    if (!equal_ascii_case(local_name(file), "rootfile")) continue;
    std::string type = attribute(file, "media-type"), path = attribute(file, "full-path");
    if (path.empty() || (!type.empty() && !equal_ascii_case(trim(type), package_type))) continue;
    if (const archive_entry* e = find_package_entry(zip, path, warnings)) return e;
  }
  return none;
}

pugi::xml_node package_child(const pugi::xml_node& root, std::string_view name) {
  for (pugi::xml_node c : root.children()) {
    if (is_package_element(c, name)) return c;
  }
  return child(root, name);
}

// Among the elements that are its siblings, from 1; 0 of nothing.
std::size_t position_of(pugi::xml_node element) {
  std::size_t out = 0;
  for (; element; element = element.previous_sibling()) {
    if (element.type() == pugi::node_element) ++out;
  }
  return out;
}

void read_manifest(const archive& zip, epub_package& p, std::vector<warning>& warnings) {
  for (pugi::xml_node node : package_child(p.root, "manifest").children()) {
    if (node.type() != pugi::node_element || !equal_ascii_case(local_name(node), "item")) continue;
    manifest_item item;
    item.id = attribute(node, "id");
    item.href = attribute(node, "href");
    std::string type = attribute(node, "media-type");
    item.media_type = lower_ascii(trim(std::string_view(type).substr(0, type.find(';'))));  // without parameters
    item.properties = attribute(node, "properties");
    found_entry found = look_up(zip, p.folder, item.href);
    item.entry = found.entry;
    item.outside = found.outside;
    item.other_case = found.other_case;
    if (found.outside) warn(warnings, "href_outside_container");
    if (found.other_case) warn(warnings, "epub_missing_resource", item.href);
    p.by_id.emplace(item.id, p.items.size());
    p.items.push_back(std::move(item));
  }
}

}  // namespace

const manifest_item* epub_package::item(const std::string& id) const {
  auto found = by_id.find(id);
  return found == by_id.end() ? nullptr : &items[found->second];
}

found_entry look_up(const archive& zip, std::string_view folder, std::string_view href) {
  if (trim(href).empty()) return {};
  std::optional<std::string> name = resolve_href(folder, href);
  if (!name) return {.outside = true};
  if (name->empty()) return {};
  if (const archive_entry* e = zip.find(*name)) return {e};
  // An entry may carry the escapes in its own name.
  if (std::optional<std::string> raw = resolve_href(folder, href, false); raw && *raw != *name) {
    if (const archive_entry* e = zip.find(*raw)) return {e};
  }
  if (const archive_entry* e = zip.find_close(*name)) return {e};
  const archive_entry* e = zip.find_without_case(*name);
  return {.entry = e, .other_case = e != nullptr};
}

result<epub_package, refusal> read_package(archive& zip, const limits& limit, std::vector<warning>& warnings) {
  check_mimetype(zip, warnings);
  if (const archive_entry* e = zip.find("mimetype"); e != nullptr && e->duplicate)
    return refusal{"archive_duplicate_entry", e->name};

  result<const archive_entry*, refusal> named = from_container(zip, limit, warnings);
  if (!named) return named.error();
  const archive_entry* entry = *named;
  if (entry == nullptr) {
    entry = only_package(zip);
    if (entry == nullptr) return refusal{"epub_no_package", ""};
    warn(warnings, "epub_no_container", "META-INF/container.xml names no package document");
  }
  if (entry->duplicate) return refusal{"archive_duplicate_entry", clean_text(entry->name, 200)};

  result<std::string, refusal> bytes = zip.read(*entry, limit.package_xml, "xml_too_large");
  if (!bytes) return bytes.error().code == "archive_symlink" ? refusal{"epub_no_package", bytes.error().detail} : bytes.error();
  result<xml_tree, refusal> tree = parse_package_xml(*bytes, limit.xml_depth, warnings, {"metadata", "manifest"});
  if (!tree) return tree.error().code.empty() ? refusal{"epub_bad_package", tree.error().detail} : tree.error();

  epub_package p;
  p.path = entry->name;
  p.folder = folder_of(p.path);
  p.tree = std::move(*tree);
  p.root = p.tree->document_element();
  if (!equal_ascii_case(local_name(p.root), "package")) return refusal{"epub_bad_package", ""};
  pugi::xml_node manifest = package_child(p.root, "manifest");
  if (!manifest) return refusal{"epub_bad_package", ""};

  auto count = [](const pugi::xml_node& node) {
    return static_cast<std::uint64_t>(std::distance(node.children().begin(), node.children().end()));
  };
  pugi::xml_node spine = package_child(p.root, "spine");
  // White space between items counts as nodes, too; twice the limit is then still far from it.
  if (count(manifest) > 2 * limit.manifest_items + 1 || count(spine) > 2 * limit.spine_items + 1) {
    return refusal{"epub_bad_package", "too many items"};
  }
  read_manifest(zip, p, warnings);
  if (p.items.size() > limit.manifest_items) return refusal{"epub_bad_package", "too many items"};

  p.spine_position = position_of(spine);
  std::size_t position = 0;
  for (pugi::xml_node ref : spine.children()) {
    if (ref.type() != pugi::node_element) continue;
    ++position;
    if (!equal_ascii_case(local_name(ref), "itemref")) continue;
    std::string id = attribute(ref, "idref");
    const manifest_item* item = p.item(id);
    if (item != nullptr) p.references.push_back({.item = item, .position = position, .id = attribute(ref, "id")});
    if (item == nullptr || (item->entry == nullptr && !item->outside)) {
      warn(warnings, "epub_missing_resource", item == nullptr ? id : item->href);
    }
    if (item == nullptr || item->entry == nullptr) continue;
    if (item->entry->duplicate) return refusal{"archive_duplicate_entry", clean_text(item->entry->name, 200)};
    p.spine.push_back({item, attribute(ref, "properties")});
  }
  if (p.spine.size() > limit.spine_items) return refusal{"epub_bad_package", "too many items"};
  if (p.spine.empty()) return refusal{"epub_no_spine", ""};

  for (const archive_entry& e : zip.entries()) {
    if (e.duplicate) warn(warnings, "archive_duplicate_entry", e.name);
  }
  return p;
}

}  // namespace carrel::publication
