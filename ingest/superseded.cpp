#include "ingest/superseded.hpp"

#include "ingest/names.hpp"
#include "ingest/paths.hpp"
#include "ingest/sweep.hpp"
#include "library/audio_edition.hpp"
#include "library/store.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

// Where it came from nothing is left to be brought. Under the same bytes it would come in anew.
constexpr db::statement sql_vanished{"ingest.superseded_items", R"sql(
  update ingest_items set state = 'vanished', updated_at = clock_timestamp() where file_id = $1 and state in ('inbox', 'organised', 'duplicate'))sql"};

// The entry of the attic has the file's own id, so that an attempt after an interruption finds what the first one kept.
std::optional<error> keep_in_attic(const services& s, const library::superseded_file& f) {
  fs::path stored = s.store.absolute(f.storage_path), folder = s.store.data() / "attic" / f.id.text();
  if (f.storage_path.empty() || library::is_external(f.storage_path) || !is_there(stored)) return std::nullopt;
  if (std::optional<error> bad = make_synced_folder(folder)) return bad;
  std::optional<error> bad = library::link_proven(stored, folder / safe_name(f.name));
  return bad && bad->field == "target_exists" ? std::nullopt : bad;
}

}  // namespace

void put_superseded_away(const services& s, const uuid& book) {
  for (const library::superseded_file& f : s.pool.read_now([&](db::tx& tx) { return library::superseded_files(tx, book); })) {
    if (std::optional<error> bad = keep_in_attic(s, f)) {
      log::warn("ingest.superseded_stays", {{"file", f.id}, {"error", bad->message()}});  // it stays with its book
      continue;
    }
    bool gone = s.pool.write_now([&](db::tx& tx) {
      bool removed = library::remove_superseded(tx, f);
      if (removed) tx.run(sql_vanished, f.id);
      return removed;
    });
    if (!gone) continue;
    remove_unneeded(s, f.storage_path);
    log::info("ingest.superseded", {{"book", book}, {"file", f.id}});
  }
}

}  // namespace carrel::ingest
