-- 0003_shelves.sql
-- Lists of books, made by hand for now; a shelf feeds devices and is a folder in OPDS.

create table shelves (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  name text not null,
  name_key text not null,
  kind text not null default 'hand' check (kind in ('hand', 'rule')),
  rule jsonb,
  collection boolean not null default true,    -- a collection on the Kobos it feeds
  opds boolean not null default true,          -- offered as an OPDS folder
  shared boolean not null default false,       -- everybody may look at it
  origin text not null default '' check (origin in ('', 'device')),  -- a collection that was made on a device: feeds none
  position int not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index shelves_owner on shelves (user_id, name_key);
-- On a device two collections may have one name (kobo.md 11).
create unique index shelves_name on shelves (user_id, name_key) where origin = '';

create table shelf_books (
  shelf_id uuid not null references shelves on delete cascade,
  book_id uuid not null references books on delete cascade,
  position bigint not null,
  added_at timestamptz not null default now(),
  primary key (shelf_id, book_id)
);
create index shelf_books_order on shelf_books (shelf_id, position, book_id);
create index shelf_books_newest on shelf_books (shelf_id, added_at desc, book_id desc);
create index shelf_books_book on shelf_books (book_id);

create table device_shelves (
  device_id uuid not null references devices on delete cascade,
  shelf_id uuid not null references shelves on delete cascade,
  added_at timestamptz not null default now(),
  primary key (device_id, shelf_id)
);
create index device_shelves_shelf on device_shelves (shelf_id);

-- The shelves that feed a device: its reader's own, and those of others only for as long as they are shared.
create view feeding_shelves as
  select ds.device_id, ds.shelf_id
    from device_shelves ds
    join devices d on d.id = ds.device_id
    join shelves s on s.id = ds.shelf_id
    join users o on o.id = s.user_id
   where s.user_id = d.user_id or (s.shared and o.disabled_at is null);

-- A complete download is evidence that a device got a file.
create table downloads (
  id uuid primary key,
  device_id uuid references devices on delete cascade,
  user_id uuid not null references users on delete cascade,
  file_id uuid not null,
  book_id uuid not null references books on delete cascade,
  checksum text not null,
  at timestamptz not null default now()
);
create index downloads_device on downloads (device_id, book_id);
create index downloads_user on downloads (user_id, book_id, at desc);
