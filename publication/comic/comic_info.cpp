#include "publication/comic/comic_info.hpp"

#include <algorithm>
#include <array>

#include "publication/comic_info_fact.hpp"
#include "publication/identifiers.hpp"
#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::comic {
namespace {

constexpr std::size_t title_limit = 1000, series_limit = 500, publisher_limit = 300, subject_limit = 200, number_limit = 40;
constexpr std::size_t most_subjects = 500, most_people = 200, long_text = 64 << 10;
constexpr double largest_index = 99'999;
constexpr std::int64_t largest_count = 99'999;

// "1", "1.5"; no signs, exponents or names of numbers.
std::optional<double> plain_number(std::string_view s) {
  bool plain =
      !s.empty() && s.size() <= 12 && std::all_of(s.begin(), s.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return plain ? to_double(s) : std::nullopt;
}

// "½" and "1½"
std::optional<double> with_fraction_sign(std::string_view s) {
  std::size_t digits = std::min(s.find_first_not_of("0123456789"), s.size()), i = digits;
  if (digits == s.size()) return std::nullopt;
  double part = u_getNumericValue(next_code_point(s, i));
  double whole = digits == 0 ? 0 : plain_number(s.substr(0, digits)).value_or(-1);
  if (i != s.size() || whole < 0 || part <= 0 || part >= 1) return std::nullopt;
  return whole + part;
}

std::optional<double> issue_number(std::string_view s) {
  std::optional<double> found = plain_number(s);
  if (!found) found = with_fraction_sign(s);
  if (std::size_t slash = s.find('/'); !found && slash != std::string_view::npos) {
    std::optional<double> above = plain_number(s.substr(0, slash)), below = plain_number(s.substr(slash + 1));
    if (above && below && *below > 0) found = *above / *below;
  }
  return found && *found <= largest_index ? found : std::nullopt;
}

class reader {
 public:
  reader(const pugi::xml_node& root, std::vector<warning>& warnings) : root_(root), warnings_(warnings) {}

  comic_info read() {
    series();
    titles();
    read_description();
    about().published_on = date_of_issue();
    people();
    about().publisher = value("Publisher", publisher_limit);
    about().genres = list("Genre");
    about().subjects = list("Tags");
    language();
    about().title_sort = title_sort(about().title, about().languages.empty() ? "" : about().languages.front());
    identifiers();
    direction_and_rating();
    facts();
    pages();
    if (!about().title.empty() || !about().series.empty() || !about().authors.empty()) about().facts.push_back(comic_info_fact());
    return std::move(out_);
  }

 private:
  metadata& about() { return out_.about; }

  std::string value(const char* name, std::size_t limit = long_text) {
    std::string text = clean_field(text_of(child(root_, name)), limit, name, warnings_);
    return text == "-1" || equal_ascii_case(text, "Unknown") ? std::string() : text;
  }

  void invalid(std::string_view name) { warn(warnings_, "metadata_invalid_value", name); }

  std::optional<std::int64_t> integer(const char* name, std::int64_t low, std::int64_t high) {
    std::string text = value(name, number_limit);
    if (text.empty()) return std::nullopt;
    std::optional<std::int64_t> found = to_integer(text);
    if (found && *found >= low && *found <= high) return found;
    invalid(name);
    return std::nullopt;
  }

  void fact(std::string_view key, std::string text) {
    if (!text.empty()) about().facts.emplace_back(key, std::move(text));
  }

  void series() {
    about().series = value("Series", series_limit);
    if (about().series.empty()) return;
    about().series_index_text = value("Number", number_limit);
    about().series_index = issue_number(about().series_index_text);
  }

  void titles() {
    about().title = value("Title", title_limit);
    if (!about().title.empty() || about().series.empty()) return;
    std::string volume = value("Volume", number_limit);
    if (!about().series_index_text.empty()) {
      about().title = about().series + " #" + about().series_index_text;
    } else if (!volume.empty()) {
      about().title = about().series + " v" + volume;
    }
  }

  void read_description() {
    if (value("Summary").empty()) return;
    description d = sanitise(text_of(child(root_, "Summary")), long_text);
    about().description_html = std::move(d.html);
    about().description_text = std::move(d.text);
    if (d.shortened) warn(warnings_, "metadata_truncated", "Summary");
  }

  // Impossible parts are left out one by one.
  std::string date_of_issue() {
    std::optional<std::int64_t> y = integer("Year", 1000, 9999), m = integer("Month", 1, 12), d = integer("Day", 1, 31);
    if (!y) return {};
    std::string year = std::to_string(*y);
    if (!date(year)) {
      invalid("Year");
      return {};
    }
    if (!m) return year;
    std::string month = year + "-" + std::to_string(*m);
    if (!d) return date(month).value_or(year);
    if (std::optional<std::string> whole = date(month + "-" + std::to_string(*d))) return *whole;
    invalid("Day");
    return date(month).value_or(year);
  }

  void people() {
    // MARC relator codes.
    static constexpr std::array<std::pair<const char*, const char*>, 8> roles{{{"Writer", "aut"},
                                                                               {"Penciller", "pnc"},
                                                                               {"Inker", "ink"},
                                                                               {"Colorist", "clr"},
                                                                               {"Letterer", "ltr"},
                                                                               {"CoverArtist", "cov"},
                                                                               {"Editor", "edt"},
                                                                               {"Translator", "trl"}}};
    std::optional<std::string> tag = language_tag(value("LanguageISO", number_limit));
    for (const auto& [element, role] : roles) {
      std::vector<person>& list = std::string_view(role) == "aut" ? about().authors : about().contributors;
      for (const std::string& name : split_people_at_commas(value(element))) {
        if (about().authors.size() + about().contributors.size() >= most_people)
          return warn(warnings_, "metadata_truncated", element);
        person_name p = clean_person(name, {}, tag.value_or(""));
        person who{p.name, p.sort, role};
        if (!p.name.empty() && std::find(list.begin(), list.end(), who) == list.end()) list.push_back(std::move(who));
      }
    }
  }

  std::vector<std::string> list(const char* name) {
    std::string text = value(name);
    std::replace(text.begin(), text.end(), ';', ',');
    std::vector<std::string> out, seen;
    for (const std::string& raw : split(text, ',')) {
      std::string one = clean_field(raw, subject_limit, name, warnings_), key = case_fold(one);
      if (one.empty() || std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
      if (out.size() >= most_subjects) {
        warn(warnings_, "metadata_truncated", name);
        break;
      }
      seen.push_back(std::move(key));
      out.push_back(std::move(one));
    }
    return out;
  }

  void language() {
    std::string text = value("LanguageISO", number_limit);
    if (text.empty()) return;
    if (std::optional<std::string> tag = language_tag(text)) {
      about().languages.push_back(*tag);
    } else {
      invalid("LanguageISO");
    }
  }

  void identifiers() {
    std::vector<std::string> others;  // a book has one identifier of a kind
    for (const std::string& url : split(value("Web"), ' ')) {
      if (url.empty()) continue;
      if (!lower_ascii(url).starts_with("https://") && !lower_ascii(url).starts_with("http://")) {
        invalid("Web");
        continue;
      }
      std::size_t known = about().identifiers.size();
      add_identifier(about().identifiers, url, {}, {});
      if (about().identifiers.size() == known) others.push_back(url);
    }
    fact("web", join(others, " "));

    std::string gtin = value("GTIN", number_limit);
    if (gtin.empty()) return;
    if (parse_isbn(gtin)) {
      add_identifier(about().identifiers, gtin, "isbn", {});
      return;
    }
    std::erase_if(gtin, [](char c) { return c == '-' || c == ' '; });
    if (std::all_of(gtin.begin(), gtin.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      add_identifier(about().identifiers, gtin, "gtin", {});
    } else {
      invalid("GTIN");
    }
  }

  void direction_and_rating() {
    std::string manga = value("Manga", number_limit);
    if (equal_ascii_case(manga, "YesAndRightToLeft")) about().reading = direction::rtl;
    if (equal_ascii_case(manga, "No")) about().reading = direction::ltr;
    std::string rating = value("CommunityRating", number_limit);
    if (rating.empty()) return;
    about().rating = plain_number(rating);
    if (about().rating && *about().rating <= 5) return;
    about().rating.reset();
    invalid("CommunityRating");
  }

  // "A, B" and "1, 2" make "A #1, B #2".
  std::string zipped(const char* names, const char* numbers) {
    std::vector<std::string> out, number = split(value(numbers), ',');
    std::size_t i = 0;
    for (const std::string& name : split(value(names), ',')) {
      bool numbered = i < number.size() && !number[i].empty() && number[i] != "-1";
      if (!name.empty()) out.push_back(numbered ? name + " #" + number[i] : name);
      ++i;
    }
    std::string text = join(out, ", ");
    return text.substr(0, cut_at_grapheme(text, long_text).size());
  }

  void facts() {
    if (std::optional<std::int64_t> total = integer("Count", 1, largest_count)) fact("series_total", std::to_string(*total));
    if (std::optional<std::int64_t> volume = integer("Volume", 1, largest_count)) fact("volume", std::to_string(*volume));
    fact("alternate_series", zipped("AlternateSeries", "AlternateNumber"));
    fact("story_arc", zipped("StoryArc", "StoryArcNumber"));
    static constexpr std::array<std::pair<const char*, std::string_view>, 12> plain{
        {{"SeriesGroup", "series_group"},
         {"Imprint", "imprint"},
         {"BlackAndWhite", "black_and_white"},
         {"Format", "format"},
         {"AgeRating", "age_rating"},
         {"Characters", "characters"},
         {"Teams", "teams"},
         {"Locations", "locations"},
         {"MainCharacterOrTeam", "main_character_or_team"},
         {"ScanInformation", "scan_information"},
         {"Notes", "notes"},
         {"Review", "review"}}};
    for (const auto& [element, key] : plain) fact(key, value(element));
  }

  void pages() {
    for (pugi::xml_node n : child(root_, "Pages").children()) {
      if (n.type() != pugi::node_element || !equal_ascii_case(local_name(n), "Page")) continue;
      std::string type = attribute(n, "Type");  // a list, says the schema
      bool front = has_token(type, "FrontCover"), gone = has_token(type, "Deleted");
      if (!front && !gone) continue;
      std::optional<std::int64_t> image = to_integer(trim(attribute(n, "Image")));
      if (!image || *image < 0) {
        invalid("Pages");
        continue;
      }
      (gone ? out_.deleted : out_.front_covers).push_back(static_cast<std::size_t>(*image));
    }
  }

  pugi::xml_node root_;
  std::vector<warning>& warnings_;
  comic_info out_;
};

}  // namespace

result<comic_info, refusal> read_comic_info(std::string_view bytes, int depth, std::vector<warning>& warnings) {
  result<xml_tree, refusal> tree = parse_package_xml(bytes, depth, warnings);
  if (!tree) {
    if (tree.error().code != "xml_entities_not_allowed") return tree.error();
    warn(warnings, tree.error().code, "ComicInfo.xml");
    return comic_info{};
  }
  pugi::xml_node root = (*tree)->document_element();
  if (!equal_ascii_case(local_name(root), "ComicInfo")) {
    warn(warnings, "metadata_invalid_value", "ComicInfo.xml");
    return comic_info{};
  }
  return reader(root, warnings).read();
}

}  // namespace carrel::publication::comic
