#include <algorithm>
#include <catch2/catch.hpp>

#include "fiction_maker.hpp"
#include "publication/transport.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::fiction;

namespace {

using texts = std::vector<std::string>;

const std::string author = "<author><first-name>Ada</first-name><last-name>Lark</last-name></author>";
const std::string named = author + "<book-title>T</book-title>";

opened with(const std::string& title_info) {
  fiction f;
  f.title = title_info;
  return test::open_fiction(f);
}

opened published(const std::string& publish_info, const std::string& title_info = named) {
  fiction f;
  f.title = title_info;
  f.publish = publish_info;
  return test::open_fiction(f);
}

std::string identifier(const opened& o, const std::string& scheme) {
  auto found =
      std::find_if(o.about.identifiers.begin(), o.about.identifiers.end(), [&](const auto& i) { return i.first == scheme; });
  return found == o.about.identifiers.end() ? "" : found->second;
}

std::string text_hash(const std::string& normal) { return sha256_hex("carrel-text-v1\n" + normal); }

std::string in_lines(const std::string& base64) {
  std::string out;
  for (std::size_t i = 0; i < base64.size(); i += 76) out += "\r\n " + base64.substr(i, 76);
  return out + "\n";
}

std::string binary(const std::string& id, const std::string& bytes) {
  return "<binary id='" + id + "' content-type='image/png'>" + in_lines(base64(bytes)) + "</binary>";
}

std::string toc_of(const opened& o) {
  std::string out;
  for (const toc_entry& e : o.about.toc) out += std::to_string(e.depth) + e.title + e.href + ";";
  return out;
}

}  // namespace

TEST_CASE("a FictionBook tells its title, people and language") {
  opened o = with(
      "<author><first-name> Лев </first-name><middle-name>Николаевич</middle-name><last-name>Толстой</last-name>"
      "<nickname>lev</nickname></author><author><nickname>Boz</nickname></author><author><last-name>Гомер</last-name></author>"
      "<author><email>x@example.org</email></author><author><first-name>Plato</first-name><last-name> </last-name></author>"
      "<book-title>The  War</book-title><lang>RU</lang><src-lang>eng</src-lang>"
      "<translator><first-name>Constance</first-name><last-name>Garnett</last-name></translator>");
  CHECK(o.format == "fb2");
  CHECK(o.described);
  CHECK(o.about.title == "The War");
  CHECK(o.about.authors == std::vector<person>{{"Лев Николаевич Толстой", "Толстой, Лев Николаевич", "aut"},
                                               {"Boz", "Boz", "aut"},
                                               {"Гомер", "Гомер", "aut"},
                                               {"Plato", "Plato", "aut"}});
  CHECK(o.about.contributors == std::vector<person>{{"Constance Garnett", "Garnett, Constance", "trl"}});
  CHECK(o.about.languages == texts{"ru"});
  CHECK(o.about.facts == std::vector<std::pair<std::string, std::string>>{{"src_lang", "en"}});
  CHECK(test::codes(o).empty());
  CHECK(with(named + "<lang>de</lang>").about.title_sort == "T");
  CHECK(with(author + "<book-title>Der Fluss</book-title><lang>de</lang>").about.title_sort == "Fluss, Der");
  CHECK(test::codes(with(named + "<lang>nonsense of a language</lang>")) == "metadata_invalid_value");
}

TEST_CASE("prefixes and namespaces do not matter") {
  opened o = *test::open_bytes(
      "<f:FictionBook xmlns:f='urn:other'><f:description><f:title-info><f:author><f:nickname>Boz</f:nickname></f:author>"
      "<f:book-title>T</f:book-title></f:title-info></f:description><f:body><f:section><f:p>x</f:p></f:section></f:body>"
      "</f:FictionBook>",
      "a.fb2");
  CHECK(o.about.title == "T");
  CHECK(o.about.authors.at(0).name == "Boz");
  CHECK(o.content_hash == text_hash("x"));
}

TEST_CASE("of sequences the first and outermost counts, then that of the publisher") {
  opened o =
      with(named + "<sequence name='Outer' number='2.2.1'><sequence name='Inner' number='9'/></sequence><sequence name='B'/>");
  CHECK(o.about.series == "Outer");
  CHECK(o.about.series_index_text == "2.2.1");
  CHECK(o.about.series_index == 2.2);
  CHECK(with(named + "<sequence name=' '><sequence name='Inner' number='9'/></sequence>").about.series == "Inner");
  o = published("<sequence name='Blue Books' number='x'/>");
  CHECK(o.about.series == "Blue Books");
  CHECK(o.about.series_index_text == "x");
  CHECK_FALSE(o.about.series_index);
  CHECK(test::codes(o) == "metadata_invalid_value");
  CHECK(published("<sequence name='P' number='1'/>", named + "<sequence name='A'/>").about.series == "A");
}

TEST_CASE("genre codes become names, and what nobody knows stays a subject") {
  opened o = with(
      "<genre match='80'>sf_fantasy</genre><genre>det_classic</genre><genre>Own Genre</genre><genre>sf_fantasy</genre>"
      "<genre>nothing_known</genre><genre/>" +
      named);
  CHECK(o.about.genres == texts{"Fantasy", "Classic Detective Fiction"});
  CHECK(o.about.subjects == texts{"Own Genre", "nothing_known"});
}

TEST_CASE("the year of publication comes before the date of writing, and the date of the file counts for nothing") {
  const std::string written = "<date value='1869-03-02'>1868</date>";
  CHECK(published("<year>2003</year>", named + written).about.published_on == "2003");
  CHECK(published("<year> </year>", named + written).about.published_on == "1869-03-02");
  CHECK(with(named + "<date value='often'>1868</date>").about.published_on == "1868");
  CHECK(with(named + "<date>1868</date>").about.published_on == "1868");
  CHECK(test::codes(with(named + "<date>long ago</date>")) == "metadata_invalid_value");
  opened o = with(named + "<date value='0101-01-01'>101</date>");
  CHECK(o.about.published_on.empty());
  CHECK(test::codes(o).empty());
  fiction f;
  f.document = "<date value='2011-01-01'>2011</date>";
  CHECK(test::open_fiction(f).about.published_on.empty());
}

TEST_CASE("publisher, ISBNs and the identifier of the document") {
  CHECK(published("<publisher>A &amp; B</publisher>").about.publisher == "A & B");
  for (const std::string isbn : {"978-0-306-40615-7", "0-306-40615-2; 5-17-000000-0", "ISBN 978 0 306 40615 7",
                                 "5-1, 9780306406157", "1234567890 9780306406157", "</isbn><isbn>9780306406157"}) {
    INFO(isbn);
    opened o = published("<isbn>" + isbn + "</isbn>");
    CHECK(identifier(o, "isbn_13") == "9780306406157");
    CHECK(identifier(o, "isbn_10") == "0306406152");
    CHECK(test::codes(o).empty());
  }
  CHECK(test::codes(published("<isbn>12</isbn>")) == "metadata_invalid_value");
  fiction f;
  f.document = "<id>FBD-0001:x</id>";
  CHECK(identifier(test::open_fiction(f), "fb2") == "FBD-0001:x");
}

TEST_CASE("an annotation becomes a description without anything that runs") {
  opened o =
      with(named +
           "<annotation><p>One <emphasis>two</emphasis> &lt;b&gt;</p><empty-line/><p>See <a l:href='http://x/?a=1&amp;b'>it</a>, "
           "not <a l:href='javascript:x()'>that</a>.</p><poem><stanza><v>Red</v><v>Blue</v></stanza></poem>"
           "<cite><p>Said</p><text-author>He</text-author></cite><script>alert(1)</script></annotation>");
  CHECK(o.about.description_html ==
        "<p>One <em>two</em> &lt;b&gt;</p><p>See <a href=\"http://x/?a=1&amp;b\" rel=\"nofollow noopener\">it</a>, not that.</p>"
        "<p>Red<br/>Blue</p><blockquote><p>Said</p><p>He</p></blockquote><p>alert(1)</p>");
  CHECK(o.about.description_text.starts_with("One two <b>\n\nSee it, not that.\n\nRed\nBlue"));
  CHECK(with(named + "<annotation>Bare &amp; short</annotation>").about.description_html == "<p>Bare &amp; short</p>");
  CHECK(with(named + "<annotation><p> </p></annotation>").about.description_html.empty());
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "<cite>";
  deep += "<p>deep</p>";
  for (int i = 0; i < 200; ++i) deep += "</cite>";
  CHECK(with(named + "<annotation>" + deep + "</annotation>").about.description_text == "deep");
}

TEST_CASE("the cover is the binary that the cover page names") {
  std::string good = test::make_png(40, 60);
  fiction f;
  f.title += "<coverpage><image xl:href='#c.png'/></coverpage>";
  f.after = binary("other", test::make_png(20, 20)) + binary("c.png", good) + binary("c.png", test::make_png(30, 30));
  opened o = test::open_fiction(f);
  REQUIRE(o.cover);
  CHECK(o.cover->bytes == good);
  CHECK(o.cover->mime == "image/png");
  CHECK(o.cover->width == 40);
  CHECK(o.cover->height == 60);
  CHECK(test::codes(o).empty());

  f.after.clear();
  CHECK(test::codes(test::open_fiction(f)) == "cover_missing");
  f.after = "<binary id='c.png'>not base64!</binary>";
  CHECK(test::codes(test::open_fiction(f)) == "cover_unreadable");
  f.after = binary("c.png", "<svg/>");
  CHECK(test::codes(test::open_fiction(f)) == "cover_unreadable");
  f.after = binary("c.png", test::make_png(30'000, 30'000, 1));
  CHECK(test::codes(test::open_fiction(f)) == "cover_too_large");
  f.title += "<coverpage/>";
  f.title.insert(f.title.find("</coverpage>"), "<image href='#second'/>");
  f.after += binary("second", good);
  o = test::open_fiction(f);
  CHECK(o.cover);
  CHECK(test::codes(o) == "cover_too_large");
  f.title = named;
  CHECK(test::codes(test::open_fiction(f)).empty());
}

TEST_CASE("the normal text is titles and sections of every body") {
  fiction f;
  f.body =
      "<epigraph><p>left out</p></epigraph><title><p>T i</p></title><section><title><p>One</p></title><section><p>a\u00adb "
      "<emphasis>c&#160;d</emphasis></p><poem><stanza><v>e</v></stanza></poem></section></section><p>left out</p>";
  f.after = "<body name='notes'><section id='n1'><p>note</p></section></body>";
  opened o = test::open_fiction(f);
  CHECK(o.content_hash == text_hash("TiOneabcdenote"));
  CHECK(o.about.page_count == 1);
  CHECK(o.about.page_count_source == "estimate");
  f.title += "<genre>sf</genre>";
  f.after += binary("x", "x");
  CHECK(test::open_fiction(f).content_hash == o.content_hash);

  f.body = "<section><p>" + std::string(12'501, 'x') + "</p></section>";
  CHECK(test::open_fiction(f).about.page_count == 11);
  f.body = f.after = "";
  CHECK(test::open_fiction(f).content_hash.empty());
}

TEST_CASE("a book of pictures is told apart by them") {
  std::string one = test::make_png(40, 60), two = test::make_png(50, 60);
  fiction f;
  f.body = "<section><p>Short</p><image l:href='#a'/><image l:href=' #b '/><image l:href='#a'/></section>";
  f.after = binary("b", two) + binary("a", one);
  std::string pictures = sha256_hex("carrel-images-v1\n" + sha256_raw(one) + sha256_raw(two));
  CHECK(test::open_fiction(f).content_hash == pictures);
  f.after = binary("b", two);
  CHECK(test::open_fiction(f).content_hash.empty());
  f.body = "<section><p>Short</p><image l:href='#a'/></section>";
  f.after = binary("a", one);
  CHECK(test::open_fiction(f).content_hash == sha256_hex("carrel-images-v1\n" + sha256_raw(one)));
  f.title += "<coverpage><image l:href='#a'/></coverpage>";
  CHECK(test::open_fiction(f).content_hash == text_hash("Short"));
}

TEST_CASE("titles of sections are the table of contents") {
  fiction f;
  f.body =
      "<title><p>Book</p></title><section "
      "id='p1'><title><p>Part</p><empty-line/><p>First</p></title><section><title><p>A</p></title>"
      "<p>x</p></section><section><section id='b'><title>B <emphasis>c</emphasis></title></section></section></section>"
      "<section><p>no title</p></section>";
  f.after =
      "<body "
      "name='notes'><section><title><p>1</p></title></section></body><body><section><title><p>Z</p></title></section></body>";
  opened o = test::open_fiction(f);
  CHECK(toc_of(o) == "0Part First#p1;1A;1B c#b;0Z;");
  CHECK(test::codes(o).empty());

  f.body.clear();
  for (int i = 0; i < 10'001; ++i) f.body += "<section><title>" + std::to_string(i) + "</title></section>";
  o = test::open_fiction(f);
  CHECK(o.about.toc.size() == 10'000);
  CHECK(test::codes(o) == "metadata_truncated");
  f.body = "<title/>";
  for (int i = 0; i < 40; ++i) f.body += "<section><title>" + std::to_string(i) + "</title>";
  for (int i = 0; i < 40; ++i) f.body += "</section>";
  o = test::open_fiction(f);
  CHECK(o.about.toc.back().depth == 0);  // Z
  CHECK(o.about.toc.size() == 33);
  CHECK(test::codes(o) == "metadata_truncated");
  f.body = "<section><title>" + std::string(5000, 'x') + "</title></section>";
  CHECK(test::open_fiction(f).about.toc.at(0).title.size() == 500);
}

TEST_CASE("a zipped FictionBook is read from its archive") {
  std::string xml = fiction{}.bytes();
  auto o = test::open_bytes(test::make_zip({{.name = "__MACOSX/._a.fb2", .data = "x"},
                                            {.name = "in/A.FB2", .data = xml, .deflate = true},
                                            {.name = "readme.txt", .data = "x"}}),
                            "a.fb2.zip");
  REQUIRE(o);
  CHECK(o->format == "fbz");
  CHECK(o->about.title == "Plain");
  CHECK(o->content_hash == test::open_fiction(fiction{}).content_hash);
  CHECK(o->warnings.empty());
  auto code = [&](test::part p) { return test::refused_code(test::make_zip({std::move(p)}), "a.fbz"); };
  CHECK(code({.name = "a.fb2", .data = xml, .flags = 1}) == "archive_encrypted");
  CHECK(code({.name = "a.fb2", .data = xml, .crc = 1}) == "archive_entry_damaged");
  CHECK(code({.name = "a.fb2", .data = "no XML"}) == "unsupported_type");
  limits small{.fiction_xml = 300};
  auto large = test::open_bytes(test::make_zip({{.name = "a.fb2", .data = xml}}), "a.fbz", small);
  REQUIRE_FALSE(large);
  CHECK(large.error().code == "xml_too_large");
}

TEST_CASE("names fill in what a FictionBook does not say") {
  fiction f;
  f.title.clear();
  opened o = test::open_fiction(f, "Ada Lark - The Lost Garden (2019).fb2");
  CHECK(o.about.title == "The Lost Garden");
  CHECK(o.about.authors.at(0).name == "Ada Lark");
  CHECK(o.about.published_on == "2019");
  CHECK(test::codes(o) == "metadata_missing_title metadata_missing_author");
}

TEST_CASE("FictionBooks come in many encodings") {
  auto title = [](const std::string& declared, const std::string& bytes) {
    fiction f;
    f.declaration = "<?xml version=\"1.0\" encoding=\"" + declared + "\"?>";
    f.title = author + "<book-title>" + bytes + "</book-title>";
    opened o = test::open_fiction(f);
    CHECK(test::codes(o).empty());
    return o.about.title;
  };
  CHECK(title("windows-1251", "\xcc\xe0\xff\xea") == "Маяк");
  CHECK(title("KOI8-R", "\xed\xc1\xd1\xcb") == "Маяк");
  CHECK(title("cp866", "\x8c\xa0\xef\xaa") == "Маяк");
  CHECK(title("iso-8859-1",
              "Gr\xf6\xdf"
              "e") == "Größe");
  CHECK(title("Shift_JIS", "\x93\xfa\x96\x7b") == "日本");
  CHECK(title("utf-8", "Маяк") == "Маяк");

  fiction f;
  f.title = author + "<book-title>Wide</book-title>";
  std::string little, big;
  for (char c : f.bytes()) {
    little += std::string(1, c) + '\0';
    big += std::string(1, '\0') + c;
  }
  for (const std::string& bytes : {"\xff\xfe" + little, "\xfe\xff" + big, little, big, "\xef\xbb\xbf" + f.bytes()}) {
    auto o = test::open_bytes(bytes, "a.fb2");
    REQUIRE(o);
    CHECK(o->about.title == "Wide");
    CHECK(o->content_hash == test::open_fiction(f).content_hash);
  }
}

TEST_CASE("an encoding that is not the declared one is guessed when many characters are wrong") {
  // "Однажды весной, в час небывало жаркого заката" in windows-1251.
  const std::string russian =
      "\xce\xe4\xed\xe0\xe6\xe4\xfb \xe2\xe5\xf1\xed\xee\xe9, \xe2 \xf7\xe0\xf1 \xed\xe5\xe1\xfb\xe2\xe0\xeb\xee "
      "\xe6\xe0\xf0\xea\xee\xe3\xee \xe7\xe0\xea\xe0\xf2\xe0";
  fiction f;
  f.title = author + "<book-title>" + russian + "</book-title>";
  f.body = "<section><p>" + russian + "</p></section>";
  opened o = test::open_fiction(f);
  CHECK(o.about.title == "Однажды весной, в час небывало жаркого заката");
  CHECK(o.content_hash == text_hash("Однаждывесной,вчаснебываложаркогозаката"));
  f.title = author + "<book-title>caf\xe9</book-title>";
  f.body.clear();
  o = test::open_fiction(f);
  CHECK(o.about.title == "caf\ufffd");
  CHECK(test::codes(o) == "text_invalid_utf8");
}

TEST_CASE("a FictionBook that was cut keeps what it tells when its title-info is whole") {
  fiction f;
  f.title += "<coverpage><image l:href='#c'/></coverpage>";
  f.body = "<section><p>" + std::string(3000, 'x') + "</p></section>";
  f.after = binary("c", test::make_png(400, 400));
  std::string whole = f.bytes();
  auto cut = [&](const std::string& before) { return test::open_bytes(whole.substr(0, whole.find(before)), "a.fb2"); };

  auto o = cut("</description>");
  REQUIRE(o);
  CHECK(o->about.title == "Plain");
  CHECK(test::warned(*o, "xml_recovered"));
  CHECK(test::warned(*o, "cover_missing"));
  CHECK(o->content_hash.empty());
  o = cut("</body>");
  REQUIRE(o);
  CHECK(o->content_hash.empty());
  CHECK(o->about.page_count == 3);
  o = cut("</binary>");  // all of the text is there, and of the picture all but the border of its element
  REQUIRE(o);
  CHECK(o->content_hash == test::open_fiction(f).content_hash);
  CHECK(o->cover);
  CHECK(test::codes(*o) == "xml_recovered");

  for (std::size_t missing = 500; missing < 504; ++missing) {  // four places in a group of base64
    o = test::open_bytes(whole.substr(0, whole.find("</binary>") - missing), "a.fb2");
    REQUIRE(o);
    CHECK(o->cover);  // what is there of it
    CHECK(o->content_hash == test::open_fiction(f).content_hash);
  }

  CHECK(cut("</title-info>").error().code == "unsupported_type");
  CHECK(cut("<book-title>").error().code == "unsupported_type");
  f.body = "<section><p>wrong</section>";
  o = test::open_bytes(f.bytes(), "a.fb2");
  REQUIRE(o);
  CHECK(test::warned(*o, "xml_recovered"));
  CHECK(o->content_hash.empty());
  f.title = "<author><first-name>A</author><book-title>T</book-title>";
  CHECK(test::refused_code(f.bytes(), "a.fb2") == "unsupported_type");
}

TEST_CASE("references that are not those of XML are put right") {
  fiction f;
  f.title = author + "<book-title>Caf&eacute; & Bar</book-title>";
  opened o = test::open_fiction(f);
  CHECK(o.about.title == "Café & Bar");
  CHECK(test::codes(o) == "xml_recovered");
}

TEST_CASE("what a FictionBook tells crosses the pipe") {
  fiction f;
  f.title += "<genre>sf</genre><src-lang>de</src-lang><annotation><p>A</p></annotation><sequence name='S' number='1.5'/>";
  f.publish = "<publisher>P</publisher><year>2001</year><isbn>9780306406157</isbn>";
  opened o = test::open_fiction(f);
  auto back = from_json(to_json(o));
  REQUIRE(back);
  CHECK(to_json(*back) == to_json(o));
  CHECK(back->about.genres == texts{"Science Fiction"});
}
