#pragma once
// The catalog for reading apps: OPDS 1.2 under /opds, covers under /covers (opds.md).

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "library/book.hpp"
#include "library/delivered_copies.hpp"
#include "library/store.hpp"
#include "publication/isolated/pool.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/auth/credentials.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"
#include "server/http/links.hpp"
#include "server/http/router.hpp"

namespace carrel::opds {

struct services {
  db::pool& pool;
  auth::credentials& credentials;
  const library::store& store;
  const http::links& links;
  const config& settings;
  auth::cpu_pool& cpu;
  std::function<void(std::function<void()>)> later;  // runs work that no answer waits for
  // The cover in that size (longest edge), made when it is not there yet; blocking, so it is called on a worker.
  std::function<std::optional<std::filesystem::path>(const library::cover_ref&, int size)> cover;
  publication::isolated::pool& readers;  // of books, page by page
  // Downloaded to its last byte. `copy`: the SHA-256 of what was handed over, where that is not the stored file.
  std::function<void(const uuid& user, const uuid& file, const std::string& copy)> fetched{};
  std::function<void(const uuid& user, const std::string& document)> moved{};  // a reader's place has changed
  const library::delivered_copies* copies = nullptr;                           // with corrected metadata
};

struct shared_state;

class api {
 public:
  explicit api(services);
  void mount(http::router&);

 private:
  std::shared_ptr<shared_state> state_;
};

}  // namespace carrel::opds
