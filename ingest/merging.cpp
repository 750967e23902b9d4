#include "ingest/merging.hpp"

#include <algorithm>

#include "ingest/names.hpp"
#include "ingest/paths.hpp"
#include "ingest/sweep.hpp"
#include "library/merge_file.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

struct set_aside {
  library::file_pair files;
  std::string attic;  // "": there was nothing to keep
};

// Another name for the older bytes; the store's own goes only after no row points to it.
result<set_aside> keep_older(const services& s, const library::file_pair& pair) {
  set_aside out{.files = pair, .attic = {}};
  fs::path stored = s.store.absolute(pair.older_path);
  if (pair.older_path.empty() || !is_there(stored)) return out;
  std::string folder = "attic/" + uuid::make().text();
  if (std::optional<error> bad = make_synced_folder(s.store.data() / folder)) return *bad;
  out.attic = folder + "/" + safe_name(pair.older_name);
  // In a tree another file may have its name by then.
  if (pair.older_path.starts_with("trees/"))
    out.files.back_path = s.store.path_for(pair.older_checksum, fs::path(pair.older_path).extension().native());
  if (std::optional<error> bad = library::link_proven(stored, s.store.data() / out.attic)) return *bad;
  return out;
}

struct nothing_to_exchange {};

result<library::merge_outcome> merge_and_exchange(db::tx& tx, const uuid& kept, const uuid& other,
                                                  const std::vector<set_aside>& all, const library::actor& who) {
  hold_store(tx);
  std::vector<library::file_pair> pairs = library::exchangeable_files(tx, kept, other);
  result<library::merge_outcome> out = library::merge_books(tx, kept, {other}, library::merge_act::replace, who);
  if (!out || out->books.empty()) return out;
  int exchanged = 0;
  for (const set_aside& one : all) {
    bool still = std::any_of(pairs.begin(), pairs.end(), [&](const library::file_pair& p) {
      return p.older == one.files.older && p.newer == one.files.newer && p.older_checksum == one.files.older_checksum;
    });
    if (!still) continue;
    library::take_bytes(tx, out->merge, other, one.files, one.attic);
    ++exchanged;
  }
  if (exchanged == 0) throw nothing_to_exchange{};
  return out;
}

result<library::merge_outcome> replace(const services& s, const uuid& kept, const uuid& other, const library::actor& who) {
  std::vector<set_aside> all;
  for (const library::file_pair& pair :
       s.pool.read_now([&](db::tx& tx) { return library::exchangeable_files(tx, kept, other); })) {
    result<set_aside> one = keep_older(s, pair);
    if (!one) return one.error();
    all.push_back(std::move(*one));
  }
  try {
    result<library::merge_outcome> out =
        s.pool.write_now([&](db::tx& tx) { return merge_and_exchange(tx, kept, other, all, who); });
    if (!out || out->books.empty()) return out;
    for (const set_aside& one : all) remove_unneeded(s, one.files.older_path);
    return out;
  } catch (const nothing_to_exchange&) {
    return error{"format", "the two books have no file of the same format that could take the place of the other"};
  }
}

// The bytes under the store's name for them again.
std::optional<error> bring_back(const services& s, const library::exchanged_file& f) {
  if (f.storage_path.empty()) return std::nullopt;
  fs::path target = s.store.absolute(f.storage_path), kept = s.store.data() / f.attic;
  if (!is_there(target)) {
    if (f.attic.empty() || !is_there(kept)) return error{"bytes_gone", "the older file is no longer in the attic"};
    std::optional<error> bad = library::link_proven(kept, target);
    if (bad && bad->field != "target_exists") return bad;
  }
  if (sha256_of(target) != f.checksum) return error{"bytes_gone", "the older file has been changed in the attic"};
  return std::nullopt;
}

}  // namespace

result<library::merge_outcome> merge_books(const services& s, const uuid& kept, const std::vector<uuid>& others,
                                           library::merge_act act, const library::actor& who) {
  if (act == library::merge_act::replace && others.size() == 1) return replace(s, kept, others.front(), who);
  if (act == library::merge_act::replace) return error{"format", "a file is replaced by that of one other book"};
  return s.pool.write_now([&](db::tx& tx) { return library::merge_books(tx, kept, others, act, who); });
}

result<library::unmerge_outcome> undo_merge(const services& s, const uuid& merge, const library::actor& who) {
  std::vector<library::exchanged_file> files = s.pool.read_now([&](db::tx& tx) { return library::exchanged_files(tx, merge); });
  for (const library::exchanged_file& f : files) {
    if (std::optional<error> bad = bring_back(s, f)) return *bad;
  }
  s.pass(step::placed);
  auto there = [&](const library::exchanged_file& f) {
    return f.storage_path.empty() || is_there(s.store.absolute(f.storage_path));
  };
  try {
    return s.pool.write_now([&](db::tx& tx) -> result<library::unmerge_outcome> {
      hold_store(tx);
      if (!std::all_of(files.begin(), files.end(), there)) return error{"bytes_gone", "the older file was swept away"};
      return library::undo_merge(tx, merge, who);
    });
  } catch (const db::unique_violation& u) {
    if (u.constraint != "book_files_checksum") throw;
    return error{"duplicate_file", "the older file has come in again and belongs to another book"};
  }
}

}  // namespace carrel::ingest
