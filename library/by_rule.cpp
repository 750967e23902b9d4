#include "library/by_rule.hpp"

#include <algorithm>

#include "library/review.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_hold{"library.hold_for_rule", R"sql(
  select b.approved_at is not null and not b.approved_by_rule,
         exists (select from book_files f where f.book_id = b.id and f.duration_ms > 0), b.page_count_source = 'estimate'
    from books b where b.id = $1 and b.deleted_at is null for update of b)sql"};

constexpr db::statement sql_history{"library.rules_in_history", R"sql(
  select field, (array_agg(user_id is null and actor = $2 and undoes is null order by group_id desc))[1],
         bool_or(undoes is not null)
    from metadata_changes where book_id = $1 group by field)sql"};

constexpr db::statement sql_mark{"library.mark_approved_by_rule",
                                 "update books set approved_by_rule = true where id = $1 and approved_at is not null"};

constexpr db::statement sql_ready{"library.ready_for_rule", R"sql(
  select exists (select from books where id = $1 and status <> 'organized' and deleted_at is null and possible_duplicate_of is null
                  and title <> '' and author <> '')
     and not exists (select from audit where subject_id = $1 and action = 'book.unapprove'))sql"};

// Candidates of others are read where the rules are.
constexpr double files_alone = 2;

bool is_blocked(db::tx& tx, const uuid& book) {
  for (const queue_note& note : queue_notes(tx, {book})) {
    if (std::any_of(note.warnings.begin(), note.warnings.end(),
                    [](const publication::warning& w) { return publication::blocks_approval(w.code); }))
      return true;
  }
  return false;
}

}  // namespace

std::optional<ruled_book> hold_for_rule(db::tx& tx, const uuid& book) {
  db::rows rows = tx.run(sql_hold, book);
  std::optional<comparison> known = rows.empty() ? std::nullopt : compare(tx, book, files_alone);
  if (!known) return std::nullopt;
  ruled_book out{.approved = rows[0].flag(0), .audio = rows[0].flag(1)};
  out.fields = std::move(known->fields);
  for (candidate& c : known->candidates) {
    if (is_local(c.source)) out.own_files.push_back(std::move(c));
  }
  if (rows[0].flag(2)) out.provisional.emplace_back("page_count");
  for (const db::row& change : tx.run(sql_history, book, metadata_rule.name)) {
    if (change.flag(1)) out.provisional.push_back(change.text(0));
    if (change.flag(2)) out.taken_back.push_back(change.text(0));
  }
  return out;
}

void mark_approved_by_rule(db::tx& tx, const uuid& book) { tx.run(sql_mark, book); }

bool approve_by_rule(db::tx& tx, const uuid& book, const actor& who) {
  if (!tx.run(sql_ready, book)[0].flag(0) || is_blocked(tx, book)) return false;
  approve_book(tx, book, who);
  mark_approved_by_rule(tx, book);
  return true;
}

}  // namespace carrel::library
