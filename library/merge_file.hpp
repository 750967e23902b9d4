#pragma once
// The newer bytes of a merged book take the place of the older ones: the file keeps its id and its name (ingest.md 6.1,
// contract.md 4). Only rows; the bytes are the caller's (ingest/merging.hpp).

#include <string>
#include <vector>

#include "server/core/error.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct file_pair {
  uuid older, newer;  // of the book that stays, of the other one
  std::string older_path, older_name, older_checksum;
  std::string back_path{};  // where the older bytes will be put when the merge is taken back; "" is where they are
};
// The formats of which each of the two books has one file.
std::vector<file_pair> exchangeable_files(db::tx&, const uuid& kept, const uuid& other);

// After the books were merged: `older` has the bytes of `newer`, whose row goes; its address leads to `older` from now on. The
// fingerprints of both stay known. `attic`: where the older bytes are, below the data directory.
void take_bytes(db::tx&, const uuid& merge, const uuid& other, const file_pair&, const std::string& attic);

struct exchanged_file {
  uuid older;
  std::string attic, storage_path, checksum;  // of the older bytes: where they are, where they were, what they are
};
std::vector<exchanged_file> exchanged_files(db::tx&, const uuid& merge);
// The older bytes are at `storage_path` again. False when the file was replaced once more since: it stays as it is.
bool give_bytes_back(db::tx&, const uuid& merge, const uuid& other);

}  // namespace carrel::library
