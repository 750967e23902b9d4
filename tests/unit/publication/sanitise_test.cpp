#include "publication/sanitise.hpp"

#include <catch2/catch.hpp>

#include "server/core/text.hpp"

using namespace carrel::publication;

TEST_CASE("descriptions become a small, well-formed part of HTML") {
  auto [in, html] = GENERATE(table<std::string, std::string>({
      {"One.\n\nTwo\nlines.", "<p>One.</p><p>Two<br/>lines.</p>"},
      {"AT&T & co < 3", "<p>AT&amp;T &amp; co &lt; 3</p>"},
      {"<p>Hello <b>bold</b> and <i>it</i></p>", "<p>Hello <b>bold</b> and <i>it</i></p>"},
      {"<div><p>A</p><p>B</p></div>", "<p>A</p><p>B</p>"},
      {"<div>A</div><div>B</div>", "<p>A</p><p>B</p>"},
      {"text <p>para</p> tail", "<p>text</p><p>para</p><p>tail</p>"},
      {"<h1>Head</h1><h5>Low</h5>", "<h3>Head</h3><h4>Low</h4>"},
      {"<ul><li>one<li>two</ul>", "<ul><li>one</li><li>two</li></ul>"},
      {"<ul>stray</ul>", "<ul><li>stray</li></ul>"},
      {"<li>alone</li>", "<p>alone</p>"},
      {"&lt;p&gt;Escaped&lt;/p&gt;", "<p>Escaped</p>"},
      {"<p></p><p>  </p><b></b>x", "<p>x</p>"},
      {"a<br>b<br/><br/>c<br>", "<p>a<br/>b<br/><br/>c</p>"},
      {"<p>x</p><i>in <u>it</u></i>", "<p>x</p><p><i>in <u>it</u></i></p>"},
      {"a<hr>b", "<p>a</p><hr/><p>b</p>"},
      {"<blockquote>q</blockquote>", "<blockquote><p>q</p></blockquote>"},
      {"<span style='x'>plain</span> <font>text</font>", "<p>plain text</p>"},
      {"Caf&eacute; &nbsp; x<br>", "<p>Café x</p>"},
      {"<p>unclosed <i>tag", "<p>unclosed <i>tag</i></p>"},
      {"", ""},
      {"<p> </p>", ""},
  }));
  description d = sanitise(in);
  CHECK(d.html == html);
  CHECK(is_sanitised(d.html));
}

TEST_CASE("scripts and handlers are gone") {
  CHECK(sanitise("<p onclick='a()'>Hello<script>alert(1)</script> <a href='javascript:b()'>x</a></p>").html == "<p>Hello x</p>");
  CHECK(sanitise("<style>p{}</style><iframe src='x'>in</iframe><p>ok</p>").html == "<p>ok</p>");
  CHECK(sanitise("<svg><script>x</script></svg>rest<p>").html == "<p>rest</p>");
  CHECK(sanitise("<a href=' JAVASCRIPT:x'>y</a><br>").html == "<p>y</p>");
  CHECK(sanitise("<a href=\"data:text/html,x\">y</a>").html == "<p>y</p>");
  CHECK(sanitise("<img src=x onerror=alert(1)>text<p>").html == "<p>text</p>");
  for (const char* bad : {"<scr<script>ipt>alert(1)</script>", "<<p>>x", "<p/><script/>x", "<p title=\"<script>\">x</p>",
                          "<!--<p>--><script>a</script>b<p>", "<math><mi//xlink:href=\"data:x,<script>alert(4)</script>\">",
                          "<p>a\x01<b\x02>c</b>", "</p></div><b>x"}) {
    INFO(bad);
    std::string html = sanitise(bad).html;
    CHECK(html.find("<script") == std::string::npos);
    CHECK(is_sanitised(html));
  }
}

TEST_CASE("a control that hides behind a reference is gone") {
  for (const char* in :
       {"a&#1;b &#x7f;c", "<p>a&#127;b</p><p>c", "&lt;p&gt;a&amp;#1;b", "<a href='https://x/&#127;&#10;y'>z</a>"}) {
    INFO(in);
    description d = sanitise(in);
    CHECK(is_sanitised(d.html));
    for (char c : d.html + d.text) CHECK((c == '\n' || !carrel::is_control(c)));
  }
}

TEST_CASE("long links fit with their escapes or not at all") {
  std::string ands(500, '&');
  std::string one = "<a href='https://example.org/?" + ands + "'>here</a>";
  CHECK(sanitise(one).html.find("</a>") != std::string::npos);
  CHECK(is_sanitised(sanitise(one).html));
  CHECK(sanitise("<a href='https://example.org/" + std::string(2000, 'x') + "'>here</a>").html == "<p>here</p>");

  std::string many;
  for (int i = 0; i < 100; ++i) many += one + "<br>";
  description d = sanitise(many, 64 << 10);
  CHECK(d.shortened);
  CHECK(d.html.size() <= 64 << 10);
  CHECK(is_sanitised(d.html));
}

TEST_CASE("links keep only their address") {
  CHECK(sanitise("<a href='https://example.org/?a=1&b=2' target=x>here</a>").html ==
        "<p><a href=\"https://example.org/?a=1&amp;b=2\" rel=\"nofollow noopener\">here</a></p>");
  CHECK(is_sanitised(sanitise("<a href='mailto:a@example.org'>m</a> <a href='https://x/\"><b>'>n</a>").html));
}

TEST_CASE("the plain text has its blocks apart") {
  CHECK(sanitise("<p>A <b>b</b></p><ul><li>one<li>two</ul>").text == "A b\n\none\n\ntwo");
  CHECK(sanitise("a\nb\n\nc").text == "a\nb\n\nc");
  CHECK(sanitise("<p>1 &lt; 2</p>").text == "1 < 2");
}

TEST_CASE("long and deep descriptions end well-formed") {
  std::string deep, wide, quotes;
  for (int i = 0; i < 50000; ++i) deep += "<div>";
  for (int i = 0; i < 20000; ++i) wide += "<p>word word</p>";
  for (int i = 0; i < 100; ++i) quotes += "<blockquote><b><ul><li>";
  for (const std::string& in : {deep + "x", wide, quotes + "x", std::string(200'000, 'a'), "<p>" + std::string(100'000, '<')}) {
    description d = sanitise(in, 64 << 10);
    CHECK(d.html.size() <= 64 << 10);
    CHECK(is_sanitised(d.html));
  }
  CHECK(sanitise(wide, 64 << 10).shortened);
  CHECK(carrel::valid_utf8(sanitise("bad \xff\xfe bytes <p>\xc3").html));
}

TEST_CASE("only what the sanitiser writes passes as sanitised") {
  for (const char* bad : {"<script>", "<p>", "</p>", "<p>x</b>", "<p onclick=\"x\">x</p>", "a & b", "a > b", "<img src=\"x\"/>",
                          "<a>x</a>", "<a href=\"javascript:x\" rel=\"nofollow noopener\">x</a>", "<a href=\"http://x\">x</a>",
                          "<p", "<p><b></p></b>", "<a href=\"http://x\" onclick=\"y\" rel=\"nofollow noopener\">x</a>"}) {
    INFO(bad);
    CHECK_FALSE(is_sanitised(bad));
  }
  CHECK(is_sanitised(""));
}
