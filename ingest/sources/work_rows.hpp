#pragma once
// Rows of metadata_jobs on their way: who works on one, when it comes again, and what its job says of it.

#include <optional>
#include <string>

#include "library/source.hpp"
#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::ingest::sources {

struct row_of_work {
  uuid id, book;
  std::optional<uuid> job;
  int attempts = 0;
  bool urgent = false;
};

// The most urgent row of the source that is due, for this holder. Without one: when the next is due.
struct next_row {
  std::optional<row_of_work> row;
  std::optional<instant> due;
};
next_row claim_row(db::tx&, const std::string& source, const std::string& holder, bool only_urgent);
bool is_urgent_waiting(db::tx&, const std::string& source);

void put_off(db::tx&, const row_of_work&, const std::string& holder, const std::optional<instant>& until, int attempts);
void finish_row(db::tx&, const row_of_work&, const std::string& holder, const std::string& source, const std::string& error);

// Jobs that a person started again, and those whose rows went with their books. Also rows of sources that are not asked any more.
void tidy_jobs(db::tx&, const std::vector<std::string>& asked);

}  // namespace carrel::ingest::sources
