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
  promised text not null default '',           -- the position at which the next request of the same run will be
  chained int not null default 0,
  syncs bigint not null default 0,             -- runs that began
  fetch_again boolean not null default false,  -- of some of its books, see kobo_ledger
  page_size int,                               -- smaller than others have it, because answers were not usable (17.8, H5)
  failures int not null default 0,             -- in a row, as the reader reported them
  looked_after_at timestamptz,                 -- when its silent books were last looked for (17.8, H3)
  guarded_since timestamptz,                   -- more than half of its books would go at once (17.2)
  guarded_count int not null default 0,
  guard_lifted boolean not null default false, -- the owner wants it so
  asked boolean not null default false,        -- books are to be announced again with the next sync (kobo_ledger.wanted_again_at)
  reset_asked_at timestamptz,                  -- all is to be said again from the start with the next sync
  reset_lifts boolean not null default false,  -- and what was removed on the device comes back
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
  quiet_changes bigint,
  told_at timestamptz                          -- its last answer was given; proves nothing (kobo_options, "ledger")
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

-- Everything that was ever announced to a device; outlives the book and is never pruned. Written under the lock of the device's row
-- only, so that nothing has to prove for each row that the device is there; half of each page is left free, because a row is written
-- again when its book has arrived.
create table kobo_ledger (
  kobo_id uuid not null,
  subject smallint not null,                   -- 1 book, 3 collection
  id uuid not null,
  title text not null default '',
  first_announced_at timestamptz not null default now(),
  announced_at timestamptz not null default now(),
  announced int not null default 1,
  since_at timestamptz not null default now(), -- what the device has shown before tells nothing of this announcement
  wanted_again_at timestamptz,                 -- its owner wants it to be announced again; until it is
  fetch_again boolean not null default false,  -- a sample of it is told first, so that its file is fetched anew (8.6)
  sample_sync bigint,                          -- kobo_devices.syncs when it was: in a later run the book itself is told
  delivered_at timestamptz,
  delivered_sync bigint,                       -- kobo_devices.syncs at that time
  removal_delivered_at timestamptz,
  primary key (kobo_id, subject, id)
) with (fillfactor = 50);
create function forget_kobo_ledger() returns trigger language plpgsql as $$
begin
  delete from kobo_ledger where kobo_id = old.id;
  return null;
end $$;
create trigger kobo_ledger_forget after delete on kobo_devices for each row execute function forget_kobo_ledger();

-- What a device has shown of a book (17.8). Only a complete download, a state or a note shows that it has it.
create table kobo_signals (
  kobo_id uuid not null references kobo_devices on delete cascade,
  id uuid not null,
  cover_at timestamptz,
  metadata_at timestamptz,
  asked_at timestamptz,                        -- for its reading state
  state_at timestamptz,
  download_started_at timestamptz,
  download_done_at timestamptz,
  annotations_at timestamptz,
  inventory_at timestamptz,
  starts int not null default 0,               -- downloads begun since the last complete one
  healed int not null default 0,               -- announced again by itself
  healed_at timestamptz,
  primary key (kobo_id, id)
);

-- What its owner should know of (17.8). `reason`: silent, it arrived and was never touched, though later books were; broken, its
-- download began several times and never ended; ghost, it should be gone and is still used.
create table kobo_suspicions (
  kobo_id uuid not null references kobo_devices on delete cascade,
  id uuid not null,
  reason text not null,
  since timestamptz not null,
  primary key (kobo_id, id, reason)
);

-- What happened to a device, for its page. `what` is a word of kobo/events.hpp; the last of each device stay.
create table kobo_events (
  id bigint generated always as identity primary key,
  kobo_id uuid not null references kobo_devices on delete cascade,
  at timestamptz not null default now(),
  what text not null,
  entitlement uuid,
  detail text not null default ''
);
create index kobo_events_newest on kobo_events (kobo_id, id desc);

-- Removed on the device by its reader: left out until somebody restores it (17.7). Collections too, when they are somebody's
-- shelf (11).
create table kobo_tombstones (
  kobo_id uuid not null references kobo_devices on delete cascade,
  subject smallint not null,                   -- 1 book, 3 collection
  id uuid not null,
  at timestamptz not null default now(),
  by_owner boolean not null default false,     -- on Carrel's page, not on the device
  primary key (kobo_id, subject, id)
);

-- The version of a collection as this device sees it: its name and those of its books that the device holds.
create table kobo_tags (
  kobo_id uuid not null references kobo_devices on delete cascade,
  id uuid not null,
  revision bigint not null default 1,
  digest bytea not null,
  primary key (kobo_id, id)
);

-- How far a reader has come in what the real store tells it, where its owner lets it ask there (6.6): the store's own token for
-- each number that our token can name, '' for none. Those that it showed last stay, and the one that was given to it since.
create table kobo_store_pages (
  kobo_id uuid not null references kobo_devices on delete cascade,
  page bigint not null,
  token text not null,
  shown_at timestamptz,                        -- null: nothing proves yet that it arrived
  times int not null default 0,                -- that it was shown, one soon after the other
  primary key (kobo_id, page)
);

-- Grows with every reading state of a person: what all of its devices look at to see whether there is anything to tell.
create table kobo_readers (
  user_id uuid primary key references users on delete cascade,
  states bigint not null default 0
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
  finished_at timestamptz,                     -- when it was last read to its end; stays when it is read again
  primary key (user_id, entitlement)
);

-- How long a book was read on a device, as that device counts; a person's time is the sum (10.5, rule 9).
create table kobo_minutes (
  kobo_id uuid not null references kobo_devices on delete cascade,
  entitlement uuid not null,
  minutes bigint not null,
  at timestamptz not null,
  primary key (kobo_id, entitlement)
);

-- Highlights and notes of a person in a book, as an e-reader said them (kobo.md 15). `raw` is what is given back; the other
-- columns are what could be read of it. Deleted ones stay with their time, so that another device's older copy does not revive them.
create table annotations (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  entitlement uuid not null,
  name text not null,                          -- the reader's own id of it
  raw text,                                    -- null: deleted before it was ever seen
  kind text not null default '',
  color text not null default '',
  quote text not null default '',
  note text not null default '',
  chapter text not null default '',
  progress double precision,                   -- inside the chapter, 0 to 1
  modified_at timestamptz,
  received_at timestamptz not null default now(),
  deleted_at timestamptz,
  unique (user_id, entitlement, name)
);

create table annotation_sets (
  user_id uuid not null references users on delete cascade,
  entitlement uuid not null,
  revision bigint not null default 0,
  complete boolean not null default true,      -- false: the device is known to have had more than we hold
  primary key (user_id, entitlement)
);

-- Changes that could not be applied: of a reader that could not be recognised (until it can), or not readable.
create table annotation_leftovers (
  id bigint generated always as identity primary key,
  user_id uuid references users on delete cascade,
  bearer bytea not null default '',            -- hash of what the reader showed
  content text not null,
  body bytea not null,
  received_at timestamptz not null default now()
);
create index annotation_leftovers_bearer on annotation_leftovers (bearer, id);

-- KEPUBs that were made of files (kepub.md 9), whether the cache still holds them or not: made again they are the same, byte by
-- byte. They stay, because a device may hold one of them long after the book's file or the settings have changed (kobo.md 10.4).
create table kobo_artifacts (
  id uuid primary key,
  file_id uuid not null references book_files on delete cascade,
  source text not null,                        -- SHA-256 of the file it was made of; a KEPUB is its own conversion
  version int not null,                        -- of the converter
  options text not null,
  file_size bigint not null,
  checksum text not null,
  koreader_md5 text not null default '',
  spans bigint not null default 0,
  span_map bytea not null default '',          -- publication/kepub/span_map.hpp
  warnings jsonb not null default '[]',
  made_at timestamptz not null default now(),
  unique (source, version, options, checksum)
);
create index kobo_artifacts_file on kobo_artifacts (file_id);

create index kobo_artifacts_in_part on kobo_artifacts (file_id) where warnings @> '[{"code": "kepub_document_kept"}]';

-- The file of a book that a Kobo gets, of those of which it gets at most `largest` bytes; 0: of any size. A KEPUB before an EPUB; protected files,
-- and formats that it cannot read as they are, are not for it (kobo.md 7.4).
create function kobo_file_of(book uuid, largest bigint) returns table (id uuid, ready boolean) language sql stable as $$
  select f.id, f.kobo_as is not null from book_files f
   where f.book_id = book and f.format in ('epub', 'kepub') and f.drm = '' and f.storage_path is not null
     and (largest = 0 or f.kobo_as is null  -- is known when it is converted
          or coalesce((select a.file_size from kobo_artifacts a where a.id = f.kobo_as), f.file_size) <= largest)
   order by f.is_kepub desc, f.rank, f.id limit 1
$$;

-- The conversion of a book that a device fetched last: in its spans the device says where it is (kobo.md 10.4).
create table kobo_delivered (
  device_id uuid not null references devices on delete cascade,
  entitlement uuid not null,
  artifact_id uuid not null references kobo_artifacts on delete cascade,
  primary key (device_id, entitlement)
);
create index kobo_delivered_artifact on kobo_delivered (artifact_id);

-- Somebody is to find out what Kobos get of the books that they want: rung whenever there may be such a book.
create function look_for_wanted_books() returns void language sql as $$
  insert into jobs (id, kind, dedupe_key) values (gen_random_uuid(), 'kobo.kepub', 'wanted')
      on conflict (kind, dedupe_key) where done_at is null and dedupe_key <> '' do nothing;
  select pg_notify('carrel_jobs', '');
$$;
create function ring_for_wanted_books() returns trigger language plpgsql as $$
begin
  if exists (select from added a join feeding_shelves f on f.shelf_id = a.shelf_id join devices d on d.id = f.device_id
              where d.kind = 'kobo' and d.revoked_at is null) then
    perform look_for_wanted_books();
  end if;
  return null;
end $$;
create trigger shelf_books_wanted after insert on shelf_books referencing new table as added
  for each statement execute function ring_for_wanted_books();
create trigger device_shelves_wanted after insert on device_shelves referencing new table as added
  for each statement execute function ring_for_wanted_books();

-- A book that was approved, or got another file, while it stands on such a shelf.
create function ring_for_unready_book() returns trigger language plpgsql as $$
begin
  if exists (select from shelf_books sb join feeding_shelves f on f.shelf_id = sb.shelf_id join devices d on d.id = f.device_id
              where sb.book_id = new.id and d.kind = 'kobo' and d.revoked_at is null) then
    perform look_for_wanted_books();
  end if;
  return null;
end $$;
create trigger books_unready after update of kobo_file, kobo_ready, status, deleted_at on books
  for each row when (new.kobo_file is not null and not new.kobo_ready and new.status = 'organized' and new.deleted_at is null)
  execute function ring_for_unready_book();

-- What the shelves that feed a Kobo hold and can be delivered, a row for each book on each shelf, whoever reads it. Books whose file
-- is not there, or not yet ready for it, are pending. Who asks for some books gives their book_id: that is looked up in the shelves,
-- which else are read as a whole. All that a sync compares is in one index (books_compared), unless the device has a limit.
create function kobo_offered(device uuid)
  returns table (shelf_id uuid, place bigint, added_at timestamptz, book_id uuid, entitlement uuid, version bigint, file_version bigint,
                 file_id uuid, pending boolean, preparing boolean)
  language sql stable as $$
  select sb.shelf_id, sb.position, sb.added_at, b.id, b.entitlement, b.version, b.file_version, b.kobo_file,
         not b.kobo_ready or b.kobo_file in (select m.id from book_files m where m.missing_since is not null), not b.kobo_ready
    from feeding_shelves fs
    join shelf_books sb on sb.shelf_id = fs.shelf_id
    join books b on b.id = sb.book_id and b.status = 'organized' and b.deleted_at is null
   where fs.device_id = device and b.kobo_file is not null
$$;

-- The same of a device with a limit (0: none).
create function kobo_offered(device uuid, largest bigint)
  returns table (shelf_id uuid, place bigint, added_at timestamptz, book_id uuid, entitlement uuid, version bigint, file_version bigint,
                 file_id uuid, pending boolean, preparing boolean)
  language sql stable as $$
  select sb.shelf_id, sb.position, sb.added_at, b.id, b.entitlement, b.version, b.file_version, f.id,
         not f.ready or f.id in (select m.id from book_files m where m.missing_since is not null), not f.ready
    from feeding_shelves fs
    join shelf_books sb on sb.shelf_id = fs.shelf_id
    join books b on b.id = sb.book_id and b.status = 'organized' and b.deleted_at is null
    left join lateral (select k.id, k.ready from kobo_file_of(b.id, largest) k where largest > 0) limited on true
   cross join lateral (select case when largest > 0 then limited.id else b.kobo_file end as id,
                              case when largest > 0 then limited.ready else b.kobo_ready end as ready) f
   where fs.device_id = device and f.id is not null
$$;

-- The books that a Kobo should hold, before what was removed on it is left out (17.2): of what is offered, what its reader sees.
create function kobo_wanted(device uuid, reader uuid, largest bigint)
  returns table (book_id uuid, entitlement uuid, version bigint, file_version bigint, added_at timestamptz, file_id uuid, pending boolean,
                 preparing boolean)
  language sql stable as $$
  select o.book_id, o.entitlement, o.version, o.file_version, min(o.added_at), o.file_id, o.pending, o.preparing
    from kobo_offered(device, largest) o
   where (select sees_all_books(reader)) or exists (select from visible_books(reader) v where v.id = o.book_id offset 0)
   group by o.book_id, o.entitlement, o.version, o.file_version, o.file_id, o.pending, o.preparing
$$;
