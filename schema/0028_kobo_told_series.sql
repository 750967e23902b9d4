-- Whether a device was ever told a series of the book: only then is it told that there is none any more (kobo.md 7.3). Of what was
-- announced before it is taken to be so, as it was said each time.
alter table kobo_ledger add column told_series boolean not null default true;
alter table kobo_ledger alter column told_series set default false;
