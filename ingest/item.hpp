#pragma once
// Rows of ingest_items: where each file is on its way (ingest.md 2.3). Every state is written before what comes after it is done.

#include <optional>
#include <string>
#include <vector>

#include "ingest/paths.hpp"
#include "publication/metadata.hpp"
#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::ingest {

struct item {
  uuid id;
  std::string origin;  // watch, upload, command, import
  bool keep = false;   // source_policy
  bool approve = false;
  std::optional<uuid> user, batch;
  std::string source_path;  // bytes; "" for uploads
  std::string display_name;
  identity who;
  std::string state = "seen";
  bool source_done = false;
  std::string error_code, error_detail;
  std::vector<publication::warning> warnings;
  int attempts = 0;
  std::optional<instant> next_try_at;
  std::string sha256, staging_path, target_path, quarantine_path;
  std::optional<uuid> book, file_id;

  bool finished() const {
    return state == "inbox" || state == "organised" || state == "duplicate" || state == "rejected" || state == "vanished";
  }
  bool has_source() const { return !source_path.empty(); }
};

// A file that was found; `settled` says whether it may be read already.
struct finding {
  std::string path;  // bytes
  identity who;
};
struct found_item {
  uuid id;
  std::string state;
  bool fresh = false;       // the row was made just now
  bool unreadable = false;  // failed because it could not be read
};
// One row per (path, inode, size, mtime), whoever asks; in the order of the findings.
std::vector<found_item> store_findings(db::tx&, const std::vector<finding>&, const item& like);
// Those of the findings that need nothing more: a row exists that does not wait for its rest or for the right to read it, and
// has not vanished: what is there again comes in.
std::vector<bool> known_findings(db::tx&, const std::vector<finding>&);

std::optional<item> find_item(db::tx&, const uuid&);
// A row made from scratch (uploads).
void store_item(db::tx&, const item&);

// What the newest request wants of a row that was there; a changed policy opens the question of the source again.
void mark_asked(db::tx&, const uuid&, bool keep, bool approve);
// The source stays where it is, whatever was asked for.
void mark_kept(db::tx&, const uuid&);
void mark_hashed(db::tx&, const item&);  // sha256, staging_path, target_path
void mark_stored(db::tx&, const item&);  // state, book, file, warnings, source_done
void mark_source_done(db::tx&, const uuid&);
// rejected, failed or vanished; the same outcome again changes nothing but the attempts.
void mark_ended(db::tx&, const item&);

// A file of the drop folder that cannot be opened: in errata until it can be, is replaced or goes.
void mark_unreadable(db::tx&, const uuid&, const std::string& reason);
// The source could not be removed from its folder although its copy is proven.
void mark_source_stays(db::tx&, const uuid&);

int count_waiting_for_space(db::tx&);

json::array warnings_to_json(const std::vector<publication::warning>&);

}  // namespace carrel::ingest
