#pragma once

#include <memory>
#include <string>

#include "server/db/pool.hpp"

namespace carrel::jobs {

// A lock that at most one process of all on this database holds, for work of which there must be only one (watching a folder,
// periodic work). It lives with a database connection of its own: when the process or the connection dies the lock is free.
class session_lock {
 public:
  session_lock(const db::pool& like, std::string name);
  ~session_lock();

  bool hold();  // takes it or makes sure that it is still ours; false: somebody else has it, or the database is away
  void release();

 private:
  std::string name_;
  db::pool_options options_;
  std::unique_ptr<db::pool> own_;  // one connection, only while the lock is wanted
};

}  // namespace carrel::jobs
