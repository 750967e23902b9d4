-- 0025_superseded_recordings.sql
-- A folder of recordings that somebody encoded anew is the same book (ingest.md 18.4): the older files are marked when others have
-- taken their place in it, and go once these are safe. A row that is not marked never goes by itself.
alter table book_files add column superseded boolean not null default false;
create index book_files_superseded on book_files (book_id) where superseded;

-- Recordings that have a place in their book; of each of them its edition should have a track.
create index book_files_placed on book_files (id) where position > 0;
