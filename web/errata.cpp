#include "web/errata.hpp"

#include <map>

#include "library/book.hpp"
#include "library/device.hpp"
#include "web/format.hpp"

namespace carrel::web {
namespace {

constexpr int most_counted = 10'000;

// A file whose book lay in the trash is settled when the book is put back; so in the frame (visit.cpp) and in `carrel doctor`.
constexpr db::statement sql_failed{"web.failed_items", R"sql(
  select id, display_name, error_code, error_detail, created_at, user_id, quarantine_path <> '', source = 'import'
    from ingest_items i
   where state in ('rejected', 'failed') and dismissed_at is null and ($2 or user_id = $1)
     and not (i.error_code in ('duplicate_trashed', 'recording_trashed') and exists (select from books b where b.id = i.book_id and b.deleted_at is null))
     and ($4::uuid is null or (created_at, id) < (select l.created_at, l.id from ingest_items l where l.id = $4))
   order by created_at desc, id desc
   limit $3)sql"};

constexpr db::statement sql_dismiss{"web.dismiss_item", R"sql(
  update ingest_items set dismissed_at = case when $4 then now() end, updated_at = now()
   where id = $3 and state in ('rejected', 'failed') and ($2 or user_id = $1) and (dismissed_at is null) = $4)sql"};

constexpr db::statement sql_sees{"web.sees_item", R"sql(
  select 1 from ingest_items where id = $3 and state in ('rejected', 'failed') and ($2 or user_id = $1))sql"};

// A file that was refused is an item above already.
constexpr db::statement sql_failed_jobs{"web.failed_jobs", R"sql(
  select id, kind, coalesce(last_error, ''), coalesce(done_at, created_at)
    from jobs
   where state = 'failed'
     and not (kind = 'ingest.file' and exists (select from ingest_items i where i.id::text = jobs.payload ->> 'item'
                                                 and i.state in ('rejected', 'failed', 'inbox', 'organised', 'duplicate')))
   order by created_at desc, id desc
   limit $1)sql"};

constexpr db::statement sql_missing{"web.missing_files", R"sql(
  select f.id, b.id, b.title, f.original_name, f.missing_since
    from book_files f join visible_books($1) b on b.id = f.book_id
   where f.missing_since is not null
     and ($3::uuid is null or (f.missing_since, f.id) < (select l.missing_since, l.id from book_files l where l.id = $3))
   order by f.missing_since desc, f.id desc
   limit $2)sql"};

// A fixed layout is never converted, and nothing is wrong with that.
constexpr db::statement sql_unconverted{"web.unconverted_books", R"sql(
  with named as (
    select f.id, f.kobo_kept as code, '' as detail from book_files f where f.kobo_kept <> '' and f.kobo_kept <> 'kepub_fixed_layout'
     union
    select s.file_id, s.kobo_kept, '' from kobo_styled s
     where s.kobo_kept <> '' and s.kobo_kept <> 'kepub_fixed_layout'
       and s.style in (select kobo_style(d.settings) from devices d where d.user_id = $1 and d.kind = 'kobo' and d.revoked_at is null)
     union all
    select f.id, w.warning ->> 'code', w.warning ->> 'detail'
      from kobo_artifacts a
      join book_files f on f.id = a.file_id and f.kobo_as = a.id
     cross join lateral (select value as warning from jsonb_array_elements(a.warnings)
                          where value ->> 'code' = 'kepub_document_kept' limit 1) w
     where a.warnings @> '[{"code": "kepub_document_kept"}]')
  select f.id, b.id, b.title, n.code, n.detail, f.updated_at
    from named n
    join book_files f on f.id = n.id
    join visible_books($1) b on b.id = f.book_id
   where exists (select from devices d join feeding_shelves fs on fs.device_id = d.id join shelf_books sb on sb.shelf_id = fs.shelf_id
                  where d.user_id = $1 and d.kind = 'kobo' and d.revoked_at is null and sb.book_id = b.id)
   order by f.updated_at desc, f.id desc limit $2)sql"};

constexpr db::statement sql_shelved{"web.unsuitable_since", R"sql(
  select sb.book_id, max(sb.added_at)
    from feeding_shelves fs
    join shelf_books sb on sb.shelf_id = fs.shelf_id
   where fs.device_id = $1 and sb.book_id = any ($2::uuid[])
   group by sb.book_id)sql"};

// What the documents are called, and who is where in them.
constexpr db::statement sql_about{"web.held_documents", R"sql(
  select d.document, coalesce(nullif(d.title, ''), d.file_name), p.device, p.percentage
    from documents d
    join reading_progress p on p.user_id = d.user_id and p.document = d.document
   where d.user_id = $1 and d.document = any ($2::text[]))sql"};

std::map<uuid, instant> shelved_since(db::tx& tx, const uuid& device, const std::vector<library::unsuitable_book>& books) {
  std::map<uuid, instant> out;
  std::vector<uuid> ids;
  for (const library::unsuitable_book& b : books) ids.push_back(b.book);
  if (ids.empty()) return out;
  for (const db::row& r : tx.run(sql_shelved, device, ids)) out.emplace(r.id(0), r.at(1));
  return out;
}

// The lists are newest first, so what is left is all there is of the kind, up to where the list ends.
void leave_out_quiet(errata& e, const errata_cuts& cuts) {
  std::erase_if(e.items, [&](const failed_item& f) { return cuts.hides("failed", f.since); });
  std::erase_if(e.jobs, [&](const failed_job& j) { return cuts.hides("jobs", j.since); });
  std::erase_if(e.missing, [&](const missing_file& f) { return cuts.hides("missing", f.since); });
  std::erase_if(e.duplicates, [&](const possible_duplicate& d) { return cuts.hides("duplicates", d.pair.found_at); });
  std::erase_if(e.documents, [&](const library::unknown_document& d) { return cuts.hides("unknown", d.at); });
  std::erase_if(e.held, [&](const held_position& h) { return cuts.hides("held", h.row.at); });
  std::erase_if(e.drift, [&](const library::drift& d) { return cuts.hides("drift", d.doubt.since); });
  std::erase_if(e.guarded, [&](const library::guarded_device& d) { return cuts.hides("drift", d.since); });
  std::erase_if(e.unsuitable, [&](const unsuitable_item& u) { return cuts.hides("unsuitable", u.since); });
  std::erase_if(e.unconverted, [&](const unconverted_book& u) { return cuts.hides("unconverted", u.since); });
  std::erase_if(e.libraries.folders, [&](const away_folder& f) { return cuts.hides("folders", f.since); });
  std::erase_if(e.libraries.places, [&](const unread_place& p) { return cuts.hides("places", p.since); });
  std::erase_if(e.libraries.damaged, [&](const damaged_file& f) { return cuts.hides("damaged", f.since); });
  std::erase_if(e.libraries.unmoved, [&](const unmoved_book& b) { return cuts.hides("unmoved", b.since); });
  std::erase_if(e.libraries.unwritten, [&](const unmoved_book& b) { return cuts.hides("unwritten", b.since); });
  std::erase_if(e.highlights, [&](const unplaced_highlights& h) { return cuts.hides("highlights", h.since); });
}

}  // namespace

std::string why_failed(const messages& say, const failed_item& f) {
  std::string other = "code." + f.code + ".imported";
  return f.imported && say.has(other) ? say.text(other) : refusal_text(say, f.code);
}

std::vector<failed_item> failed_items(db::tx& tx, const uuid& viewer, bool everybody, int most,
                                      const std::optional<uuid>& after) {
  std::vector<failed_item> out;
  for (const db::row& r : tx.run(sql_failed, viewer, everybody, most, after)) {
    out.push_back({r.id(0), r.text(1), r.text(2), r.text(3), r.at(4), r.maybe_id(5), r.flag(6), r.flag(7)});
  }
  return out;
}

bool set_dismissed(db::tx& tx, const uuid& viewer, bool everybody, const uuid& item, bool dismissed) {
  return tx.run(sql_dismiss, viewer, everybody, item, dismissed).affected() > 0;
}

bool sees_item(db::tx& tx, const uuid& viewer, bool everybody, const uuid& item) {
  return !tx.run(sql_sees, viewer, everybody, item).empty();
}

std::vector<failed_job> failed_jobs(db::tx& tx, int most) {
  std::vector<failed_job> out;
  for (const db::row& r : tx.run(sql_failed_jobs, most)) out.push_back({r.id(0), r.text(1), r.text(2), r.at(3)});
  return out;
}

std::vector<missing_file> missing_files(db::tx& tx, const uuid& viewer, int most, const std::optional<uuid>& after) {
  std::vector<missing_file> out;
  for (const db::row& r : tx.run(sql_missing, viewer, most, after))
    out.push_back({r.id(0), r.id(1), r.text(2), r.text(3), r.at(4)});
  return out;
}

std::vector<held_position> held_with_titles(db::tx& tx, const uuid& viewer, int most) {
  std::vector<held_position> out;
  std::vector<uuid> ids;
  std::vector<std::string> documents;
  for (library::position_row& p : library::held_positions(tx, viewer, most)) {
    if (p.book) ids.push_back(*p.book);
    documents.push_back(p.document);
    held_position h;
    h.row = std::move(p);
    out.push_back(std::move(h));
  }
  for (const db::row& r : tx.run(sql_about, viewer, documents)) {
    for (held_position& h : out) {
      if (h.row.document != r.text(0)) continue;
      h.title = r.text(1);
      h.now_device = r.text(2);
      h.now_percentage = r.real(3);
    }
  }
  for (const library::book& b : library::load_books(tx, viewer, ids)) {
    for (held_position& h : out) {
      if (h.row.book == b.id) h.title = b.title;
    }
  }
  return out;
}

std::vector<unsuitable_item> unsuitable_items(db::tx& tx, const uuid& viewer, int most) {
  std::vector<unsuitable_item> out;
  for (const library::device& d : library::devices(tx, viewer)) {
    if (d.kind != "kobo") continue;
    std::vector<library::unsuitable_book> books = library::unsuitable_books(tx, d.id);
    std::map<uuid, instant> since = shelved_since(tx, d.id, books);
    for (library::unsuitable_book& b : books) {
      if (static_cast<int>(out.size()) == most) return out;
      instant at = since[b.book];
      out.push_back({.device = d.id, .device_name = d.name, .book = std::move(b), .since = at});
    }
  }
  return out;
}

std::vector<unconverted_book> unconverted_books(db::tx& tx, const uuid& viewer, int most) {
  std::vector<unconverted_book> out;
  for (const db::row& r : tx.run(sql_unconverted, viewer, most))
    out.push_back({r.id(0), r.id(1), r.text(2), r.text(3), r.text(4), r.at(5)});
  return out;
}

errata load_errata(db::tx& tx, const uuid& viewer, bool everybody, bool jobs, int most) {
  errata out;
  out.items = failed_items(tx, viewer, everybody, most);
  if (jobs) out.jobs = failed_jobs(tx, most);
  if (everybody) out.missing = missing_files(tx, viewer, most);
  if (everybody) out.duplicates = load_duplicates(tx, viewer, false, std::nullopt, most).pairs;
  if (everybody) out.libraries = load_library_errata(tx, viewer, most);
  out.documents = library::unknown_documents(tx, viewer, most);
  out.held = held_with_titles(tx, viewer, most);
  out.drift = library::drift_of(tx, viewer, most);
  out.guarded = library::guarded_devices(tx, viewer);
  out.unsuitable = unsuitable_items(tx, viewer, most_counted);
  out.unconverted = unconverted_books(tx, viewer, most_counted);
  if (everybody) out.metadata = metadata_that_is_missing(tx, viewer);
  out.highlights = highlights_without_place(tx, viewer, most);
  leave_out_quiet(out, errata_cuts(tx, viewer));
  return out;
}

}  // namespace carrel::web
