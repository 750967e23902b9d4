#pragma once
// What one request asks of the database, in one turn: whose secret it shows, and the push or the fetch itself. Requests that
// wait share the turn (db::batcher).

#include <optional>
#include <string>
#include <vector>

#include "library/position.hpp"
#include "server/auth/device_claim.hpp"
#include "server/db/tx.hpp"

namespace carrel::kosync {

// Two batches at a time: while one is at the database, the server reads and answers the requests of the other.
inline constexpr std::size_t batch_size = 256;
inline constexpr unsigned lanes = 2;

// With a claim, user and device of the work are those of the secret; without one they are set already.
struct put_turn {
  std::optional<auth::device_claim> claim;
  library::position push;
};
struct put_outcome {
  std::optional<library::secret_owner> device;     // of the claim
  std::optional<library::stored_position> stored;  // absent: the claim was not confirmed and nothing was done
};
std::vector<put_outcome> run_puts(db::tx&, const std::vector<put_turn>&, const library::put_policy&);

struct get_turn {
  std::optional<auth::device_claim> claim;
  library::fetch wanted;
  bool shows = true;  // false for HEAD: the device is not shown anything that it could remember
};
struct get_outcome {
  std::optional<library::secret_owner> device;
  bool done = false;
  std::optional<library::position> found;
};
std::vector<get_outcome> run_gets(db::tx&, const std::vector<get_turn>&);

}  // namespace carrel::kosync
