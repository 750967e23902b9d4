#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "pdf_maker.hpp"
#include "publication/cover.hpp"
#include "publication/file_bytes.hpp"
#include "publication/isolated/first_page.hpp"
#include "server/core/text.hpp"
#include "tests/harness/folder.hpp"
#include "zip_maker.hpp"

using namespace carrel;
using namespace carrel::publication;
using isolated::drawing;
namespace fs = std::filesystem;

namespace {

// Temporary files of this process go to a folder of its own meanwhile.
class own_temporary {
 public:
  own_temporary() {
    const char* before = std::getenv("TMPDIR");
    before_ = before != nullptr ? before : "";
    ::setenv("TMPDIR", folder_.path.c_str(), 1);
  }
  ~own_temporary() {
    if (before_.empty())
      ::unsetenv("TMPDIR");
    else
      ::setenv("TMPDIR", before_.c_str(), 1);
  }
  bool is_empty() const { return fs::is_empty(folder_.path); }

 private:
  harness::scratch_folder folder_;
  std::string before_;
};

// A program of the test's own in the place of pdftoppm.
class script {
 public:
  explicit script(const std::string& body) : path_(folder_.path / "pdftoppm") {
    std::ofstream(path_) << "#!/bin/sh\n" << body << "\n";
    fs::permissions(path_, fs::perms::owner_all);
    how.program = path_;
  }
  const fs::path& folder() const { return folder_.path; }
  drawing how;

 private:
  harness::scratch_folder folder_;
  fs::path path_;
};

result<file, refusal> draw(const drawing& how, const std::string& bytes = test::pdf{}.bytes()) {
  test::scratch in(bytes);
  return isolated::draw_first_page(in.descriptor(), how);
}

std::string drawn(const drawing& how) {
  result<file, refusal> out = draw(how);
  if (!out) FAIL(out.error().code << " " << out.error().detail);
  return read_at(out->get(), 0, 1 << 20);
}

std::string why_not(const drawing& how, const std::string& bytes = test::pdf{}.bytes()) {
  own_temporary temporary;
  result<file, refusal> out = draw(how, bytes);
  CHECK(temporary.is_empty());
  if (out) return "drawn";
  CHECK(out.error().code == "cover_missing");
  return out.error().detail;
}

// Gone, or dead and waiting for whoever inherited it.
bool has_ended(const std::string& pid) {
  std::string stat = harness::read_file("/proc/" + pid + "/stat");
  return stat.empty() || stat.find(") Z ") != std::string::npos;
}

}  // namespace

TEST_CASE("pdftoppm draws page 1, and nothing stays behind", "[pdf]") {
  if (isolated::pdftoppm().empty()) {
    WARN("pdftoppm is not installed: not checked");
    return;
  }
  own_temporary temporary;
  test::pdf p;
  p.content = "1 0 0 rg 0 0 300 400 re f";
  result<file, refusal> out = draw({}, p.bytes());
  REQUIRE(out);
  CHECK(temporary.is_empty());
  std::string jpeg = read_at(out->get(), 0, 1 << 20);
  auto facts = inspect_picture(jpeg);
  REQUIRE(facts);
  CHECK(facts->mime == "image/jpeg");
  CHECK(facts->width == 1200);
  CHECK(facts->height == 1600);
}

TEST_CASE("what pdftoppm cannot draw, or not within its memory, is no picture", "[pdf]") {
  if (isolated::pdftoppm().empty()) {
    WARN("pdftoppm is not installed: not checked");
    return;
  }
  CHECK(why_not({}, "%PDF-1.7\nnothing") != "drawn");
  drawing little;
  little.memory = 1 << 20;
  CHECK(why_not(little) != "drawn");
}

TEST_CASE("the program gets the file as a descriptor and no name, no environment and nothing else", "[pdf]") {
  int kept = ::open("/etc/hostname", O_RDONLY);  // as a careless library opens
  int high = ::fcntl(kept, F_DUPFD, 77);
  script tell(
      "{ echo \"$@\"; tr '\\0' '\\n' </proc/$$/environ; ls -l /proc/$$/fd | sed 's/.* \\([0-9]* -> "
      "\\)/\\1/'; "
      "head -c 8 /proc/self/fd/3; echo; ulimit -a; cut -d' ' -f5 /proc/$$/stat | sed \"s/^$$\\$/own group/\"; }");
  std::string told = drawn(tell.how);
  ::close(high);
  ::close(kept);
  INFO(told);
  auto has = [&](const std::string& line) { return ("\n" + told).find("\n" + line) != std::string::npos; };
  CHECK(has("-f 1 -l 1 -singlefile -scale-to 1600 -jpeg -jpegopt quality=90 /proc/self/fd/3\nPATH="));
  CHECK_FALSE(has("HOME="));
  CHECK_FALSE(has("TMPDIR="));
  CHECK(has("0 -> /dev/null"));
  CHECK(has("2 -> /dev/null"));
  CHECK_FALSE(has(std::to_string(high) + " -> "));
  CHECK(has("%PDF-1.5"));
  CHECK(told.find("own group") != std::string::npos);
  auto limit = [&](const std::string& name, const std::string& value) {
    std::size_t at = told.find(name);
    REQUIRE(at != std::string::npos);
    std::string line = told.substr(at, told.find('\n', at) - at);
    CHECK(line.ends_with(" " + value));
  };
  limit("time(seconds)", "15");
  limit("file(blocks)", std::to_string((64 << 20) / 512));
  limit("coredump(blocks)", "0");
  limit("vmemory(kbytes)", std::to_string(1 << 20));
}

TEST_CASE("a program that fails, or writes nothing, or a link, gives no picture", "[pdf]") {
  CHECK(why_not(script("echo x; exit 3").how) == "status 3");
  CHECK(why_not(script("exit 0").how) == "no picture");
  CHECK(why_not(script("kill -0 $$ && echo x").how) == "status 1");  // it may send no signals
  CHECK(why_not(drawing{.program = "/nonexistent/pdftoppm"}) == "status 127");
  CHECK(why_not(drawing{.program = {}}) == "pdftoppm is not installed");
}

TEST_CASE("a program that writes too much is stopped", "[pdf]") {
  script greedy("exec dd if=/dev/zero bs=1k count=100");
  greedy.how.output = 10 << 10;
  CHECK(why_not(greedy.how) == "signal " + std::to_string(SIGXFSZ));
}

TEST_CASE("a program that does not end is ended with all it has started", "[pdf]") {
  script slow("sleep 1000 & echo $! >" + std::string("$(dirname $0)/pid; wait"));
  slow.how.clock = std::chrono::seconds(1);
  CHECK(why_not(slow.how) == "time");
  std::string pid(trim(harness::read_file(slow.folder() / "pid")));
  REQUIRE_FALSE(pid.empty());
  for (int i = 0; i < 500 && !has_ended(pid); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(has_ended(pid));

  script forker("sleep 1000 & echo $! >$(dirname $0)/pid; echo x");
  CHECK(drawn(forker.how) == "x\n");
  pid = std::string(trim(harness::read_file(forker.folder() / "pid")));
  REQUIRE_FALSE(pid.empty());
  for (int i = 0; i < 500 && !has_ended(pid); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(has_ended(pid));
}

TEST_CASE("a program that only computes runs out of processor time", "[pdf]") {
  script busy("while :; do :; done");
  busy.how.cpu = std::chrono::milliseconds(700);  // one second, as limits count
  std::string why = why_not(busy.how);
  CHECK((why == "signal " + std::to_string(SIGXCPU) || why == "signal 9"));
}
