#pragma once
// The rows that a batch of pushes leaves behind, stored in one statement (kosync.md 9.1). Internal to library/.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "library/position.hpp"
#include "library/position_judge.hpp"
#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

using document_key = std::pair<uuid, std::string>;  // user, document; its order is the order in which rows are locked

place place_of(const position&);

// A push as history remembers it.
struct pushed_row {
  uuid id;
  const position* pushed = nullptr;
  verdict judged;
  std::int64_t revision = 0;
  instant at{};
  std::optional<instant> settled = std::nullopt;
};

// Added in the order of document_key, so that no two batches wait for each other.
class position_rows {
 public:
  explicit position_rows(instant now) : now_(now) {}

  // `author` is the push that made it current, when that came with this batch.
  void add_current(const document_key&, const current_place&, const position* author);
  // `timestamp` of the current row; it counts only for a device that pushed just now.
  void add_device(const document_key&, const std::string& device_key, const device_place&, std::int64_t timestamp);
  void add_contact(const uuid& user, const std::string& device_key);
  void add_history(const pushed_row&);

  void store(db::tx&) const;

 private:
  struct place_columns {
    std::vector<uuid> users;
    std::vector<std::string> documents, devices, keys, progress;
    std::vector<std::optional<std::string>> device_ids;
    std::vector<double> percentages;
    void add(const uuid& user, const std::string& document, const place&);
  };

  const instant now_;

  place_columns current_;
  std::vector<uuid> current_ids_;
  std::vector<std::optional<uuid>> current_credentials_, current_histories_;
  std::vector<std::string> current_origins_;
  std::vector<std::optional<std::string>> current_payloads_;
  std::vector<std::int64_t> current_timestamps_, current_revisions_;

  place_columns device_;
  std::vector<std::optional<uuid>> device_histories_;
  std::vector<std::optional<std::int64_t>> device_timestamps_;
  std::vector<std::optional<instant>> device_put_at_;
  std::vector<std::int64_t> device_seen_;
  std::vector<bool> device_held_, device_counts_;

  std::vector<uuid> contact_users_;
  std::vector<std::string> contact_keys_;

  place_columns history_;
  std::vector<uuid> history_ids_;
  std::vector<std::string> history_origins_, history_reasons_;
  std::vector<std::int64_t> history_timestamps_, history_revisions_;
  std::vector<bool> history_accepted_;
  std::vector<instant> history_created_;
  std::vector<std::optional<instant>> history_settled_;
};

}  // namespace carrel::library
