#include <algorithm>
#include <cstdio>

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

std::string place_key(const std::string& series, const std::optional<double>& index, const std::string& title_key) {
  // Books outside a series come after those in one, books without a number after those with one (ingest.md 17.9).
  char number[24] = "~";
  if (index) std::snprintf(number, sizeof number, "%013.3f", *index);
  return publication::sort_key(series) + '\x01' + number + '\x01' + title_key;
}

}  // namespace carrel::library
