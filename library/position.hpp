#pragma once
// Reading positions and their history (kosync.md 9). What a client sent comes back byte for byte.

#include <optional>
#include <string>
#include <vector>

#include "library/access.hpp"
#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct position {
  uuid user;
  std::string document, progress, device;
  std::optional<std::string> device_id;
  std::string device_key;  // "c:<credential id>" for a secret of its own, else "d:<device_id>" or "n:<device>/<device_id>"
  std::optional<uuid> credential;  // device row, when it has a secret of its own
  double percentage = 0;
  std::int64_t timestamp = 0;  // seconds, the server's
  std::string origin = "device";
  // sent along (kosync.md 3.1); "" when absent, which never clears stored values
  std::string file_name, title, authors;
  std::string payload;  // the push as a JSON object without U+0000, for reading_progress.raw_payload; "" = none
};

struct put_policy {
  std::string policy = "latest";  // or "furthest"
  bool hold_stale = true;
};

struct stored_position {
  std::int64_t timestamp = 0;
  bool accepted = true;
  std::string reason;           // of a held push: unseen, echo, burst
  bool fresh_document = false;  // nobody has looked for its book yet: link_document should
  bool moved = false;           // the document's place is another one, or its beginning was said once more
};

// Group commit of pushes: one result each, in order; several pushes of one document in a batch count one after the other. The
// account's own policy wins over `defaults`. Current row, device row, history row and documents row in one transaction, which
// the documents row serialises for each (user, document), also between processes. The number of statements does not depend on
// the size of the batch.
std::vector<stored_position> put_positions(db::tx&, const std::vector<position>&, const put_policy& defaults);

struct fetch {
  uuid user;
  std::string document;
  std::optional<uuid> credential;
};
// One statement for all, and one more when there is something to remember: with a credential the fetch is, before the answer (E1
// of kosync.md 9.4 needs it); a repeated fetch of what the device knows already writes nothing.
std::vector<std::optional<position>> get_positions(db::tx&, const std::vector<fetch>&);

struct position_row {
  uuid id;
  std::string document;
  std::optional<uuid> book;
  double percentage = 0;
  std::string progress, device, source;
  instant at{};
  bool current = false, accepted = true;
  std::string reason;
  bool settled = false;   // it was held; a person, or a later push of its device, has decided
  std::string quality{};  // how well its place in the book is known: exact, element, item, fraction; "" not looked for
  bool waits() const { return !accepted && !settled; }
};
// History of a book (all linked documents of this user; what devices said, not what they were told of each other) or of one
// document, newest first. Of a book at most one row is current.
std::vector<position_row> positions_of_book(db::tx&, const uuid& user, const uuid& book, int most);
std::vector<position_row> positions_of_document(db::tx&, const uuid& user, const std::string& document, int most);
// The words at the reader's place in a book; "" both when the place is known by its percentage alone.
struct place_words {
  std::string before, after;
};
place_words words_at_place(db::tx&, const uuid& user, const uuid& book);
// Makes a history row current again: origin `restore`, device "Carrel", never the identity of one of the user's devices
// (kosync.md 9.6). Nothing when the row is not this user's.
std::optional<position_row> restore_position(db::tx&, const uuid& user, const uuid& row);
std::vector<position_row> held_positions(db::tx&, const uuid& user, int most);
bool settle_held(db::tx&, const uuid& user, const uuid& row, bool accept);
// The setting kosync.history: removes at most `most` rows from before that time and says how many went. What is current, what a
// device sent last, and what is held and waits for a person all stay.
int forget_positions(db::tx&, instant before, int most);

// Books this user is in the middle of (0.5 % to 99 %) and did not lay aside since (library/opinion.hpp), newest first.
struct reading {
  uuid book;
  double percentage = 0;
  std::string device;
  instant at{};
};
std::vector<reading> continue_reading(db::tx&, const uuid& user, int most);

}  // namespace carrel::library
