#include "publication/sidecar.hpp"

#include <algorithm>
#include <array>

#include "publication/calibre/moment.hpp"
#include "publication/file_bytes.hpp"
#include "publication/open.hpp"
#include "publication/opf.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::array<std::string_view, 4> picture_extensions{"jpg", "jpeg", "png", "webp"};
constexpr std::array<std::string_view, 4> picture_stems{"cover", "folder", "poster", "front"};
constexpr std::size_t most_metas = 10'000;

// 15.4: cover, the book's own name, folder, poster, front; then by extension.
std::optional<sidecar_name> picture_of(const std::string& stem, const std::string& extension, const std::string& book) {
  auto e = std::find(picture_extensions.begin(), picture_extensions.end(), extension);
  if (e == picture_extensions.end()) return std::nullopt;
  auto s = std::find(picture_stems.begin(), picture_stems.end(), stem);
  bool own = stem == book;
  if (!own && s == picture_stems.end()) return std::nullopt;
  int place = own ? 1 : s == picture_stems.begin() ? 0 : static_cast<int>(s - picture_stems.begin()) + 1;
  return sidecar_name{.kind = sidecar::picture, .own = own, .rank = place * 4 + static_cast<int>(e - picture_extensions.begin())};
}

// The name of a file in the same folder; nothing of a path that leads elsewhere.
std::string cover_of(const pugi::xml_node& package) {
  for (const pugi::xml_node& n : child(package, "guide").children()) {
    if (!equal_ascii_case(local_name(n), "reference") || !equal_ascii_case(trim(attribute(n, "type")), "cover")) continue;
    std::string href = percent_decode(trim(attribute(n, "href"))).value_or("");
    if (href.starts_with("./")) href.erase(0, 2);
    if (href.find('/') == std::string::npos && href.size() <= 255) return clean_text(href, 255);
  }
  return {};
}

std::optional<instant> added_at(const pugi::xml_node& package) {
  std::size_t seen = 0;
  for (const pugi::xml_node& n : child(package, "metadata").children()) {
    if (++seen > most_metas) break;
    if (attribute(n, "name") == "calibre:timestamp") return calibre::moment(attribute(n, "content"));
  }
  return std::nullopt;
}

}  // namespace

std::optional<sidecar_name> sidecar_of(std::string_view file_name, std::string_view book_stem) {
  std::string name = lower_ascii(file_name), book = lower_ascii(book_stem);
  if (!book.empty() && name == book + ".opf") return sidecar_name{sidecar::opf, true, 0};
  if (name == "metadata.opf") return sidecar_name{sidecar::opf, false, 1};
  if (!book.empty() && name == book + ".metadata.json") return sidecar_name{sidecar::json, true, 0};
  if (name == "metadata.json") return sidecar_name{sidecar::json, false, 1};
  std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  return picture_of(name.substr(0, dot), name.substr(dot + 1), book);
}

result<told, refusal> read_metadata_opf(std::string_view bytes) {
  told out;
  result<xml_tree, refusal> tree = parse_package_xml(bytes, limits{}.xml_depth, out.warnings, {"metadata"});
  if (!tree) return tree.error().code.empty() ? refusal{"epub_bad_package", ""} : tree.error();
  pugi::xml_node root = (*tree)->document_element();
  if (!equal_ascii_case(local_name(root), "package")) return refusal{"epub_bad_package", ""};
  out.about = package_metadata(root, out.warnings);
  out.about.epub_version.clear();  // the OPF's own
  out.cover = cover_of(root);
  out.added_at = added_at(root);
  return out;
}

result<told, refusal> read_sidecar(int descriptor, std::string_view file_name) {
  bool json = lower_ascii(file_name).ends_with(".json");
  std::uint64_t size = size_of(descriptor), most = json ? longest_json : limits{}.package_xml;
  if (size > most) return refusal{"xml_too_large", ""};
  std::string bytes = read_at(descriptor, 0, size);
  return json ? read_metadata_json(bytes) : read_metadata_opf(bytes);
}

}  // namespace carrel::publication
