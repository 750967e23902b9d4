#include "ingest/path_pattern.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

constexpr std::size_t longest_pattern = 500, most_components = 12, longest_path = 800, shortest_cut = 20;

constexpr std::array<std::string_view, 15> known_names{"title",       "subtitle", "title_sort",   "author", "authors",
                                                       "author_sort", "series",   "series_index", "year",   "language",
                                                       "publisher",   "isbn",     "format",       "id8",    "original"};
constexpr std::array<std::string_view, 3> telling{"title", "original", "id8"};  // one of them, or all books have one name

error wrong(const std::string& what) { return {"pattern", what}; }

template <class List>
bool among(std::string_view s, const List& list) {
  return std::find(list.begin(), list.end(), s) != list.end();
}

std::string padded(std::string number, int digits) {
  std::size_t whole = number.find_first_not_of("0123456789");
  if (whole == std::string::npos) whole = number.size();
  if (whole < static_cast<std::size_t>(digits)) number.insert(0, static_cast<std::size_t>(digits) - whole, '0');
  return number;
}

std::string authors_of(const std::vector<std::string>& all) {
  std::vector<std::string> first(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(all.size(), 3)));
  return join(first, ", ");
}

std::string raw_value(const path_values& v, std::string_view name, int digits) {
  static const std::string nobody = "Unknown author";
  if (name == "title") return v.title.empty() ? v.original : v.title;
  if (name == "subtitle") return v.subtitle;
  if (name == "title_sort") return !v.title_sort.empty() ? v.title_sort : v.title.empty() ? v.original : v.title;
  if (name == "author") return v.authors.empty() ? nobody : v.authors.front();
  if (name == "authors") return v.authors.empty() ? nobody : authors_of(v.authors);
  if (name == "author_sort") return v.author_sort.empty() ? nobody : v.author_sort;
  if (name == "series") return v.series;
  if (name == "series_index") return padded(v.series_number ? shortest(*v.series_number) : v.series_text, digits);
  if (name == "year") return padded(v.year, v.year.empty() ? 0 : digits);
  if (name == "language") return v.language;
  if (name == "publisher") return v.publisher;
  if (name == "isbn") return v.isbn;
  if (name == "format") return v.format;
  return name == "id8" ? v.id8 : v.original;
}

// Cleaned, so that a slash in it separates nothing; unknown stays unknown.
std::string value_of(const path_values& v, std::string_view name, int digits) {
  if (name == "series_index" && !v.series_number && v.series_text.empty()) return "";
  std::string raw = raw_value(v, name, digits);
  if (trim(raw).empty()) return "";
  return publication::clean_name(raw) + (name == "authors" && v.authors.size() > 3 ? " et al." : "");
}

std::string cut(const std::string& component, std::size_t bytes) {
  return publication::clean_name(publication::clean_text(component, bytes));
}

// The longest component first, none below 20 bytes.
void shorten(std::vector<std::string>& all, std::size_t extension) {
  for (;;) {
    std::size_t length = extension + all.size() - 1;
    for (const std::string& c : all) length += c.size();
    if (length <= longest_path) return;
    auto longest = std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    if (longest->size() <= shortest_cut) return;
    std::size_t excess = length - longest_path;
    std::size_t target = longest->size() > excess + shortest_cut ? longest->size() - excess : shortest_cut;
    std::string shorter = cut(*longest, target);
    if (shorter.size() >= longest->size()) return;
    *longest = std::move(shorter);
  }
}

}  // namespace

class pattern_reader {
 public:
  explicit pattern_reader(std::string_view text) : text_(text) {}

  result<path_pattern> read() {
    if (text_.empty()) return wrong("the pattern is empty");
    if (text_.size() > longest_pattern) return wrong("the pattern is longer than 500 bytes");
    if (!valid_utf8(text_)) return wrong("the pattern is not UTF-8");
    if (static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '/')) >= most_components)
      return wrong("the pattern has more than 12 parts between slashes");
    if (text_.front() == '/' || text_.back() == '/') return wrong("the pattern begins or ends with a slash");
    for (; at_ < text_.size(); ++at_) {
      if (std::optional<error> bad = one(text_[at_])) return *bad;
    }
    if (inside_) return wrong("a [ is not closed");
    end_part();
    if (!tells_) return wrong("the pattern needs {title}, {original} or {id8}, or all books would have one name");
    return std::move(out_);
  }

 private:
  std::optional<error> one(char c) {
    if (c == '{') return value();
    if (c == '}') return wrong("a } without a { at place " + std::to_string(at_ + 1));
    if (c == '[') {
      if (inside_) return wrong("[ ] may not stand within [ ] (place " + std::to_string(at_ + 1) + ")");
      end_part();
      inside_ = true;
    } else if (c == ']') {
      if (!inside_) return wrong("a ] without a [ at place " + std::to_string(at_ + 1));
      if (!part_has_name_) return wrong("[ ] without a name in it is always there (place " + std::to_string(at_ + 1) + ")");
      part_.optional = true;
      end_part();
      inside_ = false;
    } else {
      literal_ += c;
    }
    return std::nullopt;
  }

  std::optional<error> value() {
    std::size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) return wrong("a { is not closed");
    std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    path_pattern::name n;
    if (std::size_t colon = inside.find(':'); colon != std::string_view::npos) {
      std::optional<std::int64_t> digits = to_integer(inside.substr(colon + 1));
      if (!digits || *digits < 1 || *digits > 9) return wrong("after the : stands a number of digits from 1 to 9");
      n.digits = static_cast<int>(*digits);
      inside = inside.substr(0, colon);
    }
    for (std::string& one : split(inside, '|')) {
      if (!among(one, known_names)) return wrong("{" + one + "} is not known; known are " + known());
      if (n.digits > 0 && one != "series_index" && one != "year") return wrong("only {series_index} and {year} are numbers");
      tells_ |= !inside_ && among(one, telling);
      n.choices.push_back(std::move(one));
    }
    end_literal();
    part_.pieces.emplace_back(std::move(n));
    part_has_name_ = true;
    at_ = end;
    return std::nullopt;
  }

  static std::string known() { return join({known_names.begin(), known_names.end()}, " "); }

  void end_literal() {
    if (!literal_.empty()) part_.pieces.emplace_back(std::exchange(literal_, {}));
  }

  void end_part() {
    end_literal();
    if (!part_.pieces.empty()) out_.parts_.push_back(std::exchange(part_, {}));
    part_ = {};
    part_has_name_ = false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  path_pattern out_;
  path_pattern::part part_;
  std::string literal_;
  bool inside_ = false, part_has_name_ = false, tells_ = false;
};

result<path_pattern> path_pattern::parse(std::string_view text) { return pattern_reader(text).read(); }

std::vector<std::string> path_pattern::expand(const path_values& v, std::size_t longest_extension) const {
  std::string whole;
  for (const part& p : parts_) {
    std::string text;
    bool known = true;
    for (const piece& one : p.pieces) {
      if (const std::string* literal = std::get_if<std::string>(&one)) {
        text += *literal;
        continue;
      }
      std::string value;
      const name& n = std::get<name>(one);
      for (const std::string& choice : n.choices) {
        if (value.empty()) value = value_of(v, choice, n.digits);
      }
      known &= !value.empty();
      text += value;
    }
    if (known || !p.optional) whole += text;
  }
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= whole.size();) {
    std::size_t slash = std::min(whole.find('/', at), whole.size());
    std::string_view component = std::string_view(whole).substr(at, slash - at);
    if (!trim(component).empty()) out.push_back(publication::clean_name(component));
    at = slash + 1;
  }
  if (out.empty()) out.push_back(v.id8.empty() ? "_" : v.id8);
  shorten(out, longest_extension);
  return out;
}

namespace {

class place_finder {
 public:
  place_finder(const std::vector<wanted_file>& files, const names_like& tree) : files_(files), tree_(tree) {}

  // Existing folders keep their spelling; nothing when a file is in the way.
  std::optional<std::vector<std::string>> with(std::vector<std::string> folder, const std::string& stem) const {
    std::vector<std::string> at;
    for (const std::string& component : folder) {
      std::optional<std::string> name = as_there(at, component);
      if (!name) return std::nullopt;
      at.push_back(std::move(*name));
    }
    folder_names own;
    std::vector<std::string> out;
    for (const wanted_file& f : files_) {
      std::string name = f.in_folder ? f.name : stem + f.name;
      if (!tree_(at, name).empty() || !own.like(name).empty()) return std::nullopt;
      own.add(name);
      std::vector<std::string> path = at;
      path.push_back(name);
      out.push_back(join_path(path));
    }
    return out;
  }

 private:
  static std::string join_path(const std::vector<std::string>& components) {
    std::string out;
    for (const std::string& c : components) out += (out.empty() ? "" : "/") + c;
    return out;
  }

  // A folder of that name has its own spelling; what is no folder, a link among them, is passed by.
  std::optional<std::string> as_there(const std::vector<std::string>& folder, const std::string& component) const {
    for (int n = 1; n < 100; ++n) {
      std::string name = n == 1 ? component : component + " (" + std::to_string(n) + ")";
      std::vector<std::string> there = tree_(folder, name);
      if (there.empty() || among(name + "/", there)) return name;
      auto at = std::find_if(there.begin(), there.end(), [](const std::string& one) { return one.ends_with('/'); });
      if (at != there.end()) return at->substr(0, at->size() - 1);
    }
    return std::nullopt;
  }

  const std::vector<wanted_file>& files_;
  const names_like& tree_;
};

}  // namespace

std::vector<std::string> free_paths(const std::vector<std::string>& expanded, const std::vector<wanted_file>& files,
                                    const std::string& id8, const names_like& tree) {
  bool tracks = std::any_of(files.begin(), files.end(), [](const wanted_file& f) { return f.in_folder; });
  std::vector<std::string> folder(expanded.begin(), tracks ? expanded.end() : expanded.end() - 1);
  std::string stem = tracks ? "" : expanded.back();
  place_finder place(files, tree);
  if (std::optional<std::vector<std::string>> free = place.with(folder, stem)) return *free;
  // Ids of books that came within the same minute begin alike.
  for (int n = 2; n < 10'000; ++n) {
    std::string mark = n <= 99 ? " (" + std::to_string(n) + ")" : " [" + id8 + "]";
    if (n > 100) mark += " (" + std::to_string(n - 99) + ")";
    std::vector<std::string> other = folder;
    if (!other.empty()) other.back() += mark;
    if (std::optional<std::vector<std::string>> free = place.with(other, folder.empty() ? stem + mark : stem)) return *free;
  }
  return {};
}

}  // namespace carrel::ingest
