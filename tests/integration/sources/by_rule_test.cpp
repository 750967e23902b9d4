// What comes in is asked for, and what its sources say is applied by rule (metadata-providers.md 9.2, product.md 3.5).
#include "ingest/sources/by_rule.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "ingest/in_place.hpp"
#include "ingest/sources/all_sources.hpp"
#include "library/by_rule.hpp"
#include "library/change.hpp"
#include "library/review.hpp"
#include "replies.hpp"
#include "tests/integration/sources/pictures.hpp"
#include "tests/integration/sources/stage.hpp"

using namespace carrel;
using namespace carrel::ingest::sources;
using namespace carrel::ingest::sources::test;

namespace {

const library::actor ada{std::nullopt, "ada"};

std::string with(std::string text, const std::string& part, const std::string& instead) {
  std::size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), instead);
}

// Long enough to be taken for a description.
std::string long_text(const std::string& word) {
  std::string out;
  while (out.size() < 250) out += word + " ";
  return out;
}

std::string volume(const std::string& description = long_text("google")) {
  std::string out = with(carrel::test::google_volume(), "imageLinks", "noPictures");
  std::size_t begin = out.find("\"description\":") + 15, end = out.find("\",", begin);
  return out.replace(begin, end - begin, description);
}

std::string two_volumes() {
  auto one = [](const std::string& id, const std::string& isbn) {
    return R"({"kind":"books#volume","id":")" + id +
           R"(","volumeInfo":{"title":"The Example","authors":["A. Writer"],"language":"en",
      "publisher":"Some House","industryIdentifiers":[{"type":"ISBN_13","identifier":")" +
           isbn + R"("}],"categories":["Fantasy"],"description":")" + long_text(id) + R"("}})";
  };
  return R"({"kind":"books#volumes","totalItems":2,"items":[)" + one("first", "9780306406157") + "," +
         one("second", "9783161484100") + "]}";
}

// The program's own talks and scores; Google knows the book, and Open Library nothing, until a test says otherwise.
struct desk : stage {
  explicit desk(const std::string& key = "metadata.enabled", const std::string& value = "on")
      : stage({{key, value}}, "google_books,open_library"),
        clock(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())),
        real(all_sources(this->with, client, settings, "0.0-test"), "real") {
    this->with.added = [this](db::tx& tx, const uuid& made) { library::fetch_after_import(tx, settings, made); };
    google_says(volume());
    library.says([](const harness::heard&) { return said(404, "{}"); });
  }

  void google_says(const std::string& one) {
    google.says([one](const harness::heard& h) {
      return said(200, h.target.find("/volumes/") == std::string::npos ? carrel::test::google_list() : one);
    });
  }
  void open_library_knows(const std::string& edition = carrel::test::open_library_edition(), const std::string& cover = "") {
    library.says([edition, cover](const harness::heard& h) {
      if (h.target.starts_with("/search.json")) return said(200, carrel::test::open_library_search());
      if (h.target.starts_with("/isbn/")) return said(302, "", "Location: /books/OL123M.json\r\n");
      if (h.target.starts_with("/books/")) return said(200, edition);
      return h.target.starts_with("/covers/") && !cover.empty() ? said(200, cover) : said(404, "{}");
    });
  }

  uuid arrive(const ingest::test::book& about, bool approve = false) {
    std::filesystem::path file = inbox / (std::to_string(++files_) + ".epub");
    ingest::test::write(file, ingest::test::epub(about));
    ingest::outcome out = take({file}, true, approve);
    REQUIRE(out.added.size() == 1);
    return out.added[0].book;
  }
  uuid arrive(bool approve = false) {
    return arrive({.title = "The Example", .author = "A. Writer", .isbn = "9780306406157"}, approve);
  }
  void ask_sources() { run({&real}); }

  library::comparison known(const uuid& book) {
    return *pool.read_now([&](db::tx& tx) { return library::compare(tx, book, 0.6); });
  }
  std::string value(const uuid& book, const std::string& field) {
    for (const library::field_now& f : known(book).fields) {
      if (f.name == field) return json::dump(f.value);
    }
    return "";
  }
  // Records of sources that the review page shows.
  std::ptrdiff_t shown(const uuid& book) {
    std::vector<library::candidate> all = known(book).candidates;
    return std::count_if(all.begin(), all.end(), [](const library::candidate& c) { return !library::is_local(c.source); });
  }
  std::vector<library::change_group> history(const uuid& book) {
    return pool.read_now([&](db::tx& tx) { return library::changes_of(tx, book, std::nullopt, 50); });
  }
  std::string statuses() {
    return text(
        "select coalesce(string_agg(source || ' ' || status || ' ' || array_to_string(selected_fields, ','), '; ' order by "
        "source, source_key), '') from book_metadata_candidates where query_kind <> ''");
  }
  void change(const std::string& sql) {
    pool.write_now([&](db::tx& tx) { tx.script(sql.c_str()); });
  }

  stopped_clock clock;
  fetcher real;

 private:
  int files_ = 0;
};

}  // namespace

TEST_CASE("what comes in is asked for, its empty fields are filled, and it waits in the inbox") {
  desk d;
  uuid book = d.arrive();
  CHECK(d.number("select count(*) from metadata_jobs where job_id is null and priority = 1") == 2);
  d.ask_sources();
  CHECK(d.google.count() == 2);
  CHECK(d.value(book, "publisher") == R"("Some House")");
  CHECK(d.value(book, "published") == R"("2014-03")");
  CHECK(d.value(book, "genres") == R"(["Fantasy","Epic"])");
  CHECK(d.value(book, "description").find("google google") != std::string::npos);
  CHECK(d.value(book, "title") == R"("The Example")");
  CHECK(d.text("select status::text from books") == "review");
  CHECK(d.number("select count(*) from books where approved_at is not null or locked_fields <> '{}'") == 0);
  CHECK(d.text("select field_sources ->> 'publisher' from books") == "google_books");
  CHECK(d.text("select field_sources ->> 'page_count' from books") == "google_books");  // the file's own is an estimate
  CHECK(d.statuses() == "google_books applied description,genres,identifiers,page_count,published,publisher,subtitle");
  CHECK(d.text("select identifiers ->> 'google' from books") == "aBcD0123xyzC");
  CHECK(d.number("select count(*) from metadata_jobs") == 0);
  CHECK(d.number("select count(*) from jobs where kind like 'metadata.%'") == 0);
  std::vector<library::change_group> all = d.history(book);
  REQUIRE(all.size() == 1);
  CHECK(all[0].actor == library::metadata_rule.name);
  CHECK(all[0].fields.size() == 7);
  for (const library::field_change& c : all[0].fields) {
    CHECK(c.after.source == "google_books");
    CHECK(c.candidate.has_value());
  }
}

TEST_CASE("what was applied can be taken back, and is not applied again") {
  desk d;
  uuid book = d.arrive();
  std::string before =
      d.text("select title || publisher || description || published_on || genres::text || identifiers::text from books");
  d.library.says_first({said(503, "x", "Retry-After: 3600\r\n")});
  d.run({&d.real}, std::chrono::minutes(5));
  std::vector<library::change_group> all = d.history(book);
  REQUIRE(all.size() == 1);
  CHECK(d.pool.write_now([&](db::tx& tx) { return library::undo_change(tx, book, all[0].id, ada); }) ==
        library::undo_outcome::done);
  CHECK(d.text("select title || publisher || description || published_on || genres::text || identifiers::text from books") ==
        before);
  CHECK(d.statuses() == "google_books new ");
  d.open_library_knows();
  d.ask_sources();  // the other source answers an hour later
  CHECK(d.number("select count(*) from book_metadata_candidates where source = 'open_library'") == 1);
  CHECK(d.value(book, "publisher") == R"("")");
  CHECK(d.value(book, "genres") == "[]");
  CHECK(d.value(book, "series").find("Examples") != std::string::npos);  // of which nobody said no
}

TEST_CASE("a locked field stays as it is, empty or not") {
  desk d("metadata.auto_apply", "replace");
  uuid book = d.arrive();
  d.pool.write_now([&](db::tx& tx) {
    CHECK(library::set_lock(tx, book, "publisher", true, ada));
    CHECK(library::set_lock(tx, book, "identifiers", true, ada));
  });
  d.change("update books set genres = '{Own}', locked_fields = locked_fields || '{genres}'");
  std::string numbers = d.value(book, "identifiers");
  d.ask_sources();
  CHECK(d.value(book, "publisher") == R"("")");
  CHECK(d.value(book, "genres") == R"(["Own"])");
  CHECK(d.value(book, "identifiers") == numbers);
  CHECK(d.value(book, "published") == R"("2014-03")");
}

TEST_CASE("a book that a person approved is not touched; what is said of it waits") {
  for (const char* mode : {"fill_empty", "replace"}) {
    desk d("metadata.auto_apply", mode);
    uuid book = d.arrive(true);
    CHECK(d.number("select count(*) from metadata_jobs where priority = 2") == 2);  // after all that waits in the inbox
    std::string before = d.text("select to_jsonb(b)::text from books b");
    d.ask_sources();
    CHECK(d.text("select to_jsonb(b)::text from books b") == before);
    CHECK(d.history(book).empty());
    CHECK(d.statuses() == "google_books new ");
  }
}

TEST_CASE("a book that is read in place was approved by nobody: what it lacks is filled, until a person approves it") {
  desk d;
  std::filesystem::path root = std::filesystem::canonical(d.folder) / "tree";
  ingest::test::write(root / "x.epub",
                      ingest::test::epub({.title = "The Example", .author = "A. Writer", .isbn = "9780306406157"}));
  library::book_library tree = *d.pool.write_now([&](db::tx& tx) {
    return library::find_library(tx, library::add_library(tx, "Tree", "in_place", root.native(), "", ada));
  });
  ingest::look_through(d.with, tree, nullptr);
  REQUIRE(ingest::read_waiting(d.with, tree, {}).added == 1);
  uuid book = *uuid::parse(d.text("select id::text from books"));
  CHECK(d.text("select status::text from books") == "organized");
  CHECK(d.number("select count(*) from metadata_jobs where priority = 2") == 2);  // after all that waits in the inbox
  SECTION("by a rule") {
    d.ask_sources();
    CHECK(d.value(book, "publisher") == R"("Some House")");
    CHECK(d.history(book).size() == 1);
  }
  SECTION("not after a person put it in review and approved it") {
    CHECK(d.pool.write_now([&](db::tx& tx) {
      library::approve_book(tx, book, ada);  // nothing: it is approved
      return library::unapprove_book(tx, book, ada);
    }));
    d.pool.write_now([&](db::tx& tx) { library::approve_book(tx, book, ada); });
    d.ask_sources();
    CHECK(d.value(book, "publisher") == R"("")");
    CHECK(d.history(book).empty());
  }
}

TEST_CASE("a person's approval while the sources are asked ends what rules may do") {
  desk d;
  uuid book = d.arrive();
  d.pool.write_now([&](db::tx& tx) { library::approve_book(tx, book, ada); });
  d.ask_sources();
  CHECK(d.statuses() == "google_books new ");
  CHECK(d.history(book).empty());
}

TEST_CASE("a book in the library that lacks nothing is not asked for, nor one that nothing is known of") {
  desk d;
  ingest::test::book whole{.title = "Whole", .author = "A. Writer"};
  uuid book = d.arrive(whole);
  auto asked = [&] {
    d.change("delete from metadata_jobs");
    d.pool.write_now([&](db::tx& tx) { library::fetch_after_import(tx, d.settings, book); });
    return d.number("select count(*) from metadata_jobs");
  };
  d.change(
      "insert into covers (id, sha256, mime, width, height, bytes, source, storage_path) values (gen_random_uuid(), 'x', "
      "'image/png', 300, 450, 1, 'embedded', 'covers/x');"
      "update books set description = 'x', published_on = '2001', language = 'en', cover_id = (select id from covers)");
  CHECK(asked() == 2);  // in the inbox everything helps
  d.change("update books set status = 'organized', approved_at = now()");
  CHECK(asked() == 0);
  d.change("update books set description = ''");
  CHECK(asked() == 2);
  d.change("update books set title = '', isbn_13 = null, isbn_10 = null, identifiers = '{}'");
  CHECK(asked() == 0);
}

TEST_CASE("with metadata.auto_apply off everything waits for people") {
  desk d("metadata.auto_apply", "off");
  uuid book = d.arrive();
  d.ask_sources();
  CHECK(d.google.count() == 2);
  CHECK(d.statuses() == "google_books new ");
  CHECK(d.history(book).empty());
  CHECK(d.shown(book) == 1);
}

TEST_CASE("a runner-up that is as likely leaves the choice to people") {
  desk d;
  d.google.says([](const harness::heard& h) {
    return h.target.find("/volumes/") == std::string::npos ? said(200, two_volumes()) : said(404, "{}");
  });
  uuid book = d.arrive({.title = "The Example", .author = "A. Writer"});
  d.ask_sources();
  CHECK(d.number("select count(*) from book_metadata_candidates where source = 'google_books' and confidence >= 0.9") == 2);
  CHECK(d.statuses() == "google_books new ; google_books new ");
  CHECK(d.history(book).empty());
  CHECK(d.shown(book) == 2);
}

TEST_CASE("below the threshold is for the review page") {
  desk d("metadata.auto_threshold", "1");
  uuid book = d.arrive({.title = "The Example", .author = "A. Writer"});
  d.ask_sources();
  CHECK(d.history(book).empty());
  CHECK(d.shown(book) == 1);
}

TEST_CASE("fill_empty leaves what is there, and replace does not") {
  for (bool replace : {false, true}) {
    desk d("metadata.auto_apply", replace ? "replace" : "fill_empty");
    uuid book = d.arrive();
    d.change("update books set publisher = 'Other House'");
    d.ask_sources();
    CHECK(d.value(book, "publisher") == (replace ? R"("Some House")" : R"("Other House")"));
    CHECK(d.value(book, "title") == R"("The Example")");
    CHECK(d.value(book, "genres") == R"(["Fantasy","Epic"])");
  }
}

TEST_CASE("an ISBN that is there stays, and only numbers of other kinds are added") {
  desk d("metadata.auto_threshold", "0.75");  // enough for another edition
  uuid book = d.arrive({.title = "The Example", .author = "A. Writer", .isbn = "9783161484100"});
  d.ask_sources();
  CHECK(d.text("select isbn_13 || ' ' || (identifiers ->> 'google') from books") == "9783161484100 aBcD0123xyzC");
  CHECK(d.value(book, "genres") == R"(["Fantasy","Epic"])");
  CHECK(d.value(book, "publisher") == R"("")");  // of the other edition
}

TEST_CASE("a source that comes first in the order has its word even when it answers last") {
  desk d;
  d.open_library_knows();
  d.google.says_first({said(503, "x", "Retry-After: 3600\r\n")});
  uuid book = d.arrive();
  d.run({&d.real}, std::chrono::minutes(5));
  CHECK(d.value(book, "genres") == R"(["Magic"])");
  CHECK(d.value(book, "series").find("Examples") != std::string::npos);
  d.ask_sources();
  CHECK(d.value(book, "genres") == R"(["Fantasy","Epic"])");
  CHECK(d.value(book, "series").find("Examples") != std::string::npos);
  CHECK(d.text("select field_sources ->> 'genres' || ' ' || (field_sources ->> 'series') from books") ==
        "google_books open_library");
  CHECK(d.history(book).size() == 2);
  CHECK(d.number("select count(*) from book_metadata_candidates where 'genres' = any (selected_fields)") == 1);
}

TEST_CASE("what a person typed in the meantime is not what a rule put there") {
  desk d;
  d.open_library_knows();
  d.google.says_first({said(503, "x", "Retry-After: 3600\r\n")});
  uuid book = d.arrive();
  d.run({&d.real}, std::chrono::minutes(5));
  REQUIRE(d.value(book, "genres") == R"(["Magic"])");
  d.pool.write_now([&](db::tx& tx) {  // locked and given free: it is the person's
    CHECK(library::set_lock(tx, book, "genres", true, ada));
    CHECK(library::set_lock(tx, book, "genres", false, ada));
  });
  d.ask_sources();
  CHECK(d.value(book, "genres") == R"(["Magic"])");
}

TEST_CASE("sources that are rude, wrong or away change nothing and hold nobody up") {
  desk d;
  d.open_library_knows();
  SECTION("rude") {
    d.google.says([](const harness::heard&) { return said(200, "<html>please wait</html>"); });
  }
  SECTION("away") {
    d.google.says([](const harness::heard&) { return said(500, "x"); });
  }
  SECTION("wrong") {  // the number of the book on another one
    d.google.says([](const harness::heard& h) {
      std::string other = with(volume(), R"("title":"The Example")", R"("title":"Cooking for Cats")");
      other = with(other, R"("authors":["A. Writer"])", R"("authors":["Zed Quill"])");
      return said(200, h.target.find("/volumes/") == std::string::npos ? R"({"totalItems":1,"items":[)" + other + "]}" : other);
    });
  }
  uuid book = d.arrive();
  d.ask_sources();
  CHECK(d.value(book, "publisher") == R"("Some House")");
  CHECK(d.text("select field_sources ->> 'publisher' from books") == "open_library");
  CHECK(d.number("select count(*) from books where description like '%google%'") == 0);
  CHECK(d.number("select count(*) from metadata_jobs where done_at is null") == 0);
}

TEST_CASE("the cover of a source is taken where there is none") {
  for (bool has_one : {false, true}) {
    desk d;
    d.open_library_knows(carrel::test::open_library_edition(), patterned_jpeg(800, 1200));
    uuid book = d.arrive({.title = "The Example",
                          .author = "A. Writer",
                          .isbn = "9780306406157",
                          .cover = has_one ? patterned_png(300, 450) : std::string()});
    d.ask_sources();
    CHECK(d.value(book, "cover").find(has_one ? R"("width":300)" : R"("width":800)") != std::string::npos);
    CHECK(d.number("select count(*) from book_metadata_candidates where 'cover' = any (selected_fields)") == (has_one ? 0 : 1));
    if (has_one) continue;
    std::vector<library::change_group> all = d.history(book);
    d.pool.write_now([&](db::tx& tx) { library::undo_change(tx, book, all.front().id, ada); });
    CHECK(d.value(book, "cover") == "null");
  }
}

TEST_CASE("a narrow cover of its own gives way to a wider one under replace") {
  desk d("metadata.auto_apply", "replace");
  d.open_library_knows(carrel::test::open_library_edition(), patterned_jpeg(800, 1200));
  uuid book =
      d.arrive({.title = "The Example", .author = "A. Writer", .isbn = "9780306406157", .cover = patterned_png(300, 450)});
  d.ask_sources();
  CHECK(d.value(book, "cover").find(R"("width":800)") != std::string::npos);
}

TEST_CASE("who asks for a book himself chooses himself, and a refresh of the library changes no book") {
  for (library::urgency how : {library::urgency::somebody_waits, library::urgency::whole_library}) {
    desk d;
    uuid book = d.arrive();
    d.change("delete from metadata_jobs");
    d.ask(book, how);
    d.ask_sources();
    CHECK(d.google.count() == 2);
    CHECK(d.statuses() == "google_books new ");
    CHECK(d.history(book).empty());
  }
}

TEST_CASE("a sure answer lets a book out of the inbox when ingest.auto_approve says so") {
  desk d("ingest.auto_approve", "0.99");
  uuid book = d.arrive();
  CHECK(d.text("select status::text from books") == "review");
  SECTION("as an approval that can be taken back, after which it is a person's") {
    d.library.says_first({said(503, "x", "Retry-After: 3600\r\n")});
    d.run({&d.real}, std::chrono::minutes(5));
    CHECK(d.text("select status::text || approved_by_rule from books") == "organizedtrue");
    CHECK(d.text("select actor from audit where action = 'book.approve'") == library::metadata_rule.name);
    CHECK(d.pool.write_now([&](db::tx& tx) { return library::unapprove_book(tx, book, ada); }));
    d.open_library_knows();
    d.ask_sources();
    CHECK(d.text("select status::text from books") == "review");
    d.pool.write_now([&](db::tx& tx) { library::approve_book(tx, book, ada); });
    CHECK(d.text("select status::text || approved_by_rule from books") == "organizedfalse");
  }
  SECTION("but not a possible duplicate") {
    d.change("update books set possible_duplicate_of = id");
    d.ask_sources();
    CHECK(d.text("select status::text from books") == "review");
  }
  SECTION("nor one with a warning that blocks") {
    d.change(R"(update book_files set warnings = '[{"code":"drm_protected","detail":""}]')");
    d.ask_sources();
    CHECK(d.text("select status::text from books") == "review");
  }
}

TEST_CASE("a book that skipped the inbox by rule is still filled") {
  desk d("ingest.auto_approve", "0.85");
  d.with.how.auto_approve = 0.85;
  uuid book = d.arrive();
  CHECK(d.text("select status::text || approved_by_rule from books") == "organizedtrue");
  d.ask_sources();
  CHECK(d.value(book, "publisher") == R"("Some House")");
  CHECK(d.history(book).size() == 1);
}

TEST_CASE("what is not likely enough to be shown goes after thirty days") {
  desk d;
  uuid book = d.arrive();
  d.ask_sources();
  d.change("update book_metadata_candidates set confidence = 0.3, status = 'new', selected_fields = '{}' where query_kind <> ''");
  auto left = [&] {
    d.pool.write_now([](db::tx& tx) { forget_unlikely(tx, 0.6); });
    return d.number("select count(*) from book_metadata_candidates where query_kind <> ''");
  };
  set_clock(now() + std::chrono::days(29));
  CHECK(d.shown(book) == 0);
  CHECK(left() == 1);
  set_clock(now() + std::chrono::days(2));
  CHECK(left() == 0);
}
