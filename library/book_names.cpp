#include <algorithm>
#include <cstdio>

#include "library/book_names.hpp"
#include "library/book_parts.hpp"
#include "publication/unicode.hpp"
#include "server/core/digest.hpp"
#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_add_people{"library.add_people", R"sql(
  insert into people (id, name, name_key, sort_name, sort_key, letter)
  select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      on conflict (name_key) do nothing)sql"};
constexpr db::statement sql_people{"library.people_by_key", "select name_key, id from people where name_key = any ($1::text[])"};

constexpr db::statement sql_add_tags{"library.add_tags", R"sql(
  insert into tags (id, name, name_key, slug, sort_key, letter)
  select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      on conflict (name_key) do nothing)sql"};
constexpr db::statement sql_tags{"library.tags_by_key", "select name_key, id from tags where name_key = any ($1::text[])"};

constexpr db::statement sql_add_series{"library.add_series", R"sql(
  insert into series (id, name, name_key, sort_key, letter) values ($1, $2, $3, $4, $5) on conflict (name_key) do nothing)sql"};
constexpr db::statement sql_series{"library.series_by_key", "select name_key, id from series where name_key = $1"};

constexpr db::statement sql_spelt{"library.person_spelt",
                                  "select id, name, sort_name from people where name_key = $1 for update"};
constexpr db::statement sql_respell_person{"library.respell_person", R"sql(
  update people set name = $2, sort_name = $3, sort_key = $4, letter = $5 where id = $1)sql"};
constexpr db::statement sql_respell_author{"library.respell_author", R"sql(
  update books b set author = w.author, version = version + 1, updated_at = greatest(clock_timestamp(), updated_at)
    from (select bp.book_id, string_agg(p.name, ' & ' order by bp.position) as author
            from book_people bp join people p on p.id = bp.person_id
           where bp.role = 'aut' and bp.book_id in (select a.book_id from book_people a where a.person_id = $1)
           group by bp.book_id) w
   where b.id = w.book_id and b.author <> w.author)sql"};
constexpr db::statement sql_respell_series{"library.respell_series", R"sql(
  with named as (update series set name = $2 where name_key = $1 and name <> $2 returning id)
  update books b set version = version + 1, updated_at = greatest(clock_timestamp(), updated_at)
    from named where b.series_id = named.id)sql"};

std::map<std::string, uuid> ids_from(const db::rows& rows) {
  std::map<std::string, uuid> out;
  for (const db::row& r : rows) out.emplace(r.text(0), r.id(1));
  return out;
}

// One name as it is stored, in the columns of the insert statements.
struct name_row {
  std::string name, key, third, sort_key, letter;
};

std::map<std::string, uuid> find_or_add(db::tx& tx, const db::statement& find, const db::statement& add,
                                        std::vector<name_row> wanted) {
  std::sort(wanted.begin(), wanted.end(), [](const name_row& a, const name_row& b) { return a.key < b.key; });
  wanted.erase(std::unique(wanted.begin(), wanted.end(), [](const name_row& a, const name_row& b) { return a.key == b.key; }),
               wanted.end());
  if (wanted.empty()) return {};

  std::vector<std::string> keys;
  keys.reserve(wanted.size());
  for (const name_row& n : wanted) keys.push_back(n.key);
  std::map<std::string, uuid> known = ids_from(tx.run(find, keys));
  if (known.size() == wanted.size()) return known;

  std::vector<uuid> ids;
  std::vector<std::string> names, new_keys, thirds, sort_keys, letters;
  for (name_row& n : wanted) {
    if (known.contains(n.key)) continue;
    ids.push_back(uuid::make());
    names.push_back(std::move(n.name));
    new_keys.push_back(n.key);
    thirds.push_back(std::move(n.third));
    sort_keys.push_back(std::move(n.sort_key));
    letters.push_back(std::move(n.letter));
  }
  tx.run(add, ids, names, new_keys, thirds, sort_keys, letters);
  return ids_from(tx.run(find, keys));
}

// A stable word for category terms (opds.md 5.6): lower case, blanks to dashes.
std::string slug_of(const std::string& name) {
  std::string slug = publication::fold(name);
  std::replace(slug.begin(), slug.end(), ' ', '-');
  return slug.empty() ? "tag-" + md5_hex(name).substr(0, 8) : slug;
}

}  // namespace

std::string key_of_name(const std::string& name) {
  std::string key = publication::fold(name);
  return key.empty() ? name : key;  // names made of symbols only
}

std::map<std::string, uuid> people_ids(db::tx& tx, const std::vector<publication::person>& people) {
  std::vector<name_row> wanted;
  for (const publication::person& p : people) {
    std::string sort = p.sort.empty() ? publication::author_sort(p.name) : p.sort;
    std::string sort_key = publication::sort_key(sort);
    std::string letter = publication::index_letter(sort_key);
    wanted.push_back({p.name, key_of_name(p.name), sort, sort_key, letter});
  }
  return find_or_add(tx, sql_people, sql_add_people, std::move(wanted));
}

std::map<std::string, uuid> tag_ids(db::tx& tx, const std::vector<std::string>& tags) {
  std::vector<name_row> wanted;
  for (const std::string& name : tags) {
    std::string sort_key = publication::sort_key(name);
    std::string letter = publication::index_letter(sort_key);
    wanted.push_back({name, key_of_name(name), slug_of(name), sort_key, letter});
  }
  return find_or_add(tx, sql_tags, sql_add_tags, std::move(wanted));
}

std::optional<uuid> series_id(db::tx& tx, const std::string& name) {
  if (name.empty()) return std::nullopt;
  std::string key = key_of_name(name);
  db::rows known = tx.run(sql_series, key);
  if (known.empty()) {
    std::string sort_key = publication::sort_key(name);
    tx.run(sql_add_series, uuid::make(), name, key, sort_key, publication::index_letter(sort_key));
    known = tx.run(sql_series, key);
  }
  CARREL_EXPECT(known.size() == 1);
  return known[0].id(1);
}

namespace {

void respell_person(db::tx& tx, const publication::person& p) {
  db::rows there = tx.run(sql_spelt, key_of_name(p.name));
  if (there.empty() || there[0].text(1) == p.name) return;
  // An order that somebody chose stays.
  std::string sort = there[0].text(2);
  if (sort == publication::author_sort(there[0].text(1))) sort = publication::author_sort(p.name);
  std::string key = publication::sort_key(sort);
  tx.run(sql_respell_person, there[0].id(0), p.name, sort, key, publication::index_letter(key));
  tx.run(sql_respell_author, there[0].id(0));
}

}  // namespace

void respell_names(db::tx& tx, const book_fields& before, const book_fields& after) {
  auto respelt = [](const std::string& was, const std::string& is) { return was != is && key_of_name(was) == key_of_name(is); };
  auto people = [&](const std::vector<publication::person>& was, const std::vector<publication::person>& is) {
    for (const publication::person& p : is) {
      bool other = std::any_of(was.begin(), was.end(), [&](const publication::person& o) { return respelt(o.name, p.name); });
      if (other) respell_person(tx, p);
    }
  };
  people(before.authors, after.authors);
  people(before.contributors, after.contributors);
  if (respelt(before.series, after.series)) tx.run(sql_respell_series, key_of_name(after.series), after.series);
}

std::string place_key(const std::string& series, const std::optional<double>& index, const std::string& title_key) {
  // Books outside a series come after those in one, books without a number after those with one (ingest.md 17.9).
  char number[24] = "~";
  if (index) std::snprintf(number, sizeof number, "%013.3f", *index);
  return publication::sort_key(series) + '\x01' + number + '\x01' + title_key;
}

}  // namespace carrel::library
