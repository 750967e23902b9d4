-- 0014_bulk.sql
-- One change of many books (product.md 2.6): which books, what will change, what did, and what is needed to take it back. All three
-- are rows, so that a run of 100,000 books needs no memory and goes on where it was when its process died.

create table bulk_runs (
  id uuid primary key,
  user_id uuid references users on delete set null,
  actor text not null,
  act text not null check (act in ('edit', 'import', 'shelf', 'trash', 'approve')),
  name text not null default '',               -- of the file or the search, for people
  chosen jsonb not null default '{}',          -- the filter; its books are those that matched while they were collected
  request jsonb,                               -- what is to be done; null until somebody says so
  state text not null check (state in
    ('collecting', 'chosen', 'planning', 'ready', 'running', 'done', 'cancelled', 'undoing', 'undone')),
  at_place bigint not null default 0,          -- how far the present state has come
  at_book uuid,                                -- the same while books are collected
  job_id uuid,                                 -- that works, or worked last
  books bigint not null default 0,
  to_change bigint not null default 0,         -- books
  fields bigint not null default 0,            -- of them
  same bigint not null default 0,              -- books of which nothing changes
  locked bigint not null default 0,            -- fields that are left alone because they are locked
  invalid bigint not null default 0,           -- books that cannot be changed so
  done bigint not null default 0,              -- books that were changed
  failed bigint not null default 0,            -- books that were not, although they should
  stale bigint not null default 0,             -- fields that somebody changed after the preview
  undone bigint not null default 0,            -- books
  kept bigint not null default 0,              -- fields that were changed after the run and therefore not taken back
  hidden bigint not null default 0,            -- books that whoever takes it back does not see any more
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create index bulk_runs_user on bulk_runs (user_id, created_at desc, id desc);
create index bulk_runs_old on bulk_runs (created_at);

create table bulk_items (
  run_id uuid not null references bulk_runs on delete cascade,
  place bigint not null,
  book_id uuid not null,                       -- may be gone by now
  title text not null default '',              -- when it was looked at
  wanted jsonb,                                -- of an import: the fields of its line
  state text not null default 'new' check (state in
    ('new', 'planned', 'same', 'invalid', 'done', 'failed', 'undone', 'kept', 'hidden')),
  reason text not null default '',             -- a code, or "field: reason"
  primary key (run_id, place),
  unique (run_id, book_id)
);
create index bulk_items_state on bulk_items (run_id, state, place);

create table bulk_changes (
  run_id uuid not null,
  place bigint not null,
  field text not null,                         -- of the book; or status, trash, shelf
  old jsonb not null,                          -- as people see it
  new jsonb not null,
  before jsonb,                                -- everything that an undo needs, written when the field is changed
  state text not null check (state in ('planned', 'locked', 'done', 'stale', 'undone', 'kept', 'hidden')),
  primary key (run_id, place, field),
  foreign key (run_id, place) references bulk_items on delete cascade
);

-- Which file a replaced one in the attic belonged to.
create index audit_kept_files on audit ((detail->>'kept')) where action = 'file.replace';
