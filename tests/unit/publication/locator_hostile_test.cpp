// Pointers and documents that mean harm: no crash, no hang, and no place outside of the document that is named.
#include <catch2/catch.hpp>
#include <chrono>
#include <random>

#include "good_books.hpp"
#include "locator_maker.hpp"
#include "publication/locator/cfi.hpp"
#include "publication/locator/context.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::publication;
using locator::document;
using locator::pointer_form;
using locator::position;
using test::located;
using test::xhtml;

namespace {

std::string repeated(std::string_view what, std::size_t times) {
  std::string out;
  out.reserve(what.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += what;
  return out;
}

std::size_t pick(std::mt19937& random, std::size_t n) { return random() % n; }

std::string mutated(std::string text, std::mt19937& random) {
  static constexpr const char* tokens[] = {
      "/",   "[",  "]",   ".",          "text()", "body", "p", "0",  "999999999999999999999", "-1",
      "!",   ":",  ",",   "epubcfi(",   ")",      "^",    "~", "@",  "DocFragment",           "#",
      "[[]", "/4", "/3:", "autoBoxing", "\xff",   " ",    "%", "/0", "_doc_fragment_",        "\0"};
  for (std::size_t times = 1 + pick(random, 4); times > 0; --times) {
    std::size_t at = pick(random, text.size() + 1);
    switch (pick(random, 4)) {
      case 0: text.insert(at, tokens[pick(random, std::size(tokens))]); break;
      case 1: text.erase(at, pick(random, 8)); break;
      case 2: text.insert(at, text.substr(pick(random, text.size() + 1), pick(random, 20))); break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(pick(random, 256));
    }
  }
  return text;
}

std::string random_text(std::mt19937& random) {
  static constexpr std::string_view letters = "/[].!:,()^#0123456789abdhipxtBDF_ ~@;=";
  std::string out;
  for (std::size_t n = pick(random, 60); n > 0; --n) out += letters[pick(random, letters.size())];
  return out;
}

// Markup in any order, most of which only an HTML parser takes.
std::string random_document(std::mt19937& random) {
  static constexpr const char* parts[] = {"<p>",
                                          "</p>",
                                          "<div>",
                                          "</div>",
                                          "<b>",
                                          "</b>",
                                          " ",
                                          "text. More!",
                                          "\n  ",
                                          "&nbsp;",
                                          "<!-- c -->",
                                          "<pre>",
                                          "x",
                                          "<br>",
                                          "<img/>",
                                          "<![CDATA[y z]]>",
                                          "&#0;",
                                          "\ufffd",
                                          "<p id='i'/>",
                                          "</pre>",
                                          "&",
                                          "<",
                                          "\xf0\x9f\x98\x80"};
  std::string out = "<html><body>";
  for (std::size_t n = pick(random, 60); n > 0; --n) out += parts[pick(random, std::size(parts))];
  return pick(random, 2) == 0 ? out : out + "</body></html>";
}

void check_inside(locator::book& book, const std::optional<position>& p) {
  if (!p) return;
  REQUIRE(p->spine_index < book.size());
  CHECK(p->href == book.path(p->spine_index));
  CHECK(p->nw_offset <= book.lengths().documents()[p->spine_index].nw);
  CHECK((p->item_fraction >= 0 && p->item_fraction <= 1));
  CHECK((p->total_fraction >= 0 && p->total_fraction <= 1));
  auto d = book.document_at(p->spine_index);
  if (d == nullptr || d->body() == locator::none) return;
  for (pointer_form form : {pointer_form::text, pointer_form::block, pointer_form::start}) {
    std::optional<locator::written_pointer> written = book.to_xpointer(*p, form);
    REQUIRE(written);
    std::optional<position> again = book.from_xpointer(written->text);
    REQUIRE(again);
    CHECK(again->spine_index == p->spine_index);
    CHECK(again->nw_offset == written->nw);
    CHECK(written->nw <= p->nw_offset);
  }
  CHECK(book.from_cfi(book.to_cfi(*p).value())->nw_offset == p->nw_offset);
}

}  // namespace

TEST_CASE("whatever a pointer says, it leads into the document that it names, or nowhere") {
  const std::string good[] = {"/body/DocFragment[1]/body/p[2]/text()[1].3",
                              "/body/DocFragment[2]/body/div/p/b/text().1",
                              "#_doc_fragment_1_ i",
                              "epubcfi(/6/4!/4/2[i]/3:10[a;s=b])",
                              "epubcfi(/6/2!/4,/2/1:0,/4/1:3)",
                              "/body/DocFragment[2]/body/div/2/1.4"};
  for (unsigned seed = 0; seed < 1500; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> documents{random_document(random), random_document(random)};
    INFO("seed " << seed << "\n" << documents[0] << "\n" << documents[1]);
    located book(documents);
    for (int n = 0; n < 40; ++n) {
      std::string pointer = n % 4 == 0 ? random_text(random) : mutated(good[pick(random, std::size(good))], random);
      INFO(pointer);
      std::optional<position> by_path = book->from_xpointer(pointer);
      check_inside(*book, by_path);
      std::optional<locator::xpointer> parsed = locator::parse_xpointer(pointer);
      if (by_path) CHECK((parsed && parsed->document == by_path->spine_index));
      check_inside(*book, book->from_cfi(pointer));
      locator::readium_locator l{.href = n % 2 == 0 ? pointer : "OEBPS/ch02.xhtml", .before = pointer, .after = "text. More!"};
      if (n % 3 == 0) l.progression = std::ldexp(static_cast<double>(random()) - 1e9, -20);
      check_inside(*book, book->from_readium(l));
    }
  }
}

TEST_CASE("every place of a random document comes back") {
  for (unsigned seed = 0; seed < 4000; ++seed) {
    std::mt19937 random(seed);
    std::string source = random_document(random);
    INFO("seed " << seed << "\n" << source);
    std::optional<document> d = document::read(source);
    if (!d || d->body() == locator::none) continue;
    for (std::uint64_t nw = 0; nw <= d->nw(); ++nw) {
      auto text = locator::write_xpointer(*d, 0, nw, pointer_form::text);
      REQUIRE(text);
      INFO(text->text);
      CHECK(locator::resolve(*d, *locator::parse_xpointer(text->text)).nw == text->nw);
      CHECK((text->form == pointer_form::text ? text->nw == nw : text->nw <= nw));
      auto cfi = locator::parse_cfi("/6/2!" + locator::write_cfi_steps(*d, nw));
      REQUIRE(cfi);
      CHECK(locator::resolve(*d, *cfi).nw == nw);
    }
  }
}

TEST_CASE("documents of any size and depth are read in time, or unknown") {
  auto begin = std::chrono::steady_clock::now();
  std::string open = test::xhtml_open, close = test::xhtml_close;
  const std::string sources[] = {
      open + repeated("<div>", 100'000) + "deep" + repeated("</div>", 100'000) + close,
      open + repeated("<div>a", 100'000) + repeated("</div>", 100'000) + close,
      open + repeated("<b>", 1'000'000),
      open + repeated("<i/>", 400'000) + "x" + close,
      open + repeated("<i/>", 1'200'000) + "x" + close,
      open + repeated("<p>a</p>\n", 150'000) + close,
      open + repeated("a<!-- -->", 300'000) + close,
      open + "<p>" + repeated("word ", 2'000'000) + "</p>" + close,
      open + repeated("&nbsp;", 1'000'000) + close,
      open + "<p>" + repeated("\xff\xc0", 100'000) + "</p>" + close,
      std::string(1 << 20, '\0'),
      "",
      "<svg xmlns='http://www.w3.org/2000/svg'><text>x</text></svg>",
  };
  const bool known[] = {true, true, false, true, false, true, true, true, true, true, false, false, true};
  for (std::size_t i = 0; i < std::size(sources); ++i) {
    INFO(i);
    std::optional<document> d = document::read(sources[i]);
    CHECK(d.has_value() == known[i]);
    if (!d || d->body() == locator::none) continue;
    for (std::uint64_t nw : {std::uint64_t{0}, d->nw() / 2, d->nw()}) {
      auto pointer = locator::write_xpointer(*d, 0, nw, pointer_form::text);
      REQUIRE(pointer);
      CHECK(locator::resolve(*d, *locator::parse_xpointer(pointer->text)).nw == pointer->nw);
      auto cfi = locator::parse_cfi("/6/2!" + locator::write_cfi_steps(*d, nw));
      if (cfi) CHECK(locator::resolve(*d, *cfi).nw == nw);
      locator::context words = locator::context_at(*d, nw);
      locator::find_context(*d, words.before, words.after, nw);
    }
    std::string steps = repeated("/div", 4000), numbers = repeated("/2", 7000);
    locator::resolve(*d, *locator::parse_xpointer("/body/DocFragment[1]/body" + steps));
    locator::resolve(*d, *locator::parse_xpointer("/body/DocFragment[1]/body" + repeated("/1", 4000)));
    locator::resolve(*d, *locator::parse_cfi("/6/2!/4" + numbers));
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));  // in a second or two when nothing is quadratic
}

TEST_CASE("a book of many documents keeps a few of them") {
  std::vector<std::string> documents(9, xhtml("<p>" + repeated("word ", 2000) + "</p>"));
  located book(documents);
  std::weak_ptr<const document> first = book->document_at(0);
  CHECK_FALSE(first.expired());
  for (std::size_t i = 1; i < documents.size(); ++i) REQUIRE(book->document_at(i));
  CHECK(first.expired());
  CHECK(book->document_at(0)->nw() == 8000);
  CHECK_FALSE(book->document_at(documents.size()));
}
