#include "web/templates.hpp"

#include <catch2/catch.hpp>

#include "server/core/json.hpp"
#include "web/embedded.hpp"

using namespace carrel::web;

namespace {

messages words() { return *messages::parse("en", "greet = <Hi> & {name}\nplain = Plain\n"); }

std::string filled(const std::string& text, const view& v) { return page_template(text, words()).render(v); }

}  // namespace

TEST_CASE("values and texts are escaped, and placeholders of texts are values of the view") {
  view v;
  v.set("name", "<script>alert('x') & \"y\"</script>");
  CHECK(filled("{{t.greet}}", v) == "&lt;Hi&gt; &amp; &lt;script&gt;alert('x') &amp; &quot;y&quot;&lt;/script&gt;");
}

TEST_CASE("blanks and line ends of template, text and value come out as they are") {
  view v;
  v.set("name", " a  b").set("flag", true);
  CHECK(filled("<p  class=x>\n {{ name }} {{# flag }}\n y{{/ flag }}</p>\n", v) == "<p  class=x>\n  a  b \n y</p>\n");
}

TEST_CASE("a value that looks like a template stays a value") {
  view v;
  v.set("name", "{{t.plain}} {{{name}}} {{> head}}");
  CHECK(filled("{{name}}", v) == "{{t.plain}} {{{name}}} {{&gt; head}}");
}

TEST_CASE("empty texts, false and empty lists hide their section") {
  view v;
  v.set("text", "").set("flag", false).set("list", std::vector<view>{}).set("number", 0);
  CHECK(filled("{{#text}}a{{/text}}{{#flag}}b{{/flag}}{{#list}}c{{/list}}{{^any_list}}d{{/any_list}}{{#number}}e{{/number}}",
               v) == "de");
}

TEST_CASE("an unknown text or part is found at the start") {
  CHECK_THROWS_AS(expand_template("{{t.nothing}}", words()), std::logic_error);
  CHECK_THROWS_AS(expand_template("{{> nothing}}", words()), std::logic_error);
  CHECK_THROWS_AS(expand_template("{{name", words()), std::logic_error);
}

TEST_CASE("every page parses in every language") {
  languages all;
  templates pages(all);
  view v;
  for (const auto& m : all.all()) {
    std::string text = pages.render("bare_login", *m, v);
    CHECK(text.find(m->text("login.button")) != std::string::npos);
  }
  CHECK_THROWS_AS(pages.render("no_such_page", all.english(), v), std::logic_error);
}

TEST_CASE("only the sanitised description of a book is written without escaping") {
  for (const embedded& e : template_texts()) {
    std::string text(e.text);
    INFO(e.name);
    for (std::size_t at = 0; (at = text.find("{{{", at)) != std::string::npos; at += 3) {
      CHECK(text.substr(at, 17) == "{{{description}}}");
    }
    CHECK(text.find("{{&") == std::string::npos);
    CHECK(text.find(" style=") == std::string::npos);
    CHECK(text.find(" onclick") == std::string::npos);
    CHECK(text.find("<script>") == std::string::npos);
  }
}

TEST_CASE("every form that changes something carries the token") {
  for (const embedded& e : template_texts()) {
    if (e.name.starts_with("bare_")) continue;  // nobody is signed in there
    std::string text(e.text);
    INFO(e.name);
    for (std::size_t at = 0; (at = text.find("method=\"post\"", at)) != std::string::npos; ++at) {
      std::size_t end = text.find("</form>", at);
      CHECK(text.substr(at, end - at).find("{{> csrf}}") != std::string::npos);
    }
  }
}

TEST_CASE("openapi.json is JSON") {
  REQUIRE(api_texts().size() == 1);
  auto parsed = carrel::json::read_object(api_texts().front().text);
  REQUIRE(parsed);
  std::string version;
  CHECK(parsed->take("openapi", version));
  CHECK(version == "3.1.0");
}
