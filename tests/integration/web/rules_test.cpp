// Shelves by rule, on pages and in the API (product.md 4.6).

#include <catch2/catch.hpp>

#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

const std::string unread = R"({"all":[{"field":"state","op":"is","value":"unread"}]})";

std::string path_in(const reply& r) { return r.header("Location").substr(0, r.header("Location").find('?')); }

fields one_test(const std::string& act, const std::string& field, const std::string& op, const std::string& value) {
  return {{"act", act}, {"name", "By rule"}, {"match", "all"},  {"rows", "1"},       {"field_0", field},
          {"op_0", op}, {"value_0", value},  {"sort", "title"}, {"direction", "up"}, {"limit", ""}};
}

std::int64_t count_in(const reply& r) {
  std::int64_t n = -1;
  r.json().take("count", n);
  return n;
}

std::vector<std::string> books_in(const reply& r) {
  std::vector<std::string> out;
  r.json().take("books", out);
  return out;
}

}  // namespace

TEST_CASE("a rule is made in a form that counts, shows what it finds, and works without script") {
  world w;
  made_book harbour = w.add_book("The Open Harbour", "organized", {"sea"}), other = w.add_book("The Closed Door");
  client c = w.as("reader");
  reply page = c.get("/shelves/rule");
  REQUIRE(page.status == 200);
  CHECK(page.says("2 books fit"));
  CHECK(page.says("name=\"value_0\" value=\"unread\" checked"));

  page = c.post("/shelves/rule", one_test("count", "tag", "is", "sea"));
  CHECK(page.status == 200);
  CHECK(page.says("1 book fits"));
  CHECK(page.says("/books/" + harbour.id.text()));
  CHECK_FALSE(page.says("/books/" + other.id.text()));
  CHECK(w.number("select count(*) from shelves") == 0);

  page = c.post("/shelves/rule", one_test("add", "tag", "is", "sea"));
  CHECK(page.says("name=\"field_1\""));
  CHECK(page.says("name=\"rows\" value=\"2\""));
  page = c.post("/shelves/rule", one_test("remove:0", "tag", "is", "sea"));
  CHECK_FALSE(page.says("name=\"field_0\""));
  CHECK(page.says("2 books fit"));
  // Another field has other operators and another kind of value.
  page = c.post("/shelves/rule", one_test("show", "rating", "is_not", "4"));
  CHECK(page.says("<option value=\"at_least\">"));
  page = c.post("/shelves/rule", one_test("show", "format", "at_least", ""));
  CHECK(page.says("type=\"checkbox\" name=\"value_0\" value=\"epub\""));

  reply made = c.post("/shelves/rule", one_test("save", "tag", "is", "sea"));
  REQUIRE(made.status == 303);
  page = c.get(path_in(made));
  CHECK(page.says("Tag or genre is sea"));
  CHECK(page.says("The Open Harbour"));
  CHECK_FALSE(page.says("The Closed Door"));
  CHECK_FALSE(page.says(path_in(made) + "/remove\""));
  CHECK(c.get("/shelves").says("by rule"));
  CHECK_FALSE(c.get(other.path()).says("By rule"));  // no shelf to put it on
}

TEST_CASE("what is wrong in the form is said where it is, and nothing is made") {
  world w;
  client c = w.as("reader");
  reply r = c.post("/shelves/rule", one_test("save", "pages", "below", "many"));
  CHECK(r.status == 422);
  CHECK(r.says("A whole number is needed here."));
  CHECK(r.says("href=\"#value_0\""));
  CHECK(c.post("/shelves/rule", one_test("save", "rating", "at_least", "4.2")).says("A number of stars"));
  CHECK(c.post("/shelves/rule", one_test("save", "added", "since", "soon")).says("A day is needed here"));
  fields nameless = one_test("save", "tag", "is", "sea");
  nameless[1].second = " ";
  CHECK(c.post("/shelves/rule", nameless).status == 422);
  fields far = one_test("save", "tag", "is", "sea");
  far.back().second = "99999";
  CHECK(c.post("/shelves/rule", far).says("A number from 1 to 10,000, or nothing."));
  reply text =
      c.post("/shelves/rule", {{"act", "save"}, {"name", "x"}, {"as_text", "1"}, {"text", R"({"all":[{"field":"x"}]})"}});
  CHECK(text.status == 422);
  CHECK(text.says("all[0].op: is missing"));
  CHECK(c.post("/shelves/rule", {{"act", "save"}, {"name", "x"}, {"rows", "999999999"}}).status == 422);
  CHECK(c.post("/shelves/rule", {{"act", "remove:-7"}, {"rows", "-1"}, {"field_0", "\xff"}}).status == 200);
  CHECK(w.number("select count(*) from shelves") == 0);

  CHECK(c.post("/shelves/rule", one_test("save", "tag", "is", "sea")).status == 303);
  CHECK(c.post("/shelves/rule", one_test("save", "tag", "is", "sea")).says("You have a shelf of that name already."));
}

TEST_CASE("a rule with groups is written as text, and one without can be either") {
  world w;
  w.add_book("The Open Harbour", "organized", {"sea"});
  client c = w.as("reader");
  reply page = c.post("/shelves/rule", one_test("text", "tag", "is", "sea"));
  CHECK(page.says("name=\"as_text\" value=\"1\""));
  CHECK(page.says("{&quot;field&quot;:&quot;tag&quot;"));
  CHECK(page.says("1 book fits"));
  page = c.post("/shelves/rule", {{"act", "rows"}, {"as_text", "1"}, {"text", unread}});
  CHECK(page.says("name=\"field_0\""));

  std::string groups = R"({"any":[{"none":[{"field":"tag","op":"is","value":"sea"}]},{"field":"cover","op":"present"}]})";
  reply made = c.post("/shelves/rule", {{"act", "save"}, {"name", "Groups"}, {"as_text", "1"}, {"text", groups}});
  REQUIRE(made.status == 303);
  CHECK(c.get(path_in(made)).says("none of: (Tag or genre is sea) or Cover is known"));
  page = c.get(path_in(made) + "/rule");
  CHECK(page.says("name=\"as_text\" value=\"1\""));
}

TEST_CASE("a rule is changed, taken away, and changed by nobody else") {
  world w;
  made_book a = w.add_book("The Open Harbour", "organized", {"sea"}), b = w.add_book("The Closed Door");
  client c = w.as("reader"), other = w.as("other");
  std::string shelf = path_in(c.post("/shelves/rule", one_test("save", "tag", "is", "sea")));
  CHECK(c.get(shelf + "/rule").says("value=\"sea\""));
  for (client* foreign : {&other}) {
    CHECK(foreign->get(shelf + "/rule").status == 404);
    CHECK(foreign->post(shelf + "/rule", one_test("save", "tag", "is", "x")).status == 404);
  }
  CHECK(c.post(shelf + "/rule", one_test("save", "title", "is", "x")).status == 422);
  CHECK(c.post(shelf + "/rule", one_test("save", "tag", "missing", "")).status == 303);
  CHECK(c.get(shelf).says("The Closed Door"));
  CHECK_FALSE(c.get(shelf).says("The Open Harbour"));
  // Seen at once by who has just changed something.
  CHECK(c.post("/shelves/rule", {{"act", "save"}, {"name", "Unread"}, {"as_text", "1"}, {"text", unread}}).status == 303);
  CHECK(c.post(b.path() + "/opinion", {{"state", "read"}}).status == 303);
  CHECK(c.get("/shelves").says("1 book · by rule"));

  CHECK(c.post(shelf + "/rule", one_test("freeze", "tag", "missing", "")).status == 303);
  CHECK(c.post(shelf + "/remove", {{"book", b.id.text()}}).status == 303);
  CHECK(c.get(shelf).says("Fill it by rule"));
  CHECK(c.post(shelf + "/add", {{"book", a.id.text()}}).status == 303);
  CHECK(c.get(shelf + "/rule").status == 404);  // filled by hand
}

TEST_CASE("what the library page shows is saved as a shelf by rule") {
  world w;
  w.add_book("The Open Harbour", "organized", {"sea"});
  client c = w.as("reader");
  reply list = c.get("/books?q=harbour&state=unread&sort=title");
  CHECK(list.says("/shelves/rule?q=harbour&amp;state=unread&amp;sort=title"));
  CHECK_FALSE(c.get("/books").says("/shelves/rule?"));
  reply page = c.get("/shelves/rule?q=harbour&state=unread&sort=title&rating=0");
  CHECK(page.says("value=\"harbour\""));
  CHECK(page.says("1 book fits"));
  CHECK(page.says("<option value=\"title\" selected>"));
}

TEST_CASE("the API makes, shows, previews, changes and takes away rules") {
  world w;
  made_book a = w.add_book("The Open Harbour"), b = w.add_book("The Closed Door");
  client c = w.as("reader");
  reply seen = c.api("POST", "/shelves/preview", R"({"rule":)" + unread + "}");
  CHECK(seen.status == 200);
  CHECK(count_in(seen) == 2);
  CHECK(seen.says("\"title\":\"The Closed Door\""));
  CHECK(w.number("select count(*) from shelves") == 0);

  reply made = c.api("POST", "/shelves", R"({"name":"Unread","rule":)" + unread + "}");
  REQUIRE(made.status == 201);
  CHECK(made.text("kind") == "rule");
  CHECK(count_in(made) == 2);
  std::string shelf = "/shelves/" + made.text("id");
  CHECK(books_in(c.api("GET", shelf)) == std::vector<std::string>{b.id.text(), a.id.text()});
  CHECK(c.api("GET", shelf)
            .says(R"("rule":{"all":[{"field":"state","op":"is","value":"unread"}],"sort":"added","descending":true})"));
  CHECK(c.api("PUT", "/books/" + a.id.text() + "/opinion", R"({"state":"read"})").status < 300);
  CHECK(books_in(c.api("GET", shelf)) == std::vector<std::string>{b.id.text()});
  CHECK(c.api("PUT", shelf + "/books/" + a.id.text()).status == 409);

  CHECK(c.api("PATCH", shelf, R"({"rule":{"all":[],"sort":"title","limit":1},"name":"First"})").status == 204);
  CHECK(books_in(c.api("GET", shelf)) == std::vector<std::string>{b.id.text()});
  CHECK(c.api("GET", shelf).text("name") == "First");
  std::string itself = R"({"name":"Never","rule":{"all":[{"field":"shelf","op":"is","value":")" + made.text("id") + R"("}]}})";
  reply cycle = c.api("PATCH", shelf, itself);
  CHECK(cycle.status == 409);
  CHECK(cycle.says("\"code\":\"cycle\""));
  CHECK(c.api("GET", shelf).text("name") == "First");

  for (std::string bad : {R"({"rule":1})", R"({"rule":{}})", R"({"rule":{"all":[{"field":"x","op":"is","value":"y"}]}})"}) {
    INFO(bad);
    CHECK(c.api("PATCH", shelf, bad).status == 422);
    CHECK(c.api("POST", "/shelves/preview", bad).status == 422);
  }
  CHECK(c.api("POST", "/shelves/preview", "{}").status == 422);
  CHECK(w.as("other").api("PATCH", shelf, R"({"rule":null})").status == 404);

  CHECK(c.api("PATCH", shelf, R"({"rule":null})").status == 204);
  CHECK(c.api("GET", shelf).text("kind") == "hand");
  CHECK(c.api("PUT", shelf + "/books/" + a.id.text()).status == 204);
  reply by_hand = c.api("PATCH", shelf, R"({"rule":)" + unread + "}");
  CHECK(by_hand.status == 409);
  CHECK(by_hand.says("\"code\":\"by_hand\""));
}
