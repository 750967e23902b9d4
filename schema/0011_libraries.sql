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
create index library_files_doubles on library_files (sha256) where state = 'duplicate';

-- `carrel library verify` reads every byte again.
alter table book_files
  add column verified_at timestamptz,
  add column damaged_since timestamptz;        -- its bytes are not those that came in
create index book_files_damaged on book_files (damaged_since) where damaged_since is not null;
