#pragma once
// Keeps the shelves that are made by rule right, in a thread of its own: right after something has changed, and when a day
// begins.

#include <memory>

#include "server/core/task.hpp"
#include "server/core/uuid.hpp"
#include "server/db/notify.hpp"
#include "server/db/pool.hpp"

namespace carrel::library {

class rule_work {
 public:
  rule_work(db::pool&, db::notifier&);
  ~rule_work();
  void start();
  void stop();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// Who looks at shelves sees what they have just done: what waits for those that the viewer may see is worked off first.
task<> rules_up_to_date(db::pool&, uuid viewer);

}  // namespace carrel::library
