#include "publication/transport.hpp"

#include <catch2/catch.hpp>

#include "epub_maker.hpp"

using namespace carrel;
using namespace carrel::publication;

namespace {

opened full() {
  test::epub e;
  e.metadata +=
      "<meta name='calibre:series' content='S'/><meta name='calibre:series_index' content='1.5'/><meta name='calibre:rating' "
      "content='8'/>"
      "<dc:subject>A</dc:subject><dc:description>&lt;p&gt;One &lt;b&gt;two&lt;/b&gt; &lt;a "
      "href='http://x/?a=1&amp;amp;b'&gt;y&lt;/a&gt;&lt;/p&gt;&lt;p&gt;Three&lt;/p&gt;"
      "</dc:description><dc:date>2019-06</dc:date><dc:identifier>urn:isbn:9780306406157</dc:identifier><dc:contributor "
      "opf:role='trl'>B C</dc:contributor>";
  e.manifest =
      "<item id='x' href='p.png' media-type='image/png' properties='cover-image'/><item id='n' href='nav.xhtml' "
      "media-type='application/xhtml+xml' properties='nav'/>";
  e.more = {
      {.name = "OEBPS/p.png", .data = test::make_png(40, 60)},
      {.name = "OEBPS/nav.xhtml",
       .data = "<html xmlns='http://www.w3.org/1999/xhtml' xmlns:e='http://www.idpf.org/2007/ops'><body><nav e:type='toc'><ol>"
               "<li><a href='ch01.xhtml'>One</a></li></ol></nav></body></html>"},
      {.name = "x.css", .data = ""},
      {.name = "x.css", .data = ""}};
  return test::open_good(e);
}

std::string changed(std::string json, const std::string& from, const std::string& to) {
  std::size_t at = json.find(from);
  REQUIRE(at != std::string::npos);
  return json.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("everything but the cover's bytes crosses the pipe") {
  opened o = full();
  REQUIRE(o.cover);
  REQUIRE_FALSE(o.warnings.empty());
  std::string json = to_json(o);
  auto back = from_json(json);
  REQUIRE(back);
  CHECK(back->cover->bytes.empty());
  CHECK(back->cover->width == 40);
  CHECK(back->about.title == o.about.title);
  CHECK(back->about.authors == o.about.authors);
  CHECK(back->about.contributors == o.about.contributors);
  CHECK(back->about.series_index == o.about.series_index);
  CHECK(back->about.description_html == o.about.description_html);
  CHECK(back->about.identifiers == o.about.identifiers);
  CHECK(back->about.toc.at(0).title == "One");
  CHECK(back->warnings == o.warnings);
  CHECK(back->content_hash == o.content_hash);
  CHECK(to_json(*back) == json);
}

TEST_CASE("a refusal crosses the pipe as a refusal") {
  auto back = from_json(to_json(refusal{"archive_ratio", "a part"}));
  REQUIRE_FALSE(back);
  CHECK(back.error().code == "archive_ratio");
  CHECK(back.error().detail == "a part");
}

TEST_CASE("what a hijacked process might send is refused") {
  std::string good = to_json(full());
  REQUIRE(from_json(good));
  std::vector<std::string> bad{"",
                               "{}",
                               "[]",
                               "null",
                               good.substr(0, good.size() - 1),
                               good + " x",
                               std::string(5 << 20, ' '),
                               changed(good, "\"format\":\"epub\"", "\"format\":\"exe\""),
                               changed(good, "\"format\":\"epub\"", "\"format\":7"),
                               changed(good, "<p>One", "<script>One"),
                               changed(good, "<p>One", "<p onclick=\\\"x\\\">One"),
                               changed(good, "http://x/", "javascript:"),
                               changed(good, "\"Plain\"", "\"Pl\\u0000ain\""),
                               changed(good, "\"Plain\"", "\"Pl\\nain\""),
                               changed(good, "\"Plain\"", "\"" + std::string(5000, 'x') + "\""),
                               changed(good, "\"2019-06\"", "\"2019-66\""),
                               changed(good, "\"en\"", "\"../en\""),
                               changed(good, "\"image/png\"", "\"text/html\""),
                               changed(good, "\"rating\":4", "\"rating\":1e300"),
                               changed(good, "\"page_count\":", "\"page_count\":-"),
                               changed(good, "\"described\":true", "\"described\":1"),
                               changed(good, "\"code\":\"", "\"code\":\"A B"),
                               "{\"refused\":\"DROP TABLE\",\"detail\":\"\"}"};
  for (const std::string& text : bad) {
    INFO(text.substr(0, 200));
    auto back = from_json(text);
    REQUIRE_FALSE(back);
    CHECK(back.error().code == "inspection_crash");
  }
}

TEST_CASE("a huge table of contents still fits") {
  opened o = full();
  o.about.toc.assign(10'000, {std::string(480, 'x'), std::string(480, 'y'), 1});
  std::string json = to_json(o);
  CHECK(json.size() < longest_transport);
  auto back = from_json(json);
  REQUIRE(back);
  CHECK(back->about.toc.size() > 1000);
}

TEST_CASE("a picture crosses the border with its facts and nothing else") {
  cover_image c{.bytes = "not sent", .mime = "image/png", .width = 60, .height = 90};
  auto back = picture_from_json(to_json(c));
  REQUIRE(back);
  CHECK(back->mime == "image/png");
  CHECK(back->width == 60);
  CHECK(back->height == 90);
  CHECK(back->bytes.empty());
  for (const char* bad : {"", "{}", R"({"mime":"text/html","width":1,"height":1})",
                          R"({"mime":"image/png","width":-1,"height":1})", R"({"mime":"image/png","width":1})"})
    CHECK(picture_from_json(bad).error().code == "inspection_crash");
  CHECK(picture_from_json(to_json(refusal{"cover_unreadable", ""})).error().code == "cover_unreadable");
}
