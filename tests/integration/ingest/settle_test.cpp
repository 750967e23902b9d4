#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "ingest/names.hpp"
#include "ingest/paths.hpp"
#include "ingest/settle.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;
using namespace std::chrono_literals;

namespace {

struct timed {
  timed() {
    how.drop_dir = path.parent_path();
    how.settle = 10s;
    how.sample_gap = 2s;
  }
  settled at(std::chrono::milliseconds t) { return timer->sample(path, begin + t); }
  void age(std::chrono::seconds s) {
    auto when = std::chrono::duration_cast<std::chrono::seconds>(now().time_since_epoch()).count() - s.count();
    struct timespec times[2] = {{when, 0}, {when, 0}};
    ::utimensat(AT_FDCWD, path.c_str(), times, 0);
  }
  settings how;
  fs::path path = fs::absolute(harness::fresh_folder("settle")) / "x.epub";
  steady::time_point begin = steady::now();
  std::unique_ptr<settling> timer;
};

bool complete(const std::string& bytes) {
  fs::path p = fs::absolute(harness::fresh_folder("shape")) / "x";
  write(p, bytes);
  carrel::file f(::open(p.c_str(), O_RDONLY));
  return shape_complete(f.get(), bytes.size());
}

}  // namespace

TEST_CASE("a file is ready after three equal samples and its settling time") {
  timed t;
  write(t.path, epub({}));
  t.age(60s);
  t.timer = std::make_unique<settling>(t.how, false);
  CHECK(t.at(0s) == settled::wait);
  CHECK(t.at(2s) == settled::wait);
  CHECK(t.at(4s) == settled::ready);
}

TEST_CASE("a file whose folder has become a link is gone, whatever the link leads to") {
  timed t;
  fs::path outside = fs::absolute(harness::fresh_folder("outside")), folder = t.path.parent_path() / "in";
  write(outside / "y.epub", epub({}));
  t.path = folder / "y.epub";
  write(t.path, epub({}));
  t.timer = std::make_unique<settling>(t.how, false);
  CHECK(t.at(0s) == settled::wait);
  fs::remove_all(folder);
  fs::create_symlink(outside, folder);
  CHECK(t.at(2s) == settled::gone);
}

TEST_CASE("a fresh file waits for its settling time, an mtime in the future does not block") {
  timed t;
  write(t.path, epub({}));
  t.timer = std::make_unique<settling>(t.how, false);
  t.at(0s);
  t.at(2s);
  CHECK(t.at(4s) == settled::wait);
  t.age(-3600s);
  t.at(6s);
  t.at(8s);
  CHECK(t.at(10s) == settled::ready);
}

TEST_CASE("a change starts the samples again") {
  timed t;
  write(t.path, epub({}));
  t.age(60s);
  t.timer = std::make_unique<settling>(t.how, false);
  t.at(0s);
  t.at(2s);
  write(t.path, epub({.title = "Other"}));
  t.age(60s);
  CHECK(t.at(4s) == settled::wait);
  CHECK(t.at(6s) == settled::wait);
  CHECK(t.at(8s) == settled::ready);
}

TEST_CASE("a file that somebody writes to is not ready, however still it is") {
  timed t;
  write(t.path, epub({}));
  t.age(60s);
  carrel::file writer(::open(t.path.c_str(), O_WRONLY));
  carrel::file reader(::open(t.path.c_str(), O_RDONLY));
  if (!open_for_writing(reader.get())) {
    WARN("no leases on this file system");
    return;
  }
  t.timer = std::make_unique<settling>(t.how, false);
  t.at(0s);
  t.at(2s);
  CHECK(t.at(4s) == settled::wait);
  writer = carrel::file();
  CHECK(t.at(6s) == settled::ready);
}

TEST_CASE("an empty file waits, and a cut one waits longer") {
  timed t;
  write(t.path, "");
  t.age(60s);
  t.timer = std::make_unique<settling>(t.how, false);
  for (auto at : {0s, 2s, 4s, 599s}) CHECK(t.at(at) == settled::wait);
  CHECK(t.at(601s) == settled::ready);

  timed cut;
  write(cut.path, epub({}).substr(0, 400));
  cut.age(60s);
  cut.timer = std::make_unique<settling>(cut.how, false);
  cut.at(0s);
  cut.at(2s);
  CHECK(cut.at(4s) == settled::incomplete);
  CHECK(cut.timer->next() == cut.begin + 9s);
  CHECK(cut.at(9s) == settled::incomplete);
  CHECK(cut.timer->next() == cut.begin + 24s);
  CHECK(cut.at(25h) == settled::ready);
}

TEST_CASE("a file on a remote file system settles for half a minute") {
  timed t;
  write(t.path, epub({}));
  t.age(20s);
  t.timer = std::make_unique<settling>(t.how, true);
  t.at(0s);
  t.at(2s);
  CHECK(t.at(4s) == settled::wait);
}

TEST_CASE("links and pipes are special, missing files are gone") {
  timed t;
  t.timer = std::make_unique<settling>(t.how, false);
  CHECK(t.at(0s) == settled::gone);
  fs::create_symlink("/etc/passwd", t.path);
  CHECK(t.at(2s) == settled::special);
}

TEST_CASE("the end of a file fits its beginning") {
  std::string zip = epub({});
  CHECK(complete(zip));
  CHECK(complete(zip + std::string(100, '\0')));
  CHECK_FALSE(complete(zip.substr(0, zip.size() - 30)));
  CHECK_FALSE(complete(zip.substr(0, zip.size() / 2)));
  CHECK_FALSE(complete(std::string(100'000, '\0')));
  CHECK(complete("%PDF-1.7\n...\n%%EOF\n"));
  CHECK_FALSE(complete("%PDF-1.7\n..."));
  std::string ftyp{
      "\0\0\0\x10"
      "ftypM4B \0\0\0\0",
      16},
      mdat{
          "\0\0\0\x0c"
          "mdatabcd",
          12};
  CHECK(complete(ftyp + mdat));
  CHECK_FALSE(complete(ftyp + mdat.substr(0, 10)));
  std::string seven = std::string("7z\xbc\xaf\x27\x1c\0\4", 8) + std::string(4, 'c') +
                      std::string("\x04\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0", 16) + "crc!";
  CHECK(complete(seven + "dataHH"));
  CHECK_FALSE(complete(seven + "data"));
  CHECK(complete("just text"));
}

TEST_CASE("names that are never looked at") {
  std::vector<std::string> patterns{"._*", ".*", "*.part", "*.tmp", "Thumbs.db", "Secret*"};
  for (const char* name :
       {".a", "~a", "a~", "a.PART", "a.crdownload", "thumbs.DB", "desktop.ini", "a.!qB", "secret plans.epub", "x.torrent"}) {
    CHECK(ignored_file(name, patterns));
  }
  for (const char* name : {"a.epub", "part", "a.part.epub", "tmp.epub"}) CHECK_FALSE(ignored_file(name, patterns));
  for (const char* name : {"@eaDir", "#recycle", ".git", "Lost+Found", "System Volume Information"})
    CHECK(ignored_folder(name, patterns));
  CHECK_FALSE(ignored_folder("books", patterns));
}

TEST_CASE("a drop folder is the same folder however it is written") {
  auto folder = [](const std::string& written) {
    config::sources from;
    from.environment = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
    from.environment_names = {};
    from.command_line = {{"ingest.drop_dir", written}};
    return settings_from(config::load(from).value()).drop_dir;
  };
  CHECK(folder("/srv/drop/") == "/srv/drop");
  CHECK(folder("/srv/./x/../drop//") == "/srv/drop");
  CHECK(folder("drop") == fs::absolute("drop"));
}

TEST_CASE("ingest.poll: auto, off, or a period") {
  auto poll = [](const std::string& written) {
    config::sources from;
    from.environment = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
    from.environment_names = {};
    from.command_line = {{"ingest.poll", written}};
    return settings_from(config::load(from).value());
  };
  CHECK_FALSE(poll("auto").poll_off);
  CHECK_FALSE(poll("auto").scan_every);
  CHECK(poll("off").poll_off);
  CHECK_FALSE(poll("off").poll_only);
  CHECK_FALSE(poll("5s").poll_off);
  CHECK(poll("5s").poll_only);
  CHECK(poll("5s").scan_every == std::chrono::seconds(5));
}
