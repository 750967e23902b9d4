#include "library/recording.hpp"

#include "server/core/json.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_tracks{"library.recorded_tracks", R"sql(
  select f.id, t.title, round(t.start_offset * 1000)::bigint, round(t.duration_seconds * 1000)::bigint, e.id
    from audio_editions e
    join audio_tracks t on t.edition_id = e.id
    join book_files f on f.id = t.book_file_id and f.book_id = e.book_id
   where e.book_id = $1 and e.is_primary and f.drm = '' and t.duration_seconds > 0
   order by t.track_index)sql"};

constexpr db::statement sql_chapters{"library.recorded_chapters", R"sql(
  select title, round(start_seconds * 1000)::bigint from audio_chapters where edition_id = $1 order by idx)sql"};

constexpr db::statement sql_file{"library.recorded_file", R"sql(
  select f.id, b.title, f.duration_ms, f.facts::text from book_files f join books b on b.id = f.book_id
   where f.id = $1 and f.duration_ms > 0 and f.drm = '')sql"};

// ingest writes them so (book.hpp: facts_of).
std::vector<recorded_chapter> chapters_in(std::string_view facts) {
  std::vector<recorded_chapter> out;
  result<json::object> in = json::read_object(facts);
  const json::value* all = in ? in->find("chapters") : nullptr;
  if (all == nullptr || all->as_array() == nullptr) return out;
  for (const json::value& v : *all->as_array()) {
    recorded_chapter c;
    const json::object* o = v.as_object();
    if (o != nullptr && o->take("title", c.title) && o->take("start_ms", c.start)) out.push_back(std::move(c));
  }
  return out;
}

}  // namespace

recording recording_of(db::tx& tx, const uuid& book, const uuid& file) {
  recording out;
  db::rows tracks = tx.run(sql_tracks, book);
  for (const db::row& r : tracks) {
    out.tracks.push_back({.file = r.id(0), .title = r.text(1), .start = r.integer(2), .length = r.integer(3)});
    out.length += r.integer(3);
  }
  if (!tracks.empty()) {
    for (const db::row& r : tx.run(sql_chapters, tracks[0].id(4)))
      out.chapters.push_back({.title = r.text(0), .start = r.integer(1)});
    return out;
  }
  db::rows rows = tx.run(sql_file, file);
  if (rows.empty()) return out;
  out.length = rows[0].integer(2);
  out.tracks.push_back({.file = rows[0].id(0), .title = rows[0].text(1), .start = 0, .length = out.length});
  out.chapters = chapters_in(rows[0].view(3));
  return out;
}

}  // namespace carrel::library
