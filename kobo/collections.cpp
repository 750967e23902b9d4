#include "kobo/collections.hpp"

#include "kobo/actions.hpp"
#include "library/shelf.hpp"
#include "library/user.hpp"
#include "server/core/json.hpp"

namespace carrel::kobo {
namespace {

constexpr std::size_t longest_name = 255;

constexpr db::statement sql_books{"kobo.books_of", R"sql(
  select b.id from unnest($2::uuid[]) with ordinality as w (entitlement, place)
    join visible_books($1) b on b.entitlement = surviving_entitlement(w.entitlement) order by w.place)sql"};
// Made by this device with just these books, and no later request has proven that it knows the id: the same request once more.
// With other books it is another collection, of which several may have one name (11).
constexpr db::statement sql_unheard{"kobo.unheard_collection", R"sql(
  select s.id from shelves s join kobo_ledger l on l.kobo_id = $2 and l.subject = 3 and l.id = s.id
   where s.user_id = $1 and s.origin = 'device' and s.name = $3 and l.delivered_at is null
     and array(select sb.book_id from shelf_books sb where sb.shelf_id = s.id order by 1) = array(select distinct u from unnest($4::uuid[]) u order by 1)
   order by s.created_at limit 1)sql"};
constexpr db::statement sql_lock{"kobo.lock_collection", R"sql(
  select s.origin = 'device' and not exists (select from device_shelves ds where ds.shelf_id = s.id)
    from shelves s where s.id = $1 and s.user_id = $2 for update)sql"};
constexpr db::statement sql_taken{"kobo.name_taken", R"sql(
  select from shelves a, shelves b
   where a.id = $1 and a.origin = '' and b.user_id = a.user_id and b.origin = '' and b.id <> a.id and b.name_key = $2)sql"};

// What a name may not hold is left out, and what is too long is cut, rather than refused: the device shows it already.
std::string name_from(std::string_view sent) { return library::fit_name(sent, longest_name); }

std::vector<uuid> books_of(db::tx& tx, const kobo_row& k, const std::vector<uuid>& entitlements) {
  std::vector<uuid> out;
  if (entitlements.empty()) return out;
  for (const db::row& r : tx.run(sql_books, k.ids.user, entitlements)) out.push_back(r.id(0));
  return out;
}

void say_again(db::tx& tx, const kobo_row& k, const uuid& tag) { doubt_everywhere(tx, k.ids.row, subject::tag, {tag}); }

// A refusal would be repeated at every sync: the device hears that it is made, and then that it is gone.
uuid refused_collection(db::tx& tx, const kobo_row& k, const std::string& name) {
  uuid id = uuid::make();
  announce(tx, k.ids.row, {{subject::tag, id, name}});
  say_again(tx, k, id);
  return id;
}

}  // namespace

std::optional<sent_collection> read_collection(std::string_view body) {
  result<json::object> whole = json::read_object(body);
  if (!whole) return std::nullopt;
  sent_collection out;
  std::string text;
  if (whole->take("Name", text)) out.name = name_from(text);
  if (out.name && out.name->empty()) out.name.reset();
  const json::value* items = whole->find("Items");
  if (items == nullptr || items->as_array() == nullptr) return out;
  for (const json::value& v : *items->as_array()) {
    const json::object* item = v.as_object();
    std::string type, id;
    if (item == nullptr || !item->take("RevisionId", id)) continue;
    if (item->take("Type", type) && type != "ProductRevisionTagItem") continue;
    if (std::optional<uuid> entitlement = uuid::parse(id)) out.entitlements.push_back(*entitlement);
  }
  return out;
}

uuid create_collection(db::tx& tx, const kobo_row& k, const sent_collection& sent) {
  CARREL_EXPECT(sent.name.has_value());
  if (k.wishes.read_only) return refused_collection(tx, k, *sent.name);
  std::vector<uuid> books = books_of(tx, k, sent.entitlements);
  db::rows before = tx.run(sql_unheard, k.ids.user, k.ids.row, *sent.name, books);
  uuid id = before.empty() ? library::create_device_list(tx, k.ids.user, *sent.name).value() : before[0].id(0);
  announce(tx, k.ids.row, {{subject::tag, id, *sent.name}});
  library::add_to_shelf(tx, k.ids.user, id, books);
  say_again(tx, k, id);
  return id;
}

void rename_collection(db::tx& tx, const kobo_row& k, const uuid& tag, const std::string& name) {
  bool taken = !tx.run(sql_taken, tag, library::name_key(name)).empty();
  library::shelf_change wish;
  wish.name = name;
  if (!taken && !k.wishes.read_only) (void)library::change_shelf(tx, k.ids.user, tag, wish);
  say_again(tx, k, tag);
}

void change_collection(db::tx& tx, const kobo_row& k, const uuid& tag, const std::vector<uuid>& entitlements, bool add) {
  std::vector<uuid> books = books_of(tx, k, entitlements);
  if (k.wishes.read_only) books.clear();
  if (add)
    library::add_to_shelf(tx, k.ids.user, tag, books);
  else
    library::remove_from_shelf(tx, k.ids.user, tag, books);
  say_again(tx, k, tag);
}

void delete_collection(db::tx& tx, const kobo_row& k, const uuid& tag) {
  db::rows own = tx.run(sql_lock, tag, k.ids.user);
  if (!own.empty() && own[0].flag(0) && !k.wishes.read_only)
    library::delete_shelf(tx, k.ids.user, tag);
  else
    hide_collection(tx, k, tag);
  say_again(tx, k, tag);
}

}  // namespace carrel::kobo
