// ingest_helper inspect
// ingest_helper take URL DATA CACHE keep|move STEP[:COUNT] PATH...
//     kills itself after the step; "-" for none; prints the outcome
// ingest_helper import URL DATA CACHE STEP COUNT FOLDER
//     the same of a Calibre library, at the COUNTth time
// ingest_helper scan URL DATA CACHE STEP COUNT LIBRARY
//     the same of a library that is read in place
// ingest_helper organise URL DATA CACHE STEP COUNT LIBRARY
//     the same of a managed tree
// ingest_helper hang                                          reads a request and never answers

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "ingest/calibre.hpp"
#include "ingest/command.hpp"
#include "ingest/in_place.hpp"
#include "ingest/organise_plan.hpp"
#include "publication/isolated/pool.hpp"

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

int scan(const std::vector<std::string>& a, bool organise) {
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
  if (organise) {
    ingest::tree_listing names(l->root);
    for (const uuid& book : pool.read_now([&](db::tx& tx) { return ingest::books_to_place(tx, *l, {}, 100); })) {
      if (!ingest::organise_book(s, *l, book, names)) return 1;
    }
    return 0;
  }
  ingest::look_through(s, *l, nullptr);
  ingest::read_waiting(s, *l, {});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> a(argv + 1, argv + argc);
  std::signal(SIGPIPE, SIG_IGN);
  if (a.size() == 1 && a[0] == "inspect") return publication::isolated::child_main();
  if (a.size() == 1 && a[0] == "hang") {
    for (;;) ::pause();
  }
  if (a.size() == 1 && (a[0] == "crash" || a[0] == "starve")) {
    char byte = 0;
    while (::read(3, &byte, 1) == 1) ::raise(a[0] == "crash" ? SIGABRT : SIGTRAP);
    return 0;
  }
  if (a.size() >= 7 && a[0] == "take") return take({a.begin() + 1, a.end()});
  if (a.size() == 7 && a[0] == "import") return import({a.begin() + 1, a.end()});
  if (a.size() == 7 && a[0] == "scan") return scan({a.begin() + 1, a.end()}, false);
  if (a.size() == 7 && a[0] == "organise") return scan({a.begin() + 1, a.end()}, true);
  return 2;
}
