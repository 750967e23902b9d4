#include "ingest/sources/known_book.hpp"

#include "library/source_queue.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr db::statement sql_book{"sources.known_book", R"sql(
  select b.title, b.subtitle,
         array(select p.name from book_people bp join people p on p.id = bp.person_id
                where bp.book_id = b.id and bp.role = 'aut' order by bp.position),
         coalesce(s.name, ''), b.series_index::float8, b.published_year, b.language, coalesce(b.publisher, ''), b.page_count,
         coalesce(b.isbn_13, ''), coalesce(b.isbn_10, ''), coalesce(b.identifiers ->> 'asin', ''),
         coalesce((select max(f.duration_ms) from book_files f where f.book_id = b.id), 0), coalesce(c.width, 0)
    from books b
    left join series s on s.id = b.series_id
    left join covers c on c.id = b.cover_id
   where b.id = $1 and b.deleted_at is null)sql"};

std::optional<int> maybe_int(const std::optional<std::int64_t>& n) {
  return n ? std::optional(static_cast<int>(*n)) : std::nullopt;
}

}  // namespace

std::optional<known_book> find_known_book(db::tx& tx, const uuid& id) {
  db::rows rows = tx.run(sql_book, id);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  known_book out;
  local_book& b = out.about;
  b.title = r.text(0);
  b.subtitle = r.text(1);
  b.authors = r.texts(2);
  b.series = r.text(3);
  b.series_position = r.maybe_real(4);
  b.year = maybe_int(r.maybe_integer(5));
  b.language = r.text(6);
  b.publisher = r.text(7);
  b.page_count = maybe_int(r.maybe_integer(8));
  b.isbn_13 = r.text(9);
  b.isbn_10 = r.text(10);
  b.asin = r.text(11);
  if (std::int64_t ms = r.integer(12); ms > 0) b.duration_seconds = static_cast<double>(ms) / 1000;
  out.cover_width = static_cast<int>(r.integer(13));
  out.asks = {.title = b.title,
              .subtitle = b.subtitle,
              .authors = b.authors,
              .isbn_13 = b.isbn_13,
              .isbn_10 = b.isbn_10,
              .asin = b.asin,
              .language = b.language,
              .audio = b.duration_seconds.has_value()};
  return out;
}

bool concerns(std::string_view source, const question& q) { return library::concerns(source, q.audio, !q.asin.empty()); }

}  // namespace carrel::ingest::sources
