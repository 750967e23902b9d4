#include <set>

#include "library/document.hpp"
#include "library/user.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_lock{"library.lock_document", R"sql(
  select link, book_id, file_name from documents where user_id = $1 and document = $2 for no key update)sql"};

// Kinds in the order of kosync.md 8.6 rule 4; the first one that knows the document decides. The digest of the file name that
// the client sent comes last.
constexpr db::statement sql_match{"library.match_document", R"sql(
  with known as (
    select case h.kind when 'partial' then 1 when 'full' then 2 when 'content' then 3 else 4 end as step,
           h.book_id, h.file_id, h.last_served_at, h.first_seen_at
      from book_file_hashes h
     where h.hash = $2 and h.kind in ('partial', 'full', 'content', 'filename')
     union all
    select 5, h.book_id, h.file_id, h.last_served_at, h.first_seen_at
      from book_file_hashes h
     where $3 <> '' and h.hash = md5($3) and h.kind = 'filename'),
  seen as (
    select k.* from known k join visible_books($1) b on b.id = k.book_id)
  select book_id, file_id
    from seen
   where step = (select min(step) from seen)
   order by last_served_at desc nulls last, first_seen_at desc, file_id)sql"};

constexpr db::statement sql_link{"library.link_document", R"sql(
  update documents set book_id = $3, file_id = $4, link = 'auto', looked_up_at = $5 where user_id = $1 and document = $2)sql"};
constexpr db::statement sql_looked_up{"library.document_looked_up", R"sql(
  update documents set looked_up_at = $3 where user_id = $1 and document = $2)sql"};

constexpr db::statement sql_waiting{"library.documents_of_file", R"sql(
  select d.user_id, d.document collate "C" as document
    from documents d
   where d.link = 'none'
     and d.document = any (array (select hash from book_file_hashes
                                   where file_id = $1 and kind in ('partial', 'full', 'content', 'filename')))
   union
  select d.user_id, d.document collate "C"
    from documents d
   where d.link = 'none' and d.file_name <> ''
     and md5(d.file_name) = any (array (select hash from book_file_hashes where file_id = $1 and kind = 'filename'))
   order by user_id, document)sql"};

constexpr db::statement sql_by_hand{"library.link_document_by_hand", R"sql(
  update documents d set book_id = b.id, file_id = null, link = 'manual'
    from visible_books($1) b
   where b.id = $3 and d.user_id = $1 and d.document = $2)sql"};
constexpr db::statement sql_unlink{"library.unlink_document", R"sql(
  update documents set book_id = null where user_id = $1 and document = $2 and book_id is not null)sql"};

struct link_outcome {
  std::optional<uuid> book;
  bool made = false;
};

link_outcome look_up(db::tx& tx, const uuid& user, const std::string& document) {
  db::rows found = tx.run(sql_lock, user, document);
  if (found.empty()) return {};
  if (found[0].text(0) != "none") return {.book = found[0].maybe_id(1), .made = false};

  db::rows files = tx.run(sql_match, user, document, found[0].text(2));
  bool one_book = !files.empty();
  for (const db::row& f : files) one_book = one_book && f.id(0) == files[0].id(0);
  if (!one_book) {
    tx.run(sql_looked_up, user, document, now());
    return {};
  }
  tx.run(sql_link, user, document, files[0].id(0), files[0].id(1), now());
  return {.book = files[0].id(0), .made = true};
}

int link_all(db::tx& tx, const document_keys& documents) {
  int linked = 0;
  std::set<uuid> users;  // their rows are locked after all documents, as pushes do it
  for (const auto& [user, document] : documents) {
    if (!look_up(tx, user, document).made) continue;
    ++linked;
    users.insert(user);
  }
  for (const uuid& user : users) bump_state(tx, user);
  return linked;
}

}  // namespace

std::optional<uuid> link_document(db::tx& tx, const uuid& user, const std::string& document) {
  link_outcome out = look_up(tx, user, document);
  if (out.made) bump_state(tx, user);
  return out.book;
}

void link_documents(db::tx& tx, const document_keys& documents) { link_all(tx, documents); }

int link_documents_of_file(db::tx& tx, const uuid& file) {
  document_keys waiting;
  for (const db::row& r : tx.run(sql_waiting, file)) waiting.emplace(r.id(0), r.text(1));
  return link_all(tx, waiting);
}

bool link_by_hand(db::tx& tx, const uuid& user, const std::string& document, const uuid& book) {
  if (tx.run(sql_by_hand, user, document, book).affected() == 0) return false;
  bump_state(tx, user);
  return true;
}

bool unlink(db::tx& tx, const uuid& user, const std::string& document) {
  if (tx.run(sql_unlink, user, document).affected() == 0) return false;
  bump_state(tx, user);
  return true;
}

}  // namespace carrel::library
