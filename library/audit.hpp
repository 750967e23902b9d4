#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Who did it: a person, a device, a key, a command ("command line") or a job.
struct actor {
  std::optional<uuid> user;
  std::string name;
};

// `detail` holds what is needed to undo: for edits {"field": {"before":…, "after":…}}.
void record(db::tx&, const actor&, const std::string& action, const std::string& subject_kind, const std::optional<uuid>& subject,
            const json::object& detail = {});

struct audit_entry {
  uuid id;
  instant at{};
  std::string actor, action, subject_kind;
  std::optional<uuid> subject;
  std::string detail;  // JSON text
};
std::vector<audit_entry> history_of(db::tx&, const uuid& subject, int most);

}  // namespace carrel::library
