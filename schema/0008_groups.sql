-- 0008_groups.sql
-- Files that lie together and are one book (ingest.md 3.4), and what lies beside them and tells of it (15).

create table ingest_groups (
  id uuid primary key,
  tracks boolean not null default false,              -- recordings: files of one book in an order (14.5)
  loose boolean not null default false,               -- they lie side by side by chance; only what says so belongs together
  named text not null default '',                     -- their folder's path, for what it tells of author, series and title
  sorted boolean not null default false,              -- of all of its files it is known which book's they are, and in what order
  ended boolean not null default false,               -- all was done that could be, for the files that were there
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index ingest_groups_open on ingest_groups (updated_at) where not ended;

-- The books that have come of it.
create table ingest_group_books (
  group_id uuid not null references ingest_groups on delete cascade,
  part text not null default '',                      -- tells several books of one folder apart
  book_id uuid not null references books on delete cascade,
  primary key (group_id, part)
);
create index ingest_group_books_book on ingest_group_books (book_id);

alter table ingest_items
  add column group_id uuid references ingest_groups on delete set null,
  add column part text not null default '',           -- as in ingest_group_books
  add column position int not null default 0,         -- of a recording, from 1
  add column leads boolean not null default false;    -- what it says of the book counts
create index ingest_items_group on ingest_items (group_id) where group_id is not null;

-- Their bytes are kept in the store, as they were found.
create table sidecars (
  id uuid primary key,
  group_id uuid not null references ingest_groups on delete cascade,
  book_id uuid references books on delete cascade,    -- that has been told what it says
  kind text not null check (kind in ('opf', 'json', 'picture', 'other')),
  name text not null,
  rank int not null,                                  -- of two of a kind the lower is asked first (15.4)
  source_path bytea not null,
  dev bigint not null,
  ino bigint not null,
  size bigint not null,
  mtime_ns bigint not null,
  policy text not null check (policy in ('move', 'keep')),
  source_done boolean not null default false,
  sha256 text not null default '',
  storage_path text not null default '',
  error_code text not null default '',                -- why it says nothing
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (group_id, source_path)
);
create index sidecars_book on sidecars (book_id) where book_id is not null;
create index sidecars_stored on sidecars (storage_path) where storage_path <> '';

-- Recordings as one whole (audiobooks.md A1).
alter table book_files add column position int not null default 0;  -- among the recordings of a book, from 1

create table audio_editions (
  id uuid primary key,
  book_id uuid not null references books on delete cascade,
  label text,
  is_primary boolean not null default true,
  duration_seconds double precision not null default 0,  -- sum of the tracks
  total_bytes bigint not null default 0,
  scan_state text not null default 'ok' check (scan_state in ('ok', 'incomplete', 'error')),
  scan_error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index audio_editions_primary on audio_editions (book_id) where is_primary;

create table audio_tracks (
  id uuid primary key,                                 -- clients see it: a track keeps it, whatever its place
  edition_id uuid not null references audio_editions on delete cascade,
  book_file_id uuid not null references book_files on delete cascade,
  track_index int not null,                            -- from 1, without gaps
  start_offset double precision not null,              -- seconds from the start of the edition
  duration_seconds double precision not null,
  title text not null default '',
  disc_no int,
  track_no int,
  mime_type text not null,
  unique (edition_id, book_file_id),
  unique (edition_id, track_index) deferrable initially deferred
);
create index audio_tracks_file on audio_tracks (book_file_id);

create table audio_chapters (
  edition_id uuid not null references audio_editions on delete cascade,
  idx int not null,                                    -- from 0
  start_seconds double precision not null,
  end_seconds double precision not null,
  title text not null,
  source text not null check (source in ('embedded', 'sidecar', 'track')),
  primary key (edition_id, idx)
);
