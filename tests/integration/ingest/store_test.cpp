#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "server/core/digest.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest::test;
using library::store;

namespace {

struct place {
  fs::path folder = fs::absolute(harness::fresh_folder("store"));
  store held = store::open(folder / "data", folder / "cache").value();
};

}  // namespace

TEST_CASE("the store makes its folders and says when it cannot") {
  place p;
  for (const char* name : {"drop", "staging", "library", "attic", "quarantine", "trash", "covers"})
    CHECK(fs::is_directory(p.held.data() / name));
  write(p.folder / "in-the-way", "x");
  result<store> bad = store::open(p.folder / "in-the-way", p.folder / "cache");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().field == "data_dir");
  CHECK(p.held.free_bytes() > 0);
}

TEST_CASE("names of stored files come from their bytes") {
  place p;
  std::string sum = sha256_hex("x");
  CHECK(p.held.path_for(sum, ".kepub.epub") ==
        "library/" + sum.substr(0, 2) + "/" + sum.substr(2, 2) + "/" + sum + ".kepub.epub");
  CHECK(p.held.cover_path_for(sum, "image/png") == "covers/" + sum.substr(0, 2) + "/" + sum + ".png");
}

TEST_CASE("bytes written to the store are there whole, and writing them again is nothing") {
  place p;
  std::string path = p.held.cover_path_for(sha256_hex("picture"), "image/jpeg");
  REQUIRE_FALSE(p.held.write(path, "picture"));
  CHECK(read(p.held.absolute(path)) == "picture");
  struct stat before {
  }, after{};
  ::stat(p.held.absolute(path).c_str(), &before);
  REQUIRE_FALSE(p.held.write(path, "picture"));
  ::stat(p.held.absolute(path).c_str(), &after);
  CHECK(before.st_ino == after.st_ino);
  CHECK((before.st_mode & 0777) == 0640);
}

TEST_CASE("a proven copy has the bytes and the time of its source, and never replaces anything") {
  place p;
  std::string bytes(300'000, 'a');
  write(p.folder / "source", bytes);
  struct timespec times[2] = {{1'000'000'000, 5}, {1'000'000'000, 123'456'789}};
  ::utimensat(AT_FDCWD, (p.folder / "source").c_str(), times, 0);
  int fd = ::open((p.folder / "source").c_str(), O_RDONLY);
  auto copied = library::copy_proven(fd, p.folder / "new" / "deep" / "copy");
  REQUIRE(copied);
  CHECK(*copied == sha256_hex(bytes));
  CHECK(read(p.folder / "new" / "deep" / "copy") == bytes);
  struct stat s {};
  ::stat((p.folder / "new" / "deep" / "copy").c_str(), &s);
  CHECK(s.st_mtim.tv_sec == 1'000'000'000);
  CHECK(s.st_mtim.tv_nsec == 123'456'789);

  write(p.folder / "other", "mine");
  auto again = library::copy_proven(fd, p.folder / "other");
  REQUIRE_FALSE(again);
  CHECK(again.error().field == "target_exists");
  CHECK(read(p.folder / "other") == "mine");
  ::close(fd);
  CHECK(std::distance(fs::directory_iterator(p.folder / "new" / "deep"), {}) == 1);  // nothing unfinished stays
}

TEST_CASE("a source that changes while it is copied is noticed, and leaves no copy") {
  place p;
  fs::path path = p.folder / "source";
  write(path, std::string(64 << 20, 'a'));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    int out = ::open(path.c_str(), O_WRONLY);
    for (char c = 'b'; !stop; c = c == 'z' ? 'b' : static_cast<char>(c + 1)) {
      [[maybe_unused]] ssize_t n = ::pwrite(out, &c, 1, 33 << 20);
    }
    ::close(out);
  });
  int fd = ::open(path.c_str(), O_RDONLY);
  auto copied = library::copy_proven(fd, p.folder / "copy");
  stop = true;
  writer.join();
  ::close(fd);
  REQUIRE_FALSE(copied);
  CHECK(copied.error().field == "source_changed");
  CHECK_FALSE(fs::exists(p.folder / "copy"));
}

TEST_CASE("a move never replaces, and is a copy between file systems") {
  place p;
  write(p.folder / "a", "a");
  write(p.folder / "b", "b");
  auto bad = library::move_proven(p.folder / "a", p.folder / "b");
  REQUIRE(bad);
  CHECK(bad->field == "target_exists");
  CHECK(read(p.folder / "a") == "a");
  CHECK(read(p.folder / "b") == "b");
  REQUIRE_FALSE(library::move_proven(p.folder / "a", p.folder / "c" / "a"));
  CHECK(read(p.folder / "c" / "a") == "a");
  CHECK_FALSE(fs::exists(p.folder / "a"));

  fs::path other = fs::path("/dev/shm") / ("carrel-test-" + uuid::make().text());
  struct stat here {
  }, there{};
  if (::stat("/dev/shm", &there) != 0 || ::stat(p.folder.c_str(), &here) != 0 || here.st_dev == there.st_dev ||
      ::access("/dev/shm", W_OK) != 0) {
    WARN("no second file system to try");
    return;
  }
  REQUIRE_FALSE(library::move_proven(p.folder / "b", other));
  CHECK(read(other) == "b");
  CHECK_FALSE(fs::exists(p.folder / "b"));
  fs::remove(other);
}
