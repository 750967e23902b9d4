#include <map>
#include <set>

#include "ingest/in_place_file.hpp"
#include "ingest/place.hpp"
#include "ingest/scan.hpp"
#include "library/audio_edition.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_unjoined{"ingest.unjoined_recordings", R"sql(
  select l.place
    from library_files l
    join book_files f on f.id = l.file_id and f.position > 0
    join books b on b.id = f.book_id and b.merged_into is null
   where l.library_id = $1 and l.state = 'book' and l.missing_since is null
     and not exists (select from audio_tracks t where t.book_file_id = f.id)
   order by l.place limit $2)sql"};

constexpr db::statement sql_file_at{"ingest.recording_at_place", R"sql(
  select f.id, f.book_id from library_files l join book_files f on f.id = l.file_id where l.library_id = $1 and l.place = $2)sql"};

// Nobody lies beside it now who could say where it belongs.
void put_last(db::tx& tx, const uuid& library, const std::string& place) {
  for (const db::row& r : tx.run(sql_file_at, library, db::bytes{place})) {
    library::recordings all = library::order_of_edition(tx, r.id(1));
    all.files.push_back(r.id(0));
    library::write_edition(tx, r.id(1), all);
  }
}

}  // namespace

std::vector<std::string> unjoined_recordings(db::tx& tx, const uuid& library, int most) {
  std::vector<std::string> out;
  for (const db::row& r : tx.run(sql_unjoined, library, most)) out.push_back(r.raw(0));
  return out;
}

void join_unjoined(const services& s, const library::book_library& l, const read_options& how, read_counts& out) {
  constexpr int most = 10'000;
  auto find = [&] { return s.pool.read_now([&](db::tx& tx) { return unjoined_recordings(tx, l.id, most); }); };
  std::set<fs::path> seen;
  for (const std::string& place : find()) {
    if (how.stop && how.stop()) return;
    if (!seen.insert(home_of(path_of(l.root, place), l.root)).second) continue;
    std::optional<unit> all = recordings_around(s, l, place);
    if (all) read_recordings(s, l, *all, how.settle, out);
  }
  for (const std::string& place : find()) {
    if (how.stop && how.stop()) return;
    s.pool.write_now([&](db::tx& tx) { put_last(tx, l.id, place); });
  }
}

void forget_superseded(const services& s, const uuid& library) {
  for (const library::superseded_file& f :
       s.pool.read_now([&](db::tx& tx) { return library::superseded_and_missing(tx, library); }))
    s.pool.write_now([&](db::tx& tx) { return library::remove_superseded(tx, f); });
}

}  // namespace carrel::ingest
