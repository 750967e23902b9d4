#include "library/streamed.hpp"

#include "library/book_load.hpp"
#include "publication/locator/position.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_streamed{
    "library.load_streamed_books",
    CARREL_LOAD_BOOKS(
        ", st.id, st.pages, pl.fraction, pl.at",
        "left join lateral ( "
        "  select sf.id, so.pages from book_files sf join file_outlines so on so.file_id = sf.id and so.checksum = sf.checksum "
        "   where sf.book_id = b.id and sf.format = any ($3::text[]) and sf.missing_since is null and so.pages > 0 "
        "   order by sf.rank, sf.position, sf.id limit 1) st on true "
        "left join lateral (select fraction, at from place_in_book($1, b.id) where st.id is not null) pl on true ")};

std::optional<page_stream> stream_from(const db::row& r) {
  if (r.is_null(book_columns)) return std::nullopt;
  page_stream out{.file = r.id(book_columns), .pages = static_cast<int>(r.integer(book_columns + 1))};
  double fraction = r.maybe_real(book_columns + 2).value_or(0);
  if (fraction <= 0) return out;
  out.last_read = publication::locator::page_at(fraction, out.pages);
  out.last_read_at = r.at(book_columns + 3);
  return out;
}

}  // namespace

std::vector<streamed_book> load_streamed(db::tx& tx, const uuid& viewer, const std::vector<uuid>& ids,
                                         const std::vector<std::string>& formats) {
  std::vector<streamed_book> out;
  if (ids.empty()) return out;
  db::rows rows = tx.run(sql_streamed, viewer, ids, formats);
  out.reserve(rows.size());
  for (const db::row& r : rows) out.push_back({book_from(r), stream_from(r)});
  return out;
}

}  // namespace carrel::library
