#include "library/opinion.hpp"

#include <algorithm>

#include "server/core/error.hpp"

namespace carrel::library {
namespace {

#define CARREL_OPINION                                                                                                        \
  "o.state, o.started_on, o.finished_on, o.state_by, o.state_at, o.rating, o.rating_by, o.rating_at, o.review, o.review_by, " \
  "o.review_at"

constexpr db::statement sql_find{
    "library.find_opinion",
    "select " CARREL_OPINION
    "  from opinions o join visible_books($1) b on b.id = o.book_id where o.user_id = $1 and o.book_id = $2"};

// So that there is a row to lock: two changes at once are made one after the other.
constexpr db::statement sql_begin{"library.begin_opinions", R"sql(
  insert into opinions (user_id, book_id)
  select $1, b.id from visible_books($1) b where b.id = any ($2::uuid[]) order by b.id
      on conflict do nothing)sql"};
constexpr db::statement sql_lock{"library.lock_opinions",
                                 "select o.book_id, " CARREL_OPINION
                                 "  from opinions o where o.user_id = $1 and o.book_id = any ($2::uuid[])"
                                 "   and exists (select from visible_books($1) b where b.id = o.book_id)"
                                 " order by o.book_id for update of o"};
constexpr db::statement sql_look{"library.look_at_opinions",
                                 "select b.id, " CARREL_OPINION
                                 "  from visible_books($1) b left join opinions o on o.user_id = $1 and o.book_id = b.id"
                                 " where b.id = any ($2::uuid[])"};
#undef CARREL_OPINION

constexpr db::statement sql_change{"library.change_opinion", R"sql(
  update opinions o
     set state = $3, started_on = $4, finished_on = $5, state_by = $6, state_at = $7, rating = nullif($8::int, 0), rating_by = $9,
         rating_at = $10, review = $11, review_by = $12, review_at = $13, before = to_jsonb(o) - 'before'
   where user_id = $1 and book_id = $2)sql"};

constexpr db::statement sql_undo{"library.undo_opinion", R"sql(
  update opinions o
     set (state, started_on, finished_on, state_by, state_at, rating, rating_by, rating_at, review, review_by, review_at)
       = (select p.state, p.started_on, p.finished_on, p.state_by, p.state_at, p.rating, p.rating_by, p.rating_at, p.review, p.review_by,
                 p.review_at
            from jsonb_populate_record(null::opinions, o.before) p),
         before = null
   where user_id = $1 and book_id = $2 and before is not null)sql"};

// What an import changes cannot be taken back one by one.
constexpr db::statement sql_hear{"library.hear_opinions", R"sql(
  update opinions o
     set state = w.state, started_on = w.started_on, finished_on = w.finished_on, state_by = w.state_by, state_at = w.state_at,
         rating = nullif(w.rating, 0), rating_by = w.rating_by, rating_at = w.rating_at, review = w.review, review_by = w.review_by,
         review_at = w.review_at, before = null
    from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::int[], $9::text[],
                $10::timestamptz[], $11::text[], $12::text[], $13::timestamptz[])
      as w (book_id, state, started_on, finished_on, state_by, state_at, rating, rating_by, rating_at, review, review_by, review_at)
   where o.user_id = $1 and o.book_id = w.book_id)sql"};

constexpr db::statement sql_marks{"library.reading_marks", R"sql(
  select book_id, state, rating from readings($1) where book_id = any ($2::uuid[]))sql"};

opinion opinion_from(const db::row& r, std::size_t first) {
  opinion o;
  if (r.is_null(first + 3)) return o;  // there is no row yet
  o.state = publication::reading_state_named(r.text(first));
  o.started = r.text(first + 1);
  o.finished = r.text(first + 2);
  o.of_state = {r.text(first + 3), r.maybe_at(first + 4)};
  o.rating = static_cast<int>(r.maybe_integer(first + 5).value_or(0));
  o.of_rating = {r.text(first + 6), r.maybe_at(first + 7)};
  o.review = r.text(first + 8);
  o.of_review = {r.text(first + 9), r.maybe_at(first + 10)};
  return o;
}

std::optional<std::string> state_text(const opinion& o) {
  return o.state ? std::optional(std::string(publication::name_of(*o.state))) : std::nullopt;
}

using opinions = std::unordered_map<uuid, opinion>;

opinions opinions_from(const db::rows& rows) {
  opinions out;
  for (const db::row& r : rows) out.emplace(r.id(0), opinion_from(r, 1));
  return out;
}

import_end end_of(const opinion& before, const opinion& after, const publication::heard_opinion& says) {
  bool lost = (says.state && after.state != says.state) || (says.rating != 0 && after.rating != says.rating) ||
              (!says.review.empty() && after.review != says.review);
  if (!(after == before)) return import_end::changed;
  return lost ? import_end::kept : import_end::unchanged;
}

struct heard {
  uuid book;
  opinion now;
};

void store_heard(db::tx& tx, const uuid& user, const std::vector<heard>& all) {
  std::vector<uuid> books;
  std::vector<std::optional<std::string>> states;
  std::vector<std::string> started, finished, state_by, rating_by, review, review_by;
  std::vector<std::optional<instant>> state_at, rating_at, review_at;
  std::vector<int> ratings;
  for (const auto& [book, o] : all) {
    books.push_back(book);
    states.push_back(state_text(o));
    started.push_back(o.started);
    finished.push_back(o.finished);
    state_by.push_back(o.of_state.by);
    state_at.push_back(o.of_state.at);
    ratings.push_back(o.rating);
    rating_by.push_back(o.of_rating.by);
    rating_at.push_back(o.of_rating.at);
    review.push_back(o.review);
    review_by.push_back(o.of_review.by);
    review_at.push_back(o.of_review.at);
  }
  tx.run(sql_hear, user, books, states, started, finished, state_by, state_at, ratings, rating_by, rating_at, review, review_by,
         review_at);
}

}  // namespace

std::optional<opinion> find_opinion(db::tx& tx, const uuid& user, const uuid& book) {
  db::rows rows = tx.run(sql_find, user, book);
  return rows.empty() ? std::nullopt : std::optional(opinion_from(rows[0], 0));
}

std::optional<result<opinion>> change_opinion(db::tx& tx, const uuid& user, const uuid& book, const opinion_change& change) {
  std::vector<uuid> one{book};
  tx.run(sql_begin, user, one);
  opinions stored = opinions_from(tx.run(sql_lock, user, one));
  if (stored.empty()) return std::nullopt;
  result<opinion> changed = said_by_hand(std::move(stored.begin()->second), change, now());
  if (!changed) return changed;
  const opinion& o = *changed;
  tx.run(sql_change, user, book, state_text(o), o.started, o.finished, o.of_state.by, o.of_state.at, o.rating, o.of_rating.by,
         o.of_rating.at, o.review, o.of_review.by, o.of_review.at);
  return changed;
}

bool undo_opinion(db::tx& tx, const uuid& user, const uuid& book) {
  std::vector<uuid> one{book};
  if (tx.run(sql_lock, user, one).empty()) return false;
  return tx.run(sql_undo, user, book).affected() > 0;
}

book_marks marks_of(db::tx& tx, const uuid& user, const std::vector<uuid>& books) {
  book_marks out;
  if (books.empty()) return out;
  for (const db::row& r : tx.run(sql_marks, user, books)) {
    std::optional<publication::reading_state> state = publication::reading_state_named(r.text(1));
    CARREL_EXPECT(state.has_value());
    out.emplace(r.id(0), book_mark{.state = *state, .rating = static_cast<int>(r.maybe_integer(2).value_or(0))});
  }
  return out;
}

std::vector<import_end> hear_import(db::tx& tx, const uuid& user, const import_source& source,
                                    const std::vector<import_word>& words, bool store) {
  std::vector<uuid> books;
  for (const import_word& w : words) {
    if (!w.says.empty()) books.push_back(w.book);
  }
  opinions stored;
  if (store && !books.empty()) {
    tx.run(sql_begin, user, books);
    stored = opinions_from(tx.run(sql_lock, user, books));
  } else if (!books.empty()) {
    stored = opinions_from(tx.run(sql_look, user, books));
  }

  std::vector<import_end> out;
  std::vector<heard> changed;
  const instant at = now();
  for (const import_word& w : words) {
    auto before = stored.find(w.book);
    if (before == stored.end()) {
      out.push_back(w.says.empty() ? import_end::unchanged : import_end::unseen);
      continue;
    }
    opinion after = said_by_import(before->second, w.says, source, at);
    out.push_back(end_of(before->second, after, w.says));
    if (out.back() == import_end::changed) changed.push_back({w.book, std::move(after)});
  }
  if (store && !changed.empty()) store_heard(tx, user, changed);
  return out;
}

}  // namespace carrel::library
