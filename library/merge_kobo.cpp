// What a merge does with what e-readers have shown and said. Their next sync takes the other book from them and gives them the
// one that stays (kobo.md 8.5, 8.1); what a reader did with either of them is the survivor's by then.

#include <array>

#include "library/merge_parts.hpp"

namespace carrel::library {
namespace {

// The ids under which Kobos know the two.
#define CARREL_BOTH \
  "both_ids as (select k.entitlement as kept, o.entitlement as other from books k, books o where k.id = $1 and o.id = $2)"

constexpr std::array parts{
    // Removed on a device by its reader: the survivor stays away from it when each of the two that was to be there had been
    // removed.
    merge_part{"kobo_tombstones",
               {"library.merge_tombstones", "with " CARREL_BOTH R"sql(,
  offered as (
    select distinct k.id as kobo_id, sb.book_id
      from shelf_books sb
      join feeding_shelves fs on fs.shelf_id = sb.shelf_id
      join kobo_devices k on k.device_id = fs.device_id
     where sb.book_id in ($1, $2)),
  judged as (
    select o.kobo_id, bool_and(exists (select from kobo_tombstones t cross join both_ids e
                                        where t.kobo_id = o.kobo_id and t.subject = 1
                                          and t.id = case when o.book_id = $1 then e.kept else e.other end)) as removed
      from offered o group by o.kobo_id),
  theirs as (select t.* from kobo_tombstones t cross join both_ids e where t.subject = 1 and t.id = e.other),
  made as (
    insert into kobo_tombstones (kobo_id, subject, id, at, by_owner)
    select t.kobo_id, 1, e.kept, t.at, t.by_owner from judged j join theirs t on t.kobo_id = j.kobo_id cross join both_ids e
     where j.removed on conflict do nothing returning kobo_id),
  lifted as (
    delete from kobo_tombstones t using judged j, both_ids e
     where not j.removed and t.kobo_id = j.kobo_id and t.subject = 1 and t.id = e.kept returning t.*),
  changed as (
    update kobo_devices set changes = changes + 1 where id in (select kobo_id from made union all select kobo_id from lifted))
  select case when exists (select from theirs) or exists (select from lifted) then
           jsonb_build_object('theirs', (select jsonb_agg(to_jsonb(t)) from theirs t), 'made', (select jsonb_agg(kobo_id) from made),
                              'lifted', (select jsonb_agg(to_jsonb(l)) from lifted l)) end, 0)sql"},
               {"library.merge_tombstones_back", "with " CARREL_BOTH R"sql(,
  w as (select nullif($3::jsonb -> 'theirs', 'null') as theirs, nullif($3::jsonb -> 'made', 'null') as made,
               nullif($3::jsonb -> 'lifted', 'null') as lifted),
  gone as (
    delete from kobo_tombstones t using w, both_ids e
     where t.subject = 1 and t.id = e.kept and t.kobo_id in (select value::uuid from jsonb_array_elements_text(w.made)) returning t.kobo_id),
  put as (
    insert into kobo_tombstones
    select r.* from w cross join lateral (select value from jsonb_array_elements(w.theirs) union all
                                          select value from jsonb_array_elements(w.lifted)) x
     cross join lateral jsonb_populate_record(null::kobo_tombstones, x.value) r
     where exists (select from kobo_devices k where k.id = r.kobo_id)
        on conflict do nothing returning kobo_id),
  changed as (
    update kobo_devices set changes = changes + 1 where id in (select kobo_id from gone union all select kobo_id from put))
  select 0)sql"}},

    // Each part of a reading state has its own time, and the later one holds (kobo.md 10.5). A place in the other file means
    // nothing in
    // this one: its percentage comes along, the rest is found by way of the text (library/bridge.hpp).
    merge_part{"kobo_states",
               {"library.merge_states", "with " CARREL_BOTH R"sql(,
  theirs as (select s.* from users u cross join both_ids e join kobo_states s on s.user_id = u.id and s.entitlement = e.other),
  ours as (select s.* from theirs t cross join both_ids e join kobo_states s on s.user_id = t.user_id and s.entitlement = e.kept),
  put as (
    insert into kobo_states as k (user_id, entitlement, revision, created_at, status, status_at, statistics, statistics_at, bookmark,
                                  bookmark_at, finished_at)
    select t.user_id, e.kept, 1, t.created_at, t.status, t.status_at, t.statistics, t.statistics_at,
           t.bookmark - 'Location' - 'ContentSourceProgressPercent', t.bookmark_at, t.finished_at
      from theirs t cross join both_ids e
        on conflict (user_id, entitlement) do update
       set revision = k.revision + 1, created_at = least(k.created_at, excluded.created_at),
           status = case when excluded.status_at > coalesce(k.status_at, '-infinity') then excluded.status else k.status end,
           status_at = greatest(k.status_at, excluded.status_at),
           statistics = case when excluded.statistics_at > coalesce(k.statistics_at, '-infinity') then excluded.statistics else k.statistics end,
           statistics_at = greatest(k.statistics_at, excluded.statistics_at),
           bookmark = case when excluded.bookmark_at > coalesce(k.bookmark_at, '-infinity') then excluded.bookmark else k.bookmark end,
           bookmark_at = greatest(k.bookmark_at, excluded.bookmark_at),
           finished_at = greatest(k.finished_at, excluded.finished_at)
    returning k.user_id, k.revision),
  rung as (
    insert into kobo_readers as r (user_id, states) select user_id, 1 from put on conflict (user_id) do update set states = r.states + 1)
  select jsonb_agg(jsonb_build_object('user', p.user_id, 'revision', p.revision, 'ours', to_jsonb(o))), 0
    from put p left join ours o on o.user_id = p.user_id)sql"},
               {"library.merge_states_back", "with " CARREL_BOTH R"sql(,
  w as (select (value ->> 'user')::uuid as user_id, (value ->> 'revision')::bigint as revision, r.*
          from jsonb_array_elements($3::jsonb)
         cross join lateral (select x.status, x.status_at, x.statistics, x.statistics_at, x.bookmark, x.bookmark_at, x.finished_at
                               from jsonb_populate_record(null::kobo_states, nullif(value -> 'ours', 'null')) x) r),
  put as (
    update kobo_states k
       set revision = k.revision + 1, status = w.status, status_at = w.status_at, statistics = w.statistics,
           statistics_at = w.statistics_at, bookmark = w.bookmark, bookmark_at = w.bookmark_at, finished_at = w.finished_at
      from w, both_ids e
     where k.user_id = w.user_id and k.entitlement = e.kept and k.revision = w.revision
    returning k.user_id),
  rung as (
    insert into kobo_readers as r (user_id, states) select user_id, 1 from put on conflict (user_id) do update set states = r.states + 1)
  select (select count(*) from w join users u on u.id = w.user_id) - (select count(*) from put))sql"}},

    // Of one highlight in both books the later form counts; the other stays where it is.
    merge_part{"annotations",
               {"library.merge_annotations", "with " CARREL_BOTH R"sql(,
  theirs as (select a.* from users u cross join both_ids e join annotations a on a.user_id = u.id and a.entitlement = e.other),
  ours as (select k.*, coalesce(k.modified_at, k.deleted_at, k.received_at) < coalesce(t.modified_at, t.deleted_at, t.received_at) as older
             from theirs t cross join both_ids e
             join annotations k on k.user_id = t.user_id and k.entitlement = e.kept and k.name = t.name),
  moved as (
    update annotations a set entitlement = e.kept from theirs t, both_ids e
     where a.id = t.id and not exists (select from ours o where o.user_id = t.user_id and o.name = t.name) returning a.id),
  renewed as (
    update annotations k set raw = t.raw, kind = t.kind, color = t.color, quote = t.quote, note = t.note, chapter = t.chapter,
           progress = t.progress, modified_at = t.modified_at, deleted_at = t.deleted_at
      from ours o join theirs t on t.user_id = o.user_id and t.name = o.name
     where k.id = o.id and o.older)
  select case when exists (select from theirs) then
           jsonb_build_object('moved', (select jsonb_agg(id) from moved),
                              'ours', (select jsonb_agg(to_jsonb(o) - 'older') from ours o where o.older)) end,
         (select count(*) from theirs where raw is not null and deleted_at is null))sql"},
               {"library.merge_annotations_back", "with " CARREL_BOTH R"sql(,
  w as (select nullif($3::jsonb -> 'moved', 'null') as moved, nullif($3::jsonb -> 'ours', 'null') as ours),
  back as (
    update annotations a set entitlement = e.other from w, both_ids e
     where a.entitlement = e.kept and a.id in (select value::uuid from jsonb_array_elements_text(w.moved)) returning a.id),
  was as (select r.* from w cross join lateral jsonb_array_elements(w.ours) x
           cross join lateral jsonb_populate_record(null::annotations, x) r),
  renewed as (
    update annotations k set raw = o.raw, kind = o.kind, color = o.color, quote = o.quote, note = o.note, chapter = o.chapter,
           progress = o.progress, modified_at = o.modified_at, deleted_at = o.deleted_at
      from was o cross join both_ids e join annotations t on t.user_id = o.user_id and t.entitlement = e.other and t.name = o.name
     where k.id = o.id and (k.raw, k.modified_at, k.deleted_at) is not distinct from (t.raw, t.modified_at, t.deleted_at) returning k.id)
  select (select count(*) from was) - (select count(*) from renewed))sql"}},

    // A reader asks for highlights when the revision is another one than it has; it may have come from either book.
    merge_part{"annotation_sets",
               {"library.merge_annotation_sets", "with " CARREL_BOTH R"sql(,
  theirs as (select s.* from users u cross join both_ids e join annotation_sets s on s.user_id = u.id and s.entitlement = e.other),
  ours as (select s.* from theirs t cross join both_ids e join annotation_sets s on s.user_id = t.user_id and s.entitlement = e.kept),
  put as (
    insert into annotation_sets as k (user_id, entitlement, revision, complete)
    select t.user_id, e.kept, t.revision + 1, t.complete from theirs t cross join both_ids e
        on conflict (user_id, entitlement) do update
       set revision = greatest(k.revision + 1, excluded.revision), complete = k.complete and excluded.complete)
  select jsonb_agg(jsonb_build_object('user', t.user_id, 'complete', o.complete)), 0
    from theirs t left join ours o on o.user_id = t.user_id)sql"},
               {"library.merge_annotation_sets_back", "with " CARREL_BOTH R"sql(,
  w as (select (value ->> 'user')::uuid as user_id, (value ->> 'complete')::boolean as complete from jsonb_array_elements($3::jsonb)),
  newest as (
    select w.user_id, max(s.revision) + 1 as revision from w cross join both_ids e
      join annotation_sets s on s.user_id = w.user_id and s.entitlement in (e.kept, e.other) group by w.user_id),
  put as (
    update annotation_sets s
       set revision = n.revision, complete = case when s.entitlement = e.kept then coalesce(w.complete, s.complete) else s.complete end
      from newest n join w on w.user_id = n.user_id cross join both_ids e
     where s.user_id = n.user_id and s.entitlement in (e.kept, e.other))
  select 0)sql"}},
};
#undef CARREL_BOTH

}  // namespace

std::span<const merge_part> merge_parts_of_kobos() { return parts; }

}  // namespace carrel::library
