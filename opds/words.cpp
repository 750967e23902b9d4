#include "opds/words.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

constexpr std::array tongues{tongue::english, tongue::german, tongue::french};

std::optional<tongue> spoken(std::string_view tag) {
  std::string primary = lower_ascii(trim(tag.substr(0, tag.find('-'))));
  auto found = std::find_if(tongues.begin(), tongues.end(), [&](tongue t) { return code_of(t) == primary; });
  return found == tongues.end() ? std::nullopt : std::optional(*found);
}

double quality_of(std::string_view parameters) {
  std::size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return 1;
  return to_double(trim(parameters.substr(at + 2))).value_or(1);
}

}  // namespace

std::string_view code_of(tongue t) {
  switch (t) {
    case tongue::english: return "en";
    case tongue::german: return "de";
    case tongue::french: break;
  }
  return "fr";
}

tongue tongue_of(std::string_view chosen, std::string_view accepted) {
  if (std::optional<tongue> own = spoken(chosen)) return *own;
  tongue best = tongue::english;
  double most = 0;
  for (const std::string& choice : split(accepted, ',')) {
    std::size_t end = std::min(choice.find(';'), choice.size());
    std::optional<tongue> t = spoken(std::string_view(choice).substr(0, end));
    double quality = quality_of(std::string_view(choice).substr(end));
    if (t && quality > most) best = *t, most = quality;
  }
  return best;
}

std::string worded(const translated& all, tongue t, std::string_view name) {
  std::string_view text = all.english;
  if (t == tongue::german) text = all.german;
  if (t == tongue::french) text = all.french;
  std::size_t gap = text.find("{}");
  if (gap == std::string_view::npos) return std::string(text);
  std::string out(text.substr(0, gap));
  return out.append(name).append(text.substr(gap + 2));
}

std::string phrase::in(tongue t, std::string_view name) const { return worded(catalog_words[at_], t, name); }

std::string stars_shown(int stars, tongue t) {
  return (stars == 1 ? phrase("{} star") : phrase("{} stars")).in(t, std::to_string(stars));
}

}  // namespace carrel::opds
