// Content documents with Kobo spans (kepub.md 5 to 7, 13).
#include <catch2/catch.hpp>
#include <regex>

#include "publication/kepub/document.hpp"
#include "publication/sentences.hpp"

using namespace carrel;
using namespace carrel::publication;
using kepub::convert_document;
using kepub::kept;

namespace {

constexpr const char* html_open = "<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>T</title></head><body>";
constexpr const char* html_close = "</body></html>";

std::string converted(const std::string& document, const kepub::document_options& options = {}) {
  result<kepub::document, kept> out = convert_document(document, options);
  REQUIRE(out);
  return out->bytes;
}

// What became of the inside of `body`, in the notation of section 13.
std::string spans_in(const std::string& body) {
  std::string out = converted(html_open + body + html_close);
  std::size_t from = out.find("<div id=\"book-inner\">"), end = out.find("</div></div></body>");
  REQUIRE(from != out.npos);
  REQUIRE(end != out.npos);
  out = out.substr(from + 21, end - from - 21);
  out = std::regex_replace(out, std::regex("<span class=\"koboSpan\" id=\"kobo\\.(\\d+\\.\\d+)\">((?:[^<]|<(?!/span>))*)</span>"),
                           "[$1|$2]");
  return out;
}

std::vector<std::string> sentences(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t n = 0; !text.empty(); text.remove_prefix(n)) out.emplace_back(text.substr(0, n = first_sentence(text)));
  return out;
}

}  // namespace

TEST_CASE("texts are cut behind the white space that follows a sentence") {
  using strings = std::vector<std::string>;
  CHECK(sentences("").empty());
  CHECK(sentences("A. B") == strings{"A. ", "B"});
  CHECK(sentences("A.\t\n\f\r B") == strings{"A.\t\n\f\r ", "B"});
  CHECK(sentences("A.. B") == strings{"A.. ", "B"});
  CHECK(sentences("A.”. B") == strings{"A.”. ", "B"});
  CHECK(sentences("A.”” B") == strings{"A.”” B"});
  CHECK(sentences("A.… B") == strings{"A.… ", "B"});
  CHECK(sentences("A… B") == strings{"A… B"});
  CHECK(sentences("A.\u00a0B") == strings{"A.\u00a0B"});
  CHECK(sentences("A.”x. B") == strings{"A.”x. ", "B"});
  CHECK(sentences("A. ") == strings{"A. "});
  CHECK(sentences(". . ") == strings{". ", ". "});
  CHECK(sentences("A.\xe2\x80 B") == strings{"A.\xe2\x80 B"});
}

TEST_CASE("spans stand around sentences and pictures as kepubify puts them") {
  struct row {
    const char *in, *out;
  };
  auto [in, out] = GENERATE(values<row>({
      {"<p>The lamp was lit.</p>", "<p>[1.1|The lamp was lit.]</p>"},
      {"<p>The lamp was lit. Nobody came.</p>", "<p>[1.1|The lamp was lit. ][1.2|Nobody came.]</p>"},
      {"<p>Mr. Hale left at 4 p.m. sharp.</p>", "<p>[1.1|Mr. ][1.2|Hale left at 4 p.m. ][1.3|sharp.]</p>"},
      {"<p>Version 3.14 of lamp.c is out.Read it.</p>", "<p>[1.1|Version 3.14 of lamp.c is out.Read it.]</p>"},
      {"<p>“Go.” She went. ‘No!’ he said.</p>", "<p>[1.1|“Go.” ][1.2|She went. ][1.3|‘No!’ ][1.4|he said.]</p>"},
      {"<p>(“Go.”) She went.</p>", "<p>[1.1|(“Go.”) She went.]</p>"},
      {"<p>Wait… Then go.</p>", "<p>[1.1|Wait… Then go.]</p>"},
      {"<p>Wait.… Then go.</p>", "<p>[1.1|Wait.… ][1.2|Then go.]</p>"},
      {"<p>Wait... Then go.</p>", "<p>[1.1|Wait... ][1.2|Then go.]</p>"},
      {"<p>Really?! Yes.</p>", "<p>[1.1|Really?! ][1.2|Yes.]</p>"},
      {"<p>? ?</p>", "<p>[1.1|? ][1.2|?]</p>"},
      {"<p>...</p>", "<p>[1.1|...]</p>"},
      {"<p>One: two; three. Four.</p>", "<p>[1.1|One: two; three. ][1.2|Four.]</p>"},
      {"<p>灯が点いた。誰も来ない。</p>", "<p>[1.1|灯が点いた。誰も来ない。]</p>"},
      {"<p>Stop.&#160;Then go.</p>", "<p>[1.1|Stop.&#160;Then go.]</p>"},
      {"<p>Stop.&#x3000;Then go.</p>", "<p>[1.1|Stop.\u3000Then go.]</p>"},
      {"<p>One\n  two. Three\n  four.</p>", "<p>[1.1|One\n  two. ][1.2|Three\n  four.]</p>"},
      {"<p>  One.</p>", "<p>[1.1|  One.]</p>"},
      {"<p> </p>", "<p>[1.1| ]</p>"},
      {"<p>&nbsp;</p>", "<p>[1.1|&#160;]</p>"},
      {"<p></p><p>One.</p>", "<p></p><p>[1.1|One.]</p>"},
      {"<div> </div>", "<div> </div>"},
      {"<p>One <em>two. Thr</em>ee. Four.</p>", "<p>[1.1|One ]<em>[1.2|two. ][1.3|Thr]</em>[1.4|ee. ][1.5|Four.]</p>"},
      {"<p><b>One.</b> <i>Two.</i></p>", "<p><b>[1.1|One.]</b>[1.2| ]<i>[1.3|Two.]</i></p>"},
      {"<p>A.<span> </span>B.</p>", "<p>[1.1|A.]<span> </span>[1.2|B.]</p>"},
      {"<p>A.<br/>B.</p>", "<p>[1.1|A.]<br/>[1.2|B.]</p>"},
      {"<p>A.<!-- x -->B.</p>", "<p>[1.1|A.]<!-- x -->[1.2|B.]</p>"},
      {"<h1>I</h1><p>A. B.</p>", "<h1>[1.1|I]</h1><p>[2.1|A. ][2.2|B.]</p>"},
      {"<div>A. B.</div><div>C.</div>", "<div>[0.1|A. ][0.2|B.]</div><div>[0.3|C.]</div>"},
      {"Loose text. More.", "[0.1|Loose text. ][0.2|More.]"},
      {"<p>A.</p><div>B.</div>", "<p>[1.1|A.]</p><div>[1.2|B.]</div>"},
      {"<ul><li>A.<ol><li>B.</li></ol></li><li>C.</li></ul>",
       "<ul><li>[1.1|A.]<ol><li>[2.1|B.]</li></ol></li><li>[2.2|C.]</li></ul>"},
      {"<dl><dt>A.</dt><dd>B. C.</dd></dl>", "<dl><dt>[0.1|A.]</dt><dd>[0.2|B. ][0.3|C.]</dd></dl>"},
      {"<table><tr><td>A.</td><td>B.</td></tr></table>", "<table><tr><td>[1.1|A.]</td><td>[1.2|B.]</td></tr></table>"},
      {"<p>A.<img src=\"x.png\" alt=\"\"/>B.</p><p>C.</p>",
       "<p>[1.1|A.][2.1|<img src=\"x.png\" alt=\"\"/>][2.2|B.]</p><p>[3.1|C.]</p>"},
      {"<p><img src=\"a\"/><img src=\"b\"/></p>", "<p>[1.1|<img src=\"a\"/>][2.1|<img src=\"b\"/>]</p>"},
      {"<figure><img src=\"a\"/><figcaption>A. B.</figcaption></figure>",
       "<figure>[1.1|<img src=\"a\"/>]<figcaption>[1.2|A. ][1.3|B.]</figcaption></figure>"},
      {"<p><ruby>漢<rt>かん</rt></ruby>字</p>", "<p><ruby>[1.1|漢]<rt>[1.2|かん]</rt></ruby>[1.3|字]</p>"},
      {"<p>A. <math><mi>x. y</mi></math> B.</p>", "<p>[1.1|A. ]<math><mi>x. y</mi></math>[1.2| B.]</p>"},
      {"<p>Run <code>a. b</code> now.</p>", "<p>[1.1|Run ]<code>[1.2|a. ][1.3|b]</code>[1.4| now.]</p>"},
      {"<pre>a. b</pre><svg><text>a. b</text></svg><audio>a. b</audio><video>a. b</video><script>a. b</script>",
       "<pre>a. b</pre><svg><text>a. b</text></svg><audio>a. b</audio><video>a. b</video><script>a. b</script>"},
      {"<noscript>A.</noscript>", "<noscript>[0.1|A.]</noscript>"},
      {"<p>One.<i/> Two.</p>", "<p>[1.1|One.]<i></i>[1.2| Two.]</p>"},
      {"<p><![CDATA[A & B. C.]]></p>", "<p>[1.1|A &amp; B. ][1.2|C.]</p>"},
      {"<p>A &copy; B</p>", "<p>[1.1|A © B]</p>"},
      {"<p>Salt & pepper.</p>", "<p>[1.1|Salt &amp; pepper.]</p>"},
      {"<picture><source srcset=\"a\"/><img src=\"b\"/></picture>",
       "[1.1|<picture><source srcset=\"a\"/><img src=\"b\"/></picture>]"},
      {"<textarea>A. B.</textarea>", "<textarea>A. B.</textarea>"},
      {"<P CLASS=x>A.<BR>B.</P>", "<p class=\"x\">[1.1|A.]<br/>[1.2|B.]</p>"},
  }));
  INFO(in);
  CHECK(spans_in(in) == out);
}

TEST_CASE("nesting that HTML's parser repairs has its spans in the order of the text") {
  std::string out = spans_in("<p><b>A.<i>B.</b>C.</i></p>");
  INFO(out);
  CHECK(out.find("[1.1|A.]") < out.find("[1.2|B.]"));
  CHECK(out.find("[1.2|B.]") < out.find("[1.3|C.]"));
}

TEST_CASE("a whole document") {
  CHECK(converted("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" "
                  "lang=\"en\"><head><title>Two</title></head>\n<body class=\"b\"><h2 id=\"t\">Two</h2>\n<p>It "
                  "rained.<br/>We stayed.</p></body></html>") ==
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" "
        "lang=\"en\"><head><title>Two</title><style type=\"text/css\">/* kobostylehacks */ div#book-inner { margin-top: 0; "
        "margin-bottom: 0; }</style></head>\n<body class=\"b\"><div id=\"book-columns\"><div id=\"book-inner\"><h2 "
        "id=\"t\"><span class=\"koboSpan\" id=\"kobo.1.1\">Two</span></h2>\n<p><span class=\"koboSpan\" id=\"kobo.2.1\">It "
        "rained.</span><br/><span class=\"koboSpan\" id=\"kobo.2.2\">We stayed.</span></p></div></div></body></html>");
}

TEST_CASE("a document with prefixes gets elements with its prefix") {
  std::string out = converted("<h:html xmlns:h=\"http://www.w3.org/1999/xhtml\"><h:body><h:p>A. B.</h:p></h:body></h:html>");
  CHECK(out.find("<h:head><h:style type=\"text/css\">") != out.npos);
  CHECK(out.find("<h:body><h:div id=\"book-columns\"><h:div id=\"book-inner\"><h:p><h:span class=\"koboSpan\" "
                 "id=\"kobo.1.1\">A. </h:span>") != out.npos);
  CHECK(out.find("</h:p></h:div></h:div></h:body>") != out.npos);
}

TEST_CASE("heads are completed and cleaned") {
  std::string body = "</head><body><p>A.</p></body></html>";
  std::string out = converted(
      "<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><meta charset=\"latin1\"/><meta "
      "http-equiv=\"content-type\" content=\"text/html; charset=iso-8859-1\"/><meta name=\"Adept.resource\" "
      "value=\"urn:x\"/><meta name=\"Adept.expected.resource\"/>" +
      body);
  CHECK(out.find("<meta charset=\"utf-8\"/>") != out.npos);
  CHECK(out.find("content=\"text/html; charset=utf-8\"") != out.npos);
  CHECK(out.find("Adept") == out.npos);
  out = converted("<html xmlns=\"http://www.w3.org/1999/xhtml\"><body><p>A.</p></body></html>", {.css = "p { color: red }"});
  CHECK(out.find("<head><style") != out.npos);
  CHECK(out.find("}p { color: red }</style>") != out.npos);
}

TEST_CASE("a wrapper that is there is not made twice, ids that are taken are left out, Office's marks go") {
  std::string out =
      converted(std::string(html_open) + "<div id=\"book-columns\"><div id=\"book-inner\"><p>A.</p></div></div>" + html_close);
  CHECK(out.find("book-columns", out.find("book-columns") + 1) == out.npos);
  CHECK(spans_in("<p id=\"kobo.1.2\">A. B.<o:p></o:p><st1:place/></p>") == "<p id=\"kobo.1.2\">[1.1|A. ][1.3|B.]</p>");
}

TEST_CASE("what is written means the same in XML and in HTML") {
  CHECK(spans_in("<p title=\"a&#10;b&#9;c &quot;&lt;&gt;&amp;&#160;\">x &gt; y</p>") ==
        "<p title=\"a&#10;b&#9;c &quot;&lt;&gt;&amp;&#160;\">[1.1|x &gt; y]</p>");
  CHECK(spans_in("<a id=\"x\"/><hr/><i></i>") == "<a id=\"x\"></a><hr/><i></i>");
  CHECK(spans_in("<p a=\"1\" a=\"2\">A</p>") == "<p a=\"1\">[1.1|A]</p>");
  CHECK(spans_in("<script><![CDATA[a < b && c]]></script>") == "<script><![CDATA[a < b && c]]></script>");
  CHECK(spans_in("<P><script>a < b</script>x<br></P>").find("<script>/*<![CDATA[*/a < b/*]]>*/</script>") == 3);
  CHECK(spans_in("<?x y?><p>A</p>") == "<?x y?><p>[1.1|A]</p>");
  std::string out = converted(
      "<!DOCTYPE html [<!ENTITY who 'Ada'>]><html xmlns=\"http://www.w3.org/1999/xhtml\"><body><p>&who; "
      "&unknown;</p></body></html>");
  CHECK(out.starts_with("<!DOCTYPE html>\n"));
  CHECK(out.find(">Ada &amp;unknown;<") != out.npos);
  out = converted("<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\"><p>A<br>B");
  CHECK(out.starts_with("<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n"));
}

TEST_CASE("characters that stand for lost ones go, and are counted") {
  result<kepub::document, kept> out = convert_document(std::string(html_open) + "<p>A\ufffdB. C.</p><p>D</p>" + html_close);
  REQUIRE(out);
  CHECK(out->removed == 1);
  CHECK(out->bytes.find(">AB. <") != out->bytes.npos);
  REQUIRE(out->spans.size() == 3);
  CHECK(out->spans[1].id.text() == "kobo.1.2");
  CHECK(out->spans[1].offset == 5);
  CHECK(out->spans[2].id.text() == "kobo.2.1");
  CHECK(out->spans[2].offset == 7);
  CHECK(out->characters == 8);
}

TEST_CASE("documents that are not to be converted keep their bytes") {
  auto why = [](const std::string& in) {
    result<kepub::document, kept> out = convert_document(in);
    REQUIRE_FALSE(out);
    return out.error();
  };
  auto repeated = [](std::string_view what, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += what;
    return out;
  };
  CHECK(why("<html><head/><frameset><frame/></frameset></html>") == kept::no_body);
  CHECK(why("<svg xmlns=\"http://www.w3.org/2000/svg\"><text>A. B.</text></svg>") == kept::no_body);
  CHECK(why(std::string(html_open) + "<p><span class=\"a koboSpan\">A.</span></p>" + html_close) == kept::has_spans);
  CHECK(why(html_open + repeated("<div>", 1001) + "A" + repeated("</div>", 1001) + html_close) == kept::too_deep);
  CHECK(why(html_open + repeated("abcdefg. ", 500'001) + html_close) == kept::too_many_spans);
  CHECK(why(html_open + std::string(32 << 20, 'a') + html_close) == kept::too_large);
  CHECK(why(html_open + repeated("<b>", 100'000)) == kept::not_readable);
}

TEST_CASE("code comes through HTML's parser as it was") {
  auto inside = [](const std::string& body) { return converted(std::string(html_open) + "<br>" + body + html_close); };
  CHECK(inside("<script>if (a<b && c>d) x(\"&copy;\")</script>")
            .find("<script>/*<![CDATA[*/if (a<b && c>d) x(\"&copy;\")/*]]>*/</script>") != std::string::npos);
  CHECK(inside("<script>//<![CDATA[\nif (a<b) x()\n//]]></script>").find("<script>/*<![CDATA[*///\nif (a<b) x()\n///*]]>*/") !=
        std::string::npos);
  CHECK(inside("<style>p > em { color: red }</style>").find("<style>p > em { color: red }</style>") != std::string::npos);
  CHECK(inside("<p><![CDATA[A & B. C.]]></p>").find(">A &amp; B. </span>") != std::string::npos);
  CHECK(inside("<p>Two.<o:p></o:p></p>").find(">Two.</span></p>") != std::string::npos);
  CHECK(spans_in("<style>p > em { }</style>") == "<style>p > em { }</style>");
  CHECK(spans_in("<script>a[b[0]]&gt;1 &amp;&amp; c</script>") == "<script>a[b[0]]&gt;1 &amp;&amp; c</script>");
}

TEST_CASE("text behind the first root or body is not lost") {
  std::string out = converted(std::string(html_open) + "<p>A.</p></body></html><p>B.</p>");
  CHECK(out.find(">B.</span>") != out.npos);
  out = converted(std::string(html_open) + "<p>A.</p></body><body><p>B.</p></body></html>");
  CHECK(out.find(">B.</span>") != out.npos);
}

TEST_CASE("rows and definitions may leave their end tags out, attributes may not be without number") {
  std::string rows = "<br><table>", terms = "<br><dl>", many = "<br><p";
  for (int i = 0; i < 300; ++i) rows += "<tr><td>a<td>b", terms += "<dt>a<dd>b";
  for (int i = 0; i < 80'000; ++i) many += " a" + std::to_string(i);
  CHECK(convert_document(html_open + rows + html_close));
  CHECK(convert_document(html_open + terms + html_close));
  CHECK_FALSE(convert_document(html_open + many + ">A" + html_close));
}

TEST_CASE("code that ends what hides it is told apart from the section's end") {
  auto inside = [](const std::string& body) { return converted(std::string(html_open) + "<br>" + body + html_close); };
  CHECK(inside("<script>if (a[b[0]]>1 && c) x()</script>").find("/*<![CDATA[*/if (a[b[0]] >1 && c) x()/*]]>*/") !=
        std::string::npos);
  CHECK(spans_in("<script>a[b[0]]&gt;1</script>") == "<script>a[b[0]]&gt;1</script>");
}

TEST_CASE("tags and code without an end do not cost their number squared") {
  auto repeated = [](std::string_view what, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += what;
    return out;
  };
  // Each of these took minutes.
  for (const char* what : {"<a", "<a =\"", "<script ", "<style>"}) {
    std::string source = "<html><body><p>" + repeated(what, 300'000);
    result<kepub::document, kept> out = convert_document(source);
    CHECK((out || out.error() == kept::not_readable || out.error() == kept::no_body));
  }
  result<kepub::document, kept> code =
      convert_document("<html><head/><body><br><script>" + repeated("&]]>", 500'000) + "</script></body></html>");
  CHECK(code);
  code = convert_document(html_open + ("<script>" + repeated("&amp;", 1'000'000)) + "</script>" + html_close);
  CHECK(code);
}

TEST_CASE("typed punctuation is printed inside of the spans, which stay what they were") {
  auto smart = [](const std::string& body) {
    result<kepub::document, kept> out = convert_document(html_open + body + html_close, {.css = {}, .smart_punctuation = true});
    result<kepub::document, kept> plain = convert_document(html_open + body + html_close);
    REQUIRE(out);
    REQUIRE(plain);
    CHECK(out->spans == plain->spans);
    CHECK(out->characters == plain->characters);
    return std::regex_replace(out->bytes.substr(out->bytes.find("book-inner\">") + 12), std::regex("<[^>]*>"), "");
  };
  CHECK(smart("<p>\"Go,\" she said. 'No!' It's the '90s (\"really\").</p>") == "“Go,” she said. ‘No!’ It’s the ’90s (“really”).");
  CHECK(smart("<p>Wait... Then -- or --- go. (c) (R) (tm)</p>") == "Wait… Then – or — go. © ® ™");
  CHECK(smart("<p>He said <i>\"so</i>\" and \"</p><p>\"Yes\"</p>") == "He said “so” and ““Yes”");
  CHECK(smart("<p>Run <code>\"a\" -- b...</code>\"</p><pre>\"c\"</pre>") == "Run \"a\" -- b...”\"c\"");
  CHECK(smart("<p title='\"x\"'>x<script>\"y\"</script></p>").find("“") == std::string::npos);
}

TEST_CASE("what has to be written in another form is, wherever it stands") {
  struct row {
    std::string is, in_text, in_attribute;
  };
  for (const row& r : std::vector<row>{{"&amp;", "&amp;", "&amp;"},
                                       {"&lt;", "&lt;", "&lt;"},
                                       {">", "&gt;", "&gt;"},
                                       {"&quot;", "\"", "&quot;"},
                                       {"\n", "\n", " "},
                                       {"&#10;", "\n", "&#10;"},
                                       {"&#9;", "\t", "&#9;"},
                                       {"\u00a0", "&#160;", "&#160;"},
                                       {"\u00a9", "\u00a9", "\u00a9"},
                                       {"\ufeff", "\ufeff", "\ufeff"},
                                       {"\xef\xbf\xbe", "", ""}}) {
    for (std::size_t before = 0; before < 70; ++before) {
      std::string start(before, 'x'), end((before * 7) % 70, 'y');
      std::string out =
          converted(html_open + ("<p title=\"" + start + r.is + end + "\">" + start + r.is + end + "</p>") + html_close);
      INFO(before << " " << out);
      CHECK(out.find(">" + start + r.in_text + end + "<") != out.npos);
      CHECK(out.find("\"" + start + r.in_attribute + end + "\"") != out.npos);
    }
  }
}
