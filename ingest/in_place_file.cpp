#include "ingest/in_place_file.hpp"

#include "ingest/covers.hpp"
#include "ingest/file_row.hpp"
#include "ingest/names.hpp"
#include "ingest/place.hpp"
#include "ingest/preferences.hpp"
#include "ingest/scan.hpp"
#include "ingest/settle.hpp"
#include "ingest/sweep.hpp"
#include "ingest/tracks.hpp"
#include "ingest/work.hpp"
#include "library/audio_edition.hpp"
#include "library/by_rule.hpp"
#include "library/candidate.hpp"
#include "library/document.hpp"
#include "library/duplicate.hpp"
#include "library/revision.hpp"
#include "publication/names.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

const library::actor reader{.user = std::nullopt, .name = "library scan"};

// Only as long as the row still says what was read.
constexpr db::statement sql_settle{"ingest.settle_place", R"sql(
  update library_files set state = $6, sha256 = $7, file_id = $8, code = $9, detail = $10, missing_since = null, dismissed_at = null,
         read_at = clock_timestamp()
   where library_id = $1 and place = $2 and ino = $3 and size = $4 and mtime_ns = $5)sql"};
constexpr db::statement sql_later{"ingest.read_place_later", R"sql(
  update library_files set read_at = clock_timestamp() where library_id = $1 and place = $2)sql"};

constexpr db::statement sql_place_of{"ingest.place_of_file", R"sql(
  select l.id, l.root, f.place, f.ino, f.size, f.mtime_ns from library_files f join libraries l on l.id = f.library_id
   where f.file_id = $1 and f.state = 'book')sql"};
// What was renamed over one another is sorted out one file at a time.
constexpr db::statement sql_hold_moves{"ingest.hold_moves",
                                       "select pg_advisory_xact_lock(hashtextextended('carrel.moves ' || $1, 0))"};
// Another book's bytes have its place, and it is at no other.
constexpr db::statement sql_displaced{"ingest.displaced_file", R"sql(
  update book_files set missing_since = coalesce(missing_since, clock_timestamp())
   where id = (select file_id from library_files where library_id = $1 and place = $2 and file_id <> $3))sql"};
constexpr db::statement sql_still_there{"ingest.file_is_still_there", R"sql(
  select b.book_id from library_files f join book_files b on b.id = f.file_id
   where f.library_id = $1 and f.place = $2 and f.file_id = $3)sql"};
constexpr db::statement sql_leave{"ingest.leave_place", R"sql(
  with gone as (delete from library_files where file_id = $1 and missing_since is not null)
  update library_files set file_id = null where file_id = $1 and missing_since is null)sql"};
constexpr db::statement sql_move{"ingest.move_file", R"sql(
  update book_files set storage_path = $2, original_name = $3, missing_since = null, damaged_since = null, updated_at = clock_timestamp()
   where id = $1)sql"};
constexpr db::statement sql_mended{"ingest.file_is_well", R"sql(
  update book_files set missing_since = null, damaged_since = null
   where id = $1 and (missing_since is not null or damaged_since is not null))sql"};

// Two members of a group that are read at the same moment must not become two books.
constexpr db::statement sql_hold_group{
    "ingest.hold_group", "select pg_advisory_xact_lock(hashtextextended('carrel.group ' || $1 || encode($2, 'hex'), 0))"};
// Of the same folder and stem, in another format: '.' is the byte before '/'.
constexpr db::statement sql_siblings{"ingest.siblings", R"sql(
  select f.place, b.id, exists (select from book_files o where o.book_id = b.id and o.format = $4)
    from library_files f join book_files bf on bf.id = f.file_id join books b on b.id = bf.book_id
   where f.library_id = $1 and f.place > $2 and f.place < $3 and b.deleted_at is null
   order by f.place limit 50)sql"};

// The files beside it may speak of this book.
constexpr db::statement sql_hear_beside{"ingest.hear_sidecars_again", R"sql(
  update library_sidecars set waiting = true, tried_at = null where library_id = $1 and folder = $2 and not waiting)sql"};

// Calibre's layout: a folder is a book, whatever its files are called.
constexpr db::statement sql_folder_siblings{"ingest.folder_siblings", R"sql(
  select b.id, exists (select from book_files o where o.book_id = b.id and o.format = $5)
    from library_files f join book_files bf on bf.id = f.file_id join books b on b.id = bf.book_id
   where f.library_id = $1 and f.place > $2 and f.place < $3
     and position('\000'::bytea in substring(f.place from length($2::bytea) + 1)) = 0
     and f.missing_since is null and b.deleted_at is null
     and exists (select from library_sidecars s where s.library_id = $1 and s.place = $4)
   order by f.place limit 50)sql"};

identity without_device(identity i) {
  i.dev = 0;
  return i;
}

// One file on its way into the library, where it lies.
class reading {
 public:
  reading(const services& s, const library::book_library& l, const place_row& row, bool settle, const audio_place* among)
      : with_(s), library_(l), row_(row), path_(path_of(l.root, row.place)), settle_(settle), among_(among) {}

  void read(read_counts& out) {
    result<source> in = open_below(library_.root, path_);
    if (!in && in.error().field == "source_unreadable") return refuse(out, "source_unreadable", in.error().reason);
    if (!in || without_device(in->who) != row_.who || (settle_ && !complete(*in))) return later(out);
    in_ = std::move(*in);
    if (among_ != nullptr && !among_->refused.empty()) return refuse(out, among_->refused, "");
    if (in_.who.size == 0) return refuse(out, "empty_file", "");
    if (std::optional<publication::refusal> bad =
            publication::too_large(static_cast<std::uint64_t>(in_.who.size), with_.how.allowed))
      return refuse(out, bad->code, bad->detail);
    result<publication::fingerprints> prints = publication::fingerprint(in_.handle.get());
    if (!prints) return refuse(out, "source_unreadable", prints.error().reason);
    if (!unchanged()) return later(out);
    prints_ = std::move(*prints);
    with_.pass(step::hashed);
    if (known(out)) return;
    result<publication::isolated::inspection, publication::refusal> inside = with_.inspectors.inspect(in_.handle.get(), name());
    if (!inside) return refuse(out, inside.error().code, inside.error().detail);
    if (!unchanged()) return later(out);
    inside_ = std::move(*inside);
    if (inside_.about.about.title.empty()) inside_.about.about.title = publication::guess_from_name(name()).title;
    try {
      row_.file ? replace(out) : add(out);
    } catch (const db::unique_violation& u) {
      if (u.constraint != "book_files_checksum") throw;
      if (!known(out)) throw;  // the bytes came in another way meanwhile
    } catch (const db::failure& f) {
      if (!blames_the_values(f)) throw;
      log::error("library.unstorable", {{"library", library_.id}, {"name", shown_name(name())}, {"error", f.what()}});
      refuse(out, "inspection_crash", "its description cannot be stored");
    }
  }

 private:
  std::string name() const { return path_.filename().native(); }
  std::string stored_as() const { return library::external_path(path_); }

  bool unchanged() const {
    struct stat now {};
    return ::fstat(in_.handle.get(), &now) == 0 && identity_of(now) == in_.who;
  }

  // 3.3 of a file that nobody waits beside: old enough, not open for writing, whole by its shape.
  bool complete(const source& s) const {
    auto age = std::chrono::nanoseconds(std::chrono::duration_cast<std::chrono::nanoseconds>(now().time_since_epoch()).count() -
                                        s.who.mtime_ns);
    if (age >= std::chrono::nanoseconds::zero() && age < with_.how.settle) return false;
    if (age > with_.how.incomplete_grace) return true;
    if (s.who.size == 0) return age > with_.how.empty_grace;
    return !open_for_writing(s.handle.get()) && shape_complete(s.handle.get(), static_cast<std::uint64_t>(s.who.size));
  }

  bool settle(db::tx& tx, const std::string& state, const std::optional<uuid>& file, const std::string& code = "",
              const std::string& detail = "") const {
    return tx.run(sql_settle, library_.id, db::bytes{row_.place}, row_.who.ino, row_.who.size, row_.who.mtime_ns, state,
                  prints_.sha256, file, code, detail)
               .affected() > 0;
  }

  void later(read_counts& out) const {
    ++out.later;
    with_.pool.write_now([&](db::tx& tx) { tx.run(sql_later, library_.id, db::bytes{row_.place}); });
  }

  // The file stays as it is; of a book it stays the book's, with the fingerprints it had.
  void refuse(read_counts& out, const std::string& code, const std::string& detail) const {
    ++out.refused;
    std::string words(cut_utf8(replace_invalid_utf8(detail), 500));
    with_.pool.write_now([&](db::tx& tx) { settle(tx, "refused", row_.file, code, words); });
    log::info("library.refused", {{"library", library_.id}, {"name", shown_name(name())}, {"code", code}});
  }

  // Bytes that are in the library already; true when that is the end of it.
  bool known(read_counts& out) const {
    std::optional<library::known_bytes> there =
        with_.pool.read_now([&](db::tx& tx) { return library::find_bytes(tx, prints_.sha256); });
    if (!there) return false;
    if (row_.file == there->file) {
      ++out.same;
      with_.pool.write_now([&](db::tx& tx) {
        settle(tx, "book", row_.file);
        if (tx.run(sql_mended, *row_.file).affected() > 0) library::bump_revision(tx);
      });
    } else if (library::is_external(there->storage_path) && !lies_elsewhere(there->file)) {
      move(out, *there);
    } else {
      ++out.duplicates;
      with_.pool.write_now([&](db::tx& tx) {
        displace(tx, there->file);
        settle(tx, "duplicate", std::nullopt, there->trashed ? "duplicate_trashed" : "");
      });
    }
    return true;
  }

  // Its own place holds it still.
  bool lies_elsewhere(const uuid& file) const {
    for (const db::row& r : with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_place_of, file); })) {
      fs::path root = r.text(1);
      result<source> in = open_below(root, path_of(root, r.raw(2)));
      if (in && without_device(in->who) == identity{0, r.integer(3), r.integer(4), r.integer(5)}) return true;
    }
    return false;
  }

  // Renamed, or moved to another folder: the same book, and its reading apps may know it by the new name now.
  void move(read_counts& out, const library::known_bytes& there) const {
    ++out.moved;
    std::string shown = shown_name(name());
    with_.pool.write_now([&](db::tx& tx) {
      displace(tx, there.file);
      tx.run(sql_leave, there.file);
      tx.run(sql_move, there.file, stored_as(), shown);
      library::put_into_library(tx, there.book, library_.id);
      for (const std::string& n : publication::device_names({shown}, "", "", ""))
        library::remember_hash(tx, there.book, there.file, "filename", publication::file_name_md5(n), "original");
      settle(tx, "book", there.file);
      hear_beside(tx);
      library::bump_revision(tx);
    });
    log::info("library.moved", {{"file", there.file}, {"name", shown}});
  }

  void hear_beside(db::tx& tx) const {
    std::string folder = place_of(library_.root, home_of(path_, library_.root));
    tx.run(sql_hear_beside, library_.id, db::bytes{folder});
  }

  void displace(db::tx& tx, const uuid& by) const {
    tx.run(sql_hold_moves, library_.id.text());
    if (tx.run(sql_displaced, library_.id, db::bytes{row_.place}, by).affected() > 0) library::bump_revision(tx);
  }

  library::new_file row() const {
    library::new_file f = file_row(row_.file.value_or(uuid::make()), inside_.about, prints_, stored_as());
    f.original_name = shown_name(name());
    if (f.original_name != name()) f.original_name_raw = name();
    return f;
  }

  void replace(read_counts& out) const {
    library::new_file f = row();
    bool replaced = with_.pool.write_now([&](db::tx& tx) {
      tx.run(sql_hold_moves, library_.id.text());
      db::rows book = tx.run(sql_still_there, library_.id, db::bytes{row_.place}, f.id);
      if (book.empty() || !settle(tx, "book", f.id)) return false;
      library::replace_file(tx, f.id, f);
      library::describe_again(tx, book[0].id(0), inside_.about.about, f);
      library::refresh_edition(tx, book[0].id(0));
      tx.run(sql_mended, f.id);
      library::link_documents_of_file(tx, f.id);
      library::record(tx, reader, "file.replace", "file", f.id, json::object{{"after", prints_.sha256}});
      library::bump_revision(tx);
      return true;
    });
    with_.pass(step::stored);
    if (!replaced) return later(out);  // it was found at another place meanwhile; here lies something new
    ++out.replaced;
    log::info("library.replaced", {{"file", f.id}, {"name", f.original_name}});
  }

  void add(read_counts& out) const {
    std::optional<library::new_cover> cover;
    if (inside_.about.cover) {
      result<library::new_cover> stored = store_cover(with_, *inside_.about.cover, inside_.thumbnails, "embedded");
      if (!stored) throw carrel::jobs::not_now(stored.error().message(), std::chrono::minutes(5));
      cover = std::move(*stored);
    }
    library::new_file f = row();
    bool joined = with_.pool.write_now([&](db::tx& tx) {
      hold_store(tx);
      if (cover && !is_there(with_.store.absolute(cover->storage_path)))
        throw carrel::jobs::not_now("the cover is gone again", std::chrono::seconds(5));
      std::optional<uuid> group = among_ != nullptr ? among_->book : sibling(tx, f.format);
      if (group)
        add_file(tx, *group, f);
      else
        add_book(tx, f, cover);
      settle(tx, "book", f.id);
      hear_beside(tx);
      library::link_documents_of_file(tx, f.id);
      library::bump_revision(tx);
      return group.has_value();
    });
    with_.pass(step::stored);
    ++(joined ? out.joined : out.added);
  }

  bool is_part() const { return among_ != nullptr && among_->position > 0; }

  // One recording speaks for all.
  void add_file(db::tx& tx, const uuid& book, const library::new_file& f) const {
    if (!is_part()) return library::add_file(tx, book, inside_.about.about, f);
    library::add_file(tx, book, std::vector<library::local_source>(), f);
    place_among(tx, book, f);
  }

  void place_among(db::tx& tx, const uuid& book, const library::new_file& f) const {
    std::string name = delivered_name(among_->position, among_->of, f.original_name, f.extension);
    library::place_recording(tx, book, f.id, among_->position, name);
  }

  void add_book(db::tx& tx, const library::new_file& f, const std::optional<library::new_cover>& cover) const {
    library::add_books_to(tx, library_.id);
    uuid book = is_part() ? add_recorded(tx, f, cover) : add_single(tx, f, cover);
    library::note_duplicates(tx, book);
    if (with_.added) with_.added(tx, book);
    library::mark_approved_by_rule(tx,
                                   book);  // behind that: a whole library is asked for last, and only where it lacks something
  }

  uuid add_single(db::tx& tx, const library::new_file& f, const std::optional<library::new_cover>& cover) const {
    publication::opened o = inside_.about;
    follow(o.about, with_.how);
    std::optional<uuid> like = library::find_duplicate(tx, o.about, o.content_hash);
    uuid book = library::add_book(tx, uuid::make(), like ? "review" : "organized", o.about, f, cover, like);
    if (f.duration > 0) library::write_edition(tx, book, {.files = {f.id}, .missing = {}});
    return book;
  }

  uuid add_recorded(db::tx& tx, const library::new_file& f, const std::optional<library::new_cover>& cover) const {
    company all;
    all.tracks = true;
    all.named = among_->named;
    all.title = among_->title;
    for (std::size_t i = 0; i < among_->of; ++i) all.positions[uuid::make()] = static_cast<int>(i) + 1;
    library::new_book b{.status = {},
                        .said = said_of(tx, with_.how, inside_.about, f.original_name, &all),
                        .cover = cover,
                        .possible_duplicate_of = {},
                        .created_at = {}};
    b.possible_duplicate_of = library::find_duplicate(tx, library::outline(b.said), inside_.about.content_hash);
    b.status = b.possible_duplicate_of ? "review" : "organized";
    uuid book = library::add_book(tx, uuid::make(), b, f);
    place_among(tx, book, f);
    return book;
  }

  // 3.4: the same folder and stem, another format.
  std::optional<uuid> sibling(db::tx& tx, const std::string& format) const {
    std::size_t folder = row_.place.rfind('\0');
    std::string stem = row_.place.substr(0, folder == std::string::npos ? 0 : folder + 1) + publication::file_stem(name());
    tx.run(sql_hold_group, library_.id.text(), db::bytes{folder == std::string::npos ? "" : stem.substr(0, folder)});
    for (const db::row& r : tx.run(sql_siblings, library_.id, db::bytes{stem + "."}, db::bytes{stem + "/"}, format)) {
      std::string other = fs::path(path_of("/", r.raw(0))).filename().native();
      if (publication::file_stem(other) == publication::file_stem(name()) && !r.flag(2)) return r.id(1);
    }
    if (folder == std::string::npos) return std::nullopt;
    std::string below = stem.substr(0, folder + 1), behind = stem.substr(0, folder) + '\1', opf = below + "metadata.opf";
    std::optional<uuid> only;
    for (const db::row& r :
         tx.run(sql_folder_siblings, library_.id, db::bytes{below}, db::bytes{behind}, db::bytes{opf}, format)) {
      if (r.flag(1) || (only && *only != r.id(0))) return std::nullopt;
      only = r.id(0);
    }
    return only;
  }

  const services& with_;
  const library::book_library& library_;
  const place_row& row_;
  fs::path path_;
  bool settle_;
  const audio_place* among_;
  source in_;
  publication::fingerprints prints_;
  publication::isolated::inspection inside_;
};

}  // namespace

void read_place(const services& s, const library::book_library& l, const place_row& row, bool settle, read_counts& out,
                const audio_place* among) {
  reading(s, l, row, settle, among).read(out);
}

}  // namespace carrel::ingest
