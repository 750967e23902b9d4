#include "library/merge_parts.hpp"

#include <array>

namespace carrel::library {
namespace {

constexpr std::array parts{
    // A book in the library does not fall back into the inbox because it was merged into one that waits. Back it goes only as
    // long
    // as nobody has it on a shelf or reads it.
    merge_part{"books.status",
               {"library.merge_status", R"sql(
  with was as (
    select k.id, k.status, k.approved_at, k.possible_duplicate_of from books k, books o
     where k.id = $1 and o.id = $2 and k.status <> 'organized' and o.status = 'organized'),
  now_there as (
    update books k set status = 'organized', approved_at = coalesce(k.approved_at, clock_timestamp()), possible_duplicate_of = null
      from was where k.id = was.id)
  select (select to_jsonb(w) from was w), count(*) from was)sql"},
               {"library.merge_status_back", R"sql(
  with moved as (
    update books k set status = ($3::jsonb ->> 'status')::book_status, approved_at = ($3::jsonb ->> 'approved_at')::timestamptz,
           possible_duplicate_of = (select p.id from books p where p.id = ($3::jsonb ->> 'possible_duplicate_of')::uuid)
     where k.id = $1 and exists (select from books o where o.id = $2)
       and not exists (select from shelf_books where book_id = $1) and not exists (select from documents where book_id = $1)
    returning k.id)
  select 1 - count(*) from moved)sql"}},

    // Before the documents: a document that changes its book takes the place in that book with it (schema/0005,
    // documents_bridged). Of two
    // places the later one counts; the other is written down.
    merge_part{"book_positions",
               {"library.merge_places", R"sql(
  with theirs as (delete from book_positions where book_id = $2 returning *),
  ours as (select p.* from book_positions p join theirs t on t.user_id = p.user_id where p.book_id = $1),
  put as (
    insert into book_positions as p
    select (jsonb_populate_record(null::book_positions, to_jsonb(t) || jsonb_build_object('book_id', $1::uuid))).* from theirs t
        on conflict (user_id, book_id) do update
       set revision = greatest(p.revision, excluded.revision) + 1, spine_index = excluded.spine_index, href = excluded.href,
           nw = excluded.nw, item_fraction = excluded.item_fraction, total_fraction = excluded.total_fraction,
           context_before = excluded.context_before, context_after = excluded.context_after, quality = excluded.quality,
           document = excluded.document, device = excluded.device, origin = excluded.origin, at = excluded.at
     where excluded.at > p.at)
  select jsonb_agg(jsonb_build_object('theirs', to_jsonb(t), 'ours', to_jsonb(o))), count(*)
    from theirs t left join ours o on o.user_id = t.user_id)sql"},
               {"library.merge_places_back", R"sql(
  with w as (select value -> 'theirs' as theirs, value -> 'ours' as ours from jsonb_array_elements($3::jsonb)),
  put as (
    insert into book_positions
    select r.* from w cross join lateral jsonb_populate_record(null::book_positions, w.theirs) r
     where r.book_id = $2 and exists (select from users u where u.id = r.user_id)
        on conflict do nothing),
  gone as (
    insert into book_positions
    select r.* from w cross join lateral jsonb_populate_record(null::book_positions, w.ours) r
     where w.ours <> 'null' and r.book_id = $1 and exists (select from users u where u.id = r.user_id)
        on conflict do nothing)
  select 0)sql"}},

    // The positions of a device, their history and what was held of them are found by the document. What was linked by itself
    // follows
    // the file, also when that happened since (so there is something to do on the way back even when nothing was moved); what a
    // person has linked otherwise stays.
    merge_part{"documents",
               {"library.merge_documents", R"sql(
  with theirs as materialized (
    select user_id, document, link from documents where book_id = $2 order by user_id, document for no key update),
  moved as (
    update documents d set book_id = $1 from theirs t where d.user_id = t.user_id and d.document = t.document
    returning d.user_id, d.document, d.link)
  select coalesce(jsonb_agg(jsonb_build_object('user', user_id, 'document', document, 'link', link)), '[]'), count(*) from moved)sql"},
               {"library.merge_documents_back", R"sql(
  with w as (select (value ->> 'user')::uuid as user_id, value ->> 'document' as document, value ->> 'link' as link
               from jsonb_array_elements($3::jsonb)),
  back as materialized (
    select d.user_id, d.document from documents d
     where d.book_id = $1
       and (exists (select from w where w.user_id = d.user_id and w.document = d.document and w.link = d.link)
            or (d.link = 'auto' and d.file_id in (select f.id from book_files f where f.book_id = $2))
            or (d.link = 'auto' and d.document = 'kobo:' || (select b.entitlement::text from books b where b.id = $2)))
     order by d.user_id, d.document for no key update),
  moved as (
    update documents d set book_id = $2 from back b where d.user_id = b.user_id and d.document = b.document returning d.user_id, d.document)
  select count(*) from w
   where exists (select from documents d where d.user_id = w.user_id and d.document = w.document)
     and not exists (select from moved m where m.user_id = w.user_id and m.document = w.document))sql"}},

    // Where both stand on a shelf, the place of the book that stays is the place. A shelf from which it was taken since stays
    // without.
    merge_part{"shelf_books",
               {"library.merge_shelves", R"sql(
  with theirs as (select * from shelf_books where book_id = $2),
  common as (select t.shelf_id from theirs t join shelf_books k on k.shelf_id = t.shelf_id and k.book_id = $1),
  moved as (
    update shelf_books s set book_id = $1 where s.book_id = $2 and s.shelf_id not in (select shelf_id from common)),
  gone as (
    delete from shelf_books s where s.book_id = $2 and s.shelf_id in (select shelf_id from common))
  select jsonb_agg(jsonb_build_object('shelf', t.shelf_id, 'position', t.position, 'added_at', t.added_at,
                                      'both', t.shelf_id in (select shelf_id from common))), count(*) from theirs t)sql"},
               {"library.merge_shelves_back", R"sql(
  with w as (select (value ->> 'shelf')::uuid as shelf_id, (value ->> 'position')::bigint as position,
                    (value ->> 'added_at')::timestamptz as added_at, (value ->> 'both')::boolean as is_both
               from jsonb_array_elements($3::jsonb)),
  moved as (
    update shelf_books s set book_id = $2 from w where not w.is_both and s.shelf_id = w.shelf_id and s.book_id = $1 returning s.shelf_id),
  added as (
    insert into shelf_books (shelf_id, book_id, position, added_at)
    select w.shelf_id, $2, w.position, w.added_at from w join shelf_books k on k.shelf_id = w.shelf_id and k.book_id = $1
     where w.is_both on conflict do nothing returning shelf_id)
  select count(*) from w
   where exists (select from shelves s where s.id = w.shelf_id)
     and w.shelf_id not in (select shelf_id from moved union all select shelf_id from added))sql"}},

    // By file, also by one that is there no more: a fingerprint leads to the book (kosync.md 8.6).
    merge_part{"book_file_hashes",
               {"library.merge_hashes", R"sql(
  with moved as (update book_file_hashes set book_id = $1 where book_id = $2 returning file_id)
  select jsonb_agg(distinct file_id), count(*) from moved)sql"},
               {"library.merge_hashes_back", R"sql(
  with moved as (
    update book_file_hashes set book_id = $2
     where book_id = $1 and file_id in (select value::uuid from jsonb_array_elements_text($3::jsonb)))
  select 0)sql"}},

    // Of two candidates of one source both stay.
    merge_part{"book_metadata_candidates",
               {"library.merge_candidates", R"sql(
  with theirs as (select id, source, source_key from book_metadata_candidates where book_id = $2),
  moved as (
    update book_metadata_candidates c
       set book_id = $1,
           source_key = case when exists (select from book_metadata_candidates k
                                           where k.book_id = $1 and k.source = t.source and k.source_key = t.source_key)
                             then trim(t.source_key || ' ' || $2::uuid::text) else t.source_key end
      from theirs t where c.id = t.id)
  select jsonb_agg(jsonb_build_object('id', id, 'key', source_key)), count(*) from theirs)sql"},
               {"library.merge_candidates_back", R"sql(
  with w as (select (value ->> 'id')::uuid as id, value ->> 'key' as source_key from jsonb_array_elements($3::jsonb)),
  moved as (
    update book_metadata_candidates c set book_id = $2, source_key = w.source_key from w where c.id = w.id and c.book_id = $1)
  select 0)sql"}},

    merge_part{"ingest_items",
               {"library.merge_items", R"sql(
  with moved as (update ingest_items set book_id = $1 where book_id = $2 returning id)
  select coalesce(jsonb_agg(id), '[]'), count(*) from moved)sql"},
               {"library.merge_items_back", R"sql(
  with moved as (
    update ingest_items set book_id = $2
     where book_id = $1 and (id in (select value::uuid from jsonb_array_elements_text($3::jsonb))
                             or file_id in (select f.id from book_files f where f.book_id = $2)))
  select 0)sql"}},

    // What comes from a library elsewhere for the other book comes for the one that stays from now on.
    merge_part{"imported_books",
               {"library.merge_imported", R"sql(
  with moved as (update imported_books set book_id = $1 where book_id = $2 returning source, library_uuid, book_uuid)
  select jsonb_agg(jsonb_build_object('source', source, 'library', library_uuid, 'book', book_uuid)), count(*) from moved)sql"},
               {"library.merge_imported_back", R"sql(
  with moved as (
    update imported_books i set book_id = $2 from jsonb_array_elements($3::jsonb) w
     where i.source = w ->> 'source' and i.library_uuid = w ->> 'library' and i.book_uuid = w ->> 'book' and i.book_id = $1)
  select 0)sql"}},

    // Of two words of a reader about one part the later counts (library/opinion.hpp); what both said is written down. What was
    // said
    // since stays with the book that was kept.
    merge_part{"opinions",
               {"library.merge_opinions", R"sql(
  with theirs as (delete from opinions where book_id = $2 returning *),
  ours as (select o.* from opinions o join theirs t on t.user_id = o.user_id where o.book_id = $1),
  put as (
    insert into opinions as o
    select (jsonb_populate_record(null::opinions, to_jsonb(t) || jsonb_build_object('book_id', $1::uuid))).* from theirs t
        on conflict (user_id, book_id) do update
       set (state, started_on, finished_on, state_by, state_at) = (
             select s.state, s.started_on, s.finished_on, s.state_by, s.state_at
               from (values (excluded.state, excluded.started_on, excluded.finished_on, excluded.state_by, excluded.state_at, 0),
                            (o.state, o.started_on, o.finished_on, o.state_by, o.state_at, 1))
                      as s (state, started_on, finished_on, state_by, state_at, own)
              order by s.state_by = '', s.state_at desc nulls last, s.own desc limit 1),
           (rating, rating_by, rating_at) = (
             select s.rating, s.rating_by, s.rating_at
               from (values (excluded.rating, excluded.rating_by, excluded.rating_at, 0), (o.rating, o.rating_by, o.rating_at, 1))
                      as s (rating, rating_by, rating_at, own)
              order by s.rating_by = '', s.rating_at desc nulls last, s.own desc limit 1),
           (review, review_by, review_at) = (
             select s.review, s.review_by, s.review_at
               from (values (excluded.review, excluded.review_by, excluded.review_at, 0), (o.review, o.review_by, o.review_at, 1))
                      as s (review, review_by, review_at, own)
              order by s.review_by = '', s.review_at desc nulls last, s.own desc limit 1)
    returning o.*)
  select jsonb_agg(jsonb_build_object('theirs', to_jsonb(t), 'ours', to_jsonb(o), 'now', to_jsonb(p))), count(*)
    from theirs t left join ours o on o.user_id = t.user_id left join put p on p.user_id = t.user_id)sql"},
               {"library.merge_opinions_back", R"sql(
  with w as (select (value -> 'theirs' ->> 'user_id')::uuid as user_id, value -> 'theirs' as theirs, value -> 'ours' as ours,
                    value -> 'now' as made from jsonb_array_elements($3::jsonb)),
  same as (select w.* from w join opinions o on o.book_id = $1 and o.user_id = w.user_id where to_jsonb(o) = w.made),
  gone as (delete from opinions o using same s where o.book_id = $1 and o.user_id = s.user_id and s.ours = 'null'),
  as_before as (
    update opinions o
       set (state, started_on, finished_on, state_by, state_at, rating, rating_by, rating_at, review, review_by, review_at, before) =
           (r.state, r.started_on, r.finished_on, r.state_by, r.state_at, r.rating, r.rating_by, r.rating_at, r.review, r.review_by,
            r.review_at, r.before)
      from same s cross join lateral jsonb_populate_record(null::opinions, s.ours) r
     where s.ours <> 'null' and o.book_id = $1 and o.user_id = s.user_id),
  put as (
    insert into opinions
    select r.* from w cross join lateral jsonb_populate_record(null::opinions, w.theirs) r
     where r.book_id = $2 and exists (select from users u where u.id = r.user_id)
        on conflict do nothing)
  select count(*) from w where w.user_id not in (select user_id from same))sql"}},

    // A file that comes to the group later joins the book that stays.
    merge_part{"ingest_group_books",
               {"library.merge_groups", R"sql(
  with moved as (update ingest_group_books set book_id = $1 where book_id = $2 returning group_id, part)
  select jsonb_agg(jsonb_build_object('group', group_id, 'part', part)), count(*) from moved)sql"},
               {"library.merge_groups_back", R"sql(
  with moved as (
    update ingest_group_books g set book_id = $2 from jsonb_array_elements($3::jsonb) w
     where g.group_id = (w ->> 'group')::uuid and g.part = w ->> 'part' and g.book_id = $1)
  select 0)sql"}},

    merge_part{"sidecars",
               {"library.merge_sidecars", R"sql(
  with moved as (update sidecars set book_id = $1 where book_id = $2 returning id)
  select jsonb_agg(id), count(*) from moved)sql"},
               {"library.merge_sidecars_back", R"sql(
  with moved as (
    update sidecars s set book_id = $2 from jsonb_array_elements_text($3::jsonb) w where s.id = w::uuid and s.book_id = $1)
  select 0)sql"}},

    merge_part{"downloads",
               {"library.merge_downloads", R"sql(
  with moved as (update downloads set book_id = $1 where book_id = $2 returning id)
  select coalesce(jsonb_agg(id), '[]'), count(*) from moved)sql"},
               {"library.merge_downloads_back", R"sql(
  with moved as (
    update downloads set book_id = $2
     where book_id = $1 and (id in (select value::uuid from jsonb_array_elements_text($3::jsonb))
                             or file_id in (select f.id from book_files f where f.book_id = $2)))
  select 0)sql"}},

    // Books that may be the other one may be this one. What was decided about it holds for this one, too.
    merge_part{"duplicate_candidates",
               {"library.merge_duplicates", R"sql(
  with theirs as (delete from duplicate_candidates where book_id = $2 or other_id = $2 returning *),
  put as (
    insert into duplicate_candidates (book_id, other_id, kind, score, reasons, found_at, decided_at, decision, decided_by)
    select greatest(x.id, $1::uuid), least(x.id, $1::uuid), t.kind, t.score, t.reasons, t.found_at, t.decided_at, t.decision, t.decided_by
      from theirs t cross join lateral (select case when t.book_id = $2 then t.other_id else t.book_id end as id) x
     where x.id <> $1
        on conflict do nothing returning book_id, other_id)
  select jsonb_build_object('theirs', (select jsonb_agg(to_jsonb(t)) from theirs t),
                            'made', (select jsonb_agg(jsonb_build_array(book_id, other_id)) from put)), (select count(*) from theirs))sql"},
               {"library.merge_duplicates_back", R"sql(
  with gone as (
    delete from duplicate_candidates d using jsonb_array_elements(nullif($3::jsonb -> 'made', 'null')) w
     where d.book_id = (w ->> 0)::uuid and d.other_id = (w ->> 1)::uuid and $1 in (d.book_id, d.other_id)),
  put as (
    insert into duplicate_candidates
    select r.* from jsonb_array_elements(nullif($3::jsonb -> 'theirs', 'null')) w
     cross join lateral jsonb_populate_record(null::duplicate_candidates, w) r
     where $2 in (r.book_id, r.other_id)
       and exists (select from books b where b.id = r.book_id) and exists (select from books b where b.id = r.other_id)
        on conflict do nothing)
  select 0)sql"}},

    merge_part{"books.possible_duplicate_of",
               {"library.merge_suspects", R"sql(
  with moved as (
    update books set possible_duplicate_of = nullif($1::uuid, id) where possible_duplicate_of = $2 returning id)
  select jsonb_agg(id), count(*) from moved)sql"},
               {"library.merge_suspects_back", R"sql(
  with moved as (
    update books b set possible_duplicate_of = $2 from jsonb_array_elements_text($3::jsonb) w
     where b.id = w::uuid and b.status <> 'organized' and (b.possible_duplicate_of = $1 or (b.id = $1 and b.possible_duplicate_of is null)))
  select 0)sql"}},

    // What was merged into the other one is merged into this one now.
    merge_part{"books.merged_into",
               {"library.merge_merged", R"sql(
  with moved as (update books set merged_into = $1 where merged_into = $2 returning id)
  select jsonb_agg(id), count(*) from moved)sql"},
               {"library.merge_merged_back", R"sql(
  with moved as (
    update books b set merged_into = $2 from jsonb_array_elements_text($3::jsonb) w where b.id = w::uuid and b.merged_into = $1)
  select 0)sql"}},

    // With its recordings. Of two editions that of the book that stays is the one that is played.
    merge_part{"audio_editions",
               {"library.merge_editions", R"sql(
  with own as (select exists (select from audio_editions where book_id = $1 and is_primary) as has),
  theirs as (select id, is_primary from audio_editions where book_id = $2),
  moved as (
    update audio_editions e set book_id = $1, is_primary = e.is_primary and not own.has from own where e.book_id = $2 returning e.id)
  select jsonb_agg(to_jsonb(theirs)), count(*) from theirs where exists (select from moved where moved.id = theirs.id))sql"},
               {"library.merge_editions_back", R"sql(
  with moved as (
    update audio_editions e set book_id = $2, is_primary = (w ->> 'is_primary')::boolean
      from jsonb_array_elements($3::jsonb) w where e.id = (w ->> 'id')::uuid and e.book_id = $1)
  select 0)sql"}},

    // Last, so that on the way back what goes by file finds the files there.
    merge_part{"book_files",
               {"library.merge_files", R"sql(
  with moved as (update book_files set book_id = $1 where book_id = $2 returning id)
  select jsonb_agg(id), count(*) from moved)sql"},
               {"library.merge_files_back", R"sql(
  with w as (select value::uuid as id from jsonb_array_elements_text($3::jsonb)),
  moved as (update book_files f set book_id = $2 from w where f.id = w.id and f.book_id = $1 returning f.id)
  select count(*) from w where id not in (select id from moved) and exists (select from book_files f where f.id = w.id))sql"}},
};

constexpr std::array decisions{
    merge_decision{"annotation_sets", "entitlement", "moves", "with the annotations; the later revision and one more"},
    merge_decision{"annotations", "entitlement", "moves", "highlights are the reader's, whichever copy they were made in"},
    merge_decision{"audio_editions", "book_id", "moves", "with its tracks and chapters"},
    merge_decision{"audio_tracks", "book_file_id", "follows", ""},
    merge_decision{"book_file_hashes", "book_id", "moves", "a fingerprint leads to the book that has the file"},
    merge_decision{"book_file_hashes", "file_id", "follows", ""},
    merge_decision{"book_files", "book_id", "moves", ""},
    merge_decision{"book_labels", "book_id", "stays", "as its names"},
    merge_decision{"book_measures", "file_id", "follows", ""},
    merge_decision{"book_merge_members", "book_id", "stays", "says what was merged"},
    merge_decision{"book_merge_parts", "book_id", "stays", "says what was moved"},
    merge_decision{"book_merges", "kept_id", "stays", "acts are taken back in the order in which they were done"},
    merge_decision{"book_metadata_candidates", "book_id", "moves", ""},
    merge_decision{"book_people", "book_id", "stays", "the other book comes back with its names"},
    merge_decision{"book_positions", "book_id", "moves", "the later of two places counts, the other is written down"},
    merge_decision{"book_tags", "book_id", "stays", "as its names"},
    merge_decision{"books", "entitlement", "stays", "a Kobo may still ask for it: it is answered with the survivor"},
    merge_decision{"books", "kobo_file", "follows", "found anew for both"},
    merge_decision{"books", "merged_into", "moves", "chains are kept short"},
    merge_decision{"books", "possible_duplicate_of", "moves", ""},
    merge_decision{"bridged_documents", "away", "follows", ""},
    merge_decision{"bulk_items", "book_id", "stays", "says what a run did to it"},
    merge_decision{"delivered_copies", "file_id", "follows", ""},
    merge_decision{"device_listings", "book_id", "stays", "the survivor is another book to the device"},
    merge_decision{"documents", "book_id", "moves", "with positions, history and held pushes, which go by document"},
    merge_decision{"documents", "file_id", "follows", ""},
    merge_decision{"downloads", "book_id", "moves", ""},
    merge_decision{"downloads", "file_id", "follows", ""},
    merge_decision{"duplicate_candidates", "book_id", "moves", ""},
    merge_decision{"duplicate_candidates", "other_id", "moves", ""},
    merge_decision{"duplicate_search", "book_id", "stays", "a mark in the list of all books"},
    merge_decision{"file_aliases", "file_id", "follows", ""},
    merge_decision{"file_aliases", "into_id", "follows", ""},
    merge_decision{"file_moves", "file_id", "follows", ""},
    merge_decision{"file_writes", "file_id", "follows", ""},
    merge_decision{"file_outlines", "file_id", "stays", "belongs to the bytes, and is made again"},
    merge_decision{"imported_books", "book_id", "moves", ""},
    merge_decision{"ingest_group_books", "book_id", "moves", ""},
    merge_decision{"ingest_items", "book_id", "moves", ""},
    merge_decision{"ingest_items", "file_id", "follows", ""},
    merge_decision{"kobo_artifacts", "file_id", "follows", ""},
    merge_decision{"kobo_clocks", "entitlement", "stays", "times that a device said of that copy"},
    merge_decision{"kobo_delivered", "entitlement", "stays", "in its spans the device speaks until it has the survivor"},
    merge_decision{"kobo_events", "entitlement", "stays", "what happened is history"},
    merge_decision{"kobo_minutes", "entitlement", "stays", "a running total of that copy on that device"},
    merge_decision{"kobo_states", "entitlement", "moves", "part by part the later one; the old row stays for the device"},
    merge_decision{"library_files", "file_id", "follows", ""},
    merge_decision{"metadata_changes", "book_id", "stays", "what was done to that book's fields"},
    merge_decision{"metadata_jobs", "book_id", "stays", "no source is asked about a hidden book; it is when it comes back"},
    merge_decision{"opinions", "book_id", "moves", "part by part the later word of a reader"},
    merge_decision{"organised_books", "book_id", "stays", "worked out again when a book gets files"},
    merge_decision{"shelf_books", "book_id", "moves", "where both stand, the survivor's place is the place"},
    merge_decision{"shelf_books", "entitlement", "follows", "that of the book"},
    merge_decision{"side_files", "book_id", "stays", "goes with the files that it lies beside"},
    merge_decision{"sidecars", "book_id", "moves", ""},
    merge_decision{"written_books", "book_id", "stays", "looked at again when a book gets files"},
    merge_decision{"written_files", "file_id", "follows", ""},
    // By the id under which a Kobo knows a book, in columns that name other things as well.
    merge_decision{"kobo_ledger", "id", "stays", "what was announced is never forgotten (kobo.md 17.2)"},
    merge_decision{"kobo_marks", "id", "stays", "about an announcement"},
    merge_decision{"kobo_signals", "id", "stays", "about a copy on a device"},
    merge_decision{"kobo_styled", "file_id", "follows", "other bytes are looked at anew"},
    merge_decision{"kobo_suspicions", "id", "stays", "about a copy on a device"},
    merge_decision{"kobo_tombstones", "id", "moves", "the survivor is away from a device if all of them were"},
    merge_decision{"popular_books", "book_id", "stays", "counted anew every night"},
};

}  // namespace

std::span<const merge_part> merge_parts_of_books() { return parts; }
std::span<const merge_decision> merge_decisions() { return decisions; }

}  // namespace carrel::library
