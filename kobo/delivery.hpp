#pragma once
// What a Kobo may hold at a position of its sync, and what has to be said to it (kobo.md 17.5). Pure: the sessions that this
// reads and makes are stored by sessions.hpp.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "server/core/uuid.hpp"

namespace carrel::kobo {

// A version of a book as a device sees it. Both counters only grow, so that a change there and back is two changes (17.1).
struct content {
  std::int64_t meta = 0;  // everything visible in BookMetadata, cover and series included
  std::int64_t file = 0;  // the bytes that are downloaded
  bool operator==(const content&) const = default;
};

// What a device holds of one book when it has applied a session.
struct held_book {
  uuid id;  // entitlement id
  content is;
  std::int64_t state = 0;  // revision of the reading state, 0 none
  bool sure = true;        // false: `?` of 17.2
  bool state_sure = true;
  bool operator==(const held_book&) const = default;
};

struct held_tag {
  uuid id;
  std::int64_t revision = 0;
  bool sure = true;
  bool operator==(const held_tag&) const = default;
};

// Sorted by id.
struct snapshot {
  std::vector<held_book> books;
  std::vector<held_tag> tags;
  bool operator==(const snapshot&) const = default;
};

// In the order in which they may be said (6.4).
enum class op_kind : std::uint8_t { add = 1, meta, file, remove, state, tag_new, tag_changed, tag_deleted };

struct op {
  op_kind kind = op_kind::add;
  uuid id;
  content result;          // of add, meta and file; a tag's revision is `result.meta`
  std::int64_t state = 0;  // of add and state
  bool operator==(const op&) const = default;
};
bool about_tag(op_kind);

// What is said to be doubtful although the session says otherwise (the `?` that were written later).
enum class subject : std::uint8_t { book = 1, state, tag };
struct doubts {
  std::unordered_set<uuid> books, tags;
  std::unordered_map<uuid, std::optional<std::int64_t>> states;  // a revision: the device has said itself that it holds that one
};

struct session_content {
  snapshot held;
  std::vector<op> ops;
  doubts unsure;
};

// Everything that a position depends on.
struct position_view {
  bool root = true;                    // nothing is known: no token, or one that means nothing here
  session_content base;                // the finished session, unless root
  std::vector<session_content> later;  // sessions of the device that are newer than the base; only ops and doubts count
  std::unordered_set<uuid> ever_books, ever_tags;  // the ledger; only needed for root
};

struct target_book {
  uuid id;  // the entitlement
  content is;
  std::int64_t state = 0;
  bool pending = false;  // wanted, but its file cannot be served just now: nothing is said of it (17.2)
};

struct book_plan {
  std::vector<op> ops;          // add (in the order given), meta and file, remove, state
  std::vector<held_book> held;  // sorted
  std::unordered_set<uuid> added;
};
// `wanted` in the order in which new books are to be said, the newest first. Without `states` nothing is said of reading states,
// and what the device holds of them stays what it is.
book_plan plan_books(const position_view&, const std::vector<target_book>& wanted, bool states = true);

struct target_tag {
  uuid id;
  std::int64_t revision = 0;
  std::vector<uuid> members;  // those that the device holds or is about to hold
};
struct tag_plan {
  std::vector<op> ops;  // new, changed, deleted
  std::vector<held_tag> held;
  bool idle =
      true;  // all that is to be said is of lists without books, which the device may have or not: alone not worth a session
};
tag_plan plan_tags(const position_view&, const std::vector<target_tag>& wanted, const std::unordered_set<uuid>& added);

// Stored forms: fixed records, so that a page of ops can be cut out of a long list (op_bytes each).
inline constexpr std::size_t op_bytes = 1 + 16 + 3 * 8;
std::string pack(const std::vector<op>&);
std::vector<op> unpack_ops(std::string_view);  // throws std::runtime_error for a damaged row
// A book that is held just as an `add` of the same session brings it is not stored twice: a first sync is nothing but such books.
std::string pack(const snapshot&, const std::vector<op>&);
snapshot unpack_snapshot(std::string_view, const std::vector<op>&);  // throws as unpack_ops

}  // namespace carrel::kobo
