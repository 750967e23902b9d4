#include "publication/locator/xpointer.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "publication/locator/numbers.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::locator {
namespace {

constexpr std::size_t longest_pointer = 16 << 10;

// Layout boxes that crengine's old paths went through, and that are in no file.
bool is_wrapper(std::string_view name) {
  static constexpr std::array<std::string_view, 6> names{"autoboxing", "floatbox", "inlinebox",
                                                         "rubybox",    "mathbox",  "tabularbox"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "p[3]", "text()", "4".
std::optional<xpointer_step> parse_step(std::string_view s) {
  using kind = xpointer_step::kind;
  if (std::optional<std::uint64_t> plain = decimal(s)) return xpointer_step{.what = kind::child, .name = {}, .index = *plain};
  xpointer_step out;
  if (std::size_t open = s.find('['); open != s.npos) {
    if (!s.ends_with(']')) return std::nullopt;
    std::optional<std::uint64_t> index = decimal(s.substr(open + 1, s.size() - open - 2));
    if (!index) return std::nullopt;
    out.index = std::max<std::uint64_t>(*index, 1);  // some bridges write [0] for the first
    s = s.substr(0, open);
  }
  if (s == "text()") out.what = kind::text;
  s.remove_prefix(s.rfind(':') + 1);
  if (s.empty() || s.find_first_of(" ]#") != s.npos) return std::nullopt;
  out.name = lower_ascii(s);
  return out;
}

// "#_doc_fragment_11_ chapter12"
std::optional<xpointer> parse_anchor(std::string_view s) {
  constexpr std::string_view mark = "#_doc_fragment_";
  if (!s.starts_with(mark)) return std::nullopt;
  s.remove_prefix(mark.size());
  std::size_t end = s.find('_');
  std::optional<std::uint64_t> document = decimal(s.substr(0, end));
  if (end == s.npos || !document) return std::nullopt;
  xpointer out{.what = xpointer::kind::anchor, .document = *document};
  s.remove_prefix(end + 1);
  if (!s.empty() && s.front() != ' ') return std::nullopt;
  out.id = trim(s);
  return out;
}

// The steps of a path and the offset behind it. Names may have dots, so only digits behind the last one are an offset.
bool parse_path(std::string_view s, xpointer& out) {
  std::size_t dot = s.rfind('.');
  if (dot != s.npos && s.find('/', dot) == s.npos) {
    out.offset = decimal(s.substr(dot + 1));
    if (out.offset) s = s.substr(0, dot);
  }
  for (std::size_t from = 1; from <= s.size();) {
    std::size_t to = std::min(s.find('/', from), s.size());
    std::optional<xpointer_step> step = parse_step(s.substr(from, to - from));
    if (!step) return false;
    bool dropped = step->what == xpointer_step::kind::element && is_wrapper(step->name);
    out.boxed = out.boxed || dropped;
    if (!dropped) out.steps.push_back(std::move(*step));
    from = to + 1;
  }
  return !out.steps.empty();
}

bool names(const xpointer_step& s, std::string_view name) { return s.what == xpointer_step::kind::element && s.name == name; }

}  // namespace

std::optional<xpointer> parse_xpointer(std::string_view s) {
  s = trim(s);
  if (s.empty() || s.size() > longest_pointer) return std::nullopt;
  if (s.front() == '#') return parse_anchor(s);
  xpointer out;
  if (std::optional<std::uint64_t> page = decimal(s)) {
    if (*page == 0) return std::nullopt;
    out.what = xpointer::kind::page;
    out.document = *page;
    return out;
  }
  if (s.front() != '/' || !parse_path(s, out)) return std::nullopt;
  if (names(out.steps[0], "fictionbook")) {
    out.what = xpointer::kind::fiction_book;
    return out;
  }
  if (names(out.steps[0], "html")) {
    out.what = xpointer::kind::html;
    return out;
  }
  if (out.steps.size() < 2 || !names(out.steps[0], "body") || out.steps[0].index != 1 || !names(out.steps[1], "docfragment"))
    return std::nullopt;
  out.document = out.steps[1].index - 1;
  out.steps.erase(out.steps.begin(), out.steps.begin() + 2);
  return out;
}

}  // namespace carrel::publication::locator
