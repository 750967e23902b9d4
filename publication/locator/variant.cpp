#include "publication/locator/variant.hpp"

#include <algorithm>
#include <vector>

namespace carrel::publication::locator {
namespace {

constexpr std::uint64_t allowed_share = 100;  // one part in so many
constexpr std::size_t documents_around = 2;   // on each side, that are searched for the words

std::optional<std::size_t> same_path(const position& p, const measure& in) {
  const std::vector<measured_document>& all = in.documents();
  auto is = [&](const measured_document& d) { return d.path == p.href; };
  if (p.spine_index < all.size() && is(all[p.spine_index])) return p.spine_index;
  auto at = std::find_if(all.begin(), all.end(), is);
  return at == all.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - all.begin()));
}

bool agree(std::uint64_t a, std::uint64_t b) { return std::max(a, b) - std::min(a, b) <= std::max(a, b) / allowed_share; }

// The documents in which the words may stand, the likeliest first.
std::vector<std::size_t> candidates(std::optional<std::size_t> same, const std::optional<position>& by_fraction,
                                    const measure& to) {
  std::vector<std::size_t> out;
  auto add = [&](std::size_t d) {
    if (d < to.documents().size() && std::find(out.begin(), out.end(), d) == out.end()) out.push_back(d);
  };
  if (same) add(*same);
  if (!by_fraction) return out;
  add(by_fraction->spine_index);
  for (std::size_t away = 1; away <= documents_around; ++away) {
    add(by_fraction->spine_index + away);
    if (by_fraction->spine_index >= away) add(by_fraction->spine_index - away);
  }
  return out;
}

std::optional<position> by_words(const position& p, std::optional<std::size_t> same, const measure& to,
                                 const context_search& search) {
  std::optional<position> by_fraction = to.at_fraction(p.total_fraction), best;
  for (std::size_t document : candidates(same, by_fraction, to)) {
    std::optional<position> expected = to.at_fraction_of(document, p.item_fraction);
    if (document != same && document == by_fraction->spine_index) expected = by_fraction;
    std::optional<context_match> found = search(document, expected->nw_offset);
    if (!found) continue;
    if (found->whole) return to.at(document, found->nw, p.how);
    if (!best) best = to.at(document, found->nw, std::max(p.how, quality::element));
  }
  return best;
}

}  // namespace

std::optional<position> moved(const position& p, const measure& from, const measure& to, const context_search& search) {
  if (p.how == quality::fraction) return to.at_fraction(p.total_fraction);
  std::optional<std::size_t> source = same_path(p, from), same = same_path(p, to);
  // Without the href the index is a guess that only the count confirms, and not where documents were added or taken away.
  std::optional<std::size_t> guess = same;
  if (!same && source && to.documents().size() == from.documents().size()) guess = source;
  if (source && guess) {
    std::uint64_t was = from.documents()[*source].nw, is = to.documents()[*guess].nw;
    if (was == is) return to.at(*guess, p.nw_offset, p.how);
    if (agree(was, is)) return to.at(*guess, p.nw_offset, std::max(p.how, quality::element));
  }
  std::optional<position> out = search ? by_words(p, same, to, search) : std::nullopt;
  if (!out && same) {
    out = to.at_fraction_of(*same, p.item_fraction);
    out->how = std::max(p.how, out->how);
  }
  return out ? out : to.at_fraction(p.total_fraction);
}

}  // namespace carrel::publication::locator
