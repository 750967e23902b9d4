-- 0002_books.sql
-- Books, their files and the lists that are made of them. Order columns end in _key, are computed by the program and use
-- collate "C": a database collation would change with system upgrades (ingest.md 17.8).

create type book_status as enum ('inbox', 'review', 'organized');

create table catalog_revision (
  one boolean primary key default true check (one),
  revision bigint not null default 1,
  changed_at timestamptz not null default now()
);
insert into catalog_revision default values;

create table libraries (
  id uuid primary key,
  name text not null,
  kind text not null check (kind in ('managed', 'in_place')),
  root text not null,                          -- '' = the book store under the data directory
  position int not null default 0,
  created_at timestamptz not null default now()
);
insert into libraries (id, name, kind, root) values ('00000000-0000-7000-8000-000000000001', 'Library', 'managed', '');

create table covers (
  id uuid primary key,
  sha256 text not null unique,
  mime text not null,
  width int not null,
  height int not null,
  bytes bigint not null,
  source text not null,
  storage_path text not null,
  created_at timestamptz not null default now()
);

create table people (
  id uuid primary key,
  name text not null,
  name_key text not null unique,               -- folded name; one person per key
  sort_name text not null,
  sort_key text collate "C" not null,
  letter text collate "C" not null
);
create index people_order on people (sort_key, id);
create index people_letter on people (letter, sort_key, id);

create table series (
  id uuid primary key,
  name text not null,
  name_key text not null unique,
  sort_key text collate "C" not null,
  letter text collate "C" not null
);
create index series_order on series (sort_key, id);
create index series_letter on series (letter, sort_key, id);

create table tags (
  id uuid primary key,
  name text not null,
  name_key text not null unique,
  slug text not null,
  sort_key text collate "C" not null,
  letter text collate "C" not null
);
create index tags_order on tags (sort_key, id);

create table books (
  id uuid primary key,
  status book_status not null default 'inbox',
  library_id uuid not null default '00000000-0000-7000-8000-000000000001' references libraries,
  title text not null,
  subtitle text not null default '',
  title_sort text not null default '',
  title_key text collate "C" not null default '',
  author text not null default '',             -- all authors as shown, joined with ' & '
  author_sort text not null default '',
  author_key text collate "C" not null default '',
  series_id uuid references series,
  series_index numeric(9,3),
  series_index_text text not null default '',
  -- series, index, title in one key: the order of author and series pages
  place_key text collate "C" not null default '',
  isbn_10 text,
  isbn_13 text,
  identifiers jsonb not null default '{}',
  publisher text,
  published_year int,
  published_on text not null default '',
  language text not null default '',
  languages text[] not null default '{}',
  description text not null default '',        -- sanitised XHTML
  description_text text not null default '',
  cover_id uuid references covers,
  cover_url text,
  cover_path text,
  page_count int,
  page_count_source text not null default '',
  genres text[] not null default '{}',
  tags text[] not null default '{}',
  tag_keys text[] not null default '{}',       -- folded: limits compare by them
  age_rating int,
  reading_direction text,
  fixed_layout boolean not null default false,
  hardcover_book_id text,
  hardcover_edition_id text,
  possible_duplicate_of uuid references books on delete set null,
  dup_key bytea,
  locked_fields text[] not null default '{}',
  field_sources jsonb not null default '{}',
  version bigint not null default 1,           -- of what a reader sees; entry fragments are cached by it
  file_version bigint not null default 1,      -- `version` when the files last changed
  entitlement uuid not null default gen_random_uuid(),  -- the book's id on Kobos: made once, never used again (kobo.md 7.1)
  random double precision not null default random(),
  kobo_file uuid,                              -- kobo_file_of(id, 0), so that a sync of thousands need not look at files
  kobo_ready boolean not null default false,   -- of that file it is known what a Kobo gets (book_files.kobo_as)
  offered smallint not null default 0,         -- the best of its files: 0 to no app, 1 to apps, 2 to KOReader too (opds.md 5.8)
  deleted_at timestamptz,                      -- in the trash since
  approved_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  search_vector tsvector not null default ''
);
-- What clients page through: (order column, id), all descending or all ascending (opds.md 7.3). `offered` is last, so that books
-- an app cannot take are passed over within the index.
create index books_newest on books (created_at desc, id desc, offered) where status = 'organized' and deleted_at is null;
create index books_title on books (title_key, id, offered) where status = 'organized' and deleted_at is null;
create index books_author on books (author_key, place_key, id, offered) where status = 'organized' and deleted_at is null;
create index books_updated on books (updated_at desc, id desc, offered) where status = 'organized' and deleted_at is null;
create index books_language on books (language, created_at desc, id desc, offered) where status = 'organized' and deleted_at is null;
create index books_language_title on books (language, title_key, id, offered) where status = 'organized' and deleted_at is null;
create index books_language_author on books (language, author_key, place_key, id, offered) where status = 'organized' and deleted_at is null;
create index books_series on books (series_id, place_key, id) where deleted_at is null;
create unique index books_entitlement on books (entitlement);
-- What a Kobo's sync compares of each book of its shelf, without reading the books themselves.
create index books_compared on books (id) include (entitlement, version, file_version, kobo_file, kobo_ready, status, deleted_at);
create index books_random on books (random, id) where status = 'organized' and deleted_at is null;
-- The same for people who may review and therefore see every status in one list.
create index books_all_newest on books (created_at desc, id desc) where deleted_at is null;
create index books_all_title on books (title_key, id) where deleted_at is null;
create index books_all_author on books (author_key, place_key, id) where deleted_at is null;
create index books_waiting on books (created_at desc, id desc) where status <> 'organized' and deleted_at is null;
create index books_trash on books (deleted_at desc, id desc) where deleted_at is not null;
create index books_isbn on books (isbn_13) where isbn_13 is not null;
create index books_dup on books (dup_key) where dup_key is not null;
create index books_duplicates on books (possible_duplicate_of) where possible_duplicate_of is not null;
create index books_search on books using gin (search_vector) with (fastupdate = off);

-- The words of all books, so that one that is typed wrong is recognised (library/spelling.hpp).
create extension if not exists pg_trgm;
create table spellings (
  word text collate "C" primary key,           -- folded
  written text not null                        -- as a book has it, in lower case
);
create index spellings_near on spellings using gist (word gist_trgm_ops);

create table book_people (
  book_id uuid not null references books on delete cascade,
  person_id uuid not null references people,
  role text not null default 'aut',            -- MARC relator
  position int not null default 0,
  place_key text collate "C" not null default '',   -- copy of books.place_key: one index serves the author page
  primary key (book_id, role, person_id)
);
create index book_people_place on book_people (person_id, place_key, book_id);

create table book_tags (
  book_id uuid not null references books on delete cascade,
  tag_id uuid not null references tags,
  added_at timestamptz not null,
  primary key (book_id, tag_id)
);
create index book_tags_newest on book_tags (tag_id, added_at desc, book_id desc);

create table book_files (
  id uuid primary key,
  book_id uuid not null references books on delete cascade,
  format text not null,
  mime text not null default '',
  original_name text not null,
  original_name_raw bytea,
  download_name text not null default '',      -- frozen (opds.md 3.7): the download address never changes
  slug text not null default '',               -- the same in ASCII, for addresses on Kobos (kobo.md 12)
  storage_path text,
  inbox_path text,
  file_size bigint not null,
  checksum text not null,                      -- SHA-256, hex
  md5 text not null default '',
  koreader_md5 text not null default '',
  filename_md5 text not null default '',
  content_hash text,
  content_hash_version smallint not null default 1,
  rank int not null default 0,                 -- best format first (opds.md 5.8)
  drm text not null default '',
  is_kepub boolean not null default false,
  offered smallint not null default 0,         -- as books.offered, of this file
  described boolean not null default true,     -- false: waits for its reader
  warnings jsonb not null default '[]',
  duration_ms bigint not null default 0,       -- of sound
  facts jsonb not null default '{}',           -- what no column holds: library::facts_of
  extractor_version int not null default 1,
  missing_since timestamptz,                   -- found missing on disk
  -- What a Kobo gets of it: a conversion (kobo_artifacts), or the file as it is, by its own id; null while that is not known
  -- (kepub.md 9). By which settings that was found, and why it is not converted: a code, or ''.
  kobo_as uuid,
  kobo_how text not null default '',
  kobo_kept text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index book_files_book on book_files (book_id, rank, id);
-- The same bytes are never stored twice (contract.md 5.4).
create unique index book_files_checksum on book_files (checksum);
create index book_files_content on book_files (content_hash) where content_hash is not null;
create index book_files_for_kobo on book_files (book_id, is_kepub desc, rank, id) include (file_size, kobo_as)
  where format in ('epub', 'kepub') and drm = '' and storage_path is not null;
-- Every page counts them; there are hardly ever any.
create index book_files_missing on book_files (missing_since) where missing_since is not null;
create index book_files_kept on book_files (id) where kobo_kept <> '';

-- A fingerprint once seen is never forgotten (kosync.md 8.6). `kind`: sha256, full (MD5), partial, filename, content.
create table book_file_hashes (
  hash text not null,
  kind text not null,
  file_id uuid not null,                       -- may outlive the file; the book is what counts
  book_id uuid not null references books on delete cascade,
  variant text not null default 'original',    -- original, served, kepub, converted, replaced
  first_seen_at timestamptz not null default now(),
  last_served_at timestamptz,
  primary key (hash, kind, file_id)
);
create index book_file_hashes_book on book_file_hashes (book_id);
create index book_file_hashes_file on book_file_hashes (file_id);

create table book_metadata_candidates (
  id uuid primary key,
  book_id uuid not null references books on delete cascade,
  source text not null,
  source_key text not null default '',
  raw_response jsonb,
  normalized jsonb not null default '{}',
  confidence numeric(5,4) not null default 0,
  reasons jsonb not null default '[]',
  selected_fields text[] not null default '{}',
  fetched_at timestamptz not null default now(),
  unique (book_id, source, source_key)
);

-- The one predicate: which books does this account see (product.md 8). Every query that shows books, or names, counts and
-- files that come from books, selects from one of these two. They are inlined, so the indexes above serve them; the scalar queries
-- run once. An unknown or disabled account sees nothing.

-- Within the account's limits, whatever the book's state: for the trash, which is for curators.
create function reachable_books(viewer uuid) returns setof books language sql stable as $$
  select b.* from books b
   where (select u.disabled_at is null from users u where u.id = viewer)
     and ((select u.unlimited from users u where u.id = viewer)
          or ((select u.library_ids is null from users u where u.id = viewer)
              or b.library_id = any ((select u.library_ids from users u where u.id = viewer)::uuid[]))
         and coalesce(b.age_rating, 0) <= (select coalesce(u.highest_age, 1000) from users u where u.id = viewer)
         and not b.tag_keys && (select u.hidden_tag_keys from users u where u.id = viewer)::text[]
         and ((select u.required_tags = '{}' from users u where u.id = viewer)
              or b.tag_keys && (select u.required_tag_keys from users u where u.id = viewer)::text[]))
$$;

-- What people and devices see. Clients' queries add status = 'organized' themselves; people who may review also see what waits.
create function visible_books(viewer uuid) returns setof books language sql stable as $$
  select b.* from reachable_books(viewer) b
   where b.deleted_at is null
     and (b.status = 'organized' or (select u.role in ('owner', 'librarian') from users u where u.id = viewer))
$$;

-- Of such an account, enabled and without limits, every organised book is visible: queries that compare thousands of books can
-- then leave the predicate out, and with it the reading of whole books.
create function sees_all_books(viewer uuid) returns boolean language sql stable as $$
  select u.unlimited and u.disabled_at is null from users u where u.id = viewer
$$;

-- The library as lists show it: to pages (0), to apps that can be offered at least one file of the book (1), to KOReader (2).
create function listed_books(viewer uuid, taker smallint) returns setof books language sql stable as $$
  select b.* from visible_books(viewer) b where b.status = 'organized' and b.offered >= taker
$$;
