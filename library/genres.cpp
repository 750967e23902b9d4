#include "library/genres.hpp"

#include <algorithm>
#include <map>

#include "library/book_parts.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_genres{"library.genres_of_subjects", R"sql(
  select name_key, genre from genre_aliases where name_key = any ($1::text[]) and genre <> '')sql"};
constexpr db::statement sql_names{"library.names_of_genres", "select name_key from genre_aliases where genre = any ($1::text[])"};

}  // namespace

publication::metadata with_genres(db::tx& tx, publication::metadata m) {
  if (m.subjects.empty()) return m;
  std::vector<std::string> keys;
  for (const std::string& subject : m.subjects) keys.push_back(key_of_name(subject));
  std::map<std::string, std::string> known;
  for (const db::row& r : tx.run(sql_genres, keys)) known.emplace(r.text(0), r.text(1));
  if (known.empty()) return m;

  std::vector<std::string> rest;
  for (std::size_t i = 0; i < m.subjects.size(); ++i) {
    auto genre = known.find(keys[i]);
    if (genre == known.end())
      rest.push_back(std::move(m.subjects[i]));
    else if (std::find(m.genres.begin(), m.genres.end(), genre->second) == m.genres.end())
      m.genres.push_back(genre->second);
  }
  m.subjects = std::move(rest);
  return m;
}

std::vector<std::string> keys_of_genres(db::tx& tx, const std::vector<std::string>& genres) {
  std::vector<std::string> out;
  if (genres.empty()) return out;
  for (const std::string& genre : genres) out.push_back(key_of_name(genre));
  for (const db::row& r : tx.run(sql_names, genres)) out.push_back(r.text(0));
  return out;
}

}  // namespace carrel::library
