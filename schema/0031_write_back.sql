-- 0031_write_back.sql
-- Managed trees may write what the library says of a book into its files or beside them (product.md 3.2). What is read in place is
-- never written, whoever asks; the store has no folders in which anybody would look.

alter table libraries
  add column write_back text not null default '' check (write_back in ('', 'side', 'files')),
  add column write_fields text[] not null default '{}',
  add constraint libraries_write_back check (write_back = '' or (kind = 'managed' and root <> ''));

-- What came of it, book by book. A book is looked at again when its files have been put into their place since (organised_books.at),
-- which follows every change of the book and of the pattern.
create table written_books (
  book_id uuid primary key references books on delete cascade,
  library_id uuid not null references libraries on delete cascade,
  choice text not null,                        -- what was to be written, and where
  state text not null check (state in ('written', 'held', 'failed')),  -- held: beside the file, which a Kobo has, instead of into it
  problem text not null default '',            -- a code
  detail text not null default '',             -- the path, or what the system said
  at timestamptz not null default clock_timestamp()
);
create index written_books_library on written_books (library_id, state);
create index written_books_failed on written_books (at desc) where state = 'failed';

-- Files beside books that Carrel has written: only these are ever replaced or removed, and only while they are as it left them. The
-- row stays when its book goes, until the file is gone.
create table side_files (
  id uuid primary key,
  book_id uuid references books on delete set null,
  kind text not null check (kind in ('opf', 'cover')),
  storage_path text not null unique,
  sha256 text not null default '',
  next_sha256 text not null default '',        -- on its way; after an interruption the file may have either
  unique (book_id, kind)
);

-- Files that Carrel has written into. The bytes before are in the attic for a while; who takes them from there again is not overruled.
create table written_files (
  file_id uuid primary key references book_files on delete cascade,
  before text not null,                        -- SHA-256 of the file
  after text not null,
  metadata text not null,                      -- SHA-256 of what it was to say
  at timestamptz not null default clock_timestamp()
);

-- And those on their way: the row comes first and goes last.
create table file_writes (
  file_id uuid primary key references book_files on delete cascade,
  storage_path text not null,
  before text not null,
  after text not null default '',              -- as soon as it is known
  kept uuid not null,                          -- its folder in the attic
  made_at timestamptz not null default now()
);

-- Who else has a file in a folder of a tree.
create index book_files_in_trees on book_files (storage_path text_pattern_ops) where storage_path like 'trees/%';
