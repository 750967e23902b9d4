-- What a Kobo said of a book with a clock that is more than a day ahead counts as said then, at the server's time, and it alone
-- hears its own times again: it would take any other for news (kobo.md 10.5, rules 2 and 5).
create table kobo_clocks (
  kobo_id uuid not null references kobo_devices on delete cascade,
  entitlement uuid not null,
  status_said_at timestamptz,
  status_at timestamptz,                       -- what it counts as
  statistics_said_at timestamptz,
  statistics_at timestamptz,
  bookmark_said_at timestamptz,
  bookmark_at timestamptz,
  primary key (kobo_id, entitlement)
);

-- kobo_devices.syncs when the device said last that a sync had failed: those of which it said nothing were fine (17.8, H5).
alter table kobo_devices add column failed_sync bigint not null default 0;
