#include "library/catalog.hpp"

#include "library/catalog_lists.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_gate{"library.gate", R"sql(
  select w.place, r.revision, r.changed_at, u.audience, u.state, u.state_at
    from unnest($1::uuid[]) with ordinality as w (id, place) join users u on u.id = w.id and u.disabled_at is null
   cross join catalog_revision r)sql"};

constexpr db::statement sql_counts{"library.count_books", R"sql(
  select count(*) filter (where b.status = 'organized'), count(*) filter (where b.status = 'inbox'),
         count(*) filter (where b.status = 'review'),
         (select count(*) from book_files f join visible_books($1) v on v.id = f.book_id)
    from visible_books($1) b)sql"};

}  // namespace

std::vector<std::optional<gate>> read_gates(db::tx& tx, const std::vector<uuid>& viewers) {
  std::vector<std::optional<gate>> out(viewers.size());
  for (const db::row& r : tx.run(sql_gate, viewers)) {
    out[static_cast<std::size_t>(r.integer(0) - 1)] = gate{.catalog = {.number = r.integer(1), .changed_at = r.at(2)},
                                                           .audience = r.integer(3),
                                                           .state = r.integer(4),
                                                           .state_at = r.at(5)};
  }
  return out;
}

std::optional<gate> read_gate(db::tx& tx, const uuid& viewer) { return read_gates(tx, {viewer}).front(); }

std::string list::token_name() const {
  static constexpr const char* names[] = {"newest",   "title", "author",       "person",  "series", "tag",
                                          "language", "shelf", "shelf_newest", "updated", "waiting"};
  return std::string(names[static_cast<std::size_t>(what)]) + ":" + (id.is_nil() ? language : id.text());
}

page browse(db::tx& tx, const uuid& viewer, const list& l, const cursor& from, int limit) {
  if ((from.from == cursor::side::after || from.from == cursor::side::before) && !key_is_good(l.what, from.key)) return {};
  id_page ids =
      page_of(from, list_edge(l.what, true), list_edge(l.what, false), limit,
              [&](const cursor& anchor, bool forward, int count) { return read_list(tx, viewer, l, anchor, forward, count); });
  return {
      .books = load_books(tx, viewer, ids.ids), .next = ids.next, .previous = ids.previous, .first_ordinal = ids.first_ordinal};
}

counts count_books(db::tx& tx, const uuid& viewer) {
  db::rows rows = tx.run(sql_counts, viewer);
  const db::row& r = rows[0];
  return {.books = r.integer(0), .inbox = r.integer(1), .review = r.integer(2), .files = r.integer(3)};
}

}  // namespace carrel::library
