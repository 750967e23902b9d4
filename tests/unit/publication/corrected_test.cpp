// Copies of EPUBs that say what the library says (setting deliver.metadata; kepub.md 4).
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "epub_maker.hpp"
#include "publication/container.hpp"
#include "publication/corrected_copy.hpp"
#include "publication/kepub/convert.hpp"
#include "publication/opf_edit.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::publication;
namespace fs = std::filesystem;

namespace {

std::string package_of(const std::string& metadata, const std::string& version = "3.0") {
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?><!-- kept --><package xmlns=\"http://www.idpf.org/2007/opf\" version=\"" +
         version +
         "\" unique-identifier=\"i\" prefix=\"x: http://example.org/x#\"><metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\" "
         "xmlns:opf=\"http://www.idpf.org/2007/opf\">" +
         metadata + "</metadata><manifest><item id=\"doc\" href=\"a.xhtml\" media-type=\"application/xhtml+xml\"/></manifest>" +
         "<spine><itemref idref=\"doc\"/></spine></package>";
}

const std::string plain = "<dc:identifier id=\"i\">urn:x:1</dc:identifier><dc:title>Old</dc:title><dc:language>en</dc:language>";

std::string edited(const std::string& package, const corrected& want) {
  result<edited_package, refusal> out = edit_package(package, want);
  if (!out) FAIL("refused: " << out.error().code << " " << out.error().detail);
  return out->text;
}

std::string why_not(const std::string& package, const corrected& want = {.title = "New"}) {
  result<edited_package, refusal> out = edit_package(package, want);
  return out ? (out->changed ? "changed" : "same") : out.error().code;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// What a file says, as the library would have it.
corrected as_library(const metadata& m) {
  return {.title = m.title,
          .subtitle = m.subtitle,
          .title_sort = m.title_sort,
          .authors = m.authors,
          .contributors = m.contributors,
          .series = m.series,
          .series_index = m.series_index,
          .languages = m.languages,
          .publisher = m.publisher,
          .published_on = m.published_on,
          .description = m.description_html,
          .subjects = m.subjects,
          .identifiers = m.identifiers,
          .cleared = {}};
}

corrected everything() {
  return {.title = "The Lighthouse Ledger & More",
          .subtitle = "A <Tale>",
          .title_sort = "Lighthouse Ledger & More, The",
          .authors = {{"Ada Fenwick", "Fenwick, Ada", "aut"}, {"Bo Lark", "Lark, Bo", "aut"}},
          .contributors = {{"Cy Tern", "Tern, Cy", "trl"}, {"Dee Wren", "Wren, Dee", "ill"}},
          .series = "Ledgers",
          .series_index = 2.5,
          .languages = {"de", "fr"},
          .publisher = "Small Press",
          .published_on = "2019-03-04",
          .description = "<p>First.</p><p>Second &amp; last.</p>",
          .subjects = {"Sea", "Ships, old"},
          .identifiers = {{"asin", "B00ABCDEFG"},
                          {"hardcover", "12345"},
                          {"isbn_10", "316148410X"},
                          {"isbn_13", "9783161484100"},
                          {"uuid", "01234567-89ab-cdef-0123-456789abcdef"}},
          .cleared = {}};
}

void check_says(const metadata& m, const corrected& want, bool epub3) {
  CHECK(m.title == want.title);
  if (epub3) CHECK(m.subtitle == want.subtitle);
  CHECK(m.title_sort == want.title_sort);
  CHECK(m.authors == want.authors);
  CHECK(m.contributors == want.contributors);
  CHECK(m.series == want.series);
  CHECK(m.series_index == want.series_index);
  CHECK(m.languages == want.languages);
  CHECK(m.publisher == want.publisher);
  CHECK(m.published_on == want.published_on);
  CHECK(m.description_html == want.description);
  CHECK(m.subjects == want.subjects);
  for (const auto& i : want.identifiers) {
    INFO(i.first);
    CHECK(std::find(m.identifiers.begin(), m.identifiers.end(), i) != m.identifiers.end());
  }
}

struct copied {
  bool written = false;
  std::string refused, bytes;
};

copied copy_of(const std::string& bytes, const corrected& want) {
  harness::scratch_folder folder;
  test::scratch in(bytes);
  result<bool, refusal> done = write_corrected_copy(in.descriptor(), "x.epub", folder.path / "out.epub", want);
  copied out;
  if (!done) out.refused = done.error().code;
  out.written = done && *done;
  CHECK(fs::exists(folder.path / "out.epub") == out.written);
  if (out.written) out.bytes = harness::read_file(folder.path / "out.epub");
  return out;
}

opened read_back(const std::string& bytes) {
  result<opened, refusal> found = test::open_bytes(bytes);
  if (!found) FAIL("refused: " << found.error().code);
  return *found;
}

std::vector<std::pair<std::string, std::string>> entries_of(const std::string& bytes) {
  test::scratch file(bytes);
  limits limit;
  auto zip = archive::open(file.descriptor(), limit, limit.unpacked);
  REQUIRE(zip);
  std::vector<std::pair<std::string, std::string>> out;
  for (const archive_entry& e : (*zip)->entries()) out.emplace_back(e.name, (*zip)->read(e, limit.unpacked, "x").value());
  return out;
}

}  // namespace

TEST_CASE("what a package says already is not written again") {
  std::string bytes = package_of(plain + "<dc:creator>Ada Fenwick</dc:creator>");
  corrected want{.title = "Old", .authors = {{"Ada Fenwick", "Fenwick, Ada", "aut"}}, .languages = {"en"}};
  CHECK(why_not(bytes, want) == "same");
  CHECK(why_not(bytes, {}) == "same");  // nothing is said, and nothing was emptied
}

TEST_CASE("only what differs is touched; unknown elements, comments and the order stay") {
  std::string more =
      "<x:own xmlns:x=\"http://example.org/x#\" a='1'>k&amp;k</x:own><!-- here --><meta property=\"dcterms:modified\">"
      "2020-01-01T00:00:00Z</meta><meta name=\"cover\" content=\"a\"/><dc:rights>All</dc:rights>";
  std::string text = edited(package_of(plain + more), {.title = "New"});
  CHECK(says(text, "<!-- kept -->"));
  CHECK(says(text, "prefix=\"x: http://example.org/x#\""));
  CHECK(says(
      text, "<x:own xmlns:x=\"http://example.org/x#\" a=\"1\">k&amp;k</x:own><!-- here --><meta property=\"dcterms:modified\">"));
  CHECK(says(text, "<dc:identifier id=\"i\">urn:x:1</dc:identifier><dc:title>New</dc:title><dc:language>en</dc:language>"));
  CHECK(count(text, "<") == count(package_of(plain + more), "<"));
}

TEST_CASE("EPUB 3 says people and series by metas, EPUB 2 by attributes and by what Calibre reads") {
  corrected want = everything();
  std::string three = edited(package_of(plain), want), two = edited(package_of(plain, "2.0"), want);
  CHECK(says(three, "property=\"role\" scheme=\"marc:relators\">aut</meta>"));
  CHECK(says(three, "property=\"file-as\">Fenwick, Ada</meta>"));
  CHECK(says(three, "property=\"collection-type\">series</meta>"));
  CHECK(says(three, "property=\"group-position\">2.5</meta>"));
  CHECK(says(three, "<meta name=\"calibre:series\" content=\"Ledgers\""));
  CHECK_FALSE(says(three, "opf:role"));
  CHECK(says(two, "<dc:creator opf:role=\"aut\" opf:file-as=\"Fenwick, Ada\">Ada Fenwick</dc:creator>"));
  CHECK(says(two, "<dc:contributor opf:role=\"trl\" opf:file-as=\"Tern, Cy\">Cy Tern</dc:contributor>"));
  CHECK(says(two, "<meta name=\"calibre:series_index\" content=\"2.5\""));
  CHECK(says(two, "<dc:date opf:event=\"publication\">2019-03-04</dc:date>"));
  CHECK_FALSE(says(two, "refines"));
  CHECK_FALSE(says(two, "belongs-to-collection"));
}

TEST_CASE("people who stay keep their element and what is said of them elsewhere") {
  std::string people =
      "<dc:creator id=\"c1\">Ada Fenwick</dc:creator><meta refines=\"#c1\" property=\"role\">aut</meta>"
      "<meta refines=\"#c1\" property=\"alternate-script\" xml:lang=\"ja\">x</meta>"
      "<dc:creator id=\"c2\">Wrong Person</dc:creator><meta refines=\"#c2\" property=\"role\" id=\"r\">aut</meta>"
      "<meta refines=\"#r\" property=\"x:sure\">no</meta><link refines=\"#c2\" rel=\"x:who\" href=\"x\"/>"
      "<dc:contributor><!-- made by -->Program</dc:contributor><meta refines=\"#none\" property=\"x:y\">kept</meta>";
  corrected want{.title = "Old",
                 .authors = {{"Bo Lark", "Lark, Bo", "aut"}, {"Ada Fenwick", "Fenwick, Ada", "aut"}},
                 .contributors = {{"Program", "Program", "ctb"}}};
  std::string text = edited(package_of(plain + people), want);
  CHECK(says(text, "alternate-script"));
  CHECK_FALSE(says(text, "Wrong Person"));
  CHECK_FALSE(says(text, "#c2"));
  CHECK_FALSE(says(text, "x:sure"));
  CHECK(says(text, "kept"));
  CHECK(text.find("Bo Lark") < text.find("Ada Fenwick"));
  CHECK(says(text, "<!-- made by -->Program"));
}

TEST_CASE("the program that made a book stays, and so does an order of display no more") {
  std::string people =
      "<dc:contributor opf:role=\"bkp\">calibre (5.0)</dc:contributor><dc:creator id=\"a\">Ada</dc:creator>"
      "<meta refines=\"#a\" property=\"display-seq\">2</meta><dc:creator id=\"b\">Bo</dc:creator>"
      "<meta refines=\"#b\" property=\"display-seq\">1</meta>";
  std::string text =
      edited(package_of(plain + people), {.title = "Old", .authors = {{"Ada", "Ada", "aut"}, {"Bo", "Bo", "aut"}}});
  CHECK(says(text, "calibre (5.0)"));
  CHECK_FALSE(says(text, "display-seq"));
}

TEST_CASE("the unique identifier is never changed: fonts are hidden with it") {
  std::string wrong =
      "<dc:identifier id=\"i\" opf:scheme=\"ISBN\">9783161484100</dc:identifier><dc:title>Old</dc:title>"
      "<dc:identifier opf:scheme=\"ASIN\">B000000000</dc:identifier>";
  corrected want{.title = "Old", .identifiers = {{"isbn_13", "9780306406157"}, {"asin", "B00ABCDEFG"}}};
  std::string text = edited(package_of(wrong, "2.0"), want);
  CHECK(says(text, "<dc:identifier id=\"i\" opf:scheme=\"ISBN\">9783161484100</dc:identifier>"));
  CHECK(says(text, "urn:isbn:9780306406157"));
  CHECK_FALSE(says(text, "B000000000"));
  CHECK(says(text, "asin:B00ABCDEFG"));
}

TEST_CASE("a field is taken out only when somebody emptied it") {
  std::string full = plain +
                     "<dc:publisher>P</dc:publisher><dc:description>D</dc:description><dc:subject>S</dc:subject>"
                     "<dc:date>2001</dc:date><meta name=\"calibre:series\" content=\"A\"/>"
                     "<meta name=\"calibre:series_index\" content=\"1\"/><dc:identifier>asin:B00ABCDEFG</dc:identifier>";
  CHECK(why_not(package_of(full), {.title = "Old"}) == "same");
  corrected want{.title = "Old"};
  want.cleared = {"description", "identifiers", "published", "publisher", "series", "tags"};
  std::string text = edited(package_of(full), want);
  CHECK(text == "<?xml version=\"1.0\" encoding=\"utf-8\"?>" + package_of(plain).substr(38));
}

TEST_CASE("a package that is not certainly understood is left alone") {
  CHECK(why_not("no XML") == "epub_bad_package");
  CHECK(why_not(package_of(plain + "<dc:title>")) == "epub_bad_package");
  CHECK(why_not("<!DOCTYPE package [<!ENTITY a \"b\">]>" + package_of(plain).substr(38)) == "xml_entities_not_allowed");
  CHECK(why_not(package_of(plain + "</metadata><metadata>")) == "epub_bad_package");
  CHECK(why_not(package_of("<dc-metadata>" + plain + "</dc-metadata>")) == "epub_bad_package");
  CHECK(why_not(package_of(plain + "<meta id=\"i\" name=\"a\" content=\"b\"/>")) == "epub_bad_package");
  CHECK(why_not(package_of(plain + "<dc:rights>\xff\xfe\xff\xff</dc:rights>")) == "epub_bad_package");
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "<meta name=\"a\" content=\"b\"/>";
  CHECK(why_not(package_of(plain + many)) == "epub_bad_package");
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "<a>";
  for (int i = 0; i < 300; ++i) deep += "</a>";
  CHECK(why_not(package_of(plain + deep)) == "xml_too_deep");
}

TEST_CASE("metas that refine each other in a circle end") {
  std::string circle =
      "<dc:creator id=\"a\">Ada</dc:creator><meta id=\"b\" refines=\"#c\" property=\"role\">aut</meta>"
      "<meta id=\"c\" refines=\"#b\" property=\"role\">aut</meta><meta id=\"d\" refines=\"#a\" property=\"x:y\">1</meta>"
      "<meta id=\"e\" refines=\"#e\" property=\"x:y\">1</meta><meta id=\"f\" refines=\"#d\" property=\"x:y\">1</meta>";
  std::string text = edited(package_of(plain + circle), {.title = "Old", .authors = {{"Bo", "Bo", "aut"}}});
  CHECK_FALSE(says(text, "refines=\"#d\""));
  CHECK(says(text, "refines=\"#e\""));
}

TEST_CASE("a mutilated package is refused, or what is made of it can be read again") {
  std::string whole = edited(package_of(plain), everything());
  std::mt19937 dice(11);
  int made = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (unsigned n = dice() % 4 + 1; n > 0; --n) {
      std::size_t at = dice() % text.size(), length = dice() % 60;
      switch (dice() % 3) {
        case 0: text[at] = static_cast<char>(dice()); break;
        case 1: text.erase(at, length); break;
        default: text.insert(dice() % text.size(), text.substr(at, length)); break;
      }
    }
    corrected want = everything();
    want.title = "Round " + std::to_string(round);
    result<edited_package, refusal> out = edit_package(text, want);
    if (!out || !out->changed) continue;
    ++made;
    CHECK(edit_package(out->text, want));
  }
  CHECK(made > 100);
}

TEST_CASE("a package in another encoding becomes UTF-8, and says so") {
  std::string latin =
      "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>" + package_of(plain + "<dc:rights>caf\xe9</dc:rights>").substr(38);
  std::string text = edited(latin, {.title = "N\xc3\xa4he"});
  CHECK(text.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>"));
  CHECK(says(text, "caf\xc3\xa9"));
  CHECK(says(text, "N\xc3\xa4he"));
}

TEST_CASE("prefixes are those of the document, or are declared") {
  std::string other =
      "<p:package xmlns:p=\"http://www.idpf.org/2007/opf\" version=\"2.0\" unique-identifier=\"i\"><p:metadata>"
      "<d:title xmlns:d=\"http://purl.org/dc/elements/1.1/\">Old</d:title></p:metadata><p:manifest/><p:spine/></p:package>";
  std::string text = edited(other, {.title = "New", .authors = {{"Ada", "Ada", "aut"}}, .series = "S"});
  CHECK(says(text, ">New</d:title>"));
  CHECK(says(text, "<p:metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\">"));
  CHECK(says(text, "<dc:creator p:role=\"aut\" p:file-as=\"Ada\">Ada</dc:creator>"));
  CHECK(says(text, "<p:meta name=\"calibre:series\" content=\"S\""));
}

TEST_CASE("a copy has the documents of its source, byte by byte, and is the same each time") {
  test::epub in;
  in.more = {{.name = "OEBPS/a.css", .data = "p { }", .deflate = true}, {.name = "OEBPS/odd\xff", .data = "1"}};
  std::string source = in.bytes();
  copied out = copy_of(source, everything());
  REQUIRE(out.written);
  CHECK(copy_of(source, everything()).bytes == out.bytes);
  auto before = entries_of(source), after = entries_of(out.bytes);
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(after[i].first == before[i].first);
    if (before[i].first != "OEBPS/content.opf") CHECK(after[i].second == before[i].second);
  }
  CHECK(out.bytes.substr(30, 28) == "mimetypeapplication/epub+zip");  // first, and stored
  check_says(read_back(out.bytes).about, everything(), true);
  CHECK_FALSE(copy_of(out.bytes, everything()).written);  // it says all of it now
}

TEST_CASE("the entry mimetype comes first even where it did not") {
  test::epub in;
  std::vector<test::part> parts = in.parts();
  std::rotate(parts.begin(), parts.begin() + 1, parts.end());
  copied out = copy_of(test::make_zip(parts), everything());
  REQUIRE(out.written);
  CHECK(out.bytes.substr(30, 28) == "mimetypeapplication/epub+zip");
}

TEST_CASE("what is protected, signed, or no EPUB is not copied") {
  test::epub signed_book;
  signed_book.more = {{.name = "META-INF/signatures.xml", .data = "<signatures/>"}};
  CHECK(copy_of(signed_book.bytes(), everything()).refused == "kepub_protected");
  test::epub protected_book;
  protected_book.more = {{.name = "META-INF/rights.xml", .data = "<rights xmlns='http://ns.adobe.com/adept'/>"},
                         {.name = "META-INF/encryption.xml",
                          .data = "<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container' "
                                  "xmlns:e='http://www.w3.org/2001/04/xmlenc#'><e:EncryptedData><e:EncryptionMethod "
                                  "Algorithm='http://www.w3.org/2001/04/xmlenc#aes128-cbc'/><e:CipherData><e:CipherReference "
                                  "URI='OEBPS/ch01.xhtml'/></e:CipherData></e:EncryptedData></encryption>"}};
  CHECK(copy_of(protected_book.bytes(), everything()).refused == "kepub_protected");
  CHECK_FALSE(copy_of("no archive", everything()).refused.empty());
}

TEST_CASE("a conversion says what the library says, and its spans are those of the book") {
  test::epub in;
  test::scratch file(in.bytes());
  harness::scratch_folder folder;
  kepub::options how{.metadata = to_json(everything())};
  result<kepub::made, refusal> plain_one = kepub::convert(file.descriptor(), "x.epub", folder.path / "a", {});
  result<kepub::made, refusal> told = kepub::convert(file.descriptor(), "x.epub", folder.path / "b", how);
  REQUIRE(plain_one);
  REQUIRE(told);
  CHECK(told->span_map == plain_one->span_map);
  std::string bytes = harness::read_file(folder.path / "b");
  check_says(read_back(bytes).about, everything(), true);
  auto a = entries_of(harness::read_file(folder.path / "a")), b = entries_of(bytes);
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    bool of_title = a[i].first == "OEBPS/content.opf" || says(a[i].first, "carrel-titlepage");
    if (!of_title) CHECK(a[i] == b[i]);
  }

  // A KEPUB keeps its documents, but not its words about itself.
  test::scratch kepub(harness::read_file(folder.path / "a"));
  result<kepub::made, refusal> again = kepub::convert(kepub.descriptor(), "x.kepub.epub", folder.path / "c", how);
  REQUIRE(again);
  CHECK_FALSE(again->copied);
  CHECK(again->spans == told->spans);
  check_says(read_back(harness::read_file(folder.path / "c")).about, everything(), true);
}

TEST_CASE("a conversion whose package cannot be changed safely is made all the same, and says so") {
  test::epub in;
  in.metadata += "<meta id='i' name='a' content='b'/>";
  test::scratch file(in.bytes());
  harness::scratch_folder folder;
  result<kepub::made, refusal> made =
      kepub::convert(file.descriptor(), "x.epub", folder.path / "a", {.metadata = to_json(everything())});
  REQUIRE(made);
  CHECK(made->warnings == std::vector<warning>{{"metadata_not_written", "an id is there twice"}});
  CHECK(read_back(harness::read_file(folder.path / "a")).about.title == "Plain");
}

TEST_CASE("real books say what the library says, and nothing when that is what they said") {
  fs::path samples = harness::shared_folder() / "samples";
  if (!fs::exists(samples)) {
    WARN("no samples: skipped");
    return;
  }
  int written = 0;
  for (const auto& entry : fs::directory_iterator(samples)) {
    if (entry.path().extension() != ".epub") continue;
    INFO(entry.path().filename());
    std::string bytes = harness::read_file(entry.path());
    result<opened, refusal> before = test::open_bytes(bytes);
    if (!before) continue;
    CHECK_FALSE(copy_of(bytes, as_library(before->about)).written);
    copied out = copy_of(bytes, everything());
    if (!out.refused.empty()) continue;
    ++written;
    opened after = read_back(out.bytes);
    CHECK(after.content_hash == before->content_hash);
    corrected want = everything();
    // One identifier of a kind counts, and the unique one stays.
    std::erase_if(want.identifiers, [&](const auto& i) {
      return std::any_of(before->about.identifiers.begin(), before->about.identifiers.end(),
                         [&](const auto& known) { return known.first == i.first; });
    });
    check_says(after.about, want, after.about.epub_version.starts_with("3"));
  }
  CHECK(written >= 20);
}

TEST_CASE("what was written for a child is read by it, and nothing else") {
  corrected c = everything();
  c.cleared = {"tags"};
  result<corrected> back = corrected_from_json(to_json(c));
  REQUIRE(back);
  CHECK(to_json(*back) == to_json(c));
  CHECK_FALSE(corrected_from_json("{}"));
  CHECK_FALSE(corrected_from_json("[]"));
  std::string text = to_json(c);
  text.replace(text.find("\"aut\""), 5, "1");
  CHECK_FALSE(corrected_from_json(text));
}
