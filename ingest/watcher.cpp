#include "ingest/watcher.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "ingest/drop_folder.hpp"
#include "ingest/folder_note.hpp"
#include "ingest/gathering.hpp"
#include "ingest/group.hpp"
#include "ingest/inotify.hpp"
#include "ingest/item.hpp"
#include "ingest/jobs.hpp"
#include "ingest/names.hpp"
#include "ingest/remote.hpp"
#include "ingest/scan.hpp"
#include "ingest/settle.hpp"
#include "server/core/log.hpp"
#include "server/jobs/session_lock.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_waiting = 100'000;  // back-pressure (section 20)
constexpr std::size_t lookup_batch = 500;

constexpr db::statement sql_settle{"ingest.mark_settled", R"sql(
  update ingest_items set state = 'settled', error_code = '', error_detail = '', next_try_at = null, dismissed_at = null,
         updated_at = clock_timestamp()
   where id = $1 and (state in ('seen', 'vanished') or (state = 'failed' and error_code = 'source_unreadable')))sql"};
constexpr db::statement sql_replaced{"ingest.mark_replaced", R"sql(
  update ingest_items set state = 'vanished', updated_at = clock_timestamp()
   where id = $1 and (state = 'seen' or (state = 'failed' and error_code = 'source_unreadable')))sql"};
constexpr db::statement sql_seen{"ingest.seen", R"sql(
  select id, source_path from ingest_items
   where source = 'watch' and (state = 'seen' or (state = 'failed' and error_code = 'source_unreadable' and next_try_at is null)))sql"};
// Neither taken in nor gone. What is being taken in has another state before it leaves its place.
constexpr db::statement sql_known{"ingest.known_in_drop_folder", R"sql(
  select exists (select from ingest_items
                  where source = 'watch' and (state in ('seen', 'settled')
                         or (state = 'failed' and error_code = 'source_unreadable' and next_try_at is null))))sql"};
constexpr db::statement sql_waiting{"ingest.mark_waiting", R"sql(
  update ingest_items set state = 'seen', error_code = '', error_detail = $2, updated_at = clock_timestamp()
   where id = $1 and (state = 'seen' or (state = 'failed' and error_code = 'source_unreadable')))sql"};

}  // namespace

struct watcher::state {
  explicit state(const services& s)
      : with(s), lock(s.pool, "watch"), root(plain_folder(s.how.drop_dir)), bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void run() {
    while (!stopping) {
      try {
        if (lock.hold())
          watch();
        else
          pause(std::chrono::seconds(5));
      } catch (const std::exception& x) {
        log::warn("ingest.watch", {{"error", x.what()}});
        pause(std::chrono::seconds(2));
      }
      holding = false;
    }
    lock.release();
  }

  // While the lock is ours.
  void watch() {
    holding = true;
    remote = is_remote(root);
    own = folders_of(with.store);
    waiting.clear();
    gathered.emplace(with.how, remote);
    troubled.clear();
    closed = false;
    first_scan = true;
    if (!with.how.poll_only) events.open();
    std::chrono::milliseconds scan_every =
        with.how.scan_every.value_or(remote ? std::chrono::seconds(15) : std::chrono::seconds(60));
    steady::time_point next_scan = steady::now(), next_check = steady::now() + std::chrono::seconds(30);
    while (!stopping) {
      steady::time_point at = steady::now();
      if (at >= next_check) {
        if (!lock.hold()) break;
        next_check = at + std::chrono::seconds(30);
      }
      if (at >= next_scan) {
        scan(root);
        // Without periodic scans one is made all the same where nothing else would say that the trouble is over.
        next_scan = steady::now() + (with.how.poll_off && in_order() ? std::chrono::hours(24 * 365) : scan_every);
      }
      look_at_due();
      steady::time_point until = std::min(next_scan, next_check);
      for (const auto& [path, s] : waiting) until = std::min(until, s.next());
      until = std::min(until, gathered->next().value_or(until));
      if (hear(until)) next_scan = steady::now();
    }
    events.close();
    waiting.clear();
    gathered.reset();
  }

  // Sleeps until the moment, an event or the end; true when everything has to be scanned.
  bool hear(steady::time_point until) {
    std::array<pollfd, 2> fds{{{bell.get(), POLLIN, 0}, {events.descriptor(), POLLIN, 0}}};
    auto ms = std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(until - steady::now()).count(), 0, 60'000);
    if (::poll(fds.data(), fds.size(), static_cast<int>(ms)) <= 0 || (fds[1].revents & POLLIN) == 0) return false;
    inotify::events heard = events.read();
    for (const inotify::event& e : heard.list) {
      std::string name = e.path.filename().native();
      if (name == calibre_database) {
        heard.overflow = true;
      } else if (e.folder && e.rights) {
        if (troubled.contains(e.path)) heard.overflow = true;
      } else if (e.folder) {
        if (!ignored_folder(name, with.how.ignore)) scan(e.path);
      } else if (auto at = waiting.find(e.path.native()); at != waiting.end()) {
        at->second.touch(steady::now());
      } else if (gathered->holds(e.path.native())) {
        gathered->release(e.path.native());
        add(e.path.native());
      } else if (!e.rights && !ignored_file(name, with.how.ignore) && !is_sidecar(name)) {
        add(e.path.native());
      }
    }
    return heard.overflow;
  }

  void add(const std::string& path) {
    if (!closed && waiting.size() + gathered->size() < most_waiting) waiting.try_emplace(path, with.how, remote);
  }

  // Missing, or empty although something waits in it: a disk that is not mounted. What is known of it stays as it is (3.1).
  bool away() {
    if (!bare(root)) return false;
    bool shown = std::any_of(waiting.begin(), waiting.end(), [](const auto& w) { return w.second.row.has_value(); });
    return shown || !fs::is_directory(root) || with.pool.read_now([](db::tx& tx) { return tx.run(sql_known)[0].flag(0); });
  }

  void scan(const fs::path& from) {
    std::vector<finding> batch;
    std::vector<folder_note> found;
    std::optional<fs::path> calibre;
    if (away()) return report({{root, "folder_unavailable", ""}});
    if (from == root) {
      events.begin();
      closed = false;  // unless it is found again
    }
    auto look_up = [&] {
      std::vector<bool> known = with.pool.read_now([&](db::tx& tx) { return known_findings(tx, batch); });
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (!known[i]) add(batch[i].path);
      }
      batch.clear();
    };
    walk_visitor visit;
    auto look_for_calibre = [&](const fs::path& p) {
      if (p.filename() == calibre_database) calibre = p.parent_path();
    };
    visit.ignored = look_for_calibre;
    visit.file = [&](const fs::path& p, const identity& who) {
      look_for_calibre(p);
      if (waiting.contains(p.native()) || gathered->holds(p.native())) return;
      batch.push_back({p.native(), who});
      if (batch.size() >= lookup_batch) look_up();
    };
    visit.special = visit.file;
    visit.folder = [&](const fs::path& p) { events.watch(p); };  // first the watch, then the list: a file may come in between
    visit.trouble = [&](const fs::path& p, const std::string& code) { found.push_back({p, code, ""}); };
    visit.stop = [&] { return stopping.load(); };
    walk(from, with.how.ignore, own, visit);
    look_up();
    if (calibre) found.push_back(close(*calibre));
    if (events.full()) found.push_back({watch_limit_file, "watch_limit", watch_limit()});
    if (from == root && !stopping) {
      forget_missing();
      close_notes(found);
    }
    if (from == root || !found.empty()) report(found);
  }

  // Somebody put the library of another program in: nothing is taken out of it, and nobody can say where it ends (2.1).
  folder_note close(const fs::path& calibre) {
    closed = true;
    waiting.clear();
    gathered.emplace(with.how, remote);
    return {root, "drop_folder_unusable", holds_calibre(calibre).reason};
  }

  bool in_order() {
    std::lock_guard guard(mutex);
    return trouble.empty() && events.descriptor() >= 0;
  }

  void report(const std::vector<folder_note>& found) {
    say_trouble(found);
    std::lock_guard guard(mutex);
    trouble = found.empty() ? "" : found.back().code;
  }

  void say_trouble(const std::vector<folder_note>& found) {
    for (const folder_note& n : found) {
      troubled.insert(n.folder);
      bool news = with.pool.write_now([&](db::tx& tx) { return note_folder(tx, n); });
      if (news) log::warn("ingest.folder", {{"code", n.code}, {"path", shown_name(n.folder.native())}});
    }
  }

  // Notes about folders that a whole scan found to be in order. What could not be removed from a folder is tried again once at
  // start and whenever the folder has become writable; a folder that only looks writable is not tried for ever.
  void close_notes(const std::vector<folder_note>& found) {
    for (const folder_note& n : with.pool.read_now(open_notes)) {
      if (n.code == "disk_full") continue;
      bool there = ::access(n.folder.c_str(), F_OK) == 0;
      bool over = std::none_of(found.begin(), found.end(), [&](const folder_note& f) { return f.folder == n.folder; });
      if (there && n.code == "source_stays") {
        bool writable = ::access(n.folder.c_str(), W_OK | X_OK) == 0;
        if (!writable) troubled.insert(n.folder);
        over = writable && (first_scan || troubled.contains(n.folder));
      }
      if (!over) continue;
      troubled.erase(n.folder);
      with.pool.write_now([&](db::tx& tx) {
        close_note(tx, n);
        if (there && n.code == "source_stays") reopen_sources(tx, n.folder);
      });
    }
    first_scan = false;
  }

  void look_at_due() {
    std::vector<unit> ready;
    std::vector<std::string> done, gone;
    steady::time_point at = steady::now();
    for (auto& [path, s] : waiting) {
      if (s.next() > at || stopping) continue;
      settled found = s.sample(path, at);
      switch (found) {
        case settled::wait:
          if (s.shown == settled::unreadable) show(path, s, settled::wait);
          break;
        case settled::incomplete:
        case settled::unreadable: show(path, s, found); break;
        case settled::ready:
          gathered->hold(path, s.who(), s.changed_at());
          done.push_back(path);
          break;
        case settled::special:
          ready.push_back({.files = {{path, s.who()}}, .beside = {}});
          done.push_back(path);
          break;
        case settled::gone: gone.push_back(path); break;
      }
      if (s.row_is_old()) drop_row(s);
    }
    for (const std::string& path : done) waiting.erase(path);
    gather(ready);
    hand_over(ready);
    bool lost = !gone.empty() && away();
    for (const std::string& path : gone) {
      if (settling& s = waiting.at(path); s.row && !lost) drop_row(s);
      waiting.erase(path);
    }
    if (lost) scan(root);
  }

  void gather(std::vector<unit>& ready) {
    gathering::outcome found = gathered->look(steady::now(), [&](const finding& f) {
      if (waiting.contains(f.path) || gathered->holds(f.path)) return true;
      bool known = with.pool.read_now([&](db::tx& tx) -> bool { return known_findings(tx, {f}).front(); });
      if (!known) add(f.path);
      return !known;
    });
    for (const std::string& path : found.again) add(path);
    for (unit& u : found.ready) {
      if (!u.tracks || note_refusal(u)) ready.push_back(std::move(u));
    }
  }

  // Of a folder of recordings that cannot be one book; false: it stays where it is, and errata says why.
  bool note_refusal(const unit& u) {
    folder_note note{home_of(u.files.front().path, root), u.refused.empty() ? "audio_too_many_files" : u.refused,
                     std::to_string(most_tracks)};
    bool news = with.pool.write_now([&](db::tx& tx) { return u.refused.empty() ? close_note(tx, note) : note_folder(tx, note); });
    if (news && !u.refused.empty()) log::warn("ingest.folder", {{"code", note.code}, {"path", shown_name(note.folder.native())}});
    return u.refused.empty();
  }

  void hand_over(const std::vector<unit>& ready) {
    std::vector<unit> batch;
    std::size_t files = 0;
    for (std::size_t i = 0; i < ready.size(); ++i) {
      files += ready[i].files.size();
      batch.push_back(ready[i]);
      if (files < lookup_batch && i + 1 < ready.size()) continue;
      with.pool.write_now([&](db::tx& tx) { submit(tx, batch); });
      batch.clear();
      files = 0;
    }
  }

  static item like(const char* state) {
    item out;
    out.origin = "watch";
    out.state = state;
    return out;
  }

  // A file that came back under the same name, or whose row showed it as incomplete, goes on with its old row.
  static void submit(db::tx& tx, const std::vector<unit>& batch) {
    for (const stored_unit& u : store_units(tx, batch, like("settled"))) {
      bool goes = false;
      for (const found_item& f : u.items) {
        bool waits = f.fresh || f.state == "seen" || f.state == "vanished" || f.state == "settled" || f.unreadable;
        if (waits && !f.fresh) tx.run(sql_settle, f.id);
        if (waits && !u.group) enqueue_file(tx, f.id);
        goes = goes || waits;
      }
      if (u.group && goes) enqueue_file(tx, first_of_group(tx, *u.group));
    }
  }

  // What a file waits for, as a row that people see.
  void show(const std::string& path, settling& s, settled what) {
    if (s.row && s.row_is_old()) drop_row(s);
    if (s.row && s.shown == what) return;
    std::vector<finding> one{{path, s.who()}};
    s.row = with.pool.write_now([&](db::tx& tx) {
      uuid id = s.row ? *s.row : store_findings(tx, one, like("seen")).front().id;
      if (what == settled::unreadable)
        mark_unreadable(tx, id, s.reason());
      else
        tx.run(sql_waiting, id, what == settled::incomplete ? "waiting for the rest of the file" : "");
      return id;
    });
    s.row_who = s.who();
    s.shown = what;
    if (what == settled::unreadable) log::warn("ingest.unreadable", {{"path", shown_name(path)}, {"error", s.reason()}});
  }

  void drop_row(settling& s) {
    with.pool.write_now([&](db::tx& tx) { tx.run(sql_replaced, *s.row); });
    s.row.reset();
    s.shown = settled::wait;
  }

  // Rows that wait for files which are no longer there. Not when the folder itself is away.
  void forget_missing() {
    if (bare(root)) return;
    db::rows rows = with.pool.read_now([](db::tx& tx) { return tx.run(sql_seen); });
    for (const db::row& r : rows) {
      if (is_there(r.raw(1))) continue;
      uuid id = r.id(0);
      with.pool.write_now([&](db::tx& tx) { tx.run(sql_replaced, id); });
    }
  }

  void pause(std::chrono::milliseconds time) {
    pollfd p{bell.get(), POLLIN, 0};
    if (!stopping) ::poll(&p, 1, static_cast<int>(time.count()));
  }

  const services& with;
  jobs::session_lock lock;
  fs::path root;
  file bell;
  inotify events;
  own_folders own;
  bool remote = false;
  std::map<std::string, settling> waiting;
  std::optional<gathering> gathered;  // complete, but perhaps not their books
  std::set<fs::path> troubled;        // folders with a note; a change of their rights is worth a scan
  bool closed = false;                // nothing is taken in
  bool first_scan = true;
  std::atomic<bool> stopping = false, holding = false;
  std::mutex mutex;
  std::string trouble;
  std::thread thread;
};

watcher::watcher(const services& s) : state_(std::make_unique<state>(s)) {}
watcher::~watcher() { stop(); }

std::optional<error> watcher::start() {
  CARREL_EXPECT(!state_->thread.joinable());
  const services& with = state_->with;
  std::error_code code;
  fs::create_directories(state_->root, code);
  std::vector<library::book_library> libraries = with.pool.read_now(library::libraries);
  if (std::optional<error> bad = unusable_drop_folder(state_->root, with.store, libraries)) {
    folder_note note{state_->root, "drop_folder_unusable", bad->reason};
    with.pool.write_now([&](db::tx& tx) { note_folder(tx, note); });
    return bad;
  }
  state_->thread = std::thread([this] { state_->run(); });
  return std::nullopt;
}

void watcher::stop() {
  state_->stopping = true;
  std::uint64_t one = 1;
  [[maybe_unused]] ssize_t n = ::write(state_->bell.get(), &one, sizeof one);
  if (state_->thread.joinable()) state_->thread.join();
}

bool watcher::active() const { return state_->holding; }

std::string watcher::trouble() const {
  std::lock_guard guard(state_->mutex);
  return state_->trouble;
}

}  // namespace carrel::ingest
