#pragma once
// One book of a Calibre library on its way; not for other folders.

#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "ingest/calibre.hpp"
#include "ingest/pipeline.hpp"
#include "publication/calibre/library.hpp"

namespace carrel::ingest {

// What came of one book.
struct book_report {
  enum kind { added, updated, unchanged, without_files, failed } how = unchanged;
  std::vector<added_file> added_files;
  std::vector<duplicate_file> duplicate_files;
  std::vector<failed_file> failed_files;
  std::vector<oddity> oddities;
  std::int64_t replaced = 0, missing = 0;
  bool opinion = false;  // the reader's was set
};

// Of a dry run: nothing was stored, so the database does not know that this run met the same bytes before.
class met_bytes {
 public:
  // The path where they were met first; "" the first time.
  std::string meet(const std::string& sha256, const std::string& path);

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> first_;
};

struct calibre_run {
  const services& with;
  std::filesystem::path folder;  // canonical
  std::string library;
  import_options how;
  uuid batch;
  met_bytes& met;
};
book_report import_book(const calibre_run&, const publication::calibre::book&);

}  // namespace carrel::ingest
