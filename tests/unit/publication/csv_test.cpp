#include "publication/csv.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>
#include <random>

#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::publication;

namespace {

using table = std::vector<std::vector<std::string>>;

std::vector<csv_row> rows_of(std::string_view text, csv_limits limits = {}) {
  csv_reader in(bytes_of_text(text), limits);
  std::vector<csv_row> out;
  for (csv_row row; in.next(row);) out.push_back(row);
  return out;
}

table fields_of(std::string_view text) {
  table out;
  for (csv_row& row : rows_of(text)) {
    CHECK(row.trouble == csv_trouble::none);
    out.push_back(std::move(row.fields));
  }
  return out;
}

csv_row only_row(std::string_view text, csv_limits limits = {}) {
  std::vector<csv_row> rows = rows_of(text, limits);
  REQUIRE(rows.size() == 1);
  return rows[0];
}

// In pieces of every size, as a pipe gives them.
byte_source in_pieces(std::string_view text, std::size_t piece) {
  return [source = bytes_of_text(text), piece](char* to, std::size_t most) { return source(to, std::min(most, piece)); };
}

}  // namespace

TEST_CASE("rows and fields are found whatever ends a line, and lines without anything are left out") {
  table expected{{"a", "b"}, {"c", ""}, {"", "d"}};
  CHECK(fields_of("a,b\nc,\n,d\n") == expected);
  CHECK(fields_of("a,b\r\nc,\r\n,d") == expected);
  CHECK(fields_of("a,b\rc,\r\r,d\r") == expected);
  CHECK(fields_of("\n\na,b\n\r\nc,\n\n,d\n\n\n") == expected);
  CHECK(fields_of("").empty());
  CHECK(fields_of("\r\n").empty());
}

TEST_CASE("quotes hold separators, line ends and quotes, and the line of each row is known") {
  std::vector<csv_row> rows = rows_of("x,\"one, \"\"two\"\"\r\nthree\",y\r\nz\n\"\"\n\"a\nb\rc\"\nlast\n");
  REQUIRE(rows.size() == 5);
  CHECK(rows[0].fields == std::vector<std::string>{"x", "one, \"two\"\r\nthree", "y"});
  CHECK(rows[1].line == 3);
  CHECK(rows[2].fields == std::vector<std::string>{""});
  CHECK(rows[3].fields == std::vector<std::string>{"a\nb\rc"});
  CHECK(rows[4].line == 8);
}

TEST_CASE("a quote inside a field is one, and what follows a closed quote belongs to the field") {
  CHECK(fields_of("5\" disk,\"a\"b,\"a\"\"\"\n") == table{{"5\" disk", "ab", "a\""}});
}

TEST_CASE("a byte order mark is no part of the first name") {
  CHECK(fields_of("\xef\xbb\xbfTitle,x\n1,2\n") == table{{"Title", "x"}, {"1", "2"}});
  CHECK(fields_of("\xef\xbb\xbf\"Title\",x\n") == table{{"Title", "x"}});
}

TEST_CASE("the separator is what the first line has most of, or what the file says") {
  CHECK(fields_of("Title;Rating\nA, B and C;5\n") == table{{"Title", "Rating"}, {"A, B and C", "5"}});
  CHECK(fields_of("Title\tRating\nx;y\t5\n") == table{{"Title", "Rating"}, {"x;y", "5"}});
  CHECK(fields_of("\"a;b;c;d\",e\n") == table{{"a;b;c;d", "e"}});
  CHECK(fields_of("sep=;\r\na,b,c;d\r\n") == table{{"a,b,c", "d"}});
  CHECK(fields_of("SEP=|\na|b,c\n") == table{{"a", "b,c"}});
  CHECK(fields_of("separate\nx\n") == table{{"separate"}, {"x"}});
}

TEST_CASE("what dresses a number up for spreadsheets is taken off") {
  CHECK(fields_of("=\"0306406157\",\"=\"\"9780306406157\"\"\",=\"\",'=1+1,'Salem,''Salem\n") ==
        table{{"0306406157", "9780306406157", "", "=1+1", "'Salem", "'Salem"}});
}

TEST_CASE("a row that is too long is passed over in bounded memory, and the next one is read") {
  csv_limits small{.row = 100, .fields = 5};
  std::vector<csv_row> rows = rows_of("a,b\n" + std::string(100'000, 'x') + ",y\nc,d\n", small);
  REQUIRE(rows.size() == 3);
  CHECK(rows[1].trouble == csv_trouble::too_long);
  CHECK(rows[1].fields.empty());
  CHECK(rows[1].line == 2);
  CHECK(rows[2].fields == std::vector<std::string>{"c", "d"});
  CHECK(rows[2].line == 3);

  rows = rows_of("1,2,3,4,5,6\n1,2,3,4,5\n", small);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].trouble == csv_trouble::too_many_fields);
  CHECK(rows[1].fields.size() == 5);
  CHECK(only_row(std::string(200, ','), small).trouble != csv_trouble::none);
}

TEST_CASE("a gigabyte in one line needs no more memory than a row may have") {
  std::size_t left = std::size_t{1} << 30, largest = 0;
  csv_reader in([&](char* to, std::size_t most) {
    std::size_t n = std::min(left, most);
    std::fill_n(to, n, left > (std::size_t{1} << 29) ? 'x' : '"');
    left -= n;
    largest = std::max(largest, most);
    return n;
  });
  csv_row row;
  REQUIRE(in.next(row));
  CHECK(row.trouble == csv_trouble::too_long);
  CHECK_FALSE(in.next(row));
  CHECK(largest <= (std::size_t{64} << 10));
}

TEST_CASE("a quote that is never closed swallows no more than a row may have") {
  csv_limits small{.row = 20, .fields = 5};
  std::vector<csv_row> rows = rows_of("a,\"b\nc,d\ne,f\ng,h\ni,j\nk,l\nm,n\no,p\n", small);
  REQUIRE(rows.size() > 2);
  CHECK(rows[0].trouble == csv_trouble::too_long);
  CHECK(rows.back().fields == std::vector<std::string>{"o", "p"});
  CHECK(rows.back().line == 8);
  CHECK(only_row("a,\"b\nc,d\n").trouble == csv_trouble::open_quote);
}

TEST_CASE("what is no text is named, and the row after it is read") {
  using namespace std::string_literals;
  std::vector<csv_row> rows = rows_of("a,b\0c\nd,\xff\xfe\ne,f\n"s);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].trouble == csv_trouble::no_text);
  CHECK(rows[1].trouble == csv_trouble::no_text);
  CHECK(rows[2].fields == std::vector<std::string>{"e", "f"});

  std::string wide = "\xff\xfeT\0i\0t\0l\0e\0\n\0"s;
  csv_reader in(bytes_of_text(wide));
  csv_row row;
  REQUIRE(in.next(row));
  CHECK(in.is_wide());
  CHECK(row.trouble == csv_trouble::no_text);
  CHECK_FALSE(in.next(row));
}

TEST_CASE("columns are found by their names, whatever their case and order") {
  std::vector<csv_row> rows = rows_of(" Title ,RATING,title\nA, 4.5 ,B\nC\n");
  csv_columns columns(rows.at(0));
  CHECK(columns.has("rating"));
  CHECK_FALSE(columns.has("author"));
  CHECK(columns.of(rows.at(1), "title") == "A");
  CHECK(columns.of(rows.at(1), "rating") == "4.5");
  CHECK(columns.of(rows.at(1), "author").empty());
  CHECK(columns.of(rows.at(2), "rating").empty());
}

TEST_CASE("a file is read from where it stands") {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  REQUIRE(file);
  std::string text = "a,b\n" + std::string(200'000, 'x') + ",y\n";
  REQUIRE(std::fwrite(text.data(), 1, text.size(), file.get()) == text.size());
  std::fflush(file.get());
  REQUIRE(::lseek(fileno(file.get()), 0, SEEK_SET) == 0);
  csv_reader in(bytes_of_file(fileno(file.get())));
  csv_row row;
  REQUIRE(in.next(row));
  REQUIRE(in.next(row));
  CHECK(row.fields.at(0).size() == 200'000);
  CHECK_FALSE(in.next(row));
  CHECK_THROWS(csv_reader(bytes_of_file(-1)).next(row));
}

TEST_CASE("what is written is read again as it was, and is no formula to a spreadsheet") {
  std::mt19937 random(20);
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const std::vector<std::string> pieces{"a",  "\"", "'",  "=",    "+", "-", "@",  ",", ";",
                                        "\t", "\r", "\n", "\r\n", " ", "é", "漢", "0"};
  for (int i = 0; i < 3000; ++i) {
    table all;
    std::string text = i % 2 == 0 ? std::string(csv_mark) : "";
    // The first line says what separates.
    all.push_back({"one", "two", "three"});
    for (std::size_t rows = 1 + below(4); all.size() <= rows;) {
      std::vector<std::string> row;
      for (std::size_t fields = 1 + below(4); row.size() < fields;) {
        std::string field;
        for (std::size_t n = below(5); n > 0; --n) field += pieces[below(pieces.size())];
        row.push_back(field);
      }
      all.push_back(row);
    }
    for (const std::vector<std::string>& row : all) {
      std::size_t from = text.size();
      append_csv_row(text, row);
      std::size_t first = text[from] == '"' ? from + 1 : from;
      CHECK(std::string_view("=+-@").find(text[first]) == std::string_view::npos);
    }
    INFO(text);
    CHECK(fields_of(text) == all);
  }
}

TEST_CASE("any bytes in any pieces end in rows within the limits, the same ones whatever the pieces") {
  std::mt19937 random(7);
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const std::string alphabet("ab,;\t\"\"\"\r\n\n='\0\xff\xc3\xa9", 18);
  csv_limits small{.row = 40, .fields = 6};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::size_t n = below(120); n > 0; --n) text += alphabet[below(alphabet.size())];
    std::vector<csv_row> whole = rows_of(text, small);
    csv_reader in(in_pieces(text, 1 + below(5)), small);
    std::size_t count = 0;
    std::int64_t line = 0;
    for (csv_row row; in.next(row); ++count) {
      REQUIRE(count < whole.size());
      CHECK(row.fields == whole[count].fields);
      CHECK(row.trouble == whole[count].trouble);
      CHECK(row.line == whole[count].line);
      CHECK(row.line > line);
      line = row.line;
      CHECK(row.fields.size() <= small.fields);
      CHECK((row.trouble == csv_trouble::none) == !row.fields.empty());
      std::size_t bytes = 0;
      for (const std::string& field : row.fields) {
        CHECK(valid_utf8(field));
        CHECK(field.find('\0') == field.npos);
        bytes += field.size();
      }
      CHECK(bytes <= small.row);
    }
    CHECK(count == whole.size());
  }
}
