#include "publication/calibre/database.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "server/core/text.hpp"

namespace carrel::publication::calibre {
namespace {

constexpr int longest_value = 32 << 20, most_tables = 2000;

int compare_bytes(void*, int a_size, const void* a, int b_size, const void* b) {
  int order = std::memcmp(a, b, static_cast<std::size_t>(std::min(a_size, b_size)));
  return order != 0 ? order : a_size - b_size;
}

// Calibre brings orders of its own; of nothing that is read here does the order matter.
void add_collation(void*, sqlite3* db, int, const char* name) {
  ::sqlite3_create_collation(db, name, SQLITE_UTF8, nullptr, compare_bytes);
}

int is_late(void* until) {
  return std::chrono::steady_clock::now() > *static_cast<std::chrono::steady_clock::time_point*>(until) ? 1 : 0;
}

}  // namespace

database::database(const std::filesystem::path& file) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  if (int code = ::sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr); code != SQLITE_OK) {
    ::sqlite3_close(handle_);
    throw trouble{{"calibre_unreadable", ::sqlite3_errstr(code)}};
  }
  restrict();
}

database::~database() { ::sqlite3_close(handle_); }

void database::restrict() {
  for (auto [option, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                               {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                               {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                               {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                               {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                               {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0}})
    ::sqlite3_db_config(handle_, option, value, nullptr);
  for (auto [limit, value] : {std::pair{SQLITE_LIMIT_LENGTH, longest_value},
                              {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},
                              {SQLITE_LIMIT_COLUMN, 200},
                              {SQLITE_LIMIT_EXPR_DEPTH, 100},
                              {SQLITE_LIMIT_COMPOUND_SELECT, 10},
                              {SQLITE_LIMIT_VDBE_OP, 25'000},
                              {SQLITE_LIMIT_FUNCTION_ARG, 32},
                              {SQLITE_LIMIT_ATTACHED, 0},
                              {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
                              {SQLITE_LIMIT_VARIABLE_NUMBER, 20},
                              {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                              {SQLITE_LIMIT_WORKER_THREADS, 0}})
    ::sqlite3_limit(handle_, limit, value);
  ::sqlite3_collation_needed(handle_, nullptr, add_collation);
  ::sqlite3_progress_handler(handle_, 1000, is_late, &until_);
}

void database::allow(std::chrono::milliseconds time) { until_ = std::chrono::steady_clock::now() + time; }

void database::fail(int code) const {
  switch (code & 0xff) {
    case SQLITE_INTERRUPT: throw trouble{{"calibre_limit", "time"}};
    case SQLITE_TOOBIG:
    case SQLITE_NOMEM: throw trouble{{"calibre_limit", "memory"}};
    case SQLITE_FULL: throw trouble{{"calibre_unreadable", ::sqlite3_errstr(code)}};
    case SQLITE_ERROR: throw trouble{{"calibre_unknown_schema", replace_invalid_utf8(::sqlite3_errmsg(handle_))}};
    default: throw trouble{{"calibre_damaged", ::sqlite3_errstr(code)}};
  }
}

void database::run(const char* sql) {
  query q(*this, sql);
  while (q.next()) {
  }
}

void database::settle() {
  // Exclusive: of a write-ahead log no shared memory is used, which could hold anything. Checks of the file's own are expressions
  // of its own, and an automatic index would be as large as it likes.
  for (const char* sql : {"pragma locking_mode = exclusive", "pragma temp_store = memory", "pragma mmap_size = 0",
                          "pragma cache_size = -16384", "pragma cell_size_check = on", "pragma ignore_check_constraints = on",
                          "pragma automatic_index = off", "pragma schema_version", "pragma journal_mode = delete"})
    run(sql);
  list_tables();
}

std::int64_t database::number(const std::string& pragma) {
  query q(*this, "pragma " + pragma);
  return q.next() ? q.integer(0) : 0;
}

void database::list_tables() {
  std::set<std::string> found;
  {
    query q(*this, "select name from sqlite_schema where type = 'table' and rootpage > 0 limit ?", {most_tables});
    while (q.next()) found.insert(q.text(0, 200));
  }
  for (const std::string& name : found) {
    bool plain = std::all_of(name.begin(), name.end(),
                             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    if (!plain) continue;
    bool generated = false;
    query columns(*this, "pragma table_xinfo(\"" + name + "\")");
    while (columns.next()) generated = generated || columns.integer(6) != 0;
    if (!generated) tables_.insert(name);
  }
}

void database::check(const std::string& table) {
  query q(*this, "pragma quick_check(\"" + table + "\")");
  if (!q.next() || q.text(0, 10) != "ok") throw trouble{{"calibre_damaged", table}};
}

query::query(database& from, const std::string& sql, std::initializer_list<std::int64_t> parameters) : from_(from) {
  int code = ::sqlite3_prepare_v2(from.handle_, sql.c_str(), static_cast<int>(sql.size()), &handle_, nullptr);
  int place = 0;
  for (std::int64_t p : parameters) {
    if (code == SQLITE_OK) code = ::sqlite3_bind_int64(handle_, ++place, p);
  }
  if (code == SQLITE_OK) return;
  ::sqlite3_finalize(handle_);
  from.fail(code);
}

query::~query() { ::sqlite3_finalize(handle_); }

bool query::next() {
  int code = ::sqlite3_step(handle_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) from_.fail(code);
  return code == SQLITE_ROW;
}

std::int64_t query::integer(int column) const { return ::sqlite3_column_int64(handle_, column); }

std::optional<double> query::real(int column) const {
  if (::sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::nullopt;
  double out = ::sqlite3_column_double(handle_, column);
  return std::isfinite(out) ? std::optional(out) : std::nullopt;
}

std::string query::text(int column, std::size_t most) const {
  const void* begin = ::sqlite3_column_text(handle_, column);
  if (begin == nullptr) return {};
  auto size = static_cast<std::size_t>(::sqlite3_column_bytes(handle_, column));
  return std::string(cut_utf8({static_cast<const char*>(begin), size}, most));
}

}  // namespace carrel::publication::calibre
