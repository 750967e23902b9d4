#pragma once
// What a book that came in takes from its sources without a person (metadata-providers.md 9.2, ingest.md 18.3).

#include <optional>
#include <string>
#include <vector>

#include "ingest/sources/choose.hpp"
#include "server/core/config.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::ingest::sources {

struct book_rules {
  apply_mode mode = apply_mode::off;
  thresholds limits;
  std::optional<double> approve_at;  // ingest.auto_approve
};
book_rules book_rules_from(const config&);

struct rule_outcome {
  std::vector<std::string> fields;  // taken, in one group of the history
  bool approved = false;
};
// Whenever a source has answered; all that the sources have said so far counts, so the order in which they answer does not
// matter.
rule_outcome follow_rules(db::tx&, const book_rules&, const uuid& book);

}  // namespace carrel::ingest::sources
