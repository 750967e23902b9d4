#include <catch2/catch.hpp>
#include <random>

#include "epub_maker.hpp"
#include "publication/charset.hpp"
#include "publication/transport.hpp"
#include "publication/xml.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::publication;

namespace {

opened read(const std::string& bytes, const std::string& name = "a.txt") {
  auto o = test::open_bytes(bytes, name);
  if (!o) FAIL("refused: " << o.error().code << " " << o.error().detail);
  return *o;
}

std::string text_hash(const std::string& normal) { return sha256_hex("carrel-text-v1\n" + normal); }

std::string wide(const std::u16string& text, bool little, std::size_t zeros = 0) {
  std::string out;
  for (char16_t c : text) {
    std::string unit = std::string(zeros, '\0') + static_cast<char>(c >> 8) + static_cast<char>(c & 0xff);
    out += little ? std::string(unit.rbegin(), unit.rend()) : unit;
  }
  return out;
}

const std::string header =
    "\xef\xbb\xbfThe Project Gutenberg eBook of Plain\r\n\r\nThis eBook is for the use of anyone.\r\n\r\n"
    "Title: The Lost Garden\r\n       Or, Spring\r\n\r\nAuthor: Ada Lark and Ben Wood\r\n\r\nRelease Date: June 27, 2008 [eBook "
    "#11]\r\n"
    "                Most recently updated: October 12, 2020\r\n\r\nLanguage: English\r\n\r\n";
const std::string start = "*** START OF THE PROJECT GUTENBERG EBOOK PLAIN ***\r\nTitle: not this\r\nOnce.\r\n";

}  // namespace

TEST_CASE("a text without a header is described by its name") {
  opened o = read("Once upon a time.\n", "Ada Lark - The Lost Garden (2019) [B0ABCDEF12].txt");
  CHECK(o.format == "txt");
  CHECK(o.described);
  CHECK(o.about.title == "The Lost Garden");
  CHECK(o.about.authors.at(0).name == "Ada Lark");
  CHECK(o.about.published_on == "2019");
  CHECK(o.about.identifiers == std::vector<std::pair<std::string, std::string>>{{"asin", "B0ABCDEF12"}});
  CHECK(test::codes(o) == "metadata_missing_title metadata_missing_author");
  CHECK(o.content_hash == text_hash("Onceuponatime."));
  CHECK(o.about.page_count == 1);
  CHECK(o.about.page_count_source == "estimate");
  CHECK(from_json(to_json(o)).ok());
}

TEST_CASE("the header of Project Gutenberg is read when the start of the book follows") {
  opened o = read(header + start);
  CHECK(o.about.title == "The Lost Garden Or, Spring");
  CHECK(o.about.title_sort == "Lost Garden Or, Spring, The");
  CHECK(o.about.authors == std::vector<person>{{"Ada Lark", "Lark, Ada", "aut"}, {"Ben Wood", "Wood, Ben", "aut"}});
  CHECK(o.about.languages == std::vector<std::string>{"en"});
  CHECK(o.about.published_on == "2008-06-27");
  CHECK(test::codes(o).empty());

  CHECK(read(header + "Once.\r\n").about.title == "a");
  std::string unix_lines;
  for (char c : header + start) unix_lines += c == '\r' ? std::string() : std::string(1, c);
  CHECK(read(unix_lines).about.title == o.about.title);
  std::string far(199, '\n');
  CHECK(read(far + "Title: Far\n" + start).about.title == "Far");
  CHECK(read(far + "\nTitle: Too far\n" + start).about.title == "a");
  CHECK(
      read(std::string(20, '\n') + "Title: T\nRelease Date: soon\nLanguage: nonsense\n***START OF THIS EBOOK").warnings.size() ==
      3);
  CHECK(read("Title: T\nAuthor: Unknown\n*** START OF\n").about.authors.empty());
}

TEST_CASE("texts come in many encodings") {
  using namespace std::string_literals;
  const std::u16string words = u"Однажды весной, в час небывало жаркого заката, в Москве появились два гражданина.";
  const std::string whole = text_hash("Однаждывесной,вчаснебываложаркогозаката,вМосквепоявилисьдвагражданина.");
  const std::string utf8 = "Однажды весной, в час небывало жаркого заката, в Москве появились два гражданина.";
  const std::string cp1251 =
      "\xce\xe4\xed\xe0\xe6\xe4\xfb \xe2\xe5\xf1\xed\xee\xe9, \xe2 \xf7\xe0\xf1 \xed\xe5\xe1\xfb\xe2\xe0\xeb\xee "
      "\xe6\xe0\xf0\xea\xee\xe3\xee \xe7\xe0\xea\xe0\xf2\xe0, \xe2 \xcc\xee\xf1\xea\xe2\xe5 \xef\xee\xff\xe2\xe8\xeb\xe8\xf1\xfc "
      "\xe4\xe2\xe0 \xe3\xf0\xe0\xe6\xe4\xe0\xed\xe8\xed\xe0.";
  const std::string koi8 =
      "\xef\xc4\xce\xc1\xd6\xc4\xd9 \xd7\xc5\xd3\xce\xcf\xca, \xd7 \xde\xc1\xd3 \xce\xc5\xc2\xd9\xd7\xc1\xcc\xcf "
      "\xd6\xc1\xd2\xcb\xcf\xc7\xcf \xda\xc1\xcb\xc1\xd4\xc1, \xd7 \xed\xcf\xd3\xcb\xd7\xc5 \xd0\xcf\xd1\xd7\xc9\xcc\xc9\xd3\xd8 "
      "\xc4\xd7\xc1 \xc7\xd2\xc1\xd6\xc4\xc1\xce\xc9\xce\xc1.";
  for (const std::string& bytes :
       {utf8, "\xef\xbb\xbf" + utf8, cp1251, koi8, "\xff\xfe" + wide(words, true), "\xfe\xff" + wide(words, false),
        "\xff\xfe\0\0"s + wide(words, true, 2), "\0\0\xfe\xff"s + wide(words, false, 2)}) {
    opened o = read(bytes);
    CHECK(o.content_hash == whole);
    CHECK_FALSE(test::warned(o, "text_invalid_utf8"));
  }
  CHECK(read(wide(u"Plain words", true)).content_hash == text_hash("Plainwords"));
  CHECK(read("caf\xe9 \x93once\x94").content_hash == text_hash("café“once”"));
  // Much ASCII in front hides nothing.
  CHECK(read(std::string(1 << 20, 'x') + " " + cp1251).content_hash ==
        text_hash(std::string(1 << 20, 'x') + "Однаждывесной,вчаснебываложаркогозаката,вМосквепоявилисьдвагражданина."));
}

TEST_CASE("a damaged place does not make UTF-8 another encoding") {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "Маяк ";
  opened o = read(many + "\xd0");
  CHECK(test::warned(o, "text_invalid_utf8"));
  std::string normal;
  for (int i = 0; i < 200; ++i) normal += "Маяк";
  CHECK(o.content_hash == text_hash(normal + "\ufffd"));
}

TEST_CASE("charsets are named as ICU knows them") {
  std::string out;
  for (const std::string bytes :
       {"\xc7\xd1\xb1\xb9\xbe\xee \xb9\xae\xc0\xe5\xc0\xd4\xb4\xcf\xb4\xd9. \xbe\xc8\xb3\xe7\xc7\xcf\xbc\xbc\xbf\xe4",
        "\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x95\xb6\x8f\xcd\x82\xc5\x82\xb7\x81\x42", "\xe9t\xe9 et hiver",
        "\xcc\xe0\xff\xea \xee\xe4\xed\xe0\xe6\xe4\xfb \xe2\xe5\xf1\xed\xee\xe9"}) {
    std::string name = charset_of(bytes);
    INFO(name);
    CHECK_FALSE(name.empty());
    CHECK(convert_to_utf8(bytes, name, out));
  }
  CHECK(charset_of("").empty());
  CHECK(charset_of(std::string_view("\xff\xfe\x41\0", 4)).empty());
}

TEST_CASE("encodings are converted in pieces without a seam") {
  std::string utf8 = "x", again;
  for (int i = 0; i < 20'000; ++i) utf8 += "\xf0\x9f\x93\x96";  // two halves in UTF-16, at odd places
  std::u16string units = u"x";
  for (int i = 0; i < 20'000; ++i) units += u"\U0001f4d6";
  REQUIRE(convert_to_utf8(wide(units, true), "UTF-16LE", again));
  CHECK(again == utf8);
  units += char16_t{0xd83d};
  REQUIRE(convert_to_utf8(wide(units, false), "UTF-16BE", again));
  CHECK(again == utf8 + "\ufffd");
  CHECK_FALSE(convert_to_utf8("x", "no such encoding", again));
}

TEST_CASE("what is no text, or too much of it, is refused") {
  std::string mixed(70'000, 'x');  // the fault is behind what the type is found by
  mixed += std::string(2000, '\x01');
  CHECK(test::refused_code(mixed, "a.txt") == "unsupported_type");
  opened o = read(std::string(1000, 'x') + "\x1a");
  CHECK(test::warned(o, "text_control_characters"));
  auto large = test::open_bytes(std::string(2 << 20, 'x'), "a.txt", {.plain_text = (2 << 20) - 1});
  REQUIRE_FALSE(large);
  CHECK(large.error().code == "file_too_large");
  CHECK(message_for(large.error().code, large.error().detail) == "The file has 2 MiB; the limit is 2 MiB.");
  CHECK(read(" \r\n").content_hash.empty());
  CHECK(read(std::string(12'501, 'x')).about.page_count == 11);
}

TEST_CASE("600 damaged texts end with a book or a named refusal") {
  std::mt19937 random(99);
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (int i = 0; i < 600; ++i) {
    INFO("mutation " << i);
    std::string bytes = header + start;
    for (std::size_t n = 0, all = 1 + below(200); n < all; ++n) bytes[below(bytes.size())] = static_cast<char>(below(256));
    if (i % 2 == 0) bytes.resize(below(bytes.size()));
    auto o = test::open_bytes(bytes, "a.txt");
    if (o) {
      CHECK(from_json(to_json(*o)).ok());
    } else {
      CHECK(message_for(o.error().code, o.error().detail) != o.error().code);
    }
  }
  for (const std::string& bytes :
       {std::string(300'000, '\xff'), std::string(300'000, '\xe0'), "Title:" + std::string(1 << 20, ' ') + "\n",
        "Title: a\n" + std::string(1 << 20, ' ') + "x\n*** START OF"}) {
    auto o = test::open_bytes(bytes, "a.txt");
    if (o) CHECK(from_json(to_json(*o)).ok());
  }
}
