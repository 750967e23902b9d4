#include "ingest/sources/choose.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "publication/sanitise.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr std::string_view own_files = "embedded";
constexpr double plausible = 0.75;  // own files that name a title of worth, whatever else is missing (ingest.md 18.1)

bool holds(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool provides(const record& r, std::string_view field) {
  if (field == "title") return !r.title.empty();
  if (field == "subtitle") return !r.subtitle.empty();
  if (field == "authors") return !r.authors.empty();
  if (field == "languages") return !r.language.empty();
  if (field == "series") return !r.series.empty();
  if (field == "publisher") return !r.publisher.empty();
  if (field == "published") return r.published_year.has_value();
  if (field == "page_count") return r.page_count.has_value();
  if (field == "genres") return !r.genres.empty();
  if (field == "tags") return !r.tags.empty();
  if (field == "narrators") return !r.narrators.empty();
  if (field == "duration") return r.duration_seconds.has_value();
  return false;
}

// ---- how sure a candidate is -------------------------------------------------------------------------------------

bool same_work(const record& a, const record& b) {
  constexpr std::array<std::string_view, 2> works{"hardcover_book", "openlibrary_work"};
  return std::any_of(works.begin(), works.end(), [&](std::string_view scheme) {
    std::string id = identifier_of(a, scheme);
    return !id.empty() && id == identifier_of(b, scheme);
  });
}

bool is_ahead(const std::vector<candidate>& all, std::size_t i, double lead) {
  constexpr double rounding = 1e-9;
  const candidate& c = all[i];
  for (std::size_t k = 0; k < all.size(); ++k) {
    const candidate& other = all[k];
    if (k == i || other.source != c.source) continue;
    double by = c.scored.confidence - other.scored.confidence;
    if (by >= lead - rounding) continue;
    if (!same_identifier(c.about, other.about) && !same_work(c.about, other.about)) return false;
    if (by < 0 || (by == 0 && k < i)) return false;  // the same book, and the other one is the better record of it
  }
  return true;
}

// ---- preferences -------------------------------------------------------------------------------------------------

// Sources in order; those that are not named come behind them, the surest first.
struct preference {
  std::string_view field;
  std::array<std::string_view, 4> sources;
  enum { any, same_number, sound } only = any;
};
constexpr std::array<preference, 12> preferences_by_field{
    {{"title", {own_files, "hardcover", "google_books", "open_library"}},
     {"subtitle", {own_files, "hardcover", "google_books", "open_library"}},
     {"authors", {own_files, "hardcover", "google_books", "open_library"}},
     {"languages", {own_files, "hardcover", "google_books", "open_library"}},
     {"series", {"hardcover", own_files, "audnexus", "open_library"}},
     {"publisher", {}, preference::same_number},
     {"published", {}, preference::same_number},
     {"page_count", {}, preference::same_number},
     {"genres", {"hardcover", "google_books", "open_library", ""}},
     {"tags", {"hardcover", "google_books", "open_library", ""}},
     {"narrators", {own_files, "audnexus", "", ""}, preference::sound},
     {"duration", {own_files, "audnexus", "", ""}, preference::sound}}};

class chooser {
 public:
  chooser(const book_now& book, const std::vector<candidate>& all, apply_mode mode, const thresholds& limits)
      : book_(book), all_(all), mode_(mode), limits_(limits) {
    std::vector<standing> states = standings(all, limits);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (states[i] == standing::automatic) sure_.push_back(i);
    }
    std::stable_sort(sure_.begin(), sure_.end(),
                     [&](std::size_t a, std::size_t b) { return all[a].scored.confidence > all[b].scored.confidence; });
  }

  choices take() {
    for (const preference& p : preferences_by_field) {
      if (std::optional<std::size_t> from = best_for(p)) out_.fields.push_back({std::string(p.field), *from});
    }
    if (std::optional<std::size_t> from = description()) out_.fields.push_back({"description", *from});
    identifiers();
    covers();
    return std::move(out_);
  }

 private:
  bool may_change(std::string_view field) const {
    if (holds(book_.locked, field)) return false;
    return mode_ == apply_mode::replace || !holds(book_.filled, field);
  }

  // What the book's own files say, and the book holds.
  bool own_files_say(std::string_view field) const {
    return book_.local_confidence >= plausible && holds(book_.local_fields, field) && holds(book_.filled, field);
  }

  bool allowed(const preference& p, const candidate& c) const {
    bool naming = p.field == "title" || p.field == "authors";
    if (naming && c.scored.confidence < limits_.title_author) return false;
    return p.only != preference::same_number || c.scored.identifier == identity::same;
  }

  std::optional<std::size_t> first_of(const preference& p, std::string_view source) const {
    for (std::size_t i : sure_) {
      bool listed = std::find(p.sources.begin(), p.sources.end(), all_[i].source) != p.sources.end();
      bool wanted = source.empty() ? !listed : all_[i].source == source;
      if (wanted && provides(all_[i].about, p.field) && allowed(p, all_[i])) return i;
    }
    return std::nullopt;
  }

  std::optional<std::size_t> best_for(const preference& p) const {
    if (!may_change(p.field) || (p.only == preference::sound && !book_.audio)) return std::nullopt;
    for (std::string_view source : p.sources) {
      if (source == own_files && own_files_say(p.field)) return std::nullopt;
      if (source.empty()) break;
      if (std::optional<std::size_t> found = first_of(p, source)) return found;
    }
    return first_of(p, {});
  }

  // The longest of the top two, neither a line nor a book.
  std::optional<std::size_t> description() const {
    constexpr std::size_t shortest = 200, longest = 6000, top = 2;
    if (!may_change("description")) return std::nullopt;
    std::optional<std::size_t> best;
    std::size_t most = 0;
    for (std::size_t n = 0; n < std::min(sure_.size(), top); ++n) {
      std::size_t length = count_code_points(publication::sanitise(all_[sure_[n]].about.description).text);
      if (length < shortest || length > longest || length <= most) continue;
      most = length;
      best = sure_[n];
    }
    return best;
  }

  bool has_identifier(std::string_view scheme) const {
    return std::any_of(book_.identifiers.begin(), book_.identifiers.end(),
                       [&](const auto& i) { return i.first == scheme && !i.second.empty(); });
  }

  // Only what is missing is added, whatever the mode. A number of an edition comes from the record of that very edition.
  void identifiers() {
    if (holds(book_.locked, "identifiers")) return;
    bool isbn_there = has_identifier("isbn_13") || has_identifier("isbn_10");
    for (std::size_t i : sure_) {
      bool same = all_[i].scored.identifier == identity::same;
      for (std::string_view scheme : {"isbn_13", "isbn_10", "asin"}) {
        bool is_isbn = scheme != "asin";
        if (same && !(is_isbn && isbn_there)) add_identifier(i, scheme);
      }
      for (const auto& [scheme, value] : all_[i].about.identifiers) add_identifier(i, scheme);
    }
  }

  void add_identifier(std::size_t from, std::string_view scheme) {
    bool chosen =
        std::any_of(out_.identifiers.begin(), out_.identifiers.end(), [&](const choice& c) { return c.field == scheme; });
    if (chosen || has_identifier(scheme) || identifier_of(all_[from].about, scheme).empty()) return;
    out_.identifiers.push_back({std::string(scheme), from});
  }

  void covers() {
    constexpr int wide_enough = 600, least_width = 200, least_height = 280, least_height_of_audio = 200;
    bool there = holds(book_.filled, "cover");
    if (!may_change("cover") || (there && book_.cover_width >= wide_enough)) return;
    int height = book_.audio ? least_height_of_audio : least_height;
    for (std::size_t i : sure_) {
      const record_cover& c = all_[i].about.cover;
      bool known = c.width > 0 && c.height > 0;
      bool too_small = known && (c.width < least_width || c.height < height);
      // Where there is no cover at all, a small one is better than none.
      if (c.url.empty() || (there && (too_small || (known && c.width <= book_.cover_width)))) continue;
      out_.covers.push_back(i);
    }
    std::stable_sort(out_.covers.begin(), out_.covers.end(),
                     [&](std::size_t a, std::size_t b) { return all_[a].about.cover.width > all_[b].about.cover.width; });
  }

  const book_now& book_;
  const std::vector<candidate>& all_;
  apply_mode mode_;
  const thresholds& limits_;
  std::vector<std::size_t> sure_;  // the surest first
  choices out_;
};

}  // namespace

std::string identifier_of(const record& r, std::string_view scheme) {
  if (scheme == "isbn_13") return r.isbn_13;
  if (scheme == "isbn_10") return r.isbn_10;
  if (scheme == "asin") return r.asin;
  auto at = std::find_if(r.identifiers.begin(), r.identifiers.end(), [&](const auto& i) { return i.first == scheme; });
  return at == r.identifiers.end() ? std::string() : at->second;
}

std::vector<standing> standings(const std::vector<candidate>& all, const thresholds& limits) {
  std::vector<standing> out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    double confidence = all[i].scored.confidence;
    bool sure = confidence >= limits.automatic && is_ahead(all, i, limits.lead);
    out.push_back(sure ? standing::automatic : confidence >= limits.review ? standing::review : standing::hidden);
  }
  return out;
}

std::vector<std::string> choices::taken_from(std::size_t candidate) const {
  std::vector<std::string> out;
  for (const choice& c : fields) {
    if (c.from == candidate) out.push_back(c.field);
  }
  if (std::any_of(identifiers.begin(), identifiers.end(), [&](const choice& c) { return c.from == candidate; }))
    out.emplace_back("identifiers");
  return out;
}

choices choose(const book_now& book, const std::vector<candidate>& all, apply_mode mode, const thresholds& limits) {
  if (mode == apply_mode::off || book.approved) return {};
  return chooser(book, all, mode, limits).take();
}

}  // namespace carrel::ingest::sources
