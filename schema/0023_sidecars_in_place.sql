-- 0023_sidecars_in_place.sql
-- Files beside books in folders that are read in place: what they say is told to the book, and they stay where they are (ingest.md 15).

create table library_sidecars (
  library_id uuid not null references libraries on delete cascade,
  place bytea not null,                        -- as in library_files
  folder bytea not null,                       -- the place of the folder that it lies in; '' is the root
  ino bigint not null,
  size bigint not null,
  mtime_ns bigint not null,
  waiting boolean not null default true,       -- to be told to the book beside it, if there is one
  tried_at timestamptz,                        -- it could not be opened then, or was changing
  code text not null default '',               -- why nothing could be read from it
  told text not null default '',               -- the bytes that were told last, by their SHA-256, and the book they were told to
  primary key (library_id, place)
);
create index library_sidecars_waiting on library_sidecars (library_id, folder) where waiting;
create index library_sidecars_folder on library_sidecars (library_id, folder);
