// Somebody's Calibre library (ingest.md 16), read from a copy of its database.

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <random>

#include "calibre_maker.hpp"
#include "publication/calibre/library.hpp"
#include "publication/unicode.hpp"
#include "server/core/digest.hpp"
#include "server/core/json.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::publication;
using publication::test::calibre_maker;
namespace fs = std::filesystem;

namespace {

struct place {
  harness::scratch_folder scratch;
  fs::path library = scratch.path / "library", copies = scratch.path / "copies";
  place() { fs::create_directories(copies); }
  calibre::reading how(std::size_t chunk = 200) const {
    return {.scratch = copies, .chunk = chunk, .patience = std::chrono::seconds(5)};
  }
};

// All books, or the refusal's code with "!" before it.
struct told {
  std::vector<calibre::book> books;
  std::string refused;
  std::vector<warning> warnings;
};
told read_all(const place& p, std::size_t chunk = 200) {
  told out;
  result<calibre::library, refusal> l = calibre::library::open(p.library, p.how(chunk));
  if (!l) return {.books = {}, .refused = l.error().code, .warnings = {}};
  out.warnings = l->warnings();
  for (;;) {
    result<std::vector<calibre::book>, refusal> some = l->next();
    if (!some) {
      out.refused = some.error().code;
      return out;
    }
    if (some->empty()) return out;
    CHECK(some->size() <= chunk);
    std::move(some->begin(), some->end(), std::back_inserter(out.books));
  }
}

std::string identifier(const metadata& m, std::string_view scheme) {
  for (const auto& [name, value] : m.identifiers) {
    if (name == scheme) return value;
  }
  return "";
}

// Every name, size, time and byte below a folder.
std::string state_of(const fs::path& folder) {
  std::string out;
  std::vector<fs::path> all;
  for (const fs::directory_entry& e : fs::recursive_directory_iterator(folder)) all.push_back(e.path());
  std::sort(all.begin(), all.end());
  all.push_back(folder);
  for (const fs::path& p : all) {
    struct stat s {};
    ::lstat(p.c_str(), &s);
    out += p.native() + " " + std::to_string(s.st_size) + " " + std::to_string(s.st_mtim.tv_sec) + "." +
           std::to_string(s.st_mtim.tv_nsec) + " " + (S_ISREG(s.st_mode) ? sha256_hex(harness::read_file(p)) : "") + "\n";
  }
  return out;
}

void put(const fs::path& p, const std::string& bytes) {
  fs::create_directories(p.parent_path());
  std::ofstream out(p, std::ios::binary | std::ios::trunc);
  out << bytes;
}

}  // namespace

TEST_CASE("what Calibre calls a field is found in Carrel's", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.add({.title = "The  Title", .author = "Bart| Sir Walter", .author_sort = "Bart, Sir W. & Two, Ann", .cover = "x"});
    m.run(
        "insert into authors (name, sort) values ('Ann Two', 'Two, A.');"
        "insert into books_authors_link (id, book, author) values (99, 1, 2);"
        "insert into series (name) values ('Saga'); insert into books_series_link (book, series) values (1, 1);"
        "update books set series_index = 2.5 where id = 1;"
        "insert into publishers (name) values ('Press'); insert into books_publishers_link (book, publisher) values (1, 1);"
        "insert into languages (lang_code) values ('deu'), ('und'), ('eng');"
        "insert into books_languages_link (book, lang_code, item_order) values (1, 3, 1), (1, 1, 0), (1, 2, 2);"
        "insert into ratings (rating) values (9); insert into books_ratings_link (book, rating) values (1, 1);"
        "insert into tags (name) values ('Sea'), ('Art'); insert into books_tags_link (book, tag) values (1, 1), (1, 2);"
        "insert into comments (book, text) values (1, '<p onclick=\"x\">Good <script>bad</script>book</p>');"
        "insert into identifiers (book, type, val) values (1, 'isbn', '9780306406157'), (1, 'google', 'abc'), (1, 'isbn10', "
        "'nonsense')");
  }
  told t = read_all(p);
  REQUIRE(t.books.size() == 1);
  const calibre::book& b = t.books[0];
  CHECK(b.about.title == "The Title");
  REQUIRE(b.about.authors.size() == 2);
  CHECK(b.about.authors[0] == person{"Bart, Sir Walter", "Bart, Sir W.", "aut"});
  CHECK(b.about.authors[1] == person{"Ann Two", "Two, Ann", "aut"});
  CHECK(b.about.series == "Saga");
  CHECK(b.about.series_index == 2.5);
  CHECK(b.about.series_index_text == "2.5");
  CHECK(b.about.publisher == "Press");
  CHECK(b.about.languages == std::vector<std::string>{"de", "en"});
  CHECK(b.about.rating == 4.5);
  CHECK(b.about.subjects == std::vector<std::string>{"Art", "Sea"});
  CHECK(b.about.description_html == "<p>Good book</p>");
  CHECK(b.about.published_on == "2011-05-04");
  CHECK(identifier(b.about, "isbn_13") == "9780306406157");
  CHECK(identifier(b.about, "isbn_10") == "0306406152");
  CHECK(identifier(b.about, "google") == "abc");
  CHECK(identifier(b.about, "calibre_id") == "1");
  CHECK(identifier(b.about, "calibre_uuid") == "00000000-0000-4000-8000-000000000001");
  CHECK(b.uuid == "00000000-0000-4000-8000-000000000001");
  REQUIRE(b.added_at);
  CHECK(rfc3339(*b.added_at) == "2020-01-02T03:04:05Z");
  CHECK(b.last_modified == "2021-01-02 03:04:05+00:00");
  CHECK(b.cover == "Author/Title (1)/cover.jpg");
  CHECK(std::any_of(b.warnings.begin(), b.warnings.end(), [](const warning& w) { return w.code == "metadata_invalid_value"; }));
}

TEST_CASE("dates: undefined is none, and a time of the day is told in UTC", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.add({.timestamp = "0101-01-01 00:00:00+00:00", .pubdate = "0101-01-01 00:00:00+00:00"});
    m.add({.timestamp = "2020-01-02 03:04:05+02:00", .pubdate = "2010-12-31 23:00:00-05:00"});
    m.add({.timestamp = "nonsense", .pubdate = "0100-12-31 18:00:00+00:00"});
    m.add({.timestamp = "2999-01-02 03:04:05+00:00", .pubdate = "2011-01-01T00:00:00+01:00"});
  }
  told t = read_all(p);
  REQUIRE(t.books.size() == 4);
  CHECK(t.books[0].about.published_on.empty());
  CHECK_FALSE(t.books[0].added_at);
  CHECK(t.books[0].warnings.empty());
  CHECK(t.books[1].about.published_on == "2011-01-01");
  REQUIRE(t.books[1].added_at);
  CHECK(rfc3339(*t.books[1].added_at) == "2020-01-02T01:04:05Z");
  CHECK(t.books[2].about.published_on.empty());
  CHECK_FALSE(t.books[2].added_at);
  CHECK_FALSE(t.books[3].added_at);
}

TEST_CASE("an index belongs to a series", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.add({});
    m.add({});
    m.run(
        "insert into series (name) values ('S'); insert into books_series_link (book, series) values (2, 1);"
        "update books set series_index = 1e300 where id = 2");
  }
  told t = read_all(p);
  REQUIRE(t.books.size() == 2);
  CHECK_FALSE(t.books[0].about.series_index);
  CHECK(t.books[1].about.series == "S");
  CHECK_FALSE(t.books[1].about.series_index);
  CHECK(t.books[1].warnings.size() == 1);
}

TEST_CASE("custom columns are fields where Carrel has them, and kept where not", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.add({});
    m.run(
        "insert into custom_columns (label, datatype, normalized) values ('pages', 'int', 0), ('read', 'bool', 0), ('mood', "
        "'text', 1),"
        " ('arc', 'series', 1), ('subtitle', 'text', 1), ('gone', 'text', 0);"
        "create table custom_column_1 (id integer primary key, book integer, value int not null);"
        "create table custom_column_2 (id integer primary key, book integer, value bool);"
        "create table custom_column_3 (id integer primary key, value text collate pynocase);"
        "create table books_custom_column_3_link (id integer primary key, book integer, value integer);"
        "create table custom_column_4 (id integer primary key, value text);"
        "create table books_custom_column_4_link (id integer primary key, book integer, value integer, extra real);"
        "create table custom_column_5 (id integer primary key, value text);"
        "create table books_custom_column_5_link (id integer primary key, book integer, value integer);"
        "insert into custom_column_1 (book, value) values (1, 321); insert into custom_column_2 (book, value) values (1, 1);"
        "insert into custom_column_3 (value) values ('calm'), ('blue');"
        "insert into books_custom_column_3_link (book, value) values (1, 1), (1, 2);"
        "insert into custom_column_4 (value) values ('Arc'); insert into books_custom_column_4_link (book, value, extra) values "
        "(1, 1, 3.0);"
        "insert into custom_column_5 (value) values ('Under'); insert into books_custom_column_5_link (book, value) values (1, "
        "1)");
  }
  told t = read_all(p);
  INFO(t.refused);
  REQUIRE(t.books.size() == 1);
  const calibre::book& b = t.books[0];
  CHECK(b.about.page_count == 321);
  CHECK(b.about.page_count_source == "calibre");
  CHECK(b.about.subtitle == "Under");
  std::map<std::string, std::string> columns(b.columns.begin(), b.columns.end());
  CHECK(columns == std::map<std::string, std::string>{{"read", "yes"}, {"mood", "calm, blue"}, {"arc", "Arc [3.0]"}});
}

TEST_CASE("files are found in another case and another normal form, and never outside or through a link", "[calibre]") {
  place p;
  std::string composed = nfc("Gro\u00dfe \u00e9"), parted = nfd(composed);
  {
    calibre_maker m(p.library);
    m.add({.folder = composed + "/x (1)", .stem = composed, .files = {{"EPUB", ""}, {"PDF", ""}, {"ORIGINAL_EPUB", ""}}});
    fs::remove_all(p.library / composed);
    put(p.library / parted / "X (1)" / (parted + ".EPUB"), "one");
    m.add({.folder = "../outside", .files = {{"EPUB", "secret"}}});
    m.add({.folder = "linked/a", .files = {}});
    m.add({.folder = "A/b", .stem = "../../../outside/book", .files = {{"EPUB", ""}}});
    m.run("insert into data (book, format, name) values (3, 'EPUB', 'book')");
  }
  fs::remove_all(p.library / "linked");
  fs::create_directory_symlink(p.scratch.path / "outside", p.library / "linked");
  put(p.scratch.path / "outside" / "a" / "book.epub", "secret");
  told t = read_all(p);
  REQUIRE(t.books.size() == 4);
  REQUIRE(t.books[0].files.size() == 2);
  CHECK(t.books[0].files[0].path == parted + "/X (1)/" + parted + ".EPUB");
  CHECK(t.books[0].files[1].path.empty());
  CHECK(t.books[0].files[1].listed == composed + "/x (1)/" + composed + ".pdf");
  CHECK(t.books[0].kept_as == std::vector<std::string>{composed + "/x (1)/" + composed + ".original_epub"});
  for (std::size_t i = 1; i < 4; ++i) {
    REQUIRE(t.books[i].files.size() == 1);
    CHECK(t.books[i].files[0].path.empty());
  }
}

TEST_CASE("the books come in chunks, each with what belongs to it", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.run("begin");
    for (int i = 1; i <= 45; ++i) m.add({.title = "Book " + std::to_string(i), .author = "Author " + std::to_string(i)});
    m.run("commit; delete from books where id = 7");
  }
  told t = read_all(p, 10);
  REQUIRE(t.books.size() == 44);
  for (const calibre::book& b : t.books) {
    CHECK(b.about.title == "Book " + std::to_string(b.id));
    REQUIRE(b.about.authors.size() == 1);
    CHECK(b.about.authors[0].name == "Author " + std::to_string(b.id));
  }
}

TEST_CASE("two books of one number are two books", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.add({.uuid = "same"});
    m.add({.uuid = "same"});
    m.add({});
    m.run("update books set uuid = null where id = 3");
  }
  told t = read_all(p);
  REQUIRE(t.books.size() == 3);
  CHECK(t.books[0].uuid == "same");
  CHECK(t.books[1].uuid == "id-2");
  CHECK(t.books[2].uuid == "id-3");
}

TEST_CASE("nothing is written below the library and nothing stays in the scratch folder", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.run("pragma journal_mode = wal");
    m.add({.title = "In the log"});
    // As a killed Calibre leaves it: the log is there.
    fs::copy(p.library, p.scratch.path / "killed", fs::copy_options::recursive);
  }
  p.library = p.scratch.path / "killed";
  REQUIRE(fs::exists(p.library / "metadata.db-wal"));
  std::string before = state_of(p.library);
  told t = read_all(p);
  REQUIRE(t.books.size() == 1);
  CHECK(t.books[0].about.title == "In the log");
  CHECK(state_of(p.library) == before);
  CHECK(fs::is_empty(p.copies));
}

TEST_CASE("a transaction that was cut short is taken back in the copy", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.run("pragma cache_size = 1; pragma cache_spill = 1");
    m.add({.title = "Before"});
    m.run("begin immediate; update books set title = 'Half'");
    for (int i = 0; i < 50; ++i)
      m.run("insert into comments (book, text) values (" + std::to_string(i + 10) + ", hex(zeroblob(4000)))");
    fs::copy(p.library, p.scratch.path / "killed", fs::copy_options::recursive);
    m.run("rollback");
  }
  p.library = p.scratch.path / "killed";
  REQUIRE(fs::file_size(p.library / "metadata.db-journal") > 512);
  told t = read_all(p);
  REQUIRE(t.books.size() == 1);
  CHECK(t.books[0].about.title == "Before");
}

TEST_CASE("a journal that names another one takes no file of ours away", "[calibre]") {
  place p;
  { calibre_maker(p.library).add({.title = "Only"}); }
  fs::path precious = p.scratch.path / "precious";
  put(precious, "precious");
  // The tail that SQLite looks for: page, name, length, sum of its bytes, magic.
  std::string name = precious.native(), journal("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8);
  auto number = [](std::uint32_t n) {
    return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)};
  };
  std::uint32_t sum = 0;
  for (char c : name) sum += static_cast<std::uint32_t>(static_cast<signed char>(c));
  journal += number(0) + number(1) + number(1) + number(512) + number(4096);
  journal.resize(512, '\0');
  journal += number(0x40000000 / 4096 + 1) + name + number(static_cast<std::uint32_t>(name.size())) + number(sum) +
             std::string("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8);
  put(p.library / "metadata.db-journal", journal);
  told t = read_all(p);
  INFO(t.refused);
  CHECK(t.books.size() == 1);
  CHECK(harness::read_file(precious) == "precious");
}

TEST_CASE("what is no Calibre library is refused by name", "[calibre]") {
  place p;
  CHECK(read_all(p).refused == "calibre_no_library");
  fs::create_directories(p.library);
  CHECK(read_all(p).refused == "calibre_no_library");
  fs::create_symlink("/etc/passwd", p.library / "metadata.db");
  CHECK(read_all(p).refused == "calibre_no_library");
  fs::remove(p.library / "metadata.db");
  put(p.library / "metadata.db",
      "no database at all, and long enough to be looked at as one............................................");
  CHECK(read_all(p).refused == "calibre_damaged");
  put(p.library / "metadata.db", "");
  CHECK(read_all(p).refused == "calibre_unknown_schema");
  CHECK(fs::is_empty(p.copies));
}

TEST_CASE("a library of a newer Calibre is read with a warning", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.add({});
    m.run("pragma user_version = 28");
  }
  told t = read_all(p);
  CHECK(t.books.size() == 1);
  REQUIRE(t.warnings.size() == 1);
  CHECK(t.warnings[0] == warning{"calibre_newer", "28"});
}

TEST_CASE("views, virtual tables and computed columns in the place of tables are refused", "[calibre]") {
  for (const char* sql :
       {"create view books as with recursive n (id) as (select 1 union all select id + 1 from n) select id, '' as title, '' as"
        " sort, '' as timestamp, '' as pubdate, 1 as series_index, '' as author_sort, '' as path, '' as uuid, '' as"
        " last_modified from n",
        "create table books (id integer primary key, title as (printf('%.*c', 30000000, 'x')), sort, timestamp, pubdate,"
        " series_index, author_sort, path, uuid, last_modified)",
        "create table books (id integer primary key, name)"}) {
    place p;
    {
      calibre_maker m(p.library);
      m.run(std::string("drop trigger books_insert_trg; drop view meta; drop table books;") + sql);
    }
    CHECK(read_all(p).refused == "calibre_unknown_schema");
  }
}

TEST_CASE("numbers that are none, huge texts and endless lists are cut or refused", "[calibre]") {
  place p;
  {
    calibre_maker m(p.library);
    m.add({});
    m.run(
        "update books set title = replace(hex(zeroblob(3000000)), '0', 'x'), series_index = 'abc', sort = x'ff00fe', timestamp = "
        "7;"
        "insert into comments (book, text) values (1, replace(hex(zeroblob(3000000)), '00', '<p>x'));"
        "insert into series (name) values ('S'); insert into books_series_link (book, series) values (1, 1);"
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000)"
        " insert into tags (name) select 'tag ' || i from n;"
        "insert into books_tags_link (book, tag) select 1, id from tags;"
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000)"
        " insert into authors (name, sort) select 'author ' || i, 'author ' || i from n;"
        "insert or ignore into books_authors_link (book, author) select 1, id from authors");
  }
  told t = read_all(p);
  INFO(t.refused);
  REQUIRE(t.books.size() == 1);
  const metadata& m = t.books[0].about;
  CHECK(m.title.size() <= 1000);
  CHECK(m.description_html.size() <= (64 << 10));
  CHECK(m.subjects.size() == 500);
  CHECK(m.authors.size() == 200);
  CHECK(json::parse(json::dump(json::value(m.title_sort))));
}

TEST_CASE("damaged databases end as a refusal or as books", "[calibre]") {
  place good;
  {
    calibre_maker m(good.library);
    m.run("begin");
    for (int i = 0; i < 60; ++i) m.add({.title = "Book " + std::to_string(i), .author = "Author " + std::to_string(i)});
    m.run("commit");
  }
  std::string bytes = harness::read_file(good.library / "metadata.db");
  std::mt19937 random(7);  // NOLINT: the same every time
  for (int round = 0; round < 150; ++round) {
    std::string bad = bytes;
    if (round % 5 == 4) {
      bad.resize(random() % bad.size());
    } else {
      for (int i = 0; i < 1 + round % 7; ++i) bad[random() % (round % 2 == 0 ? bad.size() : 4096)] = static_cast<char>(random());
    }
    place p;
    fs::create_directories(p.library);
    put(p.library / "metadata.db", bad);
    told t = read_all(p);
    if (t.refused.empty()) CHECK(t.books.size() <= 60);
    if (!t.refused.empty()) CHECK(t.refused.starts_with("calibre_"));
    CHECK(fs::is_empty(p.copies));
  }
}

TEST_CASE("the corpus' Calibre library is read as its manifest says", "[calibre]") {
  fs::path maker = harness::shared_folder() / "corpus" / "make_corpus.py";
  if (!fs::exists(maker)) {
    WARN("no ../shared/corpus here: this check did not run");
    return;
  }
  place p;
  fs::path out = p.scratch.path / "lib";
  std::string command = "python3 '" + maker.native() + "' --out '" + out.native() + "' --epub 1 --calibre 20 > /dev/null";
  REQUIRE(std::system(command.c_str()) == 0);  // NOLINT
  auto manifest = json::read_object(harness::read_file(out / "manifest.json"));
  REQUIRE(manifest);
  const json::object& described = *manifest->find("calibre")->as_object();
  p.library = out / "calibre-library";
  std::string before = state_of(p.library);
  told t = read_all(p, 7);
  const json::array& expected = *described.find("books")->as_array();
  REQUIRE(t.books.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const json::object& e = *expected[i].as_object();
    const calibre::book& b = t.books[i];
    std::string text, oddity;
    e.take("oddity", oddity);
    INFO(i << " " << oddity);
    e.take("title", text);
    CHECK(b.about.title == clean_text(text, 1000));
    e.take("uuid", text);
    CHECK(b.uuid == text);
    std::vector<std::string> authors, formats, shown;
    e.take("authors", authors);
    for (const person& a : b.about.authors) shown.push_back(a.name);
    CHECK(shown == authors);
    text.clear();
    e.take("published", text);
    CHECK(b.about.published_on == text);
    text.clear();
    e.take("series", text);
    CHECK(b.about.series == text);
    e.take("language", text);
    CHECK(b.about.languages == std::vector<std::string>{text});
    double rating = 0;
    e.take("rating", rating);
    CHECK(b.about.rating.value_or(0) == rating);
    e.take("formats", formats);
    std::erase(formats, "ORIGINAL_EPUB");
    auto there = std::count_if(b.files.begin(), b.files.end(), [](const calibre::found_file& f) { return !f.path.empty(); });
    CHECK(static_cast<std::size_t>(there) == formats.size());
    CHECK(b.cover.empty() == (oddity == "cover_missing_on_disk"));
    CHECK(b.about.page_count == (oddity == "rating_and_custom_column" ? 321 : 0));
  }
  CHECK(state_of(p.library) == before);
}
