#pragma once
// A server that speaks KOSync: own database unless told otherwise, own port.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "library/device.hpp"
#include "library/user.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"
#include "tests/harness/database.hpp"
#include "tests/integration/kosync/client.hpp"

namespace carrel::kosync::tests {

using settings = std::vector<std::pair<std::string, std::string>>;

class world {
 public:
  explicit world(settings on_the_command_line = {}, const std::string& database_url = "");
  ~world();

  unsigned port() const { return port_; }
  const std::string& url() const { return url_; }
  db::pool& other() { return *other_; }  // what another process would use

  uuid add_user(const std::string& name);
  // The account's one password, as registration makes it.
  reader shared(const std::string& name);
  // A device with a password of its own.
  reader device(const uuid& user, const std::string& user_name, const std::string& device_name);
  reader with_key(const std::string& name, const std::string& key) const { return {.port = port_, .name = name, .key = key}; }

  reply send(const std::string& method, const std::string& target, const headers& h = {}, const std::string& body = {}) const {
    return tests::send(port_, method, target, h, body);
  }
  void wait_for_background();

 private:
  struct engine;
  std::unique_ptr<harness::database> database_;
  std::string url_;
  std::unique_ptr<db::pool> pool_, other_;
  config config_;
  std::unique_ptr<engine> engine_;
  unsigned port_ = 0;
};

// Moves the server's clock; runs again at the end.
struct set_time {
  explicit set_time(instant at) { set_clock(at); }
  ~set_time() { set_clock(std::nullopt); }
  void pass(std::chrono::seconds s) { set_clock(now() + s); }
};

// {place, accepted, reason} of a document's history, oldest first.
struct past {
  double percentage = 0;
  bool accepted = true;
  std::string reason;
  bool operator==(const past&) const = default;
};
std::vector<past> history_of(world&, const uuid& user, const std::string& document);

}  // namespace carrel::kosync::tests
