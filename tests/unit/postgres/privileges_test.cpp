#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "server/postgres/cluster.hpp"

using namespace carrel;
namespace fs = std::filesystem;

namespace {

// A folder of root's below the current directory, gone afterwards.
struct place {
  fs::path folder = fs::current_path() / ("privileges-" + std::to_string(::getpid()));
  place() { fs::create_directories(folder); }
  ~place() { fs::remove_all(folder); }
};

// What `check` says, run in a child that may give up root.
bool in_child(const std::function<bool()>& check) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(check() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool is_root() {
  if (::geteuid() == 0) return true;
  WARN("not root: nothing to check");
  return false;
}

uid_t owner_of(const fs::path& p) {
  struct stat s {};
  return ::stat(p.c_str(), &s) == 0 ? s.st_uid : 0;
}

}  // namespace

TEST_CASE("root makes missing folders, gives them away and is gone for good") {
  if (!is_root()) return;
  place p;
  fs::path data = p.folder / "a/b/data";
  CHECK(in_child([&] {
    if (postgres::drop_root({data})) return false;
    const char* home = std::getenv("HOME");
    return ::geteuid() != 0 && ::getuid() != 0 && ::getegid() != 0 && ::setuid(0) != 0 && home != nullptr &&
           ::access(data.c_str(), W_OK) == 0;
  }));
  CHECK(owner_of(data) != 0);
  // again: it belongs to the service user now, full or not
  std::ofstream(data / "file") << "x";
  CHECK(in_child([&] { return !postgres::drop_root({data}); }));
}

TEST_CASE("an empty folder is given away, a full one of somebody else is refused with advice") {
  if (!is_root()) return;
  place p;
  fs::path empty = p.folder / "empty";
  fs::path full = p.folder / "full";
  fs::create_directories(empty);
  fs::create_directories(full / "books");
  CHECK(in_child([&] { return !postgres::drop_root({empty}); }));
  CHECK(owner_of(empty) != 0);
  CHECK(in_child([&] {
    auto bad = postgres::drop_root({full});
    return bad && bad->field == "data" && bad->reason.find(full.string()) != std::string::npos &&
           bad->reason.find("chown -R") != std::string::npos && ::geteuid() == 0;
  }));
  CHECK(owner_of(full) == 0);
}

TEST_CASE("a folder below a closed one is an error that says so") {
  if (!is_root()) return;
  place p;
  fs::create_directories(p.folder / "closed");
  fs::permissions(p.folder / "closed", fs::perms::owner_all);
  CHECK(in_child([&] {
    auto bad = postgres::drop_root({p.folder / "closed/data"});
    return bad && bad->reason.find("cannot be reached") != std::string::npos;
  }));
}

TEST_CASE("a file in the place of a folder is an error") {
  if (!is_root()) return;
  place p;
  std::ofstream(p.folder / "file") << "x";
  CHECK(in_child([&] { return postgres::drop_root({p.folder / "file"}).has_value(); }));
}

TEST_CASE("root itself gets no cluster") {
  if (!is_root()) return;
  place p;
  auto opened = postgres::cluster::open(p.folder / "data");
  REQUIRE_FALSE(opened);
  CHECK(opened.error().reason.find("refuses to run as root") != std::string::npos);
  CHECK_FALSE(fs::exists(p.folder / "data"));
}

TEST_CASE("for other users nothing happens") {
  if (::geteuid() == 0) return;
  CHECK_FALSE(postgres::drop_root({"/nowhere/at/all"}).has_value());
}
