#include "publication/calibre/reading.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"

namespace carrel::publication::calibre {
namespace {

using labels = std::set<std::string, std::less<>>;

// Folded, so that "date_read" is "date read".
const labels of_state{"read",       "is read",   "have read", "read status", "reading status",
                      "readstatus", "status",    "state",     "finished",    "gelesen",
                      "lesestatus", "lesestand", "lu",        "statut",      "statut de lecture"};
const labels of_finish{"date read", "dateread",      "read date",   "readdate",        "read on",    "last read",
                       "lastread",  "date finished", "finish date", "finished on",     "gelesen am", "lesedatum",
                       "beendet",   "beendet am",    "lu le",       "date de lecture", "date lu"};
const labels of_start{"date started", "start date",  "started",     "started on",
                      "begonnen",     "begonnen am", "commence le", "date de debut"};
const labels of_review{"review", "my review", "rezension", "meine rezension", "avis", "mon avis", "critique"};

std::string key_of(std::string_view label) { return fold(label.substr(label.starts_with('#') ? 1 : 0)); }

// A yes or no, a word, or the day.
void take_state(const std::string& value, heard_opinion& out) {
  if (std::optional<reading_state> state = reading_state_from(value)) {
    out.state = *state;
  } else if (std::optional<std::string> day = date(value)) {
    out.finished = *day;
  }
}

void take_day(const std::string& value, std::string& to) {
  if (std::optional<std::string> day = date(value); day && to.empty()) to = *day;
}

}  // namespace

heard_opinion opinion_of(const book& b, const std::string& read_column) {
  heard_opinion out;
  if (b.about.rating) out.rating = std::clamp(static_cast<int>(std::lround(*b.about.rating * 2)), 0, most_halves);
  std::string chosen = key_of(read_column);
  for (const auto& [label, value] : b.columns) {
    std::string key = key_of(label);
    bool state = chosen.empty() ? of_state.contains(key) && !out.state : key == chosen;
    if (state)
      take_state(value, out);
    else if (of_finish.contains(key))
      take_day(value, out.finished);
    else if (of_start.contains(key))
      take_day(value, out.started);
    else if (of_review.contains(key))
      out.review = sanitise(value).text;
  }
  if (!out.finished.empty() && out.started > out.finished) out.started.clear();
  complete_state(out);
  return out;
}

}  // namespace carrel::publication::calibre
