#pragma once
// Running statements. The one place that knows libpqxx is behind this header (architecture.md 7).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/statement.hpp"

namespace carrel::db {

// Bytes for a bytea parameter.
struct bytes {
  std::string raw;
};

// Text forms of parameters. nullopt is SQL null. Vectors become array literals.
using param = std::optional<std::string>;
param to_param(std::string_view);
inline param to_param(const std::string& s) { return to_param(std::string_view(s)); }
inline param to_param(const char* s) { return to_param(std::string_view(s)); }
param to_param(bool);
param to_param(double);
param to_param(const uuid&);
param to_param(const bytes&);
param to_param(instant);
param to_param(std::chrono::sys_seconds);
inline param to_param(std::nullopt_t) { return std::nullopt; }
template <class I>
requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) param to_param(I i) { return std::to_string(i); }

// An array parameter, item by item into one buffer: a batch has thousands of them.
class array_text {
 public:
  explicit array_text(std::size_t items) { out_.reserve(2 + items * 16); }

  void add(std::string_view);
  void add(const std::string& s) { add(std::string_view(s)); }
  void add(const char* s) { add(std::string_view(s)); }
  void add(const uuid&);
  template <class T>
  void add(const std::optional<T>& o) {
    if (o)
      add(*o);
    else
      add_plain("NULL");
  }
  void add(bool b) { add_plain(b ? "t" : "f"); }
  void add(double d) { add(to_param(d)); }
  void add(const bytes& b) { add(to_param(b)); }
  void add(instant at) { add(to_param(at)); }
  template <class I>
  requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) void add(I i) { add_plain(std::to_string(i)); }

  std::string take() && {
    out_ += out_.empty() ? "{}" : "}";
    return std::move(out_);
  }

 private:
  void add_plain(std::string_view);
  std::string out_;
};
// Both are declared first: a vector of optionals and an optional vector are parameters too.
template <class T>
param to_param(const std::optional<T>&);
template <class T>
param to_param(const std::vector<T>&);
template <class T>
param to_param(const std::vector<T>& items) {
  array_text out(items.size());
  for (const auto& item : items) out.add(item);
  return std::move(out).take();
}
template <class T>
param to_param(const std::optional<T>& o) {
  return o ? to_param(*o) : param{};
}

class rows;
struct rows_data;  // internal

// One row. A getter of the wrong type or an index out of range throws std::logic_error; null where the getter gives no
// optional throws too, except text() and texts(), which give "" and {}.
class row {
 public:
  bool is_null(std::size_t column) const;
  std::string text(std::size_t column) const;
  std::string_view view(std::size_t column) const;  // valid as long as the rows
  std::optional<std::string> maybe_text(std::size_t column) const;
  uuid id(std::size_t column) const;
  std::optional<uuid> maybe_id(std::size_t column) const;
  std::int64_t integer(std::size_t column) const;
  std::optional<std::int64_t> maybe_integer(std::size_t column) const;
  double real(std::size_t column) const;
  std::optional<double> maybe_real(std::size_t column) const;
  bool flag(std::size_t column) const;
  std::vector<std::string> texts(std::size_t column) const;  // text[] and the like, nested ones in a row; null elements become ""
  std::vector<uuid> ids(std::size_t column) const;           // uuid[]
  std::string raw(std::size_t column) const;                 // bytea, decoded
  // A timestamptz in any output form of PostgreSQL with DateStyle ISO, or null.
  instant at(std::size_t column) const;
  std::optional<instant> maybe_at(std::size_t column) const;

 private:
  friend class rows;
  const rows_data* data_ = nullptr;
  std::size_t index_ = 0;
};

class rows {
 public:
  rows();
  ~rows();
  rows(rows&&) noexcept;
  rows& operator=(rows&&) noexcept;

  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  const row& operator[](std::size_t i) const;  // throws std::out_of_range
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  std::span<const row> first(std::size_t count) const;  // at most that many
  std::size_t affected() const;                         // rows changed by insert, update, delete

 private:
  friend class connection;
  explicit rows(std::unique_ptr<rows_data>);
  std::unique_ptr<rows_data> data_;
  std::vector<row> items_;
};

class connection;  // internal

// A transaction, or a connection in autocommit (see pool). Lives on one database thread.
class tx {
 public:
  template <class... A>
  rows run(const statement& s, const A&... args) {
    std::vector<param> params;
    params.reserve(sizeof...(A));
    (params.push_back(to_param(args)), ...);
    return run_params(s, params);
  }
  rows run_params(const statement&, const std::vector<param>&);
  // Text that cannot have parameters: migrations, `set local`. Several statements are allowed; no user input in it.
  void script(std::string_view sql);
  // COPY table(columns) FROM STDIN; each row a vector of params. For first imports.
  void copy_in(std::string_view table, const std::vector<std::string>& columns, const std::vector<std::vector<param>>& data);
  // Rolls back to here when `work` throws, and rethrows; for one bad row among many.
  void savepoint(const std::function<void()>& work);

 private:
  friend class connection;
  explicit tx(connection& c) : connection_(&c) {}
  connection* connection_;
};

// What the database can do to us, without pqxx in sight. sqlstate is the five characters, or "" when unknown.
struct failure : std::runtime_error {
  failure(const std::string& what, std::string state) : std::runtime_error(what), sqlstate(std::move(state)) {}
  std::string sqlstate;
};
struct lost : failure {
  using failure::failure;
};  // no connection, or it broke
struct unique_violation : failure {
  unique_violation(const std::string& what, std::string constraint_)
      : failure(what, "23505"), constraint(std::move(constraint_)) {}
  std::string constraint;
};
struct cancelled : failure {
  using failure::failure;
};  // 57014: deadline or statement_timeout
struct busy : failure {
  using failure::failure;
};  // the waiting line is full

}  // namespace carrel::db
