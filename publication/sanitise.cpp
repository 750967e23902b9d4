#include "publication/sanitise.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "publication/entities.hpp"
#include "publication/html.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t most_blocks = 5, most_inlines = 5;  // with list items and a paragraph at most 16 levels
constexpr std::size_t room_for_end_tags = 256;
constexpr std::size_t longest_link = 2000;
constexpr std::size_t longest_piece = 512;  // of text without white space, written at once
constexpr std::string_view link_end = "\" rel=\"nofollow noopener\">";

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

constexpr std::array<std::string_view, 9> inline_elements{"b", "strong", "i", "em", "u", "s", "sub", "sup", "a"};
constexpr std::array<std::string_view, 7> block_elements{"p", "blockquote", "ul", "ol", "li", "h3", "h4"};
constexpr std::array<std::string_view, 17> dropped_elements{"script", "style", "iframe",   "object",   "embed",   "form",
                                                            "svg",    "math",  "template", "noscript", "img",     "video",
                                                            "audio",  "head",  "title",    "select",   "textarea"};
// Unwrapped without ending a block.
constexpr std::array<std::string_view, 15> transparent_elements{"span", "font", "small", "big", "abbr",  "cite", "code", "q",
                                                                "mark", "ins",  "del",   "tt",  "label", "bdi",  "bdo"};

std::string_view renamed(std::string_view name) {
  if (name == "h1" || name == "h2") return "h3";
  if (name == "h5" || name == "h6") return "h4";
  return name;
}

bool has_allowed_scheme(std::string_view href) {
  for (std::string_view scheme : {"http://", "https://", "mailto:"}) {
    if (href.size() > scheme.size() && equal_ascii_case(href.substr(0, scheme.size()), scheme)) return true;
  }
  return false;
}

struct element {
  std::string name;
  std::string href;  // as it is written
  std::size_t id = 0;
};

// Writes elements only when text comes, so that nothing empty is ever written. `wanted` is what the source has open, `open`
// what the output has.
class writer {
 public:
  explicit writer(std::size_t limit) : limit_(limit > room_for_end_tags ? limit - room_for_end_tags : 0) {}

  void start_block(std::string_view name) {
    ++boundary_;
    std::string_view parent = blocks_.empty() ? std::string_view() : std::string_view(blocks_.back().name);
    bool in_text = parent == "p" || parent == "h3" || parent == "h4";
    bool item_without_list = name == "li" && parent != "ul" && parent != "ol";
    bool in_list = (parent == "ul" || parent == "ol") && name != "li";
    std::size_t deep =
        static_cast<std::size_t>(std::count_if(blocks_.begin(), blocks_.end(), [](const element& e) { return e.name != "li"; }));
    bool shown = !name.empty() && !in_text && !item_without_list && !in_list && (name == "li" || deep < most_blocks);
    shown_.push_back(shown);
    if (shown) blocks_.push_back({std::string(name), {}, ++ids_});
  }
  void end_block() {
    ++boundary_;
    if (shown_.back()) blocks_.pop_back();
    shown_.pop_back();
  }
  void start_inline(std::string_view name, std::string href) { inlines_.push_back({std::string(name), std::move(href), ++ids_}); }
  void end_inline() { inlines_.pop_back(); }

  void line_break() { ++breaks_; }
  void rule() {
    ++boundary_;
    rule_ = true;
  }

  void text(std::string_view s) {
    for (std::size_t i = 0; i < s.size() && !full_;) {
      std::size_t from = i;
      if (is_white_space(next_code_point(s, i))) {
        space_ = true;
        continue;
      }
      while (i < s.size() && i - from < longest_piece && !is_white_space_at(s, i)) next_code_point(s, i);
      word(s.substr(from, i - from));
    }
  }

  description take() {
    close_to(0);
    return {std::move(html_), std::move(text_), full_};
  }

 private:
  static bool is_white_space_at(std::string_view s, std::size_t i) { return is_white_space(next_code_point(s, i)); }

  std::vector<element> path() const {
    std::vector<element> out = blocks_;
    std::string_view last = out.empty() ? std::string_view() : std::string_view(out.back().name);
    // Text between blocks gets a paragraph (or list item) of its own, a new one after every border of blocks.
    std::size_t own = (boundary_ << 1 | 1) << 32;
    if (last == "ul" || last == "ol") {
      out.push_back({"li", {}, own});
    } else if (last.empty() || last == "blockquote") {
      out.push_back({"p", {}, own});
    }
    out.insert(out.end(), inlines_.begin(),
               inlines_.begin() + static_cast<std::ptrdiff_t>(std::min(inlines_.size(), most_inlines)));
    return out;
  }

  void word(std::string_view w) {
    std::vector<element> wanted = path();
    std::size_t common = 0;
    while (common < open_.size() && common < wanted.size() && open_[common].id == wanted[common].id) ++common;
    std::size_t needed = w.size() * 5 + 64;
    for (const element& e : wanted) needed += e.href.empty() ? 0 : e.href.size() + link_end.size();
    if (html_.size() + needed > limit_) {
      full_ = true;
      return;
    }
    auto first_inline = [](const std::vector<element>& p) {
      return static_cast<std::size_t>(
          std::find_if(p.begin(), p.end(), [](const element& e) { return is_one_of(e.name, inline_elements); }) - p.begin());
    };
    bool same_block = common >= first_inline(open_) && common >= first_inline(wanted) && !open_.empty();
    bool gap = space_ && same_block;
    close_to(same_block ? common : std::min(common, first_inline(open_)));
    if (rule_ && !text_.empty()) {
      close_to(std::min(open_.size(), blocks_holding_rules()));
      html_ += "<hr/>";
      same_block = false;
    }
    if (same_block) {
      for (int i = 0; i < std::min(breaks_, 2); ++i) html_ += "<br/>", text_ += '\n';
      if (gap && breaks_ == 0) html_ += ' ', text_ += ' ';
    } else if (!text_.empty()) {
      text_ += "\n\n";
    }
    rule_ = space_ = false;
    breaks_ = 0;
    for (std::size_t i = open_.size(); i < wanted.size(); ++i) {
      html_ += "<" + wanted[i].name;
      if (wanted[i].name == "a") {
        html_.append(" href=\"").append(wanted[i].href).append(link_end);
      } else {
        html_ += '>';
      }
      open_.push_back(std::move(wanted[i]));
    }
    append_xml_text(html_, w);
    text_ += w;
  }

  // A rule stands beside paragraphs: at the top or in a quotation.
  std::size_t blocks_holding_rules() const {
    std::size_t n = 0;
    while (n < open_.size() && open_[n].name == "blockquote") ++n;
    return n;
  }

  void close_to(std::size_t n) {
    while (open_.size() > n) {
      html_ += "</" + open_.back().name + ">";
      open_.pop_back();
    }
  }

  std::size_t limit_;
  std::string html_, text_;
  std::vector<element> blocks_, inlines_, open_;
  std::vector<bool> shown_;
  std::size_t ids_ = 0, boundary_ = 0;
  int breaks_ = 0;
  bool rule_ = false, space_ = false, full_ = false;
};

// Line ends become LF; controls and direction marks go.
std::string cleaned(std::string_view s) {
  std::string in = nfc(replace_invalid_utf8(s)), out;
  out.reserve(in.size());
  for (std::size_t i = 0; i < in.size();) {
    std::size_t from = i;
    UChar32 c = next_code_point(in, i);
    if (c == '\r') {
      if (i >= in.size() || in[i] != '\n') out += '\n';
    } else if (c == 0x2028 || c == 0x2029) {
      out += '\n';
    } else if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
               (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || c == 0xfffe || c == 0xffff) {
      continue;
    } else {
      out.append(in, from, i - from);
    }
  }
  return out;
}

enum class effect { none, block, inline_ };

effect enter(writer& out, const pugi::xml_node& node, std::string_view name) {
  if (is_one_of(name, inline_elements)) {
    std::string written;
    if (name == "a") {
      std::string href = cleaned(trim(node.attribute("href").value()));
      if (!has_allowed_scheme(href) || href.size() > longest_link) return effect::none;
      append_xml_attribute(written, href);
    }
    out.start_inline(name, std::move(written));
    return effect::inline_;
  }
  if (is_one_of(name, transparent_elements)) return effect::none;
  if (name == "br") {
    out.line_break();
    return effect::none;
  }
  if (name == "hr") {
    out.rule();
    return effect::none;
  }
  out.start_block(is_one_of(name, block_elements) ? name : std::string_view());
  return effect::block;
}

void walk(const pugi::xml_node& body, writer& out) {
  struct level {
    pugi::xml_node next;
    effect on_leave;
  };
  std::vector<level> stack{{body.first_child(), effect::none}};
  while (!stack.empty()) {
    pugi::xml_node node = stack.back().next;
    if (!node) {
      if (stack.back().on_leave == effect::block) out.end_block();
      if (stack.back().on_leave == effect::inline_) out.end_inline();
      stack.pop_back();
      continue;
    }
    stack.back().next = node.next_sibling();
    if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) {
      out.text(cleaned(node.value()));  // a reference may stand for a control
    } else if (node.type() == pugi::node_element) {
      std::string name = lower_ascii(local_name(node));
      if (is_one_of(name, dropped_elements)) continue;
      effect e = enter(out, node, renamed(name));
      stack.push_back({node.first_child(), e});
    }
  }
}

bool looks_like_html(std::string_view s) {
  for (std::size_t at = s.find('<'); at != std::string_view::npos; at = s.find('<', at + 1)) {
    char c = at + 1 < s.size() ? s[at + 1] : '\0';
    bool starts = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '!';
    if (starts && s.find('>', at) != std::string_view::npos) return true;
  }
  return false;
}

bool is_escaped_html(std::string_view s) {
  if (s.find('<') != std::string_view::npos) return false;
  std::string lower = lower_ascii(s);
  for (std::string_view mark : {"&lt;p", "&lt;br", "&lt;div", "&lt;b"}) {
    if (lower.find(mark) != std::string::npos) return true;
  }
  return false;
}

void write_plain(std::string_view s, writer& out) {
  bool open = false, blank = true;
  for (std::size_t from = 0; from <= s.size();) {
    std::size_t to = std::min(s.find('\n', from), s.size());
    std::string_view line = s.substr(from, to - from);
    from = to + 1;
    if (collapse_spaces(line).empty()) {
      blank = true;
      continue;
    }
    if (blank) {
      if (open) out.end_block();
      out.start_block("p");
      open = true;
    } else {
      out.line_break();
    }
    blank = false;
    out.text(line);
  }
  if (open) out.end_block();
}

}  // namespace

description sanitise(std::string_view raw, std::size_t max_bytes) {
  // Nobody writes a description of a mebibyte; what is that long is not read to its end.
  constexpr std::size_t longest_input = 1 << 20;
  std::string in = cleaned(cut_utf8(raw, longest_input));
  if (is_escaped_html(in)) in = cleaned(decode_references(in));
  writer out(max_bytes);
  pugi::xml_document tree;
  if (looks_like_html(in) && parse_html(prepare_references(in), tree)) {
    if (pugi::xml_node body = first_descendant(tree, "body")) walk(body, out);
  } else {
    std::string plain = cleaned(decode_references(in));
    write_plain(plain.find('<') == std::string::npos ? std::string_view(plain) : std::string_view(in), out);
  }
  description d = out.take();
  d.shortened = d.shortened || raw.size() > longest_input;
  return d;
}

bool is_sanitised(std::string_view s) {
  std::vector<std::string_view> open;
  for (std::size_t i = 0; i < s.size();) {
    if (s[i] == '>') return false;
    if (s[i] == '&') {
      std::string_view rest = s.substr(i, 6);
      if (!rest.starts_with("&amp;") && !rest.starts_with("&lt;") && !rest.starts_with("&gt;") && !rest.starts_with("&#"))
        return false;
    }
    if (s[i] != '<') {
      ++i;
      continue;
    }
    std::size_t end = s.find('>', i);
    if (end == std::string_view::npos) return false;
    std::string_view tag = s.substr(i + 1, end - i - 1);
    i = end + 1;
    if (tag == "br/" || tag == "hr/") continue;
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
      continue;
    }
    constexpr std::string_view link_start = "a href=\"";
    if (tag.starts_with(link_start)) {
      std::string_view href = tag.substr(link_start.size());
      std::string_view tail = link_end.substr(0, link_end.size() - 1);
      if (!href.ends_with(tail)) return false;
      href.remove_suffix(tail.size());
      if (!has_allowed_scheme(href) || href.find_first_of("\"<") != std::string_view::npos) return false;
      tag = "a";
    } else if (tag == "a" || (!is_one_of(tag, inline_elements) && !is_one_of(tag, block_elements))) {
      return false;
    }
    open.push_back(tag);
    if (open.size() > 20) return false;
  }
  return open.empty();
}

}  // namespace carrel::publication
