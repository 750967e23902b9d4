#pragma once
// The files that are made for Kobos: by a job when a book becomes wanted, and again when the cache has let one go (kepub.md 9).

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kobo/artifact.hpp"
#include "kobo/reanchor.hpp"
#include "library/bridge.hpp"
#include "publication/isolated/pool.hpp"
#include "server/db/pool.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::kobo {

class artifacts {
 public:
  // `threads` convert at once. What is passed in outlives this.
  artifacts(db::pool&, const library::store&, publication::isolated::pool&, const config&);

  // Finds out what Kobos get of every file that is wanted and undecided; a file that cannot be read or written just now stays so:
  // the number of those is given.
  std::size_t settle_wanted(carrel::jobs::progress&) const;
  // Whether settle_wanted has anything to do.
  bool has_work() const;

  // The file of an artifact of this source, made again when the cache has let it go; nothing when the same bytes cannot be made
  // any more. Blocks while it is converted.
  std::optional<std::filesystem::path> file_of(const artifact&, const std::string& source_path, const std::string& name) const;
  bool is_cached(const artifact&) const;
  // The bytes of an artifact of a file by the id that KOReader gives them.
  std::optional<library::made_file> find_made(const uuid& file, const std::string& koreader_md5) const;

  // Down to kepub.cache, least recently used first; what a device was told of and has not fetched stays (9). Files removed.
  int trim() const;

 private:
  std::vector<wanted_id> undecided() const;
  void settle_some(const std::vector<wanted_id>&, std::set<wanted_id>& failed) const;
  void settle(const wanted_file&) const;
  conversion conversion_of(const wanted_file&) const;
  found_words words_in(const wanted_file&, int converted) const;
  void keep_as_is(const wanted_file&, const std::string& why) const;
  void decide_on(const wanted_file&, const uuid& artifact, int converted) const;
  void decide_in(db::tx&, const wanted_file&, const std::optional<uuid>& artifact, const std::string& kept,
                 const found_words&) const;
  void convert(const wanted_file&, const conversion&, int source) const;

  db::pool& pool_;
  const library::store& store_;
  publication::isolated::pool& readers_;
  conversion how_;  // of Kobos for which nothing else was chosen
  std::uint64_t most_bytes_;
  unsigned threads_;
};

// Kind kobo.kepub; rung by the database when a book is put on a shelf that feeds a Kobo.
void register_jobs(carrel::jobs::workers&, const artifacts&);
// Every five minutes, for whatever was not rung for; the cache every hour.
void register_schedule(carrel::jobs::schedule&, db::pool&, const artifacts&);

}  // namespace carrel::kobo
