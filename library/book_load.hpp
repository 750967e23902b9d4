#pragma once
// Books as rows. Internal to library/.

#include "library/book.hpp"

// Everything a list or page shows of its books, whatever their number, in one statement (opds.md 14.2): of the viewer $1 the
// books $2. The lists inside a row are text arrays: members of one entry follow each other.
#define CARREL_LOAD_BOOKS(columns, joins)                                                                                       \
  "select b.id, b.status, b.title, b.subtitle, b.title_sort, b.series_id, s.name, b.series_index, b.series_index_text, "        \
  "       b.languages, b.identifiers, b.description, b.description_text, b.publisher, b.published_on, b.genres, b.page_count, " \
  "       c.id, c.sha256, c.storage_path, c.width, c.height, b.locked_fields, b.possible_duplicate_of, b.version, "             \
  "       b.created_at, b.updated_at, p.people, t.tags, f.files" columns                                                        \
  "  from unnest($2::uuid[]) with ordinality as want (id, place) "                                                              \
  "  join visible_books($1) b on b.id = want.id "                                                                               \
  "  left join series s on s.id = b.series_id "                                                                                 \
  "  left join covers c on c.id = b.cover_id "                                                                                  \
  "  left join lateral ( "                                                                                                      \
  "    select array_agg(array[people.id::text, people.name, people.sort_name, bp.role] "                                        \
  "                     order by bp.role <> 'aut', bp.position) as people "                                                     \
  "      from book_people bp join people on people.id = bp.person_id "                                                          \
  "     where bp.book_id = b.id) p on true "                                                                                    \
  "  left join lateral ( "                                                                                                      \
  "    select array_agg(array[tags.id::text, tags.name, tags.slug] order by tags.sort_key, tags.id) as tags "                   \
  "      from book_tags bt join tags on tags.id = bt.tag_id "                                                                   \
  "     where bt.book_id = b.id) t on true "                                                                                    \
  "  left join lateral ( "                                                                                                      \
  "    select array_agg(array[bf.id::text, bf.format, bf.mime, bf.original_name, bf.download_name, "                            \
  "                           coalesce(bf.storage_path, ''), bf.file_size::text, bf.checksum, bf.md5, bf.koreader_md5, "        \
  "                           coalesce(bf.content_hash, ''), bf.drm, bf.duration_ms::text, bf.is_kepub::text, "                 \
  "                           bf.described::text, (bf.missing_since is not null)::text, "                                       \
  "                           (extract(epoch from bf.created_at) * 1000000)::bigint::text] "                                    \
  "                           order by bf.rank, bf.position, bf.id) as files "                                                  \
  "      from book_files bf "                                                                                                   \
  "     where bf.book_id = b.id) f on true " joins " order by want.place"

namespace carrel::library {

book book_from(const db::row&);  // of a statement as above
constexpr std::size_t book_columns = 30;

}  // namespace carrel::library
