#include <sys/stat.h>

#include <chrono>

#include "ingest/in_place.hpp"
#include "ingest/place.hpp"
#include "ingest/scan.hpp"
#include "library/revision.hpp"
#include "publication/names.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t batch = 1'000;
constexpr int page = 5'000;

constexpr db::statement sql_known{"ingest.known_places", R"sql(
  select place, ino, size, mtime_ns, missing_since is not null from library_files
   where library_id = $1 and place > $2 order by place limit $3)sql"};

constexpr db::statement sql_any{"ingest.any_place", R"sql(
  select exists (select from library_files where library_id = $1 and missing_since is null))sql"};

// A folder that cannot be read is a row too: it stands in errata until it can.
constexpr db::statement sql_fresh{"ingest.fresh_places", R"sql(
  insert into library_files (library_id, place, ino, size, mtime_ns, state, code)
  select $1, w.place, w.ino, w.size, w.mtime, case when w.code = '' then 'waiting' else 'refused' end, w.code
    from unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]) as w (place, ino, size, mtime, code)
      on conflict do nothing)sql"};

constexpr db::statement sql_changed{"ingest.changed_places", R"sql(
  update library_files f
     set ino = w.ino, size = w.size, mtime_ns = w.mtime, state = case when w.code = '' then 'waiting' else 'refused' end, code = w.code,
         detail = '', dismissed_at = null, missing_since = null, read_at = null, found_at = clock_timestamp()
    from unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]) as w (place, ino, size, mtime, code)
   where f.library_id = $1 and f.place = w.place)sql"};

constexpr db::statement sql_back{"ingest.places_back", R"sql(
  with b as (update library_files set missing_since = null where library_id = $1 and place = any ($2::bytea[]) returning file_id)
  update book_files set missing_since = null where id in (select file_id from b))sql"};

// What is no book is forgotten. Of a book the file is marked, and its double in the same tree, if there is one, is to stand in.
constexpr db::statement sql_gone{"ingest.places_gone", R"sql(
  with w as (select unnest($2::bytea[]) as place),
       forgotten as (delete from library_files f using w where f.library_id = $1 and f.place = w.place and f.file_id is null),
       marked as (update library_files f set missing_since = clock_timestamp() from w
                   where f.library_id = $1 and f.place = w.place and f.file_id is not null returning f.file_id, f.sha256),
       doubles as (update library_files d set state = 'waiting', read_at = null from marked m
                    where d.state = 'duplicate' and d.sha256 = m.sha256 and d.sha256 <> '')
  update book_files set missing_since = coalesce(missing_since, clock_timestamp()) where id in (select file_id from marked))sql"};

// While the folder was away others may have met its files missing; now it has been seen that they are there.
constexpr db::statement sql_seen{"ingest.places_seen", R"sql(
  update book_files f set missing_since = null
    from library_files l
   where f.missing_since is not null and l.file_id = f.id and l.library_id = $1 and l.state = 'book' and l.missing_since is null)sql"};

constexpr db::statement sql_known_beside{"ingest.known_sidecars", R"sql(
  select place, ino, size, mtime_ns, false from library_sidecars where library_id = $1 and place > $2 order by place limit $3)sql"};

constexpr db::statement sql_fresh_beside{"ingest.fresh_sidecars", R"sql(
  insert into library_sidecars (library_id, place, ino, size, mtime_ns, folder)
  select $1, w.place, w.ino, w.size, w.mtime, w.folder
    from unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[]) as w (place, ino, size, mtime, folder)
      on conflict do nothing)sql"};

constexpr db::statement sql_changed_beside{"ingest.changed_sidecars", R"sql(
  update library_sidecars s set ino = w.ino, size = w.size, mtime_ns = w.mtime, waiting = true, tried_at = null, code = ''
    from unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[]) as w (place, ino, size, mtime, folder)
   where s.library_id = $1 and s.place = w.place)sql"};

// What it said stays said.
constexpr db::statement sql_gone_beside{"ingest.sidecars_gone", R"sql(
  delete from library_sidecars where library_id = $1 and place = any ($2::bytea[]))sql"};

// Book files, or the files beside them.
struct place_table {
  const db::statement &known, &fresh, &changed, &gone;
  bool of_books;
};
constexpr place_table books{sql_known, sql_fresh, sql_changed, sql_gone, true};
constexpr place_table sidecars{sql_known_beside, sql_fresh_beside, sql_changed_beside, sql_gone_beside, false};

struct known_place {
  std::string place;
  identity who;
  bool missing = false;
};

// What the database knows of a library, in the order of a walk, a page at a time.
class known_places {
 public:
  known_places(db::pool& pool, const db::statement& which, const uuid& library) : pool_(pool), which_(which), library_(library) {
    fetch();
  }

  const known_place* at() const { return at_ < rows_.size() ? &rows_[at_] : nullptr; }
  void next() {
    if (++at_ < rows_.size() || rows_.size() < static_cast<std::size_t>(page)) return;
    std::string last = std::move(rows_.back().place);
    fetch(last);
  }

 private:
  void fetch(const std::string& after = {}) {
    db::rows rows = pool_.read_now([&](db::tx& tx) { return tx.run(which_, library_, db::bytes{after}, page); });
    rows_.clear();
    at_ = 0;
    rows_.reserve(rows.size());
    for (const db::row& r : rows) rows_.push_back({r.raw(0), {0, r.integer(1), r.integer(2), r.integer(3)}, r.flag(4)});
  }

  db::pool& pool_;
  const db::statement& which_;
  uuid library_;
  std::vector<known_place> rows_;
  std::size_t at_ = 0;
};

struct found_places {
  std::vector<db::bytes> places, folders;
  std::vector<std::int64_t> ino, size, mtime;
  std::vector<std::string> codes;
};

// Walk and rows side by side, as in merging two sorted lists.
class comparison {
 public:
  comparison(const services& s, const library::book_library& l, const place_table& rows,
             const std::function<void(std::int64_t)>& tell)
      : with_(s), library_(l), rows_(rows), root_(l.root), tell_(tell), known_(s.pool, rows.known, l.id) {}

  void file(const fs::path& p, const identity& who) {
    ++out.files;
    if (tell_ && out.files % 500 == 0) tell_(out.files);
    compare(place_of(root_, p), {0, who.ino, who.size, who.mtime_ns}, "");
  }

  // What lies below is neither there nor gone.
  void unreadable(const fs::path& p, const std::string& code) {
    std::string place = place_of(root_, p);
    if (place.empty()) {
      out.trouble = code;
      return;
    }
    if (rows_.of_books)
      compare(place, {}, code);
    else
      pass_before(place);
    pass_below(place);
  }

  void passed_by(const fs::path& p) {
    ++out.ignored;
    std::string place = place_of(root_, p);
    pass_before(place);
    if (known_.at() != nullptr && known_.at()->place == place) known_.next();
    pass_below(place);
  }

  void rest_is_gone() {
    while (known_.at() != nullptr) lose();
  }

  void store() {
    if (fresh_.places.empty() && changed_.places.empty() && back_.empty() && gone_.empty()) return;
    with_.pool.write_now([&](db::tx& tx) {
      run(tx, rows_.fresh, fresh_);
      run(tx, rows_.changed, changed_);
      std::size_t files = 0;
      if (!back_.empty()) files += tx.run(sql_back, library_.id, back_).affected();
      if (!gone_.empty()) files += tx.run(rows_.gone, library_.id, gone_).affected();
      if (files > 0 && rows_.of_books) library::bump_revision(tx);
    });
    forget();
  }

  void forget() {
    fresh_ = changed_ = {};
    back_.clear();
    gone_.clear();
  }

  folder_look out;

 private:
  void run(db::tx& tx, const db::statement& s, const found_places& f) const {
    if (f.places.empty()) return;
    if (rows_.of_books)
      tx.run(s, library_.id, f.places, f.ino, f.size, f.mtime, f.codes);
    else
      tx.run(s, library_.id, f.places, f.ino, f.size, f.mtime, f.folders);
  }

  void compare(const std::string& place, const identity& who, const std::string& code) {
    pass_before(place);
    const known_place* k = known_.at();
    bool known = k != nullptr && k->place == place;
    if (!known) {
      out.fresh += code.empty() ? 1 : 0;
      add(fresh_, place, who, code);
    } else if (k->who != who) {
      out.changed += code.empty() ? 1 : 0;
      add(changed_, place, who, code);
    } else if (k->missing) {
      ++out.back;
      back_.push_back({place});
    } else {
      ++out.unchanged;
    }
    if (known) known_.next();
    store_when_many();
  }

  void pass_before(const std::string& place) {
    while (known_.at() != nullptr && known_.at()->place < place) lose();
  }

  void pass_below(std::string place) {
    place += '\0';
    while (known_.at() != nullptr && known_.at()->place.starts_with(place)) known_.next();
  }

  void lose() {
    if (!known_.at()->missing) {
      ++out.gone;
      gone_.push_back({known_.at()->place});
    }
    known_.next();
    store_when_many();
  }

  static void add(found_places& to, const std::string& place, const identity& who, const std::string& code) {
    to.places.push_back({place});
    to.folders.push_back({folder_of(place)});
    to.ino.push_back(who.ino);
    to.size.push_back(who.size);
    to.mtime.push_back(who.mtime_ns);
    to.codes.push_back(code);
  }

  void store_when_many() {
    if (fresh_.places.size() + changed_.places.size() + back_.size() + gone_.size() >= batch) store();
  }

  const services& with_;
  const library::book_library& library_;
  const place_table& rows_;
  fs::path root_;
  const std::function<void(std::int64_t)>& tell_;
  known_places known_;
  found_places fresh_, changed_;
  std::vector<db::bytes> back_, gone_;
};

// The folder itself; another one of the same name is another disk.
std::optional<identity> folder_at(const fs::path& p) {
  struct stat s {};
  if (::lstat(p.c_str(), &s) != 0 || !S_ISDIR(s.st_mode)) return std::nullopt;
  return identity{static_cast<std::int64_t>(s.st_dev), static_cast<std::int64_t>(s.st_ino), 0, 0};
}

bool holds_a_file(const services& s, const fs::path& root, const own_folders& own) {
  bool found = false;
  walk_visitor visit;
  visit.file = [&](const fs::path&, const identity&) { found = true; };
  visit.stop = [&] { return found; };
  walk(root, s.how.ignore, own, visit);
  return found;
}

}  // namespace

folder_look look_through(const services& s, const library::book_library& l, const stop_asked& stop,
                         const std::function<void(const fs::path&)>& folder, const std::function<void(std::int64_t)>& tell) {
  auto began = std::chrono::steady_clock::now();
  fs::path root = l.root;
  own_folders own = folders_of(s.store);
  std::optional<identity> before = folder_at(root);
  bool known = s.pool.read_now([&](db::tx& tx) { return tx.run(sql_any, l.id)[0].flag(0); });
  comparison c(s, l, books, tell), beside(s, l, sidecars, nullptr);
  // Suddenly empty is what a disk that is not mounted looks like (3.1).
  if (!before || (known && !holds_a_file(s, root, own))) {
    c.out.trouble = "folder_unavailable";
  } else {
    walk_visitor visit;
    visit.file = [&](const fs::path& p, const identity& who) { c.file(p, who); };
    visit.beside = [&](const fs::path& p, const identity& who) { beside.file(p, who); };
    visit.special = [&](const fs::path&, const identity&) { ++c.out.special; };
    visit.folder = folder;
    visit.ignored = [&](const fs::path& p) {
      c.passed_by(p);
      beside.passed_by(p);
    };
    visit.trouble = [&](const fs::path& p, const std::string& code) {
      c.unreadable(p, code);
      beside.unreadable(p, code);
    };
    visit.stop = [&] { return c.out.stopped = stop && stop(); };
    walk(root, s.how.ignore, own, visit);
    if (c.out.trouble.empty() && (folder_at(root) != before || (known && c.out.files == 0))) c.out.trouble = "folder_unavailable";
    if (c.out.trouble.empty() && !c.out.stopped) {
      c.rest_is_gone();
      beside.rest_is_gone();
    }
    if (c.out.trouble.empty()) {
      c.store();
      beside.store();
      c.out.beside = beside.out.fresh + beside.out.changed;
    }
  }
  std::int64_t took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
  if (!c.out.stopped) {
    s.pool.write_now([&](db::tx& tx) {
      if (!c.out.trouble.empty()) {
        library::note_trouble(tx, l.id, c.out.trouble);
        return;
      }
      library::note_scanned(tx, l.id, took);
      if (tx.run(sql_seen, l.id).affected() > 0) library::bump_revision(tx);
    });
  }
  return c.out;
}

library::folder_preview preview_folder(const services& s, const fs::path& root, std::chrono::seconds most) {
  constexpr std::size_t kinds = 50;
  library::folder_preview out;
  auto until = std::chrono::steady_clock::now() + most;
  walk_visitor visit;
  visit.file = [&](const fs::path& p, const identity& who) {
    ++out.files;
    out.bytes += who.size;
    std::string extension = publication::file_extension(replace_invalid_utf8(p.filename().native()));
    if (out.by_extension.size() < kinds || out.by_extension.contains(extension)) ++out.by_extension[extension];
  };
  visit.special = [&](const fs::path&, const identity&) { ++out.special; };
  visit.ignored = [&](const fs::path&) { ++out.ignored; };
  visit.stop = [&] {
    if (std::chrono::steady_clock::now() > until) out.complete = false;
    return !out.complete;
  };
  walk(root, s.how.ignore, folders_of(s.store), visit);
  return out;
}

}  // namespace carrel::ingest
