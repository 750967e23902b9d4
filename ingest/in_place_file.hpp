#pragma once
// One file of a folder that is read in place, on its way into the library. Not for other folders.

#include <optional>
#include <string>

#include "ingest/grouping.hpp"
#include "ingest/in_place.hpp"
#include "ingest/paths.hpp"
#include "publication/names.hpp"

namespace carrel::ingest {

struct place_row {
  std::string place;
  identity who;  // without its device: that changes from one start of the machine to the next
  std::optional<uuid> file;
};

// Of a file that lies among recordings of one book.
struct audio_place {
  std::optional<uuid> book;                 // nothing: this file makes it
  int position = 0;                         // from 1; 0: another format of the book
  std::size_t of = 0;                       // recordings
  std::optional<publication::guess> named;  // what the folder's name says
  std::string title;                        // as in company
  std::string refused;                      // a code: none of them is taken in
};

void read_place(const services&, const library::book_library&, const place_row&, bool settle, read_counts&,
                const audio_place* among = nullptr);

// Of a recording that lies with others: which these are. Nothing when it is a book of its own.
std::optional<unit> recordings_around(const services&, const library::book_library&, const std::string& place);
// Reads what waits of them, each as a part of its book, and puts all of them in order (audiobooks.md A2). How many waited.
std::int64_t read_recordings(const services&, const library::book_library&, const unit&, bool settle, read_counts&);

// Recordings with a place in a book whose edition has no track of them: whoever read their folder did not come to its end.
std::vector<std::string> unjoined_recordings(db::tx&, const uuid& library, int most);
void join_unjoined(const services&, const library::book_library&, const read_options&, read_counts&);
// Recordings that others lie in the place of, and that are not to be found anywhere, leave their books.
void forget_superseded(const services&, const uuid& library);

}  // namespace carrel::ingest
