#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "ingest/in_place_file.hpp"
#include "ingest/place.hpp"
#include "ingest/scan.hpp"
#include "ingest/tracks.hpp"
#include "library/audio_edition.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_rows{"ingest.places_of_recordings", R"sql(
  select f.place, f.ino, f.size, f.mtime_ns, f.file_id, b.id, f.state, f.code
    from library_files f
    left join book_files bf on bf.id = f.file_id
    left join books b on b.id = bf.book_id and b.merged_into is null
   where f.library_id = $1 and f.place = any ($2::bytea[]) and f.missing_since is null)sql"};

// Recordings that lay below a folder and are gone, of books that have none anywhere else. The title is what they said it was. A
// book in the trash is not brought back by what is brought anew.
constexpr db::statement sql_gone_from_folder{"ingest.recordings_gone_from_folder", R"sql(
  select f.place, f.file_id, bf.book_id, bf.duration_ms, bf.facts::text,
         coalesce((select nullif(c.normalized ->> 'title', '') from book_metadata_candidates c
                    where c.book_id = b.id and c.source = 'embedded' order by c.source_key limit 1), b.title)
    from library_files f
    join book_files bf on bf.id = f.file_id and bf.duration_ms > 0
    join books b on b.id = bf.book_id and b.deleted_at is null
   where f.library_id = $1 and f.place > $2 and f.place < $3 and f.missing_since is not null
     and not exists (select from book_files o where o.book_id = b.id and o.duration_ms > 0 and o.missing_since is null)
   order by f.place limit 5000)sql"};

constexpr db::statement sql_trashed{"ingest.recorded_book_in_trash",
                                    "select from books where id = $1 and deleted_at is not null"};

// A recording of the book that lies in no place of these.
constexpr db::statement sql_elsewhere{"ingest.recordings_elsewhere", R"sql(
  select f.id from book_files f
   where f.book_id = $1 and f.duration_ms > 0 and f.missing_since is null
     and not exists (select from library_files l where l.library_id = $2 and l.file_id = f.id and l.place = any ($3::bytea[])))sql"};

// A file as the database knows it.
struct known_file {
  place_row row;
  std::optional<uuid> book;
  std::string state, code;
};

// The recordings of a folder, and the texts that may be formats of them.
class folder_of_recordings {
 public:
  folder_of_recordings(const services& s, const library::book_library& l, const unit& all)
      : with_(s), library_(l), all_(all), root_(l.root) {}

  std::int64_t read(bool settle, read_counts& out) {
    load();
    name_known_parts();
    for (const finding& f : all_.files) {
      if (const known_file* k = find(f.path); k != nullptr && (k->state == "waiting" || k->book)) hear(f.path, *k);
    }
    if (parts_.empty() && !all_.loose && !heard_.empty()) remember_gone();
    sort_recordings(heard_, all_.loose, publication::guess_from_audiobook_folder(all_.named).title);
    forget_gone();
    std::int64_t done = 0;
    for (std::size_t i : in_turn()) done += read_one(i, settle, out) ? 1 : 0;
    for (const std::string& path : silent_) {
      read_silent(path, settle, out);
      ++done;
    }
    join();
    return done;
  }

 private:
  const known_file* find(const std::string& path) const {
    auto at = known_.find(place_of(root_, path));
    return at == known_.end() ? nullptr : &at->second;
  }

  std::vector<db::bytes> places() const {
    std::vector<db::bytes> out;
    for (const finding& f : all_.files) out.push_back({place_of(root_, f.path)});
    return out;
  }

  void load() {
    known_.clear();
    for (const db::row& r : with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_rows, library_.id, places()); })) {
      known_file k{.row = {r.raw(0), {0, r.integer(1), r.integer(2), r.integer(3)}, r.maybe_id(4)},
                   .book = r.maybe_id(5),
                   .state = r.text(6),
                   .code = r.text(7)};
      known_.emplace(k.row.place, std::move(k));
    }
  }

  // The book that most of them are of is the part without a name, so that what comes later and names no album joins it.
  void name_known_parts() {
    std::map<uuid, int> books;
    for (const auto& [place, k] : known_) {
      if (k.book) ++books[*k.book];
    }
    name_parts(books);
  }

  void name_parts(const std::map<uuid, int>& books) {
    auto main = std::max_element(books.begin(), books.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    for (const auto& [book, files] : books) parts_[book == main->first ? "" : "book " + book.text()] = book;
  }

  std::string part_of(const uuid& book) const {
    auto at = std::find_if(parts_.begin(), parts_.end(), [&](const auto& p) { return p.second == book; });
    return at == parts_.end() ? "" : at->first;
  }

  void hear(const std::string& path, const known_file& k) {
    recording r;
    r.path = fs::path(path).lexically_relative(home_of(all_.files.front().path, root_)).native();
    r.is_sound = is_recording(path);
    r.was_sorted = k.book.has_value();
    if (k.book) r.part = part_of(*k.book);
    bool said = (r.is_sound || !r.was_sorted) && listen(path, r);
    if (r.is_sound && !said && !k.book) return silent_.push_back(path);
    heard_.push_back(std::move(r));
    paths_.push_back(path);
  }

  // Nothing of what lay here is left: what lies here now may be the same book in other files.
  void remember_gone() {
    fs::path home = home_of(all_.files.front().path, root_);
    std::string place = place_of(root_, home);
    std::map<uuid, int> books;
    std::vector<std::pair<recording, uuid>> gone;
    db::bytes below{place + '\0'}, behind{place + '\1'};
    for (const db::row& r :
         with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_gone_from_folder, library_.id, below, behind); })) {
      fs::path path = path_of(root_, r.raw(0));
      result<json::object> facts = json::read_object(r.view(4));
      if (home_of(path, root_) != home || !facts) continue;
      recording was;
      was.path = path.lexically_relative(home).native();
      was.album = r.text(5);
      if (std::string text; facts->take("disc", text)) was.disc = track_number(text);
      if (std::string text; facts->take("track", text)) was.track = track_number(text);
      was.length = r.integer(3);
      was.was_sorted = was.gone = was.withdrawn = true;
      ++books[r.id(2)];
      gone.emplace_back(std::move(was), r.id(2));
      gone_files_.push_back(r.id(1));
    }
    name_parts(books);
    for (auto& [was, book] : gone) {
      was.part = part_of(book);
      heard_.push_back(std::move(was));
    }
  }

  // Their places in the book are those of the others now. Marked before these are read, so that an interruption forgets nothing.
  void forget_gone() {
    std::vector<uuid> outdated;
    for (std::size_t i = paths_.size(); i < heard_.size(); ++i) {
      if (heard_[i].outdated) outdated.push_back(gone_files_[i - paths_.size()]);
    }
    heard_.resize(paths_.size());
    if (!outdated.empty()) with_.pool.write_now([&](db::tx& tx) { library::mark_superseded(tx, outdated); });
  }

  bool listen(const std::string& path, recording& r) const {
    result<source> in = open_below(root_, path);
    if (!in) return false;
    result<publication::opened, publication::refusal> seen =
        with_.inspectors.glance(in->handle.get(), fs::path(path).filename().native());
    if (seen) describe(r, *seen);
    return static_cast<bool>(seen);
  }

  // Leading ones first: they make the book.
  std::vector<std::size_t> in_turn() const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < heard_.size(); ++i) {
      if (find(paths_[i])->state == "waiting") out.push_back(i);
    }
    std::stable_sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) {
      const recording &x = heard_[a], &y = heard_[b];
      return std::tuple(!x.is_sound, !x.leads, x.position) < std::tuple(!y.is_sound, !y.leads, y.position);
    });
    return out;
  }

  // False of a text that lies with recordings of which none is in yet. One that is no format of theirs is read as any other file.
  bool read_one(std::size_t i, bool settle, read_counts& out) {
    const recording& r = heard_[i];
    auto known = parts_.find(r.part);
    if (!r.is_sound && parts_.empty()) return false;
    if (!r.is_sound && (known == parts_.end() || is_trashed(known->second))) {
      place_row alone = find(paths_[i])->row;
      read_place(with_, library_, alone, settle, out);
      return true;
    }
    audio_place among;
    if (known != parts_.end()) among.book = known->second;
    among.position = r.position;
    among.title = r.title;
    among.of = static_cast<std::size_t>(
        std::count_if(heard_.begin(), heard_.end(), [&](const recording& o) { return o.part == r.part && o.position > 0; }));
    if (is_only_book() && !all_.loose && !all_.named.empty()) among.named = publication::guess_from_audiobook_folder(all_.named);
    if (r.is_sound) among.refused = all_.refused;
    place_row row = find(paths_[i])->row;
    read_place(with_, library_, row, settle, out, &among);
    if (known == parts_.end()) {
      load();
      if (const known_file* now = find(paths_[i]); now != nullptr && now->book) parts_[r.part] = *now->book;
    }
    return true;
  }

  // A recording more is part of its book wherever that is; another format of a book that was deleted is none of it.
  bool is_trashed(const uuid& book) const {
    return with_.pool.read_now([&](db::tx& tx) { return !tx.run(sql_trashed, book).empty(); });
  }

  // What says nothing of itself has no place. Most likely it is refused, and is missing then.
  void read_silent(const std::string& path, bool settle, read_counts& out) {
    audio_place among;
    if (parts_.size() == 1) among.book = parts_.begin()->second;
    among.refused = all_.refused;
    place_row row = find(path)->row;
    read_place(with_, library_, row, settle, out, &among);
  }

  bool is_only_book() const {
    return std::all_of(heard_.begin(), heard_.end(),
                       [&](const recording& r) { return !r.is_sound || r.part == heard_.front().part; });
  }

  void join() {
    load();
    for (const auto& [part, book] : parts_) {
      std::map<int, uuid> in_order;
      library::recordings all;
      for (std::size_t i = 0; i < heard_.size(); ++i) {
        const known_file* k = find(paths_[i]);
        if (k == nullptr || heard_[i].part != part || heard_[i].position == 0) continue;
        if (k->book == book && k->row.file) in_order.emplace(heard_[i].position, *k->row.file);
      }
      if (parts_.size() == 1) all.missing = refused_part();
      for (const auto& [position, file] : in_order) all.files.push_back(file);
      const uuid& of = book;
      with_.pool.write_now([&](db::tx& tx) { write(tx, of, all); });  // a copy: it may be tried again
    }
  }

  // A book may have recordings in other folders: these keep their places, and what is new comes behind them.
  void write(db::tx& tx, const uuid& book, library::recordings here) const {
    if (here.files.empty()) return;
    if (!tx.run(sql_elsewhere, book, library_.id, places()).empty()) {
      library::recordings all = library::order_of_edition(tx, book);
      for (const uuid& file : here.files) {
        if (std::find(all.files.begin(), all.files.end(), file) == all.files.end()) all.files.push_back(file);
      }
      here = std::move(all);
    }
    library::write_edition(tx, book, here);
  }

  std::string refused_part() const {
    for (const auto& [place, k] : known_) {
      if (k.state == "refused" && is_recording(place)) return k.code;
    }
    return "";
  }

  const services& with_;
  const library::book_library& library_;
  const unit& all_;
  fs::path root_;
  std::map<std::string, known_file> known_;  // by place
  std::map<std::string, uuid> parts_;        // the book of each, once there is one
  std::vector<recording> heard_;
  std::vector<std::string> paths_;   // of heard_
  std::vector<std::string> silent_;  // recordings that wait and cannot be heard
  std::vector<uuid> gone_files_;
};

}  // namespace

std::optional<unit> recordings_around(const services& s, const library::book_library& l, const std::string& place) {
  fs::path root = l.root, path = path_of(root, place), home = home_of(path, root);
  listing there = list_folder(home, s.how.ignore);
  there.loose = home == root;
  there.named = there.loose ? "" : home.lexically_relative(root).native();
  for (unit& u : units_of(std::move(there))) {
    auto has = [&](const finding& f) { return f.path == path.native(); };
    if (!u.tracks || std::none_of(u.files.begin(), u.files.end(), has)) continue;
    auto sound = std::count_if(u.files.begin(), u.files.end(), [](const finding& f) { return is_recording(f.path); });
    return sound > 1 || (sound == 1 && !u.loose) ? std::optional(std::move(u)) : std::nullopt;
  }
  return std::nullopt;
}

std::int64_t read_recordings(const services& s, const library::book_library& l, const unit& all, bool settle, read_counts& out) {
  return folder_of_recordings(s, l, all).read(settle, out);
}

}  // namespace carrel::ingest
