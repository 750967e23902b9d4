-- A Carrel that reads more than the one before looks once at what that one refused (ingest.md 4.2).
alter table ingest_items add column extractor_version int not null default 1;
