#pragma once
// SQLite over a file that somebody else made. For the files of this folder only.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>

#include "publication/metadata.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace carrel::publication::calibre {

// What ends the reading; caught where the library is left.
struct trouble {
  refusal why;
};

// The file may do nothing but hold rows: no view, trigger, virtual table, generated column or check of its own is ever run, and
// every statement ends at a deadline.
class database {
 public:
  explicit database(const std::filesystem::path& file);
  ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  void allow(std::chrono::milliseconds);  // from now on, for all statements together
  // What an interrupted program left in journal or log becomes part of the file; afterwards only the open file itself is needed.
  void settle();
  std::int64_t number(const std::string& pragma);
  // An ordinary table of ordinary columns.
  bool has(const std::string& table) const { return tables_.contains(table); }
  void check(const std::string& table);  // its pages and rows are in order

 private:
  friend class query;
  void restrict();
  void list_tables();
  void run(const char* sql);
  [[noreturn]] void fail(int code) const;

  sqlite3* handle_ = nullptr;
  std::chrono::steady_clock::time_point until_{};
  std::set<std::string> tables_;
};

class query {
 public:
  query(database&, const std::string& sql, std::initializer_list<std::int64_t> parameters = {});
  ~query();
  query(const query&) = delete;
  query& operator=(const query&) = delete;

  bool next();
  std::int64_t integer(int column) const;                // 0 for what is no number
  std::optional<double> real(int column) const;          // nothing for null and what is not finite
  std::string text(int column, std::size_t most) const;  // at most so many bytes, not cleaned

 private:
  database& from_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace carrel::publication::calibre
