#include "publication/reading_list.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "publication/calibre/reading.hpp"
#include "publication/unicode.hpp"

using namespace carrel;
using namespace carrel::publication;

namespace {

const std::string goodreads_header =
    "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,Binding,Number of "
    "Pages,Year "
    "Published,Original Publication Year,Date Read,Date Added,Bookshelves,Bookshelves with positions,Exclusive Shelf,My "
    "Review,Spoiler,Private Notes,Read Count,Owned Copies\n";
const std::string storygraph_header =
    "Title,Authors,Contributors,ISBN/UID,Format,Read Status,Date Added,Last Date Read,Dates Read,Read "
    "Count,Moods,Pace,Character- or "
    "Plot-Driven?,Strong Character Development?,Loveable Characters?,Diverse Characters?,Flawed Characters?,Star "
    "Rating,Review,Content "
    "Warnings,Content Warning Description,Tags,Owned?\n";

std::vector<reading_list_row> rows_of(const std::string& text, reading_list::kind kind = reading_list::kind::other) {
  result<reading_list, refusal> list = reading_list::open(bytes_of_text(text));
  REQUIRE(list);
  CHECK(list->from() == kind);
  std::vector<reading_list_row> out;
  for (reading_list_row row; list->next(row);) out.push_back(row);
  return out;
}

reading_list_row only(const std::string& text, reading_list::kind kind = reading_list::kind::other) {
  std::vector<reading_list_row> rows = rows_of(text, kind);
  REQUIRE(rows.size() == 1);
  return rows[0];
}

std::string refused(std::string_view text) {
  result<reading_list, refusal> list = reading_list::open(bytes_of_text(text));
  REQUIRE_FALSE(list);
  CHECK_FALSE(message_for(list.error().code, "").empty());
  return list.error().code;
}

}  // namespace

TEST_CASE("a row of Goodreads tells state, stars, days and review") {
  std::string file =
      std::string(csv_mark) + goodreads_header +
      "5907,\"The Hobbit, or There and Back Again (The Lord of the Rings, #0)\",J.R.R. Tolkien,\"Tolkien, "
      "J.R.R.\",\"Alan Lee, Douglas A. Anderson\",\"=\"\"0306406152\"\"\",=\"9780306406157\",4,4.29,Houghton "
      "Mifflin,Paperback,366,2002,1937,2021/03/15,2020/12/01,\"favorites, fantasy\",\"favorites (#1)\",read,\"First "
      "line.<br/><br/>Second &amp; \"\"last\"\".\",,,1,0\r\n";
  reading_list_row row = only(file, reading_list::kind::goodreads);
  CHECK(row.title == "The Hobbit, or There and Back Again (The Lord of the Rings, #0)");
  CHECK(row.authors == std::vector<std::string>{"J.R.R. Tolkien", "Alan Lee", "Douglas A. Anderson"});
  CHECK(row.isbns == std::vector<std::string>{"9780306406157"});  // both forms of one
  CHECK(row.says.state == reading_state::read);
  CHECK(row.says.rating == 8);
  CHECK(row.says.finished == "2021-03-15");
  CHECK(row.says.listed == "2020-12-01");
  CHECK(row.says.started.empty());
  CHECK(row.says.review.find("First line.") == 0);
  CHECK(row.says.review.find("Second & \"last\".") != std::string::npos);
  CHECK(row.unclear.empty());
  CHECK(row.line == 2);
}

TEST_CASE("no stars of Goodreads are none, and a shelf that somebody made says what its name says, or nothing") {
  auto state_on = [&](const std::string& shelf) {
    reading_list_row row = only(goodreads_header + "1,A,B,,,=\"\",=\"\",0,,,,,,,,2020/12/01,,," + shelf + ",,,,0,0\n",
                                reading_list::kind::goodreads);
    CHECK(row.says.rating == 0);
    CHECK(row.isbns.empty());
    CHECK(row.unclear.empty());
    return row.says.state;
  };
  CHECK(state_on("to-read") == reading_state::wanted);
  CHECK(state_on("currently-reading") == reading_state::reading);
  CHECK(state_on("did-not-finish") == reading_state::abandoned);
  CHECK(state_on("dnf") == reading_state::abandoned);
  CHECK_FALSE(state_on("my-cellar"));
}

TEST_CASE("a row of StoryGraph tells quarter stars to the nearest half, and the last of several readings") {
  std::string file =
      storygraph_header +
      "Harbour of Glass,\"Ada Lark, Bo Finch\",,9780306406157,digital,read,2020/01/02,2022/05/09,\"2021/03/01-2021/03/15, "
      "2022/05/02-2022/05/09\",2,\"dark, tense\",fast,Plot,,,,,4.25,Good.,,,,No\n"
      "Other,Ada Lark,,8b1a9953-c461-4296-a827-abf8c47804d7,audio,did-not-finish,2020/01/02,,,0,,,,,,,,,,,,,No\n";
  std::vector<reading_list_row> rows = rows_of(file, reading_list::kind::storygraph);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].authors == std::vector<std::string>{"Ada Lark", "Bo Finch"});
  CHECK(rows[0].says.rating == 9);
  CHECK(rows[0].says.started == "2022-05-02");
  CHECK(rows[0].says.finished == "2022-05-09");
  CHECK(rows[0].says.review == "Good.");
  CHECK(rows[1].says.state == reading_state::abandoned);
  CHECK(rows[1].says.rating == 0);
  CHECK(rows[1].isbns.empty());
  CHECK(rows[1].unclear.empty());
}

TEST_CASE("other tables are read by the names of their columns, in three languages") {
  reading_list_row row = only("Titel;Autor;ISBN;Bewertung;Gelesen am\nDer Hafen;Lark, Ada;978-0-306-40615-7;4,5;15.03.2021\n");
  CHECK(row.title == "Der Hafen");
  CHECK(row.authors == std::vector<std::string>{"Ada Lark"});
  CHECK(row.isbns == std::vector<std::string>{"9780306406157"});
  CHECK(row.says.rating == 9);
  CHECK(row.says.finished == "2021-03-15");
  CHECK(row.says.state == reading_state::read);  // a book that was finished is read

  row = only("titre,auteur,lu\nLe Port,Ada Lark,oui\n");
  CHECK(row.says.state == reading_state::read);
  row = only("title,author,read\nHarbour,Ada Lark,2020-07\n");
  CHECK(row.says.state == reading_state::read);
  CHECK(row.says.finished == "2020-07");
}

TEST_CASE("a value that may mean two things is left out and named") {
  reading_list_row row = only("title,author,rating,date read,status\nA,B,7,01/05/2023,perhaps\n");
  CHECK(row.says.empty());
  CHECK(row.unclear == std::vector<std::string>{"rating", "status", "date read"});
}

TEST_CASE("a beginning after the end is none") {
  reading_list_row row = only("title,started,finished\nA,2021-05-01,2021-04-01\n");
  CHECK(row.says.started.empty());
  CHECK(row.says.finished == "2021-04-01");
}

TEST_CASE("stars are read in the forms that people use") {
  CHECK(halves_of_stars("4") == 8);
  CHECK(halves_of_stars("4.5") == 9);
  CHECK(halves_of_stars("4,5") == 9);
  CHECK(halves_of_stars("0.1") == 1);  // some are not none
  CHECK(halves_of_stars("8/10") == 8);
  CHECK(halves_of_stars("80 / 100") == 8);
  CHECK(halves_of_stars("★★★½☆") == 7);
  CHECK(halves_of_stars("") == 0);
  CHECK(halves_of_stars("0") == 0);
  for (const char* bad : {"5.5", "6", "-1", "nan", "inf", "1e1", "4/7", "four", "4.5.1", "11/10", "/"})
    CHECK_FALSE(halves_of_stars(bad));
  CHECK(stars_text(9) == "4.5");
  CHECK(stars_text(8) == "4");
  CHECK(stars_text(0).empty());
}

TEST_CASE("states are known by their names and by what people call them") {
  for (reading_state s :
       {reading_state::unread, reading_state::wanted, reading_state::reading, reading_state::read, reading_state::abandoned}) {
    CHECK(reading_state_named(name_of(s)) == s);
    CHECK(reading_state_from(name_of(s)) == s);
  }
  CHECK_FALSE(reading_state_named("Read"));
  CHECK(reading_state_from("Want to Read") == reading_state::wanted);
  CHECK(reading_state_from("À lire") == reading_state::wanted);
  CHECK(reading_state_from("abgebrochen") == reading_state::abandoned);
  CHECK(reading_state_from("No") == reading_state::unread);
  CHECK_FALSE(reading_state_from(""));
  CHECK_FALSE(reading_state_from("read|finished"));
}

TEST_CASE("a file that is no such list is refused with a reason") {
  using namespace std::string_literals;
  CHECK(refused("") == "csv_empty");
  CHECK(refused("\n\r\n") == "csv_empty");
  CHECK(refused("\xff\xfeT\0i\0"s) == "csv_wide");
  CHECK(refused("PK\x03\x04\0\0\0\0"s) == "csv_unreadable");
  CHECK(refused("The Hobbit,J.R.R. Tolkien,5\n") == "csv_unknown");
  CHECK(refused("title,author\nA,B\n") == "csv_unknown");
  CHECK(refused("rating,state\n5,read\n") == "csv_unknown");
  CHECK(refused(std::string(3'000'000, 'x')) == "csv_unreadable");
}

TEST_CASE("a row that cannot be read is named with its line, and the next one counts") {
  using namespace std::string_literals;
  std::vector<reading_list_row> rows = rows_of("title,author,rating\nA,B\nC,D,4,5\nE\0,F,4\nG,\xff,4\nH,I,4\n"s);
  REQUIRE(rows.size() == 5);
  CHECK(rows[0].trouble == "csv_columns");
  CHECK(rows[1].trouble == "csv_columns");
  CHECK(rows[2].trouble == "csv_no_text");
  CHECK(rows[3].trouble == "csv_no_text");
  CHECK(rows[4].trouble.empty());
  CHECK(rows[4].line == 6);
  for (const reading_list_row& row : rows) CHECK((row.trouble.empty() || message_for(row.trouble, "") != row.trouble));
}

TEST_CASE("whatever is done to a list, what comes out of it is within its limits") {
  std::mt19937 random(11);
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const std::string sample =
      storygraph_header +
      "Harbour,\"Ada Lark, Bo Finch\",,9780306406157,digital,read,2020/01/02,2022/05/09,\"2021/03/01-2021/03/15, "
      "2022/05/02-2022/05/09\",2,dark,fast,Plot,,,,,4.25,<b>Good</b>,,,,No\n";
  for (int i = 0; i < 5000; ++i) {
    std::string text = sample;
    for (std::size_t n = 1 + below(8); n > 0; --n) {
      std::size_t at = below(text.size());
      switch (below(4)) {
        case 0: text[at] = static_cast<char>(below(256)); break;
        case 1: text.erase(at, 1 + below(20)); break;
        case 2: text.insert(at, text.substr(below(text.size()), below(80))); break;
        default: text.insert(at, 1, ",;\"\n\r"[below(5)]); break;
      }
    }
    result<reading_list, refusal> list = reading_list::open(bytes_of_text(text));
    if (!list) continue;
    for (reading_list_row row; list->next(row);) {
      CHECK(row.says.rating >= 0);
      CHECK(row.says.rating <= most_halves);
      CHECK(row.title.size() <= 1000);
      CHECK(row.says.review.size() <= 20'000);
      for (const std::string& day : {row.says.started, row.says.finished}) CHECK((day.empty() || date(day) == day));
      for (const std::string& isbn : row.isbns) CHECK(isbn.size() == 13);
    }
  }
}

TEST_CASE("columns of Calibre tell a state by a yes, a word or a day") {
  calibre::book b;
  b.about.rating = 4.5;
  b.columns = {
      {"read", "yes"}, {"date_read", "2021-03-15 00:00:00+00:00"}, {"mood", "read"}, {"review", "<p>Good &amp; long</p>"}};
  heard_opinion o = calibre::opinion_of(b, "");
  CHECK(o.state == reading_state::read);
  CHECK(o.rating == 9);
  CHECK(o.finished == "2021-03-15");
  CHECK(o.review == "Good & long");

  b.columns = {{"Gelesen_Am", "2021-03"}};
  o = calibre::opinion_of(b, "");
  CHECK(o.state == reading_state::read);
  CHECK(o.finished == "2021-03");
  b.columns = {{"gelesen", "no"}};
  CHECK(calibre::opinion_of(b, "").state == reading_state::unread);
  b.columns = {{"lu", "2020-05-04"}};
  CHECK(calibre::opinion_of(b, "").finished == "2020-05-04");
  b.columns = {{"status", "To Read"}, {"own", "dnf"}};
  CHECK(calibre::opinion_of(b, "").state == reading_state::wanted);
  CHECK(calibre::opinion_of(b, "#own").state == reading_state::abandoned);
  CHECK_FALSE(calibre::opinion_of(b, "nowhere").state);
  b.columns = {{"read", "at the beach"}};
  CHECK_FALSE(calibre::opinion_of(b, "").state);
}
