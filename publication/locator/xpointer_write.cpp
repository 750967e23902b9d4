#include <algorithm>
#include <array>

#include "publication/locator/blanks.hpp"
#include "publication/locator/xpointer.hpp"

namespace carrel::publication::locator {
namespace {

constexpr int most_levels = 16;        // CrossPoint stops there
constexpr int levels_of_document = 2;  // body and DocFragment

// To which a pointer may lead (11.5 rule 1).
bool is_target(std::string_view name) {
  static constexpr std::array<std::string_view, 14> names{"p",  "h1", "h2",         "h3",  "h4",      "h5",  "h6",
                                                          "li", "td", "blockquote", "div", "section", "pre", "figure"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string start_of(std::uint64_t spine_index) { return "/body/DocFragment[" + std::to_string(spine_index + 1) + "]"; }

// Levels of the path to an element, which begins at `body` inside of a document.
int levels_of(const document& d, number e) { return levels_of_document + 1 + d.depth(e) - d.depth(d.body()); }

std::string path_of(const document& d, std::uint64_t spine_index, number e) {
  std::string out;
  for (; e != d.body(); e = d.elements()[e].parent) {
    std::string step = "/" + std::string(d.name(e));
    if (d.elements()[e].twins > 1) step += "[" + std::to_string(d.elements()[e].index) + "]";
    out.insert(0, step);
  }
  return start_of(spine_index) + "/body" + out;
}

// Reads it again. `to`: where it should lead.
bool leads(const document& d, const std::string& text, std::uint64_t spine_index, std::uint64_t to) {
  std::optional<xpointer> again = parse_xpointer(text);
  if (!again || again->what != xpointer::kind::fragment || again->document != spine_index) return false;
  // Behind a dot crengine expects an offset, even where it belongs to a name.
  if (std::count(text.begin(), text.end(), '.') > (again->offset ? 1 : 0)) return false;
  resolved place = resolve(d, *again);
  return place.whole && place.how == quality::exact && place.nw == to;
}

std::optional<written_pointer> in_text(const document& d, std::uint64_t spine_index, std::uint64_t nw) {
  std::optional<spot> s = d.at(nw);
  if (!s) return std::nullopt;
  number parent = d.texts()[s->text].parent;
  if (levels_of(d, parent) + 1 > most_levels || !has_certain_texts(d, parent)) return std::nullopt;
  std::vector<number> texts = d.texts_of(parent);
  std::string out = path_of(d, spine_index, parent) + "/text()";
  if (texts.size() > 1) out += "[" + std::to_string(std::find(texts.begin(), texts.end(), s->text) - texts.begin() + 1) + "]";
  out += "." + std::to_string(offset_of_byte(d.raw(s->text), s->byte, false));
  if (!leads(d, out, spine_index, nw)) return std::nullopt;
  return written_pointer{.text = std::move(out), .form = pointer_form::text, .nw = nw};
}

// The last block that begins at or in front of the place, or the nearest around it that is not too deep.
std::optional<written_pointer> at_block(const document& d, std::uint64_t spine_index, std::uint64_t nw) {
  const std::vector<element>& all = d.elements();
  auto first = all.begin() + d.body() + 1, end = all.begin() + all[d.body()].end;
  auto behind = std::upper_bound(first, end, nw, [](std::uint64_t n, const element& e) { return n < e.nw; });
  while (behind != first && !is_target(d.name(static_cast<number>(behind - 1 - all.begin())))) --behind;
  if (behind == first) return std::nullopt;
  auto block = static_cast<number>(behind - 1 - all.begin());
  for (int levels = levels_of(d, block); levels > most_levels || !is_target(d.name(block)); --levels) {
    block = all[block].parent;
    if (block == d.body()) return std::nullopt;
  }
  written_pointer out{.text = path_of(d, spine_index, block), .form = pointer_form::block, .nw = all[block].nw};
  if (!leads(d, out.text, spine_index, out.nw)) return std::nullopt;
  return out;
}

}  // namespace

std::optional<written_pointer> write_xpointer(const document& d, std::uint64_t spine_index, std::uint64_t nw,
                                              pointer_form wanted) {
  if (d.body() == none) return std::nullopt;
  nw = std::min(nw, d.nw());
  std::optional<written_pointer> out;
  if (wanted == pointer_form::text) out = in_text(d, spine_index, nw);
  if (!out && wanted != pointer_form::start) out = at_block(d, spine_index, nw);
  if (!out) out = written_pointer{.text = start_of(spine_index) + "/body", .form = pointer_form::start, .nw = 0};
  return out;
}

}  // namespace carrel::publication::locator
