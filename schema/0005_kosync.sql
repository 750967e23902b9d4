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
  revision bigint not null default 1,          -- grows when the place or its author changes, not with repeats
  history_id uuid,                             -- the history row that made it current
  raw_payload jsonb,
  updated_at timestamptz not null default now(),
  unique (user_id, document)
) with (fillfactor = 80);

-- Its account is not a reference, which would be looked up and locked for every push: each has locked its row of `documents`,
-- which is one, and a trigger below forgets the history of an account that goes.
create table reading_progress_history (
  id uuid primary key,
  user_id uuid not null,
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
  revision bigint not null default 0,          -- of the current row once this push had been judged
  settled_at timestamptz,                      -- a held push that was accepted or dismissed by a person
  quality text not null default '',            -- how well its place in the book is known: as book_positions.quality; '' not looked for
  created_at timestamptz not null default now()
);
create index reading_progress_history_document on reading_progress_history (user_id, document, created_at desc, id desc);
-- Rows come in the order of their time: what is too old is found without reading the rest (kosync.history).
create index reading_progress_history_age on reading_progress_history using brin (created_at);
create index reading_progress_history_held on reading_progress_history (user_id, created_at desc) where not accepted and settled_at is null;

-- The last push of each device, and what a device with a secret of its own knows.
create table device_progress (
  user_id uuid not null references users on delete cascade,
  document text not null,
  device_key text not null,
  device text not null default '',
  device_id text,
  progress text,                               -- null: only fetched so far
  percentage double precision,
  timestamp bigint,
  put_at timestamptz,
  last_get_at timestamptz,                     -- when it was first shown seen_revision
  seen_revision bigint not null default 0,     -- of reading_progress: what it was last shown or wrote itself
  held boolean not null default false,         -- its last push was held
  counts boolean not null default true,        -- since the last restart mark (policy furthest, kosync.md 9.5)
  history_id uuid,
  primary key (user_id, document, device_key)
) with (fillfactor = 80);

-- When a device with a secret of its own last pushed anything, and when it fetched anything for the first time after that
-- (rule E3 of kosync.md 9.4).
create table device_contacts (
  user_id uuid not null references users on delete cascade,
  device_key text not null,
  put_at timestamptz,
  get_at timestamptz,
  primary key (user_id, device_key)
) with (fillfactor = 80);

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
  looked_up_at timestamptz,                    -- null: its book has not been looked for
  primary key (user_id, document)
) with (fillfactor = 80);
create index documents_book on documents (book_id, user_id) where book_id is not null;
-- last_seen_at is in no index, so that a push changes none.
create index documents_unknown on documents (user_id) where link = 'none';
create index documents_by_hash on documents (document) where link = 'none';
create index documents_by_name on documents (md5(file_name)) where link = 'none' and file_name <> '';

-- A book that goes leaves its documents unlinked (kosync.md 9.6), by hand or not.
create function unlink_document() returns trigger language plpgsql as $$
begin
  new.link := 'none';
  new.file_id := null;
  return new;
end $$;
create trigger documents_unlink before update of book_id on documents
  for each row when (new.book_id is null and old.book_id is not null) execute function unlink_document();

-- Where somebody is in a book in terms of its text, whichever device said so last (kosync.md 11.4): the other devices are told it in
-- their own forms. Found out after a push has been answered.
create table book_positions (
  user_id uuid not null references users on delete cascade,
  book_id uuid not null references books on delete cascade,
  revision bigint not null default 1,
  spine_index int not null default 0,
  href text not null default '',               -- "" when only the fraction is known
  nw bigint not null default 0,                -- characters of the document's text in front of it, without white space
  item_fraction double precision not null default 0,
  total_fraction double precision not null,
  context_before text not null default '',
  context_after text not null default '',
  quality text not null check (quality in ('exact', 'element', 'item', 'fraction')),
  document text not null,                      -- whose push it was
  device text not null,
  origin text not null,
  at timestamptz not null,
  primary key (user_id, book_id)
);
-- The revision of reading_progress that has been looked at for that.
create table bridged_documents (
  user_id uuid not null references users on delete cascade,
  document text not null,
  revision bigint not null,
  away uuid,                                   -- the file that could not be read: once more when it is there
  primary key (user_id, document)
);
-- How long the documents of a file are (publication/locator/position.hpp); to find out, all of it is read once.
create table book_measures (
  checksum text primary key,                   -- SHA-256 of the file, or of a conversion of it
  file_id uuid not null references book_files on delete cascade,
  measure bytea not null
);
create index book_measures_file on book_measures (file_id);

-- Of another book its place means something else.
create function forget_bridged_document() returns trigger language plpgsql as $$
begin
  delete from bridged_documents where user_id = old.user_id and document = old.document;
  delete from book_positions where user_id = old.user_id and book_id = old.book_id and document = old.document;
  return null;
end $$;
create trigger documents_bridged after update of book_id on documents
  for each row when (new.book_id is distinct from old.book_id) execute function forget_bridged_document();

create function forget_reading_history() returns trigger language plpgsql as $$
begin
  delete from reading_progress_history where user_id = old.id;
  return null;
end $$;
-- Triggers run in the order of their names, so this one after those of the references, which wait for pushes under way.
create trigger reading_history_forget after delete on users
  for each row execute function forget_reading_history();
