#include <unistd.h>

#include "ingest/drop_folder.hpp"
#include "ingest/names.hpp"
#include "ingest/space.hpp"
#include "ingest/work.hpp"
#include "publication/names.hpp"
#include "publication/unicode.hpp"
#include "server/core/digest.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

// The descriptor still stands for what was found: nobody wrote to it meanwhile.
bool unchanged(const work& w) {
  struct stat now {};
  return ::fstat(w.in.handle.get(), &now) == 0 && identity_of(now) == w.in.who;
}

std::optional<ending> changed(work& w) {
  if (w.what.origin == "watch") return vanish(w);  // the watcher finds it as the new file that it is
  return fail(w, {"source_changed", "it changed while it was read"});
}

// The row stays as it is: with the folder the file comes back.
ending wait_for_folder(const work& w) {
  ending out;
  out.code = "folder_unavailable";
  out.detail = shown_name(w.with.how.drop_dir.native());
  out.again_after = std::chrono::minutes(1);
  return out;
}

std::string extension_of(const work& w) {
  const publication::kind* k = publication::find_kind(w.inside->about.format);
  return k != nullptr ? k->extension : "." + w.inside->about.format;
}

// A stored file is only a reason to store nothing when it can still be read and is what it should be.
bool stored_well(const work& w, const library::known_bytes& known) {
  return sha256_of(w.path_of(known.storage_path)) == w.prints.sha256;
}

std::optional<ending> find_double(work& w) {
  std::optional<library::known_bytes> known =
      w.with.pool.read_now([&](db::tx& tx) { return library::find_bytes(tx, w.prints.sha256); });
  if (!known) return std::nullopt;
  if (stored_well(w, *known)) return store_duplicate(w, *known);
  log::warn("ingest.repair", {{"file", known->file}, {"item", w.what.id}});
  w.repairs = known;
  return std::nullopt;
}

// Own unfinished copies of an attempt that was cut short.
void clear_leftovers(const work& w) {
  std::error_code ignored;
  for (const fs::directory_entry& e : fs::directory_iterator(w.folder("staging"), ignored)) {
    if (e.path().extension() == ".tmp" && e.path().filename().native().starts_with(".carrel-")) ::unlink(e.path().c_str());
  }
}

bool same_device(const work& w) {
  struct stat s {};
  return ::stat(w.folder("staging").c_str(), &s) == 0 && static_cast<std::int64_t>(s.st_dev) == w.in.who.dev;
}

// 4a; `no` when it must be a copy after all. What somebody else owns or has another name for could be changed in the library.
enum class renamed { yes, no, other_file, failed };
renamed rename_source(work& w, const fs::path& staged) {
  if (!library::ours_alone(w.in.handle.get())) return renamed::no;
  if (std::optional<error> bad = library::rename_new(w.source_path(), staged))
    return bad->field == "other_file_system" ? renamed::no : renamed::failed;
  if (identity_at(staged) != w.in.who) {
    library::rename_new(staged, w.source_path());  // somebody put another file under this name
    return renamed::other_file;
  }
  if (!library::ours_alone(w.in.handle.get()))  // it got a second name meanwhile
    return library::rename_new(staged, w.source_path()) ? renamed::failed : renamed::no;
  bool synced = ::fsync(w.in.handle.get()) == 0 && !library::sync_folder(staged.parent_path()) &&
                !library::sync_folder(w.source_path().parent_path());
  return synced ? renamed::yes : renamed::failed;
}

}  // namespace

std::optional<ending> look(work& w) {
  result<source> opened = open_source(w.source_path());
  if (!opened) {
    if (opened.error().field == "source_gone" && w.what.origin == "watch" && bare(w.with.how.drop_dir)) return wait_for_folder(w);
    if (opened.error().field == "source_gone")
      return w.what.origin == "command" && w.what.attempts == 0 ? fail(w, {"source_unreadable", "there is no such file"})
                                                                : vanish(w);
    if (opened.error().field == "not_a_regular_file") return leave_alone(w, opened.error().field);
    return fail(w, opened.error());
  }
  w.in = std::move(*opened);
  if (w.in.who != w.what.who) return changed(w);
  if (w.in.who.size == 0) {
    w.what.sha256 = sha256_hex("");
    return refuse(w, {"empty_file", ""});
  }
  if (std::optional<publication::refusal> bad =
          publication::too_large(static_cast<std::uint64_t>(w.in.who.size), w.with.how.allowed))
    return refuse(w, *bad);
  if (!has_room(w.with)) return fail(w, {"disk_full", "less is free than the database needs to go on"});
  w.with.pass(step::probed);

  result<publication::fingerprints> prints = publication::fingerprint(w.in.handle.get());
  if (!prints) return fail(w, prints.error());
  if (!unchanged(w)) return changed(w);
  w.prints = std::move(*prints);
  w.what.sha256 = w.prints.sha256;
  if (std::optional<ending> end = find_double(w)) return end;
  if (std::optional<ending> end = inspect(w)) return end;
  if (!unchanged(w)) return changed(w);
  return take_over(w);
}

std::optional<ending> inspect(work& w) {
  std::string name = w.what.has_source() ? w.source_path().filename().native() : w.what.display_name;
  result<publication::isolated::inspection, publication::refusal> found = w.with.inspectors.inspect(w.in.handle.get(), name);
  if (!found) return refuse(w, found.error());
  w.inside = std::move(*found);
  publication::metadata& about = w.inside->about.about;
  if (about.title.empty()) about.title = publication::guess_from_name(name).title;
  if (w.repairs && !library::is_external(w.repairs->storage_path))
    w.what.target_path = w.repairs->storage_path;
  else
    w.what.target_path = w.with.store.path_for(w.prints.sha256, extension_of(w));
  return std::nullopt;
}

std::optional<ending> take_over(work& w) {
  w.what.state = "hashed";
  w.what.staging_path = w.relative("staging");
  w.with.pool.write_now([&](db::tx& tx) { mark_hashed(tx, w.what); });
  w.with.pass(step::hashed);

  if (std::optional<error> bad = make_synced_folder(w.folder("staging"))) return fail(w, *bad);
  w.with.pass(step::folder_made);
  fs::path staged = w.path_of(w.what.staging_path);
  if (is_there(staged)) ::unlink(staged.c_str());  // a copy of an earlier attempt; the source is open in our hands
  clear_leftovers(w);

  renamed moved = w.what.keep || !same_device(w) ? renamed::no : rename_source(w, staged);
  if (moved == renamed::other_file) return changed(w);
  if (moved == renamed::failed && is_there(staged)) return fail(w, {"store_unwritable", "the folders could not be synced"});
  w.source_moved = moved == renamed::yes;
  if (!w.source_moved) {
    result<std::string> copy = library::copy_proven(w.in.handle.get(), staged);
    if (!copy && copy.error().field == "source_changed") return changed(w);
    if (!copy) return fail(w, copy.error());
    if (*copy != w.prints.sha256) {
      ::unlink(staged.c_str());
      return changed(w);
    }
  }
  w.with.pass(step::in_staging);
  return link_into_attic(w);
}

std::optional<ending> link_into_attic(work& w) {
  if (w.what.keep || !w.what.has_source()) return std::nullopt;
  if (std::optional<error> bad = make_synced_folder(w.folder("attic"))) return fail(w, *bad);
  fs::path from = w.path_of(w.what.staging_path), to = w.path_of(w.relative("attic"));
  if (!is_there(from)) from = w.path_of(w.what.target_path);  // placed already, before an interruption
  std::optional<error> bad = library::link_proven(from, to);
  if (bad && bad->field == "target_exists") bad = library::sync_folder(w.folder("attic"));  // of an attempt before
  if (bad) {
    log::warn("ingest.attic", {{"item", w.what.id}, {"error", bad->message()}});
    if (w.source_moved) return fail(w, *bad);
    return std::nullopt;  // the source itself goes there in step 7
  }
  w.with.pass(step::in_attic);
  return std::nullopt;
}

std::optional<ending> resume(work& w) {
  fs::path staged = w.path_of(w.what.staging_path), target = w.path_of(w.what.target_path);
  std::optional<fs::path> have;
  if (is_there(staged)) have = staged;
  bool source_there = w.what.has_source() && identity_at(w.source_path()) == w.what.who;
  if (!have && source_there) {
    clear_leftovers(w);
    return look(w);
  }
  if (!have && !w.what.target_path.empty() && is_there(target)) have = target;
  if (!have) return vanish(w);

  result<source> opened = open_source(*have);
  if (!opened) return fail(w, opened.error());
  w.in = std::move(*opened);
  result<publication::fingerprints> prints = publication::fingerprint(w.in.handle.get());
  if (!prints) return fail(w, prints.error());
  if (prints->sha256 != w.what.sha256)
    return fail(w, {"staging_missing", "the copy in " + w.what.staging_path + " is damaged; it is kept"});
  w.prints = std::move(*prints);
  w.source_moved = !source_there;
  // A row of the same bytes is another item's: this one was interrupted before its own row.
  if (std::optional<ending> end = find_double(w)) return end;
  std::string target_before = w.what.target_path;
  if (std::optional<ending> end = inspect(w)) return end;
  if (w.what.state != "hashed" || w.what.target_path != target_before) {
    w.what.state = "hashed";
    w.with.pool.write_now([&](db::tx& tx) { mark_hashed(tx, w.what); });
  }
  return link_into_attic(w);
}

}  // namespace carrel::ingest
