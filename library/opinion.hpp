#pragma once
// What a reader thinks of a book: how far they are, stars, a review. It belongs to them alone (product.md 8).
//
// What somebody says by hand holds. An import says what it knows of a book that its reader said nothing of by hand, or when it
// names a day of reading after the day on which they did: then it is the newer of the two. It fills in days that were left open
// where it agrees with the state, and never takes anything away.

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "publication/reading.hpp"
#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct said {
  std::string by;             // hand, goodreads, storygraph, csv, calibre; "" nobody
  std::optional<instant> at;  // the time of which it is true; nothing when that is not known
  bool operator==(const said&) const = default;
};

struct opinion {
  std::optional<publication::reading_state> state;  // nothing: as devices tell
  std::string started, finished;                    // YYYY, YYYY-MM, YYYY-MM-DD; "" not known
  said of_state;
  int rating = 0;  // halves of stars; 0 none
  said of_rating;
  std::string review;  // plain text
  said of_review;
  bool operator==(const opinion&) const = default;
};
json::object to_json(const opinion&);  // {state, rating, started, finished, review}; rating in stars

// What a person changes; what is left out stays.
struct opinion_change {
  std::optional<std::optional<publication::reading_state>> state{};
  std::optional<int> rating{};
  std::optional<std::string> started{}, finished{}, review{};
};
// {"state": "read" or null, "rating": 4.5 or null, "started", "finished": "2021-03-15", "2021" or null, "review"}. Errors name
// the field.
result<opinion_change> read_opinion_change(const json::object&);

struct import_source {
  std::string name;
  bool old = false;  // it says nothing new: what another import said since stays, too
};

// The two rules; `now` is the time of the change.
result<opinion> said_by_hand(opinion, const opinion_change&, instant now);  // an error when the end is before the beginning
opinion said_by_import(opinion, const publication::heard_opinion&, const import_source&, instant now);

std::optional<opinion> find_opinion(db::tx&, const uuid& user, const uuid& book);
// Nothing when the user does not see the book. The opinion before is kept, and can be taken back once.
std::optional<result<opinion>> change_opinion(db::tx&, const uuid& user, const uuid& book, const opinion_change&);
bool undo_opinion(db::tx&, const uuid& user, const uuid& book);  // false when there is nothing to take back

// ---- as lists show it ----------------------------------------------------------------------------------------------

// The state of books as it is for this reader, from what they said and what their devices tell (schema/0013: readings), and the
// stars. One statement, whatever the number of books; what is left out is unread and without stars.
struct book_mark {
  publication::reading_state state = publication::reading_state::unread;
  int rating = 0;
};
using book_marks = std::unordered_map<uuid, book_mark>;
book_marks marks_of(db::tx&, const uuid& user, const std::vector<uuid>& books);
book_mark mark_of(const book_marks&, const uuid& book);
json::object to_json(const book_mark&);  // {state, rating}: `reading` of a book object

// ---- imports -------------------------------------------------------------------------------------------------------

struct import_word {
  uuid book;
  publication::heard_opinion says;
};
// kept: something of it lost against what was said by hand. unseen: the user does not see the book.
enum class import_end { changed, unchanged, kept, unseen };
// One end for each word; of one book there is at most one. The number of statements does not depend on their number. Without
// `store` only the ends are found out.
std::vector<import_end> hear_import(db::tx&, const uuid& user, const import_source&, const std::vector<import_word>&, bool store);

}  // namespace carrel::library
