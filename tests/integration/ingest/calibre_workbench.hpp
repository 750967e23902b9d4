#pragma once
// A Calibre library beside a workbench.

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "../../unit/publication/calibre_maker.hpp"
#include "../../unit/publication/zip_maker.hpp"
#include "ingest/calibre.hpp"
#include "server/core/digest.hpp"
#include "workbench.hpp"

namespace carrel::ingest::test {

using publication::test::calibre_book;
using publication::test::calibre_maker;

// Every name, size, time and byte below a folder.
inline std::string state_of(const fs::path& folder) {
  std::string out;
  std::vector<fs::path> all{folder};
  for (const fs::directory_entry& e : fs::recursive_directory_iterator(folder)) all.push_back(e.path());
  std::sort(all.begin(), all.end());
  for (const fs::path& p : all) {
    struct stat s {};
    ::lstat(p.c_str(), &s);
    out += p.native() + " " + std::to_string(s.st_size) + " " + std::to_string(s.st_mtim.tv_sec) + "." +
           std::to_string(s.st_mtim.tv_nsec) + " " + (S_ISREG(s.st_mode) ? sha256_hex(read(p)) : "") + "\n";
  }
  return out;
}

struct importer : workbench {
  fs::path calibre = folder / "calibre";

  import_outcome import(bool dry_run = false) {
    import_options o;
    o.dry_run = dry_run;
    result<import_outcome, publication::refusal> out = import_calibre(with, calibre, o);
    INFO((out ? "" : out.error().code + " " + out.error().detail));
    REQUIRE(out);
    if (out->files.interrupted) std::rethrow_exception(out->files.interrupted);
    CHECK(out->seen == out->added + out->updated + out->unchanged + out->without_files + out->failed);
    return std::move(*out);
  }

  // Every row of every table that an import may touch.
  std::string rows() {
    std::string out = rows_of_everything();
    for (const char* table : {"book_metadata_candidates", "imported_books", "audit", "book_people", "book_tags"})
      out += text("select coalesce(string_agg(t::text, chr(10) order by t::text), '') from " + std::string(table) + " t") + "\n";
    return out;
  }

  std::string oddities(const import_outcome& o) {
    std::string out;
    for (const oddity& one : o.oddities) out += one.code + " ";
    return out;
  }
};

inline calibre_book small(const std::string& title, const std::string& words = "") {
  calibre_book b{.title = title};
  b.files = {{"EPUB", epub({.title = "Inside " + title, .author = "Embedded Person", .text = "Words of " + title + words})}};
  return b;
}

}  // namespace carrel::ingest::test
