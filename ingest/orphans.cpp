#include "ingest/orphans.hpp"

#include <unistd.h>

#include "ingest/item_lock.hpp"
#include "ingest/names.hpp"
#include "ingest/work.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

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

// A folder of an item that is at its end, or that has no row. One that somebody works on is locked or too young.
void tidy_folder(const services& s, const fs::path& folder, const uuid& id, std::chrono::seconds age, orphans& out) {
  std::optional<item_lock> mine = item_lock::take(s.store, id, false);
  if (!mine) return;
  std::optional<item> row = s.pool.read_now([&](db::tx& tx) { return find_item(tx, id); });
  if (row && (!row->finished() || (row->state == "rejected" && !row->source_done))) return;
  bool id_is_free = !row;
  for (const fs::path& file : entries_of(folder)) {
    if (!old_enough(file, age)) return;
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
  if (out.removed + out.kept > 0) log::info("ingest.orphans", {{"removed", out.removed}, {"kept", out.kept}});
  return out;
}

}  // namespace carrel::ingest
