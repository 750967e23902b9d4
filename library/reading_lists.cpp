#include "library/reading_lists.hpp"

#include "library/reading_sql.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_reading{"library.opds_reading",
                                    CARREL_CONTINUED " order by l.at desc nulls last, b.id desc limit $3"};
constexpr db::statement sql_on_deck{"library.opds_on_deck", CARREL_ON_DECK " order by s.at desc nulls last, next.id limit $3"};

std::vector<book_stamp> stamps(const db::rows& rows) {
  std::vector<book_stamp> out;
  for (const db::row& r : rows) out.push_back({.id = r.id(0), .version = r.integer(1)});
  return out;
}

}  // namespace

std::vector<book_stamp> continue_reading(db::tx& tx, const uuid& viewer, taker whom, int most) {
  return stamps(tx.run(sql_reading, viewer, static_cast<int>(whom), most));
}

std::vector<book_stamp> on_deck(db::tx& tx, const uuid& viewer, taker whom, int most) {
  return stamps(tx.run(sql_on_deck, viewer, static_cast<int>(whom), most));
}

}  // namespace carrel::library
