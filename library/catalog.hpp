#pragma once
// Browsing: lists of books and of names, as one viewer sees them.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/book.hpp"
#include "library/cursor.hpp"
#include "library/offer.hpp"

namespace carrel::library {

// A list of organised books. Every list is ordered by (order column, id) and reached by a cursor at constant cost.
struct list {
  enum class of {
    newest,
    title,
    author,
    person,
    series,
    tag,
    language,
    shelf,
    shelf_newest,
    updated,
    waiting,
    label,
    published,
    popular,
    rated  // by the viewer's stars; what has none comes last
  } what = of::newest;
  uuid id{};  // of the person, series, tag, shelf or label
  std::string language{};
  taker for_whom = taker::page;
  std::string token_name() const;  // for to_token
};

// Which books a page holds and the version of each: enough for a caller that has kept what it made of a version.
struct book_stamp {
  uuid id;
  std::int64_t version = 0;
};
struct outline {
  std::vector<book_stamp> books;
  std::optional<cursor> next, previous;  // absent at the ends
  std::uint64_t first_ordinal = 0;       // of books.front(), 0 unknown
  std::vector<uuid> ids() const;
};

struct page {
  std::vector<book> books;
  std::optional<cursor> next, previous;  // as in outline
  std::uint64_t first_ordinal = 0;
};

// A `before` page that touches the beginning becomes the plain first page. The list `waiting` (inbox and review) is for curators:
// callers check the capability.
page browse(db::tx&, const uuid& viewer, const list&, const cursor&, int limit);
outline outline_of(db::tx&, const uuid& viewer, const list&, const cursor&, int limit);

// The library page's and the API's list: any combination of filters over newest, title or author order. A single filter over
// newest order costs what its own list costs. Callers have checked that the viewer may see the shelf.
struct filter {
  std::string status{};                      // "" all the viewer sees, inbox, review, organized
  std::string language{}, format{}, text{};  // text: words that must match (search)
  std::optional<uuid> person{}, series{}, tag{}, shelf{};
  std::string state{};  // of the viewer's reading: unread, wanted, reading, read, abandoned; "" any
  int rating = 0;       // at least so many halves of stars of the viewer; 0 any
  // What catalog_details.hpp reads; "" and 0 any.
  std::string publisher{}, missing{};  // a part of its name; the field that is empty
  int year_from = 0, year_to = 0, added_days = 0;
  std::optional<uuid> device{};  // of the viewer, that has the book, or has not
  bool on_device = true;
  list::of order = list::of::newest;  // newest, title, author
  bool closest_first = false;         // by how well the text is met, as far as 1,000 books; without a text nothing
  taker for_whom = taker::page;
  std::string token_name() const;
};
page browse(db::tx&, const uuid& viewer, const filter&, const cursor&, int limit);
outline outline_of(db::tx&, const uuid& viewer, const filter&, const cursor&, int limit);

// Names with at least one visible organised book for that taker behind them.
enum class names { authors, series, tags, languages, genres, publishers };
struct name_entry {
  uuid id;           // nil for languages
  std::string name;  // languages: the tag
  std::string sort_key;
};
struct name_page {
  std::vector<name_entry> entries;
  std::optional<cursor> next, previous;
};
// `prefix`: only those whose index letter (one character) or sort key (more) begins with it; "" all.
name_page list_names(db::tx&, const uuid& viewer, names, const std::string& prefix, const cursor&, int limit,
                     taker = taker::page);
std::vector<std::string> letters(db::tx&, const uuid& viewer, names, taker = taker::page);  // A-Z, scripts, # last
// One character longer, upper case.
std::vector<std::string> longer_prefixes(db::tx&, const uuid& viewer, names, const std::string& prefix, taker = taker::page);
bool more_names_than(db::tx&, const uuid& viewer, names, const std::string& prefix, int limit, taker = taker::page);
// Which of them there are at all; of languages at least two.
struct kinds_of_names {
  bool series = false, tags = false, languages = false, genres = false, publishers = false;
};
kinds_of_names names_there(db::tx&, const uuid& viewer, taker);
// Nothing when no such book has it.
std::optional<std::string> name_of(db::tx&, const uuid& viewer, names, const uuid& id, taker = taker::page);

// Search (opds.md 6.4). At most 256 characters and 16 words are looked at.
struct query {
  std::string all{}, title{}, author{}, series{}, tag{}, isbn{};
  std::string language{}, format{};  // "" any
  std::string order{};               // added, title, author, published, rating; "" what fits best first
  taker for_whom = taker::page;
};
struct matches {
  std::vector<book_stamp> books;
  std::optional<std::int64_t> total;  // exact up to 1,000
  bool more = false;
};
matches search_outline(db::tx&, const uuid& viewer, const query&, int offset, int limit);  // as search()
struct found {
  std::vector<book> books;
  std::optional<std::int64_t> total;  // as in matches
  bool more = false;
};
found search(db::tx&, const uuid& viewer, const query&, int offset, int limit);  // offset + limit <= 1000
// For a query that finds nothing: the same with the nearest words of the library instead of those that no book has, if that finds
// a book that the viewer sees. At most six such queries are tried.
std::optional<query> respelled(db::tx&, const uuid& viewer, const query&);

struct counts {
  std::int64_t books = 0, inbox = 0, review = 0, files = 0;
};
counts count_books(db::tx&, const uuid& viewer);

}  // namespace carrel::library
