#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "ingest/command.hpp"
#include "ingest/in_place.hpp"
#include "ingest/in_place_file.hpp"
#include "ingest/place.hpp"
#include "ingest/space.hpp"
#include "ingest/tracks.hpp"

namespace carrel::ingest {
namespace {

constexpr int page = 200;
constexpr db::statement sql_waiting{"ingest.waiting_places", R"sql(
  select place, ino, size, mtime_ns, file_id from library_files
   where library_id = $1 and state = 'waiting' and (file_id is not null) = $2 and place > $3
     and ($5 = 'any' or (encode(place, 'escape') ~* $6) = ($5 = 'recordings')) order by place limit $4)sql"};
constexpr db::statement sql_sounding{"ingest.folder_has_recordings", R"sql(
  select from library_files
   where library_id = $1 and place > $2 and place < $3 and encode(place, 'escape') ~* $4 and missing_since is null limit 1)sql"};
constexpr db::statement sql_count{"ingest.count_waiting_places", R"sql(
  select count(*) from library_files where library_id = $1 and state = 'waiting')sql"};

void add_counts(read_counts& to, const read_counts& from) {
  to.added += from.added;
  to.joined += from.joined;
  to.replaced += from.replaced;
  to.moved += from.moved;
  to.same += from.same;
  to.duplicates += from.duplicates;
  to.refused += from.refused;
  to.later += from.later;
}

// Several readers, each with a file; the rows come a page at a time.
class team {
 public:
  team(const services& s, const library::book_library& l, const read_options& how) : with_(s), library_(l), how_(how) {
    all_ = s.pool.read_now([&](db::tx& tx) { return tx.run(sql_count, l.id)[0].integer(0); });
  }

  read_counts take() {
    if (how_.tell) how_.tell(0, all_);
    // Recordings before texts: a text that lies with them is another format of theirs, if its title says so.
    for (const pass& p : {pass{false, "recordings"}, pass{false, "others"}, pass{true, "any"}}) {
      now_ = p;
      after_.clear();
      ended_ = false;
      together_.clear();
      std::vector<std::thread> readers;
      for (unsigned i = 0; i < std::max(2U, 2 * with_.how.workers); ++i) readers.emplace_back([this] { work(); });
      for (std::thread& t : readers) t.join();
      if (broken_) std::rethrow_exception(broken_);
    }
    return out_;
  }

 private:
  // Under the mutex.
  bool fetch() {
    if (!line_.empty()) return true;
    if (ended_) return false;
    db::rows rows = with_.pool.read_now([&](db::tx& tx) {
      return tx.run(sql_waiting, library_.id, now_.known, db::bytes{after_}, page, now_.kind, recording_pattern());
    });
    for (const db::row& r : rows) line_.push_back({r.raw(0), {0, r.integer(1), r.integer(2), r.integer(3)}, r.maybe_id(4)});
    ended_ = rows.size() < static_cast<std::size_t>(page);
    if (!line_.empty()) after_ = line_.back().place;
    return !line_.empty();
  }

  std::optional<place_row> next() {
    std::lock_guard guard(mutex_);
    if (broken_ || (how_.stop && how_.stop()) || !fetch()) return std::nullopt;
    place_row out = std::move(line_.front());
    line_.pop_front();
    return out;
  }

  void work() {
    try {
      while (std::optional<place_row> row = next()) {
        if (!has_room(with_)) throw carrel::jobs::not_now(publication::message_for("disk_full", ""), std::chrono::minutes(5));
        read(*row);
      }
    } catch (...) {
      std::lock_guard guard(mutex_);
      if (!broken_) broken_ = std::current_exception();
    }
  }

  void read(const place_row& row) {
    read_counts mine;
    bool may_join = is_recording(row.place) || lies_with_recordings(row.place);
    std::optional<unit> all = may_join ? recordings_around(with_, library_, row.place) : std::nullopt;
    if (!all) {
      read_place(with_, library_, row, how_.settle, mine);
      return count(mine, 1);
    }
    std::string first = all->files.front().path;
    if (is_first_of(first)) count(mine, read_recordings(with_, library_, *all, how_.settle, mine));
  }

  // A text that comes later than the recordings beside it. Each folder is asked once.
  bool lies_with_recordings(const std::string& place) {
    std::string folder = folder_of(place);
    if (folder.empty()) return false;
    {
      std::lock_guard guard(mutex_);
      if (auto at = sounding_.find(folder); at != sounding_.end()) return at->second;
    }
    std::string below = folder + '\0', behind = folder + '\1';
    bool sounds = with_.pool.read_now([&](db::tx& tx) {
      return !tx.run(sql_sounding, library_.id, db::bytes{below}, db::bytes{behind}, recording_pattern()).empty();
    });
    std::lock_guard guard(mutex_);
    return sounding_[folder] = sounds;
  }

  // Who meets one of them reads them all.
  bool is_first_of(const std::string& first) {
    std::lock_guard guard(mutex_);
    return together_.insert(first).second;
  }

  void count(const read_counts& mine, std::int64_t places) {
    std::int64_t files = 0;
    {
      std::lock_guard guard(mutex_);
      add_counts(out_, mine);
      done_ += places;
      files = mine.added + mine.joined > 0 ? out_.added + out_.joined : 0;
      if (how_.tell) how_.tell(done_, std::max(all_, done_));
    }
    if (files > 0) analyze_when_grown(with_.pool, files);
  }

  const services& with_;
  const library::book_library& library_;
  const read_options& how_;
  std::mutex mutex_;
  std::deque<place_row> line_;
  struct pass {
    bool known;
    const char* kind;
  };
  pass now_{false, ""};
  std::map<std::string, bool> sounding_;  // folders
  std::set<std::string> together_;        // of each folder of recordings that was read in this pass, the first
  bool ended_ = false;
  std::string after_;
  std::int64_t all_ = 0, done_ = 0;
  read_counts out_;
  std::exception_ptr broken_;
};

}  // namespace

read_counts read_waiting(const services& s, const library::book_library& l, const read_options& how) {
  read_counts out = team(s, l, how).take();
  join_unjoined(s, l, how, out);
  forget_superseded(s, l.id);
  return out;
}

}  // namespace carrel::ingest
