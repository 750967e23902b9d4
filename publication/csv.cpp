#include "publication/csv.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10;
constexpr int end_of_file = -1;

bool begins_formula(char c) { return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r'; }
bool has_apostrophe_in_front(std::string_view s) {
  return s.size() > 1 && s[0] == '\'' && (begins_formula(s[1]) || s[1] == '\'');
}

// What was put around it for the eyes of a spreadsheet.
void undress(std::string& field) {
  if (has_apostrophe_in_front(field)) {
    field.erase(0, 1);
  } else if (field.size() >= 3 && field.starts_with("=\"") && field.ends_with('"')) {
    field = field.substr(2, field.size() - 3);
  }
}

// The one that the first line has most of; a comma when it has none.
char separator_in(std::string_view text) {
  constexpr std::array<char, 3> known{',', ';', '\t'};
  std::array<std::size_t, known.size()> count{};
  bool quoted = false;
  for (char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') break;
    for (std::size_t i = 0; i < known.size(); ++i) count[i] += c == known[i] ? 1 : 0;
  }
  return known[static_cast<std::size_t>(std::max_element(count.begin(), count.end()) - count.begin())];
}

}  // namespace

byte_source bytes_of_text(std::string_view text) {
  return [text](char* to, std::size_t most) mutable {
    std::size_t n = std::min(most, text.size());
    std::memcpy(to, text.data(), n);
    text.remove_prefix(n);
    return n;
  };
}

byte_source bytes_of_file(int descriptor) {
  return [descriptor](char* to, std::size_t most) {
    for (;;) {
      ssize_t n = ::read(descriptor, to, most);
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "read");
    }
  };
}

csv_reader::csv_reader(byte_source source, csv_limits limits) : source_(std::move(source)), limits_(limits) {}

int csv_reader::peek() {
  if (at_ == size_ && !over_) {
    buffer_.resize(buffer_size);
    at_ = 0;
    size_ = source_(buffer_.data(), buffer_.size());
    over_ = size_ == 0;
  }
  return at_ == size_ ? end_of_file : static_cast<unsigned char>(buffer_[at_]);
}

int csv_reader::take() {
  int c = peek();
  if (c != end_of_file) ++at_;
  return c;
}

void csv_reader::begin() {
  begun_ = true;
  buffer_.resize(buffer_size);
  // As much of the first line as a buffer holds, though a pipe may give it in pieces.
  while (size_ < buffer_.size()) {
    std::size_t n = source_(buffer_.data() + size_, buffer_.size() - size_);
    if (n == 0) break;
    size_ += n;
  }
  std::string_view all(buffer_.data(), size_);
  wide_ = all.starts_with("\xff\xfe") || all.starts_with("\xfe\xff");
  if (all.starts_with(csv_mark)) at_ = csv_mark.size();
  all.remove_prefix(at_);
  separator_ = separator_in(all);
  if (all.size() > 5 && equal_ascii_case(all.substr(0, 4), "sep=") && all[4] != '"' && (all[5] == '\r' || all[5] == '\n')) {
    separator_ = all[4];
    skip_line();
  }
}

void csv_reader::end_line() {
  if (take() == '\r' && peek() == '\n') take();
  ++line_;
}

void csv_reader::skip_line() {
  for (int c = peek(); c != end_of_file && c != '\r' && c != '\n'; c = peek()) take();
  if (peek() != end_of_file) end_line();
}

void csv_reader::spoil(csv_row& row, csv_trouble why) {
  if (row.trouble == csv_trouble::none) row.trouble = why;
  row.fields.clear();
}

void csv_reader::add(csv_row& row, std::string& field, char c) {
  if (c == '\0') spoil(row, csv_trouble::no_text);
  if (++row_bytes_ > limits_.row) spoil(row, csv_trouble::too_long);
  if (row.trouble == csv_trouble::none) field += c;
}

void csv_reader::end_field(csv_row& row, std::string& field) {
  if (row.trouble == csv_trouble::none && !valid_utf8(field)) spoil(row, csv_trouble::no_text);
  if (row.trouble == csv_trouble::none && row.fields.size() == limits_.fields) spoil(row, csv_trouble::too_many_fields);
  if (row.trouble != csv_trouble::none) return;
  undress(field);
  row.fields.push_back(std::move(field));
  field.clear();
}

// Up to the quote that closes it. One that never does would swallow all that follows, so it ends with the limit of a row, and the
// rest of that line is passed over.
void csv_reader::read_quoted(csv_row& row, std::string& field) {
  for (;;) {
    int c = take();
    if (c == end_of_file) return spoil(row, csv_trouble::open_quote);
    if (c == '"' && peek() != '"') return;
    if (c == '"') take();
    if (c == '\n' || (c == '\r' && peek() != '\n')) ++line_;
    add(row, field, static_cast<char>(c));
    if (row.trouble == csv_trouble::too_long) return;
  }
}

void csv_reader::read_row(csv_row& row) {
  std::string field;
  bool fresh = true;  // nothing of this field has been read
  for (;;) {
    if (row.trouble == csv_trouble::too_long) return skip_line();
    int c = peek();
    if (c == end_of_file) return end_field(row, field);
    if (c == '\r' || c == '\n') {
      end_field(row, field);
      return end_line();
    }
    take();
    if (c == separator_) {
      end_field(row, field);
      fresh = true;
      if (++row_bytes_ > limits_.row) spoil(row, csv_trouble::too_long);
      continue;
    }
    if (c == '"' && fresh)
      read_quoted(row, field);
    else
      add(row, field, static_cast<char>(c));  // a quote in the middle is one, and so is what follows one that is closed
    fresh = false;
  }
}

bool csv_reader::next(csv_row& row) {
  if (!begun_) begin();
  row = {};
  if (wide_) {
    if (over_) return false;
    over_ = true;
    at_ = size_;
    row.line = 1;
    row.trouble = csv_trouble::no_text;
    return true;
  }
  while (peek() == '\r' || peek() == '\n') end_line();
  if (peek() == end_of_file) return false;
  row.line = line_;
  row_bytes_ = 0;
  read_row(row);
  return true;
}

csv_columns::csv_columns(const csv_row& header) {
  for (const std::string& name : header.fields) names_.push_back(lower_ascii(trim(name)));
}

bool csv_columns::has(std::string_view name) const { return std::find(names_.begin(), names_.end(), name) != names_.end(); }

std::string_view csv_columns::of(const csv_row& row, std::string_view name) const {
  auto at = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
  return at < names_.size() && at < row.fields.size() ? trim(row.fields[at]) : std::string_view{};
}

void append_csv_row(std::string& out, const std::vector<std::string>& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string& field = fields[i];
    if (i > 0) out += ',';
    bool dressed = !field.empty() && (begins_formula(field.front()) || has_apostrophe_in_front(field));
    // A row of one empty field would be an empty line.
    bool quoted = dressed || field.find_first_of(",;\t\"\r\n") != field.npos || (fields.size() == 1 && field.empty());
    if (quoted) out += '"';
    if (dressed) out += '\'';
    for (char c : field) {
      if (c == '"') out += '"';
      out += c;
    }
    if (quoted) out += '"';
  }
  out += "\r\n";
}

}  // namespace carrel::publication
