// What holds for every document that is converted (kepub.md 12), over the samples, the corpus and mutations of their documents.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>

#include "good_books.hpp"
#include "publication/container.hpp"
#include "publication/content.hpp"
#include "publication/kepub/convert.hpp"
#include "publication/kepub/wellformed.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"
#include "tests/harness/folder.hpp"
#include "zip_maker.hpp"

using namespace carrel;
using namespace carrel::publication;
namespace fs = std::filesystem;

namespace {

void remove_all(std::string& text, std::string_view what) {
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at)) text.erase(at, what.size());
}

// A tree as text, without what a conversion adds or takes away; adjacent texts are one.
class outline {
 public:
  explicit outline(const content_document& doc) {
    body_ = doc.body();
    pugi::xml_node root = body_;
    while (root.parent().type() == pugi::node_element) root = root.parent();
    for (pugi::xml_node at = root; at;) {
      enter(at);
      if (at.first_child()) {
        at = at.first_child();
        continue;
      }
      leave(at);
      while (at != root && !at.next_sibling()) leave(at = at.parent());
      at = at == root ? pugi::xml_node() : at.next_sibling();
    }
    for (std::string_view lost : {"\ufffd", "\xef\xbf\xbe", "\xef\xbf\xbf"}) remove_all(text, lost), remove_all(body_text, lost);
  }

  std::string text, body_text;
  std::vector<std::pair<int, int>> spans;
  int wrapped_in_span = 0, pictures_outside = 0, text_outside = 0;

 private:
  static bool is(const pugi::xml_node& n, std::string_view name) { return equal_ascii_case(local_name(n), name); }
  static bool is_span(const pugi::xml_node& n) {
    return is(n, "span") && std::string_view(n.attribute("class").value()) == "koboSpan";
  }
  static bool is_added(const pugi::xml_node& n) {
    std::string_view id = n.attribute("id").value();
    if (is_span(n) || (is(n, "div") && (id == "book-columns" || id == "book-inner"))) return true;
    return is(n, "style") && std::string_view(n.child_value()).starts_with("/* kobostylehacks */");
  }
  static bool is_dropped(const pugi::xml_node& n) {
    std::string_view name = n.name(), what = n.attribute("name").value();
    return ((name == "o:p" || name.starts_with("st1:")) && !n.first_child()) || (is(n, "meta") && what.starts_with("Adept."));
  }
  static bool is_closed(const pugi::xml_node& n) {
    static const std::set<std::string> names{"script", "style",    "pre",    "audio",    "video", "svg",      "math",
                                             "select", "textarea", "iframe", "datalist", "title", "template", "picture"};
    return names.contains(lower_ascii(local_name(n))) || is_foreign(n);
  }
  static bool is_foreign(const pugi::xml_node& n) {
    return n.attribute("xmlns") && std::string_view(n.attribute("xmlns").value()) != "http://www.w3.org/1999/xhtml";
  }

  // A name whose wrong characters have become underlines is the same name.
  static std::string mended(std::string_view name) {
    std::string out(name);
    auto is_letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
    };
    std::replace_if(
        out.begin(), out.end(), [&](char c) { return !is_letter(c); }, '_');
    return out;
  }

  void enter(const pugi::xml_node& n) {
    if (n == body_) in_body_ = true;
    if (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) return say(n);
    if (n.type() != pugi::node_element) return;
    bool picture = (is(n, "img") || is(n, "picture")) && !is_foreign(n);
    if (in_body_ && picture && closed_ == 0 && span_ == 0) ++pictures_outside;
    if (in_body_ && is_closed(n)) ++closed_;
    if (in_body_ && is_span(n)) {
      if (span_++ > 0) ++wrapped_in_span;
      int p = -1, s = -1;
      CHECK(std::sscanf(n.attribute("id").value(), "kobo.%d.%d", &p, &s) == 2);
      spans.emplace_back(p, s);
    }
    if (is_added(n) || is_dropped(n) || is(n, "head")) return;  // a head may be made
    text += "<" + lower_ascii(mended(n.name()));
    std::set<std::string> met;
    for (pugi::xml_attribute a : n.attributes()) {
      if (met.insert(a.name()).second && !is(n, "meta")) text += " " + mended(a.name()) + "=" + a.value();
    }
    text += ">";
  }

  void leave(const pugi::xml_node& n) {
    if (n == body_) in_body_ = false;
    if (n.type() != pugi::node_element) return;
    if (in_body_ && is_closed(n)) --closed_;
    if (in_body_ && is_span(n)) --span_;
    if (!is_added(n) && !is_dropped(n) && !is(n, "head")) text += "</>";
  }

  void say(const pugi::xml_node& n) {
    if (is_added(n.parent()) && is(n.parent(), "style")) return;
    bool code = is(n.parent(), "script") || is(n.parent(), "style");
    std::string value = n.value();
    if (code) remove_all(value, "/*<![CDATA[*/"), remove_all(value, "/*]]>*/"), remove_all(value, "/*"), remove_all(value, "*/");
    text += value;
    if (!in_body_ || code) return;
    body_text += value;
    std::string visible = value;
    remove_all(visible, "\ufffd");
    remove_all(visible, "\u00a0");
    bool blank = std::all_of(visible.begin(), visible.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; });
    if (!blank && span_ == 0 && closed_ == 0) ++text_outside;
  }

  pugi::xml_node body_;
  bool in_body_ = false;
  int span_ = 0, closed_ = 0;
};

// Everything that 12.1 to 12.6 say of one document.
void check_document(const std::string& source, const kepub::document& made) {
  CHECK(kepub::is_well_formed(made.bytes));
  content_document before, after;
  parse_content(source, before);
  parse_content(made.bytes, after);
  REQUIRE(after.complete);
  CHECK_FALSE(after.from_html);
  outline is(after);
  CHECK(is.wrapped_in_span == 0);
  // Without a character that XML forbids a foreign namespace may be another one, and what was left alone is no longer foreign.
  if (source.find("\xef\xbf\xbe") == source.npos) {
    CHECK(is.pictures_outside == 0);
    CHECK(is.text_outside == 0);
  }
  CHECK(is.spans.size() == made.spans.size());
  CHECK(std::set<std::pair<int, int>>(is.spans.begin(), is.spans.end()).size() == is.spans.size());
  for (std::size_t i = 0; i < is.spans.size(); ++i) {
    auto [p, s] = is.spans[i];
    CHECK((p >= 0 && s >= 1));
    if (i == 0) continue;
    auto [before_p, before_s] = is.spans[i - 1];
    CHECK(((p == before_p && s > before_s) || p > before_p));
    CHECK(made.spans[i].offset >= made.spans[i - 1].offset);
  }
  if (!made.spans.empty()) CHECK(made.spans.back().offset <= made.characters);
  // Read once more as HTML when its XML was not well-formed after all: then the tree is the one that HTML's parser made.
  outline was(before);
  if (was.text != is.text) {
    content_document repaired;
    parse_content_as_html(source, repaired);
    REQUIRE(repaired.complete);
    outline other(repaired);
    CHECK(other.body_text == is.body_text);
  } else {
    CHECK(was.body_text == is.body_text);
  }
}

std::vector<std::string> documents_of(const fs::path& path) {
  std::string bytes = harness::read_file(path);
  test::scratch file(bytes);
  limits limit;
  auto zip = archive::open(file.descriptor(), limit, limit.unpacked);
  std::vector<std::string> out;
  if (!zip) return out;
  for (const archive_entry& e : (*zip)->entries()) {
    if (!e.name.ends_with("html") && !e.name.ends_with(".htm")) continue;
    if (auto text = (*zip)->read(e, limit.content_xml, "x")) out.push_back(std::move(*text));
  }
  return out;
}

std::string mutated(std::string text, std::mt19937& random) {
  static constexpr const char* tokens[] = {"<b>",
                                           "</b>",
                                           "<p>",
                                           "</p>",
                                           "&",
                                           "&nbsp;",
                                           "<![CDATA[x. y]]>",
                                           "<!-- - -- -->",
                                           "<br/>",
                                           "<i/>",
                                           "\xff",
                                           "\x01",
                                           "<",
                                           ">",
                                           "\"",
                                           "<img src='a'/>",
                                           ". ",
                                           "\u00a0",
                                           "]]>",
                                           "<pre>",
                                           "<svg xmlns='http://www.w3.org/2000/svg'>",
                                           "</svg>",
                                           "<o:p/>",
                                           "<?x y?>",
                                           "\ufffd",
                                           "<span class='koboSpan'/>",
                                           " id='kobo.1.1'",
                                           "<a a='1' a='2'/>",
                                           "<!DOCTYPE html>",
                                           "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.1//EN\" \"x.dtd\">",
                                           "<!DOCTYPE html [<!ENTITY x 'y'>]>",
                                           "<?xml version='1.0'?>",
                                           "\xed\xa0\x80",
                                           "\xef\xbf\xbe",
                                           "&#xD800;",
                                           "&#xFFFF;",
                                           "<\xc3\x97/>",
                                           "<a \xc3\x97='1' :b='2' c:='3'/>",
                                           "<style>a > b { }</style>"};
  auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (std::size_t times = 1 + pick(4); times > 0; --times) {
    std::size_t at = pick(text.size() + 1);
    switch (pick(4)) {
      case 0: text.insert(at, tokens[pick(std::size(tokens))]); break;
      case 1: text.erase(at, pick(20)); break;
      case 2: text.insert(at, text.substr(pick(text.size() + 1), pick(200))); break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(pick(256));
    }
    if (text.empty()) text = "<";
  }
  return text;
}

}  // namespace

TEST_CASE("every good book keeps its text, its ids and links, and has its spans in order") {
  harness::scratch_folder made;
  std::vector<fs::path> books = test::good_books(made.path / "corpus");
  if (books.empty()) {
    WARN("neither samples nor corpus are here");
    return;
  }
  std::size_t converted = 0, documents = 0;
  for (const fs::path& path : books) {
    INFO(path);
    std::string source = harness::read_file(path);
    test::scratch file(source);
    fs::path out = made.path / "out.kepub.epub", again = made.path / "again.kepub.epub";
    result<kepub::made, refusal> done = kepub::convert(file.descriptor(), path.filename().string(), out);
    if (!done) {
      INFO(done.error().code);
      CHECK((done.error().code == "kepub_fixed_layout" || done.error().code == "kepub_protected"));
      continue;
    }
    ++converted;
    std::string bytes = harness::read_file(out);
    if (done->copied) {
      CHECK(bytes == source);
      continue;
    }
    test::scratch result_file(bytes);
    result<opened, refusal> was = publication::open(file.descriptor(), path.filename().string());
    result<opened, refusal> is = publication::open(result_file.descriptor(), "x.kepub.epub");
    REQUIRE(was);
    REQUIRE(is);
    if (done->warnings.empty()) CHECK(is->content_hash == was->content_hash);
    CHECK(is->about.title == was->about.title);
    CHECK((is->format == "kepub" || done->spans == 0));
    result<kepub::made, refusal> twice = kepub::convert(result_file.descriptor(), "x.kepub.epub", again);
    REQUIRE(twice);
    if (done->spans > 0) CHECK(harness::read_file(again) == bytes);
    for (const std::string& document : documents_of(path)) {
      if (result<kepub::document, kepub::kept> one = kepub::convert_document(document)) {
        check_document(document, *one);
        ++documents;
      }
    }
  }
  CHECK(converted > 10);
  CHECK(documents > 50);
}

TEST_CASE("documents that were mutated are converted truly, or kept") {
  harness::scratch_folder made;
  std::vector<std::string> sources;
  for (const fs::path& path : test::good_books(made.path / "corpus")) {
    for (std::string& text : documents_of(path)) {
      if (text.size() < 6000 && sources.size() < 60) sources.push_back(std::move(text));
    }
  }
  if (sources.empty()) {
    WARN("neither samples nor corpus are here");
    return;
  }
  const char* wish = std::getenv("CARREL_KEPUB_MUTATIONS");
  int most = wish == nullptr ? 1500 : std::atoi(wish), converted = 0;
  for (int seed = 0; seed < most; ++seed) {
    std::mt19937 random(static_cast<std::mt19937::result_type>(seed));
    std::string text = mutated(sources[static_cast<std::size_t>(seed) % sources.size()], random);
    INFO("seed " << seed << "\n" << text);
    result<kepub::document, kepub::kept> one = kepub::convert_document(text);
    if (!one) continue;
    ++converted;
    check_document(text, *one);
  }
  CHECK(converted > most / 4);
}

TEST_CASE("hostile documents end as a document or are kept") {
  auto repeated = [](std::string_view what, std::size_t times) {
    std::string out;
    out.reserve(what.size() * times);
    for (std::size_t i = 0; i < times; ++i) out += what;
    return out;
  };
  std::string open = "<html xmlns='http://www.w3.org/1999/xhtml'><body><p>", close = "</p></body></html>";
  std::string utf16 = "\xff\xfe";
  for (char c : open + "A. B." + close) utf16 += c, utf16 += '\0';
  const std::string sources[] = {
      open + repeated("<div>", 100'000) + repeated("</div>", 100'000) + close,
      open + repeated("<b>", 1'000'000),
      open + repeated("&nbsp;", (31 << 20) / 6) + close,
      open + "<a title='" + repeated("x", 10 << 20) + "'/>A" + close,
      open + repeated("<a x1='' ", 1) + repeated("y='' ", 200'000) + "/>A" + close,
      open + std::string("A\0B", 3) + close,
      open + repeated("\xff\xc0", 100'000) + close,
      utf16,
      "<!DOCTYPE html [<!ENTITY a '" + repeated("x", 1000) + "'>]>" + open + repeated("&a;", 100'000) + close,
      "<!DOCTYPE html [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>" + open + repeated("&b;", 1000) + close,
      open + repeated(". ", 1'000'000) + close,
      open + repeated("<i/>", 1'000'000) + close,
      repeated("<html><body>", 5000),
  };
  for (const std::string& source : sources) {
    result<kepub::document, kepub::kept> one = kepub::convert_document(source);
    if (one) CHECK(one->bytes.size() <= source.size() * 20 + (1 << 20));
  }
}
