// A reader's place in a book, told by each device and heard by all others in their own words (kosync.md 11, kobo.md 10).
#include "library/bridge.hpp"
#include "library/document.hpp"
#include "library/download.hpp"
#include "library/position.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kobo/bookshop.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

constexpr db::statement sql_place{"test.place", R"sql(
  select href, nw, quality, total_fraction, revision, document, context_before, context_after from book_positions where book_id = $1)sql"};

// Two documents would need a longer book; what is said of paths is tested with publication/locator.
const std::string text =
    "It rained all day. Nobody came to the house.</p><p>In the evening the lamp was lit. Who was there? It was the cat.</p>"
    "<p>The third day was dry. The fourth was not. They read and read, and drank what tea there was.</p><p>Then they slept.";

struct place {
  std::string href, quality, document, before, after;
  std::int64_t nw = 0, revision = 0;
  double fraction = 0;
};

struct household : bookshop {
  std::string bytes = ingest::test::epub({.text = text}), entitlement, document;
  uuid book;
  std::optional<library::bridge> bridge;
  bool waits = false;
  std::chrono::hours ahead{0};  // the Kobo's clock

  household() {
    later();
    book = give("Rain", bytes);
    settle();
    sync(kobo);
    entitlement = entitlement_of(book);
    document = document_of(bytes);
    auto made = [this](const uuid& file, const std::string& md5) { return conversions->find_made(file, md5); };
    bridge.emplace(
        library::bridge_services{.pool = db.pool(), .files = store(), .readers = readers(), .made = made, .policy = {}});
    moved = [this](const uuid& user, const std::string& changed) {
      if (!waits) bridge->moved(user, changed);
    };
  }

  ~household() { set_clock(std::nullopt); }

  std::int64_t number(const char* sql) {
    db::statement one{"test.number", sql};
    return db.pool().read_now([&](db::tx& tx) { return tx.run(one)[0].integer(0); });
  }

  uuid file() {
    static constexpr db::statement one{"test.file_of_rain", "select id from book_files where book_id = $1"};
    return db.pool().read_now([&](db::tx& tx) { return tx.run(one, book)[0].id(0); });
  }

  // Every word of a device comes a minute after the one before.
  void later(std::chrono::seconds by = std::chrono::minutes(1)) { set_clock(now() + by); }

  // A push of KOReader, and what follows from it.
  void push(const std::string& progress, double percentage, const std::string& to, const std::string& who = "Tablet") {
    later();
    library::position p;
    p.user = db.reader();
    p.document = to;
    p.progress = progress;
    p.percentage = percentage;
    p.device = who;
    p.device_id = who;
    p.device_key = "d:" + who;
    p.timestamp = unix_seconds(now());
    bool changed = db.pool().write_now([&](db::tx& tx) {
      std::vector<library::stored_position> stored = library::put_positions(tx, {p}, {});
      library::link_document(tx, p.user, to);
      return stored[0].moved;
    });
    if (waits) return;
    if (changed) bridge->moved(p.user, to);
    bridge->settle();
  }
  void push(const std::string& progress, double percentage) { push(progress, percentage, document); }
  std::optional<library::position> pulled(const std::string& from) {
    return db.pool().write_now([&](db::tx& tx) {
      return library::get_positions(tx, {{.user = db.reader(), .document = from, .credential = std::nullopt}})[0];
    });
  }

  // The state as a Kobo gets it, and as it sends one.
  json::object state() {
    json::array all = *json::parse(ask("GET", "/v1/library/" + entitlement + "/state").body).value().as_array();
    return *all.at(0).as_object();
  }
  std::string bookmark() { return json::dump(*state().find("CurrentBookmark")); }
  bool is_at(const std::string& span) { return bookmark().find("\"Value\":\"" + span + "\"") != std::string::npos; }
  std::string status() {
    std::string out;
    state().find("StatusInfo")->as_object()->take("Status", out);
    return out;
  }
  void report(const std::string& span, int in_document, int in_book, const std::string& how = "Reading",
              const std::string& source = "OEBPS/c1.xhtml") {
    later();
    std::string at = rfc3339(now() + ahead);
    std::string bookmark = R"("ProgressPercent":)" + std::to_string(in_book) + R"(,"ContentSourceProgressPercent":)" +
                           std::to_string(in_document) + R"(,"Location":{"Source":")" + source +
                           R"(","Type":"KoboSpan","Value":")" + span + R"("})";
    reply a = ask("PUT", "/v1/library/" + entitlement + "/state", {},
                  R"({"ReadingStates":[{"EntitlementId":")" + entitlement + R"(","LastModified":")" + at +
                      R"(","StatusInfo":{"LastModified":")" + at + R"(","Status":")" + how +
                      R"("},"CurrentBookmark":{"LastModified":")" + at + R"(",)" + bookmark + "}}]}");
    REQUIRE(a.status == 200);
    if (!waits) bridge->settle();
  }

  place now_at() {
    return db.pool().read_now([&](db::tx& tx) {
      db::rows rows = tx.run(sql_place, book);
      if (rows.empty()) return place{};
      const db::row& r = rows[0];
      return place{.href = r.text(0),
                   .quality = r.text(2),
                   .document = r.text(5),
                   .before = r.text(6),
                   .after = r.text(7),
                   .nw = r.integer(1),
                   .revision = r.integer(4),
                   .fraction = r.real(3)};
    });
  }
};

}  // namespace

TEST_CASE("where KOReader stopped a Kobo goes on, at that sentence") {
  household h;
  h.push("/body/DocFragment/body/p[2]/text().35", 0.3);  // in "Who was there?"
  CHECK(h.is_at("kobo.2.2"));
  CHECK(h.status() == "Reading");
  CHECK(h.now_at().quality == "exact");
  CHECK(h.now_at().href == "OEBPS/c1.xhtml");
  CHECK(h.now_at().before.ends_with("lit. Wh"));
  CHECK(h.now_at().after.starts_with("o was there?"));
  reader after = h.kobo;
  h.sync(after);
  CHECK(after.positions != h.kobo.positions);  // the next sync says so
}

TEST_CASE("where a Kobo stopped KOReader goes on, once it has opened the book there") {
  household h;
  h.report("kobo.2.3", 40, 40);
  CHECK_FALSE(h.pulled(h.document));  // no rows for a file that nobody was seen with
  h.push("/body/DocFragment/body/p[1]/text().0", 0.01);
  h.report("kobo.3.2", 60, 60);
  std::optional<library::position> at = h.pulled(h.document);
  REQUIRE(at);
  CHECK(at->progress == "/body/DocFragment[1]/body/p[3]/text().23");
  CHECK(at->device == "Clara");
  CHECK(at->percentage > 0.4);
  CHECK(at->percentage < 0.7);
  CHECK(h.now_at().quality == "exact");
}

TEST_CASE("there and back is the same sentence, and nothing goes round in circles") {
  household h;
  h.push("/body/DocFragment/body/p[3]/text().50", 0.6);
  std::int64_t revision = h.now_at().revision;
  h.report("kobo.3.3", 60, 60);  // the Kobo has gone there
  CHECK(h.now_at().revision == revision);
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment/body/p[3]/text().50");
  CHECK(h.bridge->catch_up() == 0);
  h.bridge->settle();
  CHECK(h.now_at().revision == revision);
  h.later(std::chrono::minutes(31));
  h.report("kobo.2.1", 30, 30);  // and somebody has read there since
  CHECK(h.now_at().revision == revision + 1);
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment[1]/body/p[2]/text().0");
}

TEST_CASE("the conversion that KOReader has is told in its own paths") {
  household h;
  std::string kepub = document_of(converted(h.bytes));
  h.push("/body/DocFragment/body/p[1]/text().0", 0.1);
  h.push("/body/DocFragment[2]/body/div/div/p[1]/span[1]/text().0", 0.1, kepub, "Phone");
  h.report("kobo.3.2", 60, 60);
  std::optional<library::position> at = h.pulled(kepub), original = h.pulled(h.document);
  REQUIRE(at);
  CHECK(at->progress == "/body/DocFragment[2]/body/div/div/p[3]/span[2]/text().0");
  CHECK(original->progress == "/body/DocFragment[1]/body/p[3]/text().23");
  CHECK(at->percentage == original->percentage);
}

TEST_CASE("what cannot be resolved counts by its percentage, and moves nobody who is known to be near") {
  household h;
  h.push("/body/DocFragment[9]/body/p[70]/text().5", 0.5);
  CHECK(h.now_at().quality == "fraction");
  CHECK(h.bookmark().find("\"ProgressPercent\":50") != std::string::npos);
  h.report("kobo.3.2", 60, 52);
  place exact = h.now_at();
  CHECK(exact.quality == "exact");
  h.push("garbage", exact.fraction + 0.02);
  CHECK(h.now_at().revision == exact.revision);
  h.push("garbage", 0.95);
  CHECK(h.now_at().quality == "fraction");
  // Another edition under the same name: its path leads elsewhere than its percentage.
  h.push("/body/DocFragment/body/p[1]/text().3", 0.9);
  CHECK(h.now_at().fraction == Approx(0.9));
  CHECK(h.now_at().quality == "fraction");
}

TEST_CASE("a book that was merely opened stays where it was read") {
  household h;
  h.report("kobo.3.2", 60, 52);
  place before = h.now_at();
  h.push("/body/DocFragment/body/p[1]/text().0", 0);
  CHECK(h.now_at().revision == before.revision);
  CHECK(h.is_at("kobo.3.2"));
  h.later(std::chrono::minutes(11));
  h.push("/body/DocFragment/body/p[1]/text().0", 0);  // and once more: it is meant
  CHECK(h.now_at().revision == before.revision + 1);
  CHECK(h.is_at("kobo.1.1"));
}

TEST_CASE("another file of the book keeps the places in it") {
  household h;
  h.report("kobo.3.2", 60, 52);
  CHECK(h.is_at("kobo.3.2"));
  // A paragraph is in front of it now.
  std::string longer = text;
  longer.replace(longer.find("</p>"), 4, "</p><p>Drip.</p>");
  h.put(h.book, ingest::test::epub({.text = longer}), "book.epub", false);
  h.settle();
  CHECK(h.is_at("kobo.4.1"));
}

TEST_CASE("another file of the book keeps the highlights in it, at their words or near where they were") {
  household h;
  const std::string path = "/api/v3/content/" + h.entitlement + "/annotations";
  auto note = [](const char* id, const char* words, const char* file, const char* at) {
    return std::string(R"({"id":"7f0b1a52-3d6e-4c1f-9a55-1c2d3e4f5a6)") + id + R"(","type":"Highlight","highlightedText":")" +
           words + R"(","clientLastModifiedUtc":"2026-03-06T21:30:44Z","location":{"span":{"chapterFilename":")" + file +
           R"(","chapterProgress":0.5,"startPath":")" + at + R"(","startChar":2,"endPath":")" + at + R"(","endChar":7}}})";
  };
  std::string often = note("b", "the", "OEBPS/c1.xhtml", R"(span#kobo\\.3\\.2)");
  std::string once = note("c", "lamp was lit", "OEBPS/c1.xhtml", R"(span#kobo\\.2\\.1)");
  std::string over_two = note("d", "Who was there? It was the cat.", "OEBPS/c1.xhtml", R"(span#kobo\\.2\\.2)");
  std::string lost = note("e", "nothing of this book", "OEBPS/none.xhtml", "odd");
  REQUIRE(
      h.ask("PATCH", path, {}, R"({"updatedAnnotations":[)" + often + "," + once + "," + over_two + "," + lost + "]}").status ==
      204);
  reply before = h.ask("GET", path);
  CHECK(before.body.find(R"(kobo\\.3\\.2)") != std::string::npos);

  // A paragraph is in front of it now, and the lamp is lit at its end.
  std::string other = text;
  other.replace(other.find("In the evening the lamp was lit. "), 33, "");
  other.replace(other.find("</p>"), 4, "</p><p>Drip.</p>");
  other += "</p><p>At last the lamp was lit.";
  h.put(h.book, ingest::test::epub({.text = other}), "book.epub", false);
  h.settle();
  reply after = h.ask("GET", path);
  CHECK(after.header("ETag") != before.header("ETag"));
  auto spans = [&](const char* id) {
    result<json::object> all = json::read_object(after.body);
    REQUIRE(all);
    for (const json::value& one : *all->find("annotations")->as_array()) {
      const json::object& said = *one.as_object();
      if (said.find("id")->as_text()->ends_with(id))
        return json::dump(*said.find("location")->as_object()->find("span")->as_object());
    }
    return std::string();
  };
  CHECK(spans("b").find(R"("startPath":"span#kobo\\.4\\.)") != std::string::npos);
  CHECK(spans("c").find(R"("startPath":"span#kobo\\.6\\.1","startChar":12,"endPath":"span#kobo\\.6\\.1","endChar":24)") !=
        std::string::npos);
  CHECK(spans("d").find(R"("startPath":"span#kobo\\.3\\.1","startChar":0,"endPath":"span#kobo\\.3\\.2","endChar":15)") !=
        std::string::npos);
  CHECK(spans("e").find("none.xhtml") != std::string::npos);  // what is not found stays as it was sent
}

TEST_CASE("what is finished on one device is finished on the others, and no place") {
  household h;
  h.push("/body/DocFragment/body/p[2]/text().5", 0.3);
  h.report("kobo.1.1", 0, 100, "Finished");  // of a finished book a Kobo names the first document
  CHECK(h.now_at().fraction == 1);
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment/body/p[2]/text().5");
  CHECK(h.status() == "Finished");
  h.push("/body/DocFragment/body/p[1]/text().20", 0.05);
  CHECK(h.status() == "Finished");  // it is read once more

  household other;
  other.push("/body/DocFragment/body/p[4]/text().14", 0.995);
  CHECK(other.status() == "Finished");
  CHECK(other.bookmark().find("\"ProgressPercent\":100") != std::string::npos);
}

TEST_CASE("a place that was restored goes to all devices") {
  household h;
  h.push("/body/DocFragment/body/p[2]/text().35", 0.3);
  h.push("/body/DocFragment/body/p[4]/text().3", 0.95);
  h.report("kobo.1.2", 20, 20);
  std::vector<library::position_row> rows =
      h.db.pool().read_now([&](db::tx& tx) { return library::positions_of_book(tx, h.db.reader(), h.book, 50); });
  REQUIRE(rows.size() == 3);  // what the bridge wrote is nobody's word
  CHECK(rows[0].source == "kobo");
  CHECK(rows[0].current);
  CHECK(rows[0].quality == "exact");
  CHECK(rows[2].progress == "/body/DocFragment/body/p[2]/text().35");
  h.db.pool().write_now([&](db::tx& tx) { library::restore_position(tx, h.db.reader(), rows[2].id); });
  CHECK(h.bridge->catch_up() == 1);
  h.bridge->settle();
  CHECK(h.is_at("kobo.2.2"));
  h.later();
  h.db.pool().write_now([&](db::tx& tx) { library::restore_position(tx, h.db.reader(), rows[0].id); });
  h.bridge->catch_up();
  h.bridge->settle();
  CHECK(h.is_at("kobo.1.2"));
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment[1]/body/p[1]/text().19");
}

TEST_CASE("a file that is away leaves percentages, and a device without places keeps its own") {
  household h;
  std::filesystem::remove_all(h.store().absolute("library"));
  h.push("/body/DocFragment/body/p[2]/text().35", 0.3);
  CHECK(h.now_at().quality == "fraction");
  CHECK(h.now_at().fraction == Approx(0.3));
  h.report("kobo.3.2", 60, 52);
  CHECK(h.now_at().quality == "exact");                                              // its spans are known
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment/body/p[2]/text().35");  // what cannot be said is not said
}

TEST_CASE("a book that is erased leaves its places to nobody, and what Kobos said of it is no unknown document") {
  household h;
  h.report("kobo.3.2", 60, 52);
  h.push("/body/DocFragment/body/p[2]/text().35", 0.3);
  h.db.pool().write_now([&](db::tx& tx) { tx.script("delete from books"); });
  h.push("/body/DocFragment/body/p[3]/text().3", 0.6);
  CHECK(h.bridge->catch_up() == 0);
  std::vector<library::unknown_document> unknown =
      h.db.pool().read_now([&](db::tx& tx) { return library::unknown_documents(tx, h.db.reader(), 10); });
  REQUIRE(unknown.size() == 1);
  CHECK(unknown[0].document == h.document);
}

TEST_CASE("of two words the later one counts, whichever is carried first") {
  household h;
  std::string kepub = document_of(converted(h.bytes));
  h.push("/body/DocFragment/body/p[1]/text().0", 0.1);
  h.push("/body/DocFragment[2]/body/div/div/p[1]/span[1]/text().0", 0.1, kepub, "Phone");
  h.later(std::chrono::minutes(31));
  h.waits = true;  // nobody carries while these come in
  h.report("kobo.2.1", 30, 30);
  h.push("/body/DocFragment[2]/body/div/div/p[2]/span[2]/text().0", 0.4, kepub, "Phone");
  h.push("/body/DocFragment/body/p[3]/text().50", 0.7);
  h.waits = false;
  CHECK(h.bridge->catch_up() == 3);
  h.bridge->settle();
  CHECK(h.bridge->catch_up() == 0);
  CHECK(h.is_at("kobo.3.3"));
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment/body/p[3]/text().50");
  CHECK(h.pulled(kepub)->progress == "/body/DocFragment[2]/body/div/div/p[3]/span[3]/text().7");
}

TEST_CASE("a document that is linked later, with an older place, moves nobody and hears where its reader is") {
  household h;
  const std::string unknown(32, 'e');
  h.push("/body/DocFragment/body/p[1]/text().3", 0.1, unknown, "Old reader");
  h.push("/body/DocFragment/body/p[3]/text().50", 0.7);
  h.db.pool().write_now([&](db::tx& tx) { library::link_by_hand(tx, h.db.reader(), unknown, h.book); });
  CHECK(h.bridge->catch_up() == 1);
  h.bridge->settle();
  CHECK(h.is_at("kobo.3.3"));
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment/body/p[3]/text().50");
  // By hand, so nobody knows which bytes it has: the paragraph, not the character.
  CHECK(h.pulled(unknown)->progress.starts_with("/body/DocFragment[1]/body/p[3]"));
  std::int64_t revision = h.number("select sum(revision)::bigint from reading_progress");
  CHECK(h.bridge->catch_up() == 0);
  h.bridge->settle();
  CHECK(h.number("select sum(revision)::bigint from reading_progress") == revision);
}

TEST_CASE("a file that is downloaded for the first time opens at the reader's place") {
  household h;
  uuid file = h.file();
  h.bridge->fetched(h.db.reader(), file);
  h.bridge->settle();
  CHECK_FALSE(h.pulled(h.document));  // there is no place yet
  h.report("kobo.3.2", 60, 52);
  CHECK_FALSE(h.pulled(h.document));  // and none is told to a file that nobody has
  h.bridge->fetched(h.db.reader(), file);
  h.bridge->settle();
  std::optional<library::position> at = h.pulled(h.document);
  REQUIRE(at);
  CHECK(at->progress == "/body/DocFragment[1]/body/p[3]/text().23");
  CHECK(at->device == "Clara");
  CHECK(h.number("select count(*) from documents where book_id is not null and document not like 'kobo:%'") == 1);
  h.report("kobo.2.1", 30, 30);
  CHECK(h.pulled(h.document)->progress.starts_with("/body/DocFragment[1]/body/p[2]"));
  // Once a device has spoken of it, a download is only a download.
  h.push("/body/DocFragment/body/p[4]/text().3", 0.9);
  h.bridge->fetched(h.db.reader(), file);
  h.bridge->settle();
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment/body/p[4]/text().3");
  h.bridge->fetched(h.db.reader(), uuid::make());  // a file that is gone meanwhile
  h.bridge->settle();

  household finished;
  finished.report("kobo.4.1", 100, 100, "Finished");
  finished.bridge->fetched(finished.db.reader(), finished.file());
  finished.bridge->settle();
  CHECK_FALSE(finished.pulled(finished.document));  // who opens a finished book begins it
}

TEST_CASE("what was downloaded before the book was begun hears of every place") {
  household h;
  uuid file = h.file();
  h.db.pool().write_now([&](db::tx& tx) { library::record_download(tx, h.db.reader(), std::nullopt, file); });
  h.report("kobo.3.2", 60, 52);
  REQUIRE(h.pulled(h.document));
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment[1]/body/p[3]/text().23");
}

TEST_CASE("a place that a Kobo said has the words around it") {
  household h;
  h.report("kobo.3.2", 60, 52);
  CHECK(h.now_at().before.ends_with("The third day was dry."));
  CHECK(h.now_at().after.starts_with("The fourth was not."));
}

TEST_CASE("a book that a Kobo gets as it is, is finished there too") {
  household h;
  h.db.pool().write_now([](db::tx& tx) { tx.script("update book_files set kobo_as = null; delete from kobo_artifacts"); });
  h.push("/body/DocFragment/body/p[4]/text().14", 0.995);
  CHECK(h.status() == "Finished");
  std::int64_t revision = h.number("select revision from kobo_states");
  h.later();
  h.push("/body/DocFragment/body/p[4]/text().15", 0.997);
  CHECK(h.number("select revision from kobo_states") == revision);
}

TEST_CASE("the end that a device says near a known place finishes the book on Kobos, and goes out as no place") {
  household h;
  std::string kepub = document_of(converted(h.bytes));
  h.push("/body/DocFragment/body/p[2]/text().35", 0.3);
  h.push("/body/DocFragment[2]/body/div/div/p[1]/span[1]/text().0", 0.2, kepub, "Phone");
  h.report("kobo.4.1", 90, 97);
  CHECK(h.status() == "Reading");
  std::string told = h.pulled(h.document)->progress;
  h.push("garbage", 0.995, kepub, "Phone");  // a weaker word for what is known
  CHECK(h.status() == "Finished");
  CHECK(h.pulled(h.document)->progress == told);
  CHECK(h.is_at("kobo.4.1"));
}

TEST_CASE("a Kobo that has a file without spans hears percents, and that the book was begun") {
  household h;
  h.db.pool().write_now([](db::tx& tx) { tx.script("update book_files set kobo_as = null; delete from kobo_artifacts"); });
  h.push("/body/DocFragment/body/p[2]/text().35", 0.4);
  CHECK(h.status() == "Reading");
  CHECK(h.bookmark().find("\"ProgressPercent\":") != std::string::npos);
  CHECK(h.bookmark().find("Location") == std::string::npos);
}

TEST_CASE("a place in a conversion is found when what it is made of is there again") {
  household h;
  std::string kepub = document_of(converted(h.bytes));
  std::filesystem::path library = h.store().absolute("library"), aside = library.native() + ".aside";
  std::filesystem::rename(library, aside);
  std::filesystem::remove_all(h.store().cache() / "kepub");
  h.push("/body/DocFragment[2]/body/div/div/p[3]/span[2]/text().0", 0.5, kepub, "Phone");
  CHECK(h.now_at().quality == "fraction");
  std::filesystem::rename(aside, library);
  CHECK(h.bridge->catch_up() == 1);
  h.bridge->settle();
  CHECK(h.now_at().quality == "exact");
  CHECK(h.bridge->catch_up() == 0);
}

TEST_CASE("a conversion that cannot be made any more is not waited for") {
  household h;
  std::string kepub = document_of(converted(h.bytes));
  h.db.pool().write_now([](db::tx& tx) { tx.script("update book_files set kobo_as = null; delete from kobo_artifacts"); });
  h.push("/body/DocFragment[2]/body/div/div/p[3]/span[2]/text().0", 0.5, kepub, "Phone");
  CHECK(h.now_at().quality == "fraction");
  CHECK(h.bridge->catch_up() == 0);
}

TEST_CASE("the top of the page that a device was handed moves nobody back, however late it was opened") {
  household h;
  h.push("/body/DocFragment/body/p[2]/text().5", 0.3);
  h.later(std::chrono::minutes(1));
  h.report("kobo.3.3", 60, 60);
  std::int64_t revision = h.now_at().revision;
  h.later(std::chrono::hours(20));
  h.push("/body/DocFragment/body/p[3]/text().3", 0.55);  // the page that holds it
  CHECK(h.now_at().revision == revision);
  h.later(std::chrono::hours(20));
  h.push("/body/DocFragment/body/p[2]/text().9", 0.4);  // and back, on purpose
  CHECK(h.now_at().revision == revision + 1);
}

TEST_CASE("a place in a file that was away is found when the file is there again") {
  household h;
  std::filesystem::path library = h.store().absolute("library"), aside = library.native() + ".aside";
  std::filesystem::rename(library, aside);
  h.push("/body/DocFragment/body/p[2]/text().35", 0.3);
  CHECK(h.now_at().quality == "fraction");
  h.db.pool().write_now([](db::tx& tx) { tx.script("update book_files set missing_since = now()"); });
  CHECK(h.bridge->catch_up() == 0);
  std::filesystem::rename(aside, library);
  h.db.pool().write_now([](db::tx& tx) { tx.script("update book_files set missing_since = null"); });
  CHECK(h.bridge->catch_up() == 1);
  h.bridge->settle();
  CHECK(h.now_at().quality == "exact");
  CHECK(h.bridge->catch_up() == 0);
}

TEST_CASE("a lower place that was restored goes to all devices, also where the furthest place counts") {
  household h;
  std::string kepub = document_of(converted(h.bytes));
  h.db.pool().write_now([](db::tx& tx) { tx.script("update users set position_policy = 'furthest'"); });
  h.push("/body/DocFragment/body/p[2]/text().35", 0.3);
  h.push("/body/DocFragment[2]/body/div/div/p[4]/span[1]/text().3", 0.95, kepub, "Phone");
  CHECK(h.pulled(h.document)->percentage > 0.8);
  std::vector<library::position_row> rows =
      h.db.pool().read_now([&](db::tx& tx) { return library::positions_of_book(tx, h.db.reader(), h.book, 50); });
  REQUIRE(rows.size() == 2);
  h.later();
  h.db.pool().write_now([&](db::tx& tx) { library::restore_position(tx, h.db.reader(), rows[1].id); });
  h.bridge->catch_up();
  h.bridge->settle();
  CHECK(h.pulled(kepub)->progress.starts_with("/body/DocFragment[2]/body/div/div/p[2]"));
  CHECK(h.is_at("kobo.2.2"));
}

TEST_CASE("a Kobo whose clock is ahead hears of later places") {
  household h;
  h.ahead = std::chrono::hours(1);
  h.report("kobo.2.1", 30, 30);
  h.push("/body/DocFragment/body/p[3]/text().50", 0.7);
  h.push("/body/DocFragment/body/p[4]/text().3", 0.9);
  CHECK(h.is_at("kobo.4.1"));
}

TEST_CASE("the end that was restored is the end, and no place in the first document") {
  household h;
  h.push("/body/DocFragment/body/p[2]/text().5", 0.3);
  h.report("kobo.1.1", 0, 100, "Finished");
  h.push("/body/DocFragment/body/p[3]/text().3", 0.6);
  std::vector<library::position_row> rows =
      h.db.pool().read_now([&](db::tx& tx) { return library::positions_of_book(tx, h.db.reader(), h.book, 50); });
  REQUIRE(rows.size() == 3);
  h.later();
  h.db.pool().write_now([&](db::tx& tx) { library::restore_position(tx, h.db.reader(), rows[1].id); });
  h.bridge->catch_up();
  h.bridge->settle();
  CHECK(h.now_at().fraction == 1);
  CHECK(h.pulled(h.document)->progress == "/body/DocFragment/body/p[3]/text().3");
}

TEST_CASE("a Kobo speaks of the file that it fetched last, whatever the book has become") {
  household h;
  REQUIRE(h.ask("GET", h.address_of(h.book)).status == 200);
  REQUIRE(harness::eventually([&] { return h.number("select count(*) from kobo_delivered") == 1; }));
  h.push("/body/DocFragment/body/p[1]/text().3", 0.1);
  std::string longer = text;
  longer.replace(longer.find("</p>"), 4, "</p><p>Drip.</p>");
  std::string bytes = ingest::test::epub({.text = longer});
  h.put(h.book, bytes, "book.epub", false);
  h.settle();
  h.later(std::chrono::minutes(31));
  h.report("kobo.3.2", 60, 60);  // of the old file: "The fourth was not."
  CHECK(h.now_at().after.empty());
  h.push("/body/DocFragment/body/p[1]/text().0", 0.01, document_of(bytes), "Phone");
  h.later(std::chrono::minutes(31));
  h.report("kobo.3.3", 62, 62);  // "They read and read"
  CHECK(h.pulled(document_of(bytes))->progress.starts_with("/body/DocFragment[1]/body/p[4]"));
}
