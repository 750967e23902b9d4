#include "ingest/calibre.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>
#include <unordered_set>

#include "ingest/calibre_book.hpp"
#include "ingest/jobs.hpp"
#include "ingest/names.hpp"
#include "ingest/scan.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;
namespace calibre = publication::calibre;

constexpr std::size_t most_waiting = 200, most_unknown_listed = 10'000;

// What Calibre itself keeps beside the books.
bool is_calibres_own(const std::string& path) {
  static const std::unordered_set<std::string> own{"metadata.db",
                                                   "metadata.db-journal",
                                                   "metadata.db-wal",
                                                   "metadata.db-shm",
                                                   "metadata_db_prefs_backup.json",
                                                   "metadata_pre_restore.db",
                                                   "full-text-search.db",
                                                   "full-text-search.db-wal",
                                                   "full-text-search.db-shm",
                                                   "full-text-search.db-journal",
                                                   "metadata_pre_repair.db"};
  // <author>/<title>/data/... holds what people put beside a book.
  std::size_t first = path.find('/'), second = first == path.npos ? path.npos : path.find('/', first + 1);
  return own.contains(path) || (second != path.npos && path.compare(second, 6, "/data/") == 0);
}

class run {
 public:
  run(const services& s, const fs::path& folder, const import_options& how, calibre::library& books, const books_callback& tell)
      : with_(s),
        how_{.with = s, .folder = folder, .library = books.uuid(), .how = how, .batch = uuid::make(), .met = met_},
        books_(books),
        tell_(tell) {
    out_.library = books.uuid();
    out_.books = books.size();
    for (const publication::warning& w : books.warnings())
      out_.oddities.push_back({w.code, folder.native(), publication::message_for(w.code, w.detail), 0});
  }

  import_outcome finish() {
    unsigned count = std::max(2U, 2 * with_.how.workers);
    for (unsigned i = 0; i < count; ++i) team_.emplace_back([this] { work(); });
    try {
      read();
    } catch (...) {
      interrupt(std::current_exception());
    }
    join();
    for (auto& [place, report] : reports_) add(report);
    out_.files.dry_run = how_.how.dry_run;
    out_.files.interrupted = broken_;
    try {
      with_.pool.read_now([&](db::tx& tx) { look_at_books(tx, out_.files); });
      if (!broken_) look_for_unknown();
    } catch (...) {
      if (!broken_) out_.files.interrupted = std::current_exception();
    }
    return std::move(out_);
  }

 private:
  void read() {
    for (std::size_t place = 0;;) {
      result<std::vector<calibre::book>, publication::refusal> some = books_.next();
      if (!some) throw std::runtime_error(publication::message_for(some.error().code, some.error().detail));
      if (some->empty()) return;
      for (calibre::book& b : *some) {
        remember_paths(b);
        std::unique_lock guard(mutex_);
        changed_.wait(guard, [&] { return line_.size() < most_waiting || broken_; });
        if (broken_) return;
        line_.emplace_back(place++, std::move(b));
        changed_.notify_all();
      }
    }
  }

  void remember_paths(const calibre::book& b) {
    for (const calibre::found_file& f : b.files) paths_.insert(f.path.empty() ? f.listed : f.path);
    // They are found by their listed name; whoever moved the library moved the books' folder with them.
    for (const std::string& listed : b.kept_as) {
      paths_.insert(listed);
      paths_.insert(b.folder + listed.substr(std::min(listed.rfind('/'), listed.size())));
    }
  }

  void work() {
    for (;;) {
      std::unique_lock guard(mutex_);
      changed_.wait(guard, [&] { return !line_.empty() || closed_ || broken_; });
      if (line_.empty() || broken_) return;
      auto [place, book] = std::move(line_.front());
      line_.pop_front();
      changed_.notify_all();
      guard.unlock();
      try {
        if (how_.how.stop.stop_requested()) throw stopped_by_request("interrupted; the rest was not tried");
        done(place, import_book(how_, book));
      } catch (...) {
        return interrupt(std::current_exception());
      }
    }
  }

  void done(std::size_t place, book_report report) {
    std::vector<std::int64_t> grown;
    {
      std::lock_guard guard(mutex_);
      for (std::size_t i = 0; i < report.added_files.size(); ++i) grown.push_back(++files_added_);
      reports_[place] = std::move(report);
      if (tell_) tell_(static_cast<std::int64_t>(reports_.size()), out_.books);
    }
    if (how_.how.dry_run) return;
    for (std::int64_t files : grown) analyze_when_grown(with_.pool, files);
  }

  void interrupt(std::exception_ptr why) {
    std::lock_guard guard(mutex_);
    if (!broken_) broken_ = std::move(why);
    changed_.notify_all();
  }

  void join() {
    {
      std::lock_guard guard(mutex_);
      closed_ = true;
      changed_.notify_all();
    }
    for (std::thread& t : team_) t.join();
  }

  template <class T>
  static void append(std::vector<T>& to, std::vector<T>& from) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
  }

  void add(book_report& r) {
    ++out_.seen;
    switch (r.how) {
      case book_report::added: ++out_.added; break;
      case book_report::updated: ++out_.updated; break;
      case book_report::unchanged: ++out_.unchanged; break;
      case book_report::without_files: ++out_.without_files; break;
      case book_report::failed: ++out_.failed; break;
    }
    out_.files_replaced += r.replaced;
    out_.files_missing += r.missing;
    out_.opinions += r.opinion ? 1 : 0;
    append(out_.files.added, r.added_files);
    append(out_.files.duplicates, r.duplicate_files);
    append(out_.files.failed, r.failed_files);
    append(out_.oddities, r.oddities);
  }

  void odd(const fs::path& p, const std::string& code, const std::string& detail) {
    out_.oddities.push_back({code, p.native(), publication::message_for(code, detail), 0});
  }

  void look_for_unknown() {
    walk_visitor visit;
    visit.file = [&](const fs::path& p, const identity&) {
      std::string path = p.lexically_relative(how_.folder).native();
      if (paths_.contains(path) || is_calibres_own(path)) return;
      if (++out_.files_unknown <= static_cast<std::int64_t>(most_unknown_listed)) odd(p, "calibre_unknown_file", "");
    };
    visit.special = visit.file;
    visit.ignored = [&](const fs::path&) { ++out_.files.ignored; };
    visit.trouble = [&](const fs::path& p, const std::string& code) { odd(p, code, shown_name(p.native())); };
    visit.stop = [&] { return how_.how.stop.stop_requested(); };
    walk(how_.folder, with_.how.ignore, folders_of(with_.store), visit);
  }

  const services& with_;
  met_bytes met_;
  calibre_run how_;
  calibre::library& books_;
  const books_callback& tell_;
  import_outcome out_;
  std::unordered_set<std::string> paths_;  // that the database names
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::size_t, calibre::book>> line_;
  std::map<std::size_t, book_report> reports_;
  std::int64_t files_added_ = 0;
  bool closed_ = false;
  std::exception_ptr broken_;
  std::vector<std::thread> team_;
};

}  // namespace

json::object to_json(const import_outcome& o) {
  json::object out = to_json(o.files);
  json::object summary{{"library", o.library},
                       {"books", o.books},
                       {"books_seen", o.seen},
                       {"books_added", o.added},
                       {"books_updated", o.updated},
                       {"books_unchanged", o.unchanged},
                       {"books_without_files", o.without_files},
                       {"books_failed", o.failed},
                       {"opinions_changed", o.opinions},
                       {"files_added", o.files.added.size()},
                       {"files_already_there", o.files.duplicates.size()},
                       {"files_failed", o.files.failed.size()},
                       {"files_replaced", o.files_replaced},
                       {"files_missing", o.files_missing},
                       {"files_unknown", o.files_unknown}};
  json::array oddities;
  for (const oddity& one : o.oddities) {
    json::object row{{"code", one.code}, {"path", one.path}, {"message", one.message}};
    if (one.number != 0) row.set("calibre_id", one.number);
    oddities.emplace_back(std::move(row));
  }
  out.set("summary", std::move(summary));
  out.set("oddities", std::move(oddities));
  return out;
}

result<import_outcome, publication::refusal> import_calibre(const services& s, const fs::path& given, const import_options& how,
                                                            const books_callback& tell) {
  std::error_code code;
  fs::path folder = fs::canonical(given, code);
  if (code) return publication::refusal{"calibre_no_library", ""};
  if (inside_own(folder, folders_of(s.store))) return publication::refusal{"folder_unavailable", shown_name(folder.native())};
  calibre::reading reading{.scratch = s.store.data() / "staging", .columns = s.how.calibre_columns};
  result<calibre::library, publication::refusal> books = calibre::library::open(folder, reading);
  if (!books) return books.error();
  import_outcome out = run(s, folder, how, *books, tell).finish();
  if (!how.dry_run) s.pool.write_now(enqueue_duplicates);  // what was brought may be like what was there, and the other way round
  return out;
}

}  // namespace carrel::ingest
