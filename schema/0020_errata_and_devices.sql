-- 0020_errata_and_devices.sql
-- What a person does not want to be asked about for now, and which books a device is known to have.

-- A kind of errata (web/errata_card.hpp) that is put off until a day, or of which everything that was there is ignored (product.md 4.9).
create table errata_quiet (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  kind text not null,
  until timestamptz,                           -- null: what was there at made_at is ignored
  note text not null default '',
  made_at timestamptz not null default now()
);
create index errata_quiet_user on errata_quiet (user_id, kind);

-- What is older, or as old, is not shown.
create function errata_cut(reader uuid, of_kind text) returns timestamptz language sql stable as $$
  select coalesce(max(case when until is null then made_at when until > now() then 'infinity' end), '-infinity')
    from errata_quiet where user_id = reader and kind = of_kind
$$;

-- Books that a device of this reader has shown to hold: a Kobo by a complete download, a reading state or a note since it was told
-- of the book (product.md 3.3), any other by a complete download with its own secret.
create function books_on_device(reader uuid, device uuid) returns table (book_id uuid) language sql stable as $$
  select b.id
    from devices d
   cross join lateral (select id from kobo_devices where device_id = d.id order by last_seen_at desc, id limit 1) k
    join kobo_ledger l on l.kobo_id = k.id and l.subject = 1 and l.removal_delivered_at is null
    join kobo_signals s on s.kobo_id = k.id and s.id = l.id
     and greatest(s.download_done_at, s.state_at, s.annotations_at) >= l.since_at
    join books b on b.entitlement = l.id
   where d.id = device and d.user_id = reader and d.kind = 'kobo' and d.revoked_at is null
     and not exists (select from kobo_tombstones t where t.kobo_id = k.id and t.subject = 1 and t.id = l.id)
  union
  select w.book_id
    from devices d
    join downloads w on w.device_id = d.id
   where d.id = device and d.user_id = reader and d.kind <> 'kobo' and d.revoked_at is null
$$;

-- Highlights of a reader that belong to no book of the library, and changes of them that could not be read.
create function unplaced_highlights(reader uuid) returns table (content text, unreadable boolean, since timestamptz)
language sql stable as $$
  select l.content, true, l.received_at from annotation_leftovers l where l.user_id = reader
  union all
  select a.entitlement::text, false, a.received_at
    from annotations a
   where a.user_id = reader and a.deleted_at is null
     and not exists (select from books b where b.entitlement = a.entitlement and b.deleted_at is null)
$$;

-- A place in the history that its reader deleted: shown to nobody, and gone for good 30 days later.
alter table reading_progress_history add column removed_at timestamptz;
create index reading_progress_history_removed on reading_progress_history (removed_at) where removed_at is not null;
