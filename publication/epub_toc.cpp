// Table of contents, page list and landmarks (ingest.md 9.7).

#include <algorithm>

#include "publication/content.hpp"
#include "publication/epub.hpp"
#include "publication/field_limits.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr int most_pages = 100'000;
constexpr std::string_view ops_namespace = "http://www.idpf.org/2007/ops";

// epub:type with whatever prefix is bound to the OPS namespace.
std::string epub_type(const pugi::xml_node& n) {
  for (pugi::xml_attribute a : n.attributes()) {
    std::string_view name = a.name();
    std::size_t colon = name.find(':');
    if (colon == std::string_view::npos || name.substr(colon + 1) != "type") continue;
    std::string_view prefix = name.substr(0, colon);
    if (namespace_of_prefix(n, prefix) == ops_namespace || prefix == "epub") return a.value();
  }
  return {};
}

pugi::xml_node nav_of_type(const pugi::xml_node& root, std::string_view type) {
  for (pugi::xml_node at = root.first_child(); at; at = next_node(at, root)) {
    if (at.type() == pugi::node_element && equal_ascii_case(local_name(at), "nav") && has_token(epub_type(at), type)) return at;
  }
  return {};
}

std::string label_of(const pugi::xml_node& n) {
  constexpr std::size_t read = 16 << 10;
  return clean_text(text_of(n, read), longest_toc_label);
}

// The target as a path inside the archive with its fragment; "" when it leads outside, or nowhere.
std::string target(std::string_view folder, std::string_view href) {
  if (href.empty()) return {};  // a heading above others
  std::optional<std::string> path = resolve_href(folder, href);
  if (!path) return {};
  std::size_t hash = href.find('#');
  std::string out = *path + (hash == std::string_view::npos ? std::string() : std::string(href.substr(hash)));
  return out.size() > 2000 ? std::string() : clean_text(out, 2000);
}

bool is(const pugi::xml_node& n, std::string_view name) {
  return n.type() == pugi::node_element && equal_ascii_case(local_name(n), name);
}

// Depth first over nested elements `item` that may be wrapped in others, without recursion.
template <class Visit>
bool walk_entries(const pugi::xml_node& root, std::string_view item, Visit visit) {
  int depth = -1;
  std::size_t seen = 0;
  for (pugi::xml_node at = root.first_child(); at;) {
    bool entry = is(at, item);
    if (entry) {
      if (++seen > most_toc_entries || depth + 1 >= deepest_toc) return false;
      visit(at, depth + 1);
    }
    if (pugi::xml_node below = at.first_child()) {
      depth += entry;
      at = below;
      continue;
    }
    while (at && at != root && !at.next_sibling()) {
      at = at.parent();
      if (at && at != root && is(at, item)) --depth;
    }
    if (!at || at == root) return true;
    at = at.next_sibling();
  }
  return true;
}

bool read_nav_list(const pugi::xml_node& nav, std::string_view folder, std::vector<toc_entry>& out) {
  return walk_entries(nav, "li", [&](const pugi::xml_node& li, int depth) {
    for (pugi::xml_node c : li.children()) {
      if (!is(c, "a") && !is(c, "span")) continue;
      std::string label = label_of(c);
      if (!label.empty()) out.push_back({std::move(label), target(folder, attribute(c, "href")), depth});
      return;
    }
  });
}

bool read_ncx_map(const pugi::xml_node& map, std::string_view folder, std::vector<toc_entry>& out) {
  return walk_entries(map, "navPoint", [&](const pugi::xml_node& point, int depth) {
    std::string label = label_of(child(child(point, "navLabel"), "text"));
    if (!label.empty()) out.push_back({std::move(label), target(folder, attribute(child(point, "content"), "src")), depth});
  });
}

int count_entries(const pugi::xml_node& root, std::string_view item) {
  int n = 0;
  for (pugi::xml_node at = root.first_child(); at; at = next_node(at, root)) n += is(at, item);
  return n;
}

struct toc_reader {
  archive& zip;
  const epub_package& package;
  const limits& limit;
  std::vector<warning>& warnings;
  std::vector<toc_entry> entries;
  int pages = 0;
  std::string cover;

  void complain(std::string_view why) { warn(warnings, "epub_toc", why); }

  std::optional<std::string> read(const manifest_item& item) {
    if (item.entry == nullptr) {
      complain("the table of contents is missing");
      return std::nullopt;
    }
    result<std::string, refusal> bytes = zip.read(*item.entry, limit.package_xml, "xml_too_large");
    if (bytes) return std::move(*bytes);
    complain(bytes.error().code);
    return std::nullopt;
  }

  void read_nav(const manifest_item& item) {
    std::optional<std::string> bytes = read(item);
    if (!bytes) return;
    content_document doc;
    parse_content(*bytes, doc);
    if (!doc.complete) complain("the navigation document cannot be read");
    std::string folder = folder_of(item.entry->name);
    if (pugi::xml_node nav = nav_of_type(doc.tree, "toc"); nav && !read_nav_list(nav, folder, entries))
      complain("too many entries");
    if (pugi::xml_node list = nav_of_type(doc.tree, "page-list")) pages = count_entries(list, "li");
    pugi::xml_node landmarks = nav_of_type(doc.tree, "landmarks");
    for (pugi::xml_node at = landmarks.first_child(); at && cover.empty(); at = next_node(at, landmarks)) {
      if (is(at, "a") && has_token(epub_type(at), "cover")) cover = resolve_href(folder, attribute(at, "href")).value_or("");
    }
  }

  void read_ncx(const manifest_item& item) {
    std::optional<std::string> bytes = read(item);
    if (!bytes) return;
    std::vector<warning> inner;
    result<xml_tree, refusal> tree = parse_package_xml(*bytes, limit.xml_depth, inner, {"navMap"});
    if (!tree) return complain(tree.error().code.empty() ? "the NCX cannot be read" : tree.error().code);
    if (!inner.empty()) complain(inner.front().code);
    pugi::xml_node root = (*tree)->document_element();
    std::string folder = folder_of(item.entry->name);
    if (entries.empty() && !read_ncx_map(child(root, "navMap"), folder, entries)) complain("too many entries");
    if (pages == 0) pages = count_entries(child(root, "pageList"), "pageTarget");
  }
};

}  // namespace

std::vector<toc_entry> read_toc(archive& zip, const epub_package& package, const limits& limit, int& pages_listed,
                                std::string& landmark_cover, std::vector<warning>& warnings) {
  toc_reader r{zip, package, limit, warnings, {}, 0, {}};
  auto nav = std::find_if(package.items.begin(), package.items.end(),
                          [](const manifest_item& i) { return has_token(i.properties, "nav"); });
  if (nav != package.items.end()) r.read_nav(*nav);

  // The NCX is read only for what the navigation document does not give.
  if (r.entries.empty() || nav == package.items.end()) {
    const manifest_item* ncx = package.item(attribute(child(package.root, "spine"), "toc"));
    if (ncx == nullptr) {
      auto typed = std::find_if(package.items.begin(), package.items.end(),
                                [](const manifest_item& i) { return i.media_type == "application/x-dtbncx+xml"; });
      if (typed != package.items.end()) ncx = &*typed;
    }
    if (ncx != nullptr) r.read_ncx(*ncx);
  }
  if (r.pages > most_pages) {
    r.complain("too many pages");
    r.pages = 0;
  }
  pages_listed = r.pages;
  landmark_cover = r.cover;
  return std::move(r.entries);
}

}  // namespace carrel::publication
