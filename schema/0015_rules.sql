-- 0015_rules.sql
-- Shelves made by rule (product.md 4.6). Their books stand in shelf_books like those of other shelves, so that everything that
-- reads shelves reads them too: pages, OPDS folders at constant cost, and Kobos, for which a shelf is a set that stays as it is
-- until somebody says otherwise. What may change such a set is written down here by whoever changes it, in the same transaction,
-- and worked off right after that (library/rule_work.hpp).

alter table shelves
  add column rule_day date,                    -- the day for which its books are right: `the last 30 days` begin at midnight
  add constraint shelves_have_rules check ((kind = 'rule') = (rule is not null));
create index shelves_by_rule on shelves (user_id) where kind = 'rule';

-- Which shelves a rule speaks of. They may be gone, and are then empty.
create table rule_shelves (
  shelf_id uuid not null references shelves on delete cascade,
  on_shelf uuid not null,
  primary key (shelf_id, on_shelf)
);
create index rule_shelves_on on rule_shelves (on_shelf);

-- What has changed, row by row of who changed it: never updated, so that nobody waits for anybody.
create table rule_changes (
  id bigint generated always as identity primary key,
  user_id uuid,                                -- for the rules of this account; null: of all
  on_shelf uuid,                               -- for rules that speak of this shelf
  books uuid[]                                 -- these; null: any
);
-- The same by shelf.
create table rule_due (
  id bigint generated always as identity primary key,
  shelf_id uuid not null,
  books uuid[]
);
create index rule_due_shelf on rule_due (shelf_id);

create function note_rule_change(reader uuid, shelf uuid, changed uuid[]) returns void language sql as $$
  insert into rule_changes (user_id, on_shelf, books) values (reader, shelf, changed);
  select pg_notify('carrel_rules', '');
$$;

-- Books, as far as rules ask for them. Each of these begins with the question whether there is a rule at all: most libraries
-- have none, and an import should not pay for them.
create function note_changed_books() returns trigger language plpgsql as $$
declare
  changed uuid[];
begin
  if not exists (select from shelves where kind = 'rule') then
    return null;
  end if;
  if tg_op = 'INSERT' then
    changed := array(select n.id from fresh n where n.status = 'organized' and n.deleted_at is null);
  else
    -- No join: its plan would be kept from the first update of one book, and be quadratic for that of many.
    changed := array(
      select x.id
        from (select id, status, library_id, title_key, author_key, place_key, series_id, publisher, published_year, published_on,
                     languages, genres, tag_keys, cover_id, page_count, age_rating, deleted_at, created_at, search_vector from fresh
              except
              select id, status, library_id, title_key, author_key, place_key, series_id, publisher, published_year, published_on,
                     languages, genres, tag_keys, cover_id, page_count, age_rating, deleted_at, created_at, search_vector from old) x);
  end if;
  if changed <> '{}' then
    perform note_rule_change(null, null, changed);
  end if;
  return null;
end $$;
create trigger books_rules_new after insert on books referencing new table as fresh
  for each statement execute function note_changed_books();
create trigger books_rules after update on books referencing old table as old new table as fresh
  for each statement execute function note_changed_books();

-- Files of books and the people of them.
create function note_changed_parts() returns trigger language plpgsql as $$
declare
  concerned uuid[];
begin
  if not exists (select from shelves where kind = 'rule') then
    return null;
  end if;
  concerned := array(select distinct c.book_id from changed c join books b on b.id = c.book_id where b.status = 'organized');
  if concerned <> '{}' then
    perform note_rule_change(null, null, concerned);
  end if;
  return null;
end $$;
create trigger book_files_rules_new after insert on book_files referencing new table as changed
  for each statement execute function note_changed_parts();
create trigger book_files_rules_gone after delete on book_files referencing old table as changed
  for each statement execute function note_changed_parts();
create trigger book_people_rules_new after insert on book_people referencing new table as changed
  for each statement execute function note_changed_parts();
create trigger book_people_rules_gone after delete on book_people referencing old table as changed
  for each statement execute function note_changed_parts();
create function note_changed_file() returns trigger language plpgsql as $$
begin
  if exists (select from shelves where kind = 'rule') then
    perform note_rule_change(null, null, array[old.book_id, new.book_id]);
  end if;
  return null;
end $$;
create trigger book_files_rules after update on book_files for each row
  when ((old.book_id, old.format, old.duration_ms) is distinct from (new.book_id, new.format, new.duration_ms))
  execute function note_changed_file();

-- What a reader said of books, and what devices told: the three parts of readings().
create function note_changed_reading() returns trigger language plpgsql as $$
declare
  reader uuid := coalesce(new.user_id, old.user_id);
begin
  if exists (select from shelves where kind = 'rule' and user_id = reader) then
    perform note_rule_change(reader, null, array_remove(array[old.book_id, new.book_id], null));
  end if;
  return null;
end $$;
create trigger opinions_rules after insert or update or delete on opinions for each row execute function note_changed_reading();
create trigger documents_rules_new after insert on documents for each row when (new.book_id is not null)
  execute function note_changed_reading();
create trigger documents_rules after update of book_id on documents for each row when (old.book_id is distinct from new.book_id)
  execute function note_changed_reading();
create trigger documents_rules_gone after delete on documents for each row when (old.book_id is not null)
  execute function note_changed_reading();

-- A place moves with every page; what rules ask is whether the book was begun or finished, and where its reader said something of
-- it, which of the two is the later word.
create function note_changed_place() returns trigger language plpgsql as $$
declare
  book uuid;
begin
  if not exists (select from shelves where kind = 'rule' and user_id = new.user_id) then
    return null;
  end if;
  select d.book_id into book from documents d where d.user_id = new.user_id and d.document = new.document;
  if book is not null
     and (tg_op = 'INSERT' or (old.percentage >= 0.99) <> (new.percentage >= 0.99) or (old.percentage >= 0.005) <> (new.percentage >= 0.005)
          or exists (select from opinions o where o.user_id = new.user_id and o.book_id = book and o.state is not null)) then
    perform note_rule_change(new.user_id, null, array[book]);
  end if;
  return null;
end $$;
create trigger reading_progress_rules after insert or update of percentage, "timestamp" on reading_progress
  for each row execute function note_changed_place();

create function note_changed_kobo_state() returns trigger language plpgsql as $$
declare
  book uuid;
begin
  if exists (select from shelves where kind = 'rule' and user_id = new.user_id) then
    select b.id into book from books b where b.entitlement = new.entitlement;
    if book is not null then
      perform note_rule_change(new.user_id, null, array[book]);
    end if;
  end if;
  return null;
end $$;
create trigger kobo_states_rules_new after insert on kobo_states for each row execute function note_changed_kobo_state();
create trigger kobo_states_rules after update on kobo_states for each row
  when ((old.status, old.status_at, old.finished_at) is distinct from (new.status, new.status_at, new.finished_at))
  execute function note_changed_kobo_state();

-- Shelves that rules speak of, made by hand or by rule.
create function note_changed_shelf_books() returns trigger language plpgsql as $$
declare
  shelf uuid;
begin
  if exists (select from rule_shelves) then
    for shelf in select distinct c.shelf_id from changed c where exists (select from rule_shelves r where r.on_shelf = c.shelf_id) loop
      perform note_rule_change(null, shelf, array(select c.book_id from changed c where c.shelf_id = shelf));
    end loop;
  end if;
  return null;
end $$;
create trigger shelf_books_rules_new after insert on shelf_books referencing new table as changed
  for each statement execute function note_changed_shelf_books();
create trigger shelf_books_rules_gone after delete on shelf_books referencing old table as changed
  for each statement execute function note_changed_shelf_books();
create function note_changed_shelf_row() returns trigger language plpgsql as $$
begin
  if exists (select from rule_shelves r where r.on_shelf in (old.shelf_id, new.shelf_id)) then
    perform note_rule_change(null, old.shelf_id, array[old.book_id, new.book_id]);
    perform note_rule_change(null, new.shelf_id, array[old.book_id, new.book_id]);
  end if;
  return null;
end $$;
create trigger shelf_books_rules after update of shelf_id, book_id on shelf_books for each row
  when ((old.shelf_id, old.book_id) is distinct from (new.shelf_id, new.book_id)) execute function note_changed_shelf_row();
create function note_changed_shelf() returns trigger language plpgsql as $$
begin
  if exists (select from rule_shelves r where r.on_shelf = old.id) then
    perform note_rule_change(null, old.id, null);
  end if;
  return null;
end $$;
create trigger shelves_rules after update of shared on shelves for each row when (old.shared <> new.shared)
  execute function note_changed_shelf();
create trigger shelves_rules_gone after delete on shelves for each row execute function note_changed_shelf();

-- An account that sees other books than before.
create function note_changed_reader() returns trigger language plpgsql as $$
begin
  if exists (select from shelves where kind = 'rule' and user_id = new.id) then
    perform note_rule_change(new.id, null, null);
  end if;
  return null;
end $$;
create trigger users_rules after update of audience on users for each row when (old.audience <> new.audience)
  execute function note_changed_reader();
