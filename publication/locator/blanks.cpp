#include "publication/locator/blanks.hpp"

#include <algorithm>
#include <array>

#include "publication/unicode_tools.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::locator {
namespace {

constexpr std::size_t longest_text = 8192;  // crengine stores a longer one in several nodes

constexpr std::array<std::string_view, 40> blocks{
    "address", "article", "aside", "blockquote", "body",   "caption", "center", "dd",         "details", "dir",
    "div",     "dl",      "dt",    "fieldset",   "form",   "footer",  "figure", "figcaption", "h1",      "h2",
    "h3",      "h4",      "h5",    "h6",         "header", "hr",      "html",   "li",         "main",    "nav",
    "ol",      "p",       "pre",   "section",    "table",  "tbody",   "td",     "th",         "tr",      "ul"};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// By the position of a child; false in front of the first and behind the last.
std::vector<bool> block_children(const document& d, number parent) {
  std::vector<bool> out{false};
  for (number c = d.first_child(parent); c != none; c = d.next_sibling(c)) out.push_back(is_block(d.name(c)));
  out.push_back(false);
  return out;
}

}  // namespace

std::uint64_t offset_of_byte(std::string_view raw, std::size_t byte, bool preformatted) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < byte && i < raw.size();) {
    bool again = !preformatted && i > 0 && is_blank(raw[i]) && is_blank(raw[i - 1]);
    next_code_point(raw, i);
    if (!again) ++out;
  }
  return out;
}

raw_place byte_of_offset(std::string_view raw, std::uint64_t offset, bool preformatted) {
  std::size_t i = 0;
  for (; offset > 0 && i < raw.size(); --offset) {
    bool blank = is_blank(raw[i]);
    next_code_point(raw, i);
    while (!preformatted && blank && i < raw.size() && is_blank(raw[i])) ++i;
  }
  return {.byte = i, .beyond = offset > 0};
}

bool is_blank_text(std::string_view raw) { return std::all_of(raw.begin(), raw.end(), is_blank); }

bool is_block(std::string_view name) { return std::find(blocks.begin(), blocks.end(), name) != blocks.end(); }

std::vector<number> kept_texts(const document& d, number parent) {
  std::vector<number> all = d.texts_of(parent), out;
  if (d.is_preformatted(parent)) return all;
  bool in_block = is_block(d.name(parent));
  std::vector<bool> block = block_children(d, parent);
  for (number t : all) {
    number after = d.texts()[t].after;
    bool first = after == 0 && out.empty();
    bool dropped = is_blank_text(d.raw(t)) && ((first && in_block) || block[after] || block[after + 1]);
    if (!dropped) out.push_back(t);
  }
  return out;
}

bool has_certain_texts(const document& d, number parent) {
  if (d.is_preformatted(parent)) return false;
  std::vector<number> all = d.texts_of(parent);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const text_node& t = d.texts()[all[i]];
    if (i > 0 && d.texts()[all[i - 1]].after == t.after) return false;
    if (is_blank_text(d.raw(all[i])) || (t.size >= longest_text && count_code_points(d.raw(all[i])) >= longest_text))
      return false;
  }
  return true;
}

}  // namespace carrel::publication::locator
