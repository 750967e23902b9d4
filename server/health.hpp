#pragma once

#include <atomic>

#include "library/store.hpp"
#include "server/db/pool.hpp"
#include "server/http/router.hpp"

namespace carrel {

// /healthz: the process lives. /readyz: it may get traffic: database reachable, schema current, storage writable, not draining.
class health {
 public:
  health(db::pool& pool, const library::store& store) : pool_(pool), store_(store) {}
  void mount(http::router&);
  void drain() { draining_ = true; }
  bool draining() const { return draining_; }

 private:
  task<http::response> ready(http::context&);
  db::pool& pool_;
  const library::store& store_;
  std::atomic<bool> draining_{false};
};

// /metrics; with a token also for the main listener: `Authorization: Bearer <token>`.
void mount_metrics(http::router&, const std::string& token);

}  // namespace carrel
