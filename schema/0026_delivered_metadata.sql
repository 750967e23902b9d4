-- 0026_delivered_metadata.sql
-- With the setting deliver.metadata, copies that are handed out carry what the library says of a book. The stored files are never
-- changed. A copy follows from its source, the metadata and the version of what writes it, and is made again when the cache has let
-- it go.

create table delivered_copies (
  id uuid primary key,
  file_id uuid not null references book_files on delete cascade,
  source text not null,                        -- SHA-256 of the file
  version int not null,                        -- of what writes copies
  metadata text not null,                      -- SHA-256 of what it shall say
  kept text not null default '',               -- why the file itself is handed out: 'same' when it says all of it, or a code
  checksum text not null default '',
  file_size bigint not null default 0,
  koreader_md5 text not null default '',
  made_at timestamptz not null default now(),
  unique (source, version, metadata)
);
create index delivered_copies_file on delivered_copies (file_id);

-- What conversions for Kobos were told to say, by the digest in kobo_artifacts.options: so that they can be made again after the
-- library has changed, for a device may hold them.
create table delivered_metadata (
  digest text primary key,
  content text not null
);

-- books.version that the conversion for Kobos was last decided by. Null in rows that an undone merge brings back.
alter table book_files add column kobo_version bigint;

-- Has a Kobo that may still have the book fetched it, or begun to? Then corrected metadata alone makes no other file of it: that
-- would cost its reader the page (kobo.md 8.4).
create function kobo_holds(entitlement uuid) returns boolean language sql stable as $$
  select exists (
    select from kobo_devices k
      join devices d on d.id = k.device_id and d.revoked_at is null
      join kobo_ledger l on l.kobo_id = k.id and l.subject = 1 and l.id = $1 and l.removal_delivered_at is null
      join kobo_signals s on s.kobo_id = k.id and s.id = $1
     where coalesce(s.download_started_at, s.download_done_at, s.state_at, s.annotations_at) is not null)
$$;
