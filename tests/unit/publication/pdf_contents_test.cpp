#include <catch2/catch.hpp>
#include <random>

#include "epub_maker.hpp"
#include "pdf_maker.hpp"
#include "publication/cover.hpp"
#include "publication/transport.hpp"
#include "server/core/digest.hpp"
#include "zip_maker.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::reference;

namespace {

opened open_made(const test::pdf& p) {
  result<opened, refusal> o = test::open_bytes(p.bytes(), "nothing.pdf");
  if (!o) FAIL("refused: " << o.error().code << " " << o.error().detail);
  CHECK(from_json(to_json(*o)).ok());
  return *o;
}

std::string refused(const test::pdf& p) { return test::refused_code(p.bytes(), "nothing.pdf"); }

std::string shown(const opened& o) {
  std::string out;
  for (const toc_entry& e : o.about.toc) out += std::to_string(e.depth) + " " + e.title + " " + e.href + "; ";
  return out;
}

std::string hash_of(const test::pdf& p) { return open_made(p).content_hash; }
std::string expected_hash(const std::string& content) { return sha256_hex("carrel-pdf-v1\n" + content); }

// Page 1 paints what is in its resources under these names.
test::pdf painting(const std::string& content, const std::vector<std::pair<std::string, std::string>>& pictures) {
  test::pdf p;
  p.content = content;
  std::string named;
  for (const auto& [name, object] : pictures) named += " /" + name + " " + reference(p.add(object));
  p.page += " /Resources << /XObject << " + named + " >> >>";
  return p;
}

std::string raw_picture(int width, int height) {
  return test::stream(std::string(static_cast<std::size_t>(width * height), '\x55'),
                      "/Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 8 /Width " + std::to_string(width) +
                          " /Height " + std::to_string(height));
}

void survive(const std::string& bytes) {
  result<opened, refusal> o = test::open_bytes(bytes, "nothing.pdf");
  if (o) {
    CHECK(from_json(to_json(*o)).ok());
  } else {
    CHECK_FALSE(o.error().code.empty());
    CHECK(message_for(o.error().code, o.error().detail) != o.error().code);
  }
}

// A PDF that has everything this reader looks at.
test::pdf rich() {
  test::pdf p = painting("q 300 0 0 400 0 0 cm /P Do Q", {{"P", test::jpeg_object(30, 40)}});
  p.pages = 2;
  p.info("/Title (Of Clouds) /Author (Ada Lark) /Keywords (a, b)");
  p.xmp("<dc:title>Clouds</dc:title><dc:language>en</dc:language>");
  int second = p.add("<< /Title (Two) /Dest (there) >>");
  int first = p.add("<< /Title (One) /Dest [3 0 R /Fit] /Next " + reference(second) + " >>");
  int names = p.add("<< /Names [(there) [1001 0 R /Fit]] >>");
  p.catalog += " /Outlines << /First " + reference(first) + " >> /Names << /Dests " + reference(names) + " >>";
  p.objects[4] = test::flate(p.content);
  return p;
}

}  // namespace

TEST_CASE("the outline is the table of contents, with the numbers of its pages", "[pdf]") {
  test::pdf p;
  p.pages = 4;
  int last = p.add("<< /Title (By action) /A << /S /GoTo /D [1003 0 R /Fit] >> >>");
  int web = p.add("<< /Title (Elsewhere) /A << /S /URI /URI (http://x/) >> /Next " + reference(last) + " >>");
  int old = p.add("<< /Title (By name) /Dest /there /Next " + reference(web) + " >>");
  int inner = p.add("<< /Title (By string) /Dest (in \\(tree\\)) >>");
  int outer = p.add("<< /Title " + test::utf16(u"F\u00fcr  dich") + " /Dest [3 0 R /XYZ 0 0 0] /First " + reference(inner) +
                    " /Next " + reference(old) + " >>");
  int leaf = p.add("<< /Limits [(a) (z)] /Names [(in \\(tree\\)) << /D [1001 0 R /Fit] >>] >>");
  p.catalog = "/Outlines << /First " + reference(outer) + " >> /Dests << /there [1002 0 R /Fit] >> /Names << /Dests << /Kids [" +
              reference(leaf) + "] >> >>";
  CHECK(shown(open_made(p)) == "0 Für dich #page=1; 1 By string #page=2; 0 By name #page=3; 0 Elsewhere ; 0 By action #page=4; ");
}

TEST_CASE("an outline that runs in circles ends", "[pdf]") {
  test::pdf p;
  p.objects[10] = "<< /Title (One) /First 11 0 R /Next 10 0 R >>";
  p.objects[11] = "<< /Title (Two) /First 10 0 R /Next 12 0 R >>";
  p.objects[12] = "<< /First 12 0 R /Next 11 0 R /Title () >>";
  p.objects[13] = "<< /Kids [13 0 R 13 0 R] >>";
  p.catalog = "/Outlines << /First 10 0 R >> /Names << /Dests 13 0 R >>";
  CHECK(shown(open_made(p)) == "0 One ; 1 Two ; ");
}

TEST_CASE("an outline is cut at 10,000 entries and at the 32nd level", "[pdf]") {
  auto chain = [](const std::string& link, int n) {
    test::pdf p;
    for (int i = 0; i < n; ++i)
      p.objects[10 + i] = "<< /Title (" + std::to_string(i) + ") /Dest (x) " + link + " " + reference(11 + i) + " >>";
    p.catalog = "/Outlines << /First 10 0 R >>";
    return open_made(p);
  };
  opened wide = chain("/Next", 10'100);
  CHECK(wide.about.toc.size() == 10'000);
  CHECK(test::warned(wide, "metadata_truncated"));
  opened deep = chain("/First", 100);
  CHECK(deep.about.toc.size() == 32);
  CHECK(deep.about.toc.back().depth == 31);
}

TEST_CASE("the content hash is of decoded pages and raw pictures, whatever is told about them", "[pdf]") {
  test::pdf p;
  CHECK(hash_of(p) == expected_hash(p.content));
  std::string plain = hash_of(p);
  p.objects[4] = test::flate(p.content);
  p.info("/Title (Another)");
  CHECK(hash_of(p) == plain);
  p.objects[4] = test::stream("0 1 0 rg");
  CHECK(hash_of(p) == expected_hash("0 1 0 rg"));

  // Streams of a page one after the other, pictures by the names of their resources, inherited or not; forms are neither.
  test::pdf q;
  int a = q.add(test::stream("AAA", "/Subtype /Image /Filter /DCTDecode")), b = q.add(test::flate("BBB", "/Subtype /Image"));
  int form = q.add(test::stream("FFF", "/Subtype /Form")), more = q.add(test::stream("more"));
  q.pages = 2;
  q.page = "/MediaBox [0 0 9 9] /Contents [4 0 R 99 0 R " + reference(more) + "] ";
  q.objects[2] = "<< /Type /Pages /Kids [3 0 R 1001 0 R] /Resources << /XObject << /Z " + reference(a) + " /C " +
                 reference(form) + " /B " + reference(b) + " >> >> >>";
  std::string packed = test::flate("BBB");
  std::size_t from = packed.find("stream\n") + 7;
  packed = packed.substr(from, packed.rfind("\nendstream") - from);
  CHECK(hash_of(q) == expected_hash(q.content + "more" + packed + "AAA" + packed + "AAA"));
}

TEST_CASE("there is no content hash where it would say nothing or cost too much", "[pdf]") {
  test::pdf p;
  p.content = "";
  CHECK(hash_of(p).empty());
  p.objects[4] = test::stream("not packed", "/Filter /FlateDecode");
  CHECK(hash_of(p).empty());
  p.objects[4] = test::stream("?", "/Filter /Unheard");
  CHECK(hash_of(p).empty());
  p.objects[4] = test::stream("41>", "/Filter [/ASCIIHexDecode]");
  CHECK(hash_of(p) == expected_hash("A"));
  p.objects[4] = test::stream("3431>>", "/Filter [/ASCIIHexDecode /ASCIIHexDecode]");
  CHECK(hash_of(p) == expected_hash("A"));
  p.objects[4] = test::stream("33343331>>>", "/Filter [/ASCIIHexDecode /ASCIIHexDecode /ASCIIHexDecode]");
  CHECK(hash_of(p).empty());

  test::pdf many;
  many.pages = 5000;
  CHECK_FALSE(hash_of(many).empty());
  many.pages = 5001;
  CHECK(hash_of(many).empty());
}

TEST_CASE("a page that unpacks to more than may be hashed costs the hash and not the book", "[pdf]") {
  std::uint32_t crc = 0;
  test::pdf p;
  p.objects[4] = test::stream("\x78\x9c" + test::deflated_zeros(64u << 20, crc), "/Filter /FlateDecode");
  std::string bytes = p.bytes();
  auto o = test::open_bytes(bytes, "a.pdf", limits{.pdf_hashed = (64u << 20) - 1});
  REQUIRE(o);
  CHECK(o->content_hash.empty());
  CHECK(o->about.page_count == 1);
  CHECK_FALSE(test::warned(*o, "pdf_damaged"));
  p.objects[4] = test::flate(std::string(1 << 20, '\0'));
  o = test::open_bytes(p.bytes(), "a.pdf", limits{.pdf_hashed = 1 << 20});
  REQUIRE(o);
  CHECK(o->content_hash == expected_hash(std::string(1 << 20, '\0')));
}

TEST_CASE("the JPEG that fills page 1 is its cover", "[pdf]") {
  const std::string jpeg = test::jpeg_object(30, 40), small = test::jpeg_object(10, 10);
  auto cover_width = [](const test::pdf& p) {
    opened o = open_made(p);
    return o.cover ? o.cover->width : 0;
  };
  opened o = open_made(painting("q 300 0 0 400 0 0 cm /P Do Q", {{"P", jpeg}}));
  REQUIRE(o.cover);
  CHECK(o.cover->bytes == test::jpeg_of(30, 40));
  CHECK(o.cover->mime == "image/jpeg");
  CHECK(o.cover->height == 40);
  // Half of the page is enough, turned or put together from several steps.
  CHECK(cover_width(painting("150 0 0 400 0 0 cm /P Do", {{"P", jpeg}})) == 30);
  CHECK(cover_width(painting("149 0 0 400 0 0 cm /P Do", {{"P", jpeg}})) == 0);
  CHECK(cover_width(painting("0 400 -300 0 300 0 cm /P Do", {{"P", jpeg}})) == 30);
  CHECK(cover_width(painting("q 30 0 0 40 0 0 cm q 10 0 0 10 0 0 cm /P Do Q Q", {{"P", jpeg}})) == 30);
  CHECK(cover_width(painting("q 300 0 0 400 0 0 cm Q /P Do", {{"P", jpeg}})) == 0);
  CHECK(cover_width(painting("BI /W 1 /H 1 /BPC 8 /CS /G ID x EI (\\)q) [<</A [1]>>] % cm\n300 0 0 400 0 0 cm /P Do",
                             {{"P", jpeg}})) == 30);
  // Only what is painted counts, and of that the largest.
  CHECK(cover_width(painting("300 0 0 400 0 0 cm", {{"P", jpeg}})) == 0);
  CHECK(cover_width(painting("300 0 0 400 0 0 cm /P Do /S Do", {{"P", jpeg}, {"S", small}})) == 30);
  CHECK(cover_width(painting("300 0 0 400 0 0 cm /P Do /S Do", {{"P", jpeg}, {"S", raw_picture(60, 60)}})) == 0);
  CHECK(cover_width(painting("300 0 0 400 0 0 cm /P Do", {{"P", jpeg}, {"S", raw_picture(60, 60)}})) == 30);
  CHECK(cover_width(painting("300 0 0 400 0 0 cm /P Do",
                             {{"P", test::stream("no JPEG", "/Subtype /Image /Filter [/DCTDecode] /Width 9 /Height 9")}})) == 0);
}

TEST_CASE("PDFs that cannot be read are refused by name", "[pdf]") {
  CHECK(test::refused_code("%PDF-1.7\n", "a.pdf") == "pdf_damaged");
  test::pdf p;
  p.objects[2] = "<< /Type /Pages /Kids [] >>";
  CHECK(refused(p) == "pdf_damaged");
  p.objects[2] = "<< /Type /Pages /Kids [2 0 R] >>";
  CHECK(refused(p) == "pdf_damaged");
  p.objects[2] = "(no dictionary)";
  CHECK(refused(p) == "pdf_damaged");
  p.objects[1] = "<< >>";
  CHECK(refused(p) == "pdf_damaged");

  test::pdf many;
  std::string kids;
  for (int i = 0; i < 20'000; ++i) kids += "3 0 R ";
  many.objects[2] = "<< /Type /Pages /Kids [" + kids + "] >>";
  CHECK(open_made(many).about.page_count == 20'000);
  many.objects[2] = "<< /Type /Pages /Kids [" + kids + " 3 0 R] >>";
  CHECK(refused(many) == "pdf_damaged");
}

TEST_CASE("what was repaired is warned about", "[pdf]") {
  test::pdf loop;
  loop.objects[2] = "<< /Type /Pages /Kids [3 0 R 2 0 R (x)] >>";
  opened o = open_made(loop);
  CHECK(o.about.page_count == 1);
  CHECK(test::warned(o, "pdf_damaged"));

  std::string bytes = test::pdf{}.bytes();
  bytes.replace(bytes.rfind("startxref\n") + 10, 1, "9");
  auto repaired = test::open_bytes(bytes, "a.pdf");
  REQUIRE(repaired);
  CHECK(test::warned(*repaired, "pdf_damaged"));
  CHECK_FALSE(test::warned(open_made({}), "pdf_damaged"));
}

TEST_CASE("objects that need one another without end are refused and not followed", "[pdf]") {
  test::pdf p;
  constexpr int links = 30'000;
  for (int i = 0; i < links; ++i) p.objects[10 + i] = "<< /Length " + reference(11 + i) + " >>\nstream\nx\nendstream";
  p.objects[10 + links] = "1";
  p.catalog = "/Metadata 10 0 R";
  CHECK(refused(p) == "pdf_damaged");
  p.catalog = "";
  p.objects[2] = "<< /Type /Pages /Kids [3 0 R 50000 0 R] >>";
  p.objects[50'000] = "<< /Type /Page /Contents 10 0 R >>";
  CHECK(hash_of(p).empty());

  test::pdf nested;
  nested.catalog = "/Deep " + std::string(200'000, '[');
  survive(nested.bytes());
  test::pdf tree;
  tree.objects[2] = "<< /Type /Pages /Kids [10 0 R] >>";
  for (int i = 0; i < links; ++i) tree.objects[10 + i] = "<< /Type /Pages /Kids [" + reference(11 + i) + "] >>";
  tree.objects[10 + links] = "<< /Type /Page >>";
  CHECK(open_made(tree).about.page_count == 1);
}

TEST_CASE("absurd sizes and numbers cost a value and not the book", "[pdf]") {
  test::pdf p;
  p.page = "/MediaBox [-1e99 0 " + std::string(400, '9') + ".0 1.1.1] /UserUnit -7 /Contents 4 0 R";
  p.catalog = "/Outlines 4 0 R /Names 3 0 R /Lang 9 /Metadata 2 0 R";
  p.trailer = "/Info [1 2 3]";
  CHECK(open_made(p).about.page_count == 1);
  p.trailer = "/Info 10 0 R";
  p.objects[10] = "<< /Title " + std::string(3 << 20, ' ') + "(" + std::string(3 << 20, 'x') + ") /Author <" +
                  std::string(1 << 20, 'F') + "> >>";
  CHECK(open_made(p).about.title.size() == 1000);
  p.page = "/Rotate " + std::string(40, '9');  // qpdf reads no object with such a number
  CHECK(refused(p) == "pdf_damaged");
}

TEST_CASE("a PDF cut at any place ends with a book or a named refusal", "[pdf]") {
  std::string good = rich().bytes();
  REQUIRE(test::open_bytes(good, "a.pdf").ok());
  for (std::size_t size = 1; size < good.size(); size += 7) {
    INFO("cut at " << size);
    survive(good.substr(0, size));
  }
}

TEST_CASE("500 damaged PDFs end with a book or a named refusal", "[pdf]") {
  std::mt19937 random(20240305);
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const std::string good = rich().bytes();
  const std::vector<std::string> words{"/Kids",       "/First",
                                       "/Next",       " 3 0 R",
                                       " 2 0 R",      "99999999",
                                       "-1",          "<<",
                                       ">>",          "[",
                                       "obj",         "endobj",
                                       "stream\n",    "/Filter /FlateDecode",
                                       "/Length 9",   "/Encrypt 3 0 R",
                                       "%",           "(",
                                       "/Type /Pages"};
  for (int i = 0; i < 500; ++i) {
    INFO("mutation " << i);
    std::string bytes = good;
    for (std::size_t n = 1 + below(6); n > 0; --n) {
      std::size_t at = below(bytes.size()), length = 1 + below(40);
      switch (below(5)) {
        case 0: bytes[at] = static_cast<char>(below(256)); break;
        case 1: bytes.erase(at, length); break;
        case 2: bytes.insert(at, words[below(words.size())]); break;
        case 3: bytes.replace(at, length, words[below(words.size())]); break;
        default: bytes.insert(at, bytes.substr(below(bytes.size()), length)); break;
      }
      if (bytes.empty()) break;
    }
    survive(bytes);
  }
}
