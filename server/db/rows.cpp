#include <algorithm>
#include <charconv>

#include "server/core/text.hpp"
#include "server/db/rows_data.hpp"
#include "server/db/timestamp.hpp"
#include "server/db/tx.hpp"

namespace carrel::db {
namespace {

[[noreturn]] void wrong(std::size_t column, const char* what) {
  throw std::logic_error("result column " + std::to_string(column) + " " + what);
}

const rows_data::cell& cell_of(const rows_data* data, std::size_t index, std::size_t column) {
  if (data == nullptr || column >= data->columns) wrong(column, "does not exist");
  return data->cells[index * data->columns + column];
}

template <class T>
T expected(std::optional<T> value, std::size_t column) {
  if (!value) wrong(column, "is null");
  return std::move(*value);
}

// The elements of a one-dimensional array in PostgreSQL's output form; nullopt elements are SQL null.
// Of any dimensions; the elements come in their order, one after the other.
std::optional<std::vector<param>> parse_array(std::string_view in) {
  if (in.starts_with('[')) {  // explicit bounds: [0:1]={a,b}
    std::size_t equals = in.find("]={");
    if (equals == std::string_view::npos) return std::nullopt;
    in.remove_prefix(equals + 2);
  }
  if (in.size() < 2 || in.front() != '{' || in.back() != '}') return std::nullopt;
  std::vector<param> out;
  if (in == "{}") return out;
  std::size_t at = 1, depth = 1;
  while (true) {
    for (; at < in.size() && in[at] == '{'; ++at) ++depth;
    std::string item;
    bool quoted = at < in.size() && in[at] == '"';
    if (quoted) {
      ++at;
      for (std::size_t end = at; true; end = at + 1) {
        end = in.find_first_of("\"\\", end);
        if (end == std::string_view::npos || (in[end] == '\\' && end + 1 == in.size())) return std::nullopt;
        item.append(in, at, end - at);
        at = end + 1;
        if (in[end] == '"') break;  // else the character after the backslash is meant as it is
      }
    } else {
      std::size_t end = std::min(in.find_first_of(",}{\"", at), in.size());
      if (end < in.size() && (in[end] == '{' || in[end] == '"')) return std::nullopt;
      item.assign(in, at, end - at);
      at = end;
    }
    if (!quoted && equal_ascii_case(item, "null"))
      out.emplace_back();
    else
      out.emplace_back(std::move(item));
    for (; at < in.size() && in[at] == '}' && depth > 0; ++at) --depth;
    if (depth == 0) break;
    if (at >= in.size() || in[at] != ',') return std::nullopt;
    ++at;
  }
  if (at != in.size()) return std::nullopt;
  return out;
}

}  // namespace

bool row::is_null(std::size_t column) const { return cell_of(data_, index_, column).text == nullptr; }

std::string row::text(std::size_t column) const { return std::string(view(column)); }

std::string_view row::view(std::size_t column) const {
  const rows_data::cell& c = cell_of(data_, index_, column);
  return c.text == nullptr ? std::string_view() : std::string_view(c.text, c.size);
}

std::optional<std::string> row::maybe_text(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

uuid row::id(std::size_t column) const { return expected(maybe_id(column), column); }

std::optional<uuid> row::maybe_id(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  std::optional<uuid> out = uuid::parse(view(column));
  if (!out) wrong(column, "is not a uuid");
  return out;
}

std::int64_t row::integer(std::size_t column) const { return expected(maybe_integer(column), column); }

std::optional<std::int64_t> row::maybe_integer(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  std::optional<std::int64_t> out = to_integer(view(column));
  if (!out) wrong(column, "is not an integer");
  return out;
}

double row::real(std::size_t column) const { return expected(maybe_real(column), column); }

std::optional<double> row::maybe_real(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  std::string_view s = view(column);
  double out = 0;
  auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), out);  // takes NaN and Infinity too
  if (code != std::errc() || end != s.data() + s.size()) wrong(column, "is not a number");
  return out;
}

bool row::flag(std::size_t column) const {
  std::string_view s = view(column);
  if (is_null(column)) wrong(column, "is null");
  if (s != "t" && s != "f") wrong(column, "is not a boolean");
  return s == "t";
}

std::vector<std::string> row::texts(std::size_t column) const {
  std::vector<std::string> out;
  if (is_null(column)) return out;
  auto items = parse_array(view(column));
  if (!items) wrong(column, "is not an array");
  out.reserve(items->size());
  for (param& item : *items) out.push_back(item ? std::move(*item) : std::string());
  return out;
}

std::vector<uuid> row::ids(std::size_t column) const {
  if (is_null(column)) wrong(column, "is null");
  std::string_view in = view(column);
  if (in.size() < 2 || in.front() != '{' || in.back() != '}') wrong(column, "is not an array");
  in = in.substr(1, in.size() - 2);
  constexpr std::size_t with_comma = 37;
  std::vector<uuid> out;
  out.reserve((in.size() + 1) / with_comma);
  while (!in.empty()) {
    std::optional<uuid> id = uuid::parse(in.substr(0, with_comma - 1));
    if (!id || (in.size() >= with_comma && in[with_comma - 1] != ',') || in.size() == with_comma)
      wrong(column, "holds something else than uuids");
    out.push_back(*id);
    in.remove_prefix(std::min(in.size(), with_comma));
  }
  return out;
}

std::string row::raw(std::size_t column) const {
  if (is_null(column)) wrong(column, "is null");
  std::string_view s = view(column);
  if (!s.starts_with("\\x")) wrong(column, "is not bytea");
  std::optional<std::string> out = unhex(s.substr(2));
  if (!out) wrong(column, "is not bytea");
  return std::move(*out);
}

instant row::at(std::size_t column) const { return expected(maybe_at(column), column); }

std::optional<instant> row::maybe_at(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  std::optional<instant> out = parse_timestamp(view(column));
  if (!out) wrong(column, "is not a timestamptz");
  return out;
}

rows::rows() : data_(std::make_unique<rows_data>()) {}
rows::~rows() = default;
rows::rows(rows&&) noexcept = default;
rows& rows::operator=(rows&&) noexcept = default;

rows::rows(std::unique_ptr<rows_data> data) : data_(std::move(data)), items_(data_->rows) {
  for (std::size_t i = 0; i < items_.size(); ++i) {
    items_[i].data_ = data_.get();
    items_[i].index_ = i;
  }
}

const row& rows::operator[](std::size_t i) const {
  if (i >= items_.size()) throw std::out_of_range("result has " + std::to_string(items_.size()) + " rows");
  return items_[i];
}

std::span<const row> rows::first(std::size_t count) const {
  return std::span<const row>(items_).first(std::min(count, items_.size()));
}

std::size_t rows::affected() const { return data_ ? data_->affected : 0; }

}  // namespace carrel::db
