#pragma once
// Which fields of a book would come from which record (metadata-providers.md 9.2). Nothing is written here.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/sources/record.hpp"
#include "ingest/sources/score.hpp"

namespace carrel::ingest::sources {

enum class apply_mode { off, fill_empty, replace };

struct thresholds {
  double automatic = 0.90, review = 0.60;
  double lead = 0.03;          // over the runner-up of the same source
  double title_author = 0.97;  // below it these two are left alone
};

struct candidate {
  std::string source;
  record about;
  score scored;
};

enum class standing { hidden, review, automatic };

// Of each candidate, in their order: sure enough, and ahead of the others of its source unless they are the same book.
std::vector<standing> standings(const std::vector<candidate>&, const thresholds&);

// The names of fields are those of contract.md 4 (PATCH), and narrators, duration, cover.
struct book_now {
  std::vector<std::string> filled;                               // fields that hold something
  std::vector<std::string> locked;                               // never touched, empty or not
  std::vector<std::pair<std::string, std::string>> identifiers;  // scheme -> value
  int cover_width = 0;                                           // of the cover that it has
  bool audio = false;
  bool approved = false;  // by a person: nothing changes by itself any more

  // What its own files say: the fields they name, and how far they are believed (ingest.md 18.1).
  std::vector<std::string> local_fields;
  double local_confidence = 0;
};

struct choice {
  std::string field;     // or the scheme of an identifier
  std::size_t from = 0;  // of the candidates
  bool operator==(const choice&) const = default;
};

struct choices {
  std::vector<choice> fields;
  std::vector<choice> identifiers;
  // Whose covers to try, the best first: the first that can be fetched is taken.
  std::vector<std::size_t> covers;

  // Of one candidate, as its row remembers them (selected_fields): "identifiers" for any of those. Without the cover, which is
  // known only once it is there.
  std::vector<std::string> taken_from(std::size_t candidate) const;
};

// What happens without a person. Nothing under `off`, and nothing to an approved book.
choices choose(const book_now&, const std::vector<candidate>&, apply_mode, const thresholds& = {});

// The value of an identifier by its scheme, the columns isbn_13, isbn_10 and asin included; "" when it is unknown.
std::string identifier_of(const record&, std::string_view scheme);

}  // namespace carrel::ingest::sources
