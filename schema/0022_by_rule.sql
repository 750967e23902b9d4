-- 0022_by_rule.sql
-- A book that a person approved is never changed without one again (metadata-providers.md 9.2). One that ingest.auto_approve let into the
-- library nobody has looked at: what sources say of it still fills what is empty.
alter table books add column approved_by_rule boolean not null default false;
