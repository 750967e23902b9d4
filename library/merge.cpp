#include "library/merge.hpp"

#include <algorithm>
#include <map>
#include <ranges>

#include "library/merge_fields.hpp"
#include "library/merge_file.hpp"
#include "library/merge_parts.hpp"
#include "library/revision.hpp"
#include "library/user.hpp"

namespace carrel::library {
namespace {

// E-readers that are told of any of these books: before everything else, as their own requests lock.
constexpr db::statement sql_lock_kobos{"library.merge_lock_kobos", R"sql(
  select k.id from kobo_devices k
   where k.device_id in (select fs.device_id from shelf_books sb join feeding_shelves fs on fs.shelf_id = sb.shelf_id
                          where sb.book_id = any ($1::uuid[]))
   order by k.id for update)sql"};
// The shelves they stand on: whoever fills a shelf locks it before the books.
constexpr db::statement sql_lock_shelves{"library.merge_lock_shelves", R"sql(
  select s.id from shelves s where s.id in (select shelf_id from shelf_books where book_id = any ($1::uuid[])) order by s.id for update)sql"};
constexpr db::statement sql_lock{"library.merge_lock", R"sql(
  select id, deleted_at is not null, merged_into, library_id from books where id = any ($1::uuid[]) order by id for update)sql"};

constexpr db::statement sql_begin{"library.merge_begin", R"sql(
  insert into book_merges (id, kept_id, act, user_id, actor, made_at) values ($1, $2, $3, $4, $5, $6))sql"};
constexpr db::statement sql_member{"library.merge_member",
                                   "insert into book_merge_members (merge_id, book_id, place) values ($1, $2, $3)"};
constexpr db::statement sql_write_down{"library.merge_write_down", R"sql(
  insert into book_merge_parts (merge_id, book_id, relation, rows) values ($1, $2, $3, $4::jsonb))sql"};
constexpr db::statement sql_written{"library.merge_written", R"sql(
  select relation, rows::text from book_merge_parts where merge_id = $1 and book_id = $2)sql"};

constexpr db::statement sql_hide{"library.merge_hide", R"sql(
  update books set deleted_at = clock_timestamp(), merged_into = $2 where id = $1)sql"};
constexpr db::statement sql_show{"library.merge_show", R"sql(
  update books set deleted_at = null, merged_into = null where id = $1 and merged_into = $2)sql"};
constexpr db::statement sql_decide{"library.merge_decide", R"sql(
  insert into duplicate_candidates (book_id, other_id, kind, score, decided_at, decision, decided_by)
  values (greatest($1::uuid, $2::uuid), least($1::uuid, $2::uuid), 'similar', 0, clock_timestamp(), 'merged', $3)
      on conflict do nothing)sql"};
constexpr db::statement sql_undecide{"library.merge_undecide", R"sql(
  delete from duplicate_candidates
   where book_id = greatest($1::uuid, $2::uuid) and other_id = least($1::uuid, $2::uuid) and decision = 'merged')sql"};

// What follows from the files a book has.
constexpr db::statement sql_touch{"library.merge_touch", R"sql(
  update books b
     set offered = (select coalesce(max(f.offered), 0) from book_files f where f.book_id = b.id),
         kobo_file = (select k.id from kobo_file_of(b.id, 0) k), kobo_ready = coalesce((select k.ready from kobo_file_of(b.id, 0) k), false),
         version = version + 1, file_version = version + 1, updated_at = greatest(clock_timestamp(), updated_at)
   where b.id = any ($1::uuid[]))sql"};
constexpr db::statement sql_touch_shelves{"library.merge_touch_shelves", R"sql(
  update shelves set updated_at = now() where id in (select shelf_id from shelf_books where book_id = any ($1::uuid[])))sql"};
constexpr db::statement sql_readers{"library.merge_readers", R"sql(
  select user_id from documents where book_id = any ($1::uuid[])
   union
  select s.user_id from shelf_books sb join shelves s on s.id = sb.shelf_id where sb.book_id = any ($1::uuid[])
   order by 1)sql"};

constexpr db::statement sql_lock_merge{"library.merge_lock_one", R"sql(
  select kept_id, place, undone_at is not null from book_merges where id = $1 for update)sql"};
constexpr db::statement sql_members{"library.merge_members",
                                    "select book_id from book_merge_members where merge_id = $1 order by place"};
// Acts on any of these books that came later and still hold.
constexpr db::statement sql_later{"library.merge_later", R"sql(
  select m.id from book_merges m
   where m.undone_at is null and m.place > $1
     and (m.kept_id = any ($2::uuid[])
          or exists (select from book_merge_members b where b.merge_id = m.id and b.book_id = any ($2::uuid[])))
   order by m.place desc limit 1)sql"};
constexpr db::statement sql_end{"library.merge_end", R"sql(
  update book_merges set undone_at = clock_timestamp(), undone_by = $2 where id = $1)sql"};
constexpr db::statement sql_forget_parts{"library.merge_forget_parts", "delete from book_merge_parts where merge_id = $1"};

constexpr db::statement sql_made{"library.merge_made", R"sql(
  select m.id from book_merges m join book_merge_members b on b.merge_id = m.id
   where b.book_id = $1 and m.undone_at is null order by m.place desc limit 1)sql"};

#define CARREL_MERGES                                                                                                      \
  "  select m.id, m.kept_id, b.title, m.act, m.actor, m.made_at, m.place, m.undone_at is not null,"                        \
  "         array(select x.book_id from book_merge_members x where x.merge_id = m.id order by x.place),"                   \
  "         (select string_agg(o.title, ', ' order by x.place) from book_merge_members x join books o on o.id = x.book_id" \
  "           where x.merge_id = m.id)"                                                                                    \
  "    from book_merges m join books b on b.id = m.kept_id"                                                                \
  "    join visible_books($1) k on k.id = coalesce(b.merged_into, b.id) "
constexpr db::statement sql_find{"library.find_merge", CARREL_MERGES "where m.id = $2"};
constexpr db::statement sql_of_book{"library.merge_of_book", CARREL_MERGES R"sql(
   where m.undone_at is null
     and (m.kept_id = $2 or exists (select from book_merge_members x where x.merge_id = m.id and x.book_id = $2))
   order by m.place desc limit 1)sql"};
constexpr db::statement sql_standing{"library.standing_merges", CARREL_MERGES R"sql(
   where m.undone_at is null and ($2::bigint is null or m.place < $2) order by m.place desc limit $3)sql"};
#undef CARREL_MERGES

constexpr db::statement sql_in_trash{"library.merge_in_trash", R"sql(
  select k.title from book_merges m join books b on b.id = m.kept_id
    join reachable_books($1) k on k.id = coalesce(b.merged_into, b.id)
   where m.id = $2 and m.undone_at is null and k.deleted_at is not null)sql"};

constexpr db::statement sql_survivor{"library.survivor", R"sql(
  select v.id from books b join visible_books($1) v on v.id = b.merged_into where b.id = $2)sql"};
constexpr db::statement sql_entitlements{"library.surviving_entitlements", R"sql(
  select surviving_entitlement(w.id) from unnest($1::uuid[]) with ordinality as w (id, place) order by w.place)sql"};

const char* name_of(merge_act act) { return act == merge_act::merge ? "merge" : act == merge_act::format ? "format" : "replace"; }

struct locked_book {
  bool gone = false;
  std::optional<uuid> merged_into;
  uuid library;
};

std::map<uuid, locked_book> lock_all(db::tx& tx, const std::vector<uuid>& ids) {
  tx.run(sql_lock_kobos, ids);
  tx.run(sql_lock_shelves, ids);
  std::map<uuid, locked_book> out;
  for (const db::row& r : tx.run(sql_lock, ids))
    out.emplace(r.id(0), locked_book{.gone = r.flag(1), .merged_into = r.maybe_id(2), .library = r.id(3)});
  return out;
}

struct plan {
  std::vector<uuid> todo;
  std::optional<uuid> done_before;
};

result<plan> plan_of(const std::map<uuid, locked_book>& there, const uuid& kept, const std::vector<uuid>& others) {
  auto stays = there.find(kept);
  if (stays == there.end() || stays->second.gone) return error{"missing", "there is no such book"};
  plan out;
  for (const uuid& other : others) {
    auto goes = there.find(other);
    if (other == kept) return error{"same", "a book cannot be merged with itself"};
    if (goes == there.end()) return error{"missing", "there is no such book"};
    if (goes->second.merged_into == kept) {
      out.done_before = other;
    } else if (goes->second.merged_into) {
      return error{"elsewhere", "the book is part of another book already"};
    } else if (goes->second.gone) {
      return error{"missing", "the book is in the trash"};
    } else if (goes->second.library != stays->second.library) {
      return error{"library", "the books are in two libraries, whose files lie in different places"};
    } else if (std::find(out.todo.begin(), out.todo.end(), other) == out.todo.end()) {
      out.todo.push_back(other);
    }
  }
  return out;
}

class one_merge {
 public:
  one_merge(db::tx& tx, merge_outcome& out, merge_act act, const actor& who) : tx_(tx), out_(out), act_(act), who_(who) {}

  void take(const uuid& other) {
    move(other, merge_parts_of_kobos());
    move(other, merge_parts_of_books());
    write_down(other, "books.fields", take_fields(tx_, out_.kept, other, act_ == merge_act::merge));
    tx_.run(sql_hide, other, out_.kept);
    tx_.run(sql_decide, out_.kept, other, who_.name);
  }

 private:
  void move(const uuid& other, std::span<const merge_part> parts) {
    for (const merge_part& p : parts) {
      db::rows rows = tx_.run(p.move, out_.kept, other);
      if (rows[0].is_null(0)) continue;
      write_down(other, p.relation, rows[0].text(0));
      count(p.relation, rows[0].integer(1));
    }
  }

  void write_down(const uuid& other, const char* relation, const std::string& rows) {
    if (!rows.empty()) tx_.run(sql_write_down, out_.merge, other, relation, rows);
  }

  void count(std::string_view relation, std::int64_t n) {
    if (relation == "book_files") out_.files += n;
    if (relation == "shelf_books") out_.shelves += n;
    if (relation == "documents") out_.documents += n;
    if (relation == "annotations") out_.annotations += n;
  }

  db::tx& tx_;
  merge_outcome& out_;
  merge_act act_;
  const actor& who_;
};

// Everybody whose shelves or positions show one of these books, and the catalog.
void tell(db::tx& tx, const std::vector<uuid>& books) {
  tx.run(sql_touch, books);
  tx.run(sql_touch_shelves, books);
  for (const db::row& r : tx.run(sql_readers, books)) bump_state(tx, r.id(0));
  bump_revision(tx);
}

json::object detail_of(const uuid& merge, const std::vector<uuid>& books) { return {{"merge", merge}, {"books", books}}; }

std::map<std::string, std::string, std::less<>> written(db::tx& tx, const uuid& merge, const uuid& book) {
  std::map<std::string, std::string, std::less<>> out;
  for (const db::row& r : tx.run(sql_written, merge, book)) out.emplace(r.text(0), r.text(1));
  return out;
}

void note_left(std::vector<std::string>& left, std::string_view what) {
  if (std::find(left.begin(), left.end(), what) == left.end()) left.emplace_back(what);
}

void move_back(db::tx& tx, const uuid& kept, const uuid& other, std::span<const merge_part> parts,
               const std::map<std::string, std::string, std::less<>>& rows, std::vector<std::string>& left) {
  for (const merge_part& p : parts | std::views::reverse) {
    auto at = rows.find(p.relation);
    if (at == rows.end()) continue;
    if (tx.run(p.back, kept, other, at->second)[0].integer(0) > 0) note_left(left, p.relation);
  }
}

void give_back(db::tx& tx, unmerge_outcome& out, const uuid& other) {
  auto rows = written(tx, out.merge, other);
  if (!give_bytes_back(tx, out.merge, other)) note_left(out.left, "book_files");
  tx.run(sql_show, other, out.kept);
  tx.run(sql_undecide, out.kept, other);
  if (auto fields = rows.find("books.fields"); fields != rows.end()) {
    if (give_fields_back(tx, out.kept, fields->second) > 0) note_left(out.left, "books");
  }
  move_back(tx, out.kept, other, merge_parts_of_books(), rows, out.left);
  move_back(tx, out.kept, other, merge_parts_of_kobos(), rows, out.left);
}

merge_row merge_from(const db::row& r) {
  return {.id = r.id(0),
          .kept = r.id(1),
          .kept_title = r.text(2),
          .titles = r.text(9),
          .act = r.text(3),
          .actor = r.text(4),
          .books = r.ids(8),
          .made_at = r.at(5),
          .place = r.integer(6),
          .undone = r.flag(7)};
}

}  // namespace

result<merge_outcome> merge_books(db::tx& tx, const uuid& kept, const std::vector<uuid>& others, merge_act act,
                                  const actor& who) {
  std::vector<uuid> all = others;
  all.push_back(kept);
  result<plan> p = plan_of(lock_all(tx, all), kept, others);
  if (!p) return p.error();
  merge_outcome out{.merge = uuid::make(), .kept = kept, .books = p->todo};
  if (p->todo.empty()) {
    if (p->done_before) out.merge = tx.run(sql_made, *p->done_before)[0].id(0);
    return out;
  }
  tx.run(sql_begin, out.merge, kept, name_of(act), who.user, who.name, now());
  one_merge merging(tx, out, act, who);
  int place = 0;
  for (const uuid& other : p->todo) {
    tx.run(sql_member, out.merge, other, place++);
    merging.take(other);
  }
  std::vector<uuid> touched = p->todo;
  touched.push_back(kept);
  record(tx, who, "book.merge", "book", kept, detail_of(out.merge, p->todo));
  tell(tx, touched);
  return out;
}

result<unmerge_outcome> undo_merge(db::tx& tx, const uuid& merge, const actor& who) {
  db::rows rows = tx.run(sql_lock_merge, merge);
  if (rows.empty()) return error{"missing", "there is no such merge"};
  unmerge_outcome out{.merge = merge, .kept = rows[0].id(0), .books = {}, .left = {}};
  if (rows[0].flag(2)) return out;
  std::vector<uuid> members;
  for (const db::row& r : tx.run(sql_members, merge)) members.push_back(r.id(0));
  std::vector<uuid> all = members;
  all.push_back(out.kept);
  lock_all(tx, all);
  db::rows later = tx.run(sql_later, rows[0].integer(1), all);
  if (!later.empty()) return error{"later", later[0].id(0).text()};

  for (const uuid& other : members | std::views::reverse) give_back(tx, out, other);
  tx.run(sql_end, merge, who.name);
  tx.run(sql_forget_parts, merge);
  out.books = members;
  record(tx, who, "book.unmerge", "book", out.kept, detail_of(merge, members));
  tell(tx, all);
  return out;
}

json::object to_json(const merge_outcome& o) {
  return {{"merge", o.merge},     {"book", o.kept},           {"merged", o.books},           {"files", o.files},
          {"shelves", o.shelves}, {"documents", o.documents}, {"annotations", o.annotations}};
}

json::object to_json(const unmerge_outcome& o) {
  return {{"merge", o.merge}, {"book", o.kept}, {"restored", o.books}, {"left", o.left}};
}

std::optional<merge_row> find_merge(db::tx& tx, const uuid& viewer, const uuid& merge) {
  db::rows rows = tx.run(sql_find, viewer, merge);
  return rows.empty() ? std::nullopt : std::optional(merge_from(rows[0]));
}

std::optional<std::string> merge_in_trash(db::tx& tx, const uuid& viewer, const uuid& merge) {
  db::rows rows = tx.run(sql_in_trash, viewer, merge);
  return rows.empty() ? std::nullopt : std::optional(rows[0].text(0));
}

std::optional<merge_row> merge_of_book(db::tx& tx, const uuid& viewer, const uuid& book) {
  db::rows rows = tx.run(sql_of_book, viewer, book);
  return rows.empty() ? std::nullopt : std::optional(merge_from(rows[0]));
}

std::vector<merge_row> standing_merges(db::tx& tx, const uuid& viewer, const std::optional<std::int64_t>& before, int most) {
  std::vector<merge_row> out;
  for (const db::row& r : tx.run(sql_standing, viewer, before, most)) out.push_back(merge_from(r));
  return out;
}

std::optional<uuid> survivor_of(db::tx& tx, const uuid& viewer, const uuid& book) {
  db::rows rows = tx.run(sql_survivor, viewer, book);
  return rows.empty() ? std::nullopt : std::optional(rows[0].id(0));
}

std::vector<uuid> surviving_entitlements(db::tx& tx, const std::vector<uuid>& entitlements) {
  std::vector<uuid> out;
  for (const db::row& r : tx.run(sql_entitlements, entitlements)) out.push_back(r.id(0));
  return out;
}

uuid surviving_entitlement(db::tx& tx, const uuid& entitlement) { return surviving_entitlements(tx, {entitlement}).front(); }

}  // namespace carrel::library
