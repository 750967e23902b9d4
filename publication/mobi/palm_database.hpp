#pragma once
// The container of MOBI, AZW3 and PalmDOC files: a Palm database, which is a list of records (ingest.md 12). For the files of
// this folder only.

#include <cstdint>
#include <string>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/error.hpp"

namespace carrel::publication::mobi {

class palm_database {
 public:
  // Refuses what has no sound list of records, more than 20,000 of them, or one above 64 MiB (mobi_damaged).
  static result<palm_database, refusal> open(int descriptor);

  std::size_t size() const { return starts_.size() - 1; }  // records, at least one
  std::uint64_t length(std::size_t record) const { return starts_[record + 1] - starts_[record]; }
  std::string read(std::size_t record, std::size_t most = std::string::npos) const;  // "" of one that is not there
  bool is_mobipocket() const { return header_.compare(60, 8, "BOOKMOBI") == 0; }     // else it is PalmDOC

  // A database with the same records under the same numbers, of which only those in `wanted` (ascending) hold anything.
  std::string extract(const std::vector<std::size_t>& wanted) const;

 private:
  int descriptor_ = -1;
  std::string header_;
  std::vector<std::uint64_t> starts_;  // and the end of the file
};

refusal damaged();

}  // namespace carrel::publication::mobi
