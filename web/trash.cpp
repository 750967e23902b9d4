#include "web/trash.hpp"

namespace carrel::web {
namespace {

constexpr db::statement sql_trashed{"web.trashed_books", R"sql(
  select b.id, b.title, b.author, b.deleted_at
    from reachable_books($1) b
   where (select u.role in ('owner', 'librarian') from users u where u.id = $1)
     and b.deleted_at is not null and b.merged_into is null
     and ($2::uuid is null or b.id = $2)
     and ($3::uuid is null or (b.deleted_at, b.id) < (select a.deleted_at, a.id from books a where a.id = $3))
   order by b.deleted_at desc, b.id desc
   limit $4)sql"};

trashed_book trashed_from(const db::row& r) { return {r.id(0), r.text(1), r.text(2), r.at(3)}; }

}  // namespace

std::vector<trashed_book> trashed_books(db::tx& tx, const uuid& viewer, const std::optional<uuid>& after, int most) {
  std::vector<trashed_book> out;
  for (const db::row& r : tx.run(sql_trashed, viewer, std::nullopt, after, most)) out.push_back(trashed_from(r));
  return out;
}

std::optional<trashed_book> find_trashed(db::tx& tx, const uuid& viewer, const uuid& book) {
  db::rows rows = tx.run(sql_trashed, viewer, book, std::nullopt, 1);
  if (rows.empty()) return std::nullopt;
  return trashed_from(rows[0]);
}

}  // namespace carrel::web
