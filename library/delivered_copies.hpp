#pragma once
// Copies of EPUBs that carry what the library says of their books (setting deliver.metadata). The stored file is never changed.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "library/book.hpp"
#include "library/store.hpp"
#include "publication/isolated/pool.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"

namespace carrel::library {

// What copies of the book's files shall say: publication::corrected as JSON; nothing of a book that is not there.
std::optional<std::string> delivered_metadata(db::tx&, const uuid& book);
// The same, remembered under its digest, so that copies with it can be made again when the library says something else.
std::string remember_metadata(db::tx&, const std::string& metadata);
std::optional<std::string> metadata_of_digest(db::tx&, const std::string& digest);

// May copies of it carry other metadata: an EPUB that is not protected.
bool takes_metadata(const book_file&);

struct delivered_copy {
  std::filesystem::path path;
  std::string checksum;
  std::int64_t size = 0;
};

class delivered_copies {
 public:
  // What is passed in outlives this.
  delivered_copies(db::pool&, const store&, publication::isolated::pool&, const config&);

  bool on() const { return on_; }
  // Whether another file than the stored one may be handed out: then its size is not that of the file.
  bool may_differ(const book_file& f) const { return on_ && takes_metadata(f); }
  // The copy as it is now, made when it is not there; its fingerprints are known from then on, and documents of KOReader that
  // have them belong to the book (kosync.md 8.6). Nothing: the file itself is handed out, because the setting is off, it says all
  // of it, or cannot be changed safely. Blocks while it is made.
  std::optional<delivered_copy> copy_of(const book_file&) const;

  // Down to deliver.cache, least recently used first. Files removed.
  int trim() const;

 private:
  std::optional<delivered_copy> make(const book_file&, const std::string& metadata, const std::filesystem::path&) const;

  db::pool& pool_;
  const store& store_;
  publication::isolated::pool& readers_;
  bool on_;
  std::uint64_t most_bytes_;
};

}  // namespace carrel::library
