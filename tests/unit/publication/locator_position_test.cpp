// Fractions, pages, Kobos and other variants of a book (kosync.md 11.4, 11.5, 11.8).
#include <catch2/catch.hpp>
#include <limits>
#include <random>

#include "locator_maker.hpp"
#include "publication/locator/kobo.hpp"
#include "publication/locator/variant.hpp"

using namespace carrel;
using namespace carrel::publication;
using kepub::span_map;
using locator::measure;
using locator::position;
using locator::quality;
using test::located;
using test::said;
using test::xhtml;

namespace {

measure small_measure() {
  return measure({{"OEBPS/cover.xhtml", 0}, {"OEBPS/ch 1.xhtml", 1000}, {"OEBPS/plate.xhtml", 0}, {"OEBPS/ch2.xhtml", 3000}});
}

span_map small_map() {
  return span_map({{.path = "OEBPS/ch1.xhtml", .characters = 130, .nw = 100, .spans = {{{1, 1}, 0, 0}, {{1, 2}, 50, 40}}},
                   {.path = "OEBPS/ch2.xhtml", .characters = 400, .nw = 300, .spans = {{{1, 1}, 0, 0}, {{2, 1}, 90, 70}}},
                   {.path = "OEBPS/plate.xhtml"}});
}

}  // namespace

TEST_CASE("fractions of a book and its documents follow the counted characters") {
  measure m = small_measure();
  CHECK(m.total() == 4000);
  position p = m.at(3, 1500, quality::exact).value();
  CHECK(p.href == "OEBPS/ch2.xhtml");
  CHECK(p.item_fraction == Approx(0.5));
  CHECK(p.total_fraction == Approx(0.625));
  CHECK(m.at(1, 5000, quality::exact)->nw_offset == 1000);
  CHECK(m.at(0, 5, quality::exact)->item_fraction == 0);
  CHECK_FALSE(m.at(4, 0, quality::exact));
  CHECK(said(m.at_fraction(0.625)) == "3:1500 fraction");
  CHECK(said(m.at_fraction(0)) == "0:0 fraction");
  CHECK(said(m.at_fraction(0.25)) == "3:0 fraction");
  CHECK(said(m.at_fraction(1)) == "3:3000 fraction");
  CHECK(said(m.at_fraction(17)) == "3:3000 fraction");
  for (double odd : {-1.0, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK(said(m.at_fraction(odd)) == "0:0 fraction");
  CHECK(said(m.at_fraction_of(3, 0.5)) == "3:1500 item");
  CHECK_FALSE(m.at_fraction_of(4, 0.5));
  CHECK_FALSE(measure().at_fraction(0.5));
  CHECK(m.document_named("ch%201.xhtml#x") == 1);
}

TEST_CASE("a percentage comes back as it was said, floored to four decimals") {
  measure m = small_measure();
  for (int n = 0; n <= 10'000; ++n) CHECK(locator::percentage(m.at_fraction(n / 1e4).value()) == Approx(n / 1e4).margin(1e-12));
  CHECK(locator::percentage({.total_fraction = 0.12349999}) == Approx(0.1234).margin(1e-12));
  CHECK(locator::percentage({.total_fraction = 1}) == 1);
}

TEST_CASE("every page of a book with pages is its own fraction") {
  for (int pages : {1, 2, 7, 49, 365, 1000, 4999}) {
    for (int page = 1; page <= pages; ++page) CHECK(locator::page_at(locator::fraction_at(page, pages), pages) == page);
  }
  CHECK(locator::page_at(0, 10) == 1);
  CHECK(locator::page_at(0.11, 10) == 2);
  CHECK(locator::page_at(5, 10) == 10);
  CHECK(locator::page_at(0.5, 0) == 1);
  CHECK(locator::fraction_at(10, 10) == 1);
  CHECK(locator::fraction_at(12, 10) == 1);
  CHECK(locator::fraction_at(-3, 10) == 0);
  CHECK(locator::fraction_at(3, 0) == 0);
}

TEST_CASE("a measure comes back from its stored form, and a damaged one is none") {
  measure m = small_measure();
  std::string good = m.pack();
  REQUIRE(measure::unpack(good));
  CHECK(measure::unpack(good)->documents() == m.documents());
  CHECK(measure::unpack(measure().pack())->documents().empty());
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(measure::unpack(std::string_view(good).substr(0, n)));
  CHECK_FALSE(measure::unpack(good + "x"));
  CHECK_FALSE(measure::unpack("\2" + good.substr(1)));
  CHECK_FALSE(measure::unpack(std::string("\1\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10)));
  CHECK_FALSE(measure::unpack(std::string("\1\1\1a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 13)));
  std::mt19937 random(2);
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    bad[random() % bad.size()] = static_cast<char>(random());
    std::optional<measure> read = measure::unpack(bad);
    if (read) CHECK(read->documents().size() <= bad.size());
  }
}

TEST_CASE("a Kobo's location is its span, else its percentages") {
  span_map m = small_map();
  auto at = [&](std::string_view source, std::string_view value, std::optional<double> of_document,
                std::optional<double> of_book) { return said(locator::from_kobo(m, source, value, of_document, of_book)); };
  CHECK(at("OEBPS/ch2.xhtml", "kobo.2.1", 90, 90) == "1:70 exact");
  CHECK(at("ch2.xhtml#kobo.2.1", "kobo.2.1", 90, 90) == "1:70 exact");
  CHECK(at("OEBPS/ch2.xhtml", "kobo.9.9", 50, 90) == "1:150 item");
  CHECK(at("OEBPS/ch2.xhtml", "kobo.9.9", std::nullopt, 25) == "1:0 fraction");
  CHECK(at("OEBPS/ch9.xhtml", "kobo.2.1", 50, 50) == "1:100 fraction");
  CHECK(at("OEBPS/ch2.xhtml", "", std::nullopt, std::nullopt) == "1:0 item");
  CHECK(at("OEBPS/ch9.xhtml", "kobo.2.1", 50, std::nullopt) == "");
  // What a device says that has just opened a chapter.
  CHECK(at("OEBPS/ch2.xhtml", "kobo.1.1", 10, 90) == "1:30 item");
  CHECK(at("OEBPS/ch2.xhtml", "kobo.1.1", 0, 90) == "1:0 item");
  CHECK(at("OEBPS/plate.xhtml", "kobo.1.1", 0, 99) == "2:0 item");
}

TEST_CASE("a position is told to a Kobo as the last span in front of it") {
  span_map m = small_map();
  auto told = [&](std::uint64_t nw, bool finished = false) {
    return locator::to_kobo(m, {.href = "OEBPS/ch2.xhtml", .nw_offset = nw}, finished).value();
  };
  CHECK(told(69).value == "kobo.1.1");
  CHECK(told(70).value == "kobo.2.1");
  CHECK(told(70).source == "OEBPS/ch2.xhtml");
  CHECK(told(70).in_document == 23);
  CHECK(told(70).in_book == 42);
  CHECK(told(9999).in_document == 100);
  CHECK(told(9999).in_book == 99);
  CHECK(told(9999, true).in_book == 100);
  CHECK(locator::to_kobo(m, {.href = "OEBPS/plate.xhtml"})->value == "kobo.1.1");
  CHECK_FALSE(locator::to_kobo(m, {.href = "OEBPS/ch9.xhtml"}));
}

TEST_CASE("a position moves to the same place of a variant that counts alike") {
  measure from = small_measure();
  position p = from.at(3, 1500, quality::exact).value();
  // A title page in front, as conversions put it.
  measure kepub({{"OEBPS/title.xhtml", 0}, {"OEBPS/cover.xhtml", 0}, {"OEBPS/ch 1.xhtml", 1000}, {"OEBPS/ch2.xhtml", 3000}});
  CHECK(said(locator::moved(p, from, kepub)) == "3:1500 exact");
  CHECK(locator::moved(p, from, kepub)->href == "OEBPS/ch2.xhtml");
  measure renamed({{"a.xhtml", 0}, {"b.xhtml", 1000}, {"c.xhtml", 0}, {"d.xhtml", 3000}});
  CHECK(said(locator::moved(p, from, renamed)) == "3:1500 exact");
  measure shorter({{"b.xhtml", 1000}, {"c.xhtml", 0}, {"x.xhtml", 17}});
  CHECK(said(locator::moved(from.at(1, 600, quality::exact).value(), from, shorter)) == "0:152 fraction");
  measure corrected({{"OEBPS/ch2.xhtml", 3020}});
  CHECK(said(locator::moved(p, from, corrected)) == "0:1500 element");
  p.how = quality::item;
  CHECK(said(locator::moved(p, from, corrected)) == "0:1500 item");
}

TEST_CASE("where the counts differ the words decide, then the fractions") {
  measure from = small_measure();
  position p = from.at(3, 1500, quality::exact).value();
  measure edition({{"OEBPS/ch 1.xhtml", 1000}, {"OEBPS/ch2.xhtml", 2000}, {"x.xhtml", 5000}});
  CHECK(said(locator::moved(p, from, edition)) == "1:1000 item");
  measure other({{"1.xhtml", 2000}, {"2.xhtml", 6000}});
  CHECK(said(locator::moved(p, from, other)) == "1:3000 fraction");
  CHECK(locator::moved(p, from, other)->total_fraction == Approx(0.625));
  CHECK_FALSE(locator::moved(p, from, measure()));
  std::vector<std::size_t> asked;
  auto find = [&](std::size_t document, std::uint64_t) -> std::optional<locator::context_match> {
    asked.push_back(document);
    return document == 2 ? std::optional(locator::context_match{.nw = 17, .whole = true}) : std::nullopt;
  };
  CHECK(said(locator::moved(p, from, edition, find)) == "2:17 exact");
  CHECK(asked == std::vector<std::size_t>{1, 2});
  p.how = quality::fraction;
  CHECK(said(locator::moved(p, from, edition, find)) == "2:2000 fraction");
}

TEST_CASE("the words around a position find it in an edition with another text in front") {
  std::string tale = "<p>The lamp went out. She heard the gate, and then nothing at all but the rain.</p>";
  located first(std::vector{xhtml(tale)});
  located second(std::vector{xhtml("<p>" + std::string(500, 'y') + "</p>"), xhtml("<h1>One more title</h1>" + tale)});
  position p = first->at(0, 30).value();
  CHECK(p.before == "amp went out. She heard the gate");
  CHECK(p.after == ", and then nothing at all but th");
  std::optional<position> moved = second->from_variant(p, first->lengths());
  CHECK(said(moved) == "1:42 exact");
  CHECK(moved->after == p.after);
  p.before = "quite other words stand here";
  CHECK(said(second->from_variant(p, first->lengths())) == "1:42 element");
  p.after = "and here, too, so nothing is found";
  CHECK(said(second->from_variant(p, first->lengths())) == "0:245 item");
}

TEST_CASE("a stored measure spares reading the book, and one of another book is not taken") {
  located book(std::vector{xhtml("<p>one</p>"), xhtml("<p>two</p>")});
  CHECK_FALSE(book->use(measure({{"OEBPS/ch01.xhtml", 3}})));
  CHECK_FALSE(book->use(measure({{"OEBPS/ch01.xhtml", 3}, {"OEBPS/other.xhtml", 3}})));
  CHECK(book->use(measure({{"OEBPS/ch01.xhtml", 3}, {"OEBPS/ch02.xhtml", 97}})));
  CHECK(book->at(0, 1)->total_fraction == Approx(0.01));
}
