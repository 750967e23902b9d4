#pragma once
// Everything that needs a person's eye (product.md 4.9), for the page and for the API.

#include <optional>
#include <string>
#include <vector>

#include "library/document.hpp"
#include "library/kobo_ledger.hpp"
#include "library/position.hpp"
#include "server/core/clock.hpp"
#include "server/db/tx.hpp"
#include "web/duplicates.hpp"
#include "web/errata_card.hpp"
#include "web/library_errata.hpp"
#include "web/messages.hpp"

namespace carrel::web {

struct failed_item {
  uuid id;
  std::string name, code, detail;
  instant since{};
  std::optional<uuid> user;
  bool kept = false;      // its bytes are in quarantine
  bool imported = false;  // only the import that brought it can try it again
};
// Why; without the promise to try again where nobody does by itself.
std::string why_failed(const messages&, const failed_item&);
// Of everybody, or only what this account sent. Newest first, behind the one that is named.
std::vector<failed_item> failed_items(db::tx&, const uuid& viewer, bool everybody, int most,
                                      const std::optional<uuid>& after = std::nullopt);
// False when there is no such failure that the viewer sees.
bool set_dismissed(db::tx&, const uuid& viewer, bool everybody, const uuid& item, bool dismissed);
bool sees_item(db::tx&, const uuid& viewer, bool everybody, const uuid& item);

struct failed_job {
  uuid id;
  std::string kind, error;
  instant since{};
};
std::vector<failed_job> failed_jobs(db::tx&, int most);

struct held_position {
  library::position_row row;
  std::string title;       // of the book or document, "" when nobody knows
  std::string now_device;  // whose place is the current one
  double now_percentage = 0;
};
std::vector<held_position> held_with_titles(db::tx&, const uuid& viewer, int most);

// A file that was asked for and is not in its place on the disk.
struct missing_file {
  uuid file, book;
  std::string title, name;
  instant since{};
};
std::vector<missing_file> missing_files(db::tx&, const uuid& viewer, int most, const std::optional<uuid>& after = std::nullopt);

// On a shelf for a Kobo that it will never get.
struct unsuitable_item {
  uuid device;
  std::string device_name;
  library::unsuitable_book book;
  instant since{};  // it came on the shelf
};

// On a shelf for one of the viewer's Kobos, and delivered as it is, or in part, because it could not be converted (kepub.md 9,
// 10).
struct unconverted_book {
  uuid file, book;
  std::string title, code, detail;
  instant since{};
};
std::vector<unconverted_book> unconverted_books(db::tx&, const uuid& viewer, int most);

struct errata {
  std::vector<failed_item> items;
  std::vector<failed_job> jobs;
  std::vector<library::unknown_document> documents;
  std::vector<held_position> held;
  std::vector<missing_file> missing;
  std::vector<library::drift> drift;
  std::vector<library::guarded_device> guarded;
  std::vector<unsuitable_item> unsuitable;
  std::vector<unconverted_book> unconverted;
  std::vector<possible_duplicate> duplicates;
  library_errata libraries;
  missing_metadata metadata;
  std::vector<unplaced_highlights> highlights;
};
std::vector<unsuitable_item> unsuitable_items(db::tx&, const uuid& viewer, int most);

// At most so many of each kind; all of those whose number only the list tells (`unsuitable`, `unconverted`). Without what the
// viewer put off or ignores.
errata load_errata(db::tx&, const uuid& viewer, bool everybody, bool jobs, int most);

}  // namespace carrel::web
