// Comics that lie, are damaged or too large (ingest.md 20, 21).

#include <catch2/catch.hpp>
#include <random>

#include "comic_maker.hpp"
#include "epub_maker.hpp"
#include "publication/transport.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::page_picture;
using test::part;

namespace {

part page(const std::string& name, int number) { return {.name = name, .data = page_picture(number)}; }

std::vector<part> sample() {
  return {page("a/2.png", 2),
          page("a/10.png", 10),
          {.name = "notes.txt", .data = "some text"},
          page("cover.png", 3),
          {.name = "ComicInfo.xml",
           .data = "<ComicInfo><Title>Shore</Title><Series>Sea</Series><Number>1/2</Number><Writer>Ada Lark, Ben Moss</Writer>"
                   "<Year>2019</Year><Genre>a, b</Genre><Web>https://example.org/</Web><Summary>&lt;p&gt;x&lt;/p&gt;</Summary>"
                   "<Pages><Page Image='1' Type='FrontCover'/><Page Image='0' Type='Deleted'/></Pages></ComicInfo>"}};
}

// Opens, and checks that whatever came out could cross the pipe.
void survive(const std::string& bytes, const std::string& name) {
  auto o = test::open_bytes(bytes, name);
  if (o) {
    CHECK(from_json(to_json(*o)).ok());
  } else {
    CHECK(message_for(o.error().code, o.error().detail) != o.error().code);
    auto told = from_json(to_json(o.error()));
    REQUIRE_FALSE(told);
    CHECK(told.error().code == o.error().code);
  }
}

std::string mutated(std::string bytes, std::mt19937& random) {
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (std::size_t i = 0, n = 1 + below(6); i < n && !bytes.empty(); ++i) {
    std::size_t at = below(bytes.size());
    switch (below(5)) {
      case 0: bytes[at] = static_cast<char>(below(256)); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << below(8))); break;
      case 2: bytes.erase(at, 1 + below(16)); break;
      case 3: bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(64))); break;
      default: bytes.replace(at, 4, "\xff\xff\xff\xff"); break;
    }
  }
  return bytes;
}

std::string code(const std::string& bytes, const std::string& name, const limits& limit) {
  auto o = test::open_bytes(bytes, name, limit);
  return o ? std::string() : o.error().code;
}

}  // namespace

TEST_CASE("comics cut at every length end as a book or a named refusal") {
  for (const test::container& c : test::containers()) {
    std::string whole = c.make(sample());
    REQUIRE(test::open_bytes(whole, c.name).ok());
    std::size_t step = 1 + whole.size() / 500;
    for (std::size_t n = 1; n < whole.size(); n += n < 200 ? 1 : step) {
      INFO(c.name << " cut at " << n);
      survive(whole.substr(0, n), c.name);
    }
  }
}

TEST_CASE("a comic that lost its last page is refused, not shortened") {
  for (const test::container& c : test::containers()) {
    INFO(c.name);
    std::string whole = c.make({page("1.png", 1), page("2.png", 2)});
    std::size_t last = c.name.ends_with(".cbt") ? 1024 + 512 + 512 + 20 : whole.size() / 2 + 10;
    CHECK(test::refused_code(whole.substr(0, last), c.name) == "archive_corrupt");
  }
}

TEST_CASE("250 damaged comics of each container end as a book or a named refusal") {
  std::mt19937 random(20240607);
  for (const test::container& c : test::containers()) {
    std::string whole = c.make(sample());
    for (int i = 0; i < 250; ++i) {
      INFO(c.name << " mutation " << i);
      survive(mutated(whole, random), c.name);
    }
  }
}

TEST_CASE("300 damaged ComicInfo files are read as far as they go") {
  std::mt19937 random(5);
  std::vector<part> parts = sample();
  const std::string whole = parts.back().data;
  for (int i = 0; i < 300; ++i) {
    INFO("mutation " << i);
    parts.back().data = mutated(whole, random);
    survive(test::make_zip(parts), "a.cbz");
  }
}

TEST_CASE("limits hold in every container") {
  std::vector<part> many, large{{.name = "1.png", .data = std::string(3 << 20, 'x')}, page("2.png", 2)};
  for (int i = 0; i < 12; ++i) many.push_back(page(std::to_string(i) + ".png", i));
  for (const test::container& c : test::containers()) {
    INFO(c.name);
    limits few, small_sum, small_image;
    few.entries = 11;
    CHECK(code(c.make(many), c.name, few) == "archive_too_many_entries");
    small_sum.comic_unpacked = small_sum.unpacked = 2 << 20;
    CHECK(code(c.make(large), c.name, small_sum) == "archive_too_large");
    small_image.image = 2 << 20;
    CHECK(code(c.make(large), c.name, small_image) == "archive_entry_too_large");
    CHECK(code(c.make(large), c.name, {}).empty());
  }
}

TEST_CASE("a comic that unpacks to two hundred times its size is refused before that is done") {
  std::string bomb = test::make_7z({{.name = "1.png", .data = std::string(40 << 20, '\0')}, page("2.png", 2)});
  REQUIRE(bomb.size() < 100'000);
  CHECK(test::refused_code(bomb, "a.cb7") == "archive_ratio");
  part lying = page("1.png", 1);
  lying.size = 0x7fffffff;
  CHECK(test::refused_code(test::make_rar5({lying}), "a.cbr") == "archive_ratio");
  CHECK(test::refused_code(test::make_rar4({lying}), "a.cbr") == "archive_ratio");
}

TEST_CASE("a size that is not true is told") {
  part short_one = page("1.png", 1), long_one = page("1.png", 1);
  short_one.size = 10;
  long_one.size = static_cast<std::uint32_t>(long_one.data.size() + 10);
  for (const part& p : {short_one, long_one}) {
    CHECK(code(test::make_rar4({p, page("2.png", 2)}), "a.cbr", {}) != "inspection_crash");
    survive(test::make_rar4({p, page("2.png", 2)}), "a.cbr");
    survive(test::make_rar4({p, page("2.png", 2)}, {.solid = true}), "a.cbr");
    survive(test::make_rar5({p, page("2.png", 2)}), "a.cbr");
    survive(test::make_zip({p, page("2.png", 2)}), "a.cbz");
  }
}

TEST_CASE("names that leave the folder are refused") {
  for (const test::container& c : test::containers()) {
    INFO(c.name);
    for (const char* name : {"../1.png", "/etc/1.png", "a/../../1.png", "C:/1.png"}) {
      INFO(name);
      CHECK(test::refused_code(c.make({page("0.png", 0), page(name, 1)}), c.name) == "archive_unsafe_path");
    }
  }
}

TEST_CASE("odd names do no harm") {
  for (const test::container& c : test::containers()) {
    for (const char* name : {"\xff\xfe.png", "a\x01.png", "\xe2\x80\xae.png", "....png", " .png", "a//b.png", "./.png"}) {
      INFO(c.name);
      survive(c.make({page("0.png", 0), {.name = name, .data = "x"}}), c.name);
      survive(c.make({{.name = name, .data = "not a picture"}}), c.name);
    }
  }
}

TEST_CASE("heads of RAR that lead nowhere end") {
  std::string magic4("Rar!\x1a\x07\0", 7), magic5("Rar!\x1a\x07\x01\0", 8);
  for (const std::string& magic : {magic4, magic5}) {
    for (char filler : {'\0', '\x01', '\x73', '\x7f', '\xff'}) survive(magic + std::string(300, filler), "a.cbr");
    survive(magic, "a.cbr");
  }
  std::string loop = magic4;  // blocks of the smallest size, one after the other
  for (int i = 0; i < 1000; ++i) loop += std::string("\0\0\x75\0\0\x07\0", 7);
  survive(loop, "a.cbr");
}
