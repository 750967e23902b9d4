-- 0004_jobs_and_ingest.sql
-- Background work and the way of a file into the library. Each step of an ingest item is a row change before the next begins.

create table jobs (
  id uuid primary key,
  kind text not null,
  dedupe_key text not null default '',
  payload jsonb not null default '{}',
  run_at timestamptz not null default now(),
  attempts int not null default 0,
  lease_until timestamptz,
  lease_by text,
  last_error text,
  state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed', 'cancelled', 'paused')),
  progress_done bigint not null default 0,
  progress_total bigint,
  started_at timestamptz,
  done_at timestamptz,
  user_id uuid,
  created_at timestamptz not null default now()
);
-- At most one unfinished job of a kind and key: enqueueing twice is once.
create unique index jobs_dedupe on jobs (kind, dedupe_key) where done_at is null and dedupe_key <> '';
create index jobs_next on jobs (run_at, created_at) where done_at is null;
create index jobs_newest on jobs (created_at desc, id desc);
create index jobs_finished on jobs (done_at) where done_at is not null;

create table ingest_items (
  id uuid primary key,
  source text not null check (source in ('watch', 'upload', 'command', 'import')),
  policy text not null check (policy in ('move', 'keep')),
  approve boolean not null default false,
  user_id uuid,
  source_path bytea,                           -- paths are bytes, not text
  display_name text not null,
  dev bigint not null default 0,
  ino bigint not null default 0,
  size bigint not null default 0,
  mtime_ns bigint not null default 0,
  state text not null default 'seen' check (state in
    ('seen', 'settled', 'probed', 'hashed', 'stored', 'described', 'inbox', 'organised', 'duplicate', 'rejected', 'failed', 'vanished')),
  source_done boolean not null default false,
  error_code text not null default '',
  error_detail text not null default '',
  warnings jsonb not null default '[]',
  attempts int not null default 0,
  next_try_at timestamptz,
  sha256 text not null default '',
  staging_path text not null default '',
  target_path text not null default '',
  quarantine_path text not null default '',
  book_id uuid references books on delete set null,
  file_id uuid,
  batch_id uuid,                               -- the command or upload it belongs to
  dismissed_at timestamptz,                    -- a person has seen the failure and put it away
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index ingest_items_source on ingest_items (source_path, ino, size, mtime_ns) where source_path is not null;
create index ingest_items_open on ingest_items (state, next_try_at) where state not in ('organised', 'duplicate', 'vanished', 'inbox');
create index ingest_items_batch on ingest_items (batch_id);
create index ingest_items_sha on ingest_items (sha256) where sha256 <> '';
create index ingest_items_errata on ingest_items (created_at desc, id desc) where state in ('rejected', 'failed') and dismissed_at is null;
