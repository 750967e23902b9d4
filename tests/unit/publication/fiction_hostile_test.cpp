#include <catch2/catch.hpp>
#include <random>

#include "fiction_maker.hpp"
#include "publication/transport.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::fiction;

namespace {

std::string repeated(const std::string& s, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}

std::string code_of(const fiction& f) { return test::refused_code(f.bytes(), "a.fb2"); }

// A book that could cross the pipe, or a refusal with a message.
void survive(const std::string& bytes, const std::string& name = "a.fb2") {
  auto o = test::open_bytes(bytes, name);
  if (o) {
    CHECK(from_json(to_json(*o)).ok());
  } else {
    CHECK_FALSE(o.error().code.empty());
    CHECK(message_for(o.error().code, o.error().detail) != o.error().code);
  }
}

fiction sample() {
  fiction f;
  f.title +=
      "<genre>sf</genre><annotation><p>An <emphasis>annotation</emphasis></p></annotation><coverpage><image l:href='#c'/>"
      "</coverpage><sequence name='S' number='2'/>";
  f.publish = "<publisher>P</publisher><year>2001</year><isbn>9780306406157</isbn>";
  f.body =
      "<title><p>T</p></title><section id='a'><title><p>One</p></title><p>Some &eacute; text</p><image l:href='#c'/></section>";
  f.after = "<binary id='c'>" + base64(test::make_png(20, 30)) + "</binary>";
  return f;
}

std::string mutated(std::string bytes, std::mt19937& random) {
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (std::size_t i = 0, n = 1 + below(6); i < n && !bytes.empty(); ++i) {
    std::size_t at = below(bytes.size()), length = 1 + below(40);
    switch (below(6)) {
      case 0: bytes[at] = static_cast<char>(below(256)); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << below(8))); break;
      case 2: bytes.erase(at, length); break;
      case 3: bytes.insert(at, bytes.substr(below(bytes.size()), length)); break;
      case 4: bytes.insert(at, std::string(length, static_cast<char>(below(256)))); break;
      default: bytes.insert(at, "<section><title>"); break;
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("entity declarations in a FictionBook are refused") {
  fiction f;
  f.prolog = "<!DOCTYPE f [<!ENTITY a 'x'>]>";
  CHECK(code_of(f) == "xml_entities_not_allowed");
  f.prolog = "<!-- c --><!doctype f [ <!-- <!ELEMENT> --> <!entity % p SYSTEM 'http://127.0.0.1:9/'> %p; ]>";
  CHECK(code_of(f) == "xml_entities_not_allowed");
  f.prolog = "<!DOCTYPE FictionBook>";
  CHECK(code_of(f) == "");
}

TEST_CASE("FictionBooks that are too large, too deep or too wide are refused") {
  fiction f;
  f.body = repeated("<section>", 300) + repeated("</section>", 300);
  CHECK(code_of(f) == "xml_too_deep");
  f.body = repeated("<p/>", 2'200'000);
  CHECK(code_of(f) == "xml_too_large");
  f.body = "<p" + repeated(" a='x'", 1100) + "/>";
  CHECK(code_of(f) == "xml_too_large");
  f.body.clear();
  f.after = "<binary id='a'>" + std::string(40'000, 'A') + "</binary><binary id='b'>" + std::string(40'000, 'A') + "</binary>";
  auto code = [&](const limits& limit) {
    auto o = test::open_bytes(f.bytes(), "a.fb2", limit);
    return o ? std::string() : o.error().code;
  };
  CHECK(code({.fiction_binaries = 59'999}) == "xml_too_large");
  CHECK(code({.fiction_binaries = 60'000}) == "");
  CHECK(code({.fiction_xml = f.bytes().size() - 1}) == "xml_too_large");
  CHECK(code({.fiction_xml = f.bytes().size()}) == "");
  // It grows when it is decoded.
  fiction russian;
  russian.declaration = "<?xml version='1.0' encoding='windows-1251'?>";
  russian.body = "<section>" + std::string(20'000, '\xe0') + "</section>";
  auto grown = test::open_bytes(russian.bytes(), "a.fb2", {.fiction_xml = 30'000});
  REQUIRE_FALSE(grown);
  CHECK(grown.error().code == "xml_too_large");
}

TEST_CASE("endless values are cut and told") {
  fiction f;
  f.title =
      repeated("<genre>x" + std::string(300, 'y') + "</genre>", 2) + repeated("<author><nickname>A B</nickname></author>", 300);
  for (int i = 0; i < 700; ++i) f.title += "<genre>own " + std::to_string(i) + "</genre>";
  for (int i = 0; i < 300; ++i) f.title += "<author><nickname>A " + std::to_string(i) + "</nickname></author>";
  f.title += "<book-title>" + std::string(100'000, 't') + "</book-title><sequence name='" + std::string(5000, 's') +
             "' number='" + std::string(5000, '1') + "'/><annotation><p>" + repeated("word ", 100'000) +
             "</p></annotation><lang>" + std::string(5000, 'l') + "</lang>";
  f.publish = "<publisher>" + repeated("y ", 1 << 20) + "</publisher><isbn>" + std::string(1 << 20, '9') + "</isbn><year>" +
              std::string(1 << 20, '2') + "</year>";
  f.document = "<id>" + std::string(5000, 'i') + "</id>";
  f.body = "<section id='" + std::string(5000, 'i') + "'><title>" + std::string(5000, 'i') + "</title></section>";
  opened o = test::open_fiction(f);
  CHECK(o.about.title.size() == 1000);
  CHECK(o.about.authors.size() == 200);
  CHECK(o.about.subjects.size() == 500);
  CHECK(o.about.series.size() == 500);
  CHECK(o.about.publisher.size() <= 300);
  CHECK(o.about.description_html.size() <= 64 << 10);
  CHECK(test::warned(o, "metadata_truncated"));
  CHECK(from_json(to_json(o)).ok());
}

TEST_CASE("odd references and bytes never leave the reader") {
  for (const std::string odd :
       {"&#xD800;", "&#0;", "&#127;", "&#x202e;", "&amp;#1;", "\xff\xfe\xfd", "\x1b[0m", "&#xfffe;", "]]>"}) {
    INFO(odd);
    fiction f;
    f.title = "<author><first-name>A" + odd + "</first-name><last-name>B" + odd + "C</last-name></author><book-title>T" + odd +
              "</book-title><annotation><p>D" + odd + "</p></annotation><genre>G" + odd + "</genre><sequence name='S" + odd +
              "' number='1" + odd + "'/>";
    f.document = "<id>I" + odd + "</id>";
    f.body = "<section id='x" + odd + "'><title><p>U" + odd + "</p></title><p>v" + odd + "w</p></section>";
    opened o = test::open_fiction(f);
    CHECK(o.content_hash.size() == 64);
    CHECK(from_json(to_json(o)).ok());
  }
}

TEST_CASE("a FictionBook cut anywhere is a book or a named refusal") {
  std::string whole = sample().bytes();
  REQUIRE(test::open_bytes(whole, "a.fb2").ok());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO("size " << size);
    survive(whole.substr(0, size));
  }
}

TEST_CASE("600 damaged FictionBooks end with a book or a named refusal") {
  std::mt19937 random(20240613);
  std::string good = sample().bytes();
  for (int i = 0; i < 600; ++i) {
    INFO("mutation " << i);
    std::string bytes = mutated(good, random);
    survive(i % 3 == 0 ? test::make_zip({{.name = "a.fb2", .data = bytes}}) : bytes);
  }
}

TEST_CASE("FictionBooks full of nonsense end with a book or a named refusal") {
  fiction f = sample();
  std::size_t sections = 100'000;
  for (const std::string& body :
       {repeated("<section><p>", 100), repeated("&amp", 300'000), repeated("<![CDATA[", 30'000), repeated("<!--", 50'000),
        repeated("\xff", 300'000), std::string(300'000, '\0'), repeated("<", 200'000), repeated("</p>", 100'000),
        repeated("<image l:href=' #c'/><image l:href='#c '/>", 20'000), repeated("\xcc\x81", 500'000),
        repeated("<section><title>x</title></section>", static_cast<int>(sections)),
        "<section title='" + std::string(1 << 20, 'x')}) {
    f.body = body;
    survive(f.bytes());
  }
  f = sample();
  f.title += "<coverpage>" + repeated("<image href='#c' /><image href='#gone'/>", 20'000) + "</coverpage>";
  survive(f.bytes());
  f = sample();
  f.after = repeated("<binary id='c'>====</binary>", 50'000);
  survive(f.bytes());
}
