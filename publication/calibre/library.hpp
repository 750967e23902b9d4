#pragma once
// Somebody's Calibre library, as its own database describes it (ingest.md 16). Nothing below its folder is ever written, and its
// database is never opened: a copy is.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "publication/calibre_columns.hpp"
#include "publication/metadata.hpp"
#include "server/core/clock.hpp"
#include "server/core/error.hpp"

namespace carrel::publication::calibre {

// Paths are below the library's folder, in the bytes that lie on disk.
struct found_file {
  std::string listed;  // as the database names it
  std::string path;    // "" when there is no such file, in whatever case or normal form its name is written
};

struct book {
  std::int64_t id = 0;
  std::string uuid;  // of this library one book has it; "id-7" for a book without one
  std::string folder;
  metadata about;
  std::optional<instant> added_at;
  std::string last_modified;                                 // as written; equal means that nothing changed
  std::vector<found_file> files;                             // without those of the formats ORIGINAL_...
  std::vector<std::string> kept_as;                          // names of the formats ORIGINAL_..., as in `listed`
  std::string cover;                                         // "" when there is none on disk
  std::vector<std::pair<std::string, std::string>> columns;  // custom ones that no field holds, by label
  std::vector<warning> warnings;
};

struct reading {
  std::filesystem::path scratch;               // where the copy of the database lies, in a folder of its own
  std::size_t chunk = 200;                     // books at once
  std::chrono::milliseconds patience{60'000};  // for the queries of one chunk, and five times that for the first look
  column_mapping columns{};                    // that are fields here beside the usual ones
};

// Not to be used by two threads at once.
class library {
 public:
  // Refusals: calibre_no_library, calibre_unreadable, calibre_busy, calibre_damaged, calibre_unknown_schema, calibre_limit.
  static result<library, refusal> open(const std::filesystem::path& folder, const reading&);
  ~library();
  library(library&&) noexcept;
  library& operator=(library&&) noexcept;

  const std::string& uuid() const;
  std::int64_t size() const;  // books
  const std::vector<warning>& warnings() const;

  // The next books in the order of their numbers; none at the end.
  result<std::vector<book>, refusal> next();

 private:
  struct state;
  explicit library(std::unique_ptr<state>);
  std::unique_ptr<state> state_;
};

}  // namespace carrel::publication::calibre
