#include <catch2/catch.hpp>

#include "epub_maker.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::epub;
using test::part;

namespace {

std::string page(const std::string& body) {
  return "<html xmlns='http://www.w3.org/1999/xhtml' "
         "xmlns:epub='http://www.idpf.org/2007/ops'><head><title>t</title></head><body>" +
         body + "</body></html>";
}

std::string text_hash(const std::string& normal) { return sha256_hex("carrel-text-v1\n" + normal); }

std::string repeated(const std::string& s, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}

// The parts of a good book with its package document and container replaced.
std::vector<part> with_package(const epub& e, const std::string& path, const std::string& bytes) {
  std::vector<part> parts = e.parts();
  parts[1].data = "<container><rootfiles><rootfile full-path='" + path + "'/></rootfiles></container>";
  parts[2].data = bytes;
  parts[2].name = path;
  return parts;
}

opened open_parts(const std::vector<part>& parts) {
  auto o = test::open_bytes(test::make_zip(parts));
  if (!o) FAIL("refused: " << o.error().code << " " << o.error().detail);
  return *o;
}

}  // namespace

TEST_CASE("a plain EPUB opens without a warning") {
  opened o = test::open_good({});
  CHECK(o.format == "epub");
  CHECK(o.described);
  CHECK(o.warnings.empty());
  CHECK(o.about.title == "Plain");
  CHECK(o.about.authors == std::vector<person>{{"Ada Lark", "Lark, Ada", "aut"}});
  CHECK(o.about.languages == std::vector<std::string>{"en"});
  CHECK(o.about.epub_version == "3.0");
  CHECK(o.about.page_count == 1);
  CHECK(o.about.page_count_source == "estimate");
  CHECK(o.content_hash == text_hash("One.Two."));
  CHECK_FALSE(o.cover);
}

TEST_CASE("container fallbacks of 9.1") {
  epub e;
  std::vector<part> parts = e.parts();

  SECTION("mimetype is missing") {
    parts.erase(parts.begin());
    CHECK(test::codes(open_parts(parts)) == "epub_mimetype");
  }
  SECTION("mimetype is not first") {
    std::swap(parts[0], parts[1]);
    CHECK(test::codes(open_parts(parts)) == "epub_mimetype");
  }
  SECTION("mimetype is compressed") {
    parts[0].deflate = true;
    CHECK(test::codes(open_parts(parts)) == "epub_mimetype");
  }
  SECTION("mimetype has a line end") {
    parts[0].data += "\n";
    CHECK(test::codes(open_parts(parts)) == "epub_mimetype");
  }
  SECTION("no container, one package document") {
    parts.erase(parts.begin() + 1);
    CHECK(test::codes(open_parts(parts)) == "epub_no_container");
  }
  SECTION("no container, two package documents") {
    parts.erase(parts.begin() + 1);
    parts.push_back({.name = "other.opf", .data = e.package()});
    CHECK(test::refused_code(test::make_zip(parts)) == "epub_no_package");
  }
  SECTION("the container is not XML") {
    parts[1].data = "nothing";
    CHECK(test::warned(open_parts(parts), "epub_no_container"));
  }
  SECTION("the first of two rootfiles is missing") {
    parts[1].data =
        "<container><rootfiles><rootfile full-path='gone.opf' media-type='application/oebps-package+xml'/>"
        "<rootfile full-path='OEBPS/content.opf'/></rootfiles></container>";
    CHECK(test::codes(open_parts(parts)).empty());
  }
  SECTION("a rootfile of another type does not count") {
    parts[1].data =
        "<container><rootfiles><rootfile full-path='OEBPS/ch01.xhtml' media-type='application/pdf'/>"
        "<rootfile full-path='OEBPS/content.opf'/></rootfiles></container>";
    CHECK(test::codes(open_parts(parts)).empty());
  }
  SECTION("a path with escapes, a leading slash, or another case") {
    for (const char* path : {"OEBPS%2Fcontent.opf", "/OEBPS/content.opf"}) {
      parts[1].data = std::string("<container><rootfiles><rootfile full-path='") + path + "'/></rootfiles></container>";
      CHECK(test::codes(open_parts(parts)).empty());
    }
    parts[1].data = "<container><rootfiles><rootfile full-path='oebps/Content.OPF'/></rootfiles></container>";
    CHECK(test::codes(open_parts(parts)) == "epub_missing_resource");
  }
  SECTION("the package document is not there at all") {
    parts.erase(parts.begin() + 2);
    CHECK(test::refused_code(test::make_zip(parts)) == "epub_no_package");
  }
  SECTION("no manifest, no spine, an empty spine") {
    CHECK(test::refused_code(test::make_zip(with_package(e, "a.opf", "<package><metadata/></package>"))) == "epub_bad_package");
    CHECK(test::refused_code(test::make_zip(with_package(e, "a.opf", "<package><metadata>"))) == "epub_bad_package");
    CHECK(test::refused_code(test::make_zip(with_package(e, "a.opf", "<other><manifest/></other>"))) == "epub_bad_package");
    CHECK(test::refused_code(test::make_zip(with_package(e, "a.opf", ""))) == "epub_bad_package");
    e.spine = "";
    CHECK(test::refused_code(e.bytes()) == "epub_no_spine");
    e.spine = "<itemref idref='gone'/>";
    CHECK(test::refused_code(e.bytes()) == "epub_no_spine");
  }
}

TEST_CASE("hrefs are found as 9.6 says") {
  auto [href, name, warning_code] = GENERATE(table<std::string, std::string, std::string>({
      {"my%20ch%C3%A4pter.xhtml", "OEBPS/my chäpter.xhtml", ""},
      {"a.xhtml#top", "OEBPS/a.xhtml", ""},
      {"../a.xhtml", "a.xhtml", ""},
      {"./x/../a.xhtml", "OEBPS/a.xhtml", ""},
      {"E\u0301.xhtml", "OEBPS/\u00c9.xhtml", ""},
      {"\u00c9.xhtml", "OEBPS/E\u0301.xhtml", ""},
      {"a b.xhtml", "OEBPS/a%20b.xhtml", ""},
      {"a%20b.xhtml", "OEBPS/a%20b.xhtml", ""},
      {"x/a.xhtml", "OEBPS\\x\\a.xhtml", ""},
      {"CH.XHTML", "OEBPS/ch.xhtml", "epub_missing_resource"},
      {"100%.xhtml", "OEBPS/100%.xhtml", ""},
  }));
  INFO(href << " " << name);
  epub e;
  e.manifest = "<item id='c2' href='" + href + "' media-type='application/xhtml+xml'/>";
  e.spine = "<itemref idref='c2'/>";
  e.more = {{.name = name, .data = page("<p>Found.</p>")}};
  opened o = test::open_good(e);
  CHECK(o.content_hash == text_hash("Found."));
  CHECK(test::codes(o) == warning_code);
}

TEST_CASE("hrefs that leave the container are ignored") {
  epub e;
  for (const char* href : {"../../etc/passwd", "/etc/passwd", "http://127.0.0.1/x", "file:///etc/passwd", "%2e%2e/%2e%2e/x"}) {
    e.manifest = "<item id='x' href='" + std::string(href) + "' media-type='image/jpeg' properties='cover-image'/>";
    CHECK(test::codes(test::open_good(e)) == "href_outside_container");
  }
}

TEST_CASE("the content hash sees the text only") {
  epub e;
  e.chapter = page("<h1>One</h1>\n<p>A&nbsp;b \u00ad\u200bc</p><script>var x;</script><style>p{}</style><p>E\u0301</p>");
  std::string plain = test::open_good(e).content_hash;
  CHECK(plain == text_hash("OneAbc\u00c9"));

  SECTION("Kobo spans and wrapping do not change it") {
    e.chapter = page(
        "<div id='book-columns'><div id='book-inner'><h1><span class='koboSpan' id='kobo.1.1'>One</span></h1>"
        "<p><span class='x koboSpan'>A b </span>c</p><p>E\u0301</p></div></div>");
    opened o = test::open_good(e);
    CHECK(o.content_hash == plain);
    CHECK(o.about.is_kepub);
    CHECK(o.format == "kepub");
  }
  SECTION("nor does splitting, even between a letter and its accent") {
    e.chapter = page("<h1>One</h1><p>Abc</p><p>E</p>");
    e.manifest = "<item id='c2' href='c2.xhtml' media-type='application/xhtml+xml'/>";
    e.spine += "<itemref idref='c2' linear='no'/>";
    e.more = {{.name = "OEBPS/c2.xhtml", .data = page("\u0301")}};
    CHECK(test::open_good(e).content_hash == plain);
  }
  SECTION("nor does another encoding") {
    e.chapter = "<?xml version='1.0' encoding='iso-8859-1'?>" + page("<p>OneAbc\xc9</p>");
    CHECK(test::open_good(e).content_hash == plain);
    e.chapter = page("<p>OneAbc\xc9 and more plain words</p>");  // undeclared windows-1252
    CHECK(test::open_good(e).content_hash == text_hash("OneAbc\u00c9andmoreplainwords"));
  }
  SECTION("text that is not well-formed is read as HTML") {
    e.chapter = page("<p>One<br>A &amp b<p>c &eacute; <i/>");
    CHECK(test::open_good(e).content_hash == text_hash("OneA&bc\u00e9"));
  }
  SECTION("entities of the document are replaced once, nothing external is read") {
    e.chapter = "<!DOCTYPE html [<!ENTITY w 'word'><!ENTITY x SYSTEM 'file:///etc/passwd'><!ENTITY n '&w;&w;'>]>" +
                page("<p>&w; &x; &n;</p>");
    CHECK(test::open_good(e).content_hash == text_hash("word&x;&n;"));
  }
  SECTION("deep nesting is read without recursion") {
    e.chapter = page(repeated("<div>", 100'000) + "deep" + repeated("</div>", 100'000));
    CHECK(test::open_good(e).content_hash == text_hash("deep"));
  }
}

TEST_CASE("a book of pictures is told apart by its pictures") {
  epub e;
  e.chapter = page("<img src='b.png'/><svg xmlns='http://www.w3.org/2000/svg'><image href='a.png'/></svg><img src='b.png'/>");
  std::string a = test::make_png(10, 20), b = test::make_png(20, 10);
  e.more = {{.name = "OEBPS/a.png", .data = a}, {.name = "OEBPS/b.png", .data = b}};
  CHECK(test::open_good(e).content_hash == sha256_hex("carrel-images-v1\n" + sha256_raw(b) + sha256_raw(a)));
  e.chapter = page("<p>" + repeated("text ", 600) + "</p><img src='b.png'/>");
  CHECK(test::open_good(e).content_hash == text_hash(repeated("text", 600)));
}

TEST_CASE("a cover page does not make a short text a book of pictures") {
  epub e;
  e.manifest = "<item id='p' href='p.xhtml' media-type='application/xhtml+xml'/>";
  e.spine = "<itemref idref='p'/><itemref idref='c1'/>";
  e.more = {{.name = "OEBPS/p.xhtml", .data = page("<img src='a.png'/>")},
            {.name = "OEBPS/a.png", .data = test::make_png(10, 20)}};
  opened o = test::open_good(e);
  CHECK(o.cover);
  CHECK(o.content_hash == text_hash("One.Two."));
  e.chapter = page("");
  CHECK(test::open_good(e).content_hash == sha256_hex("carrel-images-v1\n" + sha256_raw(o.cover->bytes)));
}

TEST_CASE("pages are counted, given or estimated") {
  epub e;
  SECTION("Latin text") {
    e.chapter = page("<p>" + repeated("word ", 1000) + "</p>");
    CHECK(test::open_good(e).about.page_count == 4);  // ceil(40000 / 12500)
  }
  SECTION("Chinese text") {
    e.chapter = page("<p>" + repeated("字", 1001) + "</p>");
    CHECK(test::open_good(e).about.page_count == 3);  // ceil(25025 / 12500)
  }
  SECTION("a page list") {
    e.manifest = "<item id='n' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/>";
    e.more = {
        {.name = "OEBPS/nav.xhtml",
         .data = page("<nav epub:type='page-list'><ol>" + repeated("<li><a href='ch01.xhtml'>1</a></li>", 12) + "</ol></nav>")}};
    opened o = test::open_good(e);
    CHECK(o.about.page_count == 12);
    CHECK(o.about.page_count_source == "page_list");
  }
  SECTION("a page list that cannot be true") {
    e.manifest = "<item id='n' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/>";
    e.more = {{.name = "OEBPS/nav.xhtml", .data = page("<nav epub:type='page-list'>" + repeated("<li/>", 100'001) + "</nav>")}};
    opened o = test::open_good(e);
    CHECK(test::codes(o) == "epub_toc");
    CHECK(o.about.page_count_source == "estimate");
  }
  SECTION("calibre's column") {
    e.metadata += "<meta name='calibre:user_metadata:#pages' content='{\"#value#\": 321}'/>";
    opened o = test::open_good(e);
    CHECK(o.about.page_count == 321);
    CHECK(o.about.page_count_source == "calibre");
  }
  SECTION("fixed layout has a page for every document") {
    e.metadata += "<meta property='rendition:layout'>pre-paginated</meta>";
    opened o = test::open_good(e);
    CHECK(o.about.fixed_layout);
    CHECK(o.about.page_count == 1);
  }
}

TEST_CASE("fixed layout is said in four ways") {
  epub e;
  SECTION("old meta") { e.metadata += "<meta name='fixed-layout' content='true'/>"; }
  SECTION("display options") {
    e.more = {
        {.name = "META-INF/com.apple.ibooks.display-options.xml",
         .data = "<display_options><platform name='*'><option name='fixed-layout'>true</option></platform></display_options>"}};
  }
  SECTION("every spine item") { e.spine = "<itemref idref='c1' properties='page-spread-left rendition:layout-pre-paginated'/>"; }
  CHECK(test::open_good(e).about.fixed_layout);
}

TEST_CASE("the table of contents comes from nav, else from the NCX") {
  epub e;
  const part ncx{
      .name = "OEBPS/toc.ncx",
      .data =
          "<ncx xmlns='http://www.daisy.org/z3986/2005/ncx/'><navMap><navPoint><navLabel><text>From NCX</text></navLabel>"
          "<content src='ch01.xhtml'/><navPoint><navLabel><text> Below </text></navLabel><content src='ch01.xhtml#b'/></navPoint>"
          "</navPoint></navMap></ncx>"};
  const part nav{
      .name = "OEBPS/n/nav.xhtml",
      .data = page(
          "<nav epub:type='toc'><h1>Contents</h1><ol><li><a href='../ch01.xhtml'>One <b>bold</b></a><ol><li><span>Part</span>"
          "<ol><li><a href='../ch01.xhtml#x'>Deep</a></li></ol></li></ol></li><li><a href='../../../x'>Out</a></li></ol></nav>")};
  const std::string ncx_item = "<item id='ncx' href='toc.ncx' media-type='application/x-dtbncx+xml'/>";
  const std::string nav_item = "<item id='nav' href='n/nav.xhtml' media-type='application/xhtml+xml' properties='scripted nav'/>";

  SECTION("nav") {
    e.manifest = ncx_item + nav_item;
    e.more = {ncx, nav};
    CHECK(test::open_good(e).about.toc.size() == 4);
    auto toc = test::open_good(e).about.toc;
    CHECK(toc[0].title == "One bold");
    CHECK(toc[0].href == "OEBPS/ch01.xhtml");
    CHECK(toc[0].depth == 0);
    CHECK(toc[1].depth == 1);
    CHECK(toc[2].href == "OEBPS/ch01.xhtml#x");
    CHECK(toc[2].depth == 2);
    CHECK(toc[3].depth == 0);
    CHECK(toc[3].href.empty());
  }
  SECTION("NCX") {
    e.manifest = ncx_item;
    e.more = {ncx};
    auto toc = test::open_good(e).about.toc;
    REQUIRE(toc.size() == 2);
    CHECK(toc[0].title == "From NCX");
    CHECK(toc[1].title == "Below");
    CHECK(toc[1].depth == 1);
  }
  SECTION("a missing or broken one is only a warning") {
    e.manifest = nav_item;
    CHECK(test::codes(test::open_good(e)) == "epub_toc");
    e.manifest = ncx_item;
    e.more = {{.name = "OEBPS/toc.ncx", .data = "<ncx><!DOCTYPE"}};
    CHECK(test::codes(test::open_good(e)) == "epub_toc");
    e.more = {{.name = "OEBPS/toc.ncx", .data = "<!DOCTYPE n [<!ENTITY a 'b'>]><ncx><navMap/></ncx>"}};
    CHECK(test::codes(test::open_good(e)) == "epub_toc");
  }
  SECTION("endless ones are cut") {
    e.manifest = nav_item;
    e.more = {{.name = nav.name,
               .data = page("<nav epub:type='toc'>" + repeated("<ol><li><a href='x'>a</a>", 200) + repeated("</li></ol>", 200) +
                            "</nav>")}};
    opened o = test::open_good(e);
    CHECK(o.about.toc.size() == 32);
    CHECK(test::warned(o, "epub_toc"));
    e.more = {{.name = nav.name,
               .data = page("<nav epub:type='toc'><ol>" + repeated("<li><a href='x'>a</a></li>", 10'100) + "</ol></nav>")}};
    o = test::open_good(e);
    CHECK(o.about.toc.size() == 10'000);
    CHECK(test::warned(o, "epub_toc"));
  }
}

TEST_CASE("copy protection is told from font obfuscation") {
  epub e;
  e.manifest = "<item id='f' href='font.otf' media-type='font/otf'/>";
  auto encrypted = [](const std::string& algorithm, const std::string& uri) {
    return part{.name = "META-INF/encryption.xml",
                .data =
                    "<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><EncryptedData "
                    "xmlns='http://www.w3.org/2001/04/xmlenc#'>"
                    "<EncryptionMethod Algorithm='" +
                    algorithm + "'/><CipherData><CipherReference URI='" + uri + "'/></CipherData></EncryptedData></encryption>"};
  };
  const std::string aes = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
  const part font{.name = "OEBPS/font.otf", .data = "OTTO"};

  for (const auto& [file, content, kind] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"META-INF/license.lcpl", "{}", "lcp"},
           {"META-INF/sinf.xml", "<x/>", "apple"},
           {"META-INF/rights.xml", "<rights xmlns='http://ns.adobe.com/adept'/>", "adept"},
           {"META-INF/rights.xml", "<k:kdrm xmlns:k='x'/>", "kobo"},
           {"META-INF/other.xml", "<x/>", "unknown"}}) {
    e.more = {font, encrypted(aes, "OEBPS/ch01.xhtml"), {.name = file, .data = content}};
    opened o = test::open_good(e);
    CHECK(o.about.drm == kind);
    CHECK(test::codes(o) == "drm_protected");
    CHECK(o.content_hash.empty());
    CHECK(o.about.title == "Plain");
    CHECK(blocks_approval("drm_protected"));
  }
  for (const char* harmless : {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}) {
    e.more = {font, encrypted(harmless, "OEBPS/font.otf")};
    CHECK(test::open_good(e).warnings.empty());
  }
  e.more = {font, encrypted(aes, "OEBPS/font.otf")};
  CHECK(test::open_good(e).about.drm.empty());
  e.more = {{.name = "META-INF/rights.xml", .data = "<rights/>"}};
  CHECK(test::open_good(e).warnings.empty());
}

TEST_CASE("a missing title comes from the file name and blocks approval") {
  epub e;
  e.metadata = "<dc:title> \n </dc:title>";
  auto o = test::open_bytes(e.bytes(), "Ada Lark - The Lost Garden.epub");
  REQUIRE(o);
  CHECK(o->about.title == "The Lost Garden");
  CHECK(o->about.title_sort == "Lost Garden, The");
  CHECK(o->about.authors.at(0).name == "Ada Lark");
  CHECK(test::codes(*o) == "metadata_missing_title metadata_missing_author");
  CHECK(blocks_approval("metadata_missing_title"));
  CHECK(blocks_approval("metadata_missing_author"));
  CHECK_FALSE(blocks_approval("epub_toc"));
}
