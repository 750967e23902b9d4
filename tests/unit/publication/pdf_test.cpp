#include <catch2/catch.hpp>

#include "epub_maker.hpp"
#include "pdf_maker.hpp"
#include "publication/pdf/fields.hpp"
#include "publication/pdf/open_pdf.hpp"
#include "publication/transport.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::reference;

namespace {

opened open_pdf_bytes(const std::string& bytes, const std::string& name = "nothing.pdf") {
  result<opened, refusal> o = test::open_bytes(bytes, name);
  if (!o) FAIL("refused: " << o.error().code << " " << o.error().detail);
  CHECK(from_json(to_json(*o)).ok());
  return *o;
}
opened open_made(const test::pdf& p, const std::string& name = "nothing.pdf") { return open_pdf_bytes(p.bytes(), name); }

opened with_xmp(const std::string& properties) {
  test::pdf p;
  p.xmp(properties);
  return open_made(p);
}
opened with_info(const std::string& entries) {
  test::pdf p;
  p.info(entries);
  return open_made(p);
}

std::string fact(const opened& o, std::string_view key) {
  for (const auto& [k, v] : o.about.facts) {
    if (k == key) return v;
  }
  return {};
}

std::vector<std::string> names(const opened& o) {
  std::vector<std::string> out;
  for (const person& p : o.about.authors) out.push_back(p.name);
  return out;
}

using pairs = std::vector<std::pair<std::string, std::string>>;
using texts = std::vector<std::string>;

std::string list(const std::string& kind, const texts& items) {
  std::string out = "<rdf:" + kind + ">";
  for (const std::string& i : items) out += "<rdf:li>" + i + "</rdf:li>";
  return out + "</rdf:" + kind + ">";
}

// One page of 30 by 40 points by Ada Lark, "Behind a Lock", encrypted with 40 bits: needs "user", needs nothing.
const char* const needs_password =
    "JVBERi0xLjUKJb/3ov4KMSAwIG9iago8PCAvUGFnZXMgMyAwIFIgL1R5cGUgL0NhdGFsb2cgPj4KZW5kb2JqCjIgMCBvYmoKPDwgL0F1dGhvciA8"
    "MzBhMTA2MWM2OGJlMTViYj4gL1RpdGxlIDwzM2EwMGY1NTRhYmI0N2IxOTBlNmFjOGNkND4gPj4KZW5kb2JqCjMgMCBvYmoKPDwgL0NvdW50IDEg"
    "L0tpZHMgWyA0IDAgUiBdIC9UeXBlIC9QYWdlcyA+PgplbmRvYmoKNCAwIG9iago8PCAvTWVkaWFCb3ggWyAwIDAgMzAgNDAgXSAvUGFyZW50IDMg"
    "MCBSIC9UeXBlIC9QYWdlID4+CmVuZG9iago1IDAgb2JqCjw8IC9GaWx0ZXIgL1N0YW5kYXJkIC9MZW5ndGggNDAgL08gPDk0ZTgwOTQ0MTk2NjJh"
    "Nzc0NDQyZmIwNzJlM2Q5ZjE5ZTlkMTMwZWMwOWE0ZDAwNjFlNzhmZTkyMGY3YWI2MmY+IC9QIC00IC9SIDIgL1UgPDRkNWNjZDZmNzM5YTE0NTdj"
    "MDY2Y2Y0ZjI3NTljZmM0ZWIyN2Q5OGY3ZThhMWY2NDZmY2VjNTk2MDFjOGNkOTA+IC9WIDEgPj4KZW5kb2JqCnhyZWYKMCA2CjAwMDAwMDAwMDAg"
    "NjU1MzUgZiAKMDAwMDAwMDAxNSAwMDAwMCBuIAowMDAwMDAwMDY0IDAwMDAwIG4gCjAwMDAwMDAxNDggMDAwMDAgbiAKMDAwMDAwMDIwNyAwMDAw"
    "MCBuIAowMDAwMDAwMjc4IDAwMDAwIG4gCnRyYWlsZXIgPDwgL0luZm8gMiAwIFIgL1Jvb3QgMSAwIFIgL1NpemUgNiAvSUQgWzw1ZTgwMjI1OTEw"
    "ZTgwMzQ0NjNiOGEwMWFkNjJjOTEyMj48NWU4MDIyNTkxMGU4MDM0NDYzYjhhMDFhZDYyYzkxMjI+XSAvRW5jcnlwdCA1IDAgUiA+PgpzdGFydHhy"
    "ZWYKNDg0CiUlRU9GCg==";
const char* const owner_only =
    "JVBERi0xLjUKJb/3ov4KMSAwIG9iago8PCAvUGFnZXMgMyAwIFIgL1R5cGUgL0NhdGFsb2cgPj4KZW5kb2JqCjIgMCBvYmoKPDwgL0F1dGhvciA8"
    "ZTA0NmYwYjA0OTlmZjEwOD4gL1RpdGxlIDxlMzQ3ZjlmOTZiOWFhMzAyM2MyOWQzM2E1ND4gPj4KZW5kb2JqCjMgMCBvYmoKPDwgL0NvdW50IDEg"
    "L0tpZHMgWyA0IDAgUiBdIC9UeXBlIC9QYWdlcyA+PgplbmRvYmoKNCAwIG9iago8PCAvTWVkaWFCb3ggWyAwIDAgMzAgNDAgXSAvUGFyZW50IDMg"
    "MCBSIC9UeXBlIC9QYWdlID4+CmVuZG9iago1IDAgb2JqCjw8IC9GaWx0ZXIgL1N0YW5kYXJkIC9MZW5ndGggNDAgL08gPGM5MjQyMjY4N2ZhY2Vl"
    "Njg2ZTM3M2YxMGI1YzdkMDQ3MzgwNTMxNTJmN2UyZWUzMGUxMWM2OWVjNDQyNTc2YWI+IC9QIC00IC9SIDIgL1UgPDdiMTQzMjkxOTJiMTJiZmY5"
    "NWY0ZTQ0NzJlNWI3N2QzMjcwNzJkNjBmYzVmZGE2MTJkYThiMTM3ZGQyMWJlZTM+IC9WIDEgPj4KZW5kb2JqCnhyZWYKMCA2CjAwMDAwMDAwMDAg"
    "NjU1MzUgZiAKMDAwMDAwMDAxNSAwMDAwMCBuIAowMDAwMDAwMDY0IDAwMDAwIG4gCjAwMDAwMDAxNDggMDAwMDAgbiAKMDAwMDAwMDIwNyAwMDAw"
    "MCBuIAowMDAwMDAwMjc4IDAwMDAwIG4gCnRyYWlsZXIgPDwgL0luZm8gMiAwIFIgL1Jvb3QgMSAwIFIgL1NpemUgNiAvSUQgWzwyNTE4N2Q0MDg3"
    "ZDUwNDZjOGRjN2UxOTczYzhkNDg5Mj48MjUxODdkNDA4N2Q1MDQ2YzhkYzdlMTk3M2M4ZDQ4OTI+XSAvRW5jcnlwdCA1IDAgUiA+PgpzdGFydHhy"
    "ZWYKNDg0CiUlRU9GCg==";

}  // namespace

TEST_CASE("a PDF tells its pages and its measures", "[pdf]") {
  test::pdf p;
  p.pages = 3;
  p.info("/Title (Of Clouds) /Author (Ada Lark) /Producer (A Press 1.0) /Creator (A Writer)");
  opened o = open_made(p);
  CHECK(o.format == "pdf");
  CHECK(o.described);
  CHECK(o.about.fixed_layout);
  CHECK(o.about.page_count == 3);
  CHECK(o.about.page_count_source == "counted");
  CHECK(o.about.title == "Of Clouds");
  CHECK(o.about.title_sort == "Of Clouds");
  CHECK(o.about.authors == std::vector<person>{{"Ada Lark", "Lark, Ada"}});
  CHECK(fact(o, "pdf_version") == "1.5");
  CHECK(fact(o, "producer") == "A Press 1.0");
  CHECK(fact(o, "creator") == "A Writer");
  CHECK(fact(o, "page_width") == "300");
  CHECK(fact(o, "page_height") == "400");
  CHECK(fact(o, "encrypted").empty());
  CHECK(test::codes(o).empty());
}

TEST_CASE("pages are counted through their tree, whatever it says", "[pdf]") {
  test::pdf p;
  int inner = p.add("<< /Type /Pages /Parent 2 0 R /Kids [3 0 R 3 0 R] >>");
  p.objects[2] = "<< /Type /Pages /Count 77 /MediaBox [10 10 110 60] /Kids [" + reference(inner) + " << /Type /Page >> ] >>";
  p.page = "/UserUnit 2";
  opened o = open_made(p);
  CHECK(o.about.page_count == 3);
  CHECK(fact(o, "page_width") == "200");
  CHECK(fact(o, "page_height") == "100");
}

TEST_CASE("a page without a box is a letter, and one of more than 200 inches is not drawn", "[pdf]") {
  auto drawable = [](const std::string& page, std::string_view width) {
    test::pdf p;
    p.page = page;
    opened o = open_made(p);
    CHECK(fact(o, "page_width") == width);
    return is_drawable_pdf(o);
  };
  CHECK(drawable("", "612"));
  CHECK(drawable("/MediaBox [0 0 0 0]", "612"));
  CHECK(drawable("/MediaBox (x)", "612"));
  CHECK(drawable("/MediaBox [0 0 14400 100]", "14400"));
  CHECK_FALSE(drawable("/MediaBox [0 0 14401 100]", "14401"));
  CHECK_FALSE(drawable("/MediaBox [0 0 100 20000]", "100"));
  CHECK_FALSE(drawable("/MediaBox [0 0 10000 100] /UserUnit 2", "20000"));
}

TEST_CASE("without metadata a PDF has the title of its name, and the librarian is asked", "[pdf]") {
  opened o = open_made({}, "Ada Lark - The Lost Garden (2019).pdf");
  CHECK(o.about.title == "The Lost Garden");
  CHECK(names(o) == texts{"Ada Lark"});
  CHECK(o.about.published_on == "2019");
  CHECK(test::codes(o) == "metadata_missing_title metadata_missing_author");
}

TEST_CASE("the XMP packet tells more than Info, and first", "[pdf]") {
  test::pdf p;
  p.info("/Title (Wrong) /Author (Wrong Man) /Subject (Wrong) /Keywords (wrong)");
  p.catalog += " /Lang (fr)";
  p.xmp(
      "<dc:title><rdf:Alt><rdf:li xml:lang='de'>Von Wolken</rdf:li><rdf:li xml:lang='x-default'>The Clouds</rdf:li></rdf:Alt>"
      "</dc:title><dc:creator>" +
      list("Seq", {"Ada Lark", "Wren, Ben", "Cy Dove and Di Heron"}) + "</dc:creator><dc:description>" +
      list("Alt", {"A book &amp; more"}) + "</dc:description><dc:subject>" + list("Bag", {"Sky", "Rain, light", "sky"}) +
      "</dc:subject><dc:publisher>" + list("Bag", {"Nest Press"}) + "</dc:publisher><dc:language>" + list("Bag", {"en-us"}) +
      "</dc:language><dc:date>" + list("Seq", {"2019-06"}) + "</dc:date><xmp:CreateDate>2001-01-01</xmp:CreateDate>");
  opened o = open_made(p);
  CHECK(o.about.title == "The Clouds");
  CHECK(o.about.title_sort == "Clouds, The");
  CHECK(names(o) == texts{"Ada Lark", "Ben Wren", "Cy Dove", "Di Heron"});
  CHECK(o.about.description_text == "A book & more");
  CHECK(o.about.subjects == texts{"Sky", "Rain, light"});
  CHECK(o.about.publisher == "Nest Press");
  CHECK(o.about.languages == texts{"en-US"});
  CHECK(o.about.published_on == "2019-06");
  CHECK(test::codes(o).empty());
}

TEST_CASE("what XMP does not tell comes from Info", "[pdf]") {
  test::pdf p;
  p.info(
      "/Title (Of Clouds) /Author (Ada Lark; Ben Wren) /Subject (About rain) /Keywords (sky, rain;wind) /CreationDate (D:2001)");
  p.catalog += " /Lang (de-de)";
  p.xmp("<dc:title><rdf:Alt><rdf:li xml:lang='x-default'> </rdf:li></rdf:Alt></dc:title><dc:creator><rdf:Seq/></dc:creator>");
  opened o = open_made(p);
  CHECK(o.about.title == "Of Clouds");
  CHECK(names(o) == texts{"Ada Lark", "Ben Wren"});
  CHECK(o.about.description_text == "About rain");
  CHECK(o.about.subjects == texts{"sky", "rain", "wind"});
  CHECK(o.about.languages == texts{"de-DE"});
  CHECK(o.about.published_on.empty());
}

TEST_CASE("keywords of XMP are subjects where there are none", "[pdf]") {
  CHECK(with_xmp("<pdf:Keywords>sky; rain, wind</pdf:Keywords>").about.subjects == texts{"sky", "rain", "wind"});
  CHECK(with_xmp("<pdf:Keywords>sky</pdf:Keywords><dc:subject>" + list("Bag", {"Rain"}) + "</dc:subject>").about.subjects ==
        texts{"Rain"});
}

TEST_CASE("properties of XMP may be attributes, under any prefix, in several descriptions", "[pdf]") {
  test::pdf p;
  p.xmp_packet(
      "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><r:Description "
      "xmlns:a='http://ns.adobe.com/pdf/1.3/' a:Keywords='sky'/><r:Description xmlns:b='http://purl.org/dc/elements/1.1/' "
      "b:publisher='Nest Press'><b:title>Of Clouds</b:title></r:Description></r:RDF>" +
      std::string(50, '\0'));
  opened o = open_made(p);
  CHECK(o.about.title == "Of Clouds");
  CHECK(o.about.subjects == texts{"sky"});
  CHECK(o.about.publisher == "Nest Press");
}

TEST_CASE("identifiers come from where XMP keeps them", "[pdf]") {
  auto found = [](const std::string& properties) { return with_xmp(properties).about.identifiers; };
  const pairs isbn{{"isbn_13", "9780306406157"}, {"isbn_10", "0306406152"}};
  CHECK(found("<prism:isbn>978-0-306-40615-7</prism:isbn>") == isbn);
  CHECK(found("<pdfx:isbn>0306406152</pdfx:isbn>") == isbn);
  CHECK(found("<prism:doi>10.1000/xyz</prism:doi>") == pairs{{"doi", "10.1000/xyz"}});
  CHECK(found("<dc:identifier>urn:isbn:9780306406157</dc:identifier>") == isbn);
  CHECK(found("<dc:identifier>10.1000/xyz</dc:identifier>") == pairs{{"doi", "10.1000/xyz"}});
  CHECK(found("<dc:identifier>doi:10.1000/xyz</dc:identifier>") == pairs{{"doi", "10.1000/xyz"}});
  CHECK(found("<dc:identifier>report-17</dc:identifier>").empty());
  CHECK(found("<xmp:Identifier><rdf:Bag><rdf:li rdf:parseType='Resource'><xmpidq:Scheme>isbn</xmpidq:Scheme>"
              "<rdf:value>9780306406157</rdf:value></rdf:li><rdf:li><rdf:Description xmpidq:Scheme='goodreads' rdf:value='17'/>"
              "</rdf:li></rdf:Bag></xmp:Identifier>") ==
        pairs{{"isbn_13", "9780306406157"}, {"isbn_10", "0306406152"}, {"goodreads", "17"}});
  CHECK(test::codes(with_xmp("<prism:isbn>12345</prism:isbn>")).starts_with("metadata_invalid_value"));
}

TEST_CASE("the date of a PDF is the book's, not the file's", "[pdf]") {
  CHECK(with_xmp("<prism:coverDate>2018</prism:coverDate>").about.published_on == "2018");
  CHECK(with_xmp("<prism:publicationDate>2017-03-04</prism:publicationDate>").about.published_on == "2017-03-04");
  CHECK(with_xmp("<dc:date>soon</dc:date><prism:coverDate>2018</prism:coverDate>").about.published_on == "2018");
  CHECK(with_xmp("<xmp:CreateDate>2018-01-01</xmp:CreateDate>").about.published_on.empty());
}

TEST_CASE("series and rating are calibre's", "[pdf]") {
  opened o = with_xmp(
      "<calibre:series rdf:parseType='Resource'><rdf:value>The Birds</rdf:value>"
      "<calibreSI:series_index>2.50</calibreSI:series_index></calibre:series><calibre:rating>7</calibre:rating>");
  CHECK(o.about.series == "The Birds");
  CHECK(o.about.series_index_text == "2.50");
  CHECK(o.about.series_index == 2.5);
  CHECK(o.about.rating == 3.5);
  o = with_xmp("<calibre:series>The Birds</calibre:series><calibre:rating>many</calibre:rating>");
  CHECK(o.about.series == "The Birds");
  CHECK_FALSE(o.about.series_index);
  CHECK_FALSE(o.about.rating);
}

TEST_CASE("a packet that breaks the rules is passed over, and Info speaks", "[pdf]") {
  auto title_and_codes = [](const std::string& packet) {
    test::pdf p;
    p.info("/Title (Of Clouds) /Author (Ada Lark)");
    p.xmp_packet(packet);
    opened o = open_made(p);
    CHECK(names(o) == texts{"Ada Lark"});
    return o.about.title + ": " + test::codes(o);
  };
  const std::string
      open =
          "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:dc='http://purl.org/dc/elements/1.1/'>"
          "<rdf:Description>",
      close = "</rdf:Description></rdf:RDF>";
  CHECK(title_and_codes(open + "<dc:title>Seen</dc:title>" + close) == "Seen: ");
  CHECK(title_and_codes("<!DOCTYPE x [<!ENTITY t 'No'>]>" + open + "<dc:title>&t;</dc:title>" + close) ==
        "Of Clouds: xml_entities_not_allowed");
  CHECK(title_and_codes(open + "<dc:title>\\376\\377\\000O</dc:title>" + close) == "Of Clouds: ");
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "<dc:x>";
  CHECK(title_and_codes(open + deep + close) == "Of Clouds: xml_too_deep");
  CHECK(title_and_codes(open + "<dc:title>Half") == "Half: xml_recovered");
  CHECK(title_and_codes("") == "Of Clouds: ");
  CHECK(title_and_codes(std::string(17 << 20, ' ')) == "Of Clouds: metadata_invalid_value");
}

TEST_CASE("text strings are UTF-16, UTF-8 or PDF's own", "[pdf]") {
  CHECK(with_info("/Title " + test::utf16(u"Grün \u4e66")).about.title == "Grün \u4e66");
  CHECK(with_info("/Title (\xef\xbb\xbfGr\xc3\xbcn)").about.title == "Grün");
  CHECK(with_info("/Title (Gr\\374n \\204 x)").about.title == "Grün — x");
  CHECK_FALSE(with_info("/Title <FEFFD800 00410042>").about.title.empty());  // half a pair
  CHECK(with_info("/Title 17").about.title == "nothing");
  CHECK(with_info("/Title /Name").about.title == "nothing");
}

TEST_CASE("long values are cut", "[pdf]") {
  opened o = with_info("/Title (" + std::string(3000, 'x') + ") /Author (Ada Lark) /Producer (" + std::string(5000, 'y') + ")");
  CHECK(o.about.title.size() == 1000);
  CHECK(fact(o, "producer").size() == 300);
  CHECK(test::codes(o) == "metadata_truncated");
  std::string many;
  for (int i = 0; i < 700; ++i) many += "word" + std::to_string(i) + ", ";
  CHECK(with_info("/Keywords (" + many + ")").about.subjects.size() == 500);
}

TEST_CASE("titles and authors that programs write are none", "[pdf]") {
  for (const char* junk :
       {"untitled", "Title", "document1", "Slide 1", "Microsoft Word - thesis", "PowerPoint Presentation", "print", "scan",
        "Scan0001", "scanned document", "scan_2019", "book.indd", "a.PDF", "x.docx", "1234", "00af-3b", "x", "", "a press 1.0"}) {
    INFO(junk);
    CHECK(pdf::is_junk_title(junk, "A Press 1.0"));
  }
  for (const char* good :
       {"Scandinavia", "Print Shops", "The Title", "Facade", "My PDF", "Of Clouds", "\u4e66\u4e66", "2019 in Rain"}) {
    INFO(good);
    CHECK_FALSE(pdf::is_junk_title(good, "A Press 1.0"));
  }
  for (const char* junk : {"user", "Admin", "Administrator", "owner", "unknown", "Author", "PC", "Windows User"}) {
    INFO(junk);
    CHECK(pdf::is_junk_author(junk));
  }
  CHECK_FALSE(pdf::is_junk_author("Ann Owner"));
  test::pdf p;
  p.info("/Title (Of Clouds) /Author (Ada Lark) /Producer (Nest)");
  p.xmp("<dc:title>NEST</dc:title><dc:creator>" + list("Seq", {"Admin"}) + "</dc:creator>");
  opened o = open_made(p);
  CHECK(o.about.title == "Of Clouds");
  CHECK(names(o) == texts{"Ada Lark"});
}

TEST_CASE("a PDF with a password is kept and asked about, an owner's password hinders nobody", "[pdf]") {
  opened o = open_pdf_bytes(*base64_decode(needs_password), "Of Clouds.pdf");
  CHECK(o.about.title == "Of Clouds");
  CHECK(o.about.page_count == 0);
  CHECK(o.about.facts.empty());
  CHECK(o.content_hash.empty());
  CHECK(test::codes(o) == "pdf_password metadata_missing_title metadata_missing_author");
  CHECK(blocks_approval("pdf_password"));
  CHECK_FALSE(is_drawable_pdf(o));

  o = open_pdf_bytes(*base64_decode(owner_only));
  CHECK(o.about.title == "Behind a Lock");
  CHECK(o.about.page_count == 1);
  CHECK(fact(o, "encrypted") == "true");
  CHECK(test::codes(o).empty());
  CHECK(is_drawable_pdf(o));
}

TEST_CASE("a PDF that only a shop's program opens is copy-protected", "[pdf]") {
  auto protection = [](const std::string& handler) {
    test::pdf p;
    p.trailer = "/ID [<00> <00>] /Encrypt << /Filter " + handler + " /V 4 /R 4 /Length 128 >>";
    opened o = open_made(p);
    CHECK(test::warned(o, "drm_protected"));
    CHECK_FALSE(is_drawable_pdf(o));
    return o.about.drm;
  };
  CHECK(protection("/EBX_HANDLER") == "adept");
  CHECK(protection("/FOPN_foweb") == "unknown");
}
