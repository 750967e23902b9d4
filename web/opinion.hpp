#pragma once
// How pages show what a reader thinks of a book.

#include <string>

#include "library/opinion.hpp"
#include "web/messages.hpp"
#include "web/view.hpp"

namespace carrel::web {

std::string state_words(const messages&, publication::reading_state);
std::string stars_words(const messages&, int halves);                // "4½ of 5 stars"; "" for none
std::string mark_words(const messages&, const library::book_mark&);  // "Read · ★★★★½"; "" for an unread book without stars

// For the part "opinion": what they said, and the state as it is for them.
void fill_opinion(const messages&, const library::opinion&, const library::book_mark&, view& into);

}  // namespace carrel::web
