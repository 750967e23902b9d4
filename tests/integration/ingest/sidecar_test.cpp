// Files that lie together, and what lies beside them (ingest.md 3.4, 15, 18).

#include <catch2/catch.hpp>

#include "../../unit/publication/zip_maker.hpp"
#include "household.hpp"
#include "ingest/sweep.hpp"
#include "library/book.hpp"
#include "server/core/digest.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;
using publication::test::make_png;

namespace {

std::string opf(const std::string& title, const std::string& more = "") {
  return "<package xmlns='http://www.idpf.org/2007/opf' version='2.0'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/' "
         "xmlns:opf='http://www.idpf.org/2007/opf'><dc:title>" +
         title +
         "</dc:title><dc:creator opf:role='aut'>Ada Fenwick</dc:creator><dc:publisher>Harbour House</dc:publisher>"
         "<meta name='calibre:timestamp' content='2015-06-01T12:00:00+00:00'/>" +
         more + "</metadata></package>";
}

std::string field(workbench& b, const std::string& what) { return b.text("select " + what + " from books"); }

// A workbench's folder, every file with its sum.
std::string state_of(const fs::path& folder) {
  std::string out;
  for (const fs::directory_entry& e : fs::recursive_directory_iterator(folder))
    if (e.is_regular_file()) out += e.path().native() + " " + sha256_hex(read(e.path())) + "\n";
  return out;
}

bool in_attic(const workbench& b, const std::string& name, const std::string& bytes) {
  std::vector<fs::path> all = b.files("attic");
  return std::count_if(all.begin(), all.end(), [&](const fs::path& p) { return p.filename() == name && read(p) == bytes; }) == 1;
}

}  // namespace

TEST_CASE("what lies beside a book wins over what the book says, field by field") {
  workbench b;
  std::string beside = opf("The Small Book: A Tale");
  write(b.inbox / "x.epub", epub({.title = "The Small Book", .author = "Somebody Else"}));
  write(b.inbox / "x.opf", beside);
  write(b.inbox / "x.metadata.json",
        R"({"title": "The Small Book in JSON", "narrators": ["Nora Voice"], "series": ["Tales #2"], "publisher": "Another"})");
  write(b.inbox / "cover.png", make_png(300, 400));
  std::string before = state_of(b.inbox);
  outcome out = b.take({b.inbox});
  INFO(codes(out));
  REQUIRE(out.added.size() == 1);
  CHECK(out.ignored == 0);
  CHECK(field(b, "title") == "The Small Book: A Tale");
  CHECK(field(b, "author") == "Ada Fenwick");
  CHECK(field(b, "publisher") == "Harbour House");
  CHECK(field(b, "language") == "en");
  CHECK(field(b, "series_index_text") == "2");
  CHECK(field(b, "field_sources->>'title'") == "sidecar_opf");
  CHECK(field(b, "field_sources->>'series'") == "sidecar_json");
  CHECK(field(b, "field_sources->>'narrators'") == "sidecar_json");
  CHECK(field(b, "field_sources->>'languages'") == "embedded");
  CHECK(field(b, "field_sources->>'cover'") == "sidecar");
  CHECK(field(b, "created_at::date::text") == "2015-06-01");
  CHECK(b.number("select c.width from books b join covers c on c.id = b.cover_id") == 300);
  CHECK(b.text("select string_agg(source || '=' || confidence::float8, ' ' order by source) from book_metadata_candidates") ==
        "embedded=0.9 path=0.3 sidecar_json=0.95 sidecar_opf=0.95");
  CHECK(b.text("select raw_response #>> '{}' from book_metadata_candidates where source = 'sidecar_opf'") == beside);
  CHECK(b.text("select normalized ->> 'title' from book_metadata_candidates where source = 'embedded'") == "The Small Book");
  CHECK(b.number(
            "select count(*) from book_metadata_candidates where source = 'sidecar_opf' and 'title' = any (selected_fields)") ==
        1);
  // Kept as they are, in the store.
  CHECK(b.number("select count(*) from sidecars s join books b on b.id = s.book_id") == 3);
  CHECK(read(b.store.absolute(b.text("select storage_path from sidecars where kind = 'opf'"))) == beside);
  CHECK(state_of(b.inbox) == before);
}

TEST_CASE("again changes nothing, until a file beside the book is another one") {
  workbench b;
  write(b.inbox / "x.epub", epub({}));
  write(b.inbox / "metadata.opf", opf("The Small Book, One"));
  b.take({b.inbox});
  std::string rows = b.rows_of_everything() + b.text("select string_agg(s::text, '') from sidecars s") +
                     b.text("select string_agg(g::text, '') from ingest_groups g");
  REQUIRE(b.take({b.inbox}).duplicates.size() == 1);
  CHECK(b.rows_of_everything() + b.text("select string_agg(s::text, '') from sidecars s") +
            b.text("select string_agg(g::text, '') from ingest_groups g") ==
        rows);

  write(b.inbox / "metadata.opf", opf("The Small Book, Revised"));
  CHECK(b.take({b.inbox}).duplicates.size() == 1);
  CHECK(field(b, "title") == "The Small Book, Revised");
  CHECK(b.number("select count(*) from book_metadata_candidates where source = 'sidecar_opf'") == 1);

  uuid book = *uuid::parse(b.text("select id::text from books"));
  b.pool.write_now([&](db::tx& tx) {
    json::object typed{{"title", "Typed"}};
    return library::edit_book(tx, book, typed, {}).ok();
  });
  write(b.inbox / "metadata.opf", opf("The Small Book, Revised Again"));
  b.take({b.inbox});
  CHECK(field(b, "title") == "Typed");
}

TEST_CASE("a file beside a book that speaks of another one is doubted") {
  workbench b;
  write(b.inbox / "The Small.epub", epub({.title = "The Small Book"}));
  write(b.inbox / "The Small.opf", opf("QQQ"));
  b.take({b.inbox});
  CHECK(field(b, "title") == "The Small Book");
  CHECK(field(b, "publisher") == "Harbour House");  // better than nothing
  CHECK(b.text("select confidence::float8::text || reasons::text from book_metadata_candidates where source = 'sidecar_opf'") ==
        "0.4[\"disagrees\"]");
}

TEST_CASE("files of one name are one book with several files") {
  workbench b;
  write(b.inbox / "x.txt", "A text about harbours, long enough to be one.");
  write(b.inbox / "x.epub", epub({}));
  write(b.inbox / "y.epub", epub({.title = "Other", .text = "Other words."}));
  outcome out = b.take({b.inbox}, false);
  INFO(codes(out));
  REQUIRE(out.added.size() == 3);
  CHECK(out.added[0].book == out.added[1].book);
  CHECK(out.added[2].book != out.added[1].book);
  CHECK(b.number("select count(*) from books") == 2);
  CHECK(b.text("select string_agg(format, ' ' order by rank) from book_files where book_id = '" + out.added[0].book.text() +
               "'") == "epub txt");
  CHECK(fs::is_empty(b.inbox));
}

TEST_CASE("a further format beside files that stay is of the same book") {
  workbench b;
  write(b.inbox / "x.epub", epub({}));
  uuid book = b.take({b.inbox}).added.at(0).book;
  write(b.inbox / "x.txt", "A text about harbours, long enough to be one.");
  outcome out = b.take({b.inbox});
  REQUIRE(out.added.size() == 1);
  CHECK(out.added[0].book == book);
  CHECK(b.number("select count(*) from books") == 1);
}

TEST_CASE("with their book they go to the attic, and alone they stay") {
  workbench b;
  std::string one = opf("The Small Book"), picture = make_png(200, 300);
  write(b.inbox / "a" / "x.epub", epub({}));
  write(b.inbox / "a" / "metadata.opf", one);
  write(b.inbox / "a" / "folder.png", picture);
  write(b.inbox / "b" / "bad.epub", "PK\3\4 nothing");
  write(b.inbox / "b" / "bad.opf", opf("Bad"));
  write(b.inbox / "c" / "metadata.opf", opf("Alone"));
  write(b.inbox / "c" / "other.jpg", "no cover's name");
  outcome out = b.take({b.inbox}, false);
  CHECK(codes(out) == "bad.epub=archive_corrupt ");
  CHECK(out.ignored == 2);
  CHECK(fs::is_empty(b.inbox / "a"));
  CHECK(in_attic(b, "metadata.opf", one));
  CHECK(in_attic(b, "folder.png", picture));
  CHECK(fs::exists(b.inbox / "b" / "bad.opf"));
  CHECK(read(b.inbox / "c" / "metadata.opf") == opf("Alone"));
  CHECK(fs::exists(b.inbox / "c" / "other.jpg"));
}

TEST_CASE("a picture that is none, or too small, is passed over") {
  workbench b;
  write(b.inbox / "x.epub", epub({}));
  write(b.inbox / "cover.jpg", "no picture");
  write(b.inbox / "folder.png", make_png(99, 300));
  write(b.inbox / "poster.png", make_png(110, 300));
  outcome out = b.take({b.inbox}, false);
  REQUIRE(out.added.size() == 1);
  CHECK(b.number("select c.width from books b join covers c on c.id = b.cover_id") == 110);
  REQUIRE(out.added[0].warnings.size() == 1);
  CHECK(out.added[0].warnings[0].code == "sidecar_unreadable");
  CHECK(fs::is_empty(b.inbox));
  CHECK(in_attic(b, "cover.jpg", "no picture"));
}

TEST_CASE("hostile files beside a book cost the book nothing") {
  workbench b;
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "<a>";
  for (const std::string& bytes :
       {std::string("<!DOCTYPE package [<!ENTITY a \"x\">]><package>&a;</package>"), "<package><metadata>" + deep,
        std::string(17 << 20, ' '), std::string("\0\1\2", 3), std::string("{")}) {
    workbench fresh;
    write(fresh.inbox / "x.epub", epub({}));
    write(fresh.inbox / "x.opf", bytes);
    write(fresh.inbox / "x.metadata.json", bytes);
    outcome out = fresh.take({fresh.inbox}, false);
    INFO(codes(out));
    REQUIRE(out.added.size() == 1);
    CHECK(out.added[0].warnings.size() == 2);
    CHECK(field(fresh, "title") == "The Small Book");
    CHECK(fs::is_empty(fresh.inbox));
    CHECK(in_attic(fresh, "x.opf", bytes));
  }
}

TEST_CASE("a link beside a book is not followed") {
  workbench b;
  write(b.folder / "secret.opf", opf("Secret"));
  write(b.inbox / "x.epub", epub({}));
  fs::create_symlink(b.folder / "secret.opf", b.inbox / "x.opf");
  outcome out = b.take({b.inbox}, false);
  REQUIRE(out.added.size() == 1);
  CHECK(field(b, "title") == "The Small Book");
  CHECK(fs::is_symlink(b.inbox / "x.opf"));
}

TEST_CASE("a file that is named alone comes with what lies beside it, and leaves other books where they are") {
  workbench b;
  write(b.inbox / "x.epub", epub({}));
  write(b.inbox / "x.opf", opf("The Small Book of X"));
  write(b.inbox / "y.epub", epub({.title = "Book of Y", .text = "y"}));
  outcome out = b.take({b.inbox / "x.epub"}, false);
  REQUIRE(out.added.size() == 1);
  CHECK(field(b, "title") == "The Small Book of X");
  CHECK(fs::exists(b.inbox / "y.epub"));
  CHECK_FALSE(fs::exists(b.inbox / "x.opf"));
  // As a shell writes "*".
  write(b.inbox / "y.opf", opf("The Book of Y"));
  out = b.take({b.inbox / "y.epub", b.inbox / "y.opf"}, false);
  CHECK(out.added.size() == 1);
  CHECK(out.failed.empty());
  CHECK(out.ignored == 0);
  CHECK(b.number("select count(*) from books where title = 'The Book of Y'") == 1);
  CHECK(fs::is_empty(b.inbox));
}

TEST_CASE("a book that was there is told what now lies beside it") {
  workbench b;
  write(b.inbox / "one.epub", epub({}));
  uuid book = b.take({b.inbox / "one.epub"}, false).added.at(0).book;
  write(b.inbox / "two.epub", epub({}));
  write(b.inbox / "two.opf", opf("The Small Book, Told"));
  write(b.inbox / "two.png", make_png(200, 300));
  outcome out = b.take({b.inbox}, false);
  REQUIRE(out.duplicates.size() == 1);
  CHECK(out.duplicates[0].book == book);
  CHECK(field(b, "title") == "The Small Book, Told");
  CHECK(field(b, "field_sources->>'title'") == "sidecar_opf");
  CHECK(b.number("select c.width from books b join covers c on c.id = b.cover_id") == 200);
  CHECK(b.text("select action from audit where subject_id = '" + book.text() + "'") == "book.describe");
  CHECK(fs::is_empty(b.inbox));
}

TEST_CASE("a sidecar's copy goes with its book") {
  workbench b;
  write(b.inbox / "x.epub", epub({}));
  write(b.inbox / "x.opf", opf("The Small Book"));
  uuid book = b.take({b.inbox}, false).added.at(0).book;
  std::string copy = b.text("select storage_path from sidecars");
  REQUIRE(fs::exists(b.store.absolute(copy)));
  b.pool.write_now([&](db::tx& tx) { return library::trash_books(tx, {book}, {}); });
  b.with.how.trash = std::chrono::days(0);
  struct quiet : carrel::jobs::progress {
    void report(std::int64_t, std::optional<std::int64_t>) override {}
    bool stopping() const override { return false; }
  } p;
  set_clock(now() + std::chrono::hours(1));
  sweep_store(b.with, p);
  set_clock(std::nullopt);
  CHECK(b.number("select count(*) from books") == 0);
  CHECK_FALSE(fs::exists(b.store.absolute(copy)));
}

TEST_CASE("auto-approve counts what lies beside the book") {
  workbench b;
  b.with.how.auto_approve = 0.93;
  write(b.inbox / "x.epub", epub({}));
  write(b.inbox / "y.epub", epub({.title = "Other Matters", .text = "Other words."}));
  write(b.inbox / "y.opf", opf("Other Matters"));
  outcome out = b.take({b.inbox}, true, false);
  REQUIRE(out.added.size() == 2);
  CHECK(out.added[0].status == "review");
  CHECK(out.added[1].status == "organized");
}

TEST_CASE("in the drop folder a book waits for what lies beside it") {
  bool poll_only = GENERATE(false, true);
  household h(poll_only);
  std::string beside = opf("The Small Book, Complete"), bytes = epub({});
  write(h.drop() / "a" / "x.epub", bytes);
  write(h.drop() / "a" / "metadata.opf.part", beside);
  write(h.drop() / "a" / "x.txt", "A text about harbours, long enough to be one.");
  fs::rename(h.drop() / "a" / "metadata.opf.part", h.drop() / "a" / "metadata.opf");
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_items where source_done") == 2; }));
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_groups where ended") == 1; }));
  CHECK(h.books() == 1);
  CHECK(field(h.b, "title") == "The Small Book, Complete");
  CHECK(in_attic(h.b, "metadata.opf", beside));
  CHECK(fs::is_empty(h.drop()));
}

TEST_CASE("in the drop folder a format that is still written to is waited for") {
  household h;
  std::string bytes = epub({});
  write(h.drop() / "x.txt", "A text about harbours, long enough to be one.");
  write(h.drop() / "x.epub", bytes.substr(0, bytes.size() - 40));
  write(h.drop() / "y.epub", epub({.title = "Other", .text = "Other words."}));
  REQUIRE(eventually([&] {
    return h.b.number("select count(*) from ingest_items where state = 'seen' and error_detail like 'waiting%'") == 1;
  }));
  REQUIRE(eventually([&] { return h.books() == 1; }));  // the one that waits for nobody
  CHECK(fs::exists(h.drop() / "x.txt"));
  write(h.drop() / "x.epub", bytes);
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_items where source_done") == 3; }));
  CHECK(h.books() == 2);
  CHECK(h.b.number("select count(*) from book_files where book_id = (select id from books where title = 'The Small Book')") == 2);
}

TEST_CASE("sidecars alone stay in the drop folder") {
  household h;
  write(h.drop() / "metadata.opf", opf("Alone"));
  write(h.drop() / "cover.jpg", "x");
  write(h.drop() / "in" / "y.epub", epub({}));
  REQUIRE(eventually([&] { return h.books() == 1; }));
  CHECK(read(h.drop() / "metadata.opf") == opf("Alone"));
  CHECK(fs::exists(h.drop() / "cover.jpg"));
  CHECK(h.b.number("select count(*) from ingest_items where state <> 'organised' and state <> 'inbox'") == 0);
}

TEST_CASE("a file name begins with an author when the library has books of that name") {
  workbench b;
  write(b.inbox / "first.epub", epub({.title = "Iliad", .author = "Homer"}));
  b.take({b.inbox / "first.epub"});
  write(b.inbox / "Homer - Odyssey.epub", epub({.title = "", .author = "", .text = "Other words."}));
  write(b.inbox / "Nobody - Fog.epub", epub({.title = "", .author = "", .text = "Quite other words."}));
  b.take({b.inbox});
  CHECK(b.text("select author from books where title = 'Odyssey'") == "Homer");
  CHECK(b.number("select count(*) from books where title = 'Nobody - Fog' and author = ''") == 1);
}

TEST_CASE("rights and columns that a file tells are kept with the file and with what it said") {
  workbench b;
  fs::path folder = b.inbox / "x";
  write(folder / "x.epub", epub({}));
  write(folder / "metadata.opf",
        "<package xmlns='http://www.idpf.org/2007/opf' version='2.0'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>"
        "<dc:title>The Small Book</dc:title><dc:creator>Ada Lark</dc:creator><dc:rights>Mine</dc:rights>"
        "<meta name='calibre:user_metadata:#words' content='{&quot;#value#&quot;: 7}'/></metadata></package>");
  b.take({b.inbox});
  std::string facts =
      "select normalized->'facts'->>'rights' || ' ' || (normalized->'facts'->'calibre_columns'->>'words')"
      " from book_metadata_candidates where source = 'sidecar_opf'";
  CHECK(b.text(facts) == "Mine 7");
}
