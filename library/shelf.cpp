#include "library/shelf.hpp"

#include "library/kobo_acts.hpp"
#include "library/revision.hpp"
#include "library/storable.hpp"
#include "library/user.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr std::size_t longest_shelf_name = 255;

// $2: one shelf; $3: a name; $4: those that hold a book.
constexpr db::statement sql_shelves{"library.shelves", R"sql(
  select id, user_id, owner, name, kind, collection, opds, shared, books, created_at, updated_at, origin = 'device'
    from (select s.*, o.name as owner, o.name_key as owner_key, s.user_id = v.id as own, v.unlimited,
                 (select count(*) from shelf_books sb join visible_books($1) b on b.id = sb.book_id
                   where sb.shelf_id = s.id and b.offered >= $5 and ($5 = 0 or b.status = 'organized')) as books
            from shelves s
            join users o on o.id = s.user_id
            join users v on v.id = $1
           where (s.user_id = v.id or (s.shared and o.disabled_at is null))
             and ($2::uuid is null or s.id = $2)
             and ($3::text is null or s.name_key = $3)
             and ($4::uuid is null or exists (select from shelf_books sb join visible_books($1) b on b.id = sb.book_id
                                               where sb.shelf_id = s.id and sb.book_id = $4))) seen
   where own or unlimited or books > 0
   order by not own, case when own then '' else owner_key end, position, name_key, id)sql"};

constexpr db::statement sql_called{"library.shelves_called", R"sql(
  select s.id, s.user_id from shelves s where s.id = $1 or s.name_key = $2 order by s.id = $1 desc, s.created_at, s.id)sql"};

constexpr db::statement sql_create{"library.create_shelf", R"sql(
  insert into shelves (id, user_id, name, name_key, collection, origin) values ($1, $2, $3, $4, $5, $6))sql"};

constexpr db::statement sql_lock{"library.lock_shelf", R"sql(
  select shared, kind from shelves where id = $1 and user_id = $2 for update)sql"};

constexpr db::statement sql_change{"library.change_shelf", R"sql(
  update shelves
     set name = coalesce($2, name), name_key = coalesce($3, name_key), collection = coalesce($4, collection),
         opds = coalesce($5, opds), shared = coalesce($6, shared), updated_at = now()
   where id = $1
     and (name, collection, opds, shared)
         is distinct from (coalesce($2, name), coalesce($4, collection), coalesce($5, opds), coalesce($6, shared)))sql"};

constexpr db::statement sql_delete{"library.delete_shelf", "delete from shelves where id = $1"};

constexpr db::statement sql_add{"library.add_to_shelf", R"sql(
  insert into shelf_books (shelf_id, book_id, position)
  select $1::uuid, b.id, coalesce((select max(position) from shelf_books where shelf_id = $1), 0) + q.place
    from unnest($3::uuid[]) with ordinality q(book, place)
    join visible_books($2) b on b.id = q.book
   order by q.place
      on conflict do nothing)sql"};

constexpr db::statement sql_remove{"library.remove_from_shelf", R"sql(
  delete from shelf_books where shelf_id = $1 and book_id = any ($2::uuid[]))sql"};

constexpr db::statement sql_touch{"library.touch_shelf", "update shelves set updated_at = now() where id = $1"};

constexpr db::statement sql_books{"library.shelf_books", R"sql(
  select b.id
    from shelf_books sb
    join shelves s on s.id = sb.shelf_id
    join users o on o.id = s.user_id
    join visible_books($1) b on b.id = sb.book_id
   where sb.shelf_id = $2 and (s.user_id = $1 or (s.shared and o.disabled_at is null))
   order by sb.position, sb.book_id)sql"};

constexpr db::statement sql_fed{"library.devices_fed", R"sql(
  select ds.device_id
    from device_shelves ds
    join devices d on d.id = ds.device_id
   where ds.shelf_id = $1 and d.revoked_at is null
   order by ds.added_at, ds.device_id)sql"};

shelf shelf_from(const db::row& r) {
  shelf s;
  s.id = r.id(0);
  s.user_id = r.id(1);
  s.user_name = r.text(2);
  s.name = r.text(3);
  s.kind = r.text(4);
  s.collection = r.flag(5);
  s.opds = r.flag(6);
  s.shared = r.flag(7);
  s.count = r.integer(8);
  s.created_at = r.at(9);
  s.updated_at = r.at(10);
  s.made_on_device = r.flag(11);
  return s;
}

std::vector<shelf> find(db::tx& tx, const uuid& viewer, const std::optional<uuid>& id, const std::optional<std::string>& key,
                        const std::optional<uuid>& book, taker whom = taker::page) {
  std::vector<shelf> out;
  for (const db::row& r : tx.run(sql_shelves, viewer, id, key, book, static_cast<int>(whom))) out.push_back(shelf_from(r));
  return out;
}

struct locked_shelf {
  bool shared = false, by_hand = true;
};

std::optional<locked_shelf> lock(db::tx& tx, const uuid& user, const uuid& shelf) {
  db::rows rows = tx.run(sql_lock, shelf, user);
  if (rows.empty()) return std::nullopt;
  return locked_shelf{.shared = rows[0].flag(0), .by_hand = rows[0].text(1) == "hand"};
}

result<uuid> insert(db::tx& tx, const uuid& user, const std::string& name, bool collection, std::string_view origin) {
  result<std::string> checked = check_name(name, longest_shelf_name);
  if (!checked) return checked.error();
  uuid id = uuid::make();
  tx.run(sql_create, id, user, *checked, name_key(*checked), collection, origin);
  bump_state(tx, user);
  return id;
}

// What others see of a shared shelf is part of the catalog they read.
void changed(db::tx& tx, const uuid& user, bool shared) {
  bump_state(tx, user);
  if (shared) bump_revision(tx);
}

}  // namespace

std::vector<shelf> shelves(db::tx& tx, const uuid& viewer) { return shelves_for(tx, viewer, taker::page); }

std::vector<shelf> shelves_for(db::tx& tx, const uuid& viewer, taker whom) {
  return find(tx, viewer, std::nullopt, std::nullopt, std::nullopt, whom);
}

std::optional<shelf> find_shelf(db::tx& tx, const uuid& viewer, const uuid& shelf) {
  std::vector<library::shelf> found = find(tx, viewer, shelf, std::nullopt, std::nullopt);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::optional<shelf> find_shelf_named(db::tx& tx, const uuid& viewer, std::string_view id_or_name) {
  if (std::optional<uuid> id = uuid::parse(trim(id_or_name))) {
    if (std::optional<shelf> found = find_shelf(tx, viewer, *id)) return found;
  }
  if (!check_name(id_or_name, longest_shelf_name)) return std::nullopt;
  std::vector<shelf> found = find(tx, viewer, std::nullopt, name_key(id_or_name), std::nullopt);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<shelf> shelves_called(db::tx& tx, std::string_view id_or_name) {
  std::optional<uuid> id = uuid::parse(trim(id_or_name));
  std::optional<std::string> key;
  if (check_name(id_or_name, longest_shelf_name)) key = name_key(id_or_name);
  std::vector<shelf> out;
  for (const db::row& r : tx.run(sql_called, id, key)) {
    std::optional<shelf> found = find_shelf(tx, r.id(1), r.id(0));
    if (!found) continue;
    out.push_back(std::move(*found));
    if (id && out.back().id == *id) break;  // an id is meant, not a name that looks like one
  }
  return out;
}

result<shelf> create_shelf(db::tx& tx, const uuid& user, const std::string& name, bool collection) {
  result<uuid> id = insert(tx, user, name, collection, "");
  if (!id) return id.error();
  std::optional<shelf> made = find_shelf(tx, user, *id);
  CARREL_EXPECT(made.has_value());
  return std::move(*made);
}

result<uuid> create_device_list(db::tx& tx, const uuid& user, const std::string& name) {
  return insert(tx, user, name, true, "device");
}

result<bool> change_shelf(db::tx& tx, const uuid& user, const uuid& shelf, const shelf_change& c) {
  std::optional<std::string> name, key;
  if (c.name) {
    result<std::string> checked = check_name(*c.name, longest_shelf_name);
    if (!checked) return checked.error();
    key = name_key(*checked);
    name = std::move(*checked);
  }
  std::optional<locked_shelf> before = lock(tx, user, shelf);
  if (!before || tx.run(sql_change, shelf, name, key, c.collection, c.opds, c.shared).affected() == 0) return false;
  if (before->shared && !c.shared.value_or(true)) forget_removed(tx, devices_fed(tx, shelf));
  changed(tx, user, before->shared || c.shared.value_or(false));
  return true;
}

bool delete_shelf(db::tx& tx, const uuid& user, const uuid& shelf) {
  std::optional<locked_shelf> before = lock(tx, user, shelf);
  if (!before) return false;
  std::vector<uuid> fed = devices_fed(tx, shelf);
  tx.run(sql_delete, shelf);
  forget_removed(tx, fed);
  changed(tx, user, before->shared);
  return true;
}

int add_to_shelf(db::tx& tx, const uuid& user, const uuid& shelf, const std::vector<uuid>& books) {
  std::optional<locked_shelf> before = lock(tx, user, shelf);
  if (!before || !before->by_hand) return 0;
  std::size_t added = tx.run(sql_add, shelf, user, books).affected();
  if (added == 0) return 0;
  tx.run(sql_touch, shelf);
  changed(tx, user, before->shared);
  return static_cast<int>(added);
}

int remove_from_shelf(db::tx& tx, const uuid& user, const uuid& shelf, const std::vector<uuid>& books) {
  std::optional<locked_shelf> before = lock(tx, user, shelf);
  if (!before || !before->by_hand) return 0;
  std::size_t removed = tx.run(sql_remove, shelf, books).affected();
  if (removed == 0) return 0;
  tx.run(sql_touch, shelf);
  forget_removed(tx, devices_fed(tx, shelf));
  changed(tx, user, before->shared);
  return static_cast<int>(removed);
}

std::vector<uuid> shelf_books(db::tx& tx, const uuid& viewer, const uuid& shelf) {
  std::vector<uuid> out;
  for (const db::row& r : tx.run(sql_books, viewer, shelf)) out.push_back(r.id(0));
  return out;
}

std::vector<shelf> shelves_of_book(db::tx& tx, const uuid& viewer, const uuid& book) {
  return find(tx, viewer, std::nullopt, std::nullopt, book);
}

std::vector<uuid> devices_fed(db::tx& tx, const uuid& shelf) {
  std::vector<uuid> out;
  for (const db::row& r : tx.run(sql_fed, shelf)) out.push_back(r.id(0));
  return out;
}

}  // namespace carrel::library
