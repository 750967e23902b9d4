#pragma once
// Tables as text (RFC 4180), as spreadsheets and other people's programs write them: with or without a byte order mark, any line
// end, commas, semicolons or tabs, `sep=;` in front, line ends and doubled quotes within quotes, and numbers dressed up as
// formulas so that a spreadsheet leaves their zeros alone (="0306406157").

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::publication {

enum class csv_trouble { none, too_long, too_many_fields, no_text, open_quote };  // no_text: a NUL, or bytes that are not UTF-8

struct csv_row {
  std::int64_t line = 0;  // of the file, where it begins; the first is 1
  std::vector<std::string> fields;
  csv_trouble trouble = csv_trouble::none;  // with one there are no fields
};

struct csv_limits {
  std::size_t row = std::size_t{1} << 20;  // bytes of all its fields
  std::size_t fields = 1000;
};

// Up to `most` bytes, written to `to`; 0 at the end. Throws what it likes.
using byte_source = std::function<std::size_t(char* to, std::size_t most)>;
byte_source bytes_of_text(std::string_view);  // which must outlive it
byte_source bytes_of_file(int descriptor);    // from where it stands; throws std::system_error

// Row by row, in memory that does not grow with the file. A row with trouble is passed over, and the next one begins with the
// next line.
class csv_reader {
 public:
  explicit csv_reader(byte_source, csv_limits = {});

  // False at the end. Lines without anything are left out.
  bool next(csv_row&);
  // UTF-16, as spreadsheets write "Unicode text": known with the first row, which is then the only one and has trouble.
  bool is_wide() const { return wide_; }

 private:
  int peek();
  int take();
  void begin();
  void read_row(csv_row&);
  void read_quoted(csv_row&, std::string& field);
  void end_field(csv_row&, std::string& field);
  void add(csv_row&, std::string& field, char);
  void spoil(csv_row&, csv_trouble);
  void end_line();
  void skip_line();

  byte_source source_;
  csv_limits limits_;
  std::string buffer_;
  std::size_t at_ = 0, size_ = 0, row_bytes_ = 0;
  std::int64_t line_ = 1;
  char separator_ = ',';
  bool begun_ = false, over_ = false, wide_ = false;
};

// Which column is which, by the names in the first row. They are compared without case and blanks around them; of two columns
// with one name the first counts.
class csv_columns {
 public:
  explicit csv_columns(const csv_row& header);
  std::size_t size() const { return names_.size(); }
  const std::vector<std::string>& names() const { return names_; }  // in lower case
  bool has(std::string_view name) const;                            // in lower case
  // What the row says there, without blanks around it; "" where it has no such column.
  std::string_view of(const csv_row&, std::string_view name) const;

 private:
  std::vector<std::string> names_;
};

// One more row, ended by CR LF. What a spreadsheet would take for a formula gets an apostrophe in front, which csv_reader takes
// off again, so that what is written comes back.
void append_csv_row(std::string& out, const std::vector<std::string>& fields);
inline constexpr std::string_view csv_mark =
    "\xef\xbb\xbf";  // in front of the first row: spreadsheets then know that it is UTF-8

}  // namespace carrel::publication
