-- 0018_shelf_entitlements.sql
-- A collection on a Kobo is a list of ids by which Kobos know books. It is read for whole shelves, so the list has them itself.

alter table shelf_books add column entitlement uuid;
update shelf_books sb set entitlement = b.entitlement from books b where b.id = sb.book_id;
alter table shelf_books alter column entitlement set not null;

create function know_entitlement() returns trigger language plpgsql as $$
begin
  new.entitlement := (select entitlement from books where id = new.book_id);
  return new;
end $$;
create trigger shelf_books_known before insert or update of book_id on shelf_books for each row execute function know_entitlement();

drop index shelf_books_order;
create index shelf_books_order on shelf_books (shelf_id, position, book_id) include (entitlement);
