#include "named_texts.hpp"

#include <algorithm>
#include <set>

#include "publication/content.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::test {
namespace {

bool is_ascii_blank(char32_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string name_of(const pugi::xml_node& n) {
  std::string name = lower_ascii(n.name());
  return name.substr(name.rfind(':') + 1);
}

std::string step_of(const pugi::xml_node& n) {
  std::string name = name_of(n);
  int index = 0, count = 0;
  for (pugi::xml_node s : n.parent().children()) {
    if (s.type() != pugi::node_element || name_of(s) != name) continue;
    ++count;
    if (s == n) index = count;
  }
  return "/" + name + (count > 1 ? "[" + std::to_string(index) + "]" : "");
}

bool is_text(const pugi::xml_node& n) {
  return (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) && *n.value() != '\0';
}

bool is_blank(const pugi::xml_node& n) {
  std::u32string raw = code_points(n.value());
  return is_text(n) && std::all_of(raw.begin(), raw.end(), is_ascii_blank);
}

bool begins_line(const pugi::xml_node& n) {
  static const std::set<std::string> names{
      "body",  "p",          "div", "h1",      "h2",         "h3",     "h4",     "h5",      "h6",      "ul",      "ol",    "li",
      "dl",    "dt",         "dd",  "section", "blockquote", "figure", "nav",    "hr",      "table",   "tr",      "td",    "th",
      "tbody", "figcaption", "pre", "main",    "aside",      "header", "footer", "article", "address", "caption", "center"};
  return n.type() == pugi::node_element && names.contains(name_of(n));
}

// KOReader drops blanks at the start of a block and beside one.
bool is_dropped(const pugi::xml_node& n) {
  if (!is_blank(n)) return false;
  pugi::xml_node before = n.previous_sibling(), behind = n.next_sibling();
  return (!before && begins_line(n.parent())) || begins_line(before) || begins_line(behind);
}

void name_texts(const pugi::xml_node& parent, const std::string& path, bool preformatted, std::uint64_t& nw,
                std::vector<named_text>& out) {
  int texts = 0, at = 0;
  bool certain = !preformatted;
  for (pugi::xml_node n : parent.children()) {
    if (!is_text(n)) continue;
    if (preformatted || !is_dropped(n)) ++texts;
    certain = certain && !is_text(n.previous_sibling()) && !is_blank(n) && code_points(n.value()).size() < 8192;
  }
  for (pugi::xml_node n : parent.children()) {
    if (is_text(n)) {
      std::string name;
      if (preformatted || !is_dropped(n)) name = path + "/text()" + (texts > 1 ? "[" + std::to_string(++at) + "]" : "");
      out.push_back({.path = name, .certain = certain, .preformatted = preformatted, .raw = code_points(n.value()), .nw = nw});
      nw += static_cast<std::uint64_t>(std::count_if(out.back().raw.begin(), out.back().raw.end(), counts));
    } else if (n.type() == pugi::node_element && !is_hidden(n)) {
      name_texts(n, path + step_of(n), preformatted || name_of(n) == "pre" || name_of(n) == "textarea", nw, out);
    }
  }
}

}  // namespace

bool counts(char32_t c) {
  return !white_space(c) && c > 0x20 && c != 0xad && (c < 0x200b || c > 0x200d) && c != 0xfeff && (c < 0xfffd || c > 0xffff);
}

std::vector<named_text> named_texts(const pugi::xml_node& body, const std::string& path) {
  std::vector<named_text> out;
  std::uint64_t nw = 0;
  name_texts(body, path, false, nw, out);
  return out;
}

std::string pointer_to(const named_text& t, std::size_t place) {
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < place; ++i)
    offset += t.preformatted || i == 0 || !is_ascii_blank(t.raw[i]) || !is_ascii_blank(t.raw[i - 1]);
  return t.path + "." + std::to_string(offset);
}

std::vector<std::size_t> places_in(const std::u32string& raw) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (counts(raw[i])) all.push_back(i);
  }
  if (all.empty()) return {};
  std::vector<std::size_t> out{all.front(), all[all.size() / 2], all.back()};
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace carrel::publication::test
