#include "library/revision.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_current{"library.revision", "select revision, changed_at from catalog_revision"};

// Never backwards, and each number has a later time than the one before: Last-Modified follows from it.
constexpr db::statement sql_bump{"library.bump_revision", R"sql(
  update catalog_revision set revision = revision + 1, changed_at = greatest(clock_timestamp(), changed_at + interval '1 microsecond'))sql"};

}  // namespace

revision current_revision(db::tx& tx) {
  db::rows rows = tx.run(sql_current);
  return {.number = rows[0].integer(0), .changed_at = rows[0].at(1)};
}

void bump_revision(db::tx& tx) { tx.run(sql_bump); }

}  // namespace carrel::library
