// A child whose reader a file has taken over (ingest.md 23): whatever it tries ends within the limits, with a name, and the next
// file is read. The helper's acts stop by themselves some way beyond each limit, so without it the file would simply be read.

#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <map>

#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool limited = false;  // sanitizers do not live in the sandbox
#else
constexpr bool limited = true;
#endif

struct victim {
  explicit victim(const std::string& act) : folder(fs::absolute(harness::fresh_folder("sandbox"))) {
    write(folder / "x.epub", epub({}));
    write(folder / "theirs" / "note", "of somebody else");
    handle = carrel::file(::open((folder / "x.epub").c_str(), O_RDONLY));
    how = helper_inspectors();
    how.command = {INGEST_HELPER, "hostile", act, (folder / "theirs" / "note").native()};
    how.processes = 1;
    how.memory = 128ULL << 20;
    how.cpu = std::chrono::seconds(1);
  }
  std::string outcome() const {
    publication::isolated::pool pool(how);
    auto found = pool.inspect(handle.get(), "x.epub");
    return found ? found->about.about.title : found.error().code + " " + found.error().detail;
  }
  // Names, rights, times and bytes.
  std::map<std::string, std::string> state() const {
    std::map<std::string, std::string> out;
    for (const fs::directory_entry& e : fs::recursive_directory_iterator(folder)) {
      struct stat s {};
      ::lstat(e.path().c_str(), &s);
      out[e.path().native()] = std::to_string(s.st_mode) + " " + std::to_string(s.st_ctim.tv_sec) + "." +
                               std::to_string(s.st_ctim.tv_nsec) + " " + (e.is_regular_file() ? read(e.path()) : "");
    }
    return out;
  }

  fs::path folder;
  carrel::file handle;
  publication::isolated::options how;
};

}  // namespace

TEST_CASE("a reader that eats memory meets parse.memory, and one that spins parse.cpu") {
  if (!limited) return;
  CHECK(victim("memory").outcome() == "inspection_limit memory");
  CHECK(victim("processor").outcome().starts_with("inspection_limit "));  // by the clock, where others have the processor
}

TEST_CASE("a reader gets no socket and starts no program") {
  if (!limited) return;
  CHECK(victim("socket").outcome() == "The Small Book");
  CHECK(victim("program").outcome() == "The Small Book");
}

TEST_CASE("a reader makes, changes, renames and removes no file") {
  if (!limited) return;
  victim v("write");
  std::map<std::string, std::string> before = v.state();
  CHECK(v.outcome() == "The Small Book");
  CHECK(v.state() == before);
}

TEST_CASE("what a converter may write ends at a limit") {
  if (!limited) return;
  victim v("much");
  v.how.command.back() = (v.folder / "much").native();
  publication::isolated::pool pool(v.how);
  auto made = pool.convert(v.handle.get(), "x.epub", v.folder / "x.kepub.epub", {});
  REQUIRE_FALSE(made);
  CHECK(made.error().code == "kepub_failed");
  CHECK(made.error().detail == "inspection_limit");
  CHECK(fs::file_size(v.folder / "much") <= (256ULL << 20));
}

TEST_CASE("readers and converters take turns with one process") {
  victim v("none");
  v.how.command = helper_inspectors().command;
  publication::isolated::pool pool(v.how);
  for (int i = 0; i < 3; ++i) {
    fs::path to = v.folder / (std::to_string(i) + ".kepub.epub");
    CHECK(pool.inspect(v.handle.get(), "x.epub"));
    CHECK(pool.convert(v.handle.get(), "x.epub", to, {}));
    CHECK(fs::file_size(to) > 0);
  }
}
