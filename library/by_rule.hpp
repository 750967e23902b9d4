#pragma once
// Books as rules handle them, without a person (metadata-providers.md 9.2, ingest.md 18.3).

#include <optional>
#include <string>
#include <vector>

#include "library/audit.hpp"
#include "library/candidate.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// In the history of a book and of the system, where a person would stand.
inline const actor metadata_rule{std::nullopt, "metadata sources"};

// A book as a rule finds it.
struct ruled_book {
  bool approved = false;  // by a person
  bool audio = false;
  std::vector<field_now> fields{};         // every one
  std::vector<candidate> own_files{};      // what its files and their company say, the surest first
  std::vector<std::string> provisional{};  // fields that hold what a rule put there last, or an estimate
  std::vector<std::string> taken_back{};   // somebody undid a change of them
};
// Held until the end of the transaction; nothing for one that is gone or in the trash.
std::optional<ruled_book> hold_for_rule(db::tx&, const uuid& book);

// It skipped the inbox by ingest.auto_approve: no person has looked at it.
void mark_approved_by_rule(db::tx&, const uuid& book);

// From the inbox into the library, unless something of it must be looked at: no title, no author, a warning that blocks, or it
// may be there already. False when it stays. Like every approval it can be taken back, and then it is a person's.
bool approve_by_rule(db::tx&, const uuid& book, const actor&);

}  // namespace carrel::library
