#include "library/catalog.hpp"

#include "library/catalog_lists.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_counts{"library.count_books", R"sql(
  select count(*) filter (where b.status = 'organized'), count(*) filter (where b.status = 'inbox'),
         count(*) filter (where b.status = 'review'),
         (select count(*) from book_files f join visible_books($1) v on v.id = f.book_id)
    from visible_books($1) b)sql"};

page whole(db::tx& tx, const uuid& viewer, outline o) {
  return {.books = load_books(tx, viewer, o.ids()),
          .next = std::move(o.next),
          .previous = std::move(o.previous),
          .first_ordinal = o.first_ordinal};
}

}  // namespace

std::string list::token_name() const {
  static constexpr const char* names[] = {"newest",   "title", "author",       "person",  "series",  "tag",
                                          "language", "shelf", "shelf_newest", "updated", "waiting", "label"};
  return std::string(names[static_cast<std::size_t>(what)]) + ":" + (id.is_nil() ? language : id.text());
}

std::vector<uuid> outline::ids() const {
  std::vector<uuid> out;
  out.reserve(books.size());
  for (const book_stamp& b : books) out.push_back(b.id);
  return out;
}

outline outline_from(row_page p) {
  outline out{.books = {}, .next = std::move(p.next), .previous = std::move(p.previous), .first_ordinal = p.first_ordinal};
  out.books.reserve(p.rows.size());
  for (const list_row& r : p.rows) out.books.push_back({.id = r.id, .version = r.version});
  return out;
}

outline outline_of(db::tx& tx, const uuid& viewer, const list& l, const cursor& from, int limit) {
  if ((from.from == cursor::side::after || from.from == cursor::side::before) && !key_is_good(l.what, from.key)) return {};
  row_page rows =
      page_of(from, list_edge(l.what, true), list_edge(l.what, false), limit,
              [&](const cursor& anchor, bool forward, int count) { return read_list(tx, viewer, l, anchor, forward, count); });
  return outline_from(std::move(rows));
}

page browse(db::tx& tx, const uuid& viewer, const list& l, const cursor& from, int limit) {
  return whole(tx, viewer, outline_of(tx, viewer, l, from, limit));
}

page browse(db::tx& tx, const uuid& viewer, const filter& f, const cursor& from, int limit) {
  return whole(tx, viewer, outline_of(tx, viewer, f, from, limit));
}

counts count_books(db::tx& tx, const uuid& viewer) {
  db::rows rows = tx.run(sql_counts, viewer);
  const db::row& r = rows[0];
  return {.books = r.integer(0), .inbox = r.integer(1), .review = r.integer(2), .files = r.integer(3)};
}

}  // namespace carrel::library
