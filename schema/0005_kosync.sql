-- 0005_kosync.sql
-- Reading positions as clients push them (kosync.md 9.1). `timestamp` is the server's arrival time in seconds; it never runs
-- backwards in a row.

create table reading_progress (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  document text not null,
  device text not null,
  device_id text,
  device_key text not null default '',         -- which device, as far as can be told (kosync.md 9.1)
  credential_id uuid,
  progress text not null,
  percentage double precision not null,
  timestamp bigint not null,
  origin text not null default 'device',       -- device, web, kobo, opds, restore
  revision bigint not null default 1,
  raw_payload jsonb,
  updated_at timestamptz not null default now(),
  unique (user_id, document)
);

create table reading_progress_history (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  document text not null,
  device text not null,
  device_id text,
  device_key text not null default '',
  progress text not null,
  percentage double precision not null,
  timestamp bigint not null,
  origin text not null default 'device',
  accepted boolean not null default true,
  reason text not null default '',             -- of a held push: unseen, echo, burst
  settled_at timestamptz,                      -- a held push that was accepted or dismissed by a person
  created_at timestamptz not null default now()
);
create index reading_progress_history_document on reading_progress_history (user_id, document, created_at desc, id desc);
create index reading_progress_history_held on reading_progress_history (user_id, created_at desc) where not accepted and settled_at is null;

-- The last push of each device, and what a device with a secret of its own was last shown.
create table device_progress (
  user_id uuid not null references users on delete cascade,
  document text not null,
  device_key text not null,
  device text not null default '',
  device_id text,
  progress text,
  percentage double precision,
  timestamp bigint,
  put_at timestamptz,
  last_get_at timestamptz,
  last_get_revision bigint,
  primary key (user_id, document, device_key)
);

create table documents (
  user_id uuid not null references users on delete cascade,
  document text not null,
  book_id uuid references books on delete set null,
  file_id uuid,
  link text not null default 'none' check (link in ('none', 'auto', 'manual')),
  file_name text not null default '',
  title text not null default '',
  authors text not null default '',
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  primary key (user_id, document)
);
create index documents_book on documents (book_id, user_id) where book_id is not null;
create index documents_unknown on documents (user_id, last_seen_at desc) where link = 'none';
