#pragma once
// What is done with libraries by the layer that reads and moves files. Empty functions hide what they would do.

#include <functional>
#include <optional>
#include <string>

#include "library/libraries.hpp"
#include "library/library_plan.hpp"
#include "library/write_back.hpp"
#include "server/core/error.hpp"

namespace carrel::web {

struct library_work {
  std::string default_pattern{};
  // Both may block; error fields are codes (library.outside_roots, ...).
  std::function<result<library::foreseen_library>(const library::library_wish&)> foresee{};
  std::function<result<uuid>(const library::library_wish&, const library::actor&)> add{};  // the library
  // The job; nothing when there is no such library, or nothing of the kind (scan, verify) to do.
  std::function<std::optional<uuid>(db::tx&, const uuid& library, const std::string& kind, const std::optional<uuid>& user)>
      start{};
  std::function<result<library::pattern_preview>(const uuid& library, const std::string& pattern)> foresee_pattern{};
  std::function<result<uuid>(const uuid& library, const std::string& pattern, const library::actor&)> set_pattern{};
  // What would be written back (library/write_back.hpp), and the choice; that gives the one until now. Both may block.
  std::function<result<library::write_preview>(const uuid& library, const library::write_choice&)> foresee_writing{};
  std::function<result<library::write_choice>(const uuid& library, const library::write_choice&, const library::actor&)>
      set_writing{};
  std::function<bool(const uuid& file)> look_again{};            // blocks; is the file well?
  std::function<bool(db::tx&, const uuid& place)> read_again{};  // false when there is none
};

}  // namespace carrel::web
