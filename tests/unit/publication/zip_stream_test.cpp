// Archives that are handed over while they are made.

#include "publication/zip_stream.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

#include "publication/container.hpp"

using namespace carrel;
using namespace carrel::publication;

namespace {

struct unpacked {
  int descriptor = -1;
  std::unique_ptr<archive> zip;
  ~unpacked() {
    zip.reset();
    if (descriptor >= 0) ::close(descriptor);
  }
};

void open_bytes(const std::string& bytes, unpacked& out) {
  std::string name = (std::filesystem::temp_directory_path() / "carrel-zip-XXXXXX").string();
  out.descriptor = ::mkstemp(name.data());
  REQUIRE(out.descriptor >= 0);
  std::ofstream(name, std::ios::binary) << bytes;
  std::filesystem::remove(name);
  result<std::unique_ptr<archive>, refusal> zip = archive::open(out.descriptor, limits{}, 1 << 24);
  REQUIRE(zip);
  out.zip = std::move(*zip);
}

}  // namespace

TEST_CASE("what goes into a stream of a ZIP comes out of it, names of every script too") {
  zip_stream to;
  std::string long_one(300'000, 'x'), all;
  REQUIRE(to.begin("Ursula – Die Tänzer 火.epub", 5, instant(std::chrono::seconds(1'700'000'000))));
  REQUIRE(to.add("he"));
  REQUIRE(to.add("llo"));
  all += to.take();
  CHECK_FALSE(all.empty());  // handed over before the next one begins
  REQUIRE(to.begin("empty.txt", 0, instant{}));
  REQUIRE(to.begin("long.pdf", long_one.size(), instant{}));
  REQUIRE(to.add(long_one));
  REQUIRE(to.finish());
  all += to.take();
  CHECK(all.size() < long_one.size() + 1500);

  unpacked in;
  open_bytes(all, in);
  REQUIRE(in.zip->entries().size() == 3);
  const archive_entry* first = in.zip->find("Ursula – Die Tänzer 火.epub");
  const archive_entry* third = in.zip->find("long.pdf");
  REQUIRE(first != nullptr);
  REQUIRE(third != nullptr);
  CHECK(in.zip->read(*first, 1000, "archive_entry_too_large").value() == "hello");
  CHECK(in.zip->read(*third, 1 << 20, "archive_entry_too_large").value() == long_one);
}

TEST_CASE("an entry that is not whole ends the stream, and no end is written") {
  zip_stream to;
  REQUIRE(to.begin("a.epub", 5, instant{}));
  REQUIRE(to.add("hel"));
  CHECK_FALSE(to.begin("b.epub", 1, instant{}));
  CHECK_FALSE(to.add("lo"));
  CHECK_FALSE(to.finish());
  zip_stream other;
  REQUIRE(other.begin("a.epub", 2, instant{}));
  CHECK_FALSE(other.add("hello"));
}
