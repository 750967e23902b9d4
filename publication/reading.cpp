#include "publication/reading.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::array<std::string_view, 5> state_names{"unread", "wanted", "reading", "read", "abandoned"};

struct known_words {
  reading_state state;
  std::string_view words;  // folded, divided by bars
};

// Goodreads: read, currently-reading, to-read and the shelves that people make beside them. StoryGraph: read, currently-reading,
// to-read, did-not-finish, paused. A column of Calibre that says yes or no is about having read it.
constexpr std::array<known_words, 5> all_words{{
    {reading_state::read,
     "read|finished|done|complete|completed|yes|true|1|x|gelesen|beendet|fertig|ausgelesen|ja|wahr|lu|lue|lus|termine|terminee|"
     "fini|finie|oui|vrai"},
    {reading_state::reading,
     "reading|currently reading|current|started|in progress|paused|on hold|lese|lese gerade|am lesen|wird "
     "gelesen|lesend|begonnen|"
     "angefangen|pausiert|en cours|en cours de lecture|lecture en cours|je lis|commence|en pause"},
    {reading_state::wanted,
     "wanted|to read|want to read|tbr|to be read|wishlist|wish list|plan to read|planned|zu lesen|will ich lesen|moechte ich "
     "lesen|mochte "
     "ich lesen|geplant|wunschliste|a lire|envie de lire|je veux lire|pal|prevu"},
    {reading_state::abandoned,
     "abandoned|did not finish|dnf|not finished|unfinished|gave up|given up|stopped|dropped|abgebrochen|aufgegeben|nicht beendet|"
     "abandonne|abandonnee|pas fini|pas termine|laisse tomber"},
    {reading_state::unread,
     "unread|not read|not started|no|false|0|ungelesen|nicht gelesen|nein|falsch|non lu|non lue|pas lu|pas lue|non|faux"},
}};

bool is_among(std::string_view word, std::string_view list) {
  while (!list.empty()) {
    std::size_t end = std::min(list.find('|'), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

// "★★★½☆": stars that are filled, and a half.
std::optional<double> counted_stars(std::string_view s) {
  double out = 0;
  for (char32_t c : code_points(s)) {
    if (c == U'★' || c == U'⭐')
      out += 1;
    else if (c == U'½')
      out += 0.5;
    else if (c != U'☆' && c != U'\ufe0f' && !white_space(c))
      return std::nullopt;
  }
  return out;
}

std::optional<double> number_in(std::string_view s) {
  std::string text(trim(s));
  std::replace(text.begin(), text.end(), ',', '.');
  bool plain = !text.empty() && text.size() < 20 && text.find_first_not_of("0123456789.") == text.npos;
  return plain ? to_double(text) : std::nullopt;
}

}  // namespace

std::string_view name_of(reading_state s) { return state_names[static_cast<std::size_t>(s)]; }

std::optional<reading_state> reading_state_named(std::string_view name) {
  auto at = std::find(state_names.begin(), state_names.end(), name);
  if (at == state_names.end()) return std::nullopt;
  return static_cast<reading_state>(at - state_names.begin());
}

std::optional<reading_state> reading_state_from(std::string_view words) {
  std::string folded = fold(words.substr(0, 200));
  for (const known_words& k : all_words) {
    if (!folded.empty() && is_among(folded, k.words)) return k.state;
  }
  return std::nullopt;
}

std::optional<int> halves_of_stars(std::string_view in) {
  std::string_view s = trim(in);
  if (s.empty() || s == "-") return 0;
  if (s.size() > 100) return std::nullopt;
  std::optional<double> stars = counted_stars(s);
  if (!stars) {
    std::size_t bar = s.find('/');
    stars = number_in(s.substr(0, bar));
    std::optional<double> of = bar == s.npos ? 5.0 : number_in(s.substr(bar + 1));
    if (!stars || !of || (*of != 5 && *of != 10 && *of != 100)) return std::nullopt;
    *stars *= 5 / *of;
  }
  if (*stars < 0 || *stars > 5) return std::nullopt;
  auto halves = static_cast<int>(std::lround(*stars * 2));
  return *stars > 0 ? std::max(halves, 1) : 0;
}

std::string stars_text(int halves) { return halves == 0 ? std::string() : shortest(halves / 2.0); }

void complete_state(heard_opinion& h) {
  if (!h.state && !h.finished.empty()) h.state = reading_state::read;
}

}  // namespace carrel::publication
