#pragma once
// The Kobo storefront, below /kobo/{token} (kobo.md).

#include <functional>
#include <memory>
#include <string>

#include "kobo/artifacts.hpp"
#include "library/store.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/auth/credentials.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"
#include "server/http/client.hpp"
#include "server/http/links.hpp"
#include "server/http/router.hpp"

namespace carrel::kobo {

// Where Kobo's own servers are.
struct store_addresses {
  std::string api = "https://storeapi.kobo.com", reading = "https://readingservices.kobo.com";
  std::string accounts = "https://oauth.kobo.com", covers = "https://cdn.kobo.com/book-images";  // only named to devices
};

struct services {
  db::pool& pool;
  auth::credentials& credentials;
  const library::store& store;
  const http::links& links;
  const config& settings;
  auth::cpu_pool& cpu;
  http::client& client;
  auth::cpu_pool& patient;  // for work that takes seconds: nobody's sign-in waits behind it
  const artifacts& made;
  std::function<void(const uuid& user, const std::string& document)>
      moved{};  // a place has changed: the other devices are to know
  store_addresses store_at{};
  std::chrono::milliseconds budget{30'000};  // of an answer; then the device is told to come again
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
