-- 0010_changes.sql
-- What sources say of a book is chosen by people (metadata-providers.md 8), and every choice and every edit can be taken back:
-- the fields of one act share a group.

create table metadata_changes (
  id uuid primary key,
  book_id uuid not null references books on delete cascade,
  group_id uuid not null,                      -- one act; grows with time
  field text not null,
  old jsonb not null,                          -- {value, source, locked, candidate}, and `exact` where the value is not everything
  new jsonb not null,
  candidate_id uuid references book_metadata_candidates on delete set null,
  at timestamptz not null default now(),
  user_id uuid,
  actor text not null,
  undoes uuid,                                 -- the group that this one takes back
  undone_at timestamptz,
  unique (group_id, field)
);
create index metadata_changes_book on metadata_changes (book_id, group_id desc);

-- Which approvals can still be taken back.
create index audit_approvals on audit (at desc, id desc) where action = 'book.approve';

-- A cover that an undo may need, or that a candidate offers, is not swept away.
create index metadata_changes_cover on metadata_changes ((old->'exact'->>'id')) where field = 'cover';
create index candidates_cover on book_metadata_candidates ((normalized->'cover'->>'sha256'))
  where normalized->'cover'->>'sha256' is not null;

-- The inbox says where a file came from.
create index ingest_items_file on ingest_items (file_id) where file_id is not null;
