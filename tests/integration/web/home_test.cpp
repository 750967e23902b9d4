// What is new since one was last here (product.md 4.3), and finding the book of a document by words (4.9).
#include <catch2/catch.hpp>

#include "server/core/clock.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;
using namespace std::chrono_literals;

namespace {

struct moved_clock {
  ~moved_clock() { set_clock(std::nullopt); }
  void pass(std::chrono::seconds s) { set_clock(now() + s); }
};

// The part of the home page with what is new; "" when it has none.
std::string fresh_part(client& c) {
  reply r = c.get("/");
  std::size_t from = r.body.find("id=\"h-fresh\"");
  return from == std::string::npos ? "" : r.body.substr(from, r.body.find("</section>", from) - from);
}

}  // namespace

TEST_CASE("the home page shows what came since the last visit, for as long as this one lasts") {
  world w;
  moved_clock clock;
  w.add_book("Old Harbour");
  client c = w.as("reader");
  CHECK(fresh_part(c).empty());  // the first visit has nothing before it
  clock.pass(24h);
  w.add_book("Young Harbour");
  made_book late = w.add_book("Late Harbour", "inbox");
  w.write([&](db::tx& tx) {
    static constexpr db::statement sql{"test.age",
                                       "update books set approved_at = $1, updated_at = $1 where title = 'Young Harbour'"};
    tx.run(sql, now());
  });
  clock.pass(1h);
  std::string fresh = fresh_part(c);
  CHECK(fresh.find("New since your last visit") != std::string::npos);
  CHECK(fresh.find("Young Harbour") != std::string::npos);
  CHECK(fresh.find("Old Harbour") == std::string::npos);
  CHECK(fresh.find("Late Harbour") == std::string::npos);
  clock.pass(20min);
  CHECK(fresh_part(c) == fresh);  // looking again is the same visit
  clock.pass(20min);
  CHECK(fresh_part(c) == fresh);
  clock.pass(2h);
  CHECK(fresh_part(c).empty());

  // What was approved later is new later.
  clock.pass(24h);
  w.write([&](db::tx& tx) {
    static constexpr db::statement sql{"test.approve",
                                       "update books set status = 'organized', approved_at = $2, updated_at = $2 where id = $1"};
    tx.run(sql, late.id, now());
  });
  clock.pass(1h);
  CHECK(fresh_part(c).find("Late Harbour") != std::string::npos);
  client other = w.as("other");
  CHECK(fresh_part(other).empty());  // everybody has visits of their own
}

TEST_CASE("what one may not see is not new either") {
  world w;
  moved_clock clock;
  client c = w.as("limited");
  w.add_book("Seen Harbour");
  c.get("/");
  clock.pass(24h);
  w.add_book("Hidden Harbour", "organized", {"Adult"});
  w.write([&](db::tx& tx) {
    static constexpr db::statement sql{"test.age_all", "update books set approved_at = $1, updated_at = $1"};
    tx.run(sql, now());
  });
  clock.pass(1h);
  CHECK(fresh_part(c).find("Seen Harbour") != std::string::npos);
  CHECK_FALSE(c.get("/").says("Hidden Harbour"));
}

TEST_CASE("the book of an unknown document is found by words, without script") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.add_book("A Winter Garden");
  std::string document = "0123456789abcdef0123456789abcdef";
  w.push(w.reader, document, 0.3);
  client c = w.as("reader");
  std::string page = "/documents/link?document=" + document;
  reply errata = c.get("/errata");
  CHECK(errata.says("href=\"" + page + "\""));
  CHECK_FALSE(errata.says("Id of the book"));

  reply asked = c.get(page);
  CHECK(asked.status == 200);
  CHECK(asked.says("name=\"q\""));
  CHECK(asked.says(document));
  CHECK(asked.says("30 %"));
  reply found = c.get(page + "&q=open+harb");
  CHECK(found.says("The Open Harbour"));
  CHECK_FALSE(found.says("A Winter Garden"));
  CHECK(found.says("name=\"book\" value=\"" + book.id.text() + "\""));
  CHECK(c.get(page + "&q=no+such+book").says("No book matches"));
  CHECK(c.get(page + "&q=%3Cscript%3E").says("value=\"&lt;script&gt;\""));

  CHECK(c.get("/documents/link?document=other").status == 404);
  CHECK(c.get("/documents/link").status == 404);
  CHECK(w.as("other").get(page).status == 404);  // what is not one's own does not exist
  CHECK(w.anonymous().get(page).status == 303);

  CHECK(c.post("/documents/link", {{"document", document}, {"book", book.id.text()}}).status == 303);
  CHECK(c.get(book.path()).says("30 %"));
  CHECK(c.get("/errata").says("Nothing needs your eye."));
}

TEST_CASE("the search for a document's book begins with what its reader sent") {
  world w;
  w.add_book("The Open Harbour");
  std::string document = "fedcba9876543210fedcba9876543210";
  w.push(w.reader, document, 0.3);
  w.write([&](db::tx& tx) {
    static constexpr db::statement sql{
        "test.name_document", "update documents set file_name = 'Ada Fenwick - The_Open Harbour.epub' where document = $1"};
    tx.run(sql, document);
  });
  reply r = w.as("reader").get("/documents/link?document=" + document);
  CHECK(r.says("value=\"Ada Fenwick The Open Harbour\""));
  CHECK(r.says("/books/"));
}

TEST_CASE("a held place is shown beside the place that it would replace") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.push(w.reader, book.document, 0.6);
  w.hold(w.reader, book.document, 0.41);
  reply r = w.as("reader").get("/errata");
  CHECK(r.says("41 % from Old tablet"));
  CHECK(r.says(" is at 60 %."));
}

TEST_CASE("pages speak the account's language, else the browser's") {
  world w;
  client c = w.as("reader");
  c.always = {{"Accept-Language", "de-CH, en;q=0.5"}};
  CHECK(c.get("/errata").says("Es ist nichts offen."));
  CHECK(c.get("/errata").says("<html lang=\"de\" dir=\"ltr\""));
  CHECK(c.post("/account/appearance", {{"language", "fr"}, {"theme", "light"}}).status == 303);
  CHECK(c.get("/errata").says("Rien ne demande votre attention."));
  client nobody = w.anonymous();
  nobody.always = {{"Accept-Language", "de"}};
  CHECK(nobody.get("/login").says("Passwort"));
  nobody.always = {{"Accept-Language", "ar-XB"}};
  CHECK(nobody.get("/login").says("dir=\"rtl\""));
  CHECK_FALSE(c.get("/account").says("ar-XB"));
}
