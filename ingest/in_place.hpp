#pragma once
// Libraries that are read in place (ingest.md 2.1, product.md 3.2): books whose files stay where they are. Nothing below the root
// of such a library is ever written, renamed, linked or given other rights.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ingest/services.hpp"
#include "library/libraries.hpp"
#include "library/library_plan.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest {

using stop_asked = std::function<bool()>;

// ---- what is there ------------------------------------------------------------------------------------------------

// One look at the names, inodes, sizes and times below the root, compared with what is known. Opens no file.
struct folder_look {
  std::int64_t files = 0;      // with names that are looked at
  std::int64_t unchanged = 0;  // no row was touched for them
  std::int64_t fresh = 0, changed = 0, back = 0, gone = 0;
  std::int64_t beside = 0;                // files beside books, new or changed
  std::int64_t special = 0, ignored = 0;  // links and devices; names of 3.2
  std::string trouble;                    // folder_unavailable: nothing was changed
  bool stopped = false;
};
// `folder` hears of every folder before its entries are read (a watch can be set). The caller holds the lock of the library.
folder_look look_through(const services&, const library::book_library&, const stop_asked&,
                         const std::function<void(const std::filesystem::path&)>& folder = nullptr,
                         const std::function<void(std::int64_t)>& tell = nullptr);

// ---- what is to be read -------------------------------------------------------------------------------------------

struct read_counts {
  std::int64_t added = 0;     // books
  std::int64_t joined = 0;    // further formats of a book
  std::int64_t replaced = 0;  // other bytes at a known place: the same book
  std::int64_t moved = 0;     // known bytes at another place: the same book
  std::int64_t same = 0;      // touched, but the bytes are as they were
  std::int64_t duplicates = 0, refused = 0;
  std::int64_t later = 0;  // not complete yet, or changed while it was read
};
struct read_options {
  bool settle = false;  // leave alone what may still be written to (3.3)
  stop_asked stop = nullptr;
  std::function<void(std::int64_t done, std::int64_t all)> tell = nullptr;
};
// Reads what waits, first what nobody knows, then what is known at its place: so a renamed file is met before the file that
// took its name. What one process leaves, another goes on with.
read_counts read_waiting(const services&, const library::book_library&, const read_options&);

// What files beside books say (ingest.md 15) is told to the book that they speak of; they stay where they are. Of a folder with
// several books only those that bear a book's name are listened to. The number of books that were told something.
std::int64_t tell_beside(const services&, const library::book_library&, const stop_asked& stop);

// ---- all of it, as a job -----------------------------------------------------------------------------------------------

uuid enqueue_scan(db::tx&, const library::book_library&, bool settle, const std::optional<uuid>& user = std::nullopt);
// Reads every byte of the library's files again and compares: missing, damaged.
uuid enqueue_verify(db::tx&, const library::book_library&, const std::optional<uuid>& user = std::nullopt);
bool waits_for_reading(db::tx&, const uuid& library);
void register_verify(carrel::jobs::workers&, const services&);
// Kinds library.scan, library.verify and library.organise.
void register_library_jobs(carrel::jobs::workers&, const services&);

// ---- before and after ---------------------------------------------------------------------------------------------

library::folder_preview preview_folder(const services&, const std::filesystem::path& root, std::chrono::seconds most);

struct refused_place {
  std::string path, code, detail;
};
std::vector<refused_place> refused_places(db::tx&, const uuid& library, int most);

}  // namespace carrel::ingest
