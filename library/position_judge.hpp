#pragma once
// Which push becomes current (kosync.md 9.3 to 9.5). No database here: what is known goes in, the verdict comes out.
// Internal to library/ and its tests.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"

namespace carrel::library {

// Who is where.
struct place {
  std::string progress, device;
  std::optional<std::string> device_id;
  std::string device_key;
  double percentage = 0;
  bool operator==(const place&) const = default;
};

struct current_place {
  place at;
  std::int64_t timestamp = 0;
  std::int64_t revision = 0;
  std::optional<uuid> history;
};

// The last push of one device, and what the device knows of the current row.
struct device_place {
  std::optional<place> last;
  std::int64_t seen = 0;  // revision it was last shown or wrote itself
  bool held = false;      // the last push was
  bool counts = true;     // since the last restart mark
  std::optional<uuid> history;
  bool touched = false;  // to be stored
  bool pushed = false;   // just now; else only its count changed
};

// What speaks for or against a push that lowers the position.
struct evidence {
  std::optional<std::int64_t> sent_at;        // lowest revision at which the same device sent the same progress before
  std::optional<instant> last_put, last_get;  // of the same device, whatever the document
};

// "" = not held; else unseen, echo or burst (rules E1 to E3).
std::string_view reason_to_hold(const current_place&, const place& pushed, std::int64_t seen, const evidence&, instant now);
// By more than what makes another page.
bool is_behind(double percentage, double of);

struct push {
  place at;
  std::int64_t timestamp = 0;
  bool furthest = false;  // policy
  bool hold = false;      // the rules E1 to E3 apply
  bool chosen = false;    // a person went there: a restart mark (9.5), whoever leads
};

struct verdict {
  std::int64_t timestamp = 0;  // never before that of the current row
  bool accepted = true;
  std::string reason;
  bool remember = false;  // a history row is due: no repeat
  bool current = false;   // it became or stays the current one
};

// One (user, document) while a batch is worked on.
struct document_state {
  std::optional<current_place> current;
  std::map<std::string, device_place> devices;  // under policy furthest all that count, else those that push
  bool changed = false;                         // the current row has to be stored
  bool moved = false;                           // and it is another place

  // `history` is the id that the push's history row would get.
  verdict apply(const push&, const evidence&, const uuid& history, instant now);

 private:
  void put_current(const place&, std::int64_t timestamp, const std::optional<uuid>& history);
  void lead_again(const push&, std::int64_t timestamp);
};

}  // namespace carrel::library
