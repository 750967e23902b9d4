#pragma once
// KOSync for KOReader, Readest and others (kosync.md), below /kosync and at the root of the site.

#include <functional>
#include <memory>
#include <string>

#include "server/auth/cpu_pool.hpp"
#include "server/auth/credentials.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"
#include "server/http/router.hpp"

namespace carrel::kosync {

struct services {
  db::pool& pool;
  auth::credentials& credentials;
  auth::cpu_pool& cpu;
  const config& settings;
  std::function<void(const uuid& user, const std::string& document)>
      moved{};  // a place has changed: the other devices are to know
};

class api {
 public:
  explicit api(services);
  ~api();

  // The router must not outlive the api.
  void mount(http::router& root);
  // Until the documents of every answered push have been looked for.
  void wait_for_links();
  // After the last request: waits until everything taken is stored.
  void stop();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace carrel::kosync
