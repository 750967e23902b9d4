#pragma once
// What a reader is at and what comes next, for statements whose $1 is the viewer and $2 the taker. Internal to library/.

// Whose place among the others is told by l.at.
#define CARREL_CONTINUED                                                                                  \
  "with marks as materialized (select r.book_id, r.state from readings($1) r where r.state = 'reading')," \
  " last as materialized (select l.book_id, l.at from last_read($1) l)"                                   \
  " select b.id, b.version from marks m join listed_books($1, $2) b on b.id = m.book_id"                  \
  " left join last l on l.book_id = m.book_id"

// Of a book that has no number it is not known whether it comes next; it stands at the end of its series.
#define CARREL_ON_DECK                                                                                                \
  "with marks as materialized (select r.book_id, r.state from readings($1) r where r.state <> 'wanted'),"             \
  " last as materialized (select l.book_id, l.at from last_read($1) l),"                                              \
  " begun as (select b.series_id, max(b.place_key) filter (where m.state = 'read') as furthest,"                      \
  "  max(l.at) filter (where m.state = 'read') as at, bool_or(m.state = 'read') as finished,"                         \
  "  bool_or(m.state = 'reading') as busy"                                                                            \
  "  from marks m join visible_books($1) b on b.id = m.book_id left join last l on l.book_id = m.book_id"             \
  "  where b.series_id is not null group by b.series_id)"                                                             \
  " select next.id, next.version from begun s cross join lateral ("                                                   \
  "  select b.id, b.version from listed_books($1, $2) b where b.series_id = s.series_id and b.place_key > s.furthest" \
  "  and not exists (select from marks m where m.book_id = b.id and m.state in ('read', 'reading', 'abandoned'))"     \
  "  order by b.place_key, b.id limit 1) next"                                                                        \
  " where s.finished and not s.busy"
