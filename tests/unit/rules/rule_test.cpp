#include "library/rule.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace carrel;
using namespace carrel::library;

namespace {

rule good(const std::string& text) {
  result<rule> r = read_rule_text(text);
  INFO(text);
  if (!r) FAIL(r.error().message());
  return *r;
}

// Where and why it is refused; "" when it is not.
std::string refusal(const std::string& text) {
  result<rule> r = read_rule_text(text);
  return r ? "" : r.error().message();
}

std::string with_test(const std::string& test) { return R"({"all":[)" + test + "]}"; }

std::string nested(int depth) {
  std::string out = R"({"field":"cover","op":"present"})";
  for (int i = 0; i < depth; ++i) out = R"({"all":[)" + out + "]}";
  return out;
}

}  // namespace

TEST_CASE("the rule of the product page is read, and written as it was") {
  std::string text = R"({"all":[{"field":"state","op":"is","value":"unread"},{"field":"rating","op":"at_least","value":4},)"
                     R"({"field":"language","op":"is","value":"de"},{"field":"pages","op":"below","value":300}],)"
                     R"("sort":"pages","descending":false,"limit":50})";
  rule r = good(text);
  CHECK(r.when.parts.size() == 4);
  CHECK(r.when.parts[1].test.number == 4);
  CHECK(r.sort == rule_sort::pages);
  CHECK_FALSE(r.descending);
  CHECK(r.limit == 50);
  CHECK(json::dump(to_json(r)) == text);
  CHECK(speaks_of_reading(r));
}

TEST_CASE("an order that is not said is the newest first; that of stars begins with the most, others at their beginning") {
  CHECK(good(R"({"all":[]})").sort == rule_sort::added);
  CHECK(good(R"({"all":[]})").descending);
  CHECK(good(R"({"all":[],"sort":"rating"})").descending);
  CHECK_FALSE(good(R"({"all":[],"sort":"title"})").descending);
  CHECK(good(R"({"all":[],"sort":"title","descending":true})").descending);
  CHECK(speaks_of_reading(good(R"({"all":[],"sort":"rating"})")));
  CHECK_FALSE(speaks_of_reading(good(R"({"all":[]})")));
}

TEST_CASE("values are kept in one form") {
  auto first = [](const std::string& test) { return good(with_test(test)).when.parts.at(0).test.texts; };
  CHECK(first(R"({"field":"language","op":"is","value":["DE","ger","fr"]})") == std::vector<std::string>{"de", "fr"});
  CHECK(first(R"({"field":"format","op":"is","value":"EPUB"})") == std::vector<std::string>{"epub"});
  CHECK(first(R"({"field":"author","op":"contains","value":" woolf "})") == std::vector<std::string>{"woolf"});
  CHECK(first(R"({"field":"added","op":"since","value":"2024-02-29"})") == std::vector<std::string>{"2024-02-29"});
  CHECK(first(R"({"field":"shelf","op":"is","value":"0190A1B2-0000-7000-8000-00000000000A"})") ==
        std::vector<std::string>{"0190a1b2-0000-7000-8000-00000000000a"});
}

TEST_CASE("what is wrong is refused, and the place is named") {
  CHECK(refusal("") == "rule: is no JSON object");
  CHECK(refusal("[]") == "rule: is no JSON object");
  CHECK(refusal("{}") == "rule: needs one of all, any and none");
  CHECK(refusal(R"({"all":[],"any":[]})") == "rule: needs one of all, any and none");
  CHECK(refusal(R"({"all":[],"order":"title"})") == "rule: has a member that is not known");
  CHECK(refusal(R"({"all":{}})") == "all: is no list");
  CHECK(refusal(R"({"any":[]})") == "any: is empty");
  CHECK(refusal(R"({"all":[1]})") == "all[0]: is no object");
  CHECK(refusal(R"({"all":[],"sort":"size"})").starts_with("sort: is none of added"));
  CHECK(refusal(R"({"all":[],"descending":1})") == "descending: is not true or false");
  for (const char* limit : {"0", "10001", "-1", "1.5", "\"5\"", "null"})
    CHECK(refusal(std::string(R"({"all":[],"limit":)") + limit + "}") == "limit: is no number from 1 to 10000");
  CHECK(refusal(R"({"all":[{"any":[{"field":"cover","op":"present"},{"field":"colour","op":"is","value":"red"}]}]})") ==
        "all[0].any[1].field: is not known");
  CHECK(refusal(R"({"all":[{"any":[{"field":"cover","op":"present"}],"field":"cover"}]})") ==
        "all[0]: has a member that is not known");

  const std::vector<std::pair<std::string, std::string>> tests{
      {R"({})", "all[0].field: is missing"},
      {R"({"field":"state"})", "all[0].op: is missing"},
      {R"({"field":"state","op":"is"})", "all[0].value: is missing"},
      {R"({"field":"state","op":"is","value":"unread","and":1})", "all[0]: has a member that is not known"},
      {R"({"field":"state","op":"below","value":3})", "all[0].op: is none that the field has"},
      {R"({"field":"state","op":"is","value":"burnt"})", "all[0].value: is none of unread, wanted, reading, read, abandoned"},
      {R"({"field":"state","op":"is","value":[]})", "all[0].value: is empty"},
      {R"({"field":"state","op":"is","value":[1]})", "all[0].value: is no list of texts"},
      {R"({"field":"cover","op":"present","value":true})", "all[0].value: has no place here"},
      {R"({"field":"rating","op":"at_least","value":"4"})", "all[0].value: is no number"},
      {R"({"field":"rating","op":"at_least","value":4.2})", "all[0].value: is no number of stars from 0.5 to 5 in halves"},
      {R"({"field":"rating","op":"at_least","value":1e300})", "all[0].value: is no number of stars from 0.5 to 5 in halves"},
      {R"({"field":"pages","op":"below","value":299.5})", "all[0].value: is no whole number"},
      {R"({"field":"pages","op":"below","value":-1})", "all[0].value: is no whole number"},
      {R"({"field":"pages","op":"below","value":1e18})", "all[0].value: is no whole number"},
      {R"({"field":"added","op":"within_days","value":36501})", "all[0].value: is no whole number"},
      {R"({"field":"added","op":"since","value":"2024"})", "all[0].value: is no day such as 2024-05-31"},
      {R"({"field":"added","op":"since","value":"2023-02-29"})", "all[0].value: is no day such as 2024-05-31"},
      {R"({"field":"language","op":"is","value":"!!"})", "all[0].value: is no language"},
      {R"({"field":"shelf","op":"is","value":"To read"})", "all[0].value: is no id"},
      {R"({"field":"text","op":"contains","value":"..."})", "all[0].value: holds no word"},
      {R"({"field":"text","op":"contains","value":["a"]})", "all[0].value: is no text"},
      {R"({"field":"author","op":"is","value":"\u0000"})", "all[0].value: is not a text of at most 200 characters"},
      {R"({"field":"author","op":"is","value":")" + std::string(201, 'x') + "\"}",
       "all[0].value: is not a text of at most 200 characters"},
  };
  for (const auto& [test, why] : tests) {
    INFO(test);
    CHECK(refusal(with_test(test)) == why);
  }
}

TEST_CASE("a rule is bounded in depth, conditions, values and bytes") {
  CHECK(refusal(nested(4)).empty());
  CHECK(refusal(nested(5)).find("is too deep") != std::string::npos);
  auto tests = [](int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out.append(i > 0 ? "," : "").append(R"({"field":"cover","op":"present"})");
    return with_test(out);
  };
  CHECK(refusal(tests(100)).empty());
  CHECK(refusal(tests(101)) == "all[100]: is one condition too many");
  auto values = [](int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out.append(i > 0 ? "," : "").append("\"a").append(std::to_string(i)).append("\"");
    return with_test(R"({"field":"tag","op":"is","value":[)" + out + "]}");
  };
  CHECK(refusal(values(50)).empty());
  CHECK(refusal(values(51)) == "all[0].value: has more than 50 parts");
  CHECK(refusal(R"({"all":[)" + std::string(17'000, ' ') + "]}") == "rule: is longer than 16 KiB");
}

TEST_CASE("a condition of a form is read like one of a document") {
  CHECK(read_rule_test("language", "is", "de; fr ;").value().texts == std::vector<std::string>{"de", "fr"});
  CHECK(read_rule_test("rating", "at_least", "4,5").value().number == 4.5);
  CHECK(read_rule_test("text", "contains", "light; house").value().texts == std::vector<std::string>{"light; house"});
  CHECK(read_rule_test("cover", "missing", "whatever").ok());
  CHECK(read_rule_test("colour", "is", "red").error().field == "field");
  CHECK(read_rule_test("cover", "is", "red").error().field == "op");
  CHECK(read_rule_test("pages", "below", "many").error().field == "value");
  CHECK(read_rule_test("tag", "is", " ; ").error().field == "value");
  for (rule_field f : rule_fields()) {
    CHECK(rule_field_named(name_of(f)) == f);
    for (rule_op o : rule_ops_of(f)) CHECK(rule_op_named(name_of(o)) == o);
  }
  CHECK(value_text(read_rule_test("language", "is", "de;fr").value()) == "de; fr");
  CHECK(value_text(read_rule_test("rating", "below", "2.5").value()) == "2.5");
}

TEST_CASE("bytes of no meaning are refused, never taken for a rule, and never fatal") {
  std::mt19937 random(20240531);
  std::string whole =
      R"({"any":[{"field":"tag","op":"is","value":["a","b"]},{"none":[{"field":"pages","op":"below","value":3}]}],"limit":9})";
  for (int i = 0; i < 5000; ++i) {
    std::string text = whole;
    for (int changes = 1 + static_cast<int>(random() % 4); changes > 0; --changes)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    result<rule> r = read_rule_text(text);
    if (r) CHECK(read_rule_text(json::dump(to_json(*r))).value() == *r);
  }
}

TEST_CASE("books keep their places where the order allows, and one that comes moves no other") {
  using places = std::vector<std::optional<std::int64_t>>;
  std::vector<std::int64_t> fresh = places_for({std::nullopt, std::nullopt, std::nullopt});
  CHECK(std::is_sorted(fresh.begin(), fresh.end()));
  places had(fresh.begin(), fresh.end());
  places more{std::nullopt, had[0], had[1], std::nullopt, std::nullopt, had[2], std::nullopt};
  std::vector<std::int64_t> then = places_for(more);
  CHECK((then[1] == *had[0] && then[2] == *had[1] && then[5] == *had[2]));
  CHECK(std::adjacent_find(then.begin(), then.end(), std::greater_equal<>()) == then.end());

  std::vector<std::int64_t> moved = places_for({had[2], had[0], had[1]});
  CHECK((moved[1] == *had[0] && moved[2] == *had[1]));
  CHECK(moved[0] < moved[1]);
  CHECK(places_for({1, std::nullopt, 2}).size() == 3);  // no room: all anew
  CHECK(places_for({}).empty());
}

TEST_CASE("places stay in order whatever happened before") {
  std::mt19937 random(7);
  std::vector<std::optional<std::int64_t>> now;
  for (int step = 0; step < 2000; ++step) {
    switch (random() % 4) {
      case 0: now.insert(now.begin() + static_cast<std::ptrdiff_t>(random() % (now.size() + 1)), std::nullopt); break;
      case 1: now.insert(now.begin(), std::nullopt); break;
      case 2:
        if (!now.empty()) now.erase(now.begin() + static_cast<std::ptrdiff_t>(random() % now.size()));
        break;
      default:
        if (!now.empty()) std::swap(now[random() % now.size()], now[random() % now.size()]);
    }
    std::vector<std::int64_t> places = places_for(now);
    REQUIRE(std::adjacent_find(places.begin(), places.end(), std::greater_equal<>()) == places.end());
    now.assign(places.begin(), places.end());
  }
}
