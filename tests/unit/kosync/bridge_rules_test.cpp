// Which place moves a reader's other devices (kosync.md 11.6, 11.7).
#include "library/bridge_rules.hpp"

#include <catch2/catch.hpp>

using namespace carrel;
using namespace carrel::library;
using publication::locator::position;
using publication::locator::quality;

namespace {

const instant noon{std::chrono::hours(12)};

position at(double total, std::uint64_t nw = 5000, quality how = quality::exact, const std::string& href = "a.xhtml") {
  return {.spine_index = 3,
          .href = href,
          .nw_offset = nw,
          .item_fraction = 0,
          .total_fraction = total,
          .before = {},
          .after = {},
          .how = how};
}
known_place known(const position& p) { return {.at = p, .document = "d", .since = noon}; }
heard_place heard(const position& p, std::chrono::minutes later = std::chrono::hours(2), const std::string& document = "e") {
  return {.at = p, .document = document, .when = noon + later};
}

}  // namespace

TEST_CASE("the first place and every real change move the reader") {
  CHECK(effect_of(std::nullopt, heard(at(0.4))) == effect::moves);
  CHECK(effect_of(std::nullopt, heard(at(0, 0))) == effect::moves);
  CHECK(effect_of(known(at(0.4)), heard(at(0.5, 9000))) == effect::moves);
  CHECK(effect_of(known(at(0.4)), heard(at(0.2, 100))) == effect::moves);  // going back is allowed
}

TEST_CASE("a place that is a fraction alone is the beginning by its fraction, not for want of a document") {
  auto page = [](double total) {
    position p = at(total, 0, quality::fraction, "");
    p.spine_index = 0;
    return p;
  };
  CHECK(effect_of(known(page(0.2)), heard(page(0.5))) == effect::moves);
  CHECK(effect_of(known(page(0.2)), heard(page(0.9), std::chrono::hours(2), "d")) == effect::moves);
  CHECK(effect_of(known(page(0.2)), heard(page(0.001))) == effect::same_place);
}

TEST_CASE("what was said before the place that is known moves nobody") {
  CHECK(effect_of(known(at(0.4)), heard(at(0.8, 9000), std::chrono::minutes(-1))) == effect::older);
  heard_place chosen = heard(at(0.8, 9000), std::chrono::minutes(-1));
  chosen.by_person = true;
  CHECK(effect_of(known(at(0.4)), chosen) == effect::moves);
}

TEST_CASE("a fraction does not replace an exact place that is near") {
  CHECK(effect_of(known(at(0.40)), heard(at(0.42, 0, quality::fraction, ""))) == effect::same_place);
  CHECK(effect_of(known(at(0.40)), heard(at(0.44, 0, quality::fraction, ""))) == effect::moves);
  CHECK(effect_of(known(at(0.40)), heard(at(0.42, 0, quality::fraction, ""), std::chrono::hours(2), "d")) == effect::moves);
  CHECK(effect_of(known(at(0.40, 0, quality::fraction, "")), heard(at(0.42, 0, quality::fraction, ""))) == effect::moves);
  CHECK(is_weaker_word(at(0.42, 0, quality::fraction), 0.40));
  CHECK_FALSE(is_weaker_word(at(0.42, 0, quality::element), 0.40));
}

TEST_CASE("the top of the page on which a device was told a place is that place") {
  auto soon = std::chrono::minutes(5);
  CHECK(effect_of(known(at(0.40, 5000)), heard(at(0.39, 3100), soon)) == effect::same_place);
  CHECK(effect_of(known(at(0.40, 5000)), heard(at(0.38, 2900), soon)) == effect::moves);
  CHECK(effect_of(known(at(0.40, 5000)), heard(at(0.41, 5100), soon)) == effect::moves);
  // Later than half an hour it is the first word since, if the place was handed out just now.
  heard_place late = heard(at(0.39, 3100), std::chrono::minutes(31));
  late.before = noon - std::chrono::hours(5);
  CHECK(effect_of(known(at(0.40, 5000)), late) == effect::same_place);
  late.before = noon + std::chrono::minutes(20);
  CHECK(effect_of(known(at(0.40, 5000)), late) == effect::moves);
  CHECK(effect_of(known(at(0.40, 5000)), heard(at(0.39, 3100), soon, "d")) == effect::moves);  // the same device went back
  CHECK(effect_of(known(at(0.400, 10)), heard(at(0.395, 9000, quality::exact, "before.xhtml"), soon)) == effect::same_place);
  CHECK(effect_of(known(at(0.400, 10)), heard(at(0.385, 9000, quality::exact, "before.xhtml"), soon)) == effect::moves);
}

TEST_CASE("the beginning moves nobody from afar, unless it is meant") {
  heard_place opened = heard(at(0.001, 0));
  CHECK(effect_of(known(at(0.4)), opened) == effect::same_place);
  CHECK(effect_of(known(at(0.02)), opened) == effect::moves);
  opened.said_twice = true;
  CHECK(effect_of(known(at(0.4)), opened) == effect::moves);
  heard_place chosen = heard(at(0.001, 0), std::chrono::minutes(1));
  chosen.by_person = true;
  CHECK(effect_of(known(at(0.4)), chosen) == effect::moves);
}

TEST_CASE("another edition under the same name is known by its percentage alone") {
  CHECK(contradicts(at(0.4), 0.6));
  CHECK_FALSE(contradicts(at(0.4), 0.5));
}
