#include "ingest/replace.hpp"

#include <unistd.h>

#include "ingest/file_row.hpp"
#include "ingest/names.hpp"
#include "ingest/paths.hpp"
#include "ingest/sweep.hpp"
#include "library/book.hpp"
#include "library/candidate.hpp"
#include "library/document.hpp"
#include "library/libraries.hpp"
#include "library/revision.hpp"
#include "publication/open.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_old{"ingest.replaced_file", R"sql(
  select book_id, format, original_name, coalesce(storage_path, ''), checksum from book_files where id = $1)sql"};

struct old_file {
  uuid book;
  std::string format, name, storage_path, checksum;
};

error refused(const std::string& code, const std::string& detail = "") { return {code, publication::message_for(code, detail)}; }

std::optional<old_file> find_old(db::tx& tx, const uuid& file) {
  db::rows rows = tx.run(sql_old, file);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  return old_file{.book = r.id(0), .format = r.text(1), .name = r.text(2), .storage_path = r.text(3), .checksum = r.text(4)};
}

// The old bytes under their own name; the store's copy goes only after the row no longer points to it.
std::optional<error> keep_old(const services& s, const old_file& old, const uuid& entry) {
  fs::path stored = s.store.absolute(old.storage_path), folder = s.store.data() / "attic" / entry.text();
  if (old.storage_path.empty() || !identity_at(stored)) return std::nullopt;  // it was missing already
  if (std::optional<error> bad = make_synced_folder(folder)) return bad;
  fs::path kept = folder / safe_name(old.name);
  if (library::link_proven(stored, kept)) return refused("disk_full");
  return std::nullopt;
}

// The name is made of the content: a file that has it already holds the same bytes, or is damaged and goes to the attic.
std::optional<error> place(const services& s, const fs::path& staged, const fs::path& target, const std::string& sha256) {
  std::optional<error> bad = library::move_proven(staged, target);
  if (!bad || bad->field != "target_exists") return bad;
  if (sha256_of(target) == sha256) return library::sync_folder(target.parent_path());
  fs::path folder = s.store.data() / "attic" / uuid::make().text();
  bad = make_synced_folder(folder);
  if (!bad) bad = library::move_proven(target, folder / ("damaged-" + target.filename().native()));
  return bad ? bad : library::move_proven(staged, target);
}

std::optional<error> replace(const services& s, const uuid& file, const fs::path& staged, const library::actor& who) {
  std::optional<old_file> old = s.pool.read_now([&](db::tx& tx) { return find_old(tx, file); });
  if (!old) return error{"file", "there is no such file"};
  if (library::is_external(old->storage_path)) return error{"library.read_only", "the file lies in a library that is only read"};
  result<source> in = open_source(staged);
  if (!in) return refused(in.error().field);
  if (::fdatasync(in->handle.get()) != 0) return refused("disk_full");
  result<publication::fingerprints> prints = publication::fingerprint(in->handle.get());
  if (!prints) return refused(prints.error().field);
  if (prints->sha256 == old->checksum) return std::nullopt;
  if (s.pool.read_now([&](db::tx& tx) { return library::find_bytes(tx, prints->sha256).has_value(); }))
    return refused("duplicate_file");

  result<publication::isolated::inspection, publication::refusal> inside = s.inspectors.inspect(in->handle.get(), old->name);
  if (!inside) return refused(inside.error().code, inside.error().detail);
  if (inside->about.format != old->format) {
    return error{"format", "the new file is " + inside->about.format + ", the old one is " + old->format +
                               "; add it as another file instead"};
  }
  const publication::kind* k = publication::find_kind(inside->about.format);
  std::string storage = s.store.path_for(prints->sha256, k != nullptr ? k->extension : "");
  uuid kept = uuid::make();  // the folder of the old bytes in the attic
  if (std::optional<error> bad = keep_old(s, *old, kept)) return bad;
  fs::path target = s.store.absolute(storage);
  if (std::optional<error> bad = place(s, staged, target, prints->sha256)) return bad;
  s.pass(step::placed);

  library::new_file row = file_row(file, inside->about, *prints, storage);
  bool there = false;
  try {
    there = s.pool.write_now([&](db::tx& tx) {
      hold_store(tx);
      if (!is_there(target)) return false;
      library::replace_file(tx, file, row);
      library::describe_again(tx, old->book, inside->about.about, row);
      library::mark_file_well(tx, file);
      library::link_documents_of_file(tx, file);
      library::record(tx, who, "file.replace", "book", old->book,
                      json::object{{"file", file}, {"before", old->checksum}, {"after", prints->sha256}, {"kept", kept}});
      library::bump_revision(tx);
      return true;
    });
  } catch (const db::unique_violation& u) {
    if (u.constraint != "book_files_checksum") throw;
    return refused("duplicate_file");  // the bytes came in meanwhile
  }
  if (!there) return refused("file_missing", storage);
  s.pass(step::stored);
  remove_unneeded(s, old->storage_path);
  log::info("ingest.replaced", {{"file", file}, {"book", old->book}});
  return std::nullopt;
}

}  // namespace

std::optional<error> replace_file(const services& s, const uuid& file, const fs::path& staged, const library::actor& who) {
  std::optional<error> bad = replace(s, file, staged, who);
  ::unlink(staged.c_str());
  return bad;
}

}  // namespace carrel::ingest
