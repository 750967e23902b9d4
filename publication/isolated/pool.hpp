#pragma once
// Foreign files are read and converted in processes of their own (ingest.md 23, kepub.md 10): long-lived children without rights,
// one file at a time each.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/isolated/first_page.hpp"
#include "publication/kepub/convert.hpp"
#include "publication/locator/book.hpp"
#include "publication/locator/quote.hpp"
#include "publication/metadata.hpp"
#include "publication/open.hpp"
#include "publication/outline.hpp"
#include "publication/piece.hpp"
#include "publication/sidecar.hpp"
#include "server/core/config.hpp"
#include "server/core/error.hpp"

namespace carrel::publication::isolated {

struct options {
  unsigned processes = 2;
  std::uint64_t memory = 512ULL << 20;           // RLIMIT_DATA
  std::chrono::milliseconds cpu{30'000};         // per file; four times that by the clock
  std::chrono::milliseconds conversion{60'000};  // the same of a conversion
  std::vector<std::string> command{"/proc/self/exe", "inspect"};
  drawing first_page;  // of PDFs, and how their other pages are drawn
  limits allowed{};    // of what is inspected
};
options options_from(const config&);  // ingest.workers, parse.memory, parse.cpu, and the limits

// A rendition that is cut when a cover comes in (opds.md 5.9); cutting it also proves that the picture can be decoded.
struct thumbnail {
  int edge = 0;
  std::string jpeg;
};

struct inspection {
  opened about;  // its cover is the master that is stored (19.1)
  std::vector<thumbnail> thumbnails;
};

struct picture {
  cover_image master;  // as it is stored
  std::vector<thumbnail> thumbnails;
};

// A place to look for in a file: an XPointer or a locator of it, or a position of another variant of the book.
struct place_wish {
  std::string xpointer;
  std::optional<locator::readium_locator> readium;
  std::optional<locator::position> position;
  std::uint64_t counted = 0;  // characters of the position's document there
  std::string measure;        // of this file, packed, when it is known
};
struct found_place {
  std::optional<locator::position> at;              // in this file
  std::optional<locator::written_pointer> pointer;  // the same as an XPointer of it
  std::string measure;                              // of this file, packed
};

// The detail of a refusal when no child could be had at all.
constexpr std::string_view no_process = "no process could be started";

// Safe from any thread; a caller waits for a free child. A child that dies or reaches a limit costs one retry in a fresh one,
// then the file is refused (inspection_crash, inspection_limit).
class pool {
 public:
  explicit pool(options);
  ~pool();

  // The cover of a PDF is its first page where that can be drawn.
  result<inspection, refusal> inspect(int descriptor, const std::string& file_name);
  // As inspect, of the fields alone: nothing is hashed, no cover is cut.
  result<opened, refusal> glance(int descriptor, const std::string& file_name);
  // A picture that lies beside a book; refused with what is wrong with it as a cover.
  result<picture, refusal> look_at_picture(int descriptor);
  // What a metadata.opf or metadata.json beside a book says (sidecar.hpp).
  result<told, refusal> read_sidecar(int descriptor, const std::string& file_name);
  // kepub::convert; `to` is written by the child. When that came to an end over it, the refusal is kepub_failed with the detail
  // inspection_crash or inspection_limit.
  result<kepub::made, refusal> convert(int descriptor, const std::string& file_name, const std::filesystem::path& to,
                                       const kepub::options&);
  // write_corrected_copy; `to` is written by the child. `metadata`: corrected, as JSON.
  result<bool, refusal> copy_corrected(int descriptor, const std::string& file_name, const std::filesystem::path& to,
                                       const std::string& metadata);
  // Of an EPUB or KEPUB (locator::book).
  result<found_place, refusal> locate(int descriptor, const std::string& file_name, const place_wish&);
  // Passages of a KEPUB by their words (locator::find_quotes): as many answers as quotes.
  result<std::vector<std::optional<locator::found_quote>>, refusal> find_quotes(int descriptor, const std::string& file_name,
                                                                                const std::vector<std::string>& quotes);
  // What an app reads of a publication without the rest of it (outline.hpp, piece.hpp).
  result<outline, refusal> outline_of(int descriptor, const std::string& file_name);
  result<piece, refusal> read_piece(int descriptor, const std::string& file_name, const piece_wish&);
  // A page of a PDF, from 1, drawn in that width.
  result<piece, refusal> draw_page(int descriptor, int page, int width);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// The whole life of a child: `carrel inspect`, with its socket as descriptor 3.
int child_main();

}  // namespace carrel::publication::isolated
