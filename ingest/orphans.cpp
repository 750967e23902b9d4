#include "ingest/orphans.hpp"

#include <unistd.h>

#include "ingest/item_lock.hpp"
#include "ingest/names.hpp"
#include "ingest/sweep.hpp"
#include "ingest/work.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t batch = 500;

// Of these paths those that belong to nothing, and to no item on its way.
constexpr db::statement sql_unlisted{"ingest.unlisted_files", R"sql(
  select w.path from unnest($1::text[]) as w (path)
   where not exists (select from book_files f where f.storage_path = w.path)
     and not exists (select from sidecars s where s.storage_path = w.path)
     and not exists (select from ingest_items i where i.target_path = w.path
                        and i.state in ('seen', 'settled', 'probed', 'hashed', 'stored', 'described', 'failed')))sql"};

bool old_enough(const fs::path& p, std::chrono::seconds age) {
  struct stat facts {};
  if (::lstat(p.c_str(), &facts) != 0) return false;
  std::int64_t changed = std::max(facts.st_mtim.tv_sec, facts.st_ctim.tv_sec);
  return unix_seconds(now()) - changed >= age.count();
}

bool is_temporary(const fs::path& p) {
  return p.extension() == ".tmp" && p.filename().native().starts_with(".carrel-") && is_there(p);
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) out.push_back(at->path());
  return out;
}

bool in_library(const services& s, const std::string& sha256) {
  std::optional<library::known_bytes> known = s.pool.read_now([&](db::tx& tx) { return library::find_bytes(tx, sha256); });
  return known && sha256_of(s.store.absolute(known->storage_path)) == sha256;
}

// The row comes first and names both places, so that an interruption finds it as a refusal whose file is on its way.
void keep_in_quarantine(const services& s, const fs::path& file, const std::string& sha256, const uuid& id) {
  work w{.with = s, .what = {}, .in = {}, .prints = {}, .inside = {}, .repairs = {}};
  w.what.id = id;
  w.what.origin = "upload";
  w.what.display_name = shown_name(file.filename().native());
  w.what.who = identity_at(file).value_or(identity{});
  w.what.state = "rejected";
  w.what.error_code = "orphaned_file";
  w.what.sha256 = sha256;
  w.what.staging_path = fs::relative(file, s.store.data()).native();
  w.what.quarantine_path = w.relative("quarantine");
  s.pool.write_now([&](db::tx& tx) {
    store_item(tx, w.what);
    mark_ended(tx, w.what);
  });
  finish_refusal(w);
  log::warn("ingest.orphan", {{"item", id}, {"name", w.what.display_name}});
}

// An attempt to try it again did not get further than this: back to where the row says it is (4.2).
bool back_to_quarantine(const services& s, const std::optional<item>& row, const fs::path& file) {
  if (!row || row->state != "rejected" || row->quarantine_path.empty() || s.store.absolute(row->staging_path) != file)
    return false;
  fs::path place = s.store.absolute(row->quarantine_path);
  return !is_there(place) && !library::move_proven(file, place);
}

// A folder of an item that is at its end, or that has no row. One that somebody works on is locked or too young.
void tidy_folder(const services& s, const fs::path& folder, const uuid& id, std::chrono::seconds age, orphans& out) {
  std::optional<item_lock> mine = item_lock::take(s.store, id, false);
  if (!mine) return;
  std::optional<item> row = s.pool.read_now([&](db::tx& tx) { return find_item(tx, id); });
  if (row && (!row->finished() || (row->state == "rejected" && !row->source_done))) return;
  bool id_is_free = !row;
  for (const fs::path& file : entries_of(folder)) {
    if (!old_enough(file, age)) return;
    if (back_to_quarantine(s, row, file)) continue;
    std::optional<std::string> sum = sha256_of(file);
    if (!sum) continue;
    if (is_temporary(file) || in_library(s, *sum)) {
      out.removed += ::unlink(file.c_str()) == 0 ? 1 : 0;
    } else {
      keep_in_quarantine(s, file, *sum, std::exchange(id_is_free, false) ? id : uuid::make());
      ++out.kept;
    }
  }
  ::rmdir(folder.c_str());
}

// Unfinished copies beside their target; their source is there until the copy has its name.
void tidy_temporaries(const fs::path& root, std::chrono::seconds age, orphans& out) {
  std::error_code code;
  std::vector<fs::path> found;
  for (fs::recursive_directory_iterator at(root, code), end; !code && at != end; at.increment(code)) {
    if (is_temporary(at->path())) found.push_back(at->path());
  }
  for (const fs::path& p : found) {
    if (old_enough(p, age)) out.removed += ::unlink(p.c_str()) == 0 ? 1 : 0;
  }
}

std::vector<std::string> unlisted(db::tx& tx, const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const db::row& r : tx.run(sql_unlisted, paths)) out.push_back(r.text(0));
  return out;
}

// Bytes of the store that nobody lists: from being placed to the commit, and from the commit to being removed, a process can be
// killed. Decided with the store to ourselves, for whoever has the same bytes in hand is about to list them.
void take_out(const services& s, const std::string& path, std::chrono::seconds age, orphans& out) {
  fs::path file = s.store.absolute(path);
  std::optional<std::string> sum = old_enough(file, age) ? sha256_of(file) : std::nullopt;
  if (!sum) return;
  if (in_library(s, *sum)) {
    out.removed += remove_unneeded(s, path) ? 1 : 0;
    return;
  }
  uuid id = uuid::make();
  fs::path folder = s.store.data() / "staging" / id.text(), staged = folder / file.filename();
  if (make_synced_folder(folder)) return;
  s.pool.write_now([&](db::tx& tx) {
    lock_store(tx);
    if (!unlisted(tx, {path}).empty()) library::rename_new(file, staged);
  });
  if (is_there(staged)) {
    keep_in_quarantine(s, staged, *sum, id);
    ++out.kept;
  }
  ::rmdir(folder.c_str());
}

void tidy_library(const services& s, std::chrono::seconds age, orphans& out) {
  std::vector<std::string> paths;
  auto look = [&] {
    for (const std::string& path : s.pool.read_now([&](db::tx& tx) { return unlisted(tx, paths); })) take_out(s, path, age, out);
    paths.clear();
  };
  std::error_code code;
  for (fs::recursive_directory_iterator at(s.store.data() / "library", code), end; !code && at != end; at.increment(code)) {
    std::string path = at->path().lexically_relative(s.store.data()).native();
    if (!valid_utf8(path) || is_temporary(at->path()) || !is_there(at->path())) continue;
    paths.push_back(std::move(path));
    if (paths.size() >= batch) look();
  }
  look();
}

}  // namespace

orphans tidy_orphans(const services& s, std::chrono::seconds age) {
  orphans out;
  for (const fs::path& entry : entries_of(s.store.data() / "staging")) {
    if (!old_enough(entry, age)) continue;
    std::string name = entry.filename().native();
    std::optional<uuid> id = uuid::parse(name);
    std::error_code code;
    if (id && fs::is_directory(fs::symlink_status(entry, code)))
      tidy_folder(s, entry, *id, age, out);
    else if (name.starts_with("upload-") && is_there(entry))
      out.removed += ::unlink(entry.c_str()) == 0 ? 1 : 0;  // whoever sent it has no answer and still has the file
  }
  for (const fs::path& tree : entries_of(s.store.data() / "trees")) tidy_temporaries(tree, age, out);
  for (const char* root : {"library", "covers", "attic", "quarantine"}) tidy_temporaries(s.store.data() / root, age, out);
  tidy_library(s, age, out);
  if (out.removed + out.kept > 0) log::info("ingest.orphans", {{"removed", out.removed}, {"kept", out.kept}});
  return out;
}

}  // namespace carrel::ingest
