#include "opds/addresses.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/opds/samples.hpp"

using namespace carrel;
using namespace carrel::opds;
using namespace carrel::opds::tests;

TEST_CASE("parameters are in alphabetical order and carry the page size") {
  addresses at("https://h/p", 10);
  CHECK(at.feed({"/authors", {{"i", "#"}}}, {{"after", "T"}}) == "https://h/p/opds/authors?after=T&i=%23&n=10");
  CHECK(at.root() == "https://h/p/opds?n=10");
  CHECK(at.search_template() == "https://h/p/opds/search?n=10&q={searchTerms}");
  CHECK(addresses("https://h", std::nullopt).root() == "https://h/opds");
}

TEST_CASE("ids of feeds do not depend on the host, the page or its size") {
  CHECK(feed_id(instance, {"/new", {}}) == feed_id(instance, {"/new", {}}));
  CHECK(feed_id(instance, {"/new", {}}) != feed_id(instance, {"/new", {{"order", "title"}}}));
  CHECK(feed_id(instance, {"/new", {}}) != section_id(instance, {"/new", {}}));
}

TEST_CASE("file names are encoded byte by byte in download addresses") {
  addresses at("https://h", std::nullopt);
  library::book_file f = file_of(1, "epub", "It's (a) b&c, 漢.epub");
  CHECK(at.download(f).ends_with("/It%27s%20%28a%29%20b%26c%2C%20%E6%BC%A2.epub"));
}

TEST_CASE("a cover signature binds book, size, version and window") {
  cover_signing s{.key = std::string(32, 'k'), .window = 100};
  std::string good = s.signature(numbered(1), 300, "aaaaaaaa", 100);
  CHECK(good.size() == 22);
  CHECK(good != s.signature(numbered(2), 300, "aaaaaaaa", 100));
  CHECK(good != s.signature(numbered(1), 600, "aaaaaaaa", 100));
  CHECK(good != s.signature(numbered(1), 300, "aaaaaaab", 100));
  CHECK(good != s.signature(numbered(1), 300, "aaaaaaaa", 101));

  addresses at("https://h", std::nullopt);
  library::cover_ref c;
  c.sha256 = std::string(64, 'a');
  CHECK(at.cover(numbered(1), 300, c, s).ends_with("/300?e=100&s=" + good + "&v=aaaaaaaa"));
  CHECK(at.cover(numbered(1), 300, c, {}).ends_with("/300?v=aaaaaaaa"));
}
