#pragma once
// What sources say of a book, and what people take of it (metadata-providers.md 8 and 9.2, ingest.md 18).

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/audit.hpp"
#include "library/book.hpp"
#include "server/core/clock.hpp"
#include "server/core/config.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// One field as the book would have it: cleaned, checked, in the form in which edit_book takes it.
struct offer {
  std::string field;
  json::value value;
  bool same = false;  // as what the book has
};

// A cover that a source names. It can be taken when Carrel holds the picture: `normalized.cover.sha256` names it then.
struct offered_cover {
  int width = 0, height = 0;  // 0 unknown
  std::string sha256;         // "" it lies elsewhere
};

struct candidate {
  uuid id;
  std::string source;  // user, calibre, embedded, google_books, ... (ingest.md 18.1, metadata-providers.md 1)
  std::string status;  // new, applied, rejected, superseded
  double confidence = 0;
  std::vector<std::string> reasons;
  std::vector<std::pair<std::string, double>> terms;  // of the confidence, by name
  std::vector<std::string> taken;                     // fields of the book that come from it
  std::string url;                                    // a page for people; "" none
  std::optional<offered_cover> cover;
  std::vector<offer> offers;
  instant fetched_at{};
};

struct field_now {
  std::string name;
  json::value value;
  std::string source;  // "" unknown
  bool locked = false;
};

struct comparison {
  std::vector<field_now> fields;      // every field that a book can have
  std::vector<candidate> candidates;  // best first; what is rejected or superseded, or too unlikely, is left out
};

// A provider's record below it is kept and not shown (metadata.review_threshold, metadata-providers.md 9.2); files and libraries
// always are.
double least_shown(const config&);
bool is_local(std::string_view source);

// Nothing when there is no such book. Callers have checked that it may be seen.
std::optional<comparison> compare(db::tx&, const uuid& book, double least_shown);

// What a book's file says of it after its bytes were replaced: for people to look at, the book's fields stay (ingest.md 18.4).
void describe_again(db::tx&, const uuid& book, const publication::metadata&, const new_file&);

struct pick {
  uuid candidate;
  std::string field;
};
struct taken {
  std::vector<std::string> fields;
  std::optional<uuid> group;  // of the history; nothing when all was so already
};
// Takes fields of candidates: values, sources and locks, in one group of the history. A locked field is taken too: a person chose
// it. An error names the candidate ("candidate") or the field that it does not offer, and changes nothing.
result<taken> take_fields(db::tx&, const uuid& book, const std::vector<pick>&, const actor&);
// Everything it offers but what is locked.
result<taken> take_all(db::tx&, const uuid& book, const uuid& candidate, const actor&);

// What rules chose (metadata-providers.md 9.2). Nothing is locked by it; a locked field, and what the book cannot have, is left
// out.
struct ruled_picks {
  std::vector<pick> fields;
  std::vector<pick> identifiers;  // `field` is the scheme: added to those of the book
};
result<taken> take_by_rule(db::tx&, const uuid& book, const ruled_picks&, const actor&);

// The picture that one of the book's candidates offers, when Carrel holds it.
std::optional<cover_ref> find_offered_cover(db::tx&, const uuid& book, const std::string& sha256);

// Out of sight, or back. False when the book has no such candidate or it was so. What was taken from it stays.
bool reject_candidate(db::tx&, const uuid& book, const uuid& candidate, bool rejected, const actor&);

}  // namespace carrel::library
