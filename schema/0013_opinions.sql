-- 0013_opinions.sql
-- What a reader thinks of a book: it belongs to the reader (product.md 8). And which words are genres (ingest.md 16, 18.1).

-- Each of the three parts (state with its days, rating, review) has who said it last, `hand` or the source of an import ('' nobody),
-- and the time of which that is true, null when it is not known. What was said by hand and is empty was taken back by hand; an
-- import knows better only with a later day (library/opinion.hpp).
create table opinions (
  user_id uuid not null references users on delete cascade,
  book_id uuid not null references books on delete cascade,
  state text check (state in ('unread', 'wanted', 'reading', 'read', 'abandoned')),   -- null: as devices tell
  started_on text not null default '',         -- as books.published_on
  finished_on text not null default '',
  state_by text not null default '',
  state_at timestamptz,
  rating smallint check (rating between 1 and 10),   -- halves of stars
  rating_by text not null default '',
  rating_at timestamptz,
  review text not null default '',             -- plain text
  review_by text not null default '',
  review_at timestamptz,
  before jsonb,                                -- the row before its reader's last change, which can be taken back
  primary key (user_id, book_id)
);
create index opinions_book on opinions (book_id);
create index opinions_rating on opinions (user_id, rating, book_id) where rating is not null;

-- How far a reader is with each book that they or their devices ever said something of; every other book is unread. What was said
-- counts, but for: a book that was wanted, or that an import calls unread, gives way to devices that have opened it since; a book
-- that was being read to devices that have finished it since. Without a word of the reader the devices count. A book is finished
-- by a place at 99 % or more, or when a Kobo says so, and begun from 0.5 % on (as `continue reading`).
-- Conditions on book_id reach all three parts, which have an index for them.
create function readings(reader uuid) returns table (book_id uuid, state text, rating int) language sql stable as $$
  select t.book_id,
         case when max(t.said) in ('read', 'abandoned') then max(t.said)
              when max(t.said) = 'unread' and bool_or(t.by_hand) then 'unread'
              when max(t.finished_at) > max(coalesce(t.said_at, '-infinity')) then 'read'
              when max(t.said) = 'reading' then 'reading'
              when max(t.begun_at) > max(coalesce(t.said_at, '-infinity')) then 'reading'
              else coalesce(max(t.said), 'unread') end,
         max(t.rating)
    from (select o.book_id, o.state as said, case when o.state is not null then o.state_at end as said_at, o.state_by = 'hand' as by_hand,
                 o.rating::int, null::timestamptz as finished_at, null::timestamptz as begun_at
            from opinions o
           where o.user_id = reader
          union all
          select d.book_id, null, null, null, null, case when p.percentage >= 0.99 then to_timestamp(p.timestamp) end,
                 case when p.percentage >= 0.005 then to_timestamp(p.timestamp) end
            from documents d
            join reading_progress p on p.user_id = d.user_id and p.document = d.document
           where d.user_id = reader and d.book_id is not null
          union all
          select b.id, null, null, null, null,
                 coalesce(s.finished_at, case when s.status ->> 'Status' = 'Finished' then s.status_at end),
                 case when s.status ->> 'Status' = 'Reading' then s.status_at end
            from kobo_states s
            join books b on b.entitlement = s.entitlement
           where s.user_id = reader) t
   group by t.book_id
$$;
