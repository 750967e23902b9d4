#include "library/user_export.hpp"

#include <array>

namespace carrel::library {
namespace {

constexpr int at_once = 500;
constexpr const char* from_the_start = "00000000-0000-0000-0000-000000000000";

// Each row: where to go on, and the JSON of one thing.
struct section {
  const char* name;
  db::statement sql;
};

constexpr db::statement sql_account{"library.export_account", R"sql(
  select json_build_object('name', name, 'role', role, 'language', language, 'theme', theme, 'position_policy', position_policy,
                           'hold_stale', hold_stale, 'created_at', created_at)::text
    from users where id = $1)sql"};

constexpr std::array<section, 6> sections{{
    {"devices", {"library.export_devices", R"sql(
  select d.id::text, json_build_object('name', d.name, 'kind', d.kind, 'created_at', d.created_at, 'last_seen_at', d.last_seen_at,
                                       'revoked_at', d.revoked_at)::text
    from devices d
   where d.user_id = $1 and d.id > $2
   order by d.id
   limit $3)sql"}},
    {"shelves", {"library.export_shelves", R"sql(
  select s.id::text,
         json_build_object('name', s.name, 'kind', s.kind, 'rule', s.rule, 'collection', s.collection, 'opds', s.opds,
                           'shared', s.shared, 'created_at', s.created_at,
                           'books', (select coalesce(json_agg(json_build_object('id', b.id, 'title', b.title, 'author', b.author)
                                                              order by sb.position, b.id), '[]'::json)
                                       from shelf_books sb join visible_books($1) b on b.id = sb.book_id
                                      where sb.shelf_id = s.id))::text
    from shelves s
   where s.user_id = $1 and s.id > $2
   order by s.id
   limit $3)sql"}},
    {"opinions", {"library.export_opinions", R"sql(
  select o.book_id::text,
         json_build_object('book', o.book_id, 'title', b.title, 'author', b.author, 'state', o.state, 'started', o.started_on,
                           'finished', o.finished_on, 'stars', o.rating / 2.0, 'review', o.review)::text
    from opinions o
    left join visible_books($1) b on b.id = o.book_id
   where o.user_id = $1 and o.book_id > $2
   order by o.book_id
   limit $3)sql"}},
    {"places", {"library.export_places", R"sql(
  select p.id::text,
         json_build_object('document', p.document, 'book', d.book_id, 'title', coalesce(b.title, nullif(d.title, ''), d.file_name),
                           'device', p.device, 'place', p.progress, 'fraction', p.percentage, 'at', to_timestamp(p.timestamp))::text
    from reading_progress p
    left join documents d on d.user_id = p.user_id and d.document = p.document
    left join visible_books($1) b on b.id = d.book_id
   where p.user_id = $1 and p.id > $2
   order by p.id
   limit $3)sql"}},
    {"positions", {"library.export_positions", R"sql(
  select h.id::text,
         json_build_object('document', h.document, 'book', d.book_id, 'title', coalesce(b.title, nullif(d.title, ''), d.file_name),
                           'device', h.device, 'place', h.progress, 'fraction', h.percentage, 'origin', h.origin,
                           'accepted', h.accepted, 'at', h.created_at)::text
    from reading_progress_history h
    left join documents d on d.user_id = h.user_id and d.document = h.document
    left join visible_books($1) b on b.id = d.book_id
   where h.user_id = $1 and h.removed_at is null and h.id > $2
   order by h.id
   limit $3)sql"}},
    {"highlights", {"library.export_highlights", R"sql(
  select a.id::text,
         json_build_object('book', b.id, 'title', b.title, 'kind', a.kind, 'color', a.color, 'quote', a.quote, 'note', a.note,
                           'chapter', a.chapter, 'fraction', a.progress, 'modified_at', a.modified_at, 'as_sent', a.raw)::text
    from annotations a
    left join visible_books($1) b on b.entitlement = a.entitlement
   where a.user_id = $1 and a.deleted_at is null and a.id > $2
   order by a.id
   limit $3)sql"}},
}};

}  // namespace

std::string user_export::next(db::tx& tx) {
  if (over_) return {};
  std::string out;
  if (after_.empty()) {
    if (section_ == 0) {
      db::rows account = tx.run(sql_account, user_);
      out = "{\"account\":" + (account.empty() ? std::string("null") : account[0].text(0));
    }
    out += std::string(",\n\"") + sections[section_].name + "\":[";
    after_ = from_the_start;
    first_ = true;
  }
  db::rows rows = tx.run(sections[section_].sql, user_, uuid::parse(after_).value_or(uuid{}), at_once);
  for (const db::row& r : rows) {
    out += (first_ ? "\n" : ",\n") + r.text(1);
    first_ = false;
    after_ = r.text(0);
  }
  if (rows.size() == static_cast<std::size_t>(at_once)) return out;
  out += "]";
  after_.clear();
  over_ = ++section_ == sections.size();
  return over_ ? out + "}\n" : out;
}

}  // namespace carrel::library
