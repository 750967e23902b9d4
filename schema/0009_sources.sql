-- 0009_sources.sql
-- Metadata sources (metadata-providers.md): what they said of a book, how they are to be asked, and what they answered before.

-- provider_key is the source's own id of the record, the same as source_key, which makes it unique. A candidate that its source no longer names is
-- superseded; what a person did with one stays.
alter table book_metadata_candidates
  add column provider_key text,
  add column query_kind text not null default '',          -- isbn, asin, id, search
  add column score_detail jsonb not null default '{}',
  add column status text not null default 'new' check (status in ('new', 'applied', 'rejected', 'superseded')),
  add column cover_id uuid references covers on delete set null,
  add column cover_note text not null default '',          -- low_resolution, or why there is none
  add column cover_tried smallint not null default 0;      -- addresses of pictures that were refused
create index book_metadata_candidates_cover on book_metadata_candidates (cover_id) where cover_id is not null;

-- Secrets that must be shown to others as they are: encrypted with a key that is not in this database (hardcover.md 3.4).
create table external_accounts (
  id uuid primary key default gen_random_uuid(),
  service text not null,                        -- hardcover, google_books, custom:<name>
  owner_key text not null default 'main',
  secret_cipher bytea,                          -- ends in its 16-byte tag; bound to service and owner_key
  secret_nonce bytea,                           -- 12 bytes, new at each write
  secret_key_id text,                           -- which key encrypted it
  secret_hint text,                             -- its last four characters
  token_kind text,                              -- pat, jwt, oauth, other
  token_expires_at timestamptz,
  scopes_missing text[] not null default '{}',
  remote_user_id bigint,
  remote_username text,
  remote_privacy smallint,
  remote_timezone text,
  state text not null default 'unverified',
  state_detail text,
  state_since timestamptz not null default now(),
  last_ok_at timestamptz,
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (service, owner_key)
);

-- The queue of each source: one request under way at a time, whichever process asks, and a polite time between two starts.
create table metadata_sources (
  source text primary key,
  next_start_at timestamptz,
  asking_by text,
  asking_until timestamptz,                     -- a process that died while it asked holds nobody up for longer
  paused_until timestamptz,                     -- the source asked for it, or it fails
  pauses int not null default 0,                -- in a row
  failures int not null default 0,              -- in a row
  needs_attention boolean not null default false,
  last_error text not null default '',
  last_error_at timestamptz,
  last_ok_at timestamptz,
  day date,                                     -- of `requests`, where the source is
  requests int not null default 0,
  asked bigint not null default 0,              -- requests and books in all: what a book costs
  books bigint not null default 0,
  country text not null default '',             -- what Google Books wants to be told where it cannot see it
  test_wanted_at timestamptz,
  tested_at timestamptz,
  test_result text not null default ''
);

create table provider_cache (
  provider text not null,
  request_hash bytea not null,
  request_text text not null,                   -- without keys
  http_status int not null,
  location text not null default '',
  body jsonb,
  fetched_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (provider, request_hash)
);
create index provider_cache_expiry on provider_cache (expires_at);

-- A book that a source is to be asked about. `job_id` is what a person started; without one it came in.
create table metadata_jobs (
  id uuid primary key,
  job_id uuid references jobs on delete cascade,
  book_id uuid not null references books on delete cascade,
  source text not null,
  priority smallint not null,                   -- 0 a person waits, 1 it came in, 2 the whole library
  attempts int not null default 0,
  not_before timestamptz,
  lease_until timestamptz,
  lease_by text,
  last_error text not null default '',
  created_at timestamptz not null default now(),
  done_at timestamptz
);
create unique index metadata_jobs_open on metadata_jobs (book_id, source, job_id) nulls not distinct where done_at is null;
create index metadata_jobs_next on metadata_jobs (source, priority, created_at, id) where done_at is null;
create index metadata_jobs_of_job on metadata_jobs (job_id, done_at) where job_id is not null;
