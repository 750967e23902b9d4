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
#include "ingest/group.hpp"
#include "ingest/item_lock.hpp"
#include "ingest/library_folders.hpp"
#include "ingest/names.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/recover.hpp"
#include "ingest/scan.hpp"
#include "ingest/tracks.hpp"

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

struct order_line {
  std::size_t place = 0;
  std::string shown;  // the path as the caller wrote it
  found_item row;
  finding what;
};
// A file, or those that are one book together.
struct order {
  std::vector<order_line> files;
  std::optional<uuid> group;
  bool resumed = false;  // of a process that ended
};

// A folder while it is walked, or files of one that were asked for by name.
struct open_folder {
  listing found;
  std::map<std::string, std::pair<std::size_t, std::string>> lines;  // of each path: its place, and how the caller wrote it
};

struct waiting_unit {
  unit files;
  std::vector<order_line> lines;
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

  void look_at_libraries() {
    if (!how_.keep) libraries_ = with_.pool.read_now(library_folders);
  }

  void take(const fs::path& given) {
    fs::path absolute = fs::absolute(given).lexically_normal();
    struct stat facts {};
    if (::lstat(absolute.c_str(), &facts) != 0) return fail(given, "not_found", "There is no such file or folder.");
    if (inside_own(absolute, own_)) return fail(given, "folder_unavailable", "This is a folder of Carrel itself.");
    if (inside_own(absolute, libraries_)) return refuse_library(given);
    if (S_ISDIR(facts.st_mode)) return take_folder(given);
    if (ignored_file(absolute.filename().native(), with_.how.ignore)) {
      ++ignored_;
      return;
    }
    if (S_ISREG(facts.st_mode)) return note(asked_for_[absolute.parent_path()], absolute, given, identity_of(facts));
    submit({.files = {{absolute.native(), identity_of(facts)}}, .beside = {}}, {{next_place(), given.native(), {}, {}}});
  }

  // Files that were named one by one: what lies beside them goes with them, other books of their folders do not.
  void take_named() {
    for (auto& [folder, asked] : asked_for_) {
      listing all = list_folder(folder, with_.how.ignore);
      all.loose = folder == plain_folder(with_.how.drop_dir);
      all.named = folder.filename().native();
      std::set<std::string> used;
      for (unit& u : units_of(std::move(all))) {
        std::erase_if(u.files, [&](const finding& f) { return !asked.lines.contains(f.path); });
        if (u.files.empty()) continue;
        for (const companion& c : u.beside) used.insert(c.what.path);
        for (const finding& f : u.files) used.insert(f.path);
        submit(asked, std::move(u));
      }
      for (const finding& f : asked.found.files) {
        if (used.contains(f.path)) continue;
        const auto& [place, shown] = asked.lines.at(f.path);
        if (is_sidecar(fs::path(f.path).filename().native()))
          ++ignored_;
        else
          submit({.files = {f}, .beside = {}}, {{place, shown, {}, {}}});  // gone meanwhile, or in a folder that cannot be read
      }
    }
    asked_for_.clear();
  }

  // 4.4; an item that somebody works on has its lock taken and is his.
  void take_abandoned() {
    if (how_.dry_run) return;
    flush();
    if (stopped()) return;
    left_ = find_abandoned(with_.pool, with_.store);
    std::lock_guard guard(mutex_);
    std::map<uuid, std::size_t> groups;  // to the place in the line
    for (const abandoned_item& i : left_.items) {
      if (met_.contains(i.id)) continue;
      order_line line{next_place_++, i.path, {.id = i.id, .state = {}}, {}};
      auto [at, first] = groups.try_emplace(i.group.value_or(i.id), line_.size());
      if (first)
        line_.push_back({.files = {std::move(line)}, .group = i.group, .resumed = true});
      else
        line_[at->second].files.push_back(std::move(line));
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
    std::vector<open_folder> open;
    fs::path top = fs::absolute(root).lexically_normal();
    visit.folder = [&](const fs::path& p) {
      fs::path folder = fs::absolute(p).lexically_normal();
      open.emplace_back().found.loose = folder == plain_folder(with_.how.drop_dir);
      open.back().found.named = folder == top ? top.filename().native() : folder.lexically_relative(top).native();
    };
    visit.file = [&](const fs::path& p, const identity& who) { note(open.back(), fs::absolute(p).lexically_normal(), p, who); };
    visit.beside = [&](const fs::path& p, const identity& who) {
      open.back().found.beside.push_back({fs::absolute(p).lexically_normal().native(), who});
    };
    visit.left = [&](const fs::path& p) {
      open_folder left = std::move(open.back());
      open.pop_back();
      if (!open.empty() && is_disc_folder(p.filename().native())) give_recordings(left, open.back());
      submit(std::move(left));
    };
    visit.special = [&](const fs::path& p, const identity& who) {
      // A link to something that this walk meets anyway says nothing new.
      std::error_code bad;
      fs::path target = fs::canonical(p, bad);
      if (!bad && fs::is_symlink(p, bad) && target.native().starts_with(real.native() + "/"))
        ++ignored_;
      else
        note(open.back(), fs::absolute(p).lexically_normal(), p, who);
    };
    own_folders closed = libraries_;
    closed.insert(own_.begin(), own_.end());
    visit.ignored = [&](const fs::path& p) {
      if (!libraries_.empty() && inside_own(p, libraries_))
        refuse_library(p);
      else
        ++ignored_;
    };
    visit.trouble = [&](const fs::path& p, const std::string& why) {
      fail(p, why, publication::message_for(why, shown_name(p.native())));
    };
    visit.stop = [&] { return stopped(); };
    walk(root, with_.how.ignore, closed, visit);
  }

  // Its files stay where they are (product.md 3.2); whoever wants copies of them says --keep.
  void refuse_library(const fs::path& given) { fail(given, "in_library", publication::message_for("in_library", "")); }

  std::size_t next_place() {
    std::lock_guard guard(mutex_);
    return next_place_++;
  }

  void note(open_folder& in, const fs::path& absolute, const fs::path& given, const identity& who) {
    in.lines[absolute.native()] = {next_place(), given.native()};
    in.found.files.push_back({absolute.native(), who});
  }

  // The recordings of a disc are of the folder above.
  static void give_recordings(open_folder& from, open_folder& to) {
    auto first = std::stable_partition(from.found.files.begin(), from.found.files.end(),
                                       [](const finding& f) { return !is_recording(f.path); });
    for (auto at = first; at != from.found.files.end(); ++at) {
      to.lines[at->path] = from.lines.at(at->path);
      to.found.discs.push_back(std::move(*at));
    }
    from.found.files.erase(first, from.found.files.end());
  }

  void submit(open_folder folder) {
    std::set<std::string> companions;
    std::size_t beside = folder.found.beside.size();
    for (unit& u : units_of(std::move(folder.found))) {
      for (const companion& c : u.beside) companions.insert(c.what.path);
      submit(folder, std::move(u));
    }
    ignored_ += static_cast<std::int64_t>(beside - companions.size());
  }

  void submit(const open_folder& folder, unit u) {
    if (!u.refused.empty())
      return fail(fs::path(folder.lines.at(u.files.front().path).second).parent_path(), u.refused,
                  publication::message_for(u.refused, std::to_string(most_tracks)));
    std::vector<order_line> lines;
    for (const finding& f : u.files) {
      const auto& [place, shown] = folder.lines.at(f.path);
      lines.push_back({place, shown, {}, {}});
    }
    submit(std::move(u), std::move(lines));
  }

  void submit(unit u, std::vector<order_line> lines) {
    for (std::size_t i = 0; i < lines.size(); ++i) lines[i].what = u.files[i];
    files_waiting_ += lines.size();
    waiting_.push_back({std::move(u), std::move(lines)});
    if (files_waiting_ >= batch_size) flush();
  }

  // One transaction makes the rows of many files; the order of two processes that do the same is the order of the paths.
  void flush() {
    if (waiting_.empty() || stopped()) return;
    std::vector<order> orders = how_.dry_run ? orders_of_dry_run() : orders_of_waiting();
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [&] { return line_.size() < longest_line || broken_; });
    for (order& o : orders) line_.push_back(std::move(o));
    waiting_.clear();
    files_waiting_ = 0;
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

  std::vector<order> orders_of_dry_run() const {
    std::vector<order> out;
    for (const waiting_unit& w : waiting_) {
      for (const order_line& line : w.lines) out.push_back({.files = {line}, .group = {}});
    }
    return out;
  }

  std::vector<order> orders_of_waiting() {
    std::vector<unit> units;
    for (const waiting_unit& w : waiting_) units.push_back(w.files);
    std::vector<stored_unit> rows = with_.pool.write_now([&](db::tx& tx) {
      std::vector<stored_unit> stored = store_units(tx, units, like());
      for (const stored_unit& s : stored) {
        for (const found_item& r : s.items) {
          if (!r.fresh) mark_asked(tx, r.id, how_.keep, how_.approve);
        }
      }
      return stored;
    });
    std::vector<order> out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      order& o = out.emplace_back(order{.files = std::move(waiting_[i].lines), .group = rows[i].group});
      for (std::size_t k = 0; k < o.files.size(); ++k) {
        o.files[k].row = rows[i].items[k];
        if (!o.files[k].row.fresh) met_.insert(o.files[k].row.id);
      }
    }
    return out;
  }

  // Of what this run was asked to stop before, no trace is left: nobody takes it in later behind the back of who asked.
  void put_down() {
    if (!how_.stop.stop_requested()) return;
    while (!line_.empty()) {
      std::vector<uuid> ids, groups;
      std::vector<item_lock> mine;
      for (; !line_.empty() && ids.size() < batch_size; line_.pop_front()) put_down(line_.front(), ids, groups, mine);
      with_.pool.write_now([&](db::tx& tx) {
        tx.run(sql_put_down, ids);
        forget_empty_groups(tx, groups);
      });
    }
  }

  void put_down(const order& o, std::vector<uuid>& ids, std::vector<uuid>& groups, std::vector<item_lock>& mine) {
    std::vector<uuid> locks;
    for (const order_line& line : o.files) {
      if (line.row.fresh) locks.push_back(line.row.id);
    }
    std::size_t items = locks.size();
    if (o.group) locks.insert(locks.begin(), *o.group);
    std::vector<item_lock> taken;
    for (const uuid& id : locks) {
      std::optional<item_lock> lock = item_lock::take(with_.store, id, false);
      if (!lock) return;  // a service has it
      taken.push_back(std::move(*lock));
    }
    ids.insert(ids.end(), locks.end() - static_cast<std::ptrdiff_t>(items), locks.end());
    if (o.group) groups.push_back(*o.group);
    std::move(taken.begin(), taken.end(), std::back_inserter(mine));
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
        if (how_.dry_run)
          done(next.files.front(), foresee(with_, next.files.front().what, like()), false);
        else
          carry_out(next);
      } catch (...) {
        return interrupt(std::current_exception());
      }
    }
  }

  void carry_out(const order& o) {
    std::optional<std::vector<member_ending>> ends;
    if (o.group) {
      ends = take_group(with_, *o.group, !o.resumed);
    } else if (std::optional<ending> one = take_in(with_, o.files.front().row.id, !o.resumed)) {
      ends = std::vector<member_ending>{{o.files.front().row.id, std::move(*one)}};
    }
    if (!ends) return;  // an item of another process that is somebody else's by now
    for (const order_line& line : o.files) {
      auto at = std::find_if(ends->begin(), ends->end(), [&](const member_ending& m) { return m.item == line.row.id; });
      if (at != ends->end()) tell(o, line, std::move(at->end));
    }
  }

  void tell(const order& o, const order_line& line, ending e) {
    if (o.resumed && e.how == ending::vanished) return;  // nothing was left to take in
    // The server was quicker with a file that this command found first, or only the source was left to see to.
    if ((line.row.fresh || o.resumed) && e.how == ending::duplicate && !e.status.empty()) e.how = ending::added;
    forecast f;
    f.end = std::move(e);
    analyze_when_grown(with_.pool, done(line, std::move(f), o.resumed));
  }

  std::int64_t done(const order_line& o, forecast f, bool resumed) {
    std::lock_guard guard(mutex_);
    lines_[o.place] = {o.shown, std::move(f.end), {}, std::move(f), resumed};
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
  own_folders libraries_;  // whose files must not go; none when all sources stay
  uuid batch_ = uuid::make();
  std::optional<item_lock> alive_;  // on the batch: while it is held the items are ours, begun or not
  abandoned left_;
  std::set<uuid> met_;  // rows of earlier runs that this one found by their files
  std::map<fs::path, open_folder> asked_for_;
  std::vector<waiting_unit> waiting_;
  std::size_t files_waiting_ = 0;
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
    all.look_at_libraries();
    for (const fs::path& p : paths) all.take(p);
    all.take_named();
    all.take_abandoned();
  } catch (...) {
    all.interrupt(std::current_exception());
  }
  return all.finish();
}

}  // namespace carrel::ingest
