#include "library/audio_edition.hpp"

#include <algorithm>
#include <set>

#include "library/audit.hpp"
#include "library/book.hpp"
#include "library/revision.hpp"
#include "publication/fingerprint.hpp"
#include "publication/names.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr std::size_t most_chapters = 5000;
constexpr std::int64_t shortest_chapter = 100;  // ms
constexpr std::int64_t as_long = 2'000;         // ms by which told chapters may end behind the files

constexpr db::statement sql_files{"library.recordings", R"sql(
  select f.id, f.duration_ms, f.file_size, f.mime, f.original_name, f.drm, f.facts::text, b.title
    from unnest($2::uuid[]) with ordinality as w (id, place)
    join book_files f on f.id = w.id and f.book_id = $1
    join books b on b.id = f.book_id
   order by w.place)sql"};

// A file beside the recordings is believed before they are (ingest.md 18.2), unless it speaks of another book.
constexpr db::statement sql_told_chapters{"library.told_chapters", R"sql(
  select normalized::text from book_metadata_candidates
   where book_id = $1 and source = 'sidecar_json' and normalized ? 'chapters' and status <> 'rejected' and confidence >= 0.45
   order by source_key limit 1)sql"};

constexpr db::statement sql_edition{"library.find_edition", R"sql(
  select id, duration_seconds, total_bytes, scan_state, coalesce(scan_error, '') from audio_editions
   where book_id = $1 and is_primary for update)sql"};

constexpr db::statement sql_tracks{"library.tracks_of_edition", R"sql(
  select book_file_id, title, start_offset, duration_seconds from audio_tracks where edition_id = $1 order by track_index)sql"};

constexpr db::statement sql_chapters{"library.chapters_of_edition", R"sql(
  select title, start_seconds, end_seconds, source from audio_chapters where edition_id = $1 order by idx)sql"};

constexpr db::statement sql_write{"library.write_edition", R"sql(
  insert into audio_editions (id, book_id, duration_seconds, total_bytes, scan_state, scan_error)
  values ($1, $2, $3, $4, $5, nullif($6, ''))
      on conflict (book_id) where is_primary do update
     set duration_seconds = excluded.duration_seconds, total_bytes = excluded.total_bytes, scan_state = excluded.scan_state,
         scan_error = excluded.scan_error, updated_at = clock_timestamp())sql"};

constexpr db::statement sql_drop_tracks{"library.drop_tracks", R"sql(
  delete from audio_tracks where edition_id = $1 and book_file_id <> all ($2::uuid[]))sql"};

constexpr db::statement sql_write_tracks{"library.write_tracks", R"sql(
  insert into audio_tracks (id, edition_id, book_file_id, track_index, start_offset, duration_seconds, title, disc_no, track_no, mime_type)
  select w.id, $1, w.file, w.place, w.start, w.length, w.title, w.disc, w.track, w.mime
    from unnest($2::uuid[], $3::uuid[], $4::double precision[], $5::double precision[], $6::text[], $7::int[], $8::int[], $9::text[])
         with ordinality as w (id, file, start, length, title, disc, track, mime, place)
      on conflict (edition_id, book_file_id) do update
     set track_index = excluded.track_index, start_offset = excluded.start_offset, duration_seconds = excluded.duration_seconds,
         title = excluded.title, disc_no = excluded.disc_no, track_no = excluded.track_no, mime_type = excluded.mime_type)sql"};

constexpr db::statement sql_drop_chapters{"library.drop_chapters", "delete from audio_chapters where edition_id = $1"};
constexpr db::statement sql_write_chapters{"library.write_chapters", R"sql(
  insert into audio_chapters (edition_id, idx, start_seconds, end_seconds, title, source)
  select $1, w.place - 1, w.start, w.end_at, w.title, w.source
    from unnest($2::double precision[], $3::double precision[], $4::text[], $5::text[]) with ordinality as w (start, end_at, title, source, place))sql"};

constexpr db::statement sql_positions{"library.number_recordings", R"sql(
  update book_files f set position = w.place, superseded = false
    from unnest($2::uuid[]) with ordinality as w (id, place)
   where f.id = w.id and f.book_id = $1 and (f.position <> w.place or f.superseded))sql"};
// What is missing keeps its place for the day on which it is back.
constexpr db::statement sql_no_place{"library.recordings_without_place", R"sql(
  update book_files set position = 0
   where book_id = $1 and position > 0 and (missing_since is null or superseded)
     and not exists (select from audio_tracks t where t.book_file_id = book_files.id))sql"};

constexpr db::statement sql_superseded{"library.superseded_files", R"sql(
  select id, book_id, coalesce(storage_path, ''), original_name, checksum from book_files where book_id = $1 and superseded
   order by id)sql"};
constexpr db::statement sql_superseded_missing{"library.superseded_and_missing", R"sql(
  select f.id, f.book_id, coalesce(f.storage_path, ''), f.original_name, f.checksum
    from book_files f
   where f.superseded and f.missing_since is not null
     and exists (select from library_files l where l.file_id = f.id and l.library_id = $1)
     and exists (select from audio_tracks t join book_files o on o.id = t.book_file_id
                  where o.book_id = f.book_id and o.missing_since is null)
   order by f.id)sql"};
constexpr db::statement sql_mark_superseded{"library.mark_superseded", R"sql(
  update book_files set superseded = true where id = any ($1::uuid[]) and not superseded)sql"};
// Not the file that a merged one has become: its address leads there.
constexpr db::statement sql_remove_superseded{"library.remove_superseded", R"sql(
  with places as (delete from library_files where file_id = $1 and missing_since is not null)
  delete from book_files f
   where f.id = $1 and f.checksum = $2 and f.superseded and not exists (select from file_aliases a where a.into_id = f.id))sql"};
constexpr db::statement sql_fewer_files{"library.book_has_fewer_files", R"sql(
  update books set offered = (select coalesce(max(f.offered), 0) from book_files f where f.book_id = $1), version = version + 1,
         updated_at = greatest(clock_timestamp(), updated_at)
   where id = $1)sql"};

constexpr db::statement sql_place{"library.place_recording", R"sql(
  update book_files set position = $2, download_name = $3, slug = $4, filename_md5 = $5 where id = $1)sql"};

constexpr db::statement sql_touch{"library.touch_recorded_book", R"sql(
  update books set version = version + 1, updated_at = greatest(clock_timestamp(), updated_at) where id = $1)sql"};

constexpr db::statement sql_order{"library.order_of_edition", R"sql(
  select t.book_file_id, case when e.scan_state = 'incomplete' then e.scan_error else '' end
    from audio_editions e join audio_tracks t on t.edition_id = e.id where e.book_id = $1 and e.is_primary order by t.track_index)sql"};

constexpr db::statement sql_length{"library.length_of_edition", R"sql(
  select (duration_seconds * 1000)::bigint from audio_editions where book_id = $1 and is_primary and duration_seconds > 0)sql"};

struct track {
  uuid file;
  std::string title, mime;
  std::int64_t start = 0, length = 0;  // ms
  std::optional<std::int64_t> disc, number;
};

struct mark {
  std::string title;
  std::int64_t start = 0, end = 0;  // ms
  const char* source = "track";     // embedded: of the file itself; sidecar: of a file beside it
};

struct edition {
  std::vector<track> tracks;
  std::vector<mark> marks;
  std::int64_t length = 0, bytes = 0;
  bool locked = false;  // copy-protected
};

struct read_file {
  track is;
  std::string own_title, stem;
  std::vector<mark> marks;
  std::int64_t bytes = 0;
  bool locked = false;
};

std::optional<std::int64_t> number_in(const json::object& facts, std::string_view name) {
  std::string text;
  return facts.take(name, text) ? to_integer(text) : std::nullopt;
}

std::vector<mark> marks_in(const json::object& facts, const char* source) {
  std::vector<mark> out;
  const json::value* list = facts.find("chapters");
  if (list == nullptr || list->as_array() == nullptr) return out;
  for (const json::value& v : *list->as_array()) {
    mark m{.title = {}, .start = 0, .end = 0, .source = source};
    if (v.as_object() == nullptr || !v.as_object()->take("title", m.title)) continue;
    if (v.as_object()->take("start_ms", m.start) && v.as_object()->take("end_ms", m.end) && m.end - m.start >= shortest_chapter)
      out.push_back(std::move(m));
  }
  return out;
}

read_file file_from(const db::row& r) {
  read_file out;
  out.is = {.file = r.id(0), .title = {}, .mime = r.text(3), .start = 0, .length = r.integer(1), .disc = {}, .number = {}};
  out.bytes = r.integer(2);
  out.stem = publication::clean_text(publication::file_stem(r.text(4)), 500);
  out.locked = !r.text(5).empty();
  if (result<json::object> facts = json::read_object(r.view(6))) {
    facts->take("track_title", out.own_title);
    out.is.disc = number_in(*facts, "disc");
    out.is.number = number_in(*facts, "track");
    out.marks = marks_in(*facts, "embedded");
  }
  return out;
}

// 14.3: what the files call themselves, when each does so and none says the same as another or as the book.
bool have_names(const std::vector<read_file>& files, const std::string& title) {
  std::set<std::string> seen{title};
  return std::all_of(files.begin(), files.end(),
                     [&](const read_file& f) { return !f.own_title.empty() && seen.insert(f.own_title).second; });
}

edition assemble(std::vector<read_file> files, const std::string& title) {
  edition out;
  bool named = have_names(files, title);
  for (read_file& f : files) {
    f.is.title = named ? f.own_title : f.stem;
    f.is.start = out.length;
    if (f.marks.empty() && f.is.length > 0) f.marks.push_back({.title = f.is.title, .start = 0, .end = f.is.length});
    for (mark& m : f.marks) {
      if (out.marks.size() == most_chapters || m.start >= f.is.length) continue;
      out.marks.push_back({m.title, out.length + m.start, out.length + std::min(m.end, f.is.length), m.source});
    }
    out.length += f.is.length;
    out.bytes += f.bytes;
    out.locked = out.locked || f.locked;
    out.tracks.push_back(std::move(f.is));
  }
  return out;
}

// Those of another recording do not end where this one does.
void take_told_chapters(db::tx& tx, const uuid& book, edition& e) {
  db::rows rows = tx.run(sql_told_chapters, book);
  result<json::object> told = rows.empty() ? error{"chapters", "none"} : json::read_object(rows[0].view(0));
  std::vector<mark> marks = told ? marks_in(*told, "sidecar") : std::vector<mark>();
  bool fits =
      std::all_of(marks.begin(), marks.end(), [&](const mark& m) { return m.start < e.length && m.end <= e.length + as_long; });
  if (marks.empty() || !fits) return;
  for (mark& m : marks) m.end = std::min(m.end, e.length);
  if (marks.size() > most_chapters) marks.resize(most_chapters);
  e.marks = std::move(marks);
}

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

bool is_so(db::tx& tx, const uuid& id, const edition& e) {
  db::rows tracks = tx.run(sql_tracks, id), marks = tx.run(sql_chapters, id);
  auto same_track = [](const db::row& r, const track& t) {
    return r.id(0) == t.file && r.text(1) == t.title && r.real(2) == seconds(t.start) && r.real(3) == seconds(t.length);
  };
  auto same_mark = [](const db::row& r, const mark& m) {
    return r.text(0) == m.title && r.real(1) == seconds(m.start) && r.real(2) == seconds(m.end) && r.text(3) == m.source;
  };
  return std::equal(tracks.begin(), tracks.end(), e.tracks.begin(), e.tracks.end(), same_track) &&
         std::equal(marks.begin(), marks.end(), e.marks.begin(), e.marks.end(), same_mark);
}

void write_tracks(db::tx& tx, const uuid& id, const edition& e) {
  std::vector<uuid> ids, files;
  std::vector<double> starts, lengths;
  std::vector<std::string> titles, mimes;
  std::vector<std::optional<std::int64_t>> discs, numbers;
  for (const track& t : e.tracks) {
    ids.push_back(uuid::make());
    files.push_back(t.file);
    starts.push_back(seconds(t.start));
    lengths.push_back(seconds(t.length));
    titles.push_back(t.title);
    mimes.push_back(t.mime);
    discs.push_back(t.disc);
    numbers.push_back(t.number);
  }
  tx.run(sql_drop_tracks, id, files);
  tx.run(sql_write_tracks, id, ids, files, starts, lengths, titles, discs, numbers, mimes);
}

void write_chapters(db::tx& tx, const uuid& id, const edition& e) {
  std::vector<double> starts, ends;
  std::vector<std::string> titles, sources;
  for (const mark& m : e.marks) {
    starts.push_back(seconds(m.start));
    ends.push_back(seconds(m.end));
    titles.push_back(m.title);
    sources.emplace_back(m.source);
  }
  tx.run(sql_drop_chapters, id);
  tx.run(sql_write_chapters, id, starts, ends, titles, sources);
}

}  // namespace

bool write_edition(db::tx& tx, const uuid& book, const recordings& all) {
  db::rows rows = tx.run(sql_files, book, all.files);
  if (rows.empty()) return false;
  std::vector<read_file> files;
  for (const db::row& r : rows) files.push_back(file_from(r));
  edition e = assemble(std::move(files), rows[0].text(7));
  take_told_chapters(tx, book, e);
  std::string state = e.locked ? "error" : all.missing.empty() ? "ok" : "incomplete";
  std::string why = e.locked ? "protected file" : all.missing;

  bool renumbered = tx.run(sql_positions, book, all.files).affected() > 0;
  db::rows there = tx.run(sql_edition, book);
  bool same = !there.empty() && there[0].real(1) == seconds(e.length) && there[0].integer(2) == e.bytes &&
              there[0].text(3) == state && there[0].text(4) == why && is_so(tx, there[0].id(0), e);
  if (same && !renumbered) return tx.run(sql_no_place, book).affected() > 0;
  uuid id = there.empty() ? uuid::make() : there[0].id(0);
  tx.run(sql_write, id, book, seconds(e.length), e.bytes, state, why);
  write_tracks(tx, id, e);
  write_chapters(tx, id, e);
  tx.run(sql_no_place, book);
  tx.run(sql_touch, book);
  bump_revision(tx);
  return true;
}

recordings order_of_edition(db::tx& tx, const uuid& book) {
  recordings all;
  for (const db::row& r : tx.run(sql_order, book)) {
    all.files.push_back(r.id(0));
    all.missing = r.text(1);
  }
  return all;
}

bool refresh_edition(db::tx& tx, const uuid& book) {
  recordings all = order_of_edition(tx, book);
  return !all.files.empty() && write_edition(tx, book, all);
}

void place_recording(db::tx& tx, const uuid& book, const uuid& file, int position, const std::string& name) {
  std::string sum = publication::file_name_md5(name);
  tx.run(sql_place, file, position, name, publication::ascii_slug(name), sum);
  remember_hash(tx, book, file, "filename", sum, "original");
}

namespace {

std::vector<superseded_file> superseded_from(const db::rows& rows) {
  std::vector<superseded_file> out;
  for (const db::row& r : rows)
    out.push_back({.id = r.id(0), .book = r.id(1), .storage_path = r.text(2), .name = r.text(3), .checksum = r.text(4)});
  return out;
}

}  // namespace

std::vector<superseded_file> superseded_files(db::tx& tx, const uuid& book) {
  return superseded_from(tx.run(sql_superseded, book));
}

std::vector<superseded_file> superseded_and_missing(db::tx& tx, const uuid& library) {
  return superseded_from(tx.run(sql_superseded_missing, library));
}

void mark_superseded(db::tx& tx, const std::vector<uuid>& files) { tx.run(sql_mark_superseded, files); }

bool remove_superseded(db::tx& tx, const superseded_file& f) {
  if (tx.run(sql_remove_superseded, f.id, f.checksum).affected() == 0) return false;
  record(tx, {.user = std::nullopt, .name = "ingest"}, "file.replace", "book", f.book,
         json::object{{"file", f.id}, {"before", f.checksum}, {"kept", f.id}});
  tx.run(sql_fewer_files, f.book);
  bump_revision(tx);
  return true;
}

std::optional<std::int64_t> length_of_edition(db::tx& tx, const uuid& book) {
  db::rows rows = tx.run(sql_length, book);
  return rows.empty() ? std::nullopt : std::optional(rows[0].integer(0));
}

}  // namespace carrel::library
