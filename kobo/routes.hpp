#pragma once
// The Kobo storefront, below /kobo/{token} (kobo.md).

#include <memory>

#include "library/store.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/auth/credentials.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"
#include "server/http/links.hpp"
#include "server/http/router.hpp"

namespace carrel::kobo {

struct services {
  db::pool& pool;
  auth::credentials& credentials;
  const library::store& store;
  const http::links& links;
  const config& settings;
  auth::cpu_pool& cpu;
};

struct shared_state;

class api {
 public:
  explicit api(services);
  void mount(http::router&);

 private:
  std::shared_ptr<shared_state> state_;
};

}  // namespace carrel::kobo
