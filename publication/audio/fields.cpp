#include "publication/audio/fields.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "publication/identifiers.hpp"
#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::audio {
namespace {

using names = std::span<const std::string_view>;

// ID3v2, MP4 and Vorbis side by side, in the order in which they count; no file has more than one of the three. What Windows
// Media calls the same comes last.
constexpr std::array<std::string_view, 4> album{"talb", "©alb", "album", "wm/albumtitle"};
constexpr std::array<std::string_view, 3> title{"tit2", "©nam", "title"};
constexpr std::array<std::string_view, 6> subtitle{"tit3", "txxx:subtitle", "----:subtitle", "©st3", "subtitle", "wm/subtitle"};
constexpr std::array<std::string_view, 7> authors{"tpe1", "©art", "artist", "tpe2", "aart", "albumartist", "wm/albumartist"};
constexpr std::array<std::string_view, 9> narrators{"tcom",     "txxx:narrator", "©wrt",      "©nrt",       "----:narrator",
                                                    "composer", "narrator",      "performer", "wm/composer"};
constexpr std::array<std::string_view, 9> series{"txxx:series", "mvnm",   "txxx:show",    "----:series", "©mvn",
                                                 "tvsh",        "series", "movementname", "show"};
constexpr std::array<std::string_view, 10> series_part{
    "txxx:series-part", "mvin", "txxx:part", "----:series-part", "©mvi", "tven", "----:part", "series-part", "movement", "part"};
constexpr std::array<std::string_view, 5> grouping{"grp1", "tit1", "©grp", "grouping", "wm/contentgroupdescription"};
constexpr std::array<std::string_view, 8> publisher{"tpub",      "txxx:publisher", "----:publisher", "©pub",
                                                    "publisher", "label",          "organization",   "wm/publisher"};
constexpr std::array<std::string_view, 8> published{"tdrc", "tdrl", "tyer", "txxx:date", "©day", "date", "year", "wm/year"};
constexpr std::array<std::string_view, 8> described{"txxx:description", "comm",   "comm:*", "desc", "ldes", "©cmt",
                                                    "description",      "comment"};
constexpr std::array<std::string_view, 4> genres{"tcon", "©gen", "genre", "wm/genre"};
constexpr std::array<std::string_view, 5> language{"tlan", "txxx:language", "----:language", "language", "wm/language"};
constexpr std::array<std::string_view, 3> isbns{"txxx:isbn", "----:isbn", "isbn"};
constexpr std::array<std::string_view, 6> asins{"txxx:asin", "txxx:audible_asin", "----:asin", "----:audible_asin", "cdek",
                                                "asin"};
constexpr std::array<std::string_view, 3> abridged{"txxx:abridged", "----:abridged", "abridged"};
constexpr std::array<std::string_view, 4> track{"trck", "trkn", "tracknumber", "wm/tracknumber"};
constexpr std::array<std::string_view, 4> disc{"tpos", "disk", "discnumber", "wm/partofset"};

constexpr std::size_t title_limit = 1000, series_limit = 500, publisher_limit = 300, genre_limit = 200, most_genres = 500;
constexpr std::size_t most_people = 200, most_series = 50, short_copyright = 60, index_limit = 40;

struct in_series {
  std::string name, index;
  std::string shown() const { return index.empty() ? name : name + " #" + index; }
};

// "3/12" is the third of twelve.
std::string before_slash(const std::string& s) { return std::string(trim(std::string_view(s).substr(0, s.find('/')))); }

// "Name #3": the number has neither blanks nor another sign in it.
std::optional<in_series> from_grouping(std::string_view text) {
  std::size_t at = text.rfind(" #");
  if (at == std::string_view::npos || trim(text.substr(0, at)).empty()) return std::nullopt;
  std::string_view index = text.substr(at + 2);
  if (index.empty() || index.find_first_of(" #") != std::string_view::npos) return std::nullopt;
  return in_series{std::string(trim(text.substr(0, at))), std::string(index)};
}

class describer {
 public:
  describer(const tags& in, std::vector<warning>& warnings) : in_(in), warnings_(warnings) {}

  metadata describe() {
    read_titles();
    read_languages();
    about_.title_sort = title_sort(about_.title, first_language());
    read_people(authors, "aut", about_.authors);
    read_people(narrators, "nrt", about_.contributors);
    read_series();
    read_publisher();
    read_date();
    read_description();
    read_genres();
    read_identifiers();
    read_facts();
    return std::move(about_);
  }

 private:
  const std::vector<std::string>& values(names list) const {
    static const std::vector<std::string> none;
    for (std::string_view name : list) {
      if (const std::vector<std::string>& found = in_.all(name); !found.empty()) return found;
    }
    return none;
  }

  std::string bounded(std::string_view raw, std::size_t limit, std::string_view field) {
    return clean_field(raw, limit, field, warnings_);
  }

  std::string first(names list, std::size_t limit, std::string_view field) {
    for (std::string_view name : list) {
      for (const std::string& value : in_.all(name)) {
        if (std::string text = bounded(value, limit, field); !text.empty()) return text;
      }
    }
    return {};
  }

  std::string first_language() const { return about_.languages.empty() ? std::string() : about_.languages.front(); }
  void add_fact(const char* key, std::string value) { about_.facts.emplace_back(key, std::move(value)); }

  void read_titles() {
    about_.title = first(album, title_limit, "title");
    std::string own = first(title, title_limit, "title");
    bool no_album = about_.title.empty();
    if (no_album) about_.title = own;
    // Of one file without an album its title is the book's; whoever has several can tell by the two being equal.
    if (!own.empty() && (no_album || own != about_.title)) add_fact("track_title", std::move(own));
    about_.subtitle = first(subtitle, title_limit, "subtitle");
  }

  void read_languages() {
    for (const std::string& value : values(language)) {
      std::string text = clean_text(value, 100), lower = lower_ascii(text);
      std::optional<std::string> tag = language_tag(text);
      bool none = lower == "und" || lower == "zxx" || lower == "mul" || lower == "xxx";
      if (!tag && !none) warn(warnings_, "metadata_invalid_value", "language");
      bool known = tag && std::find(about_.languages.begin(), about_.languages.end(), *tag) != about_.languages.end();
      if (tag && !known && about_.languages.size() < 20) about_.languages.push_back(*tag);
    }
  }

  void read_people(names list, const char* role, std::vector<person>& out) {
    for (std::string_view name : list) {
      for (const std::string& value : in_.all(name)) {
        for (const std::string& one : split_people_at_commas(clean_text(value, 4000))) {
          person_name p = clean_person(one, "", first_language());
          if (p.name.empty()) continue;
          if (out.size() >= most_people) return warn(warnings_, "metadata_truncated", "people");
          person made{p.name, p.sort, role};
          if (std::find(out.begin(), out.end(), made) == out.end()) out.push_back(std::move(made));
        }
      }
      if (!out.empty()) return;
    }
  }

  std::vector<in_series> pairs() {
    std::string name = first(series, longest_text, "series"), part = first(series_part, longest_text, "series index");
    std::vector<in_series> out;
    if (name.empty()) {
      for (const std::string& one : split(first(grouping, longest_text, "series"), ';')) {
        if (std::optional<in_series> found = from_grouping(one)) out.push_back(std::move(*found));
      }
      return out;
    }
    std::vector<std::string> several = split(name, ';'), parts = split(part, ';');
    bool paired = several.size() > 1 && several.size() == parts.size();
    if (!paired) return {{name, before_slash(part)}};
    for (std::size_t i = 0; i < several.size(); ++i) {
      if (!several[i].empty()) out.push_back({several[i], parts[i]});
    }
    return out;
  }

  void read_series() {
    std::vector<in_series> all = pairs();
    if (all.size() > most_series) {
      all.resize(most_series);
      warn(warnings_, "metadata_truncated", "series");
    }
    for (in_series& s : all) {
      s.name = bounded(s.name, series_limit, "series");
      s.index = bounded(s.index, index_limit, "series index");
    }
    if (all.empty()) return;
    about_.series = all.front().name;
    about_.series_index_text = all.front().index;
    about_.series_index = series_number(all.front().index);
    if (!all.front().index.empty() && !about_.series_index) warn(warnings_, "metadata_invalid_value", "series index");
    if (all.size() == 1) return;
    std::string list;
    for (const in_series& s : all) list += (list.empty() ? "" : "\n") + s.shown();
    add_fact("series", std::move(list));
  }

  void read_publisher() {
    about_.publisher = first(publisher, publisher_limit, "publisher");
    if (!about_.publisher.empty()) return;
    // Some put the house where the copyright belongs; a whole sentence there is none.
    for (const std::string& value : in_.all("cprt")) {
      std::string text = clean_text(value, publisher_limit);
      if (about_.publisher.empty() && count_code_points(text) <= short_copyright) about_.publisher = std::move(text);
    }
  }

  void read_date() {
    bool any = false;
    for (std::string_view name : published) {
      for (const std::string& value : in_.all(name)) {
        any = true;
        std::optional<std::string> found = date(clean_text(value, 100));
        if (!found) continue;
        about_.published_on = *found;
        return;
      }
    }
    if (any) warn(warnings_, "metadata_invalid_value", "date");
  }

  void read_description() {
    for (std::string_view name : described) {
      for (const std::string& value : in_.all(name)) {
        description d = sanitise(value);
        if (d.text.empty()) continue;
        if (d.shortened) warn(warnings_, "metadata_truncated", "description");
        about_.description_html = std::move(d.html);
        about_.description_text = std::move(d.text);
        return;
      }
    }
  }

  // A single value may be a list; where each has its own, an own mark belongs to the name.
  std::vector<std::string> genre_names() const {
    const std::vector<std::string>& given = values(genres);
    if (given.size() != 1) return given;
    std::vector<std::string> out;
    for (std::size_t from = 0, next = 0; next != std::string::npos; from = next + 1) {
      next = given[0].find_first_of("/;,|", from);
      out.push_back(given[0].substr(from, next == std::string::npos ? next : next - from));
    }
    return out;
  }

  void read_genres() {
    std::vector<std::string> seen;
    for (const std::string& raw : genre_names()) {
      std::string one = bounded(raw, genre_limit, "genres"), key = case_fold(one);
      if (one.empty() || std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
      if (about_.genres.size() >= most_genres) return warn(warnings_, "metadata_truncated", "genres");
      seen.push_back(std::move(key));
      about_.genres.push_back(std::move(one));
    }
  }

  void read_identifiers() {
    for (std::string_view name : isbns) {
      for (const std::string& value : in_.all(name)) {
        if (!add_identifier(about_.identifiers, value, "isbn", "")) warn(warnings_, "metadata_invalid_value", "ISBN");
      }
    }
    for (std::string_view name : asins) {
      for (const std::string& value : in_.all(name)) add_identifier(about_.identifiers, value, "asin", "");
    }
  }

  void read_number(names list, const char* key) {
    for (const std::string& value : values(list)) {
      constexpr std::int64_t most = 100'000;
      std::optional<std::int64_t> n = to_integer(before_slash(value));
      if (n && *n > 0 && *n <= most) return add_fact(key, std::to_string(*n));
    }
  }

  void read_facts() {
    read_number(track, "track");
    read_number(disc, "disc");
    std::string shortened = fold(first(abridged, 100, "abridged"));
    if (shortened == "1" || shortened == "true" || shortened == "yes" || shortened == "abridged") add_fact("abridged", "true");
    if (shortened == "0" || shortened == "false" || shortened == "no" || shortened == "unabridged") add_fact("abridged", "false");
  }

  const tags& in_;
  std::vector<warning>& warnings_;
  metadata about_;
};

}  // namespace

metadata describe(const tags& in, std::vector<warning>& warnings) { return describer(in, warnings).describe(); }

}  // namespace carrel::publication::audio
