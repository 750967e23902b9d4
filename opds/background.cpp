#include "opds/background.hpp"

#include "server/core/log.hpp"

namespace carrel::opds {

void in_background(shared_state& s, std::string_view event, std::function<void(db::tx&)> work) {
  auto done = [event = std::string(event)](const std::exception_ptr& failed) {
    if (failed) log::warn(event, {{"result", "failed"}});
  };
  db::pool& pool = s.with.pool;
  s.with.later([&pool, work = std::move(work), done] { pool.enqueue(db::mode::write, std::nullopt, work, done); });
}

}  // namespace carrel::opds
