-- 0017_catalog.sql
-- Further ways into the catalog for reading apps (opds.md 12, 13).

-- Genres and publishers, as lists lead to them: rows beside the books' own columns, like tags.
create table labels (
  id uuid primary key,
  kind text not null check (kind in ('genre', 'publisher')),
  name text not null,
  name_key text not null,
  sort_key text collate "C" not null,
  letter text collate "C" not null,
  unique (kind, name_key)
);
create index labels_order on labels (kind, sort_key, id);
create index labels_letter on labels (kind, letter, sort_key, id);

create table book_labels (
  book_id uuid not null references books on delete cascade,
  label_id uuid not null references labels,
  added_at timestamptz not null,               -- the book's: one index serves the label's list
  primary key (book_id, label_id)
);
create index book_labels_newest on book_labels (label_id, added_at desc, book_id desc);

-- What is there already. The program's own keys differ from these for few names, and only in where a name stands.
create temporary table named on commit drop as
  select n.kind, n.name, n.book_id, n.added_at, coalesce(nullif(trim(regexp_replace(lower(regexp_replace(normalize(n.name, nfkd),
         '[\u0300-\u036f]', '', 'g')), '[^[:alnum:]]+', ' ', 'g')), ''), n.name) collate "C" as key
    from (select 'genre' as kind, g.name, b.id as book_id, b.created_at as added_at from books b cross join lateral unnest(b.genres) as g (name)
          union all
          select 'publisher', b.publisher, b.id, b.created_at from books b where b.publisher <> '') n;
insert into labels (id, kind, name, name_key, sort_key, letter)
select gen_random_uuid(), kind, min(name), key, key,
       case when left(key, 1) between 'a' and 'z' then upper(left(key, 1)) when left(key, 1) ~ '[[:alpha:]]' then left(key, 1) else '#' end
  from named group by kind, key;
insert into book_labels (book_id, label_id, added_at)
select distinct n.book_id, l.id, n.added_at from named n join labels l on l.kind = n.kind and l.name_key = n.key;

create index books_year on books (published_year, title_key, id, offered)
  where status = 'organized' and deleted_at is null and published_year is not null;
create index book_files_format on book_files (format, book_id);

-- When a reader last had each book in hand, by any of their devices or by their own word.
create function last_read(reader uuid) returns table (book_id uuid, at timestamptz) language sql stable as $$
  select t.book_id, max(t.at)
    from (select o.book_id, o.state_at as at from opinions o where o.user_id = reader
          union all
          select d.book_id, to_timestamp(p.timestamp)
            from documents d
            join reading_progress p on p.user_id = d.user_id and p.document = d.document
           where d.user_id = reader and d.book_id is not null
          union all
          select b.id, greatest(s.status_at, s.bookmark_at, s.finished_at)
            from kobo_states s
            join books b on b.entitlement = s.entitlement
           where s.user_id = reader) t
   group by t.book_id
$$;

-- Lists that show how far somebody is (continue reading, on deck, unread books) are kept by the account's state: pushes of
-- positions make it grow in the program, words and Kobos here.
create function note_reading() returns trigger language plpgsql as $$
begin
  update users u set state = u.state + 1, state_at = clock_timestamp()
    from (select id from users where id in (select user_id from changed) order by id for no key update) locked
   where u.id = locked.id;
  return null;
end $$;
create trigger opinions_said after insert on opinions
  referencing new table as changed for each statement execute function note_reading();
create trigger opinions_changed after update on opinions
  referencing new table as changed for each statement execute function note_reading();
create trigger opinions_gone after delete on opinions
  referencing old table as changed for each statement execute function note_reading();
create trigger kobo_states_made after insert on kobo_states
  referencing new table as changed for each statement execute function note_reading();
create trigger kobo_states_changed after update on kobo_states
  referencing new table as changed for each statement execute function note_reading();

-- What a device was offered by its own list and has not fetched (opds.md 13.2). A listing within an hour of the last one is the
-- same run.
create table device_listings (
  device_id uuid not null references devices on delete cascade,
  book_id uuid not null references books on delete cascade,
  times int not null default 1,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (device_id, book_id)
);
create index device_listings_book on device_listings (book_id);
-- Books that were there for the device until then are not offered any more.
alter table devices
  add column caught_up_at timestamptz,
  add column caught_up_before timestamptz;     -- until when they were before that: it can be taken back
