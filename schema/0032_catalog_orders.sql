-- 0032_catalog_orders.sql
-- Reading apps can have the books by when they were published (opds.md 5.13). The dates are written so that text order is that of
-- time; books without one come last.
create index books_published on books (published_on collate "C" desc, id desc, offered) where status = 'organized' and deleted_at is null;

-- What many read at present (opds.md 12.1): made anew every night, from who had a book in hand or fetched it.
create table popular_books (
  book_id uuid primary key references books on delete cascade,
  score int not null                           -- readers, then downloads
);
create index popular_books_order on popular_books (score desc, book_id desc);
