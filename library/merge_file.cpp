#include "library/merge_file.hpp"

#include <algorithm>

#include "server/core/json.hpp"

namespace carrel::library {
namespace {

// Never a file that is read in place: its folder is not ours, so its older bytes could not be put back there (product.md 3.2).
constexpr db::statement sql_pairs{"library.exchangeable_files", R"sql(
  select o.id, n.id, coalesce(o.storage_path, ''), o.original_name, o.checksum
    from book_files o join book_files n on n.book_id = $2 and n.format = o.format and n.is_kepub = o.is_kepub
   where o.book_id = $1
     and left(coalesce(o.storage_path, ''), 1) not in ('/', '%') and left(coalesce(n.storage_path, ''), 1) not in ('/', '%')
     and (select count(*) from book_files x where x.book_id = $1 and x.format = o.format) = 1
     and (select count(*) from book_files x where x.book_id = $2 and x.format = o.format) = 1
   order by o.rank, o.id)sql"};

constexpr db::statement sql_write_down{"library.exchange_write_down", R"sql(
  select jsonb_build_object(
    'attic', $3::text, 'older', to_jsonb(o) || case when $4 = '' then '{}' else jsonb_build_object('storage_path', $4::text) end,
    'newer', to_jsonb(n),
    'older_hashes', (select jsonb_agg(to_jsonb(h)) from book_file_hashes h where h.file_id = o.id),
    'newer_hashes', (select jsonb_agg(to_jsonb(h)) from book_file_hashes h where h.file_id = n.id),
    'artifacts', (select jsonb_agg(a.id) from kobo_artifacts a where a.file_id = n.id),
    'measures', (select jsonb_agg(m.checksum) from book_measures m where m.file_id = n.id),
    'items', (select jsonb_agg(i.id) from ingest_items i where i.book_id = o.book_id and i.file_id = n.id),
    'downloads', (select jsonb_agg(d.id) from downloads d where d.book_id = o.book_id and d.file_id = n.id))::text
    from book_files o, book_files n where o.id = $1 and n.id = $2)sql"};

// The older fingerprints are those of bytes that are no more there, as after a replacement (kosync.md 8.6).
constexpr db::statement sql_retire{"library.exchange_retire", R"sql(
  update book_file_hashes set variant = 'replaced' where file_id = $1 and variant in ('original', 'served') and kind <> 'filename')sql"};
constexpr db::statement sql_hashes{"library.exchange_hashes", R"sql(
  with gone as (delete from book_file_hashes where file_id = $2 returning *)
  insert into book_file_hashes as h (hash, kind, file_id, book_id, variant, first_seen_at, last_served_at)
  select g.hash, g.kind, $1, g.book_id, g.variant, g.first_seen_at, g.last_served_at from gone g
      on conflict (hash, kind, file_id) do update
     set variant = excluded.variant, last_served_at = greatest(h.last_served_at, excluded.last_served_at))sql"};
constexpr db::statement sql_followers{"library.exchange_followers", R"sql(
  with artifacts as (update kobo_artifacts set file_id = $1 where file_id = $2),
  copies as (update delivered_copies set file_id = $1 where file_id = $2),
  measures as (update book_measures set file_id = $1 where file_id = $2),
  items as (update ingest_items set file_id = $1 where file_id = $2 and book_id = (select book_id from book_files where id = $1)),
  downloaded as (update downloads set file_id = $1 where file_id = $2 and book_id = (select book_id from book_files where id = $1)),
  linked as (update documents set file_id = $1 where file_id = $2 and book_id = (select book_id from book_files where id = $1)),
  aliases as (update file_aliases set into_id = $1 where into_id = $2)
  update bridged_documents set away = $1 where away = $2)sql"};
constexpr db::statement sql_remove{"library.exchange_remove", "delete from book_files where id = $1"};

// The bytes and what is known of them; its name is the file's own.
#define CARREL_OF_BYTES                                                                                                        \
  "mime = r.mime, storage_path = r.storage_path, file_size = r.file_size, checksum = r.checksum, md5 = r.md5,"                 \
  " koreader_md5 = r.koreader_md5, content_hash = r.content_hash, content_hash_version = r.content_hash_version, drm = r.drm," \
  " is_kepub = r.is_kepub, offered = r.offered, described = r.described, warnings = r.warnings, duration_ms = r.duration_ms,"  \
  " facts = r.facts, extractor_version = r.extractor_version, missing_since = r.missing_since, kobo_as = r.kobo_as,"           \
  " kobo_how = r.kobo_how, kobo_kept = r.kobo_kept, updated_at = clock_timestamp() "
constexpr db::statement sql_bytes{"library.exchange_bytes", "update book_files f set " CARREL_OF_BYTES R"sql(
    from jsonb_populate_record(null::book_files, $2::jsonb) r where f.id = $1)sql"};
#undef CARREL_OF_BYTES

constexpr db::statement sql_alias{"library.exchange_alias", R"sql(
  insert into file_aliases (file_id, into_id, merge_id) values ($1, $2, $3) on conflict (file_id) do update set into_id = excluded.into_id)sql"};
constexpr db::statement sql_store{"library.exchange_store", R"sql(
  insert into book_merge_parts (merge_id, book_id, relation, rows) values ($1, $2, 'book_files.exchanged', jsonb_build_array($3::jsonb))
      on conflict (merge_id, book_id, relation) do update set rows = book_merge_parts.rows || excluded.rows)sql"};
constexpr db::statement sql_exchanged{"library.exchanged_files", R"sql(
  select (w -> 'older' ->> 'id')::uuid, w ->> 'attic', coalesce(w -> 'older' ->> 'storage_path', ''), w -> 'older' ->> 'checksum'
    from book_merge_parts p cross join lateral jsonb_array_elements(p.rows) w
   where p.merge_id = $1 and p.relation = 'book_files.exchanged')sql"};
// The newer bytes may have been written back since (ingest.md 4.5): other bytes with the same documents, which the newer file has
// then.
constexpr db::statement sql_of_book{"library.exchanged_of_book", R"sql(
  select w::text, (w -> 'older')::text,
         ((w -> 'newer') || case when f.checksum = w -> 'newer' ->> 'checksum' then '{}' else jsonb_build_object(
           'file_size', f.file_size, 'checksum', f.checksum, 'md5', f.md5, 'koreader_md5', f.koreader_md5, 'offered', f.offered,
           'described', f.described, 'warnings', f.warnings, 'facts', f.facts, 'extractor_version', f.extractor_version,
           'missing_since', f.missing_since, 'kobo_as', null, 'kobo_how', '', 'kobo_kept', '') end)::text,
         (w -> 'older' ->> 'id')::uuid, (w -> 'newer' ->> 'id')::uuid,
         coalesce(f.checksum = w -> 'newer' ->> 'checksum'
                  or (f.content_hash = w -> 'newer' ->> 'content_hash'
                      and exists (select from written_files t where t.file_id = f.id and t.after = f.checksum)), false),
         coalesce(f.storage_path, '')
    from book_merge_parts p cross join lateral jsonb_array_elements(p.rows) w
    left join book_files f on f.id = (w -> 'older' ->> 'id')::uuid
   where p.merge_id = $1 and p.book_id = $2 and p.relation = 'book_files.exchanged')sql"};

// The row of the newer file beside the older one again, in the book that has both for now. Its bytes may have been moved
// meanwhile.
constexpr db::statement sql_revive{"library.exchange_revive", R"sql(
  insert into book_files
  select r.* from jsonb_populate_record(null::book_files,
                                        $2::jsonb || jsonb_build_object('book_id', (select book_id from book_files where id = $1),
                                                                        'storage_path', nullif($3::text, ''),
                                                                        'updated_at', clock_timestamp())) r)sql"};
// What the file has got since are fingerprints of the newer bytes.
constexpr db::statement sql_hashes_back{"library.exchange_hashes_back", R"sql(
  with w as (select r.* from jsonb_array_elements(nullif($3::jsonb -> 'newer_hashes', 'null')) x
              cross join lateral jsonb_populate_record(null::book_file_hashes, x) r),
  older as (select r.* from jsonb_array_elements(nullif($3::jsonb -> 'older_hashes', 'null')) x
              cross join lateral jsonb_populate_record(null::book_file_hashes, x) r),
  gone as (
    delete from book_file_hashes h
     where h.file_id = $1 and (h.kind <> 'filename' or exists (select from w where w.hash = h.hash and w.kind = h.kind))
       and not exists (select from older o where o.hash = h.hash and o.kind = h.kind)
    returning h.*),
  was as (
    update book_file_hashes h set variant = o.variant from older o where h.file_id = $1 and h.hash = o.hash and h.kind = o.kind),
  newer as (
    select * from gone
     union all select * from w where not exists (select from gone g where g.hash = w.hash and g.kind = w.kind))
  insert into book_file_hashes (hash, kind, file_id, book_id, variant, first_seen_at, last_served_at)
  select n.hash, n.kind, $2, f.book_id, n.variant, n.first_seen_at, n.last_served_at
    from newer n cross join book_files f where f.id = $2
      on conflict do nothing)sql"};
constexpr db::statement sql_followers_back{"library.exchange_followers_back", R"sql(
  with newer as (select $3::jsonb -> 'newer' ->> 'checksum' as checksum union select checksum from book_files where id = $2),
  artifacts as (
    update kobo_artifacts set file_id = $2
     where file_id = $1 and (id in (select value::uuid from jsonb_array_elements_text(nullif($3::jsonb -> 'artifacts', 'null')))
                             or source in (select checksum from newer))),
  copies as (update delivered_copies set file_id = $2 where file_id = $1 and source in (select checksum from newer)),
  measures as (
    update book_measures set file_id = $2
     where file_id = $1 and (checksum in (select value from jsonb_array_elements_text(nullif($3::jsonb -> 'measures', 'null')))
                             or checksum in (select checksum from newer))),
  written as (update written_files set file_id = $2 where file_id = $1 and after in (select checksum from newer)),
  items as (
    update ingest_items set file_id = $2 where id in (select value::uuid from jsonb_array_elements_text(nullif($3::jsonb -> 'items', 'null')))),
  downloaded as (
    update downloads d set file_id = $2 from book_files f
     where f.id = $2 and d.book_id = f.book_id and d.file_id = $1
       and (d.id in (select value::uuid from jsonb_array_elements_text(nullif($3::jsonb -> 'downloads', 'null'))) or d.checksum = f.checksum)),
  linked as (
    update documents d set file_id = $2 from book_files f
     where f.id = $2 and d.book_id = f.book_id and d.file_id = $1
       and d.document in (select hash from book_file_hashes where file_id = $2 and kind in ('partial', 'full')))
  delete from file_aliases where file_id = $2)sql"};

}  // namespace

std::vector<file_pair> exchangeable_files(db::tx& tx, const uuid& kept, const uuid& other) {
  std::vector<file_pair> out;
  for (const db::row& r : tx.run(sql_pairs, kept, other)) {
    out.push_back(
        {.older = r.id(0), .newer = r.id(1), .older_path = r.text(2), .older_name = r.text(3), .older_checksum = r.text(4)});
  }
  return out;
}

void take_bytes(db::tx& tx, const uuid& merge, const uuid& other, const file_pair& pair, const std::string& attic) {
  db::rows rows = tx.run(sql_write_down, pair.older, pair.newer, attic, pair.back_path);
  CARREL_EXPECT(rows.size() == 1);
  std::string written = rows[0].text(0);
  result<json::object> all = json::read_object(written);
  CARREL_EXPECT(all.ok() && all->find("newer") != nullptr);
  tx.run(sql_store, merge, other, written);
  tx.run(sql_retire, pair.older);
  tx.run(sql_hashes, pair.older, pair.newer);
  tx.run(sql_followers, pair.older, pair.newer);
  tx.run(sql_remove, pair.newer);
  tx.run(sql_bytes, pair.older, json::dump(*all->find("newer")));
  tx.run(sql_alias, pair.newer, pair.older, merge);
}

std::vector<exchanged_file> exchanged_files(db::tx& tx, const uuid& merge) {
  std::vector<exchanged_file> out;
  for (const db::row& r : tx.run(sql_exchanged, merge)) {
    out.push_back({.older = r.id(0), .attic = r.text(1), .storage_path = r.text(2), .checksum = r.text(3)});
  }
  return out;
}

bool give_bytes_back(db::tx& tx, const uuid& merge, const uuid& other) {
  bool all = true;
  for (const db::row& r : tx.run(sql_of_book, merge, other)) {
    if (!r.flag(5)) {
      all = false;
      continue;
    }
    tx.run(sql_bytes, r.id(3), r.text(1));
    tx.run(sql_revive, r.id(3), r.text(2), r.text(6));
    tx.run(sql_hashes_back, r.id(3), r.id(4), r.text(0));
    tx.run(sql_followers_back, r.id(3), r.id(4), r.text(0));
  }
  return all;
}

}  // namespace carrel::library
