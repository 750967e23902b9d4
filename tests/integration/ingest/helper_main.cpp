// ingest_helper inspect
// ingest_helper take URL DATA CACHE keep|move STEP[:COUNT] PATH...
//     kills itself after the step; "-" for none; prints the outcome
// ingest_helper import URL DATA CACHE STEP COUNT FOLDER
//     the same of a Calibre library, at the COUNTth time
// ingest_helper scan URL DATA CACHE STEP COUNT LIBRARY
//     the same of a library that is read in place
// ingest_helper organise URL DATA CACHE STEP COUNT LIBRARY
//     the same of a managed tree
// ingest_helper write URL DATA CACHE STEP COUNT LIBRARY
//     the same of what is written into its files and beside them
// ingest_helper act URL DATA CACHE STEP COUNT replace FILE STAGED | again ITEM | unmerge MERGE
//     the same of what a person does
// ingest_helper watch URL DATA CACHE CODE
//     watches the drop folder until errata has the code, at most half a minute
// ingest_helper hostile ACT [PATH]
//     a child whose reader has been taken over by the file: memory, processor, and calls that must be refused (then it reads on,
//     otherwise it dies): socket, program, write, convert (writes too much, before it converts)
// ingest_helper hang                                          reads a request and never answers

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "ingest/calibre.hpp"
#include "ingest/command.hpp"
#include "ingest/folder_note.hpp"
#include "ingest/in_place.hpp"
#include "ingest/merging.hpp"
#include "ingest/organise_plan.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/replace.hpp"
#include "ingest/watcher.hpp"
#include "ingest/write_back.hpp"
#include "publication/isolated/pool.hpp"
#include "publication/isolated/sandbox.hpp"
#include "tests/harness/eventually.hpp"

using namespace carrel;

namespace {

int last_step = -1;
std::atomic<int> times_left = 1;

void die_after(ingest::step s) {
  if (static_cast<int>(s) == last_step && --times_left == 0) ::kill(::getpid(), SIGKILL);
}

int take(const std::vector<std::string>& a) {
  if (a[4] != "-") last_step = std::stoi(a[4]);
  if (std::size_t colon = a[4].find(':'); colon != std::string::npos) times_left = std::stoi(a[4].substr(colon + 1));
  result<library::store> store = library::store::open(a[1], a[2]);
  if (!store) return 3;
  db::pool pool({.url = a[0], .connections = 4});
  publication::isolated::options children;
  children.processes = 1;
  publication::isolated::pool inspectors(children);
  ingest::settings how;
  how.workers = 1;
  how.reserve = 0;
  how.drop_dir = store->data() / "drop";
  ingest::services s{pool, *store, inspectors, how, die_after};
  ingest::ingest_options options;
  options.keep = a[3] == "keep";
  options.approve = true;
  std::vector<std::filesystem::path> paths(a.begin() + 5, a.end());
  ingest::outcome out = ingest::ingest_paths(s, paths, options);
  std::cout << json::dump(ingest::to_json(out)) << "\n";
  return 0;
}

int import(const std::vector<std::string>& a) {
  last_step = std::stoi(a[3]);
  times_left = std::stoi(a[4]);
  result<library::store> store = library::store::open(a[1], a[2]);
  if (!store) return 3;
  db::pool pool({.url = a[0], .connections = 4});
  publication::isolated::options children;
  children.processes = 1;
  publication::isolated::pool inspectors(children);
  ingest::settings how;
  how.workers = 1;
  how.reserve = 0;
  how.drop_dir = store->data() / "drop";
  ingest::services s{pool, *store, inspectors, how, die_after};
  return ingest::import_calibre(s, a[5], {}) ? 0 : 1;
}

enum class work { scan, organise, write };

int scan(const std::vector<std::string>& a, work what) {
  last_step = std::stoi(a[3]);
  times_left = std::stoi(a[4]);
  result<library::store> store = library::store::open(a[1], a[2]);
  if (!store) return 3;
  db::pool pool({.url = a[0], .connections = 4});
  publication::isolated::options children;
  children.processes = 1;
  publication::isolated::pool inspectors(children);
  ingest::settings how;
  how.workers = 1;
  how.reserve = 0;
  ingest::services s{pool, *store, inspectors, how, die_after};
  std::optional<library::book_library> l = pool.read_now([&](db::tx& tx) { return library::find_library_named(tx, a[5]); });
  if (!l) return 3;
  if (what == work::write) {
    library::write_choice c = pool.read_now([&](db::tx& tx) { return library::find_write_choice(tx, l->id); });
    for (const uuid& book : pool.read_now([&](db::tx& tx) { return library::books_to_write(tx, *l, c, 0, {}, 100); })) {
      if (std::optional<error> bad = ingest::write_book(s, *l, c, book)) {
        std::cerr << bad->message() << "\n";
        return 75;
      }
    }
    return 0;
  }
  if (what == work::organise) {
    ingest::tree_listing names(l->root);
    for (const uuid& book : pool.read_now([&](db::tx& tx) { return ingest::books_to_place(tx, *l, {}, 100); })) {
      if (!ingest::organise_book(s, *l, book, names)) return 1;
    }
    return 0;
  }
  ingest::look_through(s, *l, nullptr);
  try {
    ingest::read_waiting(s, *l, {});
  } catch (const jobs::not_now& later) {
    std::cerr << later.what() << "\n";
    return 75;
  }
  return 0;
}

int act(const std::vector<std::string>& a) {
  last_step = std::stoi(a[3]);
  times_left = std::stoi(a[4]);
  result<library::store> store = library::store::open(a[1], a[2]);
  if (!store) return 3;
  db::pool pool({.url = a[0], .connections = 4});
  publication::isolated::options children;
  children.processes = 1;
  publication::isolated::pool inspectors(children);
  ingest::settings how;
  how.reserve = 0;
  ingest::services s{pool, *store, inspectors, how, die_after};
  uuid id = *uuid::parse(a[6]);
  if (a[5] == "replace") return ingest::replace_file(s, id, a.at(7), {}) ? 1 : 0;
  if (a[5] == "again") return ingest::try_again(s, id) ? 0 : 1;
  return ingest::undo_merge(s, id, {}) ? 0 : 1;
}

int watch(const std::vector<std::string>& a) {
  result<library::store> store = library::store::open(a[1], a[2]);
  if (!store) return 3;
  db::pool pool({.url = a[0], .connections = 4});
  publication::isolated::pool inspectors(publication::isolated::options{});
  ingest::settings how;
  how.drop_dir = store->data() / "drop";
  how.scan_every = std::chrono::milliseconds(200);
  ingest::services s{pool, *store, inspectors, how};
  ingest::watcher eyes(s);
  if (eyes.start()) return 3;
  auto noted = [&] {
    std::vector<ingest::folder_note> notes = pool.read_now(ingest::open_notes);
    return std::any_of(notes.begin(), notes.end(), [&](const ingest::folder_note& n) { return n.code == a[3]; });
  };
  bool found = harness::eventually(noted);
  eyes.stop();
  return found ? 0 : 1;
}

// ---- a reader that does what it should not -----------------------------------------------------------------------

std::string hostile_path;

// Each of these ends by itself some way beyond the limit, so that without one the file is simply read.
void eat_memory() {
  constexpr std::size_t piece = 16 << 20;
  std::vector<std::string> all;
  for (int i = 0; i < 24; ++i) all.emplace_back(piece, 'x');
}

void spin() {
  timespec used{};
  do {
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  } while (used.tv_sec < 3);
}

void must_fail(long result) {
  if (result >= 0 || errno != EPERM) std::abort();
}

void connect_out() {
  must_fail(::socket(AF_INET, SOCK_STREAM, 0));
  must_fail(::socket(AF_INET6, SOCK_DGRAM, 0));
  must_fail(::socket(AF_UNIX, SOCK_STREAM, 0));
}

void start_program() {
  char name[] = "/bin/true";
  char* arguments[] = {name, nullptr};
  must_fail(::execve(name, arguments, environ));
  must_fail(::syscall(SYS_execveat, AT_FDCWD, name, arguments, environ, 0));
}

// The path is a file in a folder of its own.
void write_outside() {
  const char* there = hostile_path.c_str();
  std::string fresh = hostile_path + ".new";
  for (int how : {O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_RDONLY | O_TRUNC}) must_fail(::open(there, how));
  must_fail(::open(fresh.c_str(), O_RDONLY | O_CREAT, 0600));
#ifdef SYS_open
  must_fail(::syscall(SYS_open, fresh.c_str(), O_WRONLY | O_CREAT, 0600));
#endif
  must_fail(::creat(fresh.c_str(), 0600));
  must_fail(::rename(there, fresh.c_str()));
  must_fail(::link(there, fresh.c_str()));
  must_fail(::symlink(there, fresh.c_str()));
  must_fail(::unlink(there));
  must_fail(::mkdir(fresh.c_str(), 0700));
  must_fail(::rmdir(fresh.c_str()));
  must_fail(::truncate(there, 0));
  must_fail(::chmod(there, 0));
  must_fail(::utimensat(AT_FDCWD, there, nullptr, 0));
  if (::open(there, O_RDONLY) < 0) std::abort();
}

void write_much() {
  std::ofstream out(hostile_path, std::ios::binary);
  std::string piece(1 << 20, 'x');
  for (int i = 0; i < 300; ++i) out << piece << std::flush;
}

int hostile(const std::string& act) {
  void (*what)() = act == "memory"      ? eat_memory
                   : act == "processor" ? spin
                   : act == "socket"    ? connect_out
                   : act == "program"   ? start_program
                   : act == "write"     ? write_outside
                                        : write_much;
  return publication::isolated::child_main(what);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> a(argv + 1, argv + argc);
  std::signal(SIGPIPE, SIG_IGN);
  if (a.size() == 1 && a[0] == "inspect") return publication::isolated::child_main();
  if (a.size() >= 2 && a[0] == "hostile") {
    if (a.size() == 3) hostile_path = a[2];
    return hostile(a[1]);
  }
  if (a.size() == 1 && a[0] == "hang") {
    for (;;) ::pause();
  }
  if (a.size() == 1 && (a[0] == "crash" || a[0] == "starve")) {
    char byte = 0;
    while (::read(3, &byte, 1) == 1) ::raise(a[0] == "crash" ? SIGABRT : SIGTRAP);
    return 0;
  }
  if (a.size() >= 7 && a[0] == "take") return take({a.begin() + 1, a.end()});
  if (a.size() >= 8 && a[0] == "act") return act({a.begin() + 1, a.end()});
  if (a.size() == 5 && a[0] == "watch") return watch({a.begin() + 1, a.end()});
  if (a.size() == 7 && a[0] == "import") return import({a.begin() + 1, a.end()});
  if (a.size() == 7 && a[0] == "scan") return scan({a.begin() + 1, a.end()}, work::scan);
  if (a.size() == 7 && a[0] == "organise") return scan({a.begin() + 1, a.end()}, work::organise);
  if (a.size() == 7 && a[0] == "write") return scan({a.begin() + 1, a.end()}, work::write);
  return 2;
}
