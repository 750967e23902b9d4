-- 0008_groups.sql
-- Files that lie together and are one book (ingest.md 3.4), and what lies beside them and tells of it (15).

create table ingest_groups (
  id uuid primary key,
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

alter table ingest_items add column group_id uuid references ingest_groups on delete set null;
create index ingest_items_group on ingest_items (group_id) where group_id is not null;

-- Their bytes are kept in the store, as they were found.
create table sidecars (
  id uuid primary key,
  group_id uuid not null references ingest_groups on delete cascade,
  book_id uuid references books on delete cascade,    -- that has been told what it says
  kind text not null check (kind in ('opf', 'json', 'picture')),
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
