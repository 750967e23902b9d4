#include "library/random_books.hpp"

#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_random{"library.random_books", R"sql(
  select b.id, b.version, b.random
    from listed_books($1, $2) b
   where (b.random, b.id) > ($3::float8, $4) and b.random < $5::float8
   order by b.random, b.id
   limit $6)sql"};

constexpr double before_all = -1, beyond_all = 2;  // numbers are between 0 and 1

}  // namespace

random_page random_books(db::tx& tx, const uuid& viewer, const random_walk& from, taker whom, int limit) {
  random_page out;
  random_walk at = from;
  auto want = static_cast<std::size_t>(limit);
  // One row more than is shown tells that the walk goes on.
  auto read = [&] {
    double end = at.wrapped ? at.pivot : beyond_all;
    auto missing = static_cast<int>(want + 1 - out.books.size());
    for (const db::row& r : tx.run(sql_random, viewer, static_cast<int>(whom), at.at, at.id, end, missing)) {
      if (out.books.size() == want) {
        out.next = at;
        return;
      }
      out.books.push_back({.id = r.id(0), .version = r.integer(1)});
      at.at = r.real(2);
      at.id = r.id(0);
    }
  };
  read();
  if (out.next || at.wrapped) return out;
  at = {.pivot = at.pivot, .at = before_all, .id = {}, .wrapped = true};
  read();
  return out;
}

std::string to_key(const random_walk& w) { return shortest(w.pivot) + " " + shortest(w.at) + (w.wrapped ? " w" : ""); }

std::optional<random_walk> random_walk_from(const std::string& key, const uuid& id) {
  std::vector<std::string> parts = split(key, ' ');
  if (parts.size() < 2 || parts.size() > 3 || (parts.size() == 3 && parts[2] != "w")) return std::nullopt;
  std::optional<double> pivot = to_double(parts[0]), at = to_double(parts[1]);
  if (!pivot || !at) return std::nullopt;
  return random_walk{.pivot = *pivot, .at = *at, .id = id, .wrapped = parts.size() == 3};
}

}  // namespace carrel::library
