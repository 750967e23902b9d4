-- 0012_merges.sql
-- Books that may be the same one (ingest.md 7.3), and books that a person has made one of, in a way that can be taken back
-- (product.md 3.1, 4.8).

-- A book that was merged into another stays, hidden like one in the trash, so that its address, its files' addresses and the copy on
-- an e-reader still lead somewhere, and so that it can come back. Always the last survivor: of a chain every link names its end.
alter table books add column merged_into uuid references books on delete cascade;
create index books_merged on books (merged_into) where merged_into is not null;

-- Numbers that name a work or an edition (ingest.md 7.3, step 3). Not the package identifier of an EPUB.
create index books_named on books using gin (identifiers jsonb_path_ops)
  where identifiers ?| array['asin', 'google', 'openlibrary', 'hardcover', 'goodreads', 'librarything'];
-- A merge, and a sweep of the trash, look for what belongs to a book.
create index ingest_items_book on ingest_items (book_id) where book_id is not null;
create index downloads_book on downloads (book_id);

-- A pair that may be one book; the older id is the smaller one. `kind`: the strongest reason of 7.3 (content, identifier, work,
-- similar); `reasons`: all of them. A pair that was decided is never asked about again.
create table duplicate_candidates (
  book_id uuid not null references books on delete cascade,
  other_id uuid not null references books on delete cascade,
  kind text not null check (kind in ('content', 'identifier', 'work', 'similar')),
  score real not null,
  reasons jsonb not null default '[]',
  found_at timestamptz not null default now(),
  decided_at timestamptz,
  decision text check (decision in ('merged', 'both')),
  decided_by text not null default '',
  primary key (book_id, other_id),
  check (other_id < book_id),
  check ((decided_at is null) = (decision is null))
);
create index duplicate_candidates_other on duplicate_candidates (other_id);
create index duplicate_candidates_open on duplicate_candidates (found_at desc, book_id desc, other_id desc)
  where decision is null and kind <> 'similar';
create index duplicate_candidates_hints on duplicate_candidates (found_at desc, book_id desc, other_id desc)
  where decision is null and kind = 'similar';

-- How far the look through the library has come: books that changed later have not been looked at. Each run goes on from here, so
-- the first one after an upgrade sees every book, and one that was interrupted loses nothing.
create table duplicate_search (
  one boolean primary key default true check (one),
  updated_at timestamptz not null default '-infinity',
  book_id uuid not null default '00000000-0000-0000-0000-000000000000'
);
insert into duplicate_search default values;

-- One act. `act`: merge, format (files only), replace (and the bytes of a file).
create table book_merges (
  id uuid primary key,
  kept_id uuid not null references books on delete cascade,
  act text not null check (act in ('merge', 'format', 'replace')),
  user_id uuid,
  actor text not null,
  made_at timestamptz not null default now(),
  place bigint generated always as identity,   -- the order in which acts can be taken back
  undone_at timestamptz,
  undone_by text not null default ''
);
create index book_merges_kept on book_merges (kept_id, place desc);
create index book_merges_newest on book_merges (place desc) where undone_at is null;

create table book_merge_members (
  merge_id uuid not null references book_merges on delete cascade,
  book_id uuid not null references books on delete cascade,
  place int not null,                          -- the order in which they were merged
  primary key (merge_id, book_id)
);
create index book_merge_members_book on book_merge_members (book_id);

-- What each of them was made of, as it was: enough to put it back. `relation` is the table, `rows` what library/merge_parts.hpp says.
create table book_merge_parts (
  merge_id uuid not null references book_merges on delete cascade,
  book_id uuid not null,
  relation text not null,
  rows jsonb not null,
  primary key (merge_id, book_id, relation)
);

-- A file whose row went because another file has its bytes now: its address leads there.
create table file_aliases (
  file_id uuid primary key,
  into_id uuid not null references book_files on delete cascade,
  merge_id uuid not null references book_merges on delete cascade
);

-- Who put a book on a shelf, or found the book of a document, while it was being merged has waited for that at the reference: what they
-- meant is what the book has become. Triggers run in the order of their names, so this one after those of the references.
create function follow_merged_book() returns trigger language plpgsql as $$
declare
  survivor uuid := (select merged_into from books where id = new.book_id);
begin
  if survivor is null then
    return null;
  end if;
  if tg_table_name = 'documents' then
    update documents set book_id = survivor where user_id = new.user_id and document = new.document and book_id = new.book_id;
  elsif exists (select from shelf_books where shelf_id = new.shelf_id and book_id = survivor) then
    delete from shelf_books where shelf_id = new.shelf_id and book_id = new.book_id;
  else
    update shelf_books set book_id = survivor where shelf_id = new.shelf_id and book_id = new.book_id;
  end if;
  return null;
end $$;
create trigger documents_follow after insert or update of book_id on documents
  for each row when (new.book_id is not null) execute function follow_merged_book();
create trigger shelf_books_follow after insert on shelf_books for each row execute function follow_merged_book();

-- The id under which a Kobo knows a book, of the book that it has become.
create function surviving_entitlement(told uuid) returns uuid language sql stable as $$
  select coalesce((select k.entitlement from books b join books k on k.id = b.merged_into where b.entitlement = told), told)
$$;
