#include "library/labels.hpp"

#include <map>

#include "publication/unicode.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_known{"library.labels_by_key", R"sql(
  select l.id
    from unnest($1::text[], $2::text[]) as w (kind, name_key)
    join labels l on l.kind = w.kind and l.name_key = w.name_key)sql"};

constexpr db::statement sql_add{"library.add_labels", R"sql(
  insert into labels (id, kind, name, name_key, sort_key, letter)
  select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      on conflict (kind, name_key) do nothing)sql"};

constexpr db::statement sql_write{"library.write_book_labels", R"sql(
  with gone as (delete from book_labels where book_id = $1 and label_id <> all ($2::uuid[]))
  insert into book_labels (book_id, label_id, added_at)
  select $1, l, (select created_at from books where id = $1) from unnest($2::uuid[]) as l
      on conflict do nothing)sql"};

using label_key = std::pair<std::string, std::string>;  // kind, folded name; inserted in order, as other names are

std::map<label_key, std::string> wanted_of(const book_fields& f) {
  std::map<label_key, std::string> out;
  for (const std::string& genre : f.genres) out.emplace(label_key{"genre", key_of_name(genre)}, genre);
  if (!f.publisher.empty()) out.emplace(label_key{"publisher", key_of_name(f.publisher)}, f.publisher);
  return out;
}

std::vector<uuid> known_of(db::tx& tx, const std::map<label_key, std::string>& wanted) {
  std::vector<std::string> kinds, keys;
  for (const auto& [key, name] : wanted) kinds.push_back(key.first), keys.push_back(key.second);
  std::vector<uuid> out;
  for (const db::row& r : tx.run(sql_known, kinds, keys)) out.push_back(r.id(0));
  return out;
}

void add(db::tx& tx, const std::map<label_key, std::string>& wanted) {
  std::vector<uuid> ids;
  std::vector<std::string> kinds, names, keys, sort_keys, letters;
  for (const auto& [key, name] : wanted) {
    ids.push_back(uuid::make());
    kinds.push_back(key.first);
    names.push_back(name);
    keys.push_back(key.second);
    sort_keys.push_back(publication::sort_key(name));
    letters.push_back(publication::index_letter(sort_keys.back()));
  }
  tx.run(sql_add, ids, kinds, names, keys, sort_keys, letters);
}

}  // namespace

void write_labels(db::tx& tx, const uuid& book, const book_fields& f) {
  std::map<label_key, std::string> wanted = wanted_of(f);
  std::vector<uuid> ids;
  if (!wanted.empty()) ids = known_of(tx, wanted);
  if (ids.size() < wanted.size()) {
    add(tx, wanted);
    ids = known_of(tx, wanted);
  }
  tx.run(sql_write, book, ids);
}

}  // namespace carrel::library
