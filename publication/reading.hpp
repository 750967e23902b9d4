#pragma once
// How far somebody is with a book, and what they think of it, in the words of people and programs.

#include <optional>
#include <string>
#include <string_view>

namespace carrel::publication {

enum class reading_state { unread, wanted, reading, read, abandoned };
std::string_view name_of(reading_state);                             // "unread", "wanted", ...
std::optional<reading_state> reading_state_named(std::string_view);  // the reverse

// What Goodreads, StoryGraph, Calibre's users and others call it: "to-read", "currently-reading", "did-not-finish", "gelesen",
// "oui". Case, dashes and blanks do not matter. Nothing for a word that is none of them.
std::optional<reading_state> reading_state_from(std::string_view words);

// Halves of stars, 1 to 10; 0: none.
inline constexpr int most_halves = 10;
// "4", "4.25" (the nearest half), "4,5", "4/5", "8/10", "★★★½"; 0 for "", "0" and "-". Nothing for what is no number of at most
// five stars.
std::optional<int> halves_of_stars(std::string_view);
std::string stars_text(int halves);  // "4.5"; "" for none

// What one source says of one reader and one book; what it does not say is empty.
struct heard_opinion {
  std::optional<reading_state> state;
  int rating = 0;                 // halves of stars
  std::string started, finished;  // YYYY, YYYY-MM or YYYY-MM-DD
  std::string review;
  std::string listed;  // the day on which it was put on a list, as above
  bool empty() const { return !state && rating == 0 && started.empty() && finished.empty() && review.empty(); }
  bool operator==(const heard_opinion&) const = default;
};

// A book that somebody finished is read, whatever else is not said of it.
void complete_state(heard_opinion&);

}  // namespace carrel::publication
