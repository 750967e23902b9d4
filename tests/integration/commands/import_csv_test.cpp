// `carrel import csv`, and what `carrel book set` says of a reader.
#include <fstream>

#include "tests/integration/commands/shell.hpp"

using namespace carrel;
using namespace carrel::commands::tests;
namespace fs = std::filesystem;

namespace {

struct desk : shell {
  desk() { add_user("ada", library::role::owner), add_user("bo"); }

  uuid book(const std::string& title, const std::string& author = "Ada Lark", const std::string& isbn = "") {
    return write([&](db::tx& tx) {
      publication::metadata m;
      m.title = title;
      m.authors.push_back({.name = author, .sort = ""});
      if (!isbn.empty()) m.identifiers.emplace_back("isbn_13", isbn);
      library::new_file f;
      f.id = uuid::make();
      f.format = "epub";
      f.original_name = title + ".epub";
      f.extension = ".epub";
      f.checksum = sha256_hex(f.id.text());
      f.storage_path = "library/x";
      uuid id = library::add_book(tx, uuid::make(), "organized", m, f, std::nullopt, std::nullopt);
      library::bump_revision(tx);
      return id;
    });
  }

  std::string file(const std::string& bytes) {
    static const fs::path folder = fs::absolute(harness::fresh_folder("lists"));
    fs::path path = folder / (std::to_string(++files_) + ".csv");
    std::ofstream(path, std::ios::binary) << bytes;
    return "'" + path.native() + "'";
  }

  outcome import(const std::string& bytes, const std::string& more = "") {
    return run("import csv --json " + more + " " + file(bytes));
  }

  std::int64_t count(const outcome& o, const std::string& name) {
    result<json::object> document = json::read_object(o.out);
    INFO(o.out << o.err);
    REQUIRE(document);
    const json::value* summary = document->find("summary");
    REQUIRE(summary);
    std::int64_t out = -1;
    REQUIRE(summary->as_object()->take(name, out));
    return out;
  }

  std::string opinion(const uuid& book, const std::string& user = "ada") {
    return write([&](db::tx& tx) {
      db::rows rows = tx.run(sql, user, book);
      return rows.empty() ? std::string() : rows[0].text(0);
    });
  }

 private:
  static constexpr db::statement sql{"test.opinion_words", R"sql(
    select concat_ws(' ', o.state, o.rating, o.started_on, o.finished_on, o.review)
      from opinions o join users u on u.id = o.user_id where u.name = $1 and o.book_id = $2)sql"};
  int files_ = 0;
};

const std::string head = "Title,Author,ISBN,Rating,State,Date read,Review\r\n";

}  // namespace

TEST_CASE("a list is brought in for one reader, with an account of every row, and again changes nothing") {
  desk d;
  uuid by_isbn = d.book("Harbour", "Ada Lark", "9780306406157"), by_title = d.book("The Tide"), twin = d.book("Twin");
  d.book("Twin");
  std::string list = "\xef\xbb\xbf" + head +
                     "Somewhere,Nobody,=\"0306406152\",4.5,read,2021/03/15,\"Two\r\nlines\"\r\n"
                     "Tide,\"Lark, Ada\",,,to-read,,\r\n"
                     "Twin,Ada Lark,,3,,,\r\n"
                     "Not here,Ada Lark,,3,,,\r\n"
                     "The Tide,Ada Lark,,2,abandoned,,\r\n"
                     "The Tide,Ada Lark,,9,,,\r\n";
  outcome dry = d.import(list, "--dry-run --user bo");
  CHECK(dry.status == 0);
  CHECK(d.count(dry, "changed") == 2);
  CHECK(d.opinion(by_isbn, "bo").empty());

  outcome first = d.import(list, "--user bo");
  INFO(first.out);
  CHECK(first.status == 0);
  for (auto [name, number] : {std::pair{"rows", 6},
                              {"matched", 4},
                              {"matched_by_isbn", 1},
                              {"changed", 2},
                              {"unchanged", 0},
                              {"unmatched", 1},
                              {"ambiguous", 1},
                              {"repeated", 2},
                              {"unclear", 1},
                              {"failed", 0},
                              {"kept", 0}}) {
    INFO(name);
    CHECK(d.count(first, name) == number);
    CHECK(d.count(dry, name) == number);
  }
  CHECK(d.opinion(by_isbn, "bo") == "read 9  2021-03-15 Two\nlines");
  CHECK(d.opinion(by_title, "bo") == "wanted   ");
  CHECK(d.opinion(twin, "bo").empty());
  CHECK(d.opinion(by_isbn).empty());
  CHECK(first.says("\"line\":6,\"title\":\"Not here\""));
  CHECK(first.says(twin.text()));
  CHECK(first.says("\"columns\":[\"rating\"]"));

  outcome again = d.import(list, "--user bo");
  CHECK(d.count(again, "changed") == 0);
  CHECK(d.count(again, "unchanged") == 2);
  outcome words = d.run("import csv --user bo " + d.file(list));
  CHECK(words.says("6 rows (csv): 4 are books here (1 by ISBN), 1 are not, 1 may be several, 0 could not be read."));
  CHECK(words.says("Line 6: Not here - Ada Lark"));
}

TEST_CASE("what was set by hand stays, and is listed") {
  desk d;
  uuid book = d.book("Harbour");
  CHECK(d.run("book set Harbour rating=2 state=abandoned").status == 0);
  outcome o = d.import(head + "Harbour,Ada Lark,,5,read,2020-01-01,\n");
  CHECK(d.count(o, "kept") == 1);
  CHECK(d.count(o, "changed") == 0);
  CHECK(d.opinion(book) == "abandoned 4   ");
}

TEST_CASE("a file that is no list ends with a reason, and rows that cannot be read with their line") {
  desk d;
  d.book("Harbour");
  using namespace std::string_literals;
  for (auto [bytes, code] : {std::pair{""s, "csv_empty"s},
                             {"Harbour,5\n"s, "csv_unknown"s},
                             {"\xff\xfeT\0"s, "csv_wide"s},
                             {"PK\x03\x04\0\0"s, "csv_unreadable"s}}) {
    outcome o = d.import(bytes);
    CHECK(o.status == 1);
    CHECK(o.says("\"code\":\"" + code + "\""));
  }
  CHECK(d.run("import csv --json '/nowhere/list.csv'").status == 3);
  CHECK(d.run("import csv --user nobody " + d.file(head)).status == 3);
  CHECK(d.import(head).status == 0);

  outcome o = d.import(head + "Harbour,Ada Lark,,4\n" + "H\0,x,,4,,,\n"s + "\xff,x,,4,,,\n" + std::string(2'000'000, 'x') +
                       "\nHarbour,Ada Lark,,4,,,\n\"never closed,x,,4,,,\n");
  CHECK(o.status == 5);
  CHECK(d.count(o, "failed") == 5);
  CHECK(d.count(o, "changed") == 1);
  for (const char* code :
       {"\"line\":2,\"code\":\"csv_columns\"", "\"line\":3,\"code\":\"csv_no_text\"", "\"line\":4,\"code\":\"csv_no_text\"",
        "\"line\":5,\"code\":\"csv_too_long\"", "\"line\":7,\"code\":\"csv_open_quote\""})
    CHECK(o.says(code));
  CHECK(d.import(head + "x\n").status == 1);  // nothing but failures
}

TEST_CASE("a long list is counted to its end, and what is told of it is not without end") {
  desk d;
  d.book("Book 20999");
  std::string list = head;
  for (int i = 0; i < 21'000; ++i) list += "Book " + std::to_string(i) + ",Ada Lark,,4,,,\n";
  outcome o = d.import(list);
  CHECK(o.status == 0);
  CHECK(d.count(o, "rows") == 21'000);
  CHECK(d.count(o, "unmatched") == 20'999);
  CHECK(d.count(o, "changed") == 1);
  result<json::object> document = json::read_object(o.out);
  CHECK(document->find("unmatched")->as_array()->size() == 10'000);
}

TEST_CASE("book set says what a reader thinks, which locks nothing, and book show tells it") {
  desk d;
  uuid book = d.book("Harbour");
  outcome o = d.run("book set Harbour rating=4.5 state=read finished=2021-03-15 'review=A fine one' --user bo --json");
  INFO(o.err);
  CHECK(o.status == 0);
  CHECK(o.says(R"("reading":{"state":"read","rating":4.5})"));
  CHECK(o.says("\"locked_fields\":[]"));
  CHECK(d.opinion(book, "bo") == "read 9  2021-03-15 A fine one");
  CHECK(d.run("book show Harbour --user bo").says("4.5"));
  CHECK(d.run("book show Harbour --json").says(R"("reading":{"state":"unread","rating":null})"));
  CHECK(d.run("book find Harbour --user bo --json").says(R"("reading":{"state":"read","rating":4.5})"));
  CHECK(d.run("book set Harbour rating= state= --user bo").status == 0);
  CHECK(d.opinion(book, "bo") == " 2021-03-15 A fine one");

  outcome both = d.run("book set Harbour rating=3 subtitle=Sea --json");
  CHECK(both.says("\"locked_fields\":[\"subtitle\"]"));
  CHECK(d.opinion(book) == "6   ");
  for (const char* bad : {"rating=7", "rating=good", "state=done", "finished=soon", "'finished=2021' 'started=2022'"})
    CHECK(d.run(std::string("book set Harbour ") + bad).status == 2);
  CHECK(d.run("book set Harbour rating=1 --dry-run").status == 0);
  CHECK(d.opinion(book) == "6   ");
}
