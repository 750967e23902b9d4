#pragma once

#include "server/db/tx.hpp"

namespace carrel::harness {

// What finding out comes to for a book whose file is not converted: Kobos get the file as it is (kepub.md 9).
inline void deliver_as_it_is(db::tx& tx, const uuid& book) {
  static constexpr db::statement sql{"harness.deliver_as_it_is", R"sql(
    with f as (update book_files set kobo_as = id, kobo_how = 'off' where book_id = $1)
    update books set kobo_ready = true where id = $1)sql"};
  tx.run(sql, book);
}

}  // namespace carrel::harness
