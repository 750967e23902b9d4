#pragma once
// One file on its way into the library (ingest.md 2.3, 4).

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "ingest/item.hpp"
#include "ingest/services.hpp"
#include "library/book.hpp"
#include "library/imported.hpp"

namespace carrel::ingest {

struct ending {
  enum kind { added, duplicate, rejected, failed, left_alone, vanished } how = failed;
  uuid book, file;           // of added and duplicate
  bool replaced = false;     // of added: the file was there before with other bytes
  std::string status;        // of added, and of what had been added before: review, organized
  std::string code, detail;  // of the others (ingest.md 22)
  std::vector<publication::warning> warnings;
  std::optional<std::chrono::seconds> again_after;  // of failed
};

// A file of a library elsewhere that somebody has looked after (ingest.md 16): all files of one book there belong to one book
// here, it goes into the library without a review, and what is said there wins over what the file says of itself.
struct brought {
  const library::curated& says;
  std::optional<library::new_cover> cover;  // stored already
};

struct company;  // company.hpp

// Takes the item from wherever it stands to its end; what is true already is not done again. Waits for another worker that has
// the item, or, when told not to wait, answers nothing.
std::optional<ending> take_in(const services&, const uuid& item, bool wait, const brought* from = nullptr,
                              const company* beside = nullptr);

struct member_ending {
  uuid item;
  ending end;
};
// The same for files that are one book together, and for what lies beside them.
std::optional<std::vector<member_ending>> take_group(const services&, const uuid& group, bool wait);

// A refused file once more, from quarantine or from where it lies (errata: "try again"). False when there is nothing to try.
bool try_again(const services&, const uuid& item);
bool lies_in_quarantine(const services&, const uuid& item);
// Puts a refused or failed item out of errata; its file stays in quarantine until the sweep.
bool dismiss(db::tx&, const uuid& item);

}  // namespace carrel::ingest
