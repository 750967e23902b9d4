#include "publication/locator/kobo.hpp"

#include <algorithm>
#include <cmath>

namespace carrel::publication::locator {
namespace {

constexpr std::string_view first_span = "kobo.1.1";

int percent(double fraction) { return static_cast<int>(std::floor(fraction * 100)); }

}  // namespace

measure measure_of(const kepub::span_map& map) {
  std::vector<measured_document> out;
  for (const kepub::mapped_document& d : map.documents()) out.push_back({.path = d.path, .nw = d.nw});
  return measure(std::move(out));
}

std::optional<position> from_kobo(const kepub::span_map& map, std::string_view source, std::string_view value,
                                  std::optional<double> percent_of_document, std::optional<double> percent_of_book) {
  measure lengths = measure_of(map);
  std::optional<std::size_t> document = map.document_named(source);
  if (document) {
    const kepub::span_start* span = map.span_named(*document, value);
    bool says_little = value == first_span && percent_of_document.value_or(0) > 0;
    if (span != nullptr && !says_little)
      return lengths.at(*document, span->nw, value == first_span ? quality::item : quality::exact);
    if (percent_of_document) return lengths.at_fraction_of(*document, *percent_of_document / 100);
  }
  if (percent_of_book) return lengths.at_fraction(*percent_of_book / 100);
  return document ? lengths.at(*document, 0, quality::item) : std::nullopt;
}

std::optional<kepub::location> to_kobo(const kepub::span_map& map, const position& p, bool finished) {
  std::optional<std::size_t> document = map.document_named(p.href);
  if (!document) return std::nullopt;
  std::optional<position> here = measure_of(map).at(*document, p.nw_offset, p.how);
  const kepub::span_start* span = map.span_at(*document, here->nw_offset);
  return kepub::location{.source = here->href,
                         .value = span == nullptr ? std::string(first_span) : span->id.text(),
                         .in_document = percent(here->item_fraction),
                         .in_book = finished ? 100 : std::min(percent(here->total_fraction), 99)};
}

}  // namespace carrel::publication::locator
