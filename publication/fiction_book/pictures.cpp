#include "publication/fiction_book/pictures.hpp"

#include <algorithm>

#include "publication/cover.hpp"
#include "publication/fiction_book/tree.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::fiction_book {
namespace {

constexpr std::size_t most_covers = 10;  // that are tried

bool is_text(const pugi::xml_node& n) { return n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata; }

std::uint64_t packed_size(const pugi::xml_node& binary) {
  std::uint64_t out = 0;
  for (pugi::xml_node n : binary.children()) {
    if (is_text(n)) out += std::string_view(n.value()).size();
  }
  return out;
}

std::string without_blanks(const pugi::xml_node& binary, std::uint64_t size) {
  std::string out;
  out.reserve(size);
  for (pugi::xml_node n : binary.children()) {
    if (!is_text(n)) continue;
    for (char c : std::string_view(n.value())) {
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') out += c;
    }
  }
  return out;
}

}  // namespace

std::string_view id_of(std::string_view href) {
  href = trim(href);
  if (href.starts_with('#')) href.remove_prefix(1);
  return href;
}

pictures::pictures(const pugi::xml_node& root) {
  for (pugi::xml_node n : root.children()) {
    if (!is_element(n, "binary")) continue;
    size_ += packed_size(n) / 4 * 3;
    if (pugi::xml_attribute id = n.attribute("id")) by_id_.emplace(id.value(), n);
  }
}

result<std::string, refusal> pictures::read(std::string_view href, std::uint64_t most) const {
  std::string name(href);
  auto found = by_id_.find(id_of(href));
  if (found == by_id_.end()) return refusal{"cover_missing", name};
  std::uint64_t size = packed_size(found->second);
  if (size / 4 * 3 > most) return refusal{"cover_too_large", "more than " + std::to_string(most >> 20) + " MiB"};
  std::string packed = without_blanks(found->second, size);
  // One character alone holds no byte: it is left of where a file was cut.
  if (packed.size() % 4 == 1) packed.pop_back();
  std::optional<std::string> bytes = base64_decode(packed);
  if (!bytes) return refusal{"cover_unreadable", name};
  return std::move(*bytes);
}

std::optional<cover_image> find_cover(const pugi::xml_node& root, const pictures& all, const limits& limit,
                                      std::vector<warning>& warnings) {
  pugi::xml_node page = child(child(child(root, "description"), "title-info"), "coverpage");
  std::vector<std::string> tried;
  for (pugi::xml_node at = page.first_child(); at && tried.size() < most_covers; at = next_node(at, page)) {
    std::string href = is_element(at, "image") ? attribute(at, "href") : std::string();
    if (href.empty() || std::find(tried.begin(), tried.end(), href) != tried.end()) continue;
    result<std::string, refusal> bytes = all.read(href, limit.image);
    result<cover_image, refusal> cover = bytes ? usable_cover(std::move(*bytes), warnings) : bytes.error();
    if (cover) return std::move(*cover);
    warn(warnings, cover.error().code, cover.error().detail.empty() ? href : cover.error().detail);
    tried.push_back(std::move(href));
  }
  return std::nullopt;
}

}  // namespace carrel::publication::fiction_book
