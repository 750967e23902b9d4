#include "ingest/command.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "ingest/foresee.hpp"
#include "ingest/item_lock.hpp"
#include "ingest/names.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/recover.hpp"
#include "ingest/scan.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t batch_size = 64;
constexpr std::size_t longest_line = 512;
constexpr std::array<std::int64_t, 6> analyze_after{50, 200, 1'000, 5'000, 20'000, 100'000};

constexpr db::statement sql_about_books{"ingest.about_books", R"sql(
  select id, possible_duplicate_of, deleted_at is not null from books
   where id = any ($1::uuid[]) and (possible_duplicate_of is not null or deleted_at is not null))sql"};
constexpr db::statement sql_put_down{"ingest.put_down", R"sql(
  delete from ingest_items where id = any ($1::uuid[]) and state = 'settled' and sha256 = '' and attempts = 0)sql"};

struct order {
  std::size_t place;
  std::string shown;  // the path as the caller wrote it
  found_item row;
  finding what;
  bool resumed = false;  // of a process that ended
};

struct result_line {
  std::string shown;
  ending end;
  std::string message;  // "" = that of the code
  forecast foreseen = {};
  bool resumed = false;
};

class run {
 public:
  run(const services& s, const ingest_options& o, const progress_callback& tell)
      : with_(s), how_(o), tell_(tell), own_(folders_of(s.store)) {
    if (!o.dry_run) alive_ = item_lock::take(s.store, batch_, true);
    unsigned count = std::max(2U, 2 * s.how.workers);
    for (unsigned i = 0; i < count; ++i) team_.emplace_back([this] { work(); });
    asked_.emplace(o.stop,
                   [this] { interrupt(std::make_exception_ptr(stopped_by_request("interrupted; the rest was not tried"))); });
  }
  ~run() { join(); }
  run(const run&) = delete;
  run& operator=(const run&) = delete;

  void take(const fs::path& given) {
    fs::path absolute = fs::absolute(given).lexically_normal();
    struct stat facts {};
    if (::lstat(absolute.c_str(), &facts) != 0) return fail(given, "not_found", "There is no such file or folder.");
    if (inside_own(absolute, own_)) return fail(given, "folder_unavailable", "This is a folder of Carrel itself.");
    if (S_ISDIR(facts.st_mode)) return take_folder(given);
    if (ignored_file(absolute.filename().native(), with_.how.ignore)) {
      ++ignored_;
      return;
    }
    found(given, identity_of(facts));
  }

  // 4.4; an item that somebody works on has its lock taken and is his.
  void take_abandoned() {
    if (how_.dry_run) return;
    flush();
    if (stopped()) return;
    left_ = find_abandoned(with_.pool, with_.store);
    std::lock_guard guard(mutex_);
    for (const abandoned_item& i : left_.items) {
      if (!met_.contains(i.id)) line_.push_back({next_place_++, i.path, {.id = i.id, .state = {}}, {}, true});
    }
    changed_.notify_all();
  }

  // The rest is not tried; what was done stays done.
  void interrupt(std::exception_ptr why) {
    std::lock_guard guard(mutex_);
    if (!broken_) broken_ = std::move(why);
    changed_.notify_all();
  }

  outcome finish() {
    try {
      flush();
    } catch (...) {
      interrupt(std::current_exception());
    }
    join();
    put_down();
    outcome out;
    out.ignored = ignored_;
    out.dry_run = how_.dry_run;
    out.interrupted = broken_;
    for (auto& [place, line] : lines_) add(out, line);
    try {
      with_.pool.read_now([&](db::tx& tx) { look_at_books(tx, out); });
    } catch (...) {
      if (!broken_) out.interrupted = std::current_exception();
    }
    return out;
  }

 private:
  void take_folder(const fs::path& root) {
    std::error_code code;
    fs::path real = fs::canonical(root, code);
    walk_visitor visit;
    visit.file = [&](const fs::path& p, const identity& who) { found(p, who); };
    visit.special = [&](const fs::path& p, const identity& who) {
      // A link to something that this walk meets anyway says nothing new.
      std::error_code bad;
      fs::path target = fs::canonical(p, bad);
      if (!bad && fs::is_symlink(p, bad) && target.native().starts_with(real.native() + "/"))
        ++ignored_;
      else
        found(p, who);
    };
    visit.ignored = [&](const fs::path&) { ++ignored_; };
    visit.trouble = [&](const fs::path& p, const std::string& why) {
      fail(p, why, publication::message_for(why, shown_name(p.native())));
    };
    visit.stop = [&] { return stopped(); };
    walk(root, with_.how.ignore, own_, visit);
  }

  void found(const fs::path& given, const identity& who) {
    waiting_.push_back({fs::absolute(given).lexically_normal().native(), who});
    shown_.push_back(given.native());
    if (waiting_.size() >= batch_size) flush();
  }

  // One transaction makes the rows of many files; the order of two processes that do the same is the order of the paths.
  void flush() {
    if (waiting_.empty() || stopped()) return;
    std::vector<found_item> rows = how_.dry_run ? std::vector<found_item>(waiting_.size()) : rows_of_waiting();
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [&] { return line_.size() < longest_line || broken_; });
    for (std::size_t i = 0; i < rows.size(); ++i) line_.push_back({next_place_++, shown_[i], rows[i], waiting_[i]});
    waiting_.clear();
    shown_.clear();
    changed_.notify_all();
  }

  item like() const {
    item out;
    out.origin = "command";
    out.keep = how_.keep;
    out.approve = how_.approve;
    out.user = how_.user;
    out.batch = batch_;
    out.state = "settled";
    return out;
  }

  std::vector<found_item> rows_of_waiting() {
    return with_.pool.write_now([&](db::tx& tx) {
      std::vector<found_item> out = store_findings(tx, waiting_, like());
      for (const found_item& r : out) {
        if (r.fresh) continue;
        mark_asked(tx, r.id, how_.keep, how_.approve);
        met_.insert(r.id);
      }
      return out;
    });
  }

  // Of what this run was asked to stop before, no trace is left: nobody takes it in later behind the back of who asked.
  void put_down() {
    if (!how_.stop.stop_requested()) return;
    while (!line_.empty()) {
      std::vector<uuid> ids;
      std::vector<item_lock> mine;
      for (; !line_.empty() && ids.size() < batch_size; line_.pop_front()) {
        if (!line_.front().row.fresh) continue;
        std::optional<item_lock> lock = item_lock::take(with_.store, line_.front().row.id, false);
        if (!lock) continue;  // a service has it
        ids.push_back(line_.front().row.id);
        mine.push_back(std::move(*lock));
      }
      with_.pool.write_now([&](db::tx& tx) { tx.run(sql_put_down, ids); });
    }
  }

  void fail(const fs::path& p, const std::string& code, const std::string& message) {
    flush();
    std::lock_guard guard(mutex_);
    ending e;
    e.how = ending::failed;
    e.code = code;
    lines_[next_place_++] = {p.native(), std::move(e), message, {}};
  }

  void work() {
    for (;;) {
      std::unique_lock guard(mutex_);
      changed_.wait(guard, [&] { return !line_.empty() || closed_ || broken_; });
      if (line_.empty() || broken_) return;
      order next = std::move(line_.front());
      line_.pop_front();
      changed_.notify_all();
      guard.unlock();
      try {
        forecast f;
        if (how_.dry_run) {
          f = foresee(with_, next.what, like());
        } else {
          std::optional<ending> end = take_one(next);
          if (!end) continue;
          f.end = std::move(*end);
        }
        std::int64_t count = done(next, std::move(f));
        if (!how_.dry_run) analyze_when_grown(with_.pool, count);
      } catch (...) {
        return interrupt(std::current_exception());
      }
    }
  }

  // Nothing for an item of another process that is somebody else's by now, or that has nothing left to take in.
  std::optional<ending> take_one(const order& o) {
    std::optional<ending> e = take_in(with_, o.row.id, !o.resumed);
    if (o.resumed && (!e || e->how == ending::vanished)) return std::nullopt;
    // The server was quicker with a file that this command found first, or only the source was left to see to.
    if ((o.row.fresh || o.resumed) && e->how == ending::duplicate && !e->status.empty()) e->how = ending::added;
    return e;
  }

  std::int64_t done(const order& o, forecast f) {
    std::lock_guard guard(mutex_);
    lines_[o.place] = {o.shown, std::move(f.end), {}, std::move(f), o.resumed};
    ++done_;
    if (tell_) tell_(done_, static_cast<std::int64_t>(next_place_));
    return done_;
  }

  bool stopped() {
    std::lock_guard guard(mutex_);
    return broken_ != nullptr;
  }

  void join() {
    {
      std::lock_guard guard(mutex_);
      closed_ = true;
      changed_.notify_all();
    }
    for (std::thread& t : team_) {
      if (t.joinable()) t.join();
    }
  }

  void add(outcome& out, result_line& line) {
    ending& e = line.end;
    if (line.resumed) ++out.resumed;
    if (e.how == ending::added && how_.dry_run) {
      // Nothing was stored, so the database does not know that this run met the same bytes before.
      auto [first, fresh] = seen_.try_emplace(line.foreseen.sha256, line.shown);
      if (fresh)
        out.added.push_back({line.shown, {}, {}, e.status, std::move(e.warnings), line.foreseen.possible_duplicate_of});
      else
        out.duplicates.push_back({line.shown, {}, {}, first->second});
    } else if (e.how == ending::added) {
      out.added.push_back({line.shown, e.book, e.file, e.status, std::move(e.warnings)});
    } else if (e.how == ending::duplicate) {
      out.duplicates.push_back({line.shown, e.book, e.file});
    } else {
      out.failed.push_back(
          {line.shown, e.code, line.message.empty() ? publication::message_for(e.code, e.detail) : line.message});
    }
  }

  const services& with_;
  ingest_options how_;
  const progress_callback& tell_;
  own_folders own_;
  uuid batch_ = uuid::make();
  std::optional<item_lock> alive_;  // on the batch: while it is held the items are ours, begun or not
  abandoned left_;
  std::set<uuid> met_;  // rows of earlier runs that this one found by their files
  std::vector<finding> waiting_;
  std::vector<std::string> shown_;
  std::int64_t ignored_ = 0, done_ = 0;
  std::size_t next_place_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<order> line_;
  std::map<std::size_t, result_line> lines_;
  std::map<std::string, std::string> seen_;  // of a dry run: SHA-256 and where it was met first
  bool closed_ = false;
  std::exception_ptr broken_;
  std::vector<std::thread> team_;
  std::optional<std::stop_callback<std::function<void()>>> asked_;
};

json::value maybe(const uuid& id) { return id.is_nil() ? json::value() : json::value(id); }

}  // namespace

json::object to_json(const outcome& o) {
  json::array added, duplicates, failed;
  for (const added_file& f : o.added) {
    json::object row{{"path", f.path},
                     {"book", maybe(f.book)},
                     {"file", maybe(f.file)},
                     {"status", f.status},
                     {"warnings", warnings_to_json(f.warnings)},
                     {"possible_duplicate_of", f.possible_duplicate_of}};
    added.emplace_back(std::move(row));
  }
  for (const duplicate_file& f : o.duplicates) {
    json::object row{{"path", f.path}, {"book", maybe(f.book)}, {"file", maybe(f.file)}};
    if (!f.same_as.empty()) row.set("same_as", f.same_as);
    if (f.trashed) row.set("trashed", true);
    duplicates.emplace_back(std::move(row));
  }
  for (const failed_file& f : o.failed) {
    json::object row{{"path", f.path}, {"code", f.code}, {"message", f.message}};
    failed.emplace_back(std::move(row));
  }
  json::object out{
      {"added", std::move(added)}, {"duplicates", std::move(duplicates)}, {"failed", std::move(failed)}, {"ignored", o.ignored}};
  if (o.resumed > 0) out.set("resumed", o.resumed);
  if (o.dry_run) out.set("dry_run", true);
  return out;
}

void look_at_books(db::tx& tx, outcome& out) {
  std::vector<uuid> ids;
  for (const added_file& f : out.added) ids.push_back(f.book);
  for (const duplicate_file& f : out.duplicates) ids.push_back(f.book);
  std::map<uuid, std::pair<std::optional<uuid>, bool>> books;
  for (const db::row& r : tx.run(sql_about_books, ids)) books[r.id(0)] = {r.maybe_id(1), r.flag(2)};
  for (added_file& f : out.added) {
    if (auto at = books.find(f.book); at != books.end()) f.possible_duplicate_of = at->second.first;
  }
  for (duplicate_file& f : out.duplicates) {
    if (auto at = books.find(f.book); at != books.end()) f.trashed = at->second.second;
  }
}

void analyze_when_grown(db::pool& pool, std::int64_t files) {
  if (std::find(analyze_after.begin(), analyze_after.end(), files) == analyze_after.end()) return;
  pool.write_now([](db::tx& tx) {
    tx.script("analyze ingest_items, books, book_files, book_file_hashes, book_people, book_tags, people, tags, series, covers");
  });
}

outcome ingest_paths(const services& s, const std::vector<fs::path>& paths, const ingest_options& o,
                     const progress_callback& tell) {
  run all(s, o, tell);
  try {
    for (const fs::path& p : paths) all.take(p);
    all.take_abandoned();
  } catch (...) {
    all.interrupt(std::current_exception());
  }
  return all.finish();
}

}  // namespace carrel::ingest
