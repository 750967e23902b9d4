-- 0016_reading_online.sql
-- Books that apps read page by page instead of downloading them (opds.md 8, 10), and what apps say of a place in their own words
-- (opds.md 11).

-- What an app has to know of a file to read it piece by piece (publication/outline.hpp), found out after the file came in. Other
-- bytes of the file have another checksum, and their outline is made anew.
create table file_outlines (
  file_id uuid primary key references book_files on delete cascade,
  checksum text not null,
  pages int not null default 0,                -- of what is shown picture by picture; 0: it is not
  outline text not null default '',            -- JSON; '' when it was refused
  refused text not null default '',            -- why: a code of ingest.md 22
  made_at timestamptz not null default now()
);

-- The last place that an app told over OPDS, besides the rows that every push leaves (kosync.md 9.1): apps have a clock of their
-- own, and their words come back to them as they were.
create table app_places (
  user_id uuid not null references users on delete cascade,
  document text not null,                      -- 'opds:' and the id of the book that was spoken of
  modified timestamptz not null,               -- in whole milliseconds
  device_id text not null,
  device_name text not null,
  progression double precision not null,
  received text not null,                      -- as it came
  revision bigint not null default 0,          -- of reading_progress; another one: somebody said something else since
  primary key (user_id, document)
);

-- Where a reader is in a book: what was said last, or what it was found to mean once that has been looked at (kosync.md 11.7).
-- What the bridge told documents is nobody's word. An app's word has a time of its own and counts as it was said.
create function place_in_book(reader uuid, of_book uuid)
returns table (document text, fraction double precision, at timestamptz, device text, device_id text, credential uuid, by_app boolean)
language sql stable as $$
  with newest as (
    select d.document, coalesce(o.progression, p.percentage) as fraction, coalesce(o.device_name, p.device) as device,
           coalesce(o.device_id, p.device_id) as device_id, p.credential_id, o.document is not null as by_app,
           coalesce(o.modified, h.created_at, p.updated_at) as at, l.document is not null as looked_at
      from documents d
      join reading_progress p on p.user_id = d.user_id and p.document = d.document
      left join reading_progress_history h on h.id = p.history_id
      left join app_places o on o.user_id = d.user_id and o.document = d.document and o.revision = p.revision
      left join bridged_documents l on l.user_id = d.user_id and l.document = d.document and l.revision = p.revision
     where d.user_id = reader and d.book_id = of_book and p.device_key not like 'b:%'
     order by coalesce(o.modified, h.created_at, p.updated_at) desc, d.document limit 1)
  select coalesce(b.document, n.document), coalesce(a.progression, b.total_fraction, n.fraction),
         date_trunc('milliseconds', coalesce(b.at, n.at)), coalesce(a.device_name, b.device, n.device),
         case when b.document is null then n.device_id else coalesce(a.device_id, h.device_id) end,
         case when b.document is null then n.credential_id when h.device_key like 'c:%' then substr(h.device_key, 3)::uuid end,
         n.by_app or a.document is not null
    from newest n
    left join book_positions b on n.looked_at and not n.by_app and b.user_id = reader and b.book_id = of_book
    left join app_places a on a.user_id = reader and a.document = b.document and a.modified = b.at
    left join reading_progress_history h on h.user_id = reader and h.document = b.document and h.created_at = b.at
   limit 1
$$;

-- Feeds show apps the last page that was read of what is read page by page (opds.md 8.1), so an account whose place in such a book
-- has changed is shown other feeds.
create function note_page_place() returns trigger language plpgsql as $$
begin
  if exists (select from book_files f join file_outlines o on o.file_id = f.id where f.book_id = new.book_id and o.pages > 0) then
    update users set audience = audience + 1 where id = new.user_id;
  end if;
  return null;
end $$;
create trigger book_positions_shown after insert or update of total_fraction, at on book_positions
  for each row execute function note_page_place();

-- The last two pages that a device was handed of the file that it reads, where turning pages tells a place (opds.md 8.3).
create table page_turns (
  device_id uuid primary key references devices on delete cascade,
  file uuid not null,                          -- may be gone by now
  page int not null,                           -- from 0
  at timestamptz not null,
  page_before int,
  at_before timestamptz
);
