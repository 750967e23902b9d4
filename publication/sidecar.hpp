#pragma once
// Files beside a book that tell of it (ingest.md 15).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/clock.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

enum class sidecar { opf, json, picture, other };  // other: kept with the book, says nothing to us

// What a file may be to a book file beside it. `own`: it bears the book file's name, and belongs to it whatever else is in the
// folder; others ("metadata.opf", "cover.jpg") speak of the only book of their folder. `rank`: of two of a kind the lower wins
// (15.4).
struct sidecar_name {
  sidecar kind = sidecar::opf;
  bool own = false;
  int rank = 0;
  bool operator==(const sidecar_name&) const = default;
};
std::optional<sidecar_name> sidecar_of(std::string_view file_name, std::string_view book_stem);

constexpr std::size_t longest_json = 4 << 20;  // bytes
constexpr int smallest_picture = 100;          // pixels of either side; a smaller one is no cover

struct told {
  metadata about;
  std::string cover;                // the name that an OPF has for its picture; "" when it names none
  std::optional<instant> added_at;  // to the library where it comes from
  std::vector<warning> warnings;
};
// As Calibre writes it. Refusals: those of package documents (ingest.md 9.2).
result<told, refusal> read_metadata_opf(std::string_view bytes);
// Audiobookshelf's, in either of its forms (15.2). What has another type than it should is passed over. Refuses what is no JSON
// object (xml_too_large, unsupported_type).
result<told, refusal> read_metadata_json(std::string_view bytes);

// Either of them, by its name, from an opened file.
result<told, refusal> read_sidecar(int descriptor, std::string_view file_name);

}  // namespace carrel::publication
