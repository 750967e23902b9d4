#pragma once
// Listed books by the viewer's stars, an order that no one index has: first the rated ones by the index of the ratings, then the
// others by id. Each part is read only as far as a page needs it. $1 is the viewer, $5 the taker, $2 and $3 the anchor's stars
// and id. Internal to library/.

// A relation with all columns of books and `stars`. WAY is < for descending order, then DESC is desc, or > and nothing.
#define CARREL_BY_STARS(WAY, DESC, LIMIT)                                                                         \
  "((select b.*, o.rating as stars from opinions o join listed_books($1, $5) b on b.id = o.book_id"               \
  "   where o.user_id = $1 and o.rating is not null and (o.rating, o.book_id) " WAY                               \
  " ($2::int, $3)"                                                                                                \
  "   order by o.rating " DESC ", o.book_id " DESC " limit " LIMIT                                                \
  ")"                                                                                                             \
  " union all (select b.*, 0::smallint from listed_books($1, $5) b"                                               \
  "   where b.id " WAY                                                                                            \
  " case when $2::int > 0 then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $3 end"                                \
  "   and not exists (select from opinions o where o.user_id = $1 and o.book_id = b.id and o.rating is not null)" \
  "   order by b.id " DESC " limit " LIMIT ")) "
