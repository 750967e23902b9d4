-- 0007_imports.sql
-- Which book of a library elsewhere is which of ours (ingest.md 16). The two numbers on the other side never change, so an import
-- that is repeated finds what it brought, whatever was renamed there or edited here.

create table imported_books (
  source text not null,                        -- calibre
  library_uuid text not null,
  book_uuid text not null,
  book_id uuid not null references books on delete cascade,
  last_modified text not null default '',      -- as the other side writes it; equal means that nothing is to be read anew
  imported_at timestamptz not null default now(),
  primary key (source, library_uuid, book_uuid)
);
create index imported_books_book on imported_books (book_id);
