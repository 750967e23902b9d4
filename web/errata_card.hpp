#pragma once
// The kinds of errata: how much there is of each, since when, and what a person put off or ignores of it (product.md 4.9).

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/audit.hpp"
#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::web {

// In the order of the page.
inline constexpr std::array errata_kinds{"failed",  "drift",   "unsuitable", "unconverted", "duplicates", "metadata",
                                         "missing", "folders", "damaged",    "places",      "unmoved",    "unwritten",
                                         "held",    "unknown", "highlights", "jobs"};

// What is older than its kind's moment, or as old, is not shown. A kind that was put off has none that is later.
class errata_cuts {
 public:
  errata_cuts() = default;
  errata_cuts(db::tx&, const uuid& viewer);
  bool put_off(std::string_view kind) const;
  bool hides(std::string_view kind, instant since) const;

 private:
  std::map<std::string, instant, std::less<>> last_;
};

// Of what is shown.
struct errata_size {
  std::int64_t count = 0;
  std::optional<instant> oldest;
};
using errata_sizes = std::map<std::string, errata_size, std::less<>>;
// `everybody` and `jobs` as for load_errata. Without `unsuitable`, which is known only by its list, and `metadata`.
errata_sizes sizes_of_errata(db::tx&, const uuid& viewer, bool everybody, bool jobs);

// Books of the library without a cover, an author, a language or a description, and how many lack each of them.
struct missing_field {
  std::string field;
  std::int64_t books = 0;
};
struct missing_metadata {
  errata_size size;
  std::vector<missing_field> fields;
};
missing_metadata metadata_that_is_missing(db::tx&, const uuid& viewer);

// Highlights of a book that is not in the library, or that could not be read.
struct unplaced_highlights {
  std::string content, title;  // what their device calls the book; of ours, when there is one
  bool unreadable = false;
  std::int64_t count = 0;
  instant since{};
};
std::vector<unplaced_highlights> highlights_without_place(db::tx&, const uuid& viewer, int most);

// What is put off or ignored.
struct quiet_kind {
  uuid id;
  std::string kind, note;
  std::optional<instant> until;  // absent: what was there is ignored
  instant made_at{};
};
std::vector<quiet_kind> quiet_kinds(db::tx&, const uuid& viewer);
uuid put_off_errata(db::tx&, const uuid& viewer, const std::string& kind, int days, const library::actor&);
uuid ignore_errata(db::tx&, const uuid& viewer, const std::string& kind, const std::string& note, const library::actor&);
// False when the viewer has no such thing.
bool show_errata_again(db::tx&, const uuid& viewer, const uuid& quiet, const library::actor&);

}  // namespace carrel::web
