#include "publication/cover.hpp"

#include <catch2/catch.hpp>

#include "epub_maker.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::epub;
using test::make_png;

namespace {

epub with_cover(const std::string& bytes, const std::string& type = "image/png") {
  epub e;
  e.manifest = "<item id='x' href='cover.img' media-type='" + type + "' properties='cover-image'/>";
  e.more = {{.name = "OEBPS/cover.img", .data = bytes}};
  return e;
}

std::string jpeg(int width, int height) {
  auto out = scale_picture(make_png(width, height), {.width = width, .height = height, .quality = 90});
  REQUIRE(out);
  return *out;
}

// An EXIF segment that says "turn by 90 degrees".
std::string turned(const std::string& jpeg_bytes) {
  std::string exif("Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", 32);
  std::string segment = "\xff\xe1";
  segment += static_cast<char>((exif.size() + 2) >> 8);
  segment += static_cast<char>((exif.size() + 2) & 0xff);
  return jpeg_bytes.substr(0, 2) + segment + exif + jpeg_bytes.substr(2);
}

}  // namespace

TEST_CASE("pictures are told by their bytes and measured by their header") {
  auto facts = inspect_picture(make_png(40, 60));
  REQUIRE(facts);
  CHECK(facts->mime == "image/png");
  CHECK(facts->width == 40);
  CHECK(facts->height == 60);
  CHECK(inspect_picture(jpeg(40, 60))->mime == "image/jpeg");
  for (const std::string& bad :
       {std::string(), std::string("not an image"), std::string("<svg/>"), std::string("\xff\xd8\xff"),
        std::string("\x89PNG\r\n\x1a\n"), std::string("%PDF-1.4"), std::string("GIF89a"), std::string("RIFF\4\0\0\0WEBP")}) {
    auto refused = inspect_picture(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "cover_unreadable");
  }
  CHECK(inspect_picture(make_png(7, 7)).error().code == "cover_unreadable");
}

TEST_CASE("cover bombs are refused by their header") {
  CHECK(inspect_picture(make_png(30000, 30000, 1)).error().code == "cover_too_large");
  CHECK(inspect_picture(make_png(8000, 8000, 1)).error().code == "cover_too_large");
  std::string big = jpeg(8, 8);
  std::size_t sof = big.find("\xff\xc0");
  REQUIRE(sof != std::string::npos);
  big.replace(sof + 5, 4, "\xff\xdc\xff\xdc");
  CHECK(inspect_picture(big).error().code == "cover_too_large");
  CHECK(inspect_picture(make_png(40, 60) + std::string(33 << 20, 'x')).error().code == "cover_too_large");
}

TEST_CASE("scaling fits the box and never enlarges") {
  auto [width, height, box_width, box_height, out_width, out_height] = GENERATE(table<int, int, int, int, int, int>({
      {600, 900, 355, 530, 353, 530},
      {600, 900, 160, 10000, 160, 240},
      {900, 600, 300, 300, 300, 200},
      {40, 60, 355, 530, 40, 60},
  }));
  auto out = scale_picture(make_png(width, height), {.width = box_width, .height = box_height});
  REQUIRE(out);
  auto facts = inspect_picture(*out);
  REQUIRE(facts);
  CHECK(facts->mime == "image/jpeg");
  CHECK(facts->width == out_width);
  CHECK(facts->height == out_height);
}

TEST_CASE("quality, grey and orientation are obeyed") {
  std::string plain = *scale_picture(make_png(200, 300), {.width = 100, .height = 150, .quality = 90});
  std::string grey = *scale_picture(make_png(200, 300), {.width = 100, .height = 150, .quality = 90, .grey = true});
  std::string poor = *scale_picture(make_png(200, 300), {.width = 100, .height = 150, .quality = 10});
  auto components = [](const std::string& b) { return static_cast<int>(b[b.find("\xff\xc0") + 9]); };
  CHECK(components(plain) == 3);
  CHECK(components(grey) == 1);
  CHECK(poor.size() < plain.size());
  CHECK(plain.find("\xff\xc2") == std::string::npos);  // not progressive

  auto facts = inspect_picture(*scale_picture(turned(jpeg(200, 300)), {.width = 1000, .height = 1000}));
  REQUIRE(facts);
  CHECK(facts->width == 300);
  CHECK(facts->height == 200);
}

TEST_CASE("a truncated picture is kept and called damaged") {
  // Noise, so that half of the file is half of the picture.
  std::string whole = jpeg(600, 900);
  std::string half = whole.substr(0, whole.size() * 2 / 3);
  bool damaged = false;
  auto out = scale_picture(half, {.width = 100, .height = 100}, &damaged);
  CHECK(damaged);
  CHECK(looks_complete(whole));
  CHECK_FALSE(looks_complete(half));
  CHECK(scale_picture(whole, {.width = 100, .height = 100}, &damaged).ok());
  CHECK_FALSE(damaged);
  CHECK_FALSE(scale_picture("garbage", {.width = 100, .height = 100}, &damaged));
}

TEST_CASE("covers of EPUB are found in the order of 9.5") {
  std::string a = make_png(40, 60), b = make_png(60, 40);
  auto page = [](const std::string& body) {
    return "<html xmlns='http://www.w3.org/1999/xhtml'><body>" + body + "</body></html>";
  };
  epub e;
  SECTION("property") { e = with_cover(a); }
  SECTION("meta by id") {
    e.metadata += "<meta name='cover' content='x'/>";
    e.manifest = "<item id='x' href='p.png' media-type='image/png'/>";
    e.more = {{.name = "OEBPS/p.png", .data = a}};
  }
  SECTION("meta by href") {
    e.metadata += "<meta name='cover' content='p.png'/>";
    e.manifest = "<item id='x' href='p.png' media-type='image/png'/>";
    e.more = {{.name = "OEBPS/p.png", .data = a}};
  }
  SECTION("meta to a document with an SVG image") {
    e.metadata += "<meta name='cover' content='d'/>";
    e.manifest = "<item id='d' href='d.xhtml' media-type='application/xhtml+xml'/>";
    e.more = {{.name = "OEBPS/d.xhtml",
               .data = page("<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='x'><image xlink:href='p.png'/></svg>")},
              {.name = "OEBPS/p.png", .data = a}};
  }
  SECTION("guide") {
    e.extra = "<guide><reference type='Cover' href='d.xhtml'/></guide>";
    e.manifest = "<item id='d' href='d.xhtml' media-type='application/xhtml+xml'/>";
    e.more = {{.name = "OEBPS/d.xhtml", .data = page("<img src='p.png' alt=''/>")}, {.name = "OEBPS/p.png", .data = a}};
  }
  SECTION("first spine document") {
    e.chapter = page("<p>short</p><img src='p.png'/>");
    e.more = {{.name = "OEBPS/p.png", .data = a}};
  }
  SECTION("name") {
    e.manifest =
        "<item id='back-cover' href='back-cover.png' media-type='image/png'/><item id='y' href='front-cover.png' "
        "media-type='image/png'/>";
    e.more = {{.name = "OEBPS/back-cover.png", .data = b}, {.name = "OEBPS/front-cover.png", .data = a}};
  }
  SECTION("a declared one that fails is passed over") {
    e = with_cover("not an image");
    e.chapter = page("<img src='p.png'/>");
    e.more.push_back({.name = "OEBPS/p.png", .data = a});
    CHECK(test::codes(test::open_good(e)) == "cover_unreadable");
  }
  opened o = test::open_good(e);
  REQUIRE(o.cover);
  CHECK(o.cover->bytes == a);
  CHECK(o.cover->mime == "image/png");
  CHECK(o.cover->width == 40);
}

TEST_CASE("what is no cover") {
  epub e;
  auto page = [](const std::string& body) {
    return "<html xmlns='http://www.w3.org/1999/xhtml'><body>" + body + "</body></html>";
  };
  SECTION("a picture in a chapter of text") {
    std::string words;
    for (int i = 0; i < 100; ++i) words += "word ";
    e.chapter = page("<img src='p.png'/><p>" + words + "</p>");
    e.more = {{.name = "OEBPS/p.png", .data = make_png(40, 60)}};
  }
  SECTION("some picture of the manifest") {
    e.manifest =
        "<item id='logo' href='p.png' media-type='image/png'/><item id='d' href='discovery.png' media-type='image/png'/>";
    e.more = {{.name = "OEBPS/p.png", .data = make_png(40, 60)}, {.name = "OEBPS/discovery.png", .data = make_png(40, 60)}};
  }
  opened o = test::open_good(e);
  CHECK_FALSE(o.cover);
  CHECK(o.warnings.empty());
}

TEST_CASE("covers that cannot be used are named") {
  CHECK(test::codes(test::open_good(with_cover(""))) == "cover_unreadable");
  CHECK(test::codes(test::open_good(with_cover("<svg xmlns:xlink='x'><image xlink:href='file:///etc/passwd'/></svg>",
                                               "image/svg+xml"))) == "cover_unreadable");
  CHECK(test::codes(test::open_good(with_cover(make_png(30000, 30000, 1)))) == "cover_too_large");
  epub e = with_cover("");
  e.more.clear();
  CHECK(test::codes(test::open_good(e)) == "cover_missing");
  e = with_cover("/etc/passwd");
  e.more[0].attributes = 0120777u << 16;
  CHECK(test::codes(test::open_good(e)) == "archive_symlink");
  CHECK(test::open_good(with_cover(make_png(40, 60), "image/jpeg")).warnings.empty());
}
