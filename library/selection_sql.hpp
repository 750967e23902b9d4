#pragma once
// The statements of selection.cpp. All take the same parameters: $1 viewer, $2 and $3 the anchor's key and id, $4 how many, $5
// the taker, $6 the source and $7, $8, $9 its id, word and number, $10 language, $11 format, $12 states of reading, $13 library,
// $14 the anchor's second key. Internal to library/.

#include "library/catalog.hpp"

namespace carrel::library::selection_sql {

// Of newest, title, author, published or rated order. The first column says that there are more books than are sorted; then there
// is no other row.
const db::statement& of_few(list::of order, bool forward);
// The same along the order; what is met among the next few thousand books.
const db::statement& of_many(list::of order, bool forward);
const db::statement& last_looked_at(list::of order, bool forward);  // nothing when those were the last
// Of a person, a series, a shelf or what is popular in the order that it has itself.
const db::statement& of_its_own(list::of order, bool forward);

}  // namespace carrel::library::selection_sql
