#pragma once
// What a device's place means for the place of its reader in the book (kosync.md 11.6, 11.7). No database here. Internal to
// library/ and its tests.

#include <optional>
#include <string>

#include "publication/locator/position.hpp"
#include "server/core/clock.hpp"

namespace carrel::library {

struct known_place {
  publication::locator::position at;
  std::string document;  // whose push it was
  instant since{};
};

struct heard_place {
  publication::locator::position at;
  std::string document;
  instant when{};
  bool by_person = false;   // restored or set on a page
  bool said_twice = false;  // the same device said the beginning before, ten minutes ago or earlier
  std::optional<instant>
      before{};  // when its document was spoken of last; whether a device was handed the place since is not known
};

enum class effect {
  moves,       // it is the reader's place now; the other devices are told
  same_place,  // nothing new: an echo of what the device was told, a weaker word for the same place, a book merely opened
  older        // than what is known, because it was linked or looked at late: it is told that itself
};
effect effect_of(const std::optional<known_place>&, const heard_place&);

// The resolved place and the percentage that came with it are of different editions: only the percentage counts then.
bool contradicts(const publication::locator::position&, double percentage);

// A place known by its fraction alone does not replace one that says nearly the same (11.7).
bool is_weaker_word(const publication::locator::position& heard, double known_fraction);

}  // namespace carrel::library
