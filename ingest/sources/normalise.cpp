#include "ingest/sources/normalise.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "ingest/sources/series_text.hpp"
#include "publication/identifiers.hpp"
#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr std::size_t title_limit = 1000, series_limit = 500, name_limit = 300, word_limit = 200, address_limit = 2000;
constexpr std::size_t most_people = 100, most_series = 20, most_covers = 6, most_identifiers = 30;
constexpr std::size_t longest_description = 20'000;  // characters

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// ---- people ------------------------------------------------------------------------------------------------------

struct role_word {
  std::string_view written, role;
};
constexpr std::array<role_word, 31> role_words{{{"author", "author"},
                                                {"writer", "author"},
                                                {"primary author", "author"},
                                                {"autor", "author"},
                                                {"auteur", "author"},
                                                {"narrator", "narrator"},
                                                {"narrated by", "narrator"},
                                                {"reader", "narrator"},
                                                {"read by", "narrator"},
                                                {"translator", "translator"},
                                                {"translated by", "translator"},
                                                {"translation", "translator"},
                                                {"ubersetzer", "translator"},
                                                {"traducteur", "translator"},
                                                {"illustrator", "illustrator"},
                                                {"illustrations", "illustrator"},
                                                {"editor", "editor"},
                                                {"edited by", "editor"},
                                                {"herausgeber", "editor"},
                                                {"introduction", "introduction"},
                                                {"introduction by", "introduction"},
                                                {"foreword", "foreword"},
                                                {"foreword by", "foreword"},
                                                {"afterword", "afterword"},
                                                {"preface", "preface"},
                                                {"adaptation", "adaptation"},
                                                {"adapter", "adaptation"},
                                                {"contributor", "contributor"},
                                                {"commentary", "commentary"},
                                                {"cover artist", "cover artist"},
                                                {"compiler", "compiler"}}};

std::string_view known_role(std::string_view written) {
  std::string folded = publication::fold(written);
  auto at = std::find_if(role_words.begin(), role_words.end(), [&](const role_word& r) { return r.written == folded; });
  return at == role_words.end() ? std::string_view() : at->role;
}

// Takes "(Translator)" or " - translator" off a name.
std::string_view take_role(std::string& name) {
  std::size_t open = std::string::npos, inside = 0, end = name.size();
  if (name.ends_with(')')) {
    open = name.rfind('(');
    inside = open + 1;
    --end;
  } else if (std::size_t dash = name.rfind(" - "); dash != std::string::npos) {
    open = dash;
    inside = dash + 3;
  }
  if (open == std::string::npos || open == 0) return {};
  std::string_view role = known_role(std::string_view(name).substr(inside, end - inside));
  if (!role.empty()) name = std::string(trim(std::string_view(name).substr(0, open)));
  return role;
}

void add_name(std::vector<std::string>& list, std::string name) {
  bool there = std::any_of(list.begin(), list.end(), [&](const std::string& n) { return same_text(n, name); });
  if (!there && list.size() < most_people) list.push_back(std::move(name));
}

// ---- titles ------------------------------------------------------------------------------------------------------

// "The Example: A Story" whose subtitle is "A Story" is "The Example".
void drop_repeated(std::string& title, const std::string& subtitle) {
  for (std::string_view mark : {": ", " : ", " - ", " – ", " — "}) {
    for (std::size_t at = title.find(mark); at != std::string::npos; at = title.find(mark, at + 1)) {
      if (at == 0 || !same_text(std::string_view(title).substr(at + mark.size()), subtitle)) continue;
      title = std::string(trim(std::string_view(title).substr(0, at)));
      return;
    }
  }
}

// ---- descriptions ------------------------------------------------------------------------------------------------

// Of what sanitise() writes only the elements of section 8 stay: headings become paragraphs, links and rules their text.
std::string narrowed(std::string_view html) {
  constexpr std::array<std::string_view, 9> kept{"p", "i", "em", "b", "strong", "ul", "ol", "li", "blockquote"};
  std::string out;
  out.reserve(html.size());
  for (std::size_t i = 0; i < html.size();) {
    if (html[i] != '<') {
      out += html[i++];
      continue;
    }
    std::size_t end = std::min(html.find('>', i), html.size() - 1);
    std::string_view tag = html.substr(i + 1, end - i - 1);
    i = end + 1;
    bool closing = tag.starts_with('/');
    std::string_view name = tag.substr(closing ? 1 : 0);
    name = name.substr(0, name.find_first_of(" /"));
    if (name == "h3" || name == "h4") name = "p";
    if (name == "br") {
      out += "<br/>";
    } else if (std::find(kept.begin(), kept.end(), name) != kept.end()) {
      out.append(closing ? "</" : "<").append(name).append(">");
    }
  }
  return out;
}

// ---- numbers -----------------------------------------------------------------------------------------------------

std::optional<publication::isbn> best_isbn(const std::vector<std::string>& given, const question& asked) {
  std::vector<std::string> wanted = isbns_of(asked);
  std::optional<publication::isbn> first;
  for (const std::string& text : given) {
    std::optional<publication::isbn> found = publication::parse_isbn(cut_utf8(text, 64));
    if (!found) continue;
    if (!wanted.empty() && found->isbn_13 == wanted.front()) return found;
    if (!first) first = found;
  }
  return first;
}

}  // namespace

std::string one_line(std::string_view s, std::size_t max_bytes) {
  return publication::clean_text(cut_utf8(s, max_bytes * 8), max_bytes);
}

bool same_text(std::string_view a, std::string_view b) { return a == b || publication::fold(a) == publication::fold(b); }

void set_title(record& r, std::string_view title, std::string_view subtitle) {
  std::string clean = one_line(title, title_limit);
  if (clean.empty()) return;
  std::optional<series_text> tag = take_series_tag(clean);
  r.title = std::move(clean);
  r.subtitle = one_line(subtitle, title_limit);
  if (tag) add_series(r, tag->name, tag->position);
  if (!r.subtitle.empty()) drop_repeated(r.title, r.subtitle);
  if (same_text(r.title, r.subtitle)) r.subtitle.clear();
}

std::string main_title(std::string_view title, std::size_t most) {
  std::string s = one_line(title, title_limit);
  take_series_tag(s);
  for (std::string_view mark : {":", " - ", " – ", " — ", " ("}) {
    std::size_t at = s.find(mark);
    if (at != std::string::npos && !trim(std::string_view(s).substr(0, at)).empty()) s.resize(at);
  }
  s = std::string(trim(s));
  if (s.size() <= most) return s;
  std::string_view shorter = cut_utf8(s, most + 1);
  std::size_t blank = shorter.rfind(' ');
  return std::string(trim(blank == std::string_view::npos || blank == 0 ? cut_utf8(s, most) : shorter.substr(0, blank)));
}

void add_person(record& r, std::string_view written, std::string_view role) {
  std::string name = one_line(written, name_limit);
  std::string_view known = take_role(name);
  if (known.empty()) known = known_role(role);
  name = publication::clean_person(name, {}, {}).name;
  if (name.empty()) return;
  std::string unknown = known.empty() ? lower_ascii(one_line(role, 40)) : std::string(known);
  if (unknown.empty() || unknown == "author") return add_name(r.authors, std::move(name));
  if (unknown == "narrator") return add_name(r.narrators, std::move(name));
  bool there = std::any_of(r.contributors.begin(), r.contributors.end(),
                           [&](const record_person& p) { return p.role == unknown && same_text(p.name, name); });
  if (!there && r.contributors.size() < most_people) r.contributors.push_back({std::move(name), std::move(unknown)});
}

std::vector<std::string> split_names(std::string_view text) {
  std::string s = one_line(text, 10 * name_limit);
  std::vector<std::string> out;
  for (std::size_t from = 0; from <= s.size();) {
    std::size_t next = s.size(), length = 1;
    for (std::string_view mark : {";", " & ", " and "}) {
      std::size_t at = s.find(mark, from);
      if (at >= next) continue;
      next = at;
      length = mark.size();
    }
    std::string part(trim(std::string_view(s).substr(from, next - from)));
    if (!part.empty()) out.push_back(std::move(part));
    from = next + length;
  }
  return out;
}

void add_series(record& r, std::string_view written, std::string_view position, bool primary, std::optional<int> total) {
  record_series s;
  s.name = one_line(written, series_limit);
  s.position_text = one_line(position, 100);
  s.position = first_number(s.position_text);
  s.primary = primary;
  if (total && *total > 0) s.total = total;
  if (s.name.empty()) return;
  auto there = std::find_if(r.series.begin(), r.series.end(), [&](const record_series& o) { return same_text(o.name, s.name); });
  if (there == r.series.end()) {
    if (r.series.size() < most_series) r.series.push_back(std::move(s));
    return;
  }
  if (!there->position) {
    there->position = s.position;
    there->position_text = s.position_text;
  }
  if (!there->total) there->total = s.total;
  there->primary = there->primary || primary;
}

void add_series_text(record& r, std::string_view text) {
  std::string clean = one_line(text, series_limit);
  std::optional<series_text> parts = parted_series(clean);
  if (parts)
    add_series(r, parts->name, parts->position);
  else
    add_series(r, clean, {});
}

std::optional<int> year_of(std::string_view text) {
  text = cut_utf8(text, 1000);
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = 0;
    while (i + n < text.size() && is_digit(text[i + n])) ++n;
    if (n == 4 && publication::date(text.substr(i, 4))) return static_cast<int>(*to_integer(text.substr(i, 4)));
    i += std::max<std::size_t>(n, 1);
  }
  return std::nullopt;
}

void set_date(record& r, std::string_view text) {
  std::string kept;
  for (char c : cut_utf8(text, 1000)) {
    if (std::string_view("*?[]").find(c) == std::string_view::npos) kept += c;
  }
  std::optional<std::string> date = publication::date(kept);
  std::optional<int> year = year_of(date ? *date : kept);
  if (!year) return;
  r.published_date = date.value_or("");
  r.published_year = year;
}

std::string language_of(std::string_view text) {
  if (equal_ascii_case(trim(text), "un")) return {};
  return lower_ascii(publication::language_tag(text).value_or(""));
}

void set_isbn(record& r, const std::vector<std::string>& given, const question& asked) {
  std::optional<publication::isbn> found = best_isbn(given, asked);
  if (!found) return;
  r.isbn_13 = found->isbn_13;
  r.isbn_10 = found->isbn_10;
}

std::string asin_of(std::string_view text) {
  std::string s(trim(text));
  if (s.size() != 10) return {};
  for (char& c : s) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  bool letters = std::all_of(s.begin(), s.end(), [](char c) { return is_digit(c) || (c >= 'A' && c <= 'Z'); });
  bool number = std::all_of(s.begin(), s.end() - 1, is_digit) && (is_digit(s.back()) || s.back() == 'X');
  return (letters && s.front() == 'B') || number ? s : std::string();
}

std::vector<std::string> isbns_of(const question& asked) {
  for (const std::string* text : {&asked.isbn_13, &asked.isbn_10, &asked.asin}) {
    std::optional<publication::isbn> found = publication::parse_isbn(*text);
    if (!found) continue;
    std::vector<std::string> out{found->isbn_13};
    if (!found->isbn_10.empty()) out.push_back(found->isbn_10);
    return out;
  }
  return {};
}

std::string description_of(std::string_view text) {
  constexpr std::size_t most_bytes_of_a_character = 4;
  std::string html = narrowed(publication::sanitise(text, longest_description * most_bytes_of_a_character).html);
  if (count_code_points(html) > longest_description) html = narrowed(publication::sanitise(text, longest_description).html);
  return html;
}

void add_identifier(record& r, std::string_view scheme, std::string_view value) {
  std::string clean = one_line(value, name_limit);
  if (clean.empty() || r.identifiers.size() >= most_identifiers) return;
  for (auto& [name, old] : r.identifiers) {
    if (name != scheme) continue;
    old = std::move(clean);
    return;
  }
  r.identifiers.emplace_back(scheme, std::move(clean));
}

std::optional<int> page_count_of(const node& n) {
  constexpr std::int64_t most = 20'000;
  std::optional<std::int64_t> pages = n.whole();
  return pages && *pages >= 1 && *pages <= most ? std::optional(static_cast<int>(*pages)) : std::nullopt;
}

std::optional<double> seconds_of(std::optional<double> seconds) {
  constexpr double longest = 10'000'000;  // 115 days
  return seconds && *seconds > 0 && *seconds <= longest ? seconds : std::nullopt;
}

void set_rating(record& r, const node& rating, const node& count) {
  constexpr std::int64_t most = 1'000'000'000;
  std::optional<double> stars = rating.number();
  if (!stars || *stars <= 0 || *stars > 5) return;  // 0 is nobody's opinion
  r.rating = stars;
  std::optional<std::int64_t> n = count.whole();
  if (n && *n > 0 && *n <= most) r.ratings_count = n;
}

std::string web_address(std::string_view text) {
  std::string s(trim(text));
  if (s.starts_with("//")) s.insert(0, "https:");
  bool secure = s.size() > 8 && equal_ascii_case(s.substr(0, 8), "https://");
  bool plain = s.size() > 7 && equal_ascii_case(s.substr(0, 7), "http://");
  if ((!secure && !plain) || s.size() > address_limit) return {};
  bool visible =
      std::all_of(s.begin(), s.end(), [](char c) { return c > ' ' && c < '\x7f' && c != '\\' && c != '"' && c != '<'; });
  if (!visible) return {};
  std::size_t begin = secure ? 8 : 7;
  std::string_view host = std::string_view(s).substr(begin, s.find_first_of("/?#", begin) - begin);
  return host.empty() || host.find('@') != std::string_view::npos ? std::string() : s;
}

void add_cover(record& r, std::string_view url, const node& width, const node& height) {
  constexpr std::int64_t largest_side = 12'000;
  std::string address = web_address(url);
  record_cover& c = r.cover;
  if (address.empty() || address == c.url || c.others.size() >= most_covers) return;
  if (!c.url.empty()) {
    if (std::find(c.others.begin(), c.others.end(), address) == c.others.end()) c.others.push_back(std::move(address));
    return;
  }
  c.url = std::move(address);
  std::int64_t w = width.id(), h = height.id();
  if (w == 0 || h == 0 || w > largest_side || h > largest_side) return;
  c.width = static_cast<int>(w);
  c.height = static_cast<int>(h);
}

void add_names(std::vector<std::string>& list, const std::vector<std::string>& names, std::size_t most) {
  for (const std::string& written : names) {
    std::string name = one_line(written, word_limit);
    bool there = std::any_of(list.begin(), list.end(), [&](const std::string& n) { return same_text(n, name); });
    if (!name.empty() && !there && list.size() < most) list.push_back(std::move(name));
  }
}

}  // namespace carrel::ingest::sources
