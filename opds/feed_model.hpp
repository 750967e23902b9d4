#pragma once
// A catalog document as data: what is true of it, not how it is written. Texts are plain (escaping is the writer's), addresses
// absolute, lists in the order in which they are shown.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"

namespace carrel::opds {

enum class kind { navigation, acquisition };
enum class form { atom, json };  // OPDS 1.2, OPDS 2.0

struct link {
  std::string rel, href, type, title;
  std::optional<std::int64_t> length;  // exact bytes of what the link delivers
  std::optional<std::int64_t> count;   // entries behind it, where that is known for nothing
  std::string facet_group;             // facets only
  bool active = false;                 // the facet choice in force
  int width = 0, height = 0;           // of a picture; 0 not known
  int pages = 0, last_read = 0;        // of a page stream; last_read from 1, 0 unread
  instant last_read_at{};
};

// A line of a navigation feed.
struct section {
  std::string id, title, content;
  link to;
};

struct credit {
  std::string name, href{};         // href: the person's feed; "" none
  std::string sort_name{}, role{};  // role: MARC relator; "" author
};

struct category {
  std::string term, label;
};

enum class sort_of_book { text, comic, audio };

struct book_entry {
  std::string id, title, subtitle, sort_title;
  sort_of_book sort = sort_of_book::text;
  instant updated{};
  std::vector<credit> authors, contributors;
  std::vector<std::string> languages, identifiers;  // identifiers are URIs
  std::string publisher, issued, extent;
  std::vector<category> categories;
  std::string series, series_index;  // index as a decimal, "" unknown
  std::string series_href;           // the series' feed
  std::optional<int> pages;
  std::int64_t milliseconds = 0;  // of sound
  std::string summary;            // plain
  std::string content;            // XHTML; complete entries only
  std::vector<link> links;        // in the order of opds.md 5.7
};

// An entry as it stands in a feed, and in Atom the prefixes it makes use of. Lists hold their entries written, because they are
// kept.
struct entry_text {
  std::string text;
  bool dc = false, calibre = false, pse = false;
};
using entry_ref = std::shared_ptr<const entry_text>;

// The beginning of a list, shown by the list that leads to it; in OPDS 2.0 only (opds.md 9.2).
struct group {
  std::string title;
  link to;
  std::optional<std::int64_t> total;
  std::vector<entry_ref> books;
};

struct feed {
  std::string_view language = "en";  // of the catalog's own words
  opds::kind kind = kind::navigation;
  std::string id, title;
  instant updated{};
  credit author;
  std::string icon;        // address of a square PNG
  std::string tag_scheme;  // of every category
  std::vector<link> links;
  std::optional<std::int64_t> total;        // exact or absent
  std::optional<std::int64_t> start_index;  // 1-based place of the first entry
  int page_size = 0;                        // 0: not a paged list
  std::vector<section> sections;            // of a navigation feed
  std::vector<entry_ref> books;             // of an acquisition feed
  std::vector<group> groups;
};

// The list a complete entry comes from; Atom wants it where a book has no author (opds.md 5.6).
struct source {
  std::string id, title;
  instant updated{};
  credit author;
};

struct complete_entry {
  book_entry book;
  source from;
  std::string tag_scheme;
  std::string_view language = "en";  // of the catalog's own words
};

}  // namespace carrel::opds
