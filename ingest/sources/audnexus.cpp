// Audnexus: audiobooks by their ASIN (metadata-providers.md 6).

#include <algorithm>
#include <array>

#include "ingest/sources/normalise.hpp"
#include "ingest/sources/talk.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr std::array<std::string_view, 10> all_regions{"us", "uk", "au", "ca", "de", "es", "fr", "in", "it", "jp"};

// The household's in its order, then the others.
std::vector<std::string> regions_of(const preferences& settings) {
  std::vector<std::string> out;
  for (const std::string& region : settings.audnexus_regions) {
    bool known = std::find(all_regions.begin(), all_regions.end(), region) != all_regions.end();
    if (known && std::find(out.begin(), out.end(), region) == out.end()) out.push_back(region);
  }
  for (std::string_view region : all_regions) {
    if (std::find(out.begin(), out.end(), region) == out.end()) out.emplace_back(region);
  }
  return out;
}

class audnexus_talk final : public talk {
 public:
  audnexus_talk(const question& asked, const preferences& settings)
      : talk(asked, settings), asin_(asin_of(asked.asin)), regions_(regions_of(settings)) {
    if (asked.audio && !asin_.empty()) ask_region();
  }

 private:
  void ask_region() { plan("asin", target_of("/books/" + asin_, {{"region", regions_[region_++]}})); }

  void heard(const ask& asked, const reply& answer, const node& body) override {
    constexpr std::size_t most_others = 3;
    if (answer.status == 404) {
      bool elsewhere = body["error"]["code"].text() == "REGION_UNAVAILABLE";
      if (elsewhere && region_ <= most_others && region_ < regions_.size()) ask_region();
      return;
    }
    add(book(body, asked.kind));
  }

  record book(const node& b, const std::string& kind) const {
    record r;
    std::string asin = asin_of(b["asin"].text());
    r.provider_key = r.asin = asin;
    r.query_kind = kind;
    set_title(r, b["title"].text(), b["subtitle"].text());
    for (const node& a : b["authors"].items()) add_person(r, a["name"].text());
    for (const node& n : b["narrators"].items()) add_person(r, n["name"].text(), "narrator");
    r.publisher = one_line(b["publisherName"].text(), 300);
    r.description = description_of(b["summary"].text());
    if (r.description.empty()) r.description = description_of(b["description"].text());
    set_date(r, b["releaseDate"].text());
    add_cover(r, b["image"].text());
    set_isbn(r, {b["isbn"].text()}, asked_);
    r.language = language_of(b["language"].text());
    std::optional<double> minutes = b["runtimeLengthMin"].number();
    if (minutes) r.duration_seconds = seconds_of(*minutes * 60);
    std::string form = lower_ascii(b["formatType"].text());
    if (form == "abridged" || form == "unabridged") r.abridged = form == "abridged";
    read_genres(r, b["genres"]);
    // Places come dirty ("2, Dramatized Adaptation"): the first number counts, the text is kept.
    for (std::string_view which : {"seriesPrimary", "seriesSecondary"})
      add_series(r, b[which]["name"].text(), b[which]["position"].text(), which == "seriesPrimary");
    set_rating(r, b["rating"], {});
    r.explicit_content = b["isAdult"].flag();
    if (!asin.empty()) add_identifier(r, "audible", asin);
    r.raw = storable(b);
    return r;
  }

  void read_genres(record& r, const node& list) const {
    constexpr std::size_t most_tags = 20;
    std::vector<std::string> genres, tags;
    for (const node& g : list.items()) (g["type"].text() == "tag" ? tags : genres).push_back(g["name"].text());
    r.genres = genres_of_names(genres, settings_.genres);
    add_names(r.tags, tags, most_tags);
  }

  std::string asin_;
  std::vector<std::string> regions_;
  std::size_t region_ = 0;  // the next to ask
};

}  // namespace

std::unique_ptr<conversation> audnexus(const question& asked, const preferences& settings) {
  return std::make_unique<audnexus_talk>(asked, settings);
}

}  // namespace carrel::ingest::sources
