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

struct link {
  std::string rel, href, type, title;
  std::optional<std::int64_t> length;  // exact bytes of what the link delivers
  std::optional<std::int64_t> count;   // entries behind it, where that is known for nothing
  std::string facet_group;             // facets only
  bool active = false;                 // the facet choice in force
};

// A line of a navigation feed.
struct section {
  std::string id, title, content;
  link to;
};

struct credit {
  std::string name, href;  // href: the person's feed; "" none
};

struct category {
  std::string term, label;
};

struct book_entry {
  std::string id, title;
  instant updated{};
  std::vector<credit> authors, contributors;
  std::vector<std::string> languages, identifiers;  // identifiers are URIs
  std::string publisher, issued, extent;
  std::vector<category> categories;
  std::string series, series_index;  // index as a decimal, "" unknown
  std::string summary;               // plain
  std::string content;               // XHTML; complete entries only
  std::vector<link> links;           // in the order of opds.md 5.7
};

// An entry as it stands in a feed, and the prefixes it makes use of. Lists hold their entries written, because they are kept.
struct entry_text {
  std::string xml;
  bool dc = false, calibre = false;
};
using entry_ref = std::shared_ptr<const entry_text>;

struct feed {
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
};

}  // namespace carrel::opds
