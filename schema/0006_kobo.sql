-- 0006_kobo.sql
-- What is known of each Kobo: where its sync stands, what it may hold, what it has shown to hold (kobo.md 17). Nothing here is
-- shared between devices.

-- A reader behind a credential (17.2): two that use one token are two rows, told apart by the keyed hash of x-kobo-deviceid;
-- '' is one that does not say.
create table kobo_devices (
  id uuid primary key,
  device_id uuid not null references devices on delete cascade,
  device_hash bytea not null default '',
  epoch bigint not null default 0,             -- grows with reset-sync: older tokens mean nothing
  changes bigint not null default 1,           -- grows with every mark that is set for this device alone
  model text not null default '',
  firmware text not null default '',
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  last_sync_at timestamptz,
  -- the position that was answered last, for readers that repeat their token (17.6), and sessions chained in one run (17.5)
  answered text not null default '',
  answered_count int not null default 0,
  answered_at timestamptz,
  chained int not null default 0,
  stands_on bigint,                            -- the session of that position; without a token the one that was begun for it
  unique (device_id, device_hash)
);

-- A list of things to say and what the device holds once it has heard all of it. Both never change; doubts are kept beside.
create table kobo_sessions (
  id bigint generated always as identity primary key,
  kobo_id uuid not null references kobo_devices on delete cascade,
  epoch bigint not null,
  parent_id bigint,                            -- null: made for a device of which nothing was known
  held bytea not null,                         -- records, see kobo/delivery.hpp
  ops bytea not null,
  op_count int not null,
  delivered int not null default 0,            -- ops that a later request has proven to have arrived
  acked_at timestamptz,                        -- all of them
  created_at timestamptz not null default now(),
  -- When these numbers are still the same, nothing is left to say after this session.
  quiet_catalog bigint,
  quiet_audience bigint,
  quiet_state bigint,
  quiet_changes bigint
);
alter table kobo_sessions alter column held set storage external;
alter table kobo_sessions alter column ops set storage external;   -- a page is cut out of it
create index kobo_sessions_newest on kobo_sessions (kobo_id, id desc);

-- What became known later of what a session says. subject: 1 book, 2 reading state, 3 collection. Without a revision it is
-- `?` of 17.2, not sure; with one the device has said that it holds that revision of the state.
create table kobo_marks (
  session_id bigint not null references kobo_sessions on delete cascade,
  subject smallint not null,
  id uuid not null,
  revision bigint,
  primary key (session_id, subject, id)
);

-- Everything that was ever announced to a device; outlives the book and is never pruned.
create table kobo_ledger (
  kobo_id uuid not null references kobo_devices on delete cascade,
  subject smallint not null,                   -- 1 book, 3 collection
  id uuid not null,
  title text not null default '',
  first_announced_at timestamptz not null default now(),
  announced_at timestamptz not null default now(),
  announced int not null default 1,
  delivered_at timestamptz,
  removal_delivered_at timestamptz,
  primary key (kobo_id, subject, id)
);

-- Removed on the device by its reader: left out until somebody restores it (17.7).
create table kobo_tombstones (
  kobo_id uuid not null references kobo_devices on delete cascade,
  id uuid not null,
  at timestamptz not null default now(),
  primary key (kobo_id, id)
);

-- The version of a collection as this device sees it: its name and those of its books that the device holds.
create table kobo_tags (
  kobo_id uuid not null references kobo_devices on delete cascade,
  id uuid not null,
  revision bigint not null default 1,
  digest bytea not null,
  primary key (kobo_id, id)
);

-- The reading state of a person and a book as a Kobo said it last; each part has its own time (10.5).
create table kobo_states (
  user_id uuid not null references users on delete cascade,
  entitlement uuid not null,
  revision bigint not null default 1,
  created_at timestamptz not null,
  status jsonb,
  status_at timestamptz,
  statistics jsonb,
  statistics_at timestamptz,
  bookmark jsonb,
  bookmark_at timestamptz,
  primary key (user_id, entitlement)
);
