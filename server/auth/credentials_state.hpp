#pragma once
// What credentials keep in this process: caches and waiting lines, nothing that decides an answer (architecture.md 11).

#include <mutex>
#include <unordered_map>

#include "server/auth/accounts.hpp"
#include "server/auth/api_key.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/auth/credentials.hpp"
#include "server/auth/request_log.hpp"
#include "server/auth/sessions.hpp"
#include "server/auth/throttle.hpp"
#include "server/auth/verified.hpp"
#include "server/db/batcher.hpp"

namespace carrel::auth {

// Says whether a note about something (a device was here, a session was used) is due, so that it is written now and then only.
class now_and_then {
 public:
  explicit now_and_then(std::chrono::seconds every) : every_(every) {}
  bool due(const uuid&);

 private:
  const std::chrono::seconds every_;
  std::mutex mutex_;
  std::unordered_map<uuid, instant> last_;
};

struct credentials::state {
  state(db::pool&, cpu_pool&, const config&);

  db::pool& pool;
  cpu_pool& cpu;
  const bool passwords_allowed;  // auth.local
  const std::uint64_t argon2_memory;
  const throttle_rate rate;
  const session_life life;

  db::batcher<shown_credential, found_credential> secrets;
  db::batcher<std::string, std::optional<open_session_row>> sessions;
  db::batcher<std::string, std::optional<key_owner>> keys;

  request_log requests;
  verified_passwords verified;
  slow_failures failures;
  now_and_then devices_seen{std::chrono::seconds{60}};
  now_and_then keys_used{std::chrono::seconds{60}};
  now_and_then sessions_used{std::chrono::seconds{60}};

  // Slow; on a cpu thread. Without a hash it costs the same and is false, so that names cannot be told apart by time.
  bool check_password(const std::optional<std::string>& hash, const std::string& shown);
  // The same with the memory of what was right (registered KOSync passwords).
  bool check_remembering(const std::optional<std::string>& hash, const std::string& shown);

  // Writes in the background; a failure is only logged.
  void note(std::function<void(db::tx&)> work);
  void saw(const http::context&, const library::secret_owner&);

 private:
  std::once_flag nobody_made_;
  std::string nobody_;
};

}  // namespace carrel::auth
