#include "library/search_words.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "publication/search_fold.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr std::size_t longest_query = 256, most_words = 16;
constexpr std::size_t shortest_spelt = 3, longest_spelt = 40;

// How a field is met in the index: by the weight of its words, or, where several fields share one, by words of its own.
struct field {
  std::string_view name, weights, mark;
};
constexpr std::array<field, 7> fields{{{"title", "A", ""},
                                       {"author", "B", ""},
                                       {"publisher", "D", ""},
                                       {"series", "", "0series0"},
                                       {"tag", "", "0tag0"},
                                       {"language", "", "0language0"},
                                       {"year", "", "0year0"}}};

struct alias {
  std::string_view typed, name;
};
// Folded, as the pages call them.
constexpr std::array<alias, 27> aliases{{{"title", "title"},      {"titel", "title"},       {"titre", "title"},
                                         {"author", "author"},    {"autor", "author"},      {"auteur", "author"},
                                         {"by", "author"},        {"series", "series"},     {"serie", "series"},
                                         {"reihe", "series"},     {"tag", "tag"},           {"genre", "tag"},
                                         {"schlagwort", "tag"},   {"etiquette", "tag"},     {"publisher", "publisher"},
                                         {"verlag", "publisher"}, {"editeur", "publisher"}, {"language", "language"},
                                         {"lang", "language"},    {"sprache", "language"},  {"langue", "language"},
                                         {"year", "year"},        {"jahr", "year"},         {"annee", "year"},
                                         {"isbn", "isbn"},        {"etikett", "tag"},       {"subject", "tag"}}};

std::string_view field_named(std::string_view typed) {
  std::string folded = publication::fold(typed);
  auto found = std::find_if(aliases.begin(), aliases.end(), [&](const alias& a) { return a.typed == folded; });
  return found == aliases.end() ? std::string_view() : found->name;
}

std::string shortened(std::string_view typed) {
  // Four bytes a character are enough to cut safely.
  std::string text(cut_utf8(typed, longest_query * 4));
  while (count_code_points(text) > longest_query) text = std::string(cut_utf8(text, text.size() - 1));
  return text;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Words of one query, as many as are looked at.
class query_text {
 public:
  void add(const std::vector<std::string>& words, std::string_view between, std::string_view weights, std::string_view mark,
           bool prefix_last) {
    std::string part;
    for (const std::string& word : words) {
      if (count_ == most_words) break;
      ++count_;
      if (!part.empty()) part += between;
      part.append("'").append(mark).append(word).append("'");
      bool prefix = prefix_last && &word == &words.back() && count_code_points(word) >= publication::shortest_prefix(word);
      if (prefix || !weights.empty()) part += ":";
      if (prefix) part += "*";
      part += weights;
    }
    if (part.empty()) return;
    if (!out_.empty()) out_ += " & ";
    out_ += "(" + part + ")";
  }
  const std::string& text() const { return out_; }

 private:
  std::string out_;
  std::size_t count_ = 0;
};

std::string joined(const std::vector<std::string>& texts, std::string_view mark = "") {
  std::string out;
  for (const std::string& t : texts) {
    for (const std::string& word : publication::search_words_in(t)) out.append(mark).append(word).append(" ");
  }
  return out;
}

// A word of the index that people do not type: those of a field.
bool is_mark(std::string_view word) {
  return std::any_of(fields.begin(), fields.end(), [&](const field& f) {
    return !f.mark.empty() && word.size() > 1 && (word.starts_with(f.mark) || f.mark.starts_with(word));
  });
}

// The words of a piece that is of no field.
std::vector<std::string> loose_words(std::string_view text) {
  std::vector<std::string> out = publication::search_words_in(text);
  std::erase_if(out, is_mark);
  return out;
}

std::vector<std::string> names_of(const std::vector<publication::person>& people) {
  std::vector<std::string> out;
  for (const publication::person& p : people) out.push_back(p.name);
  return out;
}

// Without the signs of ASCII: what is shown of it is typed again.
bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c > 0 && (c < 'a' || c > 'z'); });
}

}  // namespace

std::vector<search_term> search_terms(std::string_view typed) {
  std::string text = shortened(typed);
  std::vector<search_term> out;
  std::string_view rest = text;
  std::string_view waiting;  // a field whose words are quoted
  while (!rest.empty()) {
    if (is_blank(rest.front())) {
      rest.remove_prefix(1);
      continue;
    }
    if (rest.front() == '"') {
      std::size_t close = std::min(rest.find('"', 1), rest.size());
      out.push_back({std::string(waiting), std::string(rest.substr(1, close - 1)), true});
      rest.remove_prefix(std::min(close + 1, rest.size()));
      waiting = {};
      continue;
    }
    std::size_t end = 0;
    while (end < rest.size() && !is_blank(rest[end]) && rest[end] != '"') ++end;
    std::string_view run = rest.substr(0, end);
    rest.remove_prefix(end);
    std::size_t colon = run.find(':');
    std::string_view named = colon == std::string_view::npos ? std::string_view() : field_named(run.substr(0, colon));
    if (!named.empty()) {
      waiting = named;
      run.remove_prefix(colon + 1);
    }
    if (!run.empty()) {
      out.push_back({std::string(waiting), std::string(run), false});
      waiting = {};
    }
  }
  return out;
}

std::string search_words(std::string_view typed, std::string_view weights) {
  std::vector<search_term> terms = search_terms(typed);
  query_text out;
  std::vector<std::string> loose;
  for (const search_term& t : terms) {
    bool last = &t == &terms.back() && !t.quoted;
    if (t.field.empty() && !t.quoted) {
      for (std::string& word : loose_words(t.text)) loose.push_back(std::move(word));
    } else if (t.field.empty()) {
      out.add(loose_words(t.text), " <-> ", weights, "", false);
    } else if (t.field == "isbn") {
      std::optional<publication::isbn> number = publication::parse_isbn(t.text);
      out.add(publication::search_words_in(number ? number->isbn_13 : t.text), " & ", "D", "", false);
    } else {
      const field& f = *std::find_if(fields.begin(), fields.end(), [&](const field& x) { return x.name == t.field; });
      std::string asked = t.field == "language" ? publication::language_tag(t.text).value_or(t.text) : t.text;
      out.add(publication::search_words_in(asked), t.quoted && f.mark.empty() ? " <-> " : " & ", f.weights, f.mark, last);
    }
  }
  out.add(loose, " & ", weights, "", true);
  return out.text();
}

indexed_words words_to_find(const book_fields& f) {
  indexed_words out;
  out.title = joined({f.title, f.subtitle});
  std::vector<std::string> people = names_of(f.authors), subjects = f.tags, rest{f.publisher};
  for (std::string& name : names_of(f.contributors)) people.push_back(std::move(name));
  subjects.insert(subjects.end(), f.genres.begin(), f.genres.end());
  for (const auto& [scheme, value] : f.identifiers) rest.push_back(value);
  out.people = joined(people);
  out.subjects = joined(subjects) + joined({f.series});
  out.rest = joined(rest) + joined({f.series}, "0series0") + joined(subjects, "0tag0") + joined(f.languages, "0language0");
  if (f.published_on.size() >= 4) out.rest += joined({f.published_on.substr(0, 4)}, "0year0");
  return out;
}

std::vector<spelling> words_to_spell(const book_fields& f) {
  std::vector<std::string> texts{f.title, f.subtitle, f.series, f.publisher};
  for (const auto* more : {&f.tags, &f.genres}) texts.insert(texts.end(), more->begin(), more->end());
  for (const auto* people : {&f.authors, &f.contributors}) {
    for (std::string& name : names_of(*people)) texts.push_back(std::move(name));
  }
  std::map<std::string, std::string> out;
  for (const std::string& text : texts) {
    for (const std::string& piece : split(publication::case_fold(publication::nfc(text)), ' ')) {
      std::vector<std::string> words = publication::search_words_in(piece);
      for (const std::string& word : words) {
        bool number = std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (number || word.size() > longest_spelt || count_code_points(word) < shortest_spelt) continue;
        // With its marks, where the piece is nothing but the word.
        out.emplace(word, words.size() == 1 && is_plain(piece) ? piece : word);
      }
    }
  }
  std::vector<spelling> all;
  for (auto& [word, written] : out) all.push_back({word, std::move(written)});
  return all;
}

}  // namespace carrel::library
