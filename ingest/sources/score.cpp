#include "ingest/sources/score.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "ingest/sources/normalise.hpp"
#include "publication/likeness.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

struct term {
  std::string_view name;
  double weight;
  std::optional<double> value;  // nothing: unknown on one side
};

std::string with_subtitle(const std::string& title, const std::string& subtitle) {
  return subtitle.empty() ? title : title + ": " + subtitle;
}

std::optional<double> title_value(const local_book& mine, const record& theirs) {
  if (mine.title.empty() || theirs.title.empty()) return std::nullopt;
  double best = 0;
  for (const std::string& a : {mine.title, with_subtitle(mine.title, mine.subtitle)}) {
    for (const std::string& b : {theirs.title, with_subtitle(theirs.title, theirs.subtitle)})
      best = std::max(best, publication::title_likeness(a, b));
  }
  return best;
}

std::optional<double> author_value(const local_book& mine, const record& theirs) {
  constexpr std::size_t most = 20;
  if (mine.authors.empty()) return 0.5;
  if (theirs.authors.empty()) return std::nullopt;
  double sum = 0;
  std::size_t n = std::min(mine.authors.size(), most);
  for (std::size_t i = 0; i < n; ++i) {
    double best = 0;
    for (const std::string& name : theirs.authors) best = std::max(best, publication::name_likeness(mine.authors[i], name));
    sum += best;
  }
  return sum / static_cast<double>(n);
}

std::string series_key(const std::string& name) { return publication::title_key(name, "en"); }

std::optional<double> series_value(const local_book& mine, const record& theirs) {
  constexpr double same_place = 0.001;
  if (mine.series.empty() || theirs.series.empty()) return std::nullopt;
  double best = 0;
  for (const record_series& s : theirs.series) {
    if (series_key(s.name) != series_key(mine.series)) continue;
    bool same = s.position && mine.series_position && std::abs(*s.position - *mine.series_position) < same_place;
    best = std::max(best, same ? 1 : 0.5);
  }
  return best;
}

std::optional<double> year_value(const local_book& mine, const record& theirs) {
  if (!mine.year || !theirs.published_year) return std::nullopt;
  int later = *theirs.published_year - *mine.year;
  if (std::abs(later) <= 1) return 1;
  if (std::abs(later) <= 3) return 0.5;
  return later > 0 ? 0.25 : 0;  // a re-issue
}

std::string primary_tag(const std::string& language) { return lower_ascii(language.substr(0, language.find_first_of("-_"))); }

std::optional<double> language_value(const local_book& mine, const record& theirs) {
  if (mine.language.empty() || theirs.language.empty()) return std::nullopt;
  return primary_tag(mine.language) == primary_tag(theirs.language) ? 1 : 0;
}

std::optional<double> publisher_value(const local_book& mine, const record& theirs) {
  if (mine.publisher.empty() || theirs.publisher.empty()) return std::nullopt;
  return publication::title_likeness(mine.publisher, theirs.publisher);
}

double closeness(double mine, double theirs, double tolerated) {
  return 1 - std::min(1.0, std::abs(mine - theirs) / (tolerated * mine));
}

std::optional<double> length_value(const local_book& mine, const record& theirs) {
  if (mine.duration_seconds && *mine.duration_seconds > 0) {
    if (!theirs.duration_seconds) return std::nullopt;
    return closeness(*mine.duration_seconds, *theirs.duration_seconds, 0.05);
  }
  if (!mine.page_count || *mine.page_count < 1 || !theirs.page_count) return std::nullopt;
  return closeness(*mine.page_count, *theirs.page_count, 0.3);
}

// ---- identifiers -------------------------------------------------------------------------------------------------

// ISBNs as ISBN-13, ASINs that are none as they are.
struct numbers {
  std::set<std::string> isbns, asins;
};

numbers numbers_of(const std::string& isbn_13, const std::string& isbn_10, const std::string& asin) {
  numbers out;
  for (const std::string* text : {&isbn_13, &isbn_10, &asin}) {
    if (std::optional<publication::isbn> found = publication::parse_isbn(*text)) out.isbns.insert(found->isbn_13);
  }
  std::string other = asin_of(asin);
  if (!other.empty() && !publication::parse_isbn(other)) out.asins.insert(std::move(other));
  return out;
}

bool share(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& s) { return b.contains(s); });
}

bool both_known(const std::set<std::string>& a, const std::set<std::string>& b) { return !a.empty() && !b.empty(); }

identity compared(const numbers& mine, const numbers& theirs) {
  if (share(mine.isbns, theirs.isbns) || share(mine.asins, theirs.asins)) return identity::same;
  if (both_known(mine.isbns, theirs.isbns) || both_known(mine.asins, theirs.asins)) return identity::different;
  return identity::unknown;
}

std::string_view name_of(identity i) {
  constexpr std::array<std::string_view, 4> names{"unknown", "same", "recycled", "different"};
  return names[static_cast<std::size_t>(i)];
}

double with_identifier(double base, identity i, bool trusted) {
  // An untrusted number leaves more to the other terms; with all of them equal it still says more than no number would.
  double sure = trusted ? 0.80 : 0.70;
  switch (i) {
    case identity::same: return sure + (1 - sure) * base;
    case identity::recycled: return std::min(0.50, base);
    case identity::different: return base * 0.85;
    default: return base * 0.95;
  }
}

// ---- caps --------------------------------------------------------------------------------------------------------

bool has_words(const std::string& folded, std::string_view words) {
  return (" " + folded + " ").find(" " + std::string(words) + " ") != std::string::npos;
}

// Books about a book, and several books in one.
bool other_kind(const local_book& mine, const record& theirs) {
  constexpr std::array<std::string_view, 4> about{"summary", "study guide", "analysis", "workbook"};
  constexpr std::array<std::string_view, 4> several{"box set", "boxed set", "boxset", "omnibus"};
  if (mine.title.empty()) return false;
  std::string a = publication::fold(with_subtitle(mine.title, mine.subtitle));
  std::string b = publication::fold(with_subtitle(theirs.title, theirs.subtitle));
  auto is_one_of = [](const std::string& title, const auto& words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view w) { return has_words(title, w); });
  };
  return is_one_of(a, about) != is_one_of(b, about) || is_one_of(a, several) != is_one_of(b, several);
}

bool only_title_known(const local_book& b) {
  return !b.title.empty() && b.authors.empty() && b.series.empty() && !b.year && b.publisher.empty() && !b.page_count &&
         !b.duration_seconds && b.isbn_13.empty() && b.isbn_10.empty() && b.asin.empty();
}

struct cap {
  std::string_view why;
  double most;
};

std::vector<cap> caps_for(const local_book& mine, const record& theirs, const std::vector<term>& terms) {
  auto value = [&](std::string_view name) {
    return std::find_if(terms.begin(), terms.end(), [&](const term& t) { return t.name == name; })->value;
  };
  std::vector<cap> out;
  if (value("language") == 0.0) out.push_back({"language", 0.70});
  if (!mine.authors.empty() && value("authors").value_or(1) < 0.5) out.push_back({"authors", 0.60});
  if (other_kind(mine, theirs)) out.push_back({"kind", 0.50});
  if (only_title_known(mine)) out.push_back({"only_title", 0.75});
  return out;
}

int filled_keys(const record& r) {
  const std::array<bool, 10> keys{!r.authors.empty(),     !r.series.empty(),
                                  !r.publisher.empty(),   r.published_year.has_value(),
                                  !r.language.empty(),    !r.isbn_13.empty() || !r.asin.empty(),
                                  !r.description.empty(), r.page_count || r.duration_seconds,
                                  !r.genres.empty(),      !r.cover.url.empty()};
  return static_cast<int>(std::count(keys.begin(), keys.end(), true));
}

double four_places(double d) { return std::round(d * 10'000) / 10'000; }

json::object detail_of(const std::vector<term>& terms) {
  json::object out;
  for (const term& t : terms) {
    json::object one{{"weight", t.weight}};
    if (t.value) one.set("value", four_places(*t.value));
    out.set(std::string(t.name), std::move(one));
  }
  return out;
}

}  // namespace

local_book local_of(const question& asked) {
  local_book out;
  out.title = asked.title;
  out.subtitle = asked.subtitle;
  out.authors = asked.authors;
  out.language = asked.language;
  out.isbn_13 = asked.isbn_13;
  out.isbn_10 = asked.isbn_10;
  out.asin = asked.asin;
  return out;
}

score rate(const local_book& mine, const record& theirs) {
  const std::vector<term> terms{
      {"title", 0.40, title_value(mine, theirs)},       {"authors", 0.30, author_value(mine, theirs)},
      {"series", 0.08, series_value(mine, theirs)},     {"year", 0.06, year_value(mine, theirs)},
      {"language", 0.06, language_value(mine, theirs)}, {"publisher", 0.04, publisher_value(mine, theirs)},
      {"length", 0.06, length_value(mine, theirs)}};
  double sum = 0, weights = 0;
  for (const term& t : terms) {
    if (!t.value) continue;
    sum += t.weight * *t.value;
    weights += t.weight;
  }
  double base = weights > 0 ? sum / weights : 0;

  score out;
  out.identifier =
      compared(numbers_of(mine.isbn_13, mine.isbn_10, mine.asin), numbers_of(theirs.isbn_13, theirs.isbn_10, theirs.asin));
  bool other_book = terms[0].value.value_or(1) < 0.35 && terms[1].value.value_or(1) < 0.5;
  if (out.identifier == identity::same && other_book) out.identifier = identity::recycled;
  int filled = filled_keys(theirs);
  double confidence = with_identifier(base, out.identifier, mine.identifier_trusted) + 0.01 * filled / 10;

  json::array lowered;
  for (const cap& c : caps_for(mine, theirs, terms)) {
    if (confidence <= c.most) continue;
    confidence = c.most;
    lowered.emplace_back(c.why);
  }
  out.confidence = four_places(std::clamp(confidence, 0.0, 1.0));
  out.detail = {{"terms", detail_of(terms)},
                {"base", four_places(base)},
                {"identifier", name_of(out.identifier)},
                {"identifier_trusted", mine.identifier_trusted},
                {"completeness", filled},
                {"caps", std::move(lowered)},
                {"confidence", out.confidence}};
  return out;
}

bool same_identifier(const record& a, const record& b) {
  return compared(numbers_of(a.isbn_13, a.isbn_10, a.asin), numbers_of(b.isbn_13, b.isbn_10, b.asin)) == identity::same;
}

}  // namespace carrel::ingest::sources
