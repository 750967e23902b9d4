// Metadata into an EPUB: another file with the same documents takes its place (ingest.md 4.5), and the row gets its fingerprints
// in the step that makes it the book's file. The old bytes are in the attic, their fingerprints stay known.

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "ingest/file_row.hpp"
#include "ingest/item_lock.hpp"
#include "ingest/names.hpp"
#include "ingest/organise.hpp"
#include "ingest/sweep.hpp"
#include "ingest/tree_folder.hpp"
#include "ingest/write_back.hpp"
#include "library/book.hpp"
#include "library/document.hpp"
#include "library/libraries.hpp"
#include "library/revision.hpp"
#include "publication/fingerprint.hpp"
#include "publication/isolated/pool.hpp"
#include "server/core/digest.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

const library::actor by_itself{.user = {}, .name = "write-back"};

bool has_room_for(const fs::path& folder, std::int64_t size) {
  struct statvfs space {};
  if (::statvfs(folder.c_str(), &space) != 0) return true;
  return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize > static_cast<std::uint64_t>(size + size / 20 + (64 << 10));
}

std::string fresh_name(const uuid& file) { return ".carrel-" + file.text() + ".tmp"; }

// Where the new bytes are made; another program must not leave half a file among somebody's books.
fs::path staging_of(const services& s, const library::file_write& w) { return s.store.data() / "staging" / w.kept.text(); }

fs::path kept_path(const services& s, const uuid& kept, const std::string& name) {
  return s.store.data() / "attic" / kept.text() / safe_name(name);
}

std::optional<fs::path> kept_of(const services& s, const library::file_write& w) {
  std::error_code code;
  fs::directory_iterator at(s.store.data() / "attic" / w.kept.text(), code), end;
  for (; !code && at != end; at.increment(code)) {
    if (sha256_of(at->path()) == w.before) return at->path();
  }
  return std::nullopt;
}

// SHA-256 of what has the name; "" when there is no ordinary file.
result<std::string> bytes_at(const tree_folder& folder, const std::string& name) {
  result<source> in = folder.open_file(name);
  if (!in && in.error().field != "source_unreadable") return std::string();
  if (!in) return error{"store_unwritable", in.error().reason};
  result<std::string> is = publication::sha256_of(in->handle.get());
  if (!is) return error{"store_unwritable", (folder.path() / name).native() + ": " + is.error().reason};
  return is;
}

// Who could read it or write to it still can. False where that cannot be had, for the file is another person's.
bool gets_rights_of(const source& fresh, const source& old) {
  struct stat rights {};
  if (::fstat(old.handle.get(), &rights) != 0) return false;
  int to = fresh.handle.get();
  bool another = rights.st_uid != ::geteuid();
  if (::fchown(to, another ? rights.st_uid : static_cast<uid_t>(-1), rights.st_gid) != 0 && another) return false;
  return ::fchmod(to, rights.st_mode & 0777) == 0 || errno == EPERM;  // some file systems have no rights
}

// A file system that cannot exchange names has thrown the old bytes away.
std::optional<error> lay_beside(const services& s, const tree_folder& folder, const library::file_write& w) {
  std::optional<fs::path> kept = kept_of(s, w);
  if (!kept) {  // out of the attic, too: nothing is left that could be put there
    log::error("library.write_lost", {{"file", w.file}, {"path", (folder.path() / fresh_name(w.file)).native()}});
    return std::nullopt;
  }
  result<source> in = open_source(*kept);
  if (!in) return error{"store_unwritable", in.error().reason};
  folder.remove(fresh_name(w.file));
  if (std::optional<error> bad = folder.copy_new(fresh_name(w.file), in->handle.get())) return bad;
  if (result<source> copy = folder.open_file(fresh_name(w.file))) gets_rights_of(*copy, *in);
  return std::nullopt;
}

// Where its row says the old bytes and the new ones have the name, the old ones get it again; or what somebody has saved in their
// place in between.
std::optional<error> take_back(const services& s, const tree_folder& folder, const std::string& name,
                               const library::file_write& w) {
  if (w.after.empty() || w.now_is != w.before) return std::nullopt;
  result<std::string> is = bytes_at(folder, name);
  if (!is) return is.error();
  if (*is != w.after) return std::nullopt;
  result<std::string> beside = bytes_at(folder, fresh_name(w.file));
  if (!beside) return beside.error();
  if (beside->empty() || *beside == w.after) {
    if (std::optional<error> bad = lay_beside(s, folder, w)) return bad;
    if (!folder.has(fresh_name(w.file))) return std::nullopt;
  }
  auto is_after = [&](const source& in) {
    result<std::string> digest = publication::sha256_of(in.handle.get());
    return digest && *digest == w.after;
  };
  std::optional<error> bad = folder.exchange(fresh_name(w.file), name, is_after);
  if (bad && bad->field != "target_changed") return bad;
  if (!bad) log::warn("library.write_undone", {{"file", w.file}});
  return std::nullopt;
}

// What Carrel made, or old bytes that are safe elsewhere. Anything else somebody has saved there: it stays, and write_into tells.
void drop_fresh(const services& s, const tree_folder& folder, const std::string& name, const library::file_write& w) {
  std::string fresh = fresh_name(w.file);
  if (!folder.has(fresh)) return;
  std::optional<std::string> beside = folder.sha256(fresh);
  bool made = w.after.empty() || beside == w.after;
  bool safe = beside == w.before && (folder.sha256(name) == w.before || kept_of(s, w));
  if (made || safe)
    folder.remove(fresh);
  else
    log::warn("library.write_left", {{"file", w.file}, {"path", (folder.path() / fresh).native()}});
}

// The row of the file is right: what has not been committed did not happen. The caller holds the lock of the file. After an error
// the row in file_writes stays, and with it whatever lies under either name.
std::optional<error> settle(const services& s, const library::book_library& l, const library::file_write& w) {
  if (std::optional<error> away = tree_is_away(l)) return away;
  tree_place was = place_in_tree(l, w.path);
  result<tree_folder> folder = tree_folder::open(l.root, was.below);
  if (!folder && folder.error().field != "source_gone") return folder.error();
  if (folder) {
    if (std::optional<error> bad = take_back(s, *folder, was.name, w)) return bad;
    drop_fresh(s, *folder, was.name, w);
  }
  std::error_code code;
  fs::remove_all(staging_of(s, w), code);
  s.pool.write_now([&](db::tx& tx) { library::end_file_write(tx, w.file); });
  return std::nullopt;
}

// One file on its way. Its row in file_writes is there from the first byte to the last.
class writer {
 public:
  writer(const services& s, const library::book_library& l, const library::book_to_write& b,
         const library::book_to_write::file& f, const tree_folder& folder, const std::string& name)
      : with_(s), library_(l), book_(b), file_(f), folder_(folder), name_(name), fresh_(fresh_name(f.id)) {}

  result<written_into> run(const source& old, const std::string& metadata) {
    digest_ = sha256_hex(metadata);
    journal_ = {.file = file_.id,
                .path = file_.path,
                .before = file_.checksum,
                .after = {},
                .kept = uuid::make(),
                .now_at = file_.path,
                .now_is = file_.checksum};
    bool may = with_.pool.write_now([&](db::tx& tx) {
      if (!library::may_write_file(tx, file_.id, file_.path, file_.checksum)) return false;
      library::begin_file_write(tx, journal_);
      return true;
    });
    if (!may) return written_into::held;
    with_.pass(step::hashed);
    result<written_into> out = make(old, metadata);
    std::optional<error> stuck = settle_now();
    if (!out || *out != written_into::yes) {
      if (stuck) return *stuck;
      drop_kept();
    }
    with_.pass(step::source_gone);
    if (!stuck && folder_.has(fresh_)) return error{"file_changed", (folder_.path() / fresh_).native()};
    return out;
  }

 private:
  result<written_into> make(const source& old, const std::string& metadata) {
    fs::path staged = staging_of(with_, journal_) / fresh_;
    if (std::optional<error> bad = make_synced_folder(staged.parent_path())) return *bad;
    result<bool, publication::refusal> made = with_.inspectors.copy_corrected(old.handle.get(), file_.name, staged, metadata);
    if (!made && made.error().detail == publication::isolated::no_process)
      throw carrel::jobs::not_now(made.error().detail, std::chrono::minutes(1));
    if (!made && made.error().code == "kepub_failed") return failed_copy(staged.parent_path(), made.error());
    if (!made) return refuse(made.error().code, made.error().detail);
    if (!*made) return note(file_.checksum, written_into::yes);
    result<source> copy = open_source(staged);
    if (!copy) return error{"store_unwritable", copy.error().reason};
    if (std::optional<error> bad = folder_.copy_new(fresh_, copy->handle.get())) return *bad;
    with_.pass(step::in_staging);

    result<source> in = folder_.open_file(fresh_);
    if (!in) return error{"store_unwritable", in.error().reason};
    if (!gets_rights_of(*in, old)) return refuse("owner", file_.path);
    if (::fsync(in->handle.get()) != 0) return unwritable(errno, (folder_.path() / fresh_).native());
    result<publication::fingerprints> prints = publication::fingerprint(in->handle.get());
    if (!prints) return prints.error();
    result<publication::isolated::inspection, publication::refusal> inside =
        with_.inspectors.inspect(in->handle.get(), file_.name);
    if (!inside) return refuse(inside.error().code, inside.error().detail);
    if (std::optional<error> bad = keep_old()) return *bad;
    with_.pass(step::in_attic);
    return take_place(old, file_row(file_.id, inside->about, *prints, file_.path));
  }

  // It is not tried again until the book or the file is another.
  written_into refuse(const std::string& code, const std::string& detail) const {
    log::warn("library.write_file", {{"file", file_.id}, {"kept", code}, {"detail", detail}});
    return note("", written_into::refused);
  }
  written_into note(const std::string& after, written_into how) const {
    with_.pool.write_now([&](db::tx& tx) { library::note_written_file(tx, file_.id, file_.checksum, after, digest_); });
    return how;
  }

  static error failed_copy(const fs::path& folder, const publication::refusal& why) {
    bool full = !has_room_for(folder, 0) || why.detail.find("No space left") != std::string::npos;
    return full ? error{"disk_full", "no space left"} : error{"store_unwritable", folder.native() + ": " + why.detail};
  }

  // The bytes that its row tells of, under their own name; somebody may have put others there meanwhile.
  std::optional<error> keep_old() const {
    fs::path kept = kept_path(with_, journal_.kept, file_.name);
    if (std::optional<error> bad = make_synced_folder(kept.parent_path())) return bad;
    std::optional<error> bad = library::link_proven(folder_.path() / name_, kept);
    if (bad) return bad->field == "source_unreadable" ? error{"file_missing", bad->reason} : *bad;
    if (sha256_of(kept) == file_.checksum) return std::nullopt;
    ::unlink(kept.c_str());
    ::rmdir(kept.parent_path().c_str());
    return error{"file_changed", file_.path};
  }

  // Where the file is what it was, nothing had to be kept.
  void drop_kept() const {
    fs::path kept = kept_path(with_, journal_.kept, file_.name);
    if (!is_there(kept) || folder_.sha256(name_) != file_.checksum) return;
    ::unlink(kept.c_str());
    ::rmdir(kept.parent_path().c_str());
  }

  result<written_into> take_place(const source& old, const library::new_file& row) {
    journal_.after = row.checksum;
    with_.pool.write_now([&](db::tx& tx) { library::begin_file_write(tx, journal_); });
    auto is_old = [&](const source& in) { return in.who == old.who; };
    if (std::optional<error> bad = folder_.exchange(fresh_, name_, is_old))
      return bad->field == "target_changed" ? error{"file_changed", bad->reason} : *bad;
    with_.pass(step::placed);
    try {
      if (!with_.pool.write_now([&](db::tx& tx) { return store(tx, row); })) return written_into::held;
    } catch (const db::unique_violation& u) {
      if (u.constraint != "book_files_checksum") throw;
      return refuse("duplicate_file", row.checksum);  // these bytes are in the library already, in another book
    }
    with_.pass(step::stored);
    log::info("library.written", {{"file", file_.id}, {"book", book_.id}});
    return written_into::yes;
  }

  bool store(db::tx& tx, const library::new_file& row) const {
    hold_store(tx);
    if (!library::may_write_file(tx, file_.id, file_.path, file_.checksum)) return false;
    library::replace_file(tx, file_.id, row);
    library::mark_file_well(tx, file_.id);
    library::link_documents_of_file(tx, file_.id);
    library::note_written_file(tx, file_.id, file_.checksum, row.checksum, digest_);
    library::record(
        tx, by_itself, "file.replace", "book", book_.id,
        json::object{{"file", file_.id}, {"before", file_.checksum}, {"after", row.checksum}, {"kept", journal_.kept}});
    library::bump_revision(tx);
    return true;
  }

  // By the file: it may have become another book's meanwhile.
  std::optional<error> settle_now() const {
    std::optional<library::file_write> w =
        with_.pool.read_now([&](db::tx& tx) { return library::find_file_write(tx, file_.id); });
    return settle(with_, library_, w.value_or(journal_));
  }

  const services& with_;
  const library::book_library& library_;
  const library::book_to_write& book_;
  const library::book_to_write::file& file_;
  const tree_folder& folder_;
  std::string name_, fresh_, digest_;
  library::file_write journal_;
};

}  // namespace

std::optional<error> settle_file_writes(const services& s, const std::optional<uuid>& book) {
  std::vector<library::file_write> all = s.pool.read_now([&](db::tx& tx) { return library::file_writes_of(tx, book); });
  if (all.empty()) return std::nullopt;
  std::vector<library::book_library> trees = s.pool.read_now(library::all_trees);
  std::optional<error> first;
  for (const library::file_write& found : all) {
    std::optional<item_lock> alone = item_lock::take(s.store, found.file, book.has_value());
    if (!alone) continue;  // it is being written
    std::optional<library::file_write> w = s.pool.read_now([&](db::tx& tx) { return library::find_file_write(tx, found.file); });
    if (!w) continue;
    auto holds = [&](const library::book_library& l) { return w->path.starts_with(tree_prefix(l.id)); };
    auto l = std::find_if(trees.begin(), trees.end(), holds);
    std::optional<error> bad;
    if (l != trees.end())
      bad = settle(s, *l, *w);
    else
      s.pool.write_now([&](db::tx& tx) { library::end_file_write(tx, w->file); });
    if (!first) first = bad;
  }
  return first;
}

result<written_into> write_into(const services& s, const library::book_library& l, const library::book_to_write& b,
                                const library::book_to_write::file& f, const std::string& metadata) {
  tree_place at = place_in_tree(l, f.path);
  result<tree_folder> folder = tree_folder::open(l.root, at.below);
  // What somebody saved while it was written the last time (drop_fresh).
  if (folder && folder->has(fresh_name(f.id))) return error{"file_changed", (folder->path() / fresh_name(f.id)).native()};
  // Said already; or somebody took the old bytes out of the attic, and has the last word until the book says something else.
  bool said = f.metadata == sha256_hex(metadata) && (f.checksum == f.after || f.checksum == f.before);
  if (said) return f.after.empty() ? written_into::refused : written_into::yes;
  if (b.held) return written_into::held;
  if (!folder) return error{folder.error().field == "source_gone" ? "file_missing" : folder.error().field, folder.error().reason};
  result<source> old = folder->open_file(at.name);
  if (!old) return error{"file_missing", f.path};
  auto needed = static_cast<std::uint64_t>(old->who.size) + s.how.reserve;  // of the new bytes, or of the old ones in the attic
  if (!has_room_for(folder->path(), old->who.size) || s.store.free_bytes() < needed) return error{"disk_full", "no space left"};
  std::optional<item_lock> alone = item_lock::take(s.store, f.id, true);
  result<std::string> is = publication::sha256_of(old->handle.get());
  if (!is || *is != f.checksum) return error{"file_changed", f.path};
  return writer(s, l, b, f, *folder, at.name).run(*old, metadata);
}

}  // namespace carrel::ingest
