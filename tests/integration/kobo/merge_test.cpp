// A book that was merged while Kobos hold it (kobo.md 8.5, 10.5, 15): its old id answers, and nothing that a reader did is lost.
#include "library/merge.hpp"

#include "library/kobo_acts.hpp"
#include "library/position.hpp"
#include "tests/integration/kobo/bookshop.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

std::string note(const std::string& id, const std::string& text, const std::string& at) {
  return R"({"id":")" + id + R"(","type":"Highlight","highlightedText":")" + text + R"(","clientLastModifiedUtc":")" + at +
         R"("})";
}

struct merged : bookshop {
  uuid kept, other;
  std::string kept_id, other_id;
  headers bearer;
  uuid merge;

  merged() {
    kept = give("Rain", ingest::test::epub({.text = "It rained."}));
    other = give("Rain again", ingest::test::epub({.text = "It rained and rained."}));
    settle();
    sync(kobo);
    kept_id = entitlement_of(kept);
    other_id = entitlement_of(other);
    bearer = {{"Authorization", "Bearer " + ask("POST", "/v1/auth/device", {}, "{}").text("AccessToken")}};
  }
  void join() {
    merge = db.pool().write_now(
        [&](db::tx& tx) { return library::merge_books(tx, kept, {other}, library::merge_act::merge, {})->merge; });
  }
  void part() {
    db.pool().write_now([&](db::tx& tx) { REQUIRE(library::undo_merge(tx, merge, {})); });
  }
  reply report(const std::string& id, const std::string& at, int percent, const std::string& status = "Reading") {
    std::string when = R"("LastModified":")" + at + "\"";
    return ask("PUT", "/v1/library/" + id + "/state", {},
               R"({"ReadingStates":[{"EntitlementId":")" + id + "\"," + when + R"(,"StatusInfo":{)" + when + R"(,"Status":")" +
                   status + R"("},"CurrentBookmark":{)" + when + R"(,"ProgressPercent":)" + std::to_string(percent) + "}}]}");
  }
  std::string state(const std::string& id) { return ask("GET", "/v1/library/" + id + "/state").body; }
  void highlight(const std::string& id, const std::string& body) {
    REQUIRE(
        ask_root("PATCH", "/api/v3/content/" + id + "/annotations", bearer, R"({"updatedAnnotations":[)" + body + "]}").status ==
        204);
  }
  std::string highlights(const std::string& id) { return ask_root("GET", "/api/v3/content/" + id + "/annotations", bearer).body; }
  std::size_t positions(const uuid& book) {
    return db.pool().read_now([&](db::tx& tx) { return library::positions_of_book(tx, db.reader(), book, 100).size(); });
  }
  void run(const std::string& sql) {
    db.pool().write_now([&](db::tx& tx) { tx.script(sql); });
  }
};

bool says(const std::string& body, const std::string& text) { return body.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("until its next sync a Kobo is answered for the book that it has; then it has the one that stays") {
  merged m;
  std::string address = m.address_of(m.other);
  m.join();
  CHECK(says(m.ask("GET", "/v1/library/" + m.other_id + "/metadata").body, "\"Rain\""));
  CHECK(says(m.state(m.other_id), m.other_id));
  CHECK(m.ask("GET", address).status == 200);
  CHECK(m.kobo.library.contains(m.other_id));
  m.sync(m.kobo);
  CHECK_FALSE(m.kobo.library.contains(m.other_id));
  CHECK(m.kobo.library.contains(m.kept_id));
  m.part();
  m.sync(m.kobo);
  CHECK(m.kobo.library.contains(m.other_id));
  CHECK(m.kobo.library.contains(m.kept_id));
}

TEST_CASE("a device that had only the other book gets the one that stays") {
  merged m;
  m.db.pool().write_now([&](db::tx& tx) { library::remove_from_shelf(tx, m.db.reader(), m.shelf, {m.kept}); });
  m.sync(m.kobo);
  REQUIRE_FALSE(m.kobo.library.contains(m.kept_id));
  m.join();
  m.sync(m.kobo);
  CHECK(m.kobo.library.contains(m.kept_id));
  CHECK_FALSE(m.kobo.library.contains(m.other_id));
}

TEST_CASE("the later reading state holds, and comes back from each side") {
  merged m;
  m.report(m.kept_id, "2026-03-01T10:00:00Z", 10);
  m.report(m.other_id, "2026-03-05T10:00:00Z", 60);
  std::string before = m.state(m.kept_id);
  m.join();
  CHECK(says(m.state(m.kept_id), R"("ProgressPercent":60)"));
  CHECK(m.positions(m.kept) == 2);
  SECTION("as it was") {
    m.part();
    CHECK(says(m.state(m.kept_id), R"("ProgressPercent":10)"));
    CHECK(says(m.state(m.other_id), R"("ProgressPercent":60)"));
    CHECK(m.positions(m.kept) == 1);
    CHECK(m.positions(m.other) == 1);
  }
  SECTION("what the device says of the other one afterwards is a place in the one that stays") {
    CHECK(m.report(m.other_id, "2026-03-06T10:00:00Z", 70).status == 200);
    CHECK(m.positions(m.kept) == 3);
    CHECK(m.positions(m.other) == 0);
  }
  SECTION("what is read on in the one that stays is kept when the merge is taken back") {
    m.report(m.kept_id, "2026-03-07T10:00:00Z", 90);
    m.part();
    CHECK(says(m.state(m.kept_id), R"("ProgressPercent":90)"));
    CHECK(says(m.state(m.other_id), R"("ProgressPercent":60)"));
  }
}

TEST_CASE("a first report about a book that was merged before is not lost") {
  merged m;
  m.join();
  CHECK(m.report(m.other_id, "2026-03-06T10:00:00Z", 70).status == 200);
  CHECK(m.positions(m.kept) == 1);
  m.part();
  CHECK(m.positions(m.other) == 1);
}

TEST_CASE("highlights of both are the survivor's, under either id") {
  merged m;
  m.highlight(m.kept_id, note("a", "ours", "2026-03-01T10:00:00Z") + "," + note("both", "old form", "2026-03-01T10:00:00Z"));
  m.highlight(m.other_id, note("b", "theirs", "2026-03-01T10:00:00Z") + "," + note("both", "new form", "2026-03-02T10:00:00Z"));
  m.join();
  for (const std::string& id : {m.kept_id, m.other_id}) {
    std::string all = m.highlights(id);
    CHECK(says(all, "ours"));
    CHECK(says(all, "theirs"));
    CHECK(says(all, "new form"));
    CHECK_FALSE(says(all, "old form"));
  }
  m.highlight(m.other_id, note("c", "later", "2026-03-03T10:00:00Z"));
  CHECK(says(m.highlights(m.kept_id), "later"));
  m.part();
  CHECK(says(m.highlights(m.kept_id), "old form"));
  CHECK(says(m.highlights(m.kept_id), "later"));  // came since: stays
  CHECK_FALSE(says(m.highlights(m.kept_id), "theirs"));
  CHECK(says(m.highlights(m.other_id), "theirs"));
  CHECK(says(m.highlights(m.other_id), "new form"));
}

TEST_CASE("the survivor stays away from a device if both had been removed there, and only then") {
  merged m;
  auto removed = [&](const std::string& id) { CHECK(m.ask("DELETE", "/v1/library/" + id).status == 204); };
  SECTION("both") {
    removed(m.kept_id);
    removed(m.other_id);
    m.sync(m.kobo);
    m.join();
    m.sync(m.kobo);
    CHECK(m.kobo.library.empty());
    m.part();
    m.sync(m.kobo);
    CHECK(m.kobo.library.empty());
  }
  SECTION("the one that stays") {
    removed(m.kept_id);
    m.sync(m.kobo);
    m.join();
    m.sync(m.kobo);
    CHECK(m.kobo.library.contains(m.kept_id));
    m.part();
    m.sync(m.kobo);
    CHECK_FALSE(m.kobo.library.contains(m.kept_id));
    CHECK(m.kobo.library.contains(m.other_id));
  }
  SECTION("the other one") {
    removed(m.other_id);
    m.sync(m.kobo);
    m.join();
    m.sync(m.kobo);
    CHECK(m.kobo.library.contains(m.kept_id));
  }
  SECTION("the other one, which was the only one there") {
    m.db.pool().write_now([&](db::tx& tx) { library::remove_from_shelf(tx, m.db.reader(), m.shelf, {m.kept}); });
    removed(m.other_id);
    m.sync(m.kobo);
    m.join();
    m.sync(m.kobo);
    CHECK(m.kobo.library.empty());
  }
  SECTION("after the merge, before the next sync") {
    m.db.pool().write_now([&](db::tx& tx) { library::remove_from_shelf(tx, m.db.reader(), m.shelf, {m.kept}); });
    m.sync(m.kobo);
    m.run("delete from kobo_ledger where id = '" + m.kept_id + "'");  // it was never there
    m.join();
    removed(m.other_id);
    m.sync(m.kobo);
    CHECK(m.kobo.library.empty());
  }
}

TEST_CASE("a collection that a device changes by the old id is changed") {
  merged m;
  m.join();
  std::string tag = m.ask("POST", "/v1/library/tags", {},
                          R"({"Name":"Wet","Items":[{"RevisionId":")" + m.other_id + R"(","Type":"ProductRevisionTagItem"}]})")
                        .body;
  tag = tag.substr(1, tag.size() - 2);
  std::vector<uuid> books =
      m.db.pool().read_now([&](db::tx& tx) { return library::shelf_books(tx, m.db.reader(), *uuid::parse(tag)); });
  CHECK(books == std::vector<uuid>{m.kept});
}
