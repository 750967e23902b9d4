#include "library/review.hpp"

#include <algorithm>

#include "library/change.hpp"
#include "library/revision.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_notes{"library.queue_notes", R"sql(
  select w.id, coalesce(c.source, ''), coalesce(c.confidence, 0)::float8, coalesce(c.reasons, '[]')::text,
         coalesce((select jsonb_agg(x) from book_files f, jsonb_array_elements(f.warnings) x where f.book_id = w.id), '[]')::text,
         coalesce(i.source, ''), coalesce(i.display_name, '')
    from unnest($1::uuid[]) with ordinality as w (id, place)
    left join lateral (select k.source, k.confidence, k.reasons from book_metadata_candidates k
                        where k.book_id = w.id and k.status in ('new', 'applied')
                        order by k.confidence desc, k.fetched_at desc, k.id limit 1) c on true
    left join lateral (select n.source, n.display_name from ingest_items n
                        where n.file_id in (select f.id from book_files f where f.book_id = w.id)
                        order by n.created_at limit 1) i on true
   order by w.place)sql"};

constexpr db::statement sql_unapprove{"library.unapprove_book", R"sql(
  update books b
     set status = 'review', approved_at = null, version = version + 1, updated_at = greatest(clock_timestamp(), updated_at),
         possible_duplicate_of = (select d.id
                                    from (select a.detail->>'possible_duplicate_of' as id from audit a
                                           where a.subject_id = b.id and a.action = 'book.approve'
                                           order by a.at desc, a.id desc limit 1) was
                                    join books d on d.id = was.id::uuid and d.deleted_at is null)
   where b.id = $1 and b.status = 'organized' and b.deleted_at is null and b.approved_at > now() - interval '30 days'
  returning (select a.detail->>'taken' from audit a where a.subject_id = b.id and a.action = 'book.approve'
              order by a.at desc, a.id desc limit 1))sql"};

constexpr db::statement sql_taken_with{"library.approved_with", R"sql(
  update audit set detail = detail || jsonb_build_object('taken', $2::uuid)
   where id = (select a.id from audit a where a.subject_id = $1 and a.action = 'book.approve' order by a.at desc, a.id desc limit 1))sql"};

constexpr db::statement sql_waiting{"library.waiting_of", R"sql(
  select id from books where id = any ($1::uuid[]) and status <> 'organized' and deleted_at is null for update)sql"};

// The last approval of each book counts.
constexpr db::statement sql_lately{"library.approved_lately", R"sql(
  select a.id, b.id, b.title, b.author, a.actor, a.at
    from audit a join visible_books($1) b on b.id = a.subject_id
   where a.action = 'book.approve' and a.at > now() - interval '30 days'
     and b.status = 'organized' and b.approved_at > now() - interval '30 days'
     and not exists (select from audit l where l.subject_id = a.subject_id and l.action = 'book.approve' and (l.at, l.id) > (a.at, a.id))
     and ($2::uuid is null or (a.at, a.id) < (select e.at, e.id from audit e where e.id = $2))
   order by a.at desc, a.id desc
   limit $3)sql"};

std::vector<publication::warning> warnings_from(std::string_view text) {
  std::vector<publication::warning> out;
  result<json::value, json::failure> all = json::parse(text);
  if (!all || !all->as_array()) return out;
  for (const json::value& one : *all->as_array()) {
    publication::warning w;
    if (!one.as_object() || !one.as_object()->take("code", w.code)) continue;
    one.as_object()->take("detail", w.detail);
    if (std::find(out.begin(), out.end(), w) == out.end()) out.push_back(std::move(w));
  }
  return out;
}

std::vector<std::string> reasons_from(std::string_view text) {
  std::vector<std::string> out;
  result<json::value, json::failure> all = json::parse(text);
  if (!all || !all->as_array()) return out;
  for (const json::value& one : *all->as_array()) {
    if (one.as_text()) out.push_back(*one.as_text());
  }
  return out;
}

}  // namespace

std::vector<queue_note> queue_notes(db::tx& tx, const std::vector<uuid>& books) {
  std::vector<queue_note> out;
  for (const db::row& r : tx.run(sql_notes, books)) {
    out.push_back({.book = r.id(0),
                   .source = r.text(1),
                   .confidence = r.real(2),
                   .reasons = reasons_from(r.view(3)),
                   .warnings = warnings_from(r.view(4)),
                   .came_by = r.text(5),
                   .came_as = r.text(6)});
  }
  return out;
}

std::string destination_of(const book_file& f) { return f.storage_path; }

approval approve_waiting(db::tx& tx, const uuid& viewer, const uuid& id, const actor& who) {
  std::optional<book> found = find_book(tx, viewer, id);
  if (!found) return approval::gone;
  if (found->status == "organized") return approval::already;
  approve_book(tx, id, who);
  return approval::done;
}

void approve_with(db::tx& tx, const uuid& book, const std::optional<uuid>& taken, const actor& who) {
  bool waits = !tx.run(sql_waiting, std::vector{book}).empty();
  approve_book(tx, book, who);
  if (waits && taken) tx.run(sql_taken_with, book, *taken);
}

bool unapprove_book(db::tx& tx, const uuid& book, const actor& who) {
  db::rows rows = tx.run(sql_unapprove, book);
  if (rows.empty()) return false;
  // What somebody has changed since stays.
  if (std::optional<uuid> taken = uuid::parse(rows[0].text(0))) undo_change(tx, book, *taken, who);
  record(tx, who, "book.unapprove", "book", book);
  bump_revision(tx);
  return true;
}

int reject_waiting(db::tx& tx, const std::vector<uuid>& books, const actor& who) {
  std::vector<uuid> waiting;
  for (const db::row& r : tx.run(sql_waiting, books)) waiting.push_back(r.id(0));
  for (const uuid& id : waiting) record(tx, who, "book.reject", "book", id);
  return trash_books(tx, waiting, who);
}

std::vector<approved_book> approved_lately(db::tx& tx, const uuid& viewer, const std::optional<uuid>& after, int most) {
  std::vector<approved_book> out;
  for (const db::row& r : tx.run(sql_lately, viewer, after, most)) {
    out.push_back({.entry = r.id(0), .book = r.id(1), .title = r.text(2), .author = r.text(3), .by = r.text(4), .at = r.at(5)});
  }
  return out;
}

}  // namespace carrel::library
