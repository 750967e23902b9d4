#include <catch2/catch.hpp>
#include <random>

#include "epub_maker.hpp"
#include "mobi_maker.hpp"
#include "publication/mobi/text_check.hpp"
#include "publication/transport.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::big;
using test::mobi_book;

namespace {

// What came out could cross the pipe, or is a refusal by name.
std::string survive(const std::string& bytes) {
  result<opened, refusal> o = test::open_bytes(bytes, "book.mobi");
  if (o) {
    CHECK(from_json(to_json(*o)).ok());
    return {};
  }
  CHECK(message_for(o.error().code, o.error().detail) != o.error().code);
  return o.error().code;
}

mobi_book rich(int compression) {
  mobi_book b;
  b.exth = {{100, "Lark, Ada"}, {103, "<p>A <b>b</b></p>"}, {105, "S; T"}, {201, big(0, 4)}, {524, "en"}, {503, "Rich"}};
  b.pictures = {test::make_png(40, 60), test::make_png(20, 20)};
  b.chapters = {{"One", 0, 2, 3}, {"Two"}, {"One.a", 1}, {"One.b", 1}};
  b.compression = compression;
  b.markup = "<html><body><img recindex='1'/>";
  for (int i = 0; i < 100; ++i) b.markup += "<p>the cat and the dog " + std::to_string(i) + "</p><mbp:pagebreak/>";
  return b;
}

mobi_book rich_kf8(int compression) {
  mobi_book b = rich(compression), k = test::kf8_book();
  b.frames = k.frames;
  b.behind_frames = "p {}";
  return b;
}

std::vector<std::string> good_files() {
  std::vector<std::string> out;
  for (int compression : {1, 2, 17480}) {
    out.push_back(rich(compression).bytes());
    out.push_back(rich_kf8(compression).bytes());
  }
  out.push_back(test::make_hybrid(rich(2), rich_kf8(2)));
  out.push_back(test::make_palmdoc("the cat and the dog, the cat and the dog", 2));
  mobi_book locked = rich(2);
  locked.encryption = 1;
  out.push_back(locked.bytes());
  mobi_book words = rich(1);
  words.dictionary = true;
  words.encoding = 1252;
  out.push_back(words.bytes());
  return out;
}

std::size_t below(std::mt19937& random, std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); }

// Numbers that are the first or the last of something.
std::uint64_t odd_number(std::mt19937& random) {
  static constexpr std::uint64_t all[] = {0,     1,      2,      7,      8,       0x7f,       0x80,       0xff,       0x100,
                                          0xfff, 0x1000, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
  return all[below(random, std::size(all))];
}

std::string mutated(std::string bytes, std::mt19937& random) {
  for (std::size_t i = 0, n = 1 + below(random, 6); i < n && !bytes.empty(); ++i) {
    std::size_t at = below(random, bytes.size()), length = 1 + below(random, 64), width = std::size_t{1} << below(random, 3);
    switch (below(random, 8)) {
      case 0: bytes[at] = static_cast<char>(below(random, 256)); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << below(random, 8))); break;
      case 2: bytes.erase(at, length); break;
      case 3: bytes.insert(at, bytes.substr(below(random, bytes.size()), length)); break;
      case 4: bytes.insert(at, std::string(length, static_cast<char>(below(random, 256)))); break;
      case 5: bytes.resize(at); break;
      default: bytes.replace(at, width, big(odd_number(random), width)); break;
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("thousands of damaged MOBI files end with a book or a named refusal") {
  std::mt19937 random(20240311);
  for (const std::string& good : good_files()) {
    REQUIRE(survive(good) == "");
    for (int i = 0; i < 1000; ++i) {
      INFO("mutation " << i);
      survive(mutated(good, random));
    }
  }
}

TEST_CASE("MOBI files with one damaged record, too") {
  std::mt19937 random(12);
  for (int compression : {1, 2, 17480}) {
    for (bool kf8 : {false, true}) {
      const std::vector<std::string> good = (kf8 ? rich_kf8(compression) : rich(compression)).records();
      for (std::size_t i = 0; i < 300; ++i) {
        INFO("mutation " << i);
        std::vector<std::string> records = good;
        std::string& victim = records[i % (good.size() - 3)];
        victim = mutated(victim, random);
        survive(test::make_palm(records));
      }
    }
  }
}

TEST_CASE("every number in front of a book may be absurd") {
  for (const mobi_book& b : {rich(2), rich_kf8(17480)}) {
    mobi_book copy = b;
    const std::vector<std::string> good = copy.records();
    for (std::size_t at = 0; at + 4 <= std::min<std::size_t>(good[0].size(), 400); at += 2) {
      for (std::uint64_t value : {0x00000000u, 0x00000001u, 0x0000ffffu, 0x7fffffffu, 0xfffffff0u, 0xffffffffu}) {
        std::vector<std::string> records = good;
        records[0].replace(at, 4, big(value, 4));
        survive(test::make_palm(records));
      }
    }
  }
}

TEST_CASE("a MOBI file that is cut anywhere is damaged, or read as far as it goes") {
  for (const std::string& good : {rich(2).bytes(), test::make_hybrid(rich(2), rich_kf8(2))}) {
    for (std::size_t n = 68; n < good.size(); n += n < 1200 ? 1 : 37) {
      INFO(n);
      survive(good.substr(0, n));
    }
    CHECK(survive(good.substr(0, good.size() / 2)) == "mobi_damaged");
  }
}

TEST_CASE("a list of records that cannot be is refused") {
  std::string good = mobi_book{}.bytes();
  auto with = [&](std::size_t at, std::uint64_t value, std::size_t width) {
    std::string bytes = good;
    return survive(bytes.replace(at, width, big(value, width)));
  };
  CHECK(with(76, 0, 2) == "mobi_damaged");
  CHECK(with(76, 20'001, 2) == "mobi_damaged");
  CHECK(with(76, 65'535, 2) == "mobi_damaged");
  CHECK(with(78, 10, 4) == "mobi_damaged");
  CHECK(with(78, 0xffffffff, 4) == "mobi_damaged");
  CHECK(with(86, 0xffffffff, 4) == "mobi_damaged");
  CHECK(survive(test::make_palm(std::vector<std::string>(20'001, "x"))) == "mobi_damaged");
  CHECK(survive(test::make_palm({"tiny"})) == "mobi_damaged");
  CHECK(survive(test::make_palm({std::string(1, '\0') + "\7" + std::string(300, '\0')})) == "mobi_damaged");
  std::vector<std::string> records = mobi_book{}.records();
  records.insert(records.end() - 1, std::string((64 << 20) + 1, 'x'));
  CHECK(survive(test::make_palm(records)) == "mobi_damaged");
  records.pop_back();
  CHECK(survive(test::make_palm(records)) == "mobi_damaged");
  records.back().pop_back();
  CHECK(survive(test::make_palm(records)) == "");
}

TEST_CASE("MOBI's header must fit into its record, and its list of values, too") {
  mobi_book b;
  std::vector<std::string> records = b.records();
  records[0].replace(20, 4, big(records[0].size(), 4));
  CHECK(survive(test::make_palm(records)) == "mobi_damaged");
  records = b.records();
  std::size_t exth = records[0].find("EXTH");
  for (std::uint64_t size : {0u, 11u, 0x7fffffffu, 0xffffffffu}) {
    records[0].replace(exth + 4, 4, big(size, 4));
    auto o = test::open_bytes(test::make_palm(records), "book.mobi");
    REQUIRE(o);
    CHECK(test::codes(*o) == "metadata_missing_author");
  }
}

TEST_CASE("text that would not fit or has no sense is not unpacked") {
  const std::string far = "ab\x80\x10", before = "ab\x80\x20";  // two and four back
  using namespace std::string_literals;
  CHECK(mobi::palmdoc_fits(far, 5));
  CHECK_FALSE(mobi::palmdoc_fits(far, 4));
  CHECK_FALSE(mobi::palmdoc_fits(before, 100));
  CHECK_FALSE(mobi::palmdoc_fits("ab\x80\x00"s, 100));
  CHECK_FALSE(mobi::palmdoc_fits("ab\x80", 100));
  CHECK_FALSE(
      mobi::palmdoc_fits("\x05"
                         "abc",
                         100));
  CHECK(
      mobi::palmdoc_fits("\x03"
                         "\xff\xfe\xfd",
                         3));
  CHECK(mobi::palmdoc_fits("", 0));

  std::vector<std::string> records = rich(2).records();
  records[1] = std::string(4095, 'a');
  for (int i = 0; i < 1000; ++i) records[1] += "\x80\x0f";
  auto o = test::open_bytes(test::make_palm(records), "book.mobi");
  REQUIRE(o);
  CHECK(test::codes(*o) == "archive_entry_damaged");
  CHECK(o->content_hash.empty());
}

TEST_CASE("tables of codes that lead nowhere are not used") {
  const std::vector<std::string> good = rich(17480).records();
  std::size_t huff = 0;
  while (!good[huff].starts_with("HUFF")) ++huff;
  auto damaged = [&](std::size_t record, std::size_t at, const std::string& bytes) {
    std::vector<std::string> records = good;
    records[record].replace(at, bytes.size(), bytes);
    auto o = test::open_bytes(test::make_palm(records), "book.mobi");
    return o && test::warned(*o, "archive_entry_damaged") && o->content_hash.empty();
  };
  CHECK(damaged(huff, 24, big(0x80, 4)));       // a code without length
  CHECK(damaged(huff, 8, big(0xfffffff0, 4)));  // tables behind the end
  CHECK(damaged(huff, 12, big(2584, 4)));
  CHECK(damaged(huff + 1, 8, big(300, 4)));  // more phrases than there are
  CHECK(damaged(huff + 1, 12, big(17, 4)));
  CHECK(damaged(huff + 1, 12, big(0, 4)));
  CHECK(damaged(huff + 1, 16, big(0xfff0, 2)));        // a phrase behind the end
  CHECK(damaged(huff + 1, 16 + 512, big(0x8000, 2)));  // an empty one
  CHECK(damaged(huff + 1, 16 + 512, big(0xffff, 2)));  // one without end
  std::size_t the = 16 + 512 + 3;                      // that of 1 is made of itself
  std::string itself = big(4, 2) + std::string(4, '\xfe');
  CHECK(damaged(huff + 1, the, itself));
}

TEST_CASE("frames and pieces cannot make more text than there is") {
  mobi_book b = test::kf8_book();
  const std::vector<std::string> good = b.records();
  std::mt19937 random(5);
  for (std::size_t list = 1; list < good.size() - 3; ++list) {
    for (std::size_t at = 0; at < good[list].size(); ++at) {
      for (char c : {'\0', '\x7f', '\x80', '\xff'}) {
        std::vector<std::string> records = good;
        records[list][at] = c;
        survive(test::make_palm(records));
      }
    }
  }
  // The same frame ten thousand times over.
  b.frames.assign(2, {"<html><body>" + std::string(3000, 'x') + "</body></html>", {}});
  std::vector<std::string> records = b.records();
  auto frames = std::find_if(records.begin(), records.end(), [](const std::string& r) { return r.find("SKEL") != r.npos; });
  REQUIRE(frames != records.end());
  std::string entry = frames->substr(192, 16 + 2 + 2 * 3), places = "IDXT", data = frames->substr(0, 192);
  for (int i = 0; i < 2000; ++i) {
    places += big(data.size(), 2);
    data += entry;
  }
  *frames = data + places;
  frames->replace(20, 4, big(data.size(), 4)).replace(24, 4, big(2000, 4));
  auto o = test::open_bytes(test::make_palm(records), "book.mobi");
  REQUIRE(o);
  CHECK(test::codes(*o) == "archive_entry_damaged");
}

TEST_CASE("markup full of nonsense ends") {
  auto repeated = [](const std::string& s, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += s;
    return out;
  };
  for (const std::string& markup :
       {repeated("<b><i><p>", 30'000), repeated("<", 200'000), "<p title=\"" + std::string(300'000, 'x'),
        repeated("<mbp:pagebreak", 20'000), repeated("<mbp:pagebreak/>", 100'000), std::string(300'000, '\0'),
        repeated("\xff", 100'000), repeated("<!--", 50'000),
        "<!DOCTYPE x [<!ENTITY b '" + std::string(1000, 'b') + "'>]><html><body>" + repeated("&b;", 100'000)}) {
    mobi_book b;
    b.markup = markup;
    CHECK(survive(b.bytes()) == "");
    b.frames = {{markup.substr(0, 200'000), {}}};
    CHECK(survive(b.bytes()) == "");
  }
}

TEST_CASE("strings of a MOBI may hold anything") {
  const std::vector<std::string> odd{std::string("a\0b", 3),
                                     "\x7f\x01\x1b[0m",
                                     "\xed\xa0\x80",
                                     "\xe2\x80\xae"
                                     "x",
                                     "&amp;#127;",
                                     "<p>&#1;",
                                     std::string(70'000, '\xff'),
                                     "; ",
                                     ", ",
                                     "9999999999999",
                                     "kindle:embed:VVVVVVVVVV",
                                     "\xef\xb7\xba\xef\xb7\xba",
                                     "<a href='https://x/?&amp;#127;'>y</a>"};
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    mobi_book b;
    b.exth.clear();
    for (std::uint32_t tag : {100u, 101u, 103u, 104u, 105u, 106u, 108u, 109u, 112u, 113u,
                              122u, 129u, 201u, 202u, 501u, 503u, 504u, 524u, 525u, 527u}) {
      b.exth.emplace_back(tag, odd[below(random, odd.size())] + "2019" + odd[below(random, odd.size())]);
    }
    b.encoding = i % 2 == 0 ? 65001 : 1252;
    b.full_name = odd[below(random, odd.size())];
    b.chapters = {{odd[below(random, odd.size())].substr(0, 100)}};
    CHECK(survive(b.bytes()) == "");
  }
}

TEST_CASE("phrases of empty phrases do not take for ever") {
  std::vector<std::string> records = rich(17480).records();
  std::size_t cdic = 0;
  while (!records[cdic].starts_with("CDIC")) ++cdic;
  std::string phrases, offsets;
  for (int i = 0; i < 256; ++i) {
    offsets += big(512 + phrases.size(), 2);
    phrases += i < 18 ? big(16, 2) + std::string(16, static_cast<char>(254 - i)) : big(0x8000, 2);
  }
  records[cdic] = "CDIC" + big(16, 4) + big(256, 4) + big(8, 4) + offsets + phrases;
  auto o = test::open_bytes(test::make_palm(records), "book.mobi");
  REQUIRE(o);
  CHECK(test::codes(*o) == "archive_entry_damaged");
}
