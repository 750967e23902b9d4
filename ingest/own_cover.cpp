#include "ingest/own_cover.hpp"

#include "ingest/covers.hpp"
#include "ingest/paths.hpp"
#include "ingest/sweep.hpp"
#include "library/own_cover.hpp"

namespace carrel::ingest {
namespace {

constexpr std::int64_t largest = 32 << 20;  // 19.2

error refused(const std::string& code, const std::string& detail = "") { return {code, publication::message_for(code, detail)}; }

}  // namespace

std::optional<error> set_own_cover(const services& s, const uuid& book, const std::filesystem::path& picture,
                                   const library::actor& who) {
  result<source> in = open_source(picture);
  if (!in) return refused(in.error().field);
  if (in->who.size == 0) return refused("empty_file");
  if (in->who.size > largest) return refused("cover_too_large", "more than 32 MiB");
  result<publication::isolated::picture, publication::refusal> seen = s.inspectors.look_at_picture(in->handle.get());
  if (!seen) return refused(seen.error().code, seen.error().detail);
  result<library::new_cover> stored = store_cover(s, seen->master, seen->thumbnails, "user");
  if (!stored) return refused("disk_full");
  bool kept = false;  // a sweep may have come between
  bool there = s.pool.write_now([&](db::tx& tx) {
    hold_store(tx);
    kept = is_there(s.store.absolute(stored->storage_path));
    return kept && library::set_own_cover(tx, book, *stored, who);
  });
  if (there) return std::nullopt;
  return kept ? error{"book", "there is no such book"} : refused("file_missing", stored->storage_path);
}

}  // namespace carrel::ingest
