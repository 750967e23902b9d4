#pragma once
// The queue of a source as all processes on this database share it (metadata-providers.md 11): whose turn it is to ask, what was
// answered before, and what an answer does to the source.

#include <optional>
#include <string>

#include "ingest/sources/conversation.hpp"
#include "ingest/sources/rules.hpp"
#include "library/source.hpp"
#include "server/db/tx.hpp"

namespace carrel::ingest::sources {

// Where a question goes to, for the cache: the same question is asked once, and the key is no part of it.
struct cache_key {
  std::string text, hash;
};
cache_key cache_key_of(const library::source&, const ask&);

struct turn {
  enum class kind {
    ours,   // ask now, and tell how it went by end_turn
    known,  // it was answered before
    wait,   // not before `until`
    closed  // not before a person has seen to it
  } how = kind::closed;
  reply before;                  // of known
  std::optional<instant> until;  // of wait
  std::string country;           // of ours: Google Books wants to be told
};

struct turn_wish {
  const library::source& of;
  const cache_key* cached = nullptr;  // null: it is asked whatever was answered before
  std::string holder;
  bool urgent = false;  // somebody waits: past the budget of the day
  bool test = false;    // even when the source is closed
};
turn take_turn(db::tx&, const turn_wish&);

struct cache_times {
  std::chrono::hours known, unknown;  // an answer, and an answer that there is none
};
// Until when the source is left alone, when it is.
std::optional<instant> end_turn(db::tx&, const turn_wish&, const cache_times&, const verdict&, const heard&);
// It was not asked after all.
void drop_turn(db::tx&, const turn_wish&);

// A source is free: nothing is under way, and the time is there. The earliest moment at which it may be else; `closed` as above.
turn look_at_queue(db::tx&, const library::source&, bool urgent);

void forget_old_answers(db::tx&);

}  // namespace carrel::ingest::sources
