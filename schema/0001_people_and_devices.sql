-- 0001_people_and_devices.sql
-- Who may come in and with what. Secrets that Carrel made are found by their SHA-256 (contract.md 6); what a person chose is
-- an argon2id string.

create table users (
  id uuid primary key,
  name text not null,
  name_key text not null unique,              -- NFC, case folded: names are compared by it
  role text not null check (role in ('owner', 'librarian', 'reader', 'limited')),
  password_hash text,                         -- null: cannot sign in to the web
  disabled_at timestamptz,
  language text not null default '',
  theme text not null default 'system',
  -- limits (product.md 8): null and empty mean none
  library_ids uuid[],
  highest_age int,
  hidden_tags text[] not null default '{}',
  required_tags text[] not null default '{}',
  hidden_tag_keys text[] not null default '{}',      -- the same, folded: "horror" hides "Horror"
  required_tag_keys text[] not null default '{}',
  unlimited boolean generated always as
    (library_ids is null and highest_age is null and hidden_tags = '{}' and required_tags = '{}') stored,
  may_download boolean not null default true,
  may_upload boolean not null default false,
  may_shelve boolean not null default true,
  position_policy text check (position_policy in ('latest', 'furthest')),   -- null: kosync.policy
  hold_stale boolean,                                                       -- null: kosync.hold_stale
  -- grows when the account's limits or its own lists change; part of every validator
  audience bigint not null default 1,
  state bigint not null default 1,
  state_at timestamptz not null default now(),  -- when it last grew
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table sessions (
  id uuid primary key,
  token_hash bytea not null unique,
  user_id uuid not null references users on delete cascade,
  csrf text not null,
  address text not null default '',
  agent text not null default '',
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now()
);
create index sessions_user on sessions (user_id);

-- When each person last looked at the home page, which shows what is new since the visit before.
create table visits (
  user_id uuid primary key references users on delete cascade,
  seen_at timestamptz not null,
  previous_at timestamptz                     -- when the visit before this one ended
);

create table devices (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  name text not null,
  name_key text not null,
  kind text not null check (kind in ('kobo', 'koreader', 'app')),
  last_seen_at timestamptz,
  last_address text not null default '',
  last_agent text not null default '',
  revoked_at timestamptz,
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index devices_name on devices (user_id, name_key) where revoked_at is null;

-- Every form in which a device may show its secret. `form`: plain (the sixteen letters), kosync (the MD5 of a spelling),
-- kobo (the path token), bearer (what a Kobo shows where the path token is lost). A row with expires_at is an old secret in its time of grace.
create table device_secrets (
  hash bytea primary key,
  device_id uuid not null references devices on delete cascade,
  form text not null check (form in ('plain', 'kosync', 'kobo', 'bearer')),
  expires_at timestamptz,
  created_at timestamptz not null default now()
);
create index device_secrets_device on device_secrets (device_id);
-- Whose secret it is, and what its account may see now. One that is over is nobody's; a device that is gone is for the caller to
-- leave out.
create function device_of_secret(shown bytea, wanted_form text, at timestamptz)
  returns table (device_id uuid, user_id uuid, device_name text, kind text, user_name text, user_key text, role text, disabled boolean,
                 scopes text, revoked_at timestamptz, audience bigint, state bigint, state_at timestamptz, passthrough boolean)
  language sql stable as $$
  select d.id, d.user_id, d.name, d.kind, u.name, u.name_key, u.role, u.disabled_at is not null, d.settings ->> 'scopes', d.revoked_at,
         u.audience, u.state, u.state_at, (d.settings #>> '{kobo,passthrough}')::boolean
    from device_secrets s
    join devices d on d.id = s.device_id
    join users u on u.id = d.user_id
   where s.hash = shown and s.form = wanted_form and (s.expires_at is null or s.expires_at > at)
$$;

-- The last requests of a device, so that "Unknown server error" on an e-reader can be explained (kosync.md 13).
create table device_requests (
  id uuid primary key,
  device_id uuid not null references devices on delete cascade,
  at timestamptz not null default now(),
  protocol text not null,
  request text not null,
  status int not null,
  note text not null default ''
);
create index device_requests_newest on device_requests (device_id, at desc);

create table service_credentials (
  id uuid primary key,
  service text not null,
  username text not null,
  username_key text not null,
  password_hash text not null,
  user_id uuid references users on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (service, username_key)
);

create table api_keys (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  key_prefix text not null,
  key_hash bytea not null unique,
  label text not null,
  scope text not null default 'read' check (scope in ('read', 'write', 'admin')),
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);

-- Failed sign-ins, counted here because any process may get the next try. `subject` is an account or a network.
create table sign_in_failures (
  subject text primary key,
  failures int not null,
  first_at timestamptz not null,
  last_at timestamptz not null
);

create table audit (
  id uuid primary key,
  at timestamptz not null default now(),
  user_id uuid,
  actor text not null,                        -- name of the person, device, key or job
  action text not null,                       -- book.edit, user.add, ...
  subject_kind text not null default '',
  subject_id uuid,
  detail jsonb not null default '{}'
);
create index audit_newest on audit (at desc, id desc);
create index audit_subject on audit (subject_id, at desc);

-- Keys for signing (cover links, cursors, tokens): made once, shared by all processes.
create table signing_keys (
  name text primary key,
  key bytea not null,
  created_at timestamptz not null default now()
);

-- One-time codes: setup and invitations. Only the hash is kept.
create table one_time_codes (
  purpose text not null,
  code_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (purpose, code_hash)
);

-- Settings an owner changes in the browser; the configuration file and the environment override them.
create table settings (
  key text primary key,
  value jsonb not null,
  updated_at timestamptz not null default now()
);

-- Who this installation is: ids of feeds are derived from it (opds.md 5.3).
create table instance (
  one boolean primary key default true check (one),
  id uuid not null,
  created_at timestamptz not null default now()
);
