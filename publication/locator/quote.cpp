#include "publication/locator/quote.hpp"

#include <unordered_map>

#include "publication/counted.hpp"
#include "publication/kepub/spans.hpp"
#include "publication/locator/context.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::locator {
namespace {

// The spans of a document: whatever has such an id.
class spans_of {
 public:
  explicit spans_of(const document& d) : document_(d) {
    for (const auto& [id, element] : d.ids()) {
      if (kepub::parse_span(id)) names_.emplace(element, id);
    }
  }

  std::optional<quote_end> end_at(const spot& s) const {
    for (number e = document_.texts()[s.text].parent; e != none; e = document_.elements()[e].parent) {
      if (auto at = names_.find(e); at != names_.end())
        return quote_end{.span = at->second, .character = utf16_units(text_between(e, s))};
    }
    return std::nullopt;
  }

 private:
  // Of a span in front of a place in it.
  std::string_view text_between(number span, const spot& s) const {
    std::size_t from = document_.texts()[document_.elements()[span].texts].begin;
    return document_.raw().substr(from, document_.texts()[s.text].begin + s.byte - from);
  }

  static std::uint64_t utf16_units(std::string_view utf8) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < utf8.size();) out += next_code_point(utf8, i) > 0xffff ? 2 : 1;
    return out;
  }

  const document& document_;
  std::unordered_map<number, std::string> names_;
};

// Behind the character that begins there.
spot behind(const document& d, spot s) {
  std::string_view raw = d.raw(s.text);
  next_code_point(raw, s.byte);
  return s;
}

struct passage {
  std::uint64_t from = 0, to = 0;  // counted characters of the document
};

std::optional<found_quote> placed(const document& d, const spans_of& spans, const std::string& href, const passage& p) {
  std::optional<spot> from = d.at(p.from), to = d.at(p.to - 1);
  std::optional<quote_end> first = from ? spans.end_at(*from) : std::nullopt;
  std::optional<quote_end> last = to ? spans.end_at(behind(d, *to)) : std::nullopt;
  if (!first || !last) return std::nullopt;
  double progress = static_cast<double>(p.from) / static_cast<double>(d.nw());
  return found_quote{.href = href, .progress = progress, .first = std::move(*first), .last = std::move(*last)};
}

}  // namespace

std::vector<std::optional<found_quote>> find_quotes(book& b, const std::vector<std::string>& quotes) {
  std::vector<std::string> wanted;
  wanted.reserve(quotes.size());
  for (const std::string& q : quotes) wanted.push_back(squeezed(q));
  std::vector<std::optional<found_quote>> out(quotes.size());
  std::vector<bool> seen(quotes.size());
  for (std::size_t i = 0; i < b.size(); ++i) {
    std::shared_ptr<const document> d = b.document_at(i);
    if (!d || d->nw() == 0) continue;
    std::string text = squeezed(d->raw());
    spans_of spans(*d);
    for (std::size_t q = 0; q < wanted.size(); ++q) {
      std::size_t at = wanted[q].empty() ? text.npos : text.find(wanted[q]);
      if (at == text.npos) continue;
      bool again = seen[q] || text.find(wanted[q], at + 1) != text.npos;
      seen[q] = true;
      out[q].reset();
      if (again) continue;
      std::uint64_t from = count_code_points(std::string_view(text).substr(0, at));
      out[q] = placed(*d, spans, b.path(i), {.from = from, .to = from + count_code_points(wanted[q])});
    }
  }
  return out;
}

}  // namespace carrel::publication::locator
