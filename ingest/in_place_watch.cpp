#include "ingest/in_place_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <thread>

#include "ingest/in_place.hpp"
#include "ingest/inotify.hpp"
#include "ingest/item_lock.hpp"
#include "ingest/names.hpp"
#include "ingest/remote.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;
using steady = std::chrono::steady_clock;

constexpr std::chrono::seconds look_for_libraries{10};
constexpr std::chrono::seconds least_pause{60}, least_remote_pause{15};
// A large tree is not walked all day: looking takes at most one part in fifty of the time.
constexpr int rest = 50;

const uuid whose_turn = *uuid::parse("00000000-0000-7000-8000-00000000a7c4");

}  // namespace

struct library_watcher::state {
  struct place {
    library::book_library is;
    steady::time_point due;
  };

  explicit state(const services& s) : with(s), bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void run() {
    while (!stopping) {
      try {
        watch();
      } catch (const std::exception& x) {
        log::warn("library.watch", {{"error", x.what()}});
        hear(steady::now() + std::chrono::seconds(2));
      }
    }
    let_go();
  }

  void watch() {
    refresh();
    if (places.empty())
      let_go();
    else if (!turn)
      turn = item_lock::take(with.store, whose_turn, false);
    holding = turn.has_value();
    if (!turn) {
      hear(steady::now() + check_every());
      return;
    }
    if (events.descriptor() < 0 && !with.how.poll_only) events.open();
    for (auto& [id, p] : places) {
      if (!stopping && p.due <= steady::now()) look(p);
    }
    steady::time_point until = steady::now() + check_every();
    for (const auto& [id, p] : places) until = std::min(until, p.due);
    hear(until);
  }

  std::chrono::milliseconds check_every() const {
    return std::min<std::chrono::milliseconds>(look_for_libraries, with.how.scan_every.value_or(look_for_libraries));
  }

  void refresh() {
    std::map<uuid, place> now;
    for (library::book_library& l : with.pool.read_now(library::libraries)) {
      if (!l.in_place()) continue;
      auto before = places.find(l.id);
      place p{.is = std::move(l), .due = before == places.end() ? steady::now() : before->second.due};
      now.emplace(p.is.id, std::move(p));
    }
    places = std::move(now);
  }

  void look(place& p) {
    std::optional<item_lock> mine = item_lock::take(with.store, p.is.id, false);
    if (!mine) {
      p.due = steady::now() + check_every();
      return;
    }
    auto began = steady::now();
    folder_look found = look_through(
        with, p.is, [this] { return stopping.load(); }, [this](const fs::path& f) { events.watch(f); });
    std::chrono::milliseconds least = is_remote(p.is.root) ? least_remote_pause : least_pause;
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - began);
    p.due = steady::now() + with.how.scan_every.value_or(std::max(least, rest * took));
    if (found.stopped) return;
    if (!found.trouble.empty() && found.trouble != p.is.trouble)
      log::warn("library.folder", {{"library", p.is.id}, {"code", found.trouble}, {"path", shown_name(p.is.root)}});
    mine.reset();
    with.pool.write_now([&](db::tx& tx) {
      if (waits_for_reading(tx, p.is.id)) enqueue_scan(tx, p.is, true);
    });
  }

  // Sleeps until the moment, an event or the end. A folder in which something happens is looked through soon, not at once:
  // whoever copies there goes on for a while.
  void hear(steady::time_point until) {
    std::array<pollfd, 2> fds{{{bell.get(), POLLIN, 0}, {events.descriptor(), POLLIN, 0}}};
    auto ms = std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(until - steady::now()).count(), 0, 60'000);
    if (stopping || ::poll(fds.data(), fds.size(), static_cast<int>(ms)) <= 0 || (fds[1].revents & POLLIN) == 0) return;
    inotify::events heard = events.read();
    steady::time_point soon = steady::now() + with.how.settle;
    for (auto& [id, p] : places) {
      bool touched = heard.overflow;
      for (const inotify::event& e : heard.list) {
        std::string name = e.path.filename().native();
        bool counts = e.folder ? !ignored_folder(name, with.how.ignore) : !ignored_file(name, with.how.ignore);
        touched |= counts && e.path.native().starts_with(p.is.root + "/");
      }
      if (touched) p.due = std::min(p.due, soon);
    }
  }

  void let_go() {
    events.close();
    turn.reset();
    holding = false;
  }

  const services& with;
  file bell;
  inotify events;
  std::optional<item_lock> turn;
  std::map<uuid, place> places;
  std::atomic<bool> stopping = false, holding = false;
  std::thread thread;
};

library_watcher::library_watcher(const services& s) : state_(std::make_unique<state>(s)) {}
library_watcher::~library_watcher() { stop(); }

void library_watcher::start() {
  CARREL_EXPECT(!state_->thread.joinable());
  state_->thread = std::thread([this] { state_->run(); });
}

void library_watcher::stop() {
  state_->stopping = true;
  std::uint64_t one = 1;
  [[maybe_unused]] ssize_t n = ::write(state_->bell.get(), &one, sizeof one);
  if (state_->thread.joinable()) state_->thread.join();
}

bool library_watcher::active() const { return state_->holding; }

}  // namespace carrel::ingest
