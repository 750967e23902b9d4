#include "web/errata_card.hpp"

#include "library/storable.hpp"

namespace carrel::web {
namespace {

constexpr std::size_t longest_note = 500;

constexpr db::statement sql_cuts{"web.errata_cuts", R"sql(
  select kind, coalesce(bool_or(until > now()), false), max(made_at) filter (where until is null)
    from errata_quiet
   where user_id = $1
   group by kind
  having bool_or(until > now()) or bool_or(until is null))sql"};

// The conditions are those of the lists in errata.cpp, library_errata.cpp, duplicate.cpp, document.cpp and position_history.cpp.
#define CARREL_WITHIN_LIMITS                                                                                        \
  "exists (select from users u where u.id = $1 and u.disabled_at is null and (u.library_ids is null or l.id = any " \
  "(u.library_ids)))"
constexpr db::statement sql_sizes{"web.errata_sizes", R"sql(
  with found as (
    select 'failed' as kind, i.created_at as since
      from ingest_items i
     where i.state in ('rejected', 'failed') and i.dismissed_at is null and ($2 or i.user_id = $1)
       and not (i.error_code in ('duplicate_trashed', 'recording_trashed') and exists (select from books b where b.id = i.book_id and b.deleted_at is null))
    union all
    select 'drift', s.since
      from kobo_suspicions s
      join kobo_devices k on k.id = s.kobo_id
      join devices d on d.id = k.device_id and d.revoked_at is null
     where d.user_id = $1
    union all
    select 'drift', min(k.guarded_since)
      from kobo_devices k
      join devices d on d.id = k.device_id and d.revoked_at is null
     where d.user_id = $1 and k.guarded_since is not null and not k.guard_lifted
     group by d.id
    union all
    select 'duplicates', c.found_at
      from duplicate_candidates c
      join visible_books($1) a on a.id = c.book_id
      join visible_books($1) o on o.id = c.other_id
     where $2 and c.decision is null and c.kind <> 'similar'
    union all
    select 'missing', f.missing_since
      from book_files f
      join visible_books($1) b on b.id = f.book_id
     where $2 and f.missing_since is not null
    union all
    select 'damaged', f.damaged_since
      from book_files f
      join visible_books($1) b on b.id = f.book_id
     where $2 and f.damaged_since is not null
    union all
    select 'folders', coalesce(l.trouble_since, l.created_at)
      from libraries l
     where $2 and l.trouble <> '' and l.removed_at is null and )sql" CARREL_WITHIN_LIMITS R"sql(
    union all
    select 'places', f.found_at
      from library_files f
      join libraries l on l.id = f.library_id
     where $2 and f.state = 'refused' and f.dismissed_at is null and l.removed_at is null and )sql" CARREL_WITHIN_LIMITS R"sql(
    union all
    select 'unmoved', o.at
      from organised_books o
      join visible_books($1) b on b.id = o.book_id
     where $2 and o.problem <> '' and o.problem <> 'file_missing'
    union all
    select 'unwritten', w.at
      from written_books w
      join visible_books($1) b on b.id = w.book_id and b.library_id = w.library_id
      join libraries l on l.id = w.library_id and l.write_back <> ''
     where $2 and w.state = 'failed' and w.problem <> 'file_missing'
    union all
    select 'held', h.created_at from reading_progress_history h where h.user_id = $1 and not h.accepted and h.settled_at is null
       and h.removed_at is null
    union all
    select 'unknown', d.last_seen_at from documents d where d.user_id = $1 and d.link = 'none' and d.document not like 'kobo:%' and d.document not like 'opds:%'
    union all
    select 'highlights', max(h.since) from unplaced_highlights($1) h group by h.content, h.unreadable
    union all
    select 'jobs', coalesce(j.done_at, j.created_at)
      from jobs j
     where $3 and j.state = 'failed'
       and not (j.kind = 'ingest.file' and exists (select from ingest_items i where i.id::text = j.payload ->> 'item'
                                                     and i.state in ('rejected', 'failed', 'inbox', 'organised', 'duplicate'))))
  select f.kind, count(*), min(f.since)
    from found f
    left join (select kind, max(case when until is null then made_at when until > now() then 'infinity' end) as last
                 from errata_quiet where user_id = $1 group by kind) q on q.kind = f.kind
   where f.since > coalesce(q.last, '-infinity')
   group by f.kind)sql"};
#undef CARREL_WITHIN_LIMITS

constexpr db::statement sql_missing{"web.missing_metadata", R"sql(
  select count(*), min(b.created_at), count(*) filter (where b.cover_id is null), count(*) filter (where b.author = ''),
         count(*) filter (where b.language = ''), count(*) filter (where b.description = '')
    from visible_books($1) b
   where b.status = 'organized' and b.created_at > (select errata_cut($1, 'metadata'))
     and (b.cover_id is null or b.author = '' or b.language = '' or b.description = ''))sql"};

constexpr db::statement sql_highlights{"web.unplaced_highlights", R"sql(
  select h.content, coalesce(max(b.title), ''), h.unreadable, count(*), max(h.since)
    from unplaced_highlights($1) h
    left join visible_books($1) b on b.entitlement::text = h.content
   group by h.content, h.unreadable
   order by 5 desc, 1
   limit $2)sql"};

constexpr db::statement sql_quiet{"web.quiet_errata", R"sql(
  select id, kind, note, until, made_at
    from errata_quiet
   where user_id = $1 and (until is null or until > now())
   order by made_at desc, id desc
   limit 200)sql"};

constexpr db::statement sql_over{"web.forget_quiet_errata", R"sql(
  delete from errata_quiet where user_id = $1 and until <= now())sql"};

constexpr db::statement sql_put_off{"web.put_off_errata", R"sql(
  insert into errata_quiet (id, user_id, kind, until) values ($1, $2, $3, now() + $4::int * interval '1 day'))sql"};

constexpr db::statement sql_ignore{"web.ignore_errata", R"sql(
  insert into errata_quiet (id, user_id, kind, note) values ($1, $2, $3, $4))sql"};

constexpr db::statement sql_again{"web.show_errata_again", R"sql(
  delete from errata_quiet where id = $2 and user_id = $1 returning kind)sql"};

}  // namespace

errata_cuts::errata_cuts(db::tx& tx, const uuid& viewer) {
  for (const db::row& r : tx.run(sql_cuts, viewer)) last_.emplace(r.text(0), r.flag(1) ? instant::max() : r.at(2));
}

bool errata_cuts::put_off(std::string_view kind) const {
  auto at = last_.find(kind);
  return at != last_.end() && at->second == instant::max();
}

bool errata_cuts::hides(std::string_view kind, instant since) const {
  auto at = last_.find(kind);
  return at != last_.end() && since <= at->second;
}

errata_sizes sizes_of_errata(db::tx& tx, const uuid& viewer, bool everybody, bool jobs) {
  errata_sizes out;
  for (const db::row& r : tx.run(sql_sizes, viewer, everybody, jobs)) out[r.text(0)] = {.count = r.integer(1), .oldest = r.at(2)};
  return out;
}

missing_metadata metadata_that_is_missing(db::tx& tx, const uuid& viewer) {
  db::rows rows = tx.run(sql_missing, viewer);
  const db::row& r = rows[0];
  missing_metadata out{.size = {.count = r.integer(0), .oldest = r.maybe_at(1)}, .fields = {}};
  std::size_t column = 2;
  for (const char* field : {"cover", "author", "language", "description"}) {
    std::int64_t books = r.integer(column++);
    if (books > 0) out.fields.push_back({field, books});
  }
  return out;
}

std::vector<unplaced_highlights> highlights_without_place(db::tx& tx, const uuid& viewer, int most) {
  std::vector<unplaced_highlights> out;
  for (const db::row& r : tx.run(sql_highlights, viewer, most))
    out.push_back({.content = r.text(0), .title = r.text(1), .unreadable = r.flag(2), .count = r.integer(3), .since = r.at(4)});
  return out;
}

std::vector<quiet_kind> quiet_kinds(db::tx& tx, const uuid& viewer) {
  std::vector<quiet_kind> out;
  for (const db::row& r : tx.run(sql_quiet, viewer)) out.push_back({r.id(0), r.text(1), r.text(2), r.maybe_at(3), r.at(4)});
  return out;
}

uuid put_off_errata(db::tx& tx, const uuid& viewer, const std::string& kind, int days, const library::actor& who) {
  uuid made = uuid::make();
  tx.run(sql_over, viewer);
  tx.run(sql_put_off, made, viewer, kind, days);
  library::record(tx, who, "errata.put_off", "errata", made, {{"kind", kind}, {"days", days}});
  return made;
}

uuid ignore_errata(db::tx& tx, const uuid& viewer, const std::string& kind, const std::string& note, const library::actor& who) {
  uuid made = uuid::make();
  std::string kept = library::storable_note(note, longest_note);
  tx.run(sql_over, viewer);
  tx.run(sql_ignore, made, viewer, kind, kept);
  library::record(tx, who, "errata.ignored", "errata", made, {{"kind", kind}, {"note", kept}});
  return made;
}

bool show_errata_again(db::tx& tx, const uuid& viewer, const uuid& quiet, const library::actor& who) {
  db::rows gone = tx.run(sql_again, viewer, quiet);
  if (gone.empty()) return false;
  library::record(tx, who, "errata.shown_again", "errata", quiet, {{"kind", gone[0].text(0)}});
  return true;
}

}  // namespace carrel::web
