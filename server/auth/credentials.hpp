#pragma once
// From what a request shows to who it is. Secrets that Carrel made are looked up by their SHA-256 in the database through one
// batched read, so a rotated or revoked secret is refused by every process at once; slow hashes (registered KOSync passwords)
// are remembered for minutes by (stored hash, digest of what was shown), so a changed password ends the memory.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "library/access.hpp"
#include "server/core/config.hpp"
#include "server/core/task.hpp"
#include "server/db/pool.hpp"
#include "server/http/message.hpp"

namespace carrel::library {
struct secret_owner;
struct device_request;
}  // namespace carrel::library

namespace carrel::auth {

class cpu_pool;  // server/auth/cpu_pool.hpp: bounded threads for hashing and pictures

class credentials {
 public:
  credentials(db::pool&, cpu_pool&, const config&);
  ~credentials();

  // OPDS, DAV: `Authorization: Basic` with a device's name-of-account and device secret, or `Bearer` with the device secret
  // (opds.md 4). Throws problem 401; 403 when the account is disabled. The account's own password is never accepted here.
  task<http::principal> basic(http::context&, std::string_view scope);

  // KOSync: x-auth-user and x-auth-key, Basic and Bearer fallbacks (kosync.md 5.3). Registered accounts and device secrets.
  // Throws problem 401 with code "2001".
  task<http::principal> kosync(http::context&);

  // For a device that was found together with its work (device_claim.hpp): what every sign-in of a device leaves behind.
  http::principal accept(const http::context&, const library::secret_owner&, std::string_view scope);

  // Kobo: the token of the path. Throws problem 401, or 403 when the account is disabled or the device may not use `kobo`.
  task<http::principal> kobo(http::context&, std::string_view token);

  // The same where the path token is lost: by the bearer that the Kobo was given or showed before (kobo.md 15). nullopt for all
  // others, which is no failed attempt: a reader may show the token of a real account.
  task<std::optional<http::principal>> kobo_bearer(http::context&);

  // For the page of the device: the last requests of each are kept, written a little later.
  void note_request(const uuid& device, library::device_request);
  void write_notes();  // what is left, before the end; none are taken after it

  // API: `Authorization: Bearer crl_…`. nullopt when the header is absent; 401 when it is wrong, 403 for a disabled account.
  task<std::optional<http::principal>> api_key(http::context&);

  // Browser session from its cookie; also sets context.csrf. nullopt when there is none or it ended.
  task<std::optional<http::principal>> session(http::context&);

  // Name and password of an account -> a new session cookie value. Failures are counted per account and network
  // (auth.throttle); throws problem 401, or 429 with Retry-After.
  struct opened_session {
    std::string cookie, csrf;
    std::chrono::seconds most{};  // how long it can last (auth.max)
    http::principal who;
  };
  task<opened_session> sign_in(http::context&, std::string name, std::string password);
  task<> sign_out(http::context&);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

// Middlewares made of the above.
http::middleware require_basic(credentials&, std::string scope);
http::middleware web_session(credentials&);  // fills who when there is a session; never refuses
http::middleware require_web_session();      // 303 to /login?next=… for GET, 401 otherwise
// Key or session; 401 JSON otherwise. A key with scope `read` only reads (403).
http::middleware api_principal(credentials&);
// Header X-CSRF-Token, form field or query parameter csrf on changing requests made with a cookie; 403.
http::middleware check_csrf();

// What this credential may do: the rights of its account, and for an API key no more than its scope says; devices download.
bool allows(const http::principal&, const library::rights&, library::capability);

std::string session_cookie_name(const http::request&);  // carrel_session, or __Host-carrel_session over https
std::string set_session_cookie(const http::request&, const credentials::opened_session&);
std::string clear_session_cookie(const http::request&);

}  // namespace carrel::auth
