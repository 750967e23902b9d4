#include "ingest/command.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "ingest/names.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/scan.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t batch_size = 64;
constexpr std::size_t longest_line = 512;
constexpr std::array<std::int64_t, 6> analyze_after{50, 200, 1'000, 5'000, 20'000, 100'000};

struct order {
  std::size_t place;
  std::string shown;  // the path as the caller wrote it
  found_item row;
};

struct result_line {
  std::string shown;
  ending end;
  std::string message;  // "" = that of the code
};

class run {
 public:
  run(const services& s, const ingest_options& o, const progress_callback& tell)
      : with_(s), how_(o), tell_(tell), own_(folders_of(s.store)) {
    unsigned count = std::max(2U, 2 * s.how.workers);
    for (unsigned i = 0; i < count; ++i) team_.emplace_back([this] { work(); });
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

  outcome finish() {
    flush();
    join();
    if (broken_) std::rethrow_exception(broken_);
    outcome out;
    out.ignored = ignored_;
    for (auto& [place, line] : lines_) add(out, line);
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
    item like;
    like.origin = "command";
    like.keep = how_.keep;
    like.approve = how_.approve;
    like.user = how_.user;
    like.batch = batch_;
    like.state = "settled";
    std::vector<found_item> rows = with_.pool.write_now([&](db::tx& tx) {
      std::vector<found_item> out = store_findings(tx, waiting_, like);
      for (const found_item& r : out) {
        if (!r.fresh) mark_asked(tx, r.id, how_.keep, how_.approve);
      }
      return out;
    });
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [&] { return line_.size() < longest_line || broken_; });
    for (std::size_t i = 0; i < rows.size(); ++i) line_.push_back({next_place_++, shown_[i], rows[i]});
    waiting_.clear();
    shown_.clear();
    changed_.notify_all();
  }

  void fail(const fs::path& p, const std::string& code, const std::string& message) {
    flush();
    std::lock_guard guard(mutex_);
    ending e;
    e.how = ending::failed;
    e.code = code;
    lines_[next_place_++] = {p.native(), std::move(e), message};
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
        ending e = *take_in(with_, next.row.id, true);
        // The server was quicker with a file that this command found first.
        if (next.row.fresh && e.how == ending::duplicate && !e.status.empty()) e.how = ending::added;
        std::int64_t count = done(next, std::move(e));
        if (std::find(analyze_after.begin(), analyze_after.end(), count) != analyze_after.end()) analyze();
      } catch (...) {
        guard.lock();
        if (!broken_) broken_ = std::current_exception();
        changed_.notify_all();
        return;
      }
    }
  }

  std::int64_t done(const order& o, ending e) {
    std::lock_guard guard(mutex_);
    lines_[o.place] = {o.shown, std::move(e), {}};
    ++done_;
    if (tell_) tell_(done_, static_cast<std::int64_t>(next_place_));
    return done_;
  }

  // A first import grows the tables faster than the database looks at their size, and its plans would read them whole.
  void analyze() {
    with_.pool.write_now([](db::tx& tx) {
      tx.script(
          "analyze ingest_items, books, book_files, book_file_hashes, book_people, book_tags, people, tags, series, covers");
    });
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
    if (e.how == ending::added) {
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
  std::vector<finding> waiting_;
  std::vector<std::string> shown_;
  std::int64_t ignored_ = 0, done_ = 0;
  std::size_t next_place_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<order> line_;
  std::map<std::size_t, result_line> lines_;
  bool closed_ = false;
  std::exception_ptr broken_;
  std::vector<std::thread> team_;
};

}  // namespace

json::object to_json(const outcome& o) {
  json::array added, duplicates, failed;
  for (const added_file& f : o.added) {
    json::object row{
        {"path", f.path}, {"book", f.book}, {"file", f.file}, {"status", f.status}, {"warnings", warnings_to_json(f.warnings)}};
    added.emplace_back(std::move(row));
  }
  for (const duplicate_file& f : o.duplicates) {
    json::object row{{"path", f.path}, {"book", f.book}, {"file", f.file}};
    duplicates.emplace_back(std::move(row));
  }
  for (const failed_file& f : o.failed) {
    json::object row{{"path", f.path}, {"code", f.code}, {"message", f.message}};
    failed.emplace_back(std::move(row));
  }
  return json::object{
      {"added", std::move(added)}, {"duplicates", std::move(duplicates)}, {"failed", std::move(failed)}, {"ignored", o.ignored}};
}

outcome ingest_paths(const services& s, const std::vector<fs::path>& paths, const ingest_options& o,
                     const progress_callback& tell) {
  run all(s, o, tell);
  for (const fs::path& p : paths) all.take(p);
  return all.finish();
}

}  // namespace carrel::ingest
