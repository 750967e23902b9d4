-- 0030_kobo_styles.sql
-- Whether books are converted for a Kobo, and how they are hyphenated, can be chosen for it alone (product.md 4.7).

-- The choice in a word, '' where it is the server's: 'as-is', 'kepub', 'hyphenation=on', 'kepub hyphenation=never'. As
-- library::kobo_options::style says it.
create function kobo_style(settings jsonb) returns text language sql immutable as $$
  select case when settings -> 'kobo' ->> 'kepub' = 'false' then 'as-is'
              else ltrim(case when settings -> 'kobo' ->> 'kepub' = 'true' then 'kepub' else '' end ||
                         coalesce(' hyphenation=' || (settings -> 'kobo' ->> 'hyphenation'), '')) end
$$;

-- What Kobos of a style get of a file, as book_files.kobo_as and the columns beside it say it of the others.
create table kobo_styled (
  file_id uuid not null references book_files on delete cascade,
  style text not null,
  kobo_as uuid not null,
  kobo_how text not null,
  kobo_kept text not null default '',
  kobo_version bigint not null,
  file_version bigint not null default 0,      -- books.version when it became another conversion
  primary key (file_id, style)
);
create index kobo_styled_made on kobo_styled (kobo_as);

create function forget_kobo_styles() returns trigger language plpgsql as $$
begin
  delete from kobo_styled where file_id = new.id;
  return null;
end $$;
create trigger book_files_styled after update of checksum on book_files
  for each row when (new.checksum is distinct from old.checksum) execute function forget_kobo_styles();

-- As kobo_file_of(book, largest), for Kobos of a style.
create function kobo_file_of(book uuid, largest bigint, style text) returns table (id uuid, ready boolean) language sql stable as $$
  select f.id, m.made is not null
    from book_files f
    left join kobo_styled s on s.file_id = f.id and s.style = $3
   cross join lateral (select case $3 when '' then f.kobo_as when 'as-is' then f.id else s.kobo_as end as made) m
   where f.book_id = book and f.format in ('epub', 'kepub') and f.drm = '' and f.storage_path is not null
     and (largest = 0 or m.made is null
          or coalesce((select a.file_size from kobo_artifacts a where a.id = m.made), f.file_size) <= largest)
   order by f.is_kepub desc, f.rank, f.id limit 1
$$;

-- Every choice of another style makes other files of all books, for this Kobo alone: its versions of them begin that much later
-- than any book's own count can come.
create function kobo_versions_from(settings jsonb) returns bigint language sql immutable as $$
  select coalesce((settings -> 'kobo' ->> 'styles')::bigint, 0) << 40
$$;

-- `kobo_file_version`: `version` when Kobos without a style got another conversion of the book. `kobo_spans`: the conversion in whose
-- spans places and highlights of the book are (kobo.md 10.4); null in books that were converted before this was kept.
alter table books add column kobo_file_version bigint, add column kobo_spans uuid;
drop index books_compared;
create index books_compared on books (id) include (entitlement, version, file_version, kobo_file_version, kobo_file, kobo_ready, status, deleted_at);

create or replace function kobo_offered(device uuid)
  returns table (shelf_id uuid, place bigint, added_at timestamptz, book_id uuid, entitlement uuid, version bigint, file_version bigint,
                 file_id uuid, pending boolean, preparing boolean)
  language sql stable as $$
  select sb.shelf_id, sb.position, sb.added_at, b.id, b.entitlement, b.version,
         greatest(b.file_version, b.kobo_file_version) + (select kobo_versions_from(d.settings) from devices d where d.id = device), b.kobo_file,
         not b.kobo_ready or b.kobo_file in (select m.id from book_files m where m.missing_since is not null), not b.kobo_ready
    from feeding_shelves fs
    join shelf_books sb on sb.shelf_id = fs.shelf_id
    join books b on b.id = sb.book_id and b.status = 'organized' and b.deleted_at is null
   where fs.device_id = device and b.kobo_file is not null
$$;

-- The same of a device with a limit (0: none) or a style. A book whose files take turns under a limit has the version of all of them.
create or replace function kobo_offered(device uuid, largest bigint)
  returns table (shelf_id uuid, place bigint, added_at timestamptz, book_id uuid, entitlement uuid, version bigint, file_version bigint,
                 file_id uuid, pending boolean, preparing boolean)
  language sql stable as $$
  select sb.shelf_id, sb.position, sb.added_at, b.id, b.entitlement, b.version,
         greatest(b.file_version, s.version, case when c.style = '' then b.kobo_file_version end) + c.versions_from, f.id,
         not f.ready or f.id in (select m.id from book_files m where m.missing_since is not null), not f.ready
    from (select kobo_style(d.settings) as style, kobo_versions_from(d.settings) as versions_from from devices d where d.id = device
          offset 0) c  -- once, not once a book
    join feeding_shelves fs on fs.device_id = device
    join shelf_books sb on sb.shelf_id = fs.shelf_id
    join books b on b.id = sb.book_id and b.status = 'organized' and b.deleted_at is null
    left join (select x.book_id, t.style, max(t.file_version) as version from kobo_styled t join book_files x on x.id = t.file_id
                where t.file_version > 0 group by x.book_id, t.style) s on s.book_id = b.id and s.style = c.style
    left join lateral (select k.id, k.ready from kobo_file_of(b.id, largest, c.style) k where largest > 0 or c.style <> '' offset 0) own
           on true
   cross join lateral (select case when largest > 0 or c.style <> '' then own.id else b.kobo_file end as id,
                              case when largest > 0 or c.style <> '' then own.ready else b.kobo_ready end as ready) f
   where f.id is not null
$$;
