#include <unistd.h>

#include <algorithm>
#include <tuple>

#include "ingest/covers.hpp"
#include "ingest/folder_note.hpp"
#include "ingest/library_folders.hpp"
#include "ingest/names.hpp"
#include "ingest/preferences.hpp"
#include "ingest/sweep.hpp"
#include "ingest/tracks.hpp"
#include "ingest/work.hpp"
#include "library/audio_edition.hpp"
#include "library/by_rule.hpp"
#include "library/document.hpp"
#include "library/duplicate.hpp"
#include "library/libraries.hpp"
#include "library/revision.hpp"
#include "publication/names.hpp"
#include "publication/unicode.hpp"
#include "server/core/digest.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

// The newest file of the same book and format that came from the same place.
constexpr db::statement sql_before{"ingest.brought_before", R"sql(
  select f.id, coalesce(f.storage_path, ''), f.original_name, i.source_path, i.source_path = $1
    from ingest_items i join book_files f on f.id = i.file_id
   where i.source = 'import' and i.id <> $2 and f.book_id = $3 and f.format = $4 and f.checksum <> $5
   order by i.source_path = $1 desc, i.created_at desc)sql"};

// The file that lay in the same place in the same group: somebody wrote to it. Two discs that are brought one after the other may
// name their tracks alike, so of a recording that Carrel itself took from there it is only one that is as long.
constexpr db::statement sql_written_over{"ingest.written_over", R"sql(
  select f.id, coalesce(f.storage_path, ''), f.original_name
    from ingest_items i
    join ingest_group_books g on g.group_id = i.group_id and g.part = $2
    join books b on b.id = g.book_id and b.deleted_at is null
    join book_files f on f.id = i.file_id and f.book_id = b.id
   where i.group_id = $1 and i.source_path = $3 and i.id <> $4 and f.format = $5 and f.checksum <> $6
     and (i.policy = 'keep' or abs(f.duration_ms - $7) * 20 <= greatest(f.duration_ms, $7))
   order by i.created_at desc limit 1)sql"};

constexpr db::statement sql_has_no_cover{"ingest.has_no_cover", "select cover_id is null from books where id = $1"};
constexpr db::statement sql_status{"ingest.status_of_book", "select status from books where id = $1"};

struct target_gone {};

// A file under the target's name that is not what the name says: damage, kept in the attic.
std::optional<error> set_aside(const work& w, const fs::path& target) {
  return library::move_proven(target, w.folder("attic") / ("damaged-" + target.filename().native()));
}

// 4.3 steps 2 to 4. The store's names are made of the content, so a name that is taken holds the same bytes or is damaged.
std::optional<error> place(work& w) {
  fs::path staged = w.path_of(w.what.staging_path), target = w.path_of(w.what.target_path);
  std::optional<identity> there = identity_at(target);
  if (there && !is_there(staged)) return std::nullopt;
  if (there && identity_at(staged) == there) return remove_synced(staged);
  if (there && sha256_of(target) == w.prints.sha256) {
    w.surplus = true;
    return library::sync_folder(target.parent_path());
  }
  if (there) {
    if (std::optional<error> bad = set_aside(w, target)) return bad;
  }
  std::optional<error> bad = library::move_proven(staged, target);
  if (bad && bad->field == "target_exists") {  // another worker with the same bytes was quicker
    w.surplus = true;
    return std::nullopt;
  }
  return bad;
}

result<std::optional<library::new_cover>> cover_of(const work& w) {
  std::optional<library::new_cover> out;
  if (w.from != nullptr && w.from->cover) return w.from->cover;
  if (w.beside != nullptr && w.beside->cover) return w.beside->cover;
  if (!w.inside->about.cover) return out;
  result<library::new_cover> stored = store_cover(w.with, *w.inside->about.cover, w.inside->thumbnails, "embedded");
  if (!stored) return stored.error();
  out = std::move(*stored);
  return out;
}

library::new_file file_row(const work& w) {
  const publication::opened& o = w.inside->about;
  const publication::kind* k = publication::find_kind(o.format);
  library::new_file f;
  f.id = uuid::make();
  f.format = o.format;
  f.mime = k != nullptr ? k->mime : "application/octet-stream";
  f.extension = k != nullptr ? k->extension : "." + o.format;
  std::string raw = w.what.has_source() ? w.source_path().filename().native() : w.what.display_name;
  f.original_name = shown_name(raw);
  if (f.original_name != raw) f.original_name_raw = raw;
  f.storage_path = w.what.target_path;
  f.size = static_cast<std::int64_t>(w.prints.size);
  f.checksum = w.prints.sha256;
  f.md5 = w.prints.md5;
  f.koreader_md5 = w.prints.koreader_md5;
  f.content_hash = o.content_hash;
  f.drm = o.about.drm;
  f.duration = o.about.duration;
  f.facts = library::facts_of(o.about);
  f.is_kepub = o.about.is_kepub;
  f.described = o.described;
  f.warnings = o.warnings;
  return f;
}

struct committed {
  std::optional<library::known_bytes> other;  // the same bytes came in meanwhile
  std::string status;
  uuid book;
  item row;
};

struct file_before {
  uuid file;
  std::string storage_path, name;
};

// Somebody wrote to a file of the library elsewhere: it is the same file of the same book, with other bytes.
std::optional<file_before> find_before(db::tx& tx, const work& w) {
  if (w.beside != nullptr) {
    for (const db::row& r : tx.run(sql_written_over, w.beside->group, w.beside->part, db::bytes{w.what.source_path}, w.what.id,
                                   w.inside->about.format, w.prints.sha256, w.inside->about.about.duration))
      return file_before{.file = r.id(0), .storage_path = r.text(1), .name = r.text(2)};
  }
  if (w.from == nullptr) return std::nullopt;
  std::optional<library::imported> there = library::find_imported(tx, w.from->says);
  if (!there) return std::nullopt;
  db::rows rows =
      tx.run(sql_before, db::bytes{w.what.source_path}, w.what.id, there->book, w.inside->about.format, w.prints.sha256);
  for (const db::row& r : rows) {
    // Under another name it is the same file when nothing has the old name any more: whoever edits a title or moves the whole
    // library renames files. Two files of one format are still two.
    if (r.flag(4) || !is_there(fs::path(r.raw(3))))
      return file_before{.file = r.id(0), .storage_path = r.text(1), .name = r.text(2)};
  }
  return std::nullopt;
}

std::optional<error> keep_in_attic(const work& w, const file_before& old) {
  fs::path stored = w.path_of(old.storage_path);
  if (old.storage_path.empty() || !is_there(stored)) return std::nullopt;
  if (std::optional<error> bad = make_synced_folder(w.folder("attic"))) return bad;
  std::optional<error> bad = library::link_proven(stored, w.folder("attic") / safe_name(old.name));
  if (bad && bad->field == "target_exists") return std::nullopt;  // of an attempt before
  return bad;
}

// The first file of a book elsewhere makes it a book here, the next ones belong to it.
std::pair<std::string, uuid> add_brought(db::tx& tx, const work& w, const uuid& book, const library::new_file& f,
                                         const std::optional<library::new_cover>& cover, bool replaces) {
  const publication::opened& o = w.inside->about;
  const library::curated& says = w.from->says;
  if (std::optional<library::imported> there = library::find_imported(tx, says)) {
    if (replaces)
      library::replace_file(tx, f.id, f);
    else
      library::add_file(tx, there->book, o.about, f);
    return {tx.run(sql_status, there->book)[0].text(0), there->book};
  }
  // Two books that are two books there are two here; only what came another way may be the same one.
  std::optional<uuid> like = library::find_duplicate(tx, says.about.title.empty() ? o.about : says.about, o.content_hash);
  if (like && library::stands_for_another(tx, says, *like)) like.reset();
  return {"organized", library::add_book(tx, book, "organized", o.about, f, cover, like, &says)};
}

// Recordings of one book keep their names, after their place among the others (6.3).
void place_in_book(db::tx& tx, const work& w, const uuid& book, const library::new_file& f) {
  auto at = w.beside->positions.find(w.what.id);
  if (at == w.beside->positions.end() || at->second == 0) return;
  std::string name = delivered_name(at->second, w.beside->positions.size(), f.original_name, f.extension);
  library::place_recording(tx, book, f.id, at->second, name);
}

std::pair<std::string, uuid> add_new(db::tx& tx, const work& w, const uuid& book, const library::new_file& f,
                                     const std::optional<library::new_cover>& cover) {
  const publication::opened& o = w.inside->about;
  library::new_book b{.status = {},
                      .said = said_of(tx, w.with.how, o, f.original_name, w.beside),
                      .cover = cover,
                      .possible_duplicate_of = {},
                      .created_at = {}};
  b.possible_duplicate_of = library::find_duplicate(tx, library::outline(b.said), o.content_hash);
  b.status = approved(w.with, w.what, b.said, o.warnings, b.possible_duplicate_of.has_value()) ? "organized" : "review";
  if (w.beside != nullptr) b.created_at = w.beside->added_at;
  library::add_book(tx, book, b, f);
  if (b.status == "organized" && !w.what.approve) library::mark_approved_by_rule(tx, book);
  if (w.beside != nullptr) {
    settle(tx, w.with, *w.beside, book);
    place_in_book(tx, w, book, f);
  } else if (f.duration > 0) {
    library::write_edition(tx, book, {.files = {f.id}, .missing = {}});
  }
  return {b.status, book};
}

// A further file of a group, whose first one made the book.
std::pair<std::string, uuid> add_to_group(db::tx& tx, const work& w, const uuid& book, const library::new_file& f,
                                          const std::optional<library::new_cover>& cover, bool replaces) {
  // One recording speaks for all.
  std::vector<library::local_source> said;
  bool speaks = !w.beside->tracks || !is_recording(w.source_path().native());
  if (speaks) said.push_back(library::own_source(w.inside->about.about, f.warnings, f.original_name));
  follow(said, w.with.how);
  if (replaces)
    library::replace_file(tx, f.id, f);
  else
    library::add_file(tx, book, said, f);
  if (!replaces) place_in_book(tx, w, book, f);
  if (cover && tx.run(sql_has_no_cover, book)[0].flag(0)) library::set_cover(tx, book, *cover);
  return {tx.run(sql_status, book)[0].text(0), book};
}

committed commit(db::tx& tx, const work& w, const uuid& book, const library::new_file& f,
                 const std::optional<library::new_cover>& cover, bool replaces) {
  committed out;
  hold_store(tx);
  if (!is_there(w.path_of(w.what.target_path)) || (cover && !is_there(w.path_of(cover->storage_path)))) throw target_gone{};
  out.other = library::find_bytes(tx, f.checksum);
  if (out.other) return out;
  const publication::opened& o = w.inside->about;
  bool made = true;  // the file makes the book
  if (w.from != nullptr) {
    std::tie(out.status, out.book) = add_brought(tx, w, book, f, cover, replaces);
  } else {
    std::optional<uuid> joined = w.beside != nullptr ? book_of_group(tx, w.beside->group, w.beside->part) : std::nullopt;
    made = !joined;
    std::tie(out.status, out.book) = joined ? add_to_group(tx, w, *joined, f, cover, replaces) : add_new(tx, w, book, f, cover);
  }
  library::note_duplicates(tx, out.book);
  if (out.book == book && w.with.added) w.with.added(tx, book);
  // Behind that, so that all of a library that is brought is asked for after what came by itself, and only where it lacks
  // something.
  if (out.book == book && w.from != nullptr) library::mark_approved_by_rule(tx, book);
  library::link_documents_of_file(tx, f.id);
  out.row = w.what;
  out.row.state = out.status == "organized" ? "organised" : "inbox";
  out.row.book = out.book;
  out.row.file_id = f.id;
  out.row.warnings = o.warnings;
  if (made && w.beside != nullptr)
    out.row.warnings.insert(out.row.warnings.end(), w.beside->warnings.begin(), w.beside->warnings.end());
  out.row.source_done = w.what.keep || !w.what.has_source() || w.source_moved;
  mark_stored(tx, out.row);
  library::bump_revision(tx);
  return out;
}

void clear_staging(const work& w) {
  if (w.surplus) ::unlink(w.path_of(w.what.staging_path).c_str());
  ::rmdir(w.folder("staging").c_str());
}

ending repair(work& w) {
  w.with.pool.write_now([&](db::tx& tx) {
    // What was read in place is kept by the store from now on: nothing is mended where Carrel does not write.
    if (library::is_external(w.repairs->storage_path)) library::keep_in_store(tx, w.repairs->file, w.what.target_path);
    library::mark_file_missing(tx, w.repairs->file, false);
    library::mark_file_well(tx, w.repairs->file);
  });
  return store_duplicate(w, *w.repairs);
}

// One book must not stop the others: its file goes the way of every file that cannot be taken in.
ending refuse_unstorable(work& w, const db::failure& why) {
  log::error("ingest.unstorable", {{"item", w.what.id}, {"error", why.what()}});
  if (!w.surplus) {
    if (std::optional<error> bad = library::move_proven(w.path_of(w.what.target_path), w.path_of(w.what.staging_path)))
      return fail(w, *bad);
  }
  return refuse(w, {"inspection_crash", "its description cannot be stored"});
}

// The bytes got a row between our look and our commit; what was placed under another name than theirs is not needed.
ending came_second(work& w, const library::known_bytes& other) {
  bool theirs_is_good = sha256_of(w.path_of(other.storage_path)) == w.prints.sha256;
  if (theirs_is_good && other.storage_path != w.what.target_path && !w.surplus) ::unlink(w.path_of(w.what.target_path).c_str());
  return store_duplicate(w, other);
}

}  // namespace

namespace {

// The title of a recording without an album is its own and not the book's; and the folder names the book, not the file.
void hear_as_part(std::vector<library::local_source>& said, const company& beside) {
  for (library::local_source& s : said) {
    if (s.name == "path" && beside.named) s = library::path_source(*beside.named);
    if (s.name != "embedded" || beside.positions.size() < 2) continue;
    if (!beside.title.empty()) {
      s.about.title = beside.title;
      s.about.title_sort = publication::title_sort(beside.title, s.about.languages.empty() ? "" : s.about.languages.front());
    }
    std::pair<std::string, std::string> own{"track_title", s.about.title};
    if (std::find(s.about.facts.begin(), s.about.facts.end(), own) == s.about.facts.end()) continue;
    s.about.title = s.about.title_sort = "";
    s.confidence = std::max(0.30, s.confidence - 0.20);
    s.reasons.emplace_back("no title");
  }
}

}  // namespace

std::vector<library::local_source> said_of(db::tx& tx, const settings& how, const publication::opened& o, const std::string& name,
                                           const company* beside) {
  auto is_author = [&](const std::string& somebody) { return library::wrote_a_book(tx, somebody); };
  std::vector<library::local_source> out = library::sources_in_file(o, name, is_author);
  if (beside != nullptr && beside->tracks) hear_as_part(out, *beside);
  if (beside != nullptr) out.insert(out.end(), beside->said.begin(), beside->said.end());
  follow(out, how);
  library::judge(out);
  return out;
}

// `--approve` approves whatever was taken in; the setting asks for more.
bool approved(const services& s, const item& what, const std::vector<library::local_source>& said,
              const std::vector<publication::warning>& warnings, bool possible_duplicate) {
  if (possible_duplicate) return false;
  if (what.approve) return true;
  bool blocked = std::any_of(warnings.begin(), warnings.end(),
                             [](const publication::warning& x) { return publication::blocks_approval(x.code); });
  return s.how.auto_approve && !blocked && !library::outline(said).authors.empty() &&
         library::best_confidence(said) >= *s.how.auto_approve;
}

ending publish(work& w) {
  if (std::optional<error> bad = place(w)) return fail(w, *bad);
  w.with.pass(step::placed);
  if (w.repairs) return repair(w);
  result<std::optional<library::new_cover>> cover = cover_of(w);
  if (!cover) return fail(w, cover.error());

  uuid book = uuid::make();
  library::new_file f = file_row(w);
  std::optional<file_before> before = w.with.pool.read_now([&](db::tx& tx) { return find_before(tx, w); });
  if (before) {
    if (std::optional<error> bad = keep_in_attic(w, *before)) return fail(w, *bad);
    f.id = before->file;
  }
  committed done;
  try {
    done = w.with.pool.write_now([&](db::tx& tx) { return commit(tx, w, book, f, *cover, before.has_value()); });
  } catch (const target_gone&) {
    return fail(w, {"file_missing", w.what.target_path});
  } catch (const db::unique_violation& u) {
    if (u.constraint != "book_files_checksum") throw;
    done.other = w.with.pool.read_now([&](db::tx& tx) { return library::find_bytes(tx, f.checksum); });
    if (!done.other) throw;
  } catch (const db::failure& f2) {
    if (!blames_the_values(f2)) throw;
    return refuse_unstorable(w, f2);
  }
  if (done.other) return came_second(w, *done.other);
  w.what = done.row;
  w.with.pass(step::stored);
  clear_staging(w);
  finish_source(w);
  if (before) remove_unneeded(w.with, before->storage_path);

  ending out;
  out.how = ending::added;
  out.replaced = before.has_value();
  out.book = done.book;
  out.file = f.id;
  out.status = done.status;
  out.warnings = w.what.warnings;
  if (w.source_stays) out.warnings.push_back({"source_stays", shown_name(w.source_path().parent_path().native())});
  return out;
}

ending store_duplicate(work& w, const library::known_bytes& known) {
  // Whoever's the staged bytes were, they are proven in the library; a source that was renamed there is only in staging.
  bool staged = !w.what.staging_path.empty() && is_there(w.path_of(w.what.staging_path));
  if (staged && w.source_moved) {
    if (std::optional<ending> end = link_into_attic(w)) return *end;
  }
  w.what.state = "duplicate";
  w.what.book = known.book;
  w.what.file_id = known.file;
  w.what.sha256 = w.prints.sha256;
  w.what.source_done = w.what.keep || !w.what.has_source() || w.source_moved;
  w.with.pool.write_now([&](db::tx& tx) { mark_stored(tx, w.what); });
  if (!w.what.staging_path.empty()) {
    w.surplus = staged;
    clear_staging(w);
  }
  finish_source(w);
  ending out;
  out.how = ending::duplicate;
  out.book = known.book;
  out.file = known.file;
  return out;
}

// Step 8: never the watch folder itself, and rmdir refuses what is not empty.
void remove_empty_folders(const work& w) {
  if (w.what.origin == "watch" && !w.what.keep) remove_empty_folders(w.with, w.source_path());
}

void remove_empty_folders(const services& s, const fs::path& file) {
  fs::path root = s.how.drop_dir.lexically_normal();
  for (fs::path at = file.lexically_normal().parent_path(); at != root && at.native().starts_with(root.native() + "/");
       at = at.parent_path()) {
    if (::rmdir(at.c_str()) != 0) return;
  }
}

namespace {

std::optional<error> drop_source(const work& w) {
  if (is_stored_file(w.with, w.what.sha256, w.what.who))
    return error{"source_stays", "it is the file that the library itself has"};
  fs::path attic = w.path_of(w.relative("attic"));
  if (is_there(attic) && sha256_of(attic) == w.what.sha256) return remove_synced(w.source_path());
  if (std::optional<error> bad = make_synced_folder(w.folder("attic"))) return bad;
  return library::take_proven(w.source_path(), attic);
}

// A share that cannot be written, a folder of somebody else: from now on this file counts as one that is kept. Said once for the
// folder; the watcher tries again when its rights have changed.
void leave_source(work& w, const error& why) {
  fs::path folder = w.source_path().parent_path();
  bool watched = w.what.origin == "watch";
  bool news = w.with.pool.write_now([&](db::tx& tx) {
    if (!watched) {
      mark_source_done(tx, w.what.id);
      return true;
    }
    mark_source_stays(tx, w.what.id);
    return note_folder(tx, {folder, "source_stays", why.reason});
  });
  if (news)
    log::warn("ingest.source_stays", {{"folder", shown_name(folder.native())}, {"item", w.what.id}, {"error", why.message()}});
  w.source_stays = true;
  w.what.source_done = true;
}

}  // namespace

void finish_source(work& w) {
  if (w.what.source_done) {
    if (w.source_moved) remove_empty_folders(w);
    return;
  }
  bool still_it = identity_at(w.source_path()) == w.what.who;
  if (still_it && !w.what.keep) {
    if (std::optional<error> bad = drop_source(w)) return leave_source(w, *bad);
    w.with.pass(step::source_gone);
    remove_empty_folders(w);
  }
  w.with.pool.write_now([&](db::tx& tx) { mark_source_done(tx, w.what.id); });
  w.what.source_done = true;
}

}  // namespace carrel::ingest
