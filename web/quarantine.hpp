#pragma once
// Files that were refused and lie in quarantine (ingest.md 4.2): kept until a person decides, then as long as the attic keeps
// things.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::web {

struct quarantined {
  uuid id;
  std::string name, code, detail, path;
  instant since{};
  std::optional<instant> discarded_at;
  std::optional<std::uint64_t> size;  // filled by measure()
};
// Newest first, after the given one.
std::vector<quarantined> quarantined_files(db::tx&, const std::optional<uuid>& after, int most);
std::optional<quarantined> find_quarantined(db::tx&, const uuid& item);
// As the disk has them; blocking. Those that are not there keep none.
std::vector<quarantined> measure(std::vector<quarantined>, const std::filesystem::path& data);
bool set_discarded(db::tx&, const uuid& item, bool discarded);

}  // namespace carrel::web
