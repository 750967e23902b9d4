// Keys that order and compare titles and names (ingest.md 7.3, 17.5, 17.6, 17.8; opds.md 12.2).

#include <unicode/normalizer2.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <span>

#include "publication/author_order.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

struct articles {
  std::string_view language;
  std::string_view list;  // divided by blanks; one that ends in an apostrophe is elided
};

// 17.6. Apostrophes are compared as '.
constexpr std::array<articles, 18> all_articles{{{"en", "a an the"},
                                                 {"de", "der die das den dem des ein eine einen einem eines"},
                                                 {"fr", "le la les l' un une des"},
                                                 {"es", "el la lo los las un una unos unas"},
                                                 {"it", "il lo la i gli le l' un uno una un'"},
                                                 {"pt", "o a os as um uma uns umas"},
                                                 {"nl", "de het een 't 's 'n"},
                                                 {"sv", "en ett det den de"},
                                                 {"da", "en et ei den det de"},
                                                 {"no", "en et ei den det de"},
                                                 {"nb", "en et ei den det de"},
                                                 {"nn", "en et ei den det de"},
                                                 {"ro", "un o niște"},
                                                 {"hu", "a az egy"},
                                                 {"tr", "bir"},
                                                 {"ca", "el la els les l' un una"},
                                                 {"el", "ο η το οι τα"},
                                                 {"", "a an the"}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> quote_pairs{{{"\"", "\""},
                                                                                     {"'", "'"},
                                                                                     {"“", "”"},
                                                                                     {"„", "“"},
                                                                                     {"„", "”"},
                                                                                     {"‘", "’"},
                                                                                     {"‚", "‘"},
                                                                                     {"«", "»"},
                                                                                     {"‹", "›"},
                                                                                     {"「", "」"},
                                                                                     {"『", "』"}}};
constexpr std::pair<std::string_view, std::string_view> book_quotes{"《", "》"};

std::string_view articles_of(std::string_view language) {
  std::string_view primary = language.substr(0, language.find_first_of("-_"));
  for (const articles& a : all_articles) {
    if (equal_ascii_case(a.language, primary)) return a.list;
  }
  return {};
}

std::string_view without_quotes(std::string_view s) {
  auto strip = [&s](const std::pair<std::string_view, std::string_view>& q) {
    if (s.size() <= q.first.size() + q.second.size() || !s.starts_with(q.first) || !s.ends_with(q.second)) return false;
    s = s.substr(q.first.size(), s.size() - q.first.size() - q.second.size());
    return true;
  };
  if (!std::any_of(quote_pairs.begin(), quote_pairs.end(), strip)) strip(book_quotes);
  return trim(s);
}

std::string straight_apostrophes(std::string s) {
  for (std::string_view curly : {"’", "‘"}) {
    for (std::size_t at = s.find(curly); at != std::string::npos; at = s.find(curly, at)) s.replace(at, curly.size(), "'");
  }
  return s;
}

// The length in bytes of a leading article including an apostrophe but not the space; 0 when there is none.
std::size_t leading_article(std::string_view title, std::string_view list) {
  // No article has more than six letters; a Greek letter has two bytes.
  std::string_view head = cut_utf8(title, 24);
  std::size_t best = 0;
  for (std::size_t from = 0; from < list.size();) {
    std::size_t to = std::min(list.find(' ', from), list.size());
    std::string_view article = list.substr(from, to - from);
    from = to + 1;
    bool elided = article.ends_with('\'');
    for (std::size_t i = 0; i < head.size();) {
      next_code_point(head, i);
      if (i <= best || case_fold(straight_apostrophes(std::string(head.substr(0, i)))) != article) continue;
      if (elided || (i < title.size() && title[i] == ' ')) best = i;
    }
  }
  return best;
}

bool is_one_of(std::string_view word, std::span<const std::string_view> list) {
  while (word.ends_with('.') || word.ends_with(',')) word.remove_suffix(1);
  return std::any_of(list.begin(), list.end(), [&](std::string_view w) { return equal_ascii_case(w, word); });
}

constexpr std::array<std::string_view, 15> corporate{"Inc",       "Corporation", "Company",   "Co",     "Society",
                                                     "Institute", "Council",     "Committee", "Club",   "Team",
                                                     "Press",     "Studios",     "Media",     "Agency", "National"};
constexpr std::array<std::string_view, 8> honorifics{"Mr", "Mrs", "Ms", "Dr", "Prof", "Sir", "Dame", "Rev"};
constexpr std::array<std::string_view, 8> suffixes{"Jr", "Sr", "I", "II", "III", "IV", "PhD", "MD"};
constexpr std::array<std::string_view, 1> more_suffixes{"Esq"};

constexpr std::array<std::string_view, 12> particles{"van", "von", "de",  "der",   "den", "da",
                                                     "di",  "du",  "del", "della", "la",  "le"};

std::atomic<bool> particles_lead = false;

bool is_suffix(std::string_view word) { return is_one_of(word, suffixes) || is_one_of(word, more_suffixes); }

std::string without_brackets(std::string_view s) {
  std::string out;
  int depth = 0;
  for (char c : s) {
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (depth == 0) out += c;
    if ((c == ')' || c == ']' || c == '}') && depth > 0) --depth;
  }
  return collapse_spaces(out);
}

std::vector<std::string> blank_words(std::string_view s) {
  std::vector<std::string> out = split(s, ' ');
  std::erase(out, std::string());
  return out;
}

std::string join_range(const std::vector<std::string>& parts, std::size_t from, std::size_t to) {
  return join(std::vector<std::string>(parts.begin() + static_cast<std::ptrdiff_t>(from),
                                       parts.begin() + static_cast<std::ptrdiff_t>(to)),
              " ");
}

bool is_apostrophe(UChar32 c) {
  return c == '\'' || c == 0x2018 || c == 0x2019 || c == 0x02bc || c == 0x02b9 || c == 0x05f3 || c == 0xad;
}

// One run of digits is buffered so that its leading zeros can go and the rest be padded (17.8 step 3).
class key_writer {
 public:
  void digit(char d) {
    if (digits_.size() < 200) digits_ += d;
  }
  void text(std::string_view s) {
    flush();
    out_ += s;
  }
  void gap() {
    flush();
    if (!out_.empty() && out_.back() != ' ') out_ += ' ';
  }
  std::string take() {
    flush();
    while (!out_.empty() && out_.back() == ' ') out_.pop_back();
    return std::move(out_);
  }
  std::size_t size() const { return out_.size(); }

 private:
  void flush() {
    if (digits_.empty()) return;
    std::size_t first = std::min(digits_.find_first_not_of('0'), digits_.size());
    std::string_view significant = std::string_view(digits_).substr(first);
    if (significant.size() < 10) out_.append(10 - significant.size(), '0');
    out_ += significant;
    digits_.clear();
  }
  std::string out_, digits_;
};

bool series_bracket(std::string_view inside) {
  static constexpr std::array<std::string_view, 24> words_inside{
      "series", "edition", "unabridged", "abridged", "ebook", "kindle", "epub",  "pdf",     "mobi",  "azw3",  "retail", "book",
      "volume", "vol",     "saga",       "trilogy",  "cycle", "novel",  "reihe", "ausgabe", "serie", "série", "band",   "tome"};
  std::string folded = fold(inside);
  bool only_numbers = true;
  for (const std::string& w : blank_words(folded)) {
    if (std::find(words_inside.begin(), words_inside.end(), w) != words_inside.end()) return true;
    if (w.find_first_not_of("0123456789") != std::string::npos) only_numbers = false;
  }
  return only_numbers || inside.find('#') != std::string_view::npos;
}

std::string_view without_trailing_brackets(std::string_view s) {
  for (;;) {
    s = trim(s);
    char close = s.empty() ? '\0' : s.back();
    char open = close == ')' ? '(' : close == ']' ? '[' : close == '}' ? '{' : '\0';
    if (open == '\0') return s;
    std::size_t at = s.rfind(open);
    if (at == std::string_view::npos || at == 0 || !series_bracket(s.substr(at + 1, s.size() - at - 2))) return s;
    s = s.substr(0, at);
  }
}

std::string_view without_subtitle(std::string_view title) {
  std::size_t cut = title.size();
  for (std::string_view mark : {": ", " : ", " - ", " – ", " — ", " / "}) {
    for (std::size_t at = title.find(mark); at < cut; at = title.find(mark, at + 1)) {
      if (count_code_points(trim(title.substr(0, at))) < 3) continue;
      cut = at;
    }
  }
  return trim(title.substr(0, cut));
}

}  // namespace

std::string_view latin_substitute(UChar32 c) {
  switch (c) {
    case 0xdf: return "ss";
    case 0xe6: return "ae";
    case 0x153: return "oe";
    case 0xf8: return "o";
    case 0x142: return "l";
    case 0x111:
    case 0xf0: return "d";
    case 0xfe: return "th";
    case 0x131: return "i";
    default: return {};
  }
}

std::string title_sort(std::string_view title, std::string_view language) {
  std::string_view text = without_quotes(trim(title));
  std::size_t n = leading_article(text, articles_of(language));
  std::string_view rest = trim(text.substr(n));
  if (n == 0 || rest.empty()) return std::string(text);
  return std::string(rest) + ", " + std::string(text.substr(0, n));
}

namespace {

std::string sorted_name(std::string_view name, bool with_particles) {
  std::string plain = without_brackets(name);
  if (plain.empty()) plain = collapse_spaces(name);
  if (plain.find(',') != std::string::npos || contains_east_asian(plain)) return plain;
  std::vector<std::string> parts = blank_words(plain);
  if (std::any_of(parts.begin(), parts.end(), [](const std::string& w) { return is_one_of(w, corporate); })) return plain;
  while (parts.size() > 1 && is_one_of(parts.front(), honorifics)) parts.erase(parts.begin());

  std::size_t end = parts.size();
  while (end > 1 && is_suffix(parts[end - 1])) --end;
  if (end < 2) return join(parts, " ");
  std::size_t surname = end - 1;
  while (with_particles && surname > 0 && is_one_of(parts[surname - 1], particles)) --surname;
  if (surname == 0) return join(parts, " ");
  std::string out = join_range(parts, surname, end) + ", " + join_range(parts, 0, surname);
  if (end < parts.size()) out += " " + join_range(parts, end, parts.size());
  return out;
}

}  // namespace

std::string author_sort(std::string_view name) { return sorted_name(name, particles_lead); }

void keep_particles_with_surname(bool on) { particles_lead = on; }

std::string settled_author_sort(std::string_view name, const std::string& sort) {
  return particles_lead && sort == sorted_name(name, false) ? sorted_name(name, true) : sort;
}

std::string sort_key(std::string_view s) {
  constexpr std::size_t longest = 120;
  icu::UnicodeString base = fold_base(cut_utf8(s, 4096));
  icu::UnicodeString kept;
  for (int32_t i = 0; i < base.length(); i = base.moveIndex32(i, 1)) {
    UChar32 c = base.char32At(i);
    if (!is_removed_mark(c)) kept.append(c);
  }
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString composed = icu::Normalizer2::getNFCInstance(status)->normalize(kept, status);

  key_writer out;
  for (int32_t i = 0; i < composed.length() && out.size() <= longest; i = composed.moveIndex32(i, 1)) {
    UChar32 c = composed.char32At(i);
    if (is_apostrophe(c)) continue;
    if (std::string_view latin = latin_substitute(c); !latin.empty()) {
      out.text(latin);
    } else if (int value = u_charDigitValue(c); value >= 0 && u_charType(c) == U_DECIMAL_DIGIT_NUMBER) {
      out.digit(static_cast<char>('0' + value));
    } else if (is_word_character(c)) {
      std::string one;
      append_utf8(one, static_cast<char32_t>(c));
      out.text(one);
    } else {
      out.gap();
    }
  }
  std::string key(cut_utf8(out.take(), longest));
  return key.empty() ? "\xef\xbf\xbf" : key;
}

std::string index_letter(std::string_view key) {
  std::size_t i = 0;
  if (key.empty()) return "#";
  UChar32 c = next_code_point(key, i);
  if (c >= 'a' && c <= 'z') return std::string(1, static_cast<char>(c - 32));
  if (c >= 'A' && c <= 'Z') return std::string(1, static_cast<char>(c));
  if ((c >= 0x3040 && c <= 0x30ff) || (c >= 0x31f0 && c <= 0x31ff)) return "あ";
  if ((c >= 0x1100 && c <= 0x11ff) || (c >= 0x3130 && c <= 0x318f) || (c >= 0xac00 && c <= 0xd7af)) return "가";
  if (u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC)) return "漢";
  if ((U_MASK(u_charType(c)) & U_GC_L_MASK) == 0) return "#";
  return std::string(key.substr(0, i));
}

std::string title_key(std::string_view title, std::string_view language) {
  std::string_view text = without_trailing_brackets(without_subtitle(trim(title)));
  std::string folded = fold(text);
  // After folding an elided article stands alone: "l'île" is "l ile".
  for (std::string_view list : {articles_of(language), articles_of("en")}) {
    std::size_t space = folded.find(' ');
    if (space == std::string::npos) break;
    std::string_view first = std::string_view(folded).substr(0, space);
    for (std::size_t from = 0; from < list.size();) {
      std::size_t to = std::min(list.find(' ', from), list.size());
      if (fold(list.substr(from, to - from)) == first) return folded.substr(space + 1);
      from = to + 1;
    }
  }
  return folded;
}

std::string author_key(std::string_view name) {
  std::string text(trim(name));
  if (std::size_t comma = text.find(','); comma != std::string::npos) text = text.substr(comma + 1) + " " + text.substr(0, comma);
  std::string folded = fold(text);
  if (contains_east_asian(folded)) {
    std::erase(folded, ' ');
    return folded;
  }
  std::vector<std::string> parts = blank_words(folded);
  std::sort(parts.begin(), parts.end());
  return join(parts, " ");
}

std::string dup_key(std::string_view title, std::string_view language, std::string_view first_author) {
  return sha256_raw(title_key(title, language) + "\n" + author_key(first_author)).substr(0, 16);
}

}  // namespace carrel::publication
