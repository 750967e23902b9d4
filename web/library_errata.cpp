#include "web/library_errata.hpp"

#include <algorithm>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"
#include "web/reachable_libraries.hpp"

namespace carrel::web {
namespace {

constexpr std::size_t longest_path = 500;

#define CARREL_WITHIN_LIMITS                                                                                        \
  "exists (select from users u where u.id = $1 and u.disabled_at is null and (u.library_ids is null or l.id = any " \
  "(u.library_ids)))"
constexpr db::statement sql_places{"web.unread_places", R"sql(
  select f.id, l.id, l.name, f.place, f.code, f.detail, f.found_at from library_files f join libraries l on l.id = f.library_id
   where f.state = 'refused' and f.dismissed_at is null and l.removed_at is null
     and )sql" CARREL_WITHIN_LIMITS R"sql(
   order by f.found_at desc, f.id limit $2)sql"};
constexpr db::statement sql_sees{"web.sees_place", R"sql(
  select 1 from library_files f join libraries l on l.id = f.library_id
   where f.id = $2 and f.state = 'refused' and l.removed_at is null and )sql" CARREL_WITHIN_LIMITS};
#undef CARREL_WITHIN_LIMITS
constexpr db::statement sql_of{"web.places_of_library", R"sql(
  select f.id, l.id, l.name, f.place, f.code, f.detail, f.found_at from library_files f join libraries l on l.id = f.library_id
   where f.library_id = $1 and f.state = 'refused'
     and f.place > coalesce((select place from library_files where library_id = $1 and id = $2), '')
   order by f.place limit $3)sql"};
constexpr db::statement sql_damaged{"web.damaged_files", R"sql(
  select f.id, b.id, b.title, f.original_name, f.damaged_since from book_files f join visible_books($1) b on b.id = f.book_id
   where f.damaged_since is not null order by f.damaged_since desc, f.id desc limit $2)sql"};
constexpr db::statement sql_unmoved{"web.unmoved_books", R"sql(
  select b.id, b.title, o.problem, o.at from organised_books o join visible_books($1) b on b.id = o.book_id
   where o.problem <> '' and o.problem <> 'file_missing' order by o.at desc, b.id limit $2)sql"};
constexpr db::statement sql_unwritten{"web.unwritten_books", R"sql(
  select b.id, b.title, w.problem, w.detail, w.at
    from written_books w
    join visible_books($1) b on b.id = w.book_id and b.library_id = w.library_id
    join libraries l on l.id = w.library_id and l.write_back <> ''
   where w.state = 'failed' and w.problem <> 'file_missing' order by w.at desc, b.id limit $2)sql"};
constexpr db::statement sql_dismiss{"web.dismiss_place", R"sql(
  update library_files set dismissed_at = case when $2 then now() end
   where id = $1 and state = 'refused' and (dismissed_at is null) = $2)sql"};

std::vector<unread_place> places_from(const db::rows& rows) {
  std::vector<unread_place> out;
  for (const db::row& r : rows) {
    std::string path = r.raw(3);
    std::replace(path.begin(), path.end(), '\0', '/');
    path = publication::clean_text(replace_invalid_utf8(path), longest_path);
    out.push_back({r.id(0), r.id(1), r.text(2), std::move(path), r.text(4), r.text(5), r.at(6)});
  }
  return out;
}

}  // namespace

library_errata load_library_errata(db::tx& tx, const uuid& viewer, int most) {
  library_errata out;
  for (const library::book_library& l : reachable_libraries(tx, viewer)) {
    if (!l.trouble.empty()) out.folders.push_back({l.id, l.name, l.root, l.trouble, l.trouble_since.value_or(l.created_at)});
  }
  out.places = places_from(tx.run(sql_places, viewer, most));
  for (const db::row& r : tx.run(sql_damaged, viewer, most))
    out.damaged.push_back({r.id(0), r.id(1), r.text(2), r.text(3), r.at(4)});
  for (const db::row& r : tx.run(sql_unmoved, viewer, most)) out.unmoved.push_back({r.id(0), r.text(1), r.text(2), "", r.at(3)});
  for (const db::row& r : tx.run(sql_unwritten, viewer, most))
    out.unwritten.push_back({r.id(0), r.text(1), r.text(2), r.text(3), r.at(4)});
  return out;
}

std::vector<unread_place> unread_places(db::tx& tx, const uuid& library, const std::optional<uuid>& after, int most) {
  return places_from(tx.run(sql_of, library, after, most));
}

bool sees_place(db::tx& tx, const uuid& viewer, const uuid& place) { return !tx.run(sql_sees, viewer, place).empty(); }

bool set_place_dismissed(db::tx& tx, const uuid& viewer, const uuid& place, bool dismissed) {
  return sees_place(tx, viewer, place) && tx.run(sql_dismiss, place, dismissed).affected() > 0;
}

}  // namespace carrel::web
