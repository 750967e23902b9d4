// Metadata into an EPUB: another file with the same documents takes its place (ingest.md 4.5), and the row gets its fingerprints
// in the step that makes it the book's file. The old bytes are in the attic, their fingerprints stay known.

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ingest/file_row.hpp"
#include "ingest/names.hpp"
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

fs::path kept_path(const services& s, const uuid& kept, const std::string& name) {
  return s.store.data() / "attic" / kept.text() / safe_name(name);
}

// One file on its way. Its row in file_writes is there from the first byte to the last.
class writer {
 public:
  writer(const services& s, const library::book_library& l, const library::book_to_write& b,
         const library::book_to_write::file& f, const tree_folder& folder, const std::string& name)
      : with_(s), library_(l), book_(b), file_(f), folder_(folder), name_(name), fresh_(".carrel-" + f.id.text() + ".tmp") {}

  result<written_into> run(const source& old, const std::string& metadata) {
    digest_ = sha256_hex(metadata);
    journal_ = {.file = file_.id,
                .path = file_.path,
                .before = file_.checksum,
                .after = {},
                .kept = uuid::make(),
                .now_at = {},
                .now_is = {}};
    with_.pool.write_now([&](db::tx& tx) { library::begin_file_write(tx, journal_); });
    with_.pass(step::hashed);
    result<written_into> out = make(old, metadata);
    clean_up();
    with_.pass(step::source_gone);
    return out;
  }

 private:
  result<written_into> make(const source& old, const std::string& metadata) {
    folder_.remove(fresh_);
    fs::path fresh = folder_.path() / fresh_;
    result<bool, publication::refusal> made = with_.inspectors.copy_corrected(old.handle.get(), file_.name, fresh, metadata);
    if (!made && made.error().detail == publication::isolated::no_process) throw std::runtime_error(made.error().detail);
    if (!made && made.error().code == "kepub_failed") return failed_copy(made.error());
    if (!made)
      log::warn("library.write_file", {{"file", file_.id}, {"kept", made.error().code}, {"detail", made.error().detail}});
    if (!made || !*made) {
      with_.pool.write_now(
          [&](db::tx& tx) { library::note_written_file(tx, file_.id, file_.checksum, file_.checksum, digest_); });
      return made ? written_into::yes : written_into::refused;
    }
    with_.pass(step::in_staging);

    result<source> in = folder_.open_file(fresh_);
    if (!in) return error{"store_unwritable", in.error().reason};
    result<publication::fingerprints> prints = finish(*in, old);
    if (!prints) return prints.error();
    result<publication::isolated::inspection, publication::refusal> inside =
        with_.inspectors.inspect(in->handle.get(), file_.name);
    if (!inside) {
      log::warn("library.write_file", {{"file", file_.id}, {"kept", inside.error().code}, {"detail", inside.error().detail}});
      return said_without_change(written_into::refused);
    }
    if (std::optional<error> bad = keep_old()) return *bad;
    with_.pass(step::in_attic);
    return take_place(old, file_row(file_.id, inside->about, *prints, file_.path));
  }

  // It is not tried again until the book or the file is another.
  written_into said_without_change(written_into how) const {
    with_.pool.write_now([&](db::tx& tx) { library::note_written_file(tx, file_.id, file_.checksum, file_.checksum, digest_); });
    return how;
  }

  error failed_copy(const publication::refusal& why) const {
    bool full = !has_room_for(folder_.path(), 0) || why.detail.find("No space left") != std::string::npos;
    return full ? error{"disk_full", "no space left"} : error{"store_unwritable", folder_.path().native() + ": " + why.detail};
  }

  result<publication::fingerprints> finish(const source& fresh, const source& old) const {
    struct stat rights {};
    if (::fstat(old.handle.get(), &rights) == 0) ::fchmod(fresh.handle.get(), rights.st_mode & 0777);
    if (::fsync(fresh.handle.get()) != 0) return unwritable(errno, (folder_.path() / fresh_).native());
    return publication::fingerprint(fresh.handle.get());
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
    if (folder_.sha256(name_) != file_.checksum) return;
    fs::path kept = kept_path(with_, journal_.kept, file_.name);
    ::unlink(kept.c_str());
    ::rmdir(kept.parent_path().c_str());
  }

  result<written_into> take_place(const source& old, const library::new_file& row) {
    journal_.after = row.checksum;
    with_.pool.write_now([&](db::tx& tx) { library::begin_file_write(tx, journal_); });
    auto is_old = [&](const source& in) { return in.who == old.who; };
    if (std::optional<error> bad = folder_.exchange(fresh_, name_, is_old)) {
      drop_kept();
      return bad->field == "target_changed" ? error{"file_changed", bad->reason} : *bad;
    }
    with_.pass(step::placed);
    written_into how = written_into::held;
    try {
      if (with_.pool.write_now([&](db::tx& tx) { return store(tx, row); })) how = written_into::yes;
    } catch (const db::unique_violation& u) {
      if (u.constraint != "book_files_checksum") throw;
      how = said_without_change(written_into::refused);  // these bytes are in the library already, in another book
    }
    if (how != written_into::yes) {
      settle_file_writes(with_, book_.id);
      drop_kept();
      return how;
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

  void clean_up() const {
    folder_.remove(fresh_);
    with_.pool.write_now([&](db::tx& tx) { library::end_file_write(tx, file_.id); });
  }

  const services& with_;
  const library::book_library& library_;
  const library::book_to_write& book_;
  const library::book_to_write::file& file_;
  const tree_folder& folder_;
  std::string name_, fresh_, digest_;
  library::file_write journal_;
};

std::optional<fs::path> kept_of(const services& s, const library::file_write& w) {
  std::error_code code;
  for (const fs::directory_entry& e : fs::directory_iterator(s.store.data() / "attic" / w.kept.text(), code)) {
    if (sha256_of(e.path()) == w.before) return e.path();
  }
  return std::nullopt;
}

// After an interruption. The row of the file is right: what has not been committed did not happen.
void settle(const services& s, const std::vector<library::book_library>& trees, const library::file_write& w) {
  for (const library::book_library& l : trees) {
    std::string prefix = "trees/" + l.id.text() + "/";
    if (!w.path.starts_with(prefix)) continue;
    tree_place was = place_in_tree(l, w.path);
    std::string fresh = ".carrel-" + w.file.text() + ".tmp";
    result<tree_folder> folder = tree_folder::open(l.root, was.below);
    if (!folder && folder.error().field == "folder_unavailable") return;  // its row stays until the root is back
    if (!folder) break;
    std::optional<std::string> beside = folder->sha256(fresh), is = folder->sha256(was.name);
    bool exchanged = !w.after.empty() && w.now_is == w.before && is == w.after;
    auto is_after = [&](const source& in) {
      result<std::string> digest = publication::sha256_of(in.handle.get());
      return digest && *digest == w.after;
    };
    std::optional<fs::path> kept = kept_of(s, w);
    if (exchanged && beside != w.before && kept) {  // a file system that cannot exchange names
      folder->remove(fresh);
      if (library::link_proven(*kept, folder->path() / fresh)) return;
      beside = w.before;
    }
    if (exchanged && beside == w.before) {
      if (folder->exchange(fresh, was.name, is_after)) return;
      log::warn("library.write_undone", {{"file", w.file}});
    }
    bool only_copy = folder->sha256(fresh) == w.before && !kept && folder->sha256(was.name) != w.before;
    if (!only_copy) folder->remove(fresh);
  }
  s.pool.write_now([&](db::tx& tx) { library::end_file_write(tx, w.file); });
}

}  // namespace

void settle_file_writes(const services& s, const std::optional<uuid>& book) {
  std::vector<library::file_write> all = s.pool.read_now([&](db::tx& tx) { return library::file_writes_of(tx, book); });
  if (all.empty()) return;
  std::vector<library::book_library> trees = s.pool.read_now(library::all_trees);
  for (const library::file_write& w : all) settle(s, trees, w);
}

result<written_into> write_into(const services& s, const library::book_library& l, const library::book_to_write& b,
                                const library::book_to_write::file& f, const std::string& metadata) {
  // Said already; or somebody took the old bytes out of the attic, and has the last word until the book says something else.
  bool said = f.metadata == sha256_hex(metadata) && (f.checksum == f.after || f.checksum == f.before);
  if (said) return written_into::yes;
  if (b.held) return written_into::held;
  tree_place at = place_in_tree(l, f.path);
  result<tree_folder> folder = tree_folder::open(l.root, at.below);
  if (!folder) return error{folder.error().field == "source_gone" ? "file_missing" : folder.error().field, folder.error().reason};
  result<source> old = folder->open_file(at.name);
  if (!old) return error{"file_missing", f.path};
  if (!has_room_for(folder->path(), old->who.size)) return error{"disk_full", "no space left"};
  result<std::string> is = publication::sha256_of(old->handle.get());
  if (!is || *is != f.checksum) return error{"file_changed", f.path};
  return writer(s, l, b, f, *folder, at.name).run(*old, metadata);
}

}  // namespace carrel::ingest
