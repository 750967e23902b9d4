#include <catch2/catch.hpp>
#include <chrono>
#include <random>

#include "epub_maker.hpp"
#include "publication/transport.hpp"

using namespace carrel;
using namespace carrel::publication;

namespace {

test::epub sample() {
  test::epub e;
  e.metadata +=
      "<meta name='cover' content='x'/><dc:description>&lt;p&gt;A &lt;b&gt;b&lt;/b&gt;&lt;/p&gt;</dc:description><dc:subject>S; "
      "T</dc:subject>";
  e.manifest =
      "<item id='x' href='p.png' media-type='image/png'/><item id='n' href='nav.xhtml' media-type='application/xhtml+xml' "
      "properties='nav'/>";
  e.chapter =
      "<html xmlns='http://www.w3.org/1999/xhtml'><body><p>Some &eacute; text<br/>and "
      "<i>more</i>.</p><table><tr><td>x</td></tr></table></body></html>";
  e.more = {{.name = "OEBPS/p.png", .data = test::make_png(40, 60)},
            {.name = "OEBPS/nav.xhtml",
             .data = "<html><body><nav epub:type='toc'><ol><li><a href='ch01.xhtml'>One</a></li></ol></nav></body></html>",
             .deflate = true}};
  return e;
}

std::string mutated(std::string bytes, std::mt19937& random) {
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (std::size_t i = 0, n = 1 + below(8); i < n && !bytes.empty(); ++i) {
    std::size_t at = below(bytes.size()), length = 1 + below(64);
    switch (below(6)) {
      case 0: bytes[at] = static_cast<char>(below(256)); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << below(8))); break;
      case 2: bytes.erase(at, length); break;
      case 3: bytes.insert(at, bytes.substr(below(bytes.size()), length)); break;
      case 4: bytes.insert(at, std::string(length, static_cast<char>(below(256)))); break;
      default: bytes.resize(at); break;
    }
  }
  return bytes;
}

// Opens, and checks that whatever came out could cross the pipe.
void survive(const std::string& bytes) {
  auto start = std::chrono::steady_clock::now();
  auto o = test::open_bytes(bytes);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
  if (o) {
    CHECK(from_json(to_json(*o)).ok());
  } else {
    CHECK_FALSE(o.error().code.empty());
    CHECK(message_for(o.error().code, o.error().detail) != o.error().code);
  }
}

}  // namespace

TEST_CASE("300 damaged archives end in time with a book or a named refusal") {
  std::mt19937 random(20240102);
  std::string good = sample().bytes();
  REQUIRE(test::open_bytes(good).ok());
  for (int i = 0; i < 300; ++i) {
    INFO("mutation " << i);
    survive(mutated(good, random));
  }
}

TEST_CASE("300 archives with damaged parts end in time, too") {
  std::mt19937 random(7);
  const std::vector<test::part> good = sample().parts();
  for (int i = 0; i < 300; ++i) {
    INFO("mutation " << i);
    std::vector<test::part> parts = good;
    test::part& victim = parts[1 + static_cast<std::size_t>(i) % (parts.size() - 1)];
    victim.data = mutated(victim.data, random);
    survive(test::make_zip(parts));
  }
}

TEST_CASE("300 packages with odd values where text belongs are read, and what was read crosses the pipe") {
  const std::vector<std::string> odd{"&#127;",
                                     "&#1;",
                                     "&amp;#127;",
                                     "&amp;#x1;",
                                     "&#xfffe;",
                                     "&lt;p&gt;",
                                     "; ",
                                     ", ",
                                     " - ",
                                     ": ",
                                     "(",
                                     "9999999999999",
                                     "&#x202e;",
                                     "\xef\xbf\xbd",
                                     "&#10;",
                                     "&amp;amp;",
                                     "&#xfdfa;&#xfdfa;",
                                     std::string(3000, 'x'),
                                     "&lt;a href='https://x/?&amp;amp;&amp;#127;'&gt;y&lt;/a&gt;"};
  const std::vector<std::string> elements{"dc:title",   "dc:creator",     "dc:language",   "dc:publisher", "dc:date",
                                          "dc:subject", "dc:description", "dc:identifier", "dc:source",    "dc:contributor"};
  std::mt19937 random(11);
  auto any = [&](const std::vector<std::string>& of) {
    return of[std::uniform_int_distribution<std::size_t>(0, of.size() - 1)(random)];
  };
  for (int i = 0; i < 300; ++i) {
    test::epub e;
    for (int n = 0; n < 6; ++n) {
      std::string name = any(elements);
      e.metadata += "<" + name + ">" + any(odd) + "2019" + any(odd) + any(odd) + "</" + name + ">";
    }
    e.metadata += "<meta name='calibre:series' content=\"" + any(odd) + "S\"/><meta name='calibre:series_index' content=\"" +
                  any(odd) + "7\"/>";
    INFO(e.metadata);
    auto o = test::open_bytes(e.bytes());
    REQUIRE(o);
    CHECK(from_json(to_json(*o)).ok());
  }
}
