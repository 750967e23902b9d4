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

-- Which subjects of books are genres, and what each is called; the rest are tags. To be edited: a name without a genre ('') is none.
-- Limits that name a genre mean all of its names (library/genres.hpp).
create table genre_aliases (
  name_key text primary key,                   -- folded
  genre text not null
);
insert into genre_aliases (name_key, genre)
select k, genre
  from (values
    ('Action & Adventure', '{action adventure,action and adventure}'),
    ('Adventure', '{adventure,adventure stories,adventure fiction,adventure and adventurers}'),
    ('Autobiography', '{autobiography,autobiographies}'),
    ('Biography', '{biography,biographies,biography autobiography,biography and autobiography,biographies memoirs}'),
    ('Children', '{children,children s fiction,children s stories,children s books,children s literature,juvenile fiction}'),
    ('Classics', '{classics,classic,classic literature}'),
    ('Comics & Graphic Novels', '{comics,comics graphic novels,comics and graphic novels,graphic novel,graphic novels}'),
    ('Contemporary', '{contemporary,contemporary fiction}'),
    ('Cookery', '{cookery,cooking,cookbook,cookbooks}'),
    ('Crime', '{crime,crime fiction}'),
    ('Detective', '{detective,detective fiction}'),
    ('Drama', '{drama,plays}'),
    ('Dystopia', '{dystopia,dystopian,dystopian fiction,dystopias}'),
    ('Erotica', '{erotica,erotic fiction}'),
    ('Essays', '{essays,essay}'),
    ('Fairy Tales', '{fairy tales,fairy tale}'),
    ('Fantasy', '{fantasy,fantasy fiction,fiction fantasy general}'),
    ('Fiction', '{fiction,fiction general,fiction in english}'),
    ('Historical Fiction', '{historical fiction,historical novel,historical novels}'),
    ('History', '{history}'),
    ('Horror', '{horror,horror fiction,horror tales}'),
    ('Humour', '{humour,humor,humorous stories,humorous fiction}'),
    ('Literary Fiction', '{literary fiction}'),
    ('Manga', '{manga}'),
    ('Memoir', '{memoir,memoirs}'),
    ('Mystery', '{mystery,mysteries,mystery fiction}'),
    ('Mystery & Detective', '{mystery detective,mystery and detective,mystery and detective stories,detective and mystery stories}'),
    ('Nonfiction', '{nonfiction,non fiction}'),
    ('Philosophy', '{philosophy}'),
    ('Poetry', '{poetry,poems}'),
    ('Psychology', '{psychology}'),
    ('Religion', '{religion}'),
    ('Romance', '{romance,romances,romance fiction,love stories}'),
    ('Science', '{science,popular science}'),
    ('Science Fiction', '{science fiction,sci fi,scifi,sf,fiction science fiction general}'),
    ('Science Fiction & Fantasy', '{science fiction fantasy,science fiction and fantasy,sci fi fantasy}'),
    ('Self-Help', '{self help}'),
    ('Short Stories', '{short stories,short story}'),
    ('Suspense', '{suspense,suspense fiction}'),
    ('Thriller', '{thriller,thrillers}'),
    ('Travel', '{travel}'),
    ('True Crime', '{true crime}'),
    ('Western', '{western,westerns}'),
    ('Young Adult', '{young adult,young adult fiction,ya}'),
    ('Belletristik', '{belletristik}'),
    ('Biografie', '{biografie,biografien,biographie}'),
    ('Erzählungen', '{erzahlungen,erzahlung,kurzgeschichten}'),
    ('Gedichte', '{gedichte,lyrik}'),
    ('Historischer Roman', '{historischer roman,historische romane}'),
    ('Jugendbuch', '{jugendbuch,jugendbucher}'),
    ('Kinderbuch', '{kinderbuch,kinderbucher}'),
    ('Krimi', '{krimi,krimis,kriminalroman,kriminalromane}'),
    ('Liebesroman', '{liebesroman,liebesromane}'),
    ('Märchen', '{marchen}'),
    ('Sachbuch', '{sachbuch,sachbucher}'),
    ('Autobiographie', '{autobiographie}'),
    ('Bande dessinée', '{bande dessinee,bandes dessinees,bd}'),
    ('Contes', '{contes,conte}'),
    ('Jeunesse', '{jeunesse,litterature jeunesse}'),
    ('Nouvelles', '{nouvelles}'),
    ('Poésie', '{poesie}'),
    ('Polar', '{polar,policier,roman policier,romans policiers}'),
    ('Roman historique', '{roman historique,romans historiques}'),
    ('Théâtre', '{theatre}')) as g (genre, keys)
  cross join lateral unnest(g.keys::text[]) as k;
