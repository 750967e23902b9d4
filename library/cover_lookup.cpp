#include "library/cover_lookup.hpp"

namespace carrel::library {
namespace {

// `offset 0` keeps both to lookups by key, whatever the planner believes about tables that were never analysed.
constexpr db::statement sql_seen{"library.find_seen_covers", R"sql(
  select q.place, c.id, c.sha256, c.storage_path, c.width, c.height
    from unnest($1::uuid[], $2::uuid[], $3::bigint[]) q(viewer, book, place)
    cross join lateral (
      select b.cover_id from visible_books(q.viewer) b
       where b.id = coalesce((select m.merged_into from books m where m.id = q.book), q.book)
      offset 0) b
    join covers c on c.id = b.cover_id)sql"};

constexpr db::statement sql_open{"library.find_open_covers", R"sql(
  select q.place, c.id, c.sha256, c.storage_path, c.width, c.height
    from unnest($1::uuid[], $2::bigint[]) q(book, place)
    cross join lateral (
      select b.cover_id from books b
       where b.id = coalesce((select m.merged_into from books m where m.id = q.book), q.book) and b.deleted_at is null
      offset 0) b
    join covers c on c.id = b.cover_id)sql"};

void put(const db::rows& found, std::vector<std::optional<cover_ref>>& into) {
  for (const db::row& r : found) {
    into[static_cast<std::size_t>(r.integer(0))] = cover_ref{.id = r.id(1),
                                                             .sha256 = r.text(2),
                                                             .storage_path = r.text(3),
                                                             .width = static_cast<int>(r.integer(4)),
                                                             .height = static_cast<int>(r.integer(5))};
  }
}

}  // namespace

std::vector<std::optional<cover_ref>> find_covers(db::tx& tx, const std::vector<cover_question>& asked) {
  std::vector<uuid> viewers, seen, open;
  std::vector<std::int64_t> seen_places, open_places;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    (asked[i].viewer ? seen : open).push_back(asked[i].book);
    (asked[i].viewer ? seen_places : open_places).push_back(static_cast<std::int64_t>(i));
    if (asked[i].viewer) viewers.push_back(*asked[i].viewer);
  }
  std::vector<std::optional<cover_ref>> out(asked.size());
  if (!seen.empty()) put(tx.run(sql_seen, viewers, seen, seen_places), out);
  if (!open.empty()) put(tx.run(sql_open, open, open_places), out);
  return out;
}

}  // namespace carrel::library
