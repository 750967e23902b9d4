-- 0011_libraries.sql
-- Libraries beside the store: folders that are read where they are, and folders whose files Carrel names (product.md 3.2).

alter table libraries
  add column pattern text not null default '',  -- managed: where a book's files lie below the root (ingest.md 6.2); '' = named by content
  add column scanned_at timestamptz,            -- its folder was last read to its end
  add column scan_ms int not null default 0,    -- and how long that took
  add column trouble text not null default '',  -- why it could not be (folder_unavailable); nothing was changed then
  add column trouble_since timestamptz,
  add column removed_at timestamptz;            -- its books are in the trash; the row goes with the last of them
create unique index libraries_name on libraries (lower(name)) where removed_at is null;
create index books_library on books (library_id);

-- What was found in folders that are read in place. One look at the names, inodes, sizes and times of a folder tells what is new,
-- what changed and what is gone, without opening a file and without writing a row for what is as it was (ingest.md 2.1).
create table library_files (
  id uuid not null default gen_random_uuid(),
  library_id uuid not null references libraries on delete cascade,
  -- The path below the root with a zero byte for each slash: in the order of its bytes, rows come as a folder is walked.
  place bytea not null,
  ino bigint not null,
  size bigint not null,
  mtime_ns bigint not null,
  state text not null default 'waiting' check (state in ('waiting', 'book', 'duplicate', 'refused')),
  sha256 text not null default '',
  file_id uuid references book_files on delete set null,
  code text not null default '',               -- why it was refused (ingest.md 22)
  detail text not null default '',
  missing_since timestamptz,
  dismissed_at timestamptz,                    -- a person has put it away in errata
  found_at timestamptz not null default now(),
  read_at timestamptz,
  primary key (library_id, place)
);
create index library_files_file on library_files (file_id) where file_id is not null;
create index library_files_waiting on library_files (library_id, (file_id is not null), place) where state = 'waiting';
create index library_files_refused on library_files (found_at desc) where state = 'refused' and dismissed_at is null;
create index library_files_named on library_files (id) where state = 'refused';
create index library_files_doubles on library_files (sha256) where state = 'duplicate';

-- `carrel library verify` reads every byte again.
alter table book_files
  add column verified_at timestamptz,
  add column damaged_since timestamptz;        -- its bytes are not those that came in
create index book_files_damaged on book_files (damaged_since) where damaged_since is not null;

-- Where a book goes that comes in: the library that a transaction names, the one that takes what is new, or the store. A default and
-- no later update, which would enter the book into most indexes once more.
alter table libraries add column takes_new boolean not null default false;
create unique index libraries_take_new on libraries (takes_new) where takes_new and removed_at is null;
create function new_books_library() returns uuid language sql stable as $$
  select coalesce(nullif(current_setting('carrel.library', true), '')::uuid,
                  (select id from libraries where takes_new and removed_at is null),
                  '00000000-0000-7000-8000-000000000001')
$$;
alter table books alter column library_id set default new_books_library();

-- Files on their way to another place (ingest.md 4.3): the row comes first and goes last.
create table file_moves (
  file_id uuid primary key references book_files on delete cascade,
  checksum text not null,                      -- of the bytes that move; the file may get others meanwhile
  from_path text not null,
  to_path text not null,
  made_at timestamptz not null default now()
);

-- What the place of a book's files was last worked out from. Another version of the book or another pattern: it is looked at again.
create table organised_books (
  book_id uuid primary key references books on delete cascade,
  library_id uuid not null references libraries on delete cascade,
  version bigint not null,
  pattern text not null,
  problem text not null default '',            -- a code: why its files could not be moved; they are where they were
  at timestamptz not null default now()
);
create index organised_books_problems on organised_books (at desc) where problem <> '';
