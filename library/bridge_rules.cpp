#include "library/bridge_rules.hpp"

#include <cmath>

namespace carrel::library {
namespace {

using publication::locator::position;
using publication::locator::quality;

constexpr double other_edition = 0.15, nearly = 0.03, beginning = 0.005, echo_fraction = 0.01;
constexpr std::uint64_t echo_characters = 2000;
constexpr std::chrono::minutes echo_time{30};

// Of what has no text, as pages, only the fraction is known.
bool is_beginning(const position& p) {
  return p.total_fraction <= beginning || (!p.href.empty() && p.spine_index == 0 && p.nw_offset == 0);
}

// A device that is told a place shows the page which holds it, and then reports the top of that page: within half an hour after
// it was told, which may be long after the place was found, and then it is the first that is heard of it since.
bool is_echo(const known_place& k, const heard_place& h) {
  bool first_word = !h.before || *h.before < k.since;
  if (h.document == k.document || (h.when - k.since > echo_time && !first_word)) return false;
  double back = k.at.total_fraction - h.at.total_fraction;
  if (h.at.href == k.at.href && !h.at.href.empty())
    return h.at.nw_offset <= k.at.nw_offset && k.at.nw_offset - h.at.nw_offset <= echo_characters;
  return back >= 0 && back <= echo_fraction;
}

}  // namespace

bool is_weaker_word(const position& heard, double known_fraction) {
  return heard.how == quality::fraction && std::abs(heard.total_fraction - known_fraction) <= nearly;
}

effect effect_of(const std::optional<known_place>& known, const heard_place& h) {
  if (!known || h.by_person) return effect::moves;
  if (h.when < known->since) return effect::older;
  const position& is = known->at;
  bool is_known_well = is.how != quality::fraction;
  if (is_beginning(h.at) && h.said_twice) return effect::moves;
  if (is_known_well && h.document != known->document && is_weaker_word(h.at, is.total_fraction)) return effect::same_place;
  if (is_echo(*known, h)) return effect::same_place;
  bool far = std::abs(h.at.total_fraction - is.total_fraction) > nearly;
  if (is_beginning(h.at) && far) return effect::same_place;
  return effect::moves;
}

bool contradicts(const position& p, double percentage) { return std::abs(p.total_fraction - percentage) > other_edition; }

}  // namespace carrel::library
