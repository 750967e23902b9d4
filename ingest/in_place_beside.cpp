#include <map>
#include <set>

#include "ingest/company.hpp"
#include "ingest/in_place.hpp"
#include "ingest/names.hpp"
#include "ingest/place.hpp"
#include "ingest/scan.hpp"
#include "library/audio_edition.hpp"
#include "publication/fingerprint.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr int page = 200;

constexpr db::statement sql_folders{"ingest.folders_with_news", R"sql(
  select distinct folder from library_sidecars
   where library_id = $1 and waiting and ($2::bytea is null or folder > $2) order by folder limit $3)sql"};
constexpr db::statement sql_waiting{"ingest.waiting_sidecars", R"sql(
  select place, ino, size, mtime_ns, told from library_sidecars where library_id = $1 and folder = $2 and waiting)sql"};
constexpr db::statement sql_books{"ingest.books_at_places", R"sql(
  select distinct bf.book_id
    from library_files f join book_files bf on bf.id = f.file_id join books b on b.id = bf.book_id
   where f.library_id = $1 and f.place = any ($2::bytea[]) and f.state = 'book' and f.missing_since is null
     and b.deleted_at is null limit 2)sql"};
// Only as long as the row still says what was read.
constexpr db::statement sql_done{"ingest.sidecar_done", R"sql(
  update library_sidecars set waiting = false, code = $6, told = $7, tried_at = clock_timestamp()
   where library_id = $1 and place = $2 and ino = $3 and size = $4 and mtime_ns = $5)sql"};
constexpr db::statement sql_closed{"ingest.sidecar_closed", R"sql(
  update library_sidecars set code = $3 where library_id = $1 and place = $2)sql"};
constexpr db::statement sql_later{"ingest.sidecars_later", R"sql(
  update library_sidecars set tried_at = clock_timestamp() where library_id = $1 and folder = $2 and waiting)sql"};

// One folder of a library.
class folder_of_books {
 public:
  folder_of_books(const services& s, const library::book_library& l, const std::string& folder)
      : with_(s), library_(l), folder_(folder), root_(l.root) {}

  // The number of books that were told something.
  std::int64_t tell() {
    for (const db::row& r : with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_waiting, library_.id, db::bytes{folder_}); }))
      waiting_[r.raw(0)] = {.who = {0, r.integer(1), r.integer(2), r.integer(3)}, .told = r.text(4)};
    listing there = list_folder(folder_.empty() ? root_ : path_of(root_, folder_), with_.how.ignore);
    there.loose = folder_.empty();
    there.named = folder_.empty() ? "" : path_of("", folder_).native();
    std::int64_t told = 0;
    for (const unit& u : units_of(std::move(there))) told += tell_book_of(u) ? 1 : 0;
    with_.pool.write_now([&](db::tx& tx) {
      for (const auto& [place, w] : waiting_) {
        if (!postponed_.contains(place))
          done(tx, place, w.who, "", w.told);  // nobody is there to tell; a book that comes asks again
      }
      tx.run(sql_later, library_.id, db::bytes{folder_});
    });
    return told;
  }

 private:
  struct row {
    identity who;
    std::string told;
  };

  bool tell_book_of(const unit& u) {
    std::vector<companion> news;
    for (const companion& c : u.beside) {
      if (c.as.kind != publication::sidecar::other && waiting_.contains(place_of(root_, c.what.path))) news.push_back(c);
    }
    std::optional<uuid> book = news.empty() ? std::nullopt : only_book(u);
    if (!book) return false;
    std::map<std::string, std::string> marks;  // by path
    std::vector<sidecar_row> rows;
    for (const companion& c : news) {
      std::optional<std::string> mark = news_in(c, *book);
      if (!mark) continue;
      marks[c.what.path] = *mark;
      rows.push_back(sidecar_from(c, true));
    }
    if (rows.empty()) return false;
    result<company> heard = read_company_below(with_, root_, std::move(rows));
    if (!heard) throw carrel::jobs::not_now(publication::message_for(heard.error().field, root_), std::chrono::minutes(5));
    with_.pool.write_now([&](db::tx& tx) {
      ingest::tell(tx, with_, *heard, *book);
      library::refresh_edition(tx, *book);
      for (const sidecar_row& r : heard->sidecars)
        done(tx, place_of(root_, r.source_path), r.who, r.error_code, marks.at(r.source_path));
    });
    for (const sidecar_row& r : heard->sidecars) {
      if (!r.error_code.empty()) warn(r.source_path, r.error_code);
    }
    return !heard->sidecars.empty();
  }

  // What the file has to tell, as it is written down; nothing when the book has heard it: a file that was only touched does not
  // bring back what a person has refused (ingest.md 18.4). One that cannot be opened waits.
  std::optional<std::string> news_in(const companion& c, const uuid& book) {
    std::string place = place_of(root_, c.what.path);
    const row& w = waiting_.at(place);
    postponed_.insert(place);
    result<source> in = open_below(root_, c.what.path);
    if (in && in->who.size > largest_sidecar) return "too large " + book.text();  // whoever reads it refuses it by its size
    result<std::string> sum = in ? publication::sha256_of(in->handle.get()) : result<std::string>(in.error());
    if (!sum) {
      with_.pool.write_now([&](db::tx& tx) { tx.run(sql_closed, library_.id, db::bytes{place}, "source_unreadable"); });
      warn(c.what.path, "source_unreadable");
      return std::nullopt;
    }
    std::string mark = *sum + " " + book.text();
    if (mark != w.told) return mark;
    with_.pool.write_now([&](db::tx& tx) { done(tx, place, w.who, "", mark); });
    return std::nullopt;
  }

  void warn(const std::string& path, const std::string& code) const {
    log::warn("library.sidecar", {{"library", library_.id}, {"path", shown_name(path)}, {"code", code}});
  }

  std::optional<uuid> only_book(const unit& u) const {
    std::vector<db::bytes> places;
    for (const finding& f : u.files) places.push_back({place_of(root_, f.path)});
    db::rows books = with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_books, library_.id, places); });
    return books.size() == 1 ? std::optional(books[0].id(0)) : std::nullopt;
  }

  void done(db::tx& tx, const std::string& place, const identity& who, const std::string& code, const std::string& told) const {
    tx.run(sql_done, library_.id, db::bytes{place}, who.ino, who.size, who.mtime_ns, code, told);
  }

  const services& with_;
  const library::book_library& library_;
  const std::string& folder_;
  fs::path root_;
  std::map<std::string, row> waiting_;
  std::set<std::string> postponed_;  // they have a book, and were told or could not be read just now
};

}  // namespace

std::int64_t tell_beside(const services& s, const library::book_library& l, const stop_asked& stop) {
  std::int64_t told = 0;
  std::optional<db::bytes> after;
  for (;;) {
    db::rows rows = s.pool.read_now([&](db::tx& tx) { return tx.run(sql_folders, l.id, after, page); });
    for (const db::row& r : rows) {
      if (stop && stop()) return told;
      std::string folder = r.raw(0);
      told += folder_of_books(s, l, folder).tell();
    }
    if (rows.size() < static_cast<std::size_t>(page)) return told;
    after = db::bytes{rows[rows.size() - 1].raw(0)};
  }
}

}  // namespace carrel::ingest
