#include "ingest/calibre_book.hpp"

#include <algorithm>

#include "ingest/covers.hpp"
#include "ingest/foresee.hpp"
#include "ingest/item_lock.hpp"
#include "ingest/names.hpp"
#include "ingest/sweep.hpp"
#include "ingest/work.hpp"
#include "library/opinion.hpp"
#include "library/revision.hpp"
#include "publication/calibre/reading.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;
namespace calibre = publication::calibre;

const library::actor importer{.user = std::nullopt, .name = "calibre import"};

// A picture that somebody chose here is not Calibre's to replace.
constexpr db::statement sql_cover_is_free{"ingest.cover_is_free", R"sql(
  select not exists (select from books b join covers c on c.id = b.cover_id where b.id = $1 and c.source not in ('calibre', 'embedded'))
     and not exists (select from books b where b.id = $1 and 'cover' = any (b.locked_fields)))sql"};
constexpr db::statement sql_cover_now{"ingest.cover_now", R"sql(
  select coalesce(c.sha256, '') from books b left join covers c on c.id = b.cover_id where b.id = $1)sql"};

constexpr db::statement sql_bytes_are_in{"ingest.bytes_are_in", R"sql(
  select f.book_id from book_files f join books b on b.id = f.book_id where f.id = $1 and b.deleted_at is null)sql"};
constexpr db::statement sql_waits_alone{"ingest.waits_alone", R"sql(
  select exists (select from books where id = $1 and status <> 'organized' and possible_duplicate_of is null))sql"};

library::curated curated_from(const std::string& library, const calibre::book& b, const std::string& tags) {
  library::curated out;
  out.source = "calibre";
  out.library = library;
  out.book = b.uuid;
  out.last_modified = b.last_modified;
  out.about = b.about;
  out.columns = b.columns;
  out.tags_stay = tags == "tags";
  if (tags == "genres") {
    std::vector<std::string>& genres = out.about.genres;
    for (std::string& tag : out.about.subjects) {
      if (std::find(genres.begin(), genres.end(), tag) == genres.end()) genres.push_back(std::move(tag));
    }
    out.about.subjects.clear();
  }
  out.created_at = b.added_at;
  json::array files;
  for (const calibre::found_file& f : b.files) files.emplace_back(shown_name(f.listed));
  out.raw = json::object{{"library", library},
                         {"id", b.id},
                         {"uuid", b.uuid},
                         {"path", shown_name(b.folder)},
                         {"last_modified", b.last_modified},
                         {"formats", std::move(files)}};
  return out;
}

class one_book {
 public:
  one_book(const calibre_run& run, const calibre::book& b)
      : run_(run), book_(b), says_(curated_from(run.library, b, run.with.how.calibre_tags)) {}

  book_report take() {
    // Two imports at once meet at the same book.
    std::optional<item_lock> alone;
    if (!run_.how.dry_run) alone = item_lock::hold(run_.with.store, "calibre " + run_.library + " " + book_.uuid);
    known_ = find();
    if (known_ && known_->trashed) {
      odd("calibre_trashed", book_.folder, shown_name(book_.about.title));
      return std::move(out_);
    }
    look_at_files();
    bool news = !known_ || known_->last_modified != book_.last_modified;
    if (there_.empty() && !known_) {
      odd("calibre_no_files", book_.folder, shown_name(book_.about.title));
      out_.how = book_report::without_files;
      return std::move(out_);
    }
    if (news) {
      for (const publication::warning& w : book_.warnings) odd(w.code, book_.folder, w.detail);
      look_at_cover();
    }
    try {
      run_.how.dry_run ? foresee_all(news) : take_all(news);
      hear_reader(news);
    } catch (const db::failure& f) {
      if (!blames_the_values(f)) throw;
      log::error("ingest.unstorable", {{"book", book_.id}, {"error", f.what()}});
      odd("inspection_crash", book_.folder, "");
      out_.how = book_report::failed;
    }
    return std::move(out_);
  }

 private:
  std::optional<library::imported> find() const {
    return run_.with.pool.read_now([&](db::tx& tx) { return library::find_imported(tx, says_); });
  }

  void odd(const std::string& code, const std::string& path, const std::string& detail) {
    std::string full = path.empty() ? path : (run_.folder / path).native();
    out_.oddities.push_back({.code = code, .path = full, .message = publication::message_for(code, detail), .number = book_.id});
  }

  void look_at_files() {
    for (const calibre::found_file& f : book_.files) {
      if (!f.path.empty()) {
        there_.push_back(run_.folder / f.path);
        continue;
      }
      ++out_.missing;
      odd("file_missing", shown_name(f.listed), "");
    }
  }

  void look_at_cover() {
    if (book_.cover.empty()) return;
    result<source> in = open_below(run_.folder, run_.folder / book_.cover);
    if (!in) return odd("cover_unreadable", book_.cover, in.error().reason);
    result<publication::isolated::picture, publication::refusal> seen = run_.with.inspectors.look_at_picture(in->handle.get());
    if (!seen) return odd(seen.error().code, book_.cover, seen.error().detail);
    if (run_.how.dry_run) return;
    result<library::new_cover> stored = store_cover(run_.with, seen->master, seen->thumbnails, "calibre");
    if (!stored) return odd("cover_unreadable", book_.cover, stored.error().reason);
    cover_ = std::move(*stored);
  }

  item like() const {
    item out;
    out.origin = "import";
    out.keep = true;
    out.approve = true;
    out.user = run_.how.user;
    out.batch = run_.batch;
    out.state = "settled";
    return out;
  }

  // The file as it was found, without a link on the way to it.
  std::optional<finding> find_file(const fs::path& p) {
    result<source> in = open_below(run_.folder, p);
    if (in) return finding{.path = p.native(), .who = in->who};
    std::string code = in.error().field == "source_gone" ? "file_missing" : in.error().field;
    fail(p, code, code == "file_missing" ? shown_name(p.filename().native()) : in.error().reason);
    return std::nullopt;
  }

  void fail(const fs::path& p, const std::string& code, const std::string& detail) {
    out_.failed_files.push_back({p.native(), code, publication::message_for(code, detail)});
  }

  struct waiting {
    finding what;
    found_item row;
  };

  // Those that an earlier run or another command has met come first: they may tell which book this is.
  std::vector<waiting> line_up() {
    std::vector<finding> found;
    for (const fs::path& p : there_) {
      if (std::optional<finding> f = find_file(p)) found.push_back(std::move(*f));
    }
    std::vector<found_item> rows = run_.with.pool.write_now([&](db::tx& tx) { return store_findings(tx, found, like()); });
    std::vector<waiting> out;
    for (std::size_t i = 0; i < found.size(); ++i) out.push_back({std::move(found[i]), std::move(rows[i])});
    std::stable_partition(out.begin(), out.end(), [](const waiting& w) { return !w.row.fresh; });
    return out;
  }

  void take_all(bool news) {
    for (const waiting& w : line_up()) {
      take_file(w);
      if (!known_ && !adopted_ && out_.added_files.empty() && !out_.duplicate_files.empty()) adopt();
    }
    settle_book(news);
  }

  void take_file(const waiting& w) {
    brought from{.says = says_, .cover = cover_};
    ending e = *take_in(run_.with, w.row.id, true, &from);
    // Interrupted after its commit, or a server was quicker: it came with this run all the same.
    if (e.how == ending::duplicate && w.row.fresh && !e.status.empty()) e.how = ending::added;
    switch (e.how) {
      case ending::added:
        out_.replaced += e.replaced ? 1 : 0;
        out_.added_files.push_back({w.what.path, e.book, e.file, e.status, std::move(e.warnings), std::nullopt});
        break;
      case ending::duplicate: out_.duplicate_files.push_back({w.what.path, e.book, e.file, {}, false}); break;
      default: fail(w.what.path, e.code, e.detail);
    }
  }

  // The same bytes came another way before: that book is this one, unless it is another of Calibre's already or was thrown away.
  std::optional<uuid> to_adopt(db::tx& tx) const {
    for (const duplicate_file& f : out_.duplicate_files) {
      db::rows in = tx.run(sql_bytes_are_in, f.file);
      if (!in.empty() && !library::stands_for_another(tx, says_, in[0].id(0))) return in[0].id(0);
    }
    return std::nullopt;
  }

  bool use_cover(db::tx& tx, const uuid& book) const {
    if (!cover_ || !tx.run(sql_cover_is_free, book)[0].flag(0)) return false;
    if (tx.run(sql_cover_now, book)[0].text(0) == cover_->sha256) return false;
    if (!is_there(run_.with.store.absolute(cover_->storage_path))) return false;
    library::set_cover(tx, book, *cover_);
    library::bump_revision(tx);
    return true;
  }

  bool update(db::tx& tx, const uuid& book) const {
    if (cover_) hold_store(tx);
    bool fields = library::update_imported(tx, book, says_, importer);
    return use_cover(tx, book) || fields;
  }

  void adopt() {
    adopted_ = run_.with.pool.write_now([&](db::tx& tx) -> std::optional<bool> {
      std::optional<uuid> book = to_adopt(tx);
      if (!book) return std::nullopt;
      bool waits = tx.run(sql_waits_alone, *book)[0].flag(0);
      if (waits) library::approve_book(tx, *book, importer);  // somebody has looked after it, if not here
      return update(tx, *book) || waits;
    });
  }

  void settle_book(bool news) {
    bool changed = adopted_.value_or(false) || !out_.added_files.empty();
    if (known_ && news) changed |= run_.with.pool.write_now([&](db::tx& tx) { return update(tx, known_->book); });
    if (!known_ && !adopted_ && !out_.added_files.empty())
      out_.how = book_report::added;
    else if (changed)
      out_.how = book_report::updated;
    else if (!known_)
      leave_out();
  }

  // Of a book that Calibre has not changed since, it says nothing new.
  void hear_reader(bool news) {
    if (!run_.how.reader) return;
    publication::heard_opinion says = calibre::opinion_of(book_, run_.how.read_column);
    if (says.empty()) return;
    std::optional<library::imported> now = known_ ? known_ : find();
    if (!now) {
      out_.opinion = run_.how.dry_run && out_.how == book_report::added;
      return;
    }
    const std::vector<library::import_word> word{{now->book, std::move(says)}};
    const library::import_source source{.name = "calibre", .old = !news};
    auto hear = [&](db::tx& tx) { return library::hear_import(tx, *run_.how.reader, source, word, !run_.how.dry_run).front(); };
    library::import_end end = run_.how.dry_run ? run_.with.pool.read_now(hear) : run_.with.pool.write_now(hear);
    out_.opinion = end == library::import_end::changed;
  }

  // The same bytes are another book of that library already; a file has one book.
  void leave_out() {
    out_.how = book_report::failed;
    if (!out_.duplicate_files.empty())
      odd("calibre_same_file", out_.duplicate_files.front().path.substr(run_.folder.native().size() + 1), says_.about.title);
  }

  void foresee_all(bool news) {
    for (const fs::path& p : there_) foresee_file(p);
    foresee_book(news);
  }

  void foresee_file(const fs::path& p) {
    std::optional<finding> found = find_file(p);
    if (!found) return;
    forecast f = foresee(run_.with, *found, like());
    std::string first = f.sha256.empty() ? std::string() : run_.met.meet(f.sha256, p.native());
    if (f.end.how == ending::added && !first.empty()) {
      out_.duplicate_files.push_back({p.native(), {}, {}, first, false});
    } else if (f.end.how == ending::added) {
      out_.added_files.push_back({p.native(), {}, {}, "organized", std::move(f.end.warnings), std::nullopt});
    } else if (f.end.how == ending::duplicate) {
      out_.duplicate_files.push_back({p.native(), f.end.book, f.end.file, {}, false});
    } else {
      fail(p, f.end.code, f.end.detail);
    }
  }

  void foresee_book(bool news) {
    struct rolled_back {};
    bool changed = false;
    bool adopts = false;
    try {
      run_.with.pool.write_now([&](db::tx& tx) {
        std::optional<uuid> book = known_ ? std::optional(known_->book) : to_adopt(tx);
        adopts = book && !known_;
        changed = book && news && library::update_imported(tx, *book, says_, importer);
        throw rolled_back{};
      });
    } catch (const rolled_back&) {
    }
    if (!known_ && !adopts && !out_.added_files.empty())
      out_.how = book_report::added;
    else if (changed || !out_.added_files.empty())
      out_.how = book_report::updated;
    else if (!known_ && !adopts)
      leave_out();
  }

  const calibre_run& run_;
  const calibre::book& book_;
  library::curated says_;
  std::optional<library::imported> known_;  // before this run
  std::vector<fs::path> there_;
  std::optional<library::new_cover> cover_;
  std::optional<bool> adopted_;  // a book that came another way is this one from now on; did that change it?
  book_report out_;
};

}  // namespace

std::string met_bytes::meet(const std::string& sha256, const std::string& path) {
  std::lock_guard guard(mutex_);
  auto [at, fresh] = first_.try_emplace(sha256, path);
  return fresh ? std::string() : at->second;
}

book_report import_book(const calibre_run& run, const calibre::book& b) { return one_book(run, b).take(); }

}  // namespace carrel::ingest
