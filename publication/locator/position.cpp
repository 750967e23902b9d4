#include "publication/locator/position.hpp"

#include <algorithm>
#include <cmath>

#include "publication/fractions.hpp"
#include "publication/packed.hpp"
#include "publication/path_names.hpp"

namespace carrel::publication::locator {
namespace {

constexpr char stored_form = 1;
constexpr double rounding = 1e-9;  // what a fraction of two whole numbers may be off after a multiplication

}  // namespace

std::string_view to_string(quality q) {
  switch (q) {
    case quality::exact: return "exact";
    case quality::element: return "element";
    case quality::item: return "item";
    case quality::fraction: break;
  }
  return "fraction";
}

std::optional<quality> quality_named(std::string_view name) {
  for (quality q : {quality::exact, quality::element, quality::item, quality::fraction}) {
    if (to_string(q) == name) return q;
  }
  return std::nullopt;
}

measure::measure(std::vector<measured_document> documents) : documents_(std::move(documents)) {
  for (const measured_document& d : documents_) {
    before_.push_back(total_);
    total_ += d.nw;
  }
}

std::optional<std::size_t> measure::document_named(std::string_view path) const {
  return path_meant(path, documents_.size(), [this](std::size_t i) -> std::string_view { return documents_[i].path; });
}

std::optional<position> measure::at(std::size_t document, std::uint64_t nw, quality how) const {
  if (document >= documents_.size()) return std::nullopt;
  const measured_document& d = documents_[document];
  nw = std::min(nw, d.nw);
  return position{.spine_index = document,
                  .href = d.path,
                  .nw_offset = nw,
                  .item_fraction = fraction_of(nw, d.nw),
                  .total_fraction = fraction_of(before_[document] + nw, total_),
                  .how = how};
}

std::optional<position> measure::at_fraction_of(std::size_t document, double fraction) const {
  if (document >= documents_.size()) return std::nullopt;
  double wanted = static_cast<double>(documents_[document].nw) * fraction_inside(fraction);
  return at(document, static_cast<std::uint64_t>(wanted + rounding), quality::item);
}

std::optional<position> measure::at_fraction(double of_book) const {
  if (documents_.empty()) return std::nullopt;
  double fraction = fraction_inside(of_book);
  auto wanted = static_cast<std::uint64_t>(static_cast<double>(total_) * fraction + rounding);
  std::size_t document = 0;  // what has no text in front of the first character is the beginning, a cover perhaps
  if (wanted > 0)
    document = static_cast<std::size_t>(std::upper_bound(before_.begin(), before_.end(), wanted) - before_.begin()) - 1;
  std::optional<position> out = at(document, wanted - before_[document], quality::fraction);
  out->total_fraction = fraction;
  return out;
}

std::string measure::pack() const {
  std::string out(1, stored_form);
  put_number(out, documents_.size());
  for (const measured_document& d : documents_) {
    put_text(out, d.path);
    put_number(out, d.nw);
  }
  return out;
}

std::optional<measure> measure::unpack(std::string_view packed) {
  if (!packed.starts_with(stored_form)) return std::nullopt;
  packed_reader in(packed.substr(1));
  std::vector<measured_document> documents;
  constexpr std::uint64_t most = 1ULL << 40;  // of one document; no sum of them overflows
  for (std::uint64_t count = in.number(); count > 0 && in.good(); --count) {
    measured_document d{.path = in.text(), .nw = in.number()};
    if (d.nw > most) return std::nullopt;
    documents.push_back(std::move(d));
  }
  if (!in.good() || !in.done()) return std::nullopt;
  return measure(std::move(documents));
}

double percentage(const position& p) { return std::floor(fraction_inside(p.total_fraction) * 1e4 + rounding) / 1e4; }

int page_at(double fraction, int pages) {
  if (pages < 1) return 1;
  return std::clamp(static_cast<int>(std::ceil(fraction_inside(fraction) * pages - rounding)), 1, pages);
}

double fraction_at(int page, int pages) {
  return pages < 1 ? 0 : fraction_inside(static_cast<double>(page) / static_cast<double>(pages));
}

}  // namespace carrel::publication::locator
