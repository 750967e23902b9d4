#include "publication/kepub/span_map.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "publication/fractions.hpp"
#include "publication/packed.hpp"
#include "publication/path_names.hpp"

namespace carrel::publication::kepub {
namespace {

constexpr char stored_form = 2;  // with the counted characters

}  // namespace

span_map::span_map(std::vector<mapped_document> documents) : documents_(std::move(documents)) {
  for (const mapped_document& d : documents_) {
    before_.push_back(total_);
    total_ += d.characters;
  }
}

std::optional<std::size_t> span_map::document_named(std::string_view source) const {
  return path_meant(source, documents_.size(), [this](std::size_t i) -> std::string_view { return documents_[i].path; });
}

const span_start* span_map::span_named(std::size_t document, std::string_view value) const {
  std::optional<span_id> id = parse_span(value);
  if (!id || document >= documents_.size()) return nullptr;
  const std::vector<span_start>& spans = documents_[document].spans;
  auto at = std::find_if(spans.begin(), spans.end(), [&](const span_start& s) { return s.id == *id; });
  return at == spans.end() ? nullptr : &*at;
}

const span_start* span_map::span_at(std::size_t document, std::uint64_t nw) const {
  if (document >= documents_.size() || documents_[document].spans.empty()) return nullptr;
  const std::vector<span_start>& spans = documents_[document].spans;
  auto behind = std::upper_bound(spans.begin(), spans.end(), nw, [](std::uint64_t n, const span_start& s) { return n < s.nw; });
  return &*(behind == spans.begin() ? behind : behind - 1);
}

std::optional<place> span_map::at_span(std::size_t document, std::string_view value) const {
  const span_start* span = span_named(document, value);
  if (span == nullptr) return std::nullopt;
  return place{.document = document, .offset = span->offset, .exact = true};
}

place span_map::at_fraction_of(std::size_t document, double fraction) const {
  if (document >= documents_.size()) return {};
  auto length = static_cast<double>(documents_[document].characters);
  return {.document = document, .offset = static_cast<std::uint64_t>(length * fraction_inside(fraction)), .exact = false};
}

place span_map::at_fraction(double of_book) const {
  if (documents_.empty()) return {};
  auto wanted = static_cast<std::uint64_t>(static_cast<double>(total_) * fraction_inside(of_book));
  auto behind = std::upper_bound(before_.begin(), before_.end(), wanted);
  auto document = static_cast<std::size_t>(behind - before_.begin()) - 1;
  return {.document = document, .offset = std::min(wanted - before_[document], documents_[document].characters), .exact = false};
}

std::optional<place> span_map::of(std::string_view source, std::string_view value, std::optional<double> percent_of_document,
                                  std::optional<double> percent_of_book) const {
  std::optional<std::size_t> document = document_named(source);
  if (document) {
    if (std::optional<place> exact = at_span(*document, value)) return exact;
    if (percent_of_document) return at_fraction_of(*document, *percent_of_document / 100);
  }
  if (percent_of_book) return at_fraction(*percent_of_book / 100);
  return document ? std::optional(at_fraction_of(*document, 0)) : std::nullopt;
}

double span_map::fraction_of_book(const place& p) const {
  return p.document < documents_.size() ? fraction_of(before_[p.document] + p.offset, total_) : 0;
}

double span_map::fraction_of_document(const place& p) const {
  return p.document < documents_.size() ? fraction_of(p.offset, documents_[p.document].characters) : 0;
}

location span_map::location_of(const place& p, bool finished) const {
  location out{.source = {}, .value = "kobo.1.1"};
  auto percent = [](double fraction) { return static_cast<int>(std::floor(fraction * 100)); };
  out.in_book = finished ? 100 : std::min(percent(fraction_of_book(p)), 99);
  if (p.document >= documents_.size()) return out;
  const mapped_document& d = documents_[p.document];
  out.source = d.path;
  out.in_document = percent(fraction_of_document(p));
  auto behind = std::upper_bound(d.spans.begin(), d.spans.end(), p.offset,
                                 [](std::uint64_t offset, const span_start& s) { return offset < s.offset; });
  if (!d.spans.empty()) out.value = (behind == d.spans.begin() ? *behind : *(behind - 1)).id.text();
  return out;
}

std::string span_map::packed(const mapped_document& d) {
  std::string out;
  put_text(out, d.path);
  put_number(out, d.characters);
  put_number(out, d.nw);
  put_number(out, d.spans.size());
  span_start last;
  for (const span_start& s : d.spans) {
    // Modulo 2^32: in a KEPUB of another maker they need not rise.
    put_number(out, static_cast<std::uint32_t>(s.id.paragraph) - static_cast<std::uint32_t>(last.id.paragraph));
    put_number(out, static_cast<std::uint32_t>(s.id.segment));
    put_number(out, s.offset - last.offset);
    put_number(out, s.nw - last.nw);
    last = s;
  }
  return out;
}

std::string span_map::pack(const std::vector<std::string>& documents) {
  std::string out(1, stored_form);
  put_number(out, documents.size());
  for (const std::string& d : documents) out += d;
  return out;
}

std::string span_map::pack() const {
  std::vector<std::string> each;
  each.reserve(documents_.size());
  std::transform(documents_.begin(), documents_.end(), std::back_inserter(each), &span_map::packed);
  return pack(each);
}

std::optional<span_map> span_map::unpack(std::string_view packed) {
  if (!packed.starts_with(stored_form)) return std::nullopt;
  packed_reader in(packed.substr(1));
  std::vector<mapped_document> documents;
  for (std::uint64_t count = in.number(); count > 0 && in.good(); --count) {
    mapped_document d{.path = in.text(), .characters = in.number(), .nw = in.number()};
    std::uint64_t spans = in.number();
    if (!in.good() || spans > in.left()) return std::nullopt;
    d.spans.reserve(static_cast<std::size_t>(spans));
    span_start last;
    for (; spans > 0 && in.good(); --spans) {
      last.id.paragraph =
          static_cast<int>(static_cast<std::uint32_t>(last.id.paragraph) + static_cast<std::uint32_t>(in.number()));
      last.id.segment = static_cast<int>(static_cast<std::uint32_t>(in.number()));
      last.offset += in.number();
      last.nw += in.number();
      if (last.nw > d.nw) return std::nullopt;
      d.spans.push_back(last);
    }
    documents.push_back(std::move(d));
  }
  if (!in.good() || !in.done()) return std::nullopt;
  return span_map(std::move(documents));
}

}  // namespace carrel::publication::kepub
