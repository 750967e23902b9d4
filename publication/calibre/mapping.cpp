#include "publication/calibre/mapping.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "publication/calibre/moment.hpp"
#include "publication/identifiers.hpp"
#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::calibre {
namespace {

constexpr std::size_t title_limit = 1000, name_limit = 300, series_limit = 500, subject_limit = 200, description_limit = 64 << 10;
constexpr double largest_index = 99'999;  // in a series; what is larger is a date or another number

class mapper {
 public:
  mapper(const raw_book& in, const column_mapping& also) : in_(in), also_(also) {}

  book read() {
    out_.id = in_.id;
    languages();
    about_.title = bounded(in_.title, title_limit, "title");
    about_.title_sort = clean_text(in_.sort, title_limit);
    authors();
    series();
    about_.publisher = bounded(in_.publisher, name_limit, "publisher");
    dates();
    if (in_.rating && *in_.rating > 0 && *in_.rating <= 10) about_.rating = *in_.rating / 2;
    description();
    about_.subjects = texts(in_.tags, most_tags, "tags");
    columns();
    identifiers();
    out_.about = std::move(about_);
    out_.last_modified = clean_text(in_.last_modified, 64);
    return std::move(out_);
  }

 private:
  std::string bounded(std::string_view s, std::size_t most, const char* field) {
    std::string all = clean_text(s, most + 4);
    if (all.size() <= most) return all;
    warn(out_.warnings, "metadata_truncated", field);
    return clean_text(s, most);
  }

  std::vector<std::string> texts(const std::vector<std::string>& from, std::size_t most, const char* field) {
    std::vector<std::string> out, seen;
    for (const std::string& one : from) {
      std::string text = bounded(one, subject_limit, field), key = case_fold(text);
      if (text.empty() || std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
      if (out.size() >= most) {
        warn(out_.warnings, "metadata_truncated", field);
        break;
      }
      seen.push_back(std::move(key));
      out.push_back(std::move(text));
    }
    return out;
  }

  void languages() {
    for (const std::string& code : in_.languages) {
      std::string text = lower_ascii(clean_text(code, 100));
      if (text.empty() || text == "und" || text == "zxx" || text == "mul") continue;
      std::optional<std::string> tag = language_tag(text);
      if (!tag) {
        warn(out_.warnings, "metadata_invalid_value", "language");
      } else if (std::find(about_.languages.begin(), about_.languages.end(), *tag) == about_.languages.end()) {
        about_.languages.push_back(*tag);
      }
    }
  }

  void authors() {
    // The order of this book's own authors wins over that of each, as far as it can be told apart.
    std::vector<std::string> own;
    for (std::size_t from = 0; from <= in_.author_sort.size();) {
      std::size_t to = std::min(in_.author_sort.find(" & ", from), in_.author_sort.size());
      own.push_back(clean_text(in_.author_sort.substr(from, to - from), name_limit));
      from = to + 3;
    }
    bool fits = own.size() == in_.authors.size() && std::find(own.begin(), own.end(), std::string()) == own.end();
    for (std::size_t i = 0; i < in_.authors.size(); ++i) {
      std::string language = about_.languages.empty() ? std::string() : about_.languages.front();
      person_name p = calibre_person(in_.authors[i].name, fits ? own[i] : in_.authors[i].sort, language);
      if (p.name.empty()) continue;
      person author{.name = std::move(p.name), .sort = std::move(p.sort)};
      auto same = [&](const person& other) { return other.name == author.name; };
      if (std::none_of(about_.authors.begin(), about_.authors.end(), same)) about_.authors.push_back(std::move(author));
    }
  }

  void series() {
    about_.series = bounded(in_.series, series_limit, "series");
    if (about_.series.empty() || !in_.series_index) return;
    if (*in_.series_index < 0 || *in_.series_index > largest_index)
      return warn(out_.warnings, "metadata_invalid_value", "series index");
    about_.series_index = std::round(*in_.series_index * 1000) / 1000;
    about_.series_index_text = shortest(*about_.series_index);
  }

  // Calibre's "undefined" is the year 101; what a time zone makes of it is the year before.
  void dates() {
    std::string text = clean_text(in_.pubdate, 64);
    bool undefined = text.size() < 4 || text.starts_with("010") || text.starts_with("00") || text == "None";
    if (!undefined) {
      std::optional<std::string> found = date(text);
      if (found)
        about_.published_on = *found;
      else
        warn(out_.warnings, "metadata_invalid_value", "date");
    }
    out_.added_at = moment(in_.timestamp);
  }

  void description() {
    if (in_.comments.empty()) return;
    publication::description d = sanitise(in_.comments, description_limit);
    if (d.shortened) warn(out_.warnings, "metadata_truncated", "description");
    about_.description_html = std::move(d.html);
    about_.description_text = std::move(d.text);
  }

  void identifiers() {
    for (const auto& [type, value] : in_.identifiers) {
      if (!add_identifier(about_.identifiers, value, type, "")) warn(out_.warnings, "metadata_invalid_value", "ISBN");
    }
    std::erase_if(about_.identifiers, [](const auto& i) { return i.first == "calibre_uuid" || i.first == "calibre_id"; });
    if (std::string own = clean_text(in_.uuid, 64); !own.empty()) about_.identifiers.emplace_back("calibre_uuid", own);
    about_.identifiers.emplace_back("calibre_id", std::to_string(in_.id));
  }

  // The others keep the name that Calibre's people gave them.
  void columns() {
    for (const raw_column& raw : in_.columns) {
      calibre_column c{raw.label, raw.values};
      std::string text = column_text(c);
      if (text.empty() || take_column(about_, c, also_, out_.warnings)) continue;
      out_.columns.emplace_back(clean_text(c.label, 40), std::move(text));
    }
  }

  const raw_book& in_;
  const column_mapping& also_;
  book out_;
  metadata about_;
};

}  // namespace

book map(const raw_book& in, const column_mapping& also) { return mapper(in, also).read(); }

}  // namespace carrel::publication::calibre
