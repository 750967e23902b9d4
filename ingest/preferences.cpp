#include "ingest/preferences.hpp"

#include <algorithm>

#include "publication/author_order.hpp"
#include "publication/comic_info_fact.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

constexpr std::int64_t largest_volume = 1900;  // what is larger is the year in which a series began

std::string fact_in(const publication::metadata& m, std::string_view key) {
  auto at = std::find_if(m.facts.begin(), m.facts.end(), [&](const auto& fact) { return fact.first == key; });
  return at == m.facts.end() ? std::string() : at->second;
}

void name_volume(publication::metadata& m) {
  auto [key, value] = publication::comic_info_fact();
  std::int64_t volume = to_integer(fact_in(m, "volume")).value_or(0);
  bool told = fact_in(m, key) == value;
  if (told && !m.series.empty() && volume > 1 && volume <= largest_volume) m.series += " (" + std::to_string(volume) + ")";
}

void settle_order(std::vector<publication::person>& people) {
  for (publication::person& p : people) p.sort = publication::settled_author_sort(p.name, p.sort);
}

}  // namespace

void follow(publication::metadata& m, const settings& how) {
  publication::map_column_facts(m, how.calibre_columns);
  if (how.comic_volume) name_volume(m);
  settle_order(m.authors);
  settle_order(m.contributors);
}

void follow(std::vector<library::local_source>& said, const settings& how) {
  for (library::local_source& s : said) {
    follow(s.about, how);
    s.subjects_join = how.unite_subjects;
  }
}

}  // namespace carrel::ingest
