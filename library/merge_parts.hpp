#pragma once
// What belongs to a book, table by table, and what a merge does with it. Internal to library/.
//
// Every column of the schema that names a book, a file of a book or a book's id on Kobos is in merge_decisions(); a test compares
// that with the schema, so whoever adds a table decides here.

#include <span>
#include <string_view>

#include "server/db/statement.hpp"

namespace carrel::library {

// `move`: $1 the book that stays, $2 the other one; answers what has to be known to go back (jsonb, null: nothing happened), and
// how many things that were. `back`: the same two and these rows; answers how many of them have changed since and stay where they
// are.
struct merge_part {
  const char* relation;
  db::statement move, back;
};

// In the order in which things are moved, those of e-readers first; back they go the other way round.
std::span<const merge_part> merge_parts_of_kobos();
std::span<const merge_part> merge_parts_of_books();

struct merge_decision {
  std::string_view table, column;
  std::string_view
      fate;  // moves: to the book that stays; follows: names a file, which moves; stays: with the hidden book or its id
  std::string_view why;
};
std::span<const merge_decision> merge_decisions();

}  // namespace carrel::library
