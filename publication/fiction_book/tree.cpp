#include "publication/fiction_book/tree.hpp"

#include <algorithm>

#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::fiction_book {
namespace {

// The text is held once, beside its tree, and both fit into the memory of an inspection (20).
constexpr std::size_t most_tree_bytes = 256 << 20, node_bytes = 64, attribute_bytes = 40;

// At most: every tag an element or the end of one, with text behind it.
std::size_t tree_bytes(std::string_view text) {
  std::size_t out = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '<') out += 2 * node_bytes;
    if (text[i] == '=' && (text[i + 1] == '"' || text[i + 1] == '\'')) out += attribute_bytes;
  }
  return out;
}

// Where the end tag of title-info, with whatever prefix, has told its name; the size when it does not come.
std::size_t end_of_title_info(std::string_view text) {
  constexpr std::string_view name = "title-info";
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    std::string_view before = text.substr(0, at);
    std::size_t tag = before.rfind('<');
    if (tag == std::string_view::npos || before.substr(tag, 2) != "</") continue;
    std::string_view prefix = before.substr(tag + 2);
    if (prefix.empty() || prefix.ends_with(':')) return at + name.size();
  }
  return text.size();
}

refusal damaged() { return {"unsupported_type", "a damaged FictionBook"}; }
refusal too_much() { return {"xml_too_large", ""}; }

}  // namespace

result<std::unique_ptr<book_tree>, refusal> parse(std::string bytes, const limits& limit, std::vector<warning>& warnings) {
  decoded d = decode_xml(bytes);
  std::string().swap(bytes);
  // An ampersand may become five characters.
  auto ampersands = static_cast<std::size_t>(std::count(d.text.begin(), d.text.end(), '&'));
  if (d.text.size() > limit.fiction_xml || d.text.size() + 4 * ampersands > 2 * limit.fiction_xml) return too_much();
  result<std::string, refusal> text = mended_xml(std::move(d), warnings);
  if (!text) return text.error();
  if (tree_bytes(*text) > most_tree_bytes) return too_much();

  auto out = std::make_unique<book_tree>();
  out->text = std::move(*text);
  auto described = static_cast<std::ptrdiff_t>(end_of_title_info(out->text));
  auto size = static_cast<std::ptrdiff_t>(out->text.size());
  constexpr unsigned options = pugi::parse_default | pugi::parse_ws_pcdata;
  pugi::xml_parse_result parsed = out->tree.load_buffer_inplace(out->text.data(), out->text.size(), options, pugi::encoding_utf8);
  if (parsed.status == pugi::status_out_of_memory) return refusal{"inspection_limit", ""};
  if (const char* problem = shape_problem(out->tree, limit.xml_depth)) return refusal{problem, ""};
  out->root = child(out->tree, "FictionBook");
  out->complete = static_cast<bool>(parsed);
  if (!out->root) return damaged();
  if (!out->complete) {
    if (described == size || parsed.offset < described) return damaged();
    warn(warnings, "xml_recovered");
  }
  return out;
}

bool is_element(const pugi::xml_node& n, std::string_view name) {
  return n.type() == pugi::node_element && equal_ascii_case(local_name(n), name);
}

}  // namespace carrel::publication::fiction_book
