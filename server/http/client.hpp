#pragma once
// What Carrel asks of other servers, by HTTPS. Redirects are not followed, nothing is kept between requests but connections, and
// only addresses of the open network are called: a name that leads into the owner's own network opens nothing there.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/error.hpp"
#include "server/http/message.hpp"

namespace carrel::http {

struct client_options {
  unsigned most = 32;         // requests under way at a time; what comes on top of them is refused as busy
  bool this_machine = false;  // tests only: addresses of this machine too, any port, and http
};

// Of a url: what is asked and where. Nothing when it is none for http.
struct web_address {
  std::string scheme, host;  // lower case
  unsigned port = 0;
};
std::optional<web_address> address_of(const std::string& url);
// Where a redirect leads; "" when it leads nowhere.
std::string followed(const std::string& url, const std::string& location);

struct outgoing {
  verb method = verb::get;
  std::string url;
  header_list headers;             // sent as they are; of its own the client adds only Host and Content-Length
  std::string body;                // not with GET and HEAD
  std::vector<std::string> hosts;  // which the caller means to ask; the url must name one of them
  // What the owner of this installation has set, and nobody else may ask for (metadata-providers.md 10.2).
  bool plain = false;           // http too
  std::vector<unsigned> ports;  // besides the usual one
  bool inside = false;          // addresses of the owner's own network and of this machine too
  // From send() on.
  std::chrono::milliseconds connect{2'000}, total{10'000};
  std::uint64_t largest = 1 << 20;  // bytes of the answer's body
  unsigned slowest = 0;             // bytes a second; what is slower for five seconds is late. 0: as slow as it likes
};

struct client_answer {
  unsigned status = 0;
  header_list headers;
  std::string body;
  const std::string* find(std::string_view name) const;
};

enum class client_failure {
  refused,      // by us: another host, an address that may not be called, no https
  busy,         // by us: too much is under way
  unreachable,  // no connection, no certificate that can be trusted, or the answer broke off
  late,
  too_large,
  stopped,  // the client ends, or nobody waits for the answer any more
};
std::string_view name_of(client_failure);  // for logs

// One thread drives all requests together, so a server that is slow holds up only those who ask it. It begins with the first
// request.
class client {
 public:
  using outcome = result<client_answer, client_failure>;

  explicit client(client_options = {});
  ~client();  // as stop()

  // Resumes on the caller's executor. Whatever status there is, it is an answer.
  task<outcome> send(outgoing);
  // The same for threads that may block: those of jobs, never one that serves requests.
  outcome send_now(outgoing);
  // Nobody waits for the answer.
  void post(outgoing);

  void stop();  // breaks off what is under way; later requests are refused as stopped

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace carrel::http
