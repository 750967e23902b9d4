#include "publication/container.hpp"

#include <catch2/catch.hpp>

#include "zip_maker.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::make_zip;
using test::part;

namespace {

std::string refused(const std::vector<part>& parts, const limits& limit = {}) {
  test::scratch file(make_zip(parts));
  auto a = archive::open(file.descriptor(), limit, limit.unpacked);
  return a ? "" : a.error().code;
}

std::string read_code(const std::vector<part>& parts, std::size_t index = 0) {
  test::scratch file(make_zip(parts));
  auto a = archive::open(file.descriptor(), {}, limits{}.unpacked);
  REQUIRE(a);
  auto bytes = (*a)->read((*a)->entries().at(index), 1 << 20, "too_large");
  return bytes ? "ok:" + *bytes : bytes.error().code;
}

}  // namespace

TEST_CASE("entries are read whole and checked") {
  std::string text(100'000, 'a');
  CHECK(read_code({{.name = "a", .data = "stored"}}) == "ok:stored");
  CHECK(read_code({{.name = "a", .data = text, .deflate = true}}) == "ok:" + text);
  CHECK(read_code({{.name = "a", .data = ""}}) == "ok:");
  CHECK(read_code({{.name = "a", .data = "x", .crc = 1}}) == "archive_entry_damaged");
  CHECK(read_code({{.name = "a", .data = text, .deflate = true, .crc = 1}}) == "archive_entry_damaged");
  CHECK(read_code({{.name = "a", .data = std::string(2 << 20, 'x')}}) == "too_large");
  CHECK(read_code({{.name = "a", .data = "x", .attributes = 0120777u << 16}}) == "archive_symlink");
  CHECK(read_code({{.name = "a", .data = "x", .method = 97}}) == "archive_unsupported_method");
  CHECK(read_code({{.name = "a", .data = std::string(20, 'x'), .flags = 1}}) == "archive_encrypted");
}

TEST_CASE("sizes that lie stop the reading") {
  std::uint32_t crc = 0;
  std::string zeros = test::deflated_zeros(64 << 20, crc);
  CHECK(read_code({{.name = "a", .data = "", .size = 500, .crc = crc, .packed = zeros}}) == "archive_entry_damaged");
  CHECK(read_code({{.name = "a", .data = "short", .deflate = true, .size = 5000}}) == "archive_entry_damaged");
}

TEST_CASE("bombs are refused before anything is read") {
  std::uint32_t crc = 0;
  std::string zeros = test::deflated_zeros(64 << 20, crc);
  CHECK(refused({{.name = "a", .data = "", .size = 64u << 20, .crc = crc, .packed = zeros}}) == "archive_ratio");
  std::vector<part> many;
  for (int i = 0; i < 40; ++i)
    many.push_back(
        {.name = "a" + std::to_string(i), .data = "", .size = 31u << 20, .crc = crc, .packed = std::string(200'000, 'x')});
  CHECK(refused(many) == "archive_too_large");
  CHECK(refused({{.name = "a", .data = "x"}, {.name = "b", .data = "x"}}, limits{.entries = 1}) == "archive_too_many_entries");
  std::vector<part> empty_files(40'000);
  for (std::size_t i = 0; i < empty_files.size(); ++i) empty_files[i].name = "f" + std::to_string(i);
  CHECK(refused(empty_files) == "archive_too_many_entries");
}

TEST_CASE("names that point outside are refused") {
  for (const char* name : {"../x", "a/../../x", "/x", "\\x", "..\\x", "C:/x", "c:x", "a\\..\\..\\x", "", ".."}) {
    INFO(name);
    CHECK(refused({{.name = name, .data = "x"}}) == "archive_unsafe_path");
  }
  CHECK(refused({{.name = std::string(1025, 'a'), .data = "x"}}) == "archive_unsafe_path");
  for (const char* name : {"a/../x", "a..b/x", "...", "a\\b", "x/./y", "\x95\x5c\x8e\x86", "a\x01\nb"}) {
    INFO(name);
    CHECK(refused({{.name = name, .data = "x"}}) == "");
  }
}

TEST_CASE("names are found by their bytes, then more loosely") {
  test::scratch file(make_zip({{.name = "dir/\u00c9.txt", .data = "1"},
                               {.name = "same", .data = "2"},
                               {.name = "same", .data = "3"},
                               {.name = "a%20b", .data = "4"}}));
  auto opened = archive::open(file.descriptor(), {}, limits{}.unpacked);
  REQUIRE(opened);
  archive& a = **opened;
  CHECK(a.find("dir/\u00c9.txt") == &a.entries()[0]);
  CHECK(a.find("dir/E\u0301.txt") == nullptr);
  CHECK(a.find_close("dir/E\u0301.txt") == &a.entries()[0]);
  CHECK(a.find_close("a b") == &a.entries()[3]);
  CHECK(a.find_close("DIR/\u00e9.TXT") == nullptr);
  CHECK(a.find_without_case("DIR/\u00e9.TXT") == &a.entries()[0]);
  REQUIRE(a.find("same") == &a.entries()[1]);
  CHECK(a.entries()[1].duplicate);
  CHECK(*a.read(*a.find("same"), 100, "x") == "2");
}

TEST_CASE("hrefs resolve like paths") {
  CHECK(resolve_href("OEBPS/text", "../a%20b.png?x#y") == "OEBPS/a b.png");
  CHECK(resolve_href("", "a/./b//c") == "a/b/c");
  CHECK(resolve_href("OEBPS", "").value_or("none") == "OEBPS");
  CHECK_FALSE(resolve_href("OEBPS", "../../a"));
  CHECK_FALSE(resolve_href("OEBPS", "%2e%2e/../a"));
  CHECK_FALSE(resolve_href("", "/a"));
  CHECK_FALSE(resolve_href("", "https://example.org/a"));
  CHECK_FALSE(resolve_href("", "data:text/html,x"));
  CHECK(resolve_href("", "a/b:c") == "a/b:c");
}
