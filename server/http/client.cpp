#include "server/http/client.hpp"

#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "server/core/resume.hpp"
#include "server/core/text.hpp"
#include "server/core/thread.hpp"
#include "server/http/forwarding.hpp"

namespace carrel::http {
namespace {

namespace ip = boost::asio::ip;
using outcome = client::outcome;

constexpr std::size_t largest_head = 64 << 10;
constexpr long kept_connections = 8;
constexpr long slow_for = 5;         // seconds
constexpr int longest_sleep = 1000;  // milliseconds; whoever has news wakes the thread

// IANA's special purpose registries: nothing of these is a server that somebody else offers.
const networks& closed_networks() {
  static const networks list =
      networks::parse({"0.0.0.0/8",      "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16", "172.16.0.0/12",
                       "192.0.0.0/24",   "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",  "198.51.100.0/24",
                       "203.0.113.0/24", "224.0.0.0/4",  "240.0.0.0/4",    "::/96",          "64:ff9b::/96",   "64:ff9b:1::/48",
                       "100::/64",       "2001::/23",    "2001:db8::/32",  "2002::/16",      "fc00::/7",       "fe80::/10",
                       "fec0::/10",      "ff00::/8"})
          .value();
  return list;
}

// Those of them that somebody may have servers of their own in. Where a cloud answers for its machines is none of these.
bool is_inside(const ip::address& at) {
  static const networks own =
      networks::parse({"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"})
          .value();
  static const networks clouds = networks::parse({"fd00:ec2::/32"}).value();
  return own.contain(at) && !clouds.contain(at);
}

std::optional<ip::address> address_in(const curl_sockaddr& a) {
  if (a.family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(a.addr);
    return ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (a.family != AF_INET6) return std::nullopt;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(a.addr);
  ip::address_v6::bytes_type bytes;
  std::copy(std::begin(v6.sin6_addr.s6_addr), std::end(v6.sin6_addr.s6_addr), bytes.begin());
  return plain_address(ip::address_v6(bytes));
}

struct job {
  outgoing what;
  bool this_machine = false;
  std::function<void(outcome)> done;
  std::atomic<bool> unwanted = false;

  // Of the client's thread alone.
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url{nullptr, curl_url_cleanup};
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{nullptr, curl_easy_cleanup};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers{nullptr, curl_slist_free_all};
  client_answer got;
  std::size_t head_size = 0;
  std::optional<client_failure> broken;  // why it was ended from here
};

std::size_t take_body(const char* bytes, std::size_t, std::size_t count, void* to) {
  job& j = *static_cast<job*>(to);
  if (j.got.body.size() + count > j.what.largest) {
    j.broken = client_failure::too_large;
    return 0;
  }
  j.got.body.append(bytes, count);
  return count;
}

std::size_t take_header(const char* bytes, std::size_t, std::size_t count, void* to) {
  job& j = *static_cast<job*>(to);
  std::string_view line = trim(std::string_view(bytes, count));
  j.head_size += count;
  if (j.head_size > largest_head) {
    j.broken = client_failure::too_large;
    return 0;
  }
  std::size_t colon = line.find(':');
  if (line.starts_with("HTTP/"))
    j.got.headers.clear();  // after an interim answer
  else if (colon != line.npos)
    j.got.headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  return count;
}

// The address is known only here, after the name was looked up.
curl_socket_t open_socket(void* to, curlsocktype, curl_sockaddr* a) {
  job& j = *static_cast<job*>(to);
  std::optional<ip::address> at = address_in(*a);
  bool allowed =
      at && (!closed_networks().contain(*at) || (j.this_machine && at->is_loopback()) || (j.what.inside && is_inside(*at)));
  if (!allowed) {
    j.broken = client_failure::refused;
    return CURL_SOCKET_BAD;
  }
  j.broken.reset();  // another address of the name was not allowed
  return ::socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string out(text);
  curl_free(text);
  return out;
}

bool usual_port(const job& j, const std::string& scheme, const std::string& port) {
  if (port == (scheme == "https" ? "443" : "80")) return true;
  return std::any_of(j.what.ports.begin(), j.what.ports.end(), [&](unsigned p) { return std::to_string(p) == port; });
}

bool plain_too(const job& j) { return j.this_machine || j.what.plain; }

// Curl asks just this object, so what was looked at here is what is called.
bool read_url(job& j) {
  j.url.reset(curl_url());
  if (curl_url_set(j.url.get(), CURLUPART_URL, j.what.url.c_str(), 0) != CURLUE_OK) return false;
  std::string scheme = part_of(j.url.get(), CURLUPART_SCHEME), host = part_of(j.url.get(), CURLUPART_HOST);
  bool spoken = scheme == "https" || (scheme == "http" && plain_too(j));
  bool usual = j.this_machine || usual_port(j, scheme, part_of(j.url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
  bool named = std::any_of(j.what.hosts.begin(), j.what.hosts.end(),
                           [&](const std::string& allowed) { return equal_ascii_case(allowed, host); });
  bool anonymous = part_of(j.url.get(), CURLUPART_USER).empty() && part_of(j.url.get(), CURLUPART_PASSWORD).empty();
  return named && anonymous && spoken && usual;
}

bool add_header(job& j, const std::string& line) {
  curl_slist* longer = curl_slist_append(j.headers.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)j.headers.release();
  j.headers.reset(longer);
  return true;
}

bool read_headers(job& j) {
  // What curl would say of itself.
  bool fine = add_header(j, "Expect:") && add_header(j, "Accept:");
  bool typed = false;
  for (const auto& [name, value] : j.what.headers) {
    std::string line = name;
    line.append(": ").append(value);
    if (std::any_of(line.begin(), line.end(), is_control)) return false;
    typed = typed || equal_ascii_case(name, "content-type");
    fine = fine && add_header(j, value.empty() ? name + ";" : line);
  }
  return fine && (typed || add_header(j, "Content-Type:"));
}

// Null when it can be sent.
std::optional<client_failure> prepare(job& j) {
  if (!read_url(j) || !read_headers(j)) return client_failure::refused;
  j.handle.reset(curl_easy_init());
  CURL* h = j.handle.get();
  if (h == nullptr) return client_failure::busy;
  auto set = [h](CURLoption option, auto value) { return curl_easy_setopt(h, option, value) == CURLE_OK; };
  auto count = [](std::chrono::milliseconds ms) { return static_cast<long>(ms.count()); };
  std::string verb(name_of(j.what.method));
  bool has_body = j.what.method != verb::get && j.what.method != verb::head;
  bool fine = set(CURLOPT_CURLU, j.url.get()) && set(CURLOPT_PROTOCOLS_STR, plain_too(j) ? "https,http" : "https") &&
              set(CURLOPT_FOLLOWLOCATION, 0L) && set(CURLOPT_PROXY, "") && set(CURLOPT_NOSIGNAL, 1L) &&
              set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) && set(CURLOPT_SSL_VERIFYPEER, 1L) &&
              set(CURLOPT_SSL_VERIFYHOST, 2L) &&
              // A name that is being looked up cannot be given up; its thread is left behind instead of waited for.
              set(CURLOPT_QUICK_EXIT, 1L) && set(CURLOPT_CONNECTTIMEOUT_MS, count(j.what.connect)) &&
              set(CURLOPT_TIMEOUT_MS, count(j.what.total)) && set(CURLOPT_HTTPHEADER, j.headers.get()) &&
              set(CURLOPT_OPENSOCKETFUNCTION, &open_socket) && set(CURLOPT_OPENSOCKETDATA, &j) &&
              set(CURLOPT_WRITEFUNCTION, &take_body) && set(CURLOPT_WRITEDATA, &j) && set(CURLOPT_HEADERFUNCTION, &take_header) &&
              set(CURLOPT_HEADERDATA, &j) && set(CURLOPT_PRIVATE, &j);
  if (j.what.slowest > 0)
    fine = fine && set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(j.what.slowest)) && set(CURLOPT_LOW_SPEED_TIME, slow_for);
  if (has_body)
    fine = fine && set(CURLOPT_POST, 1L) && set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(j.what.body.size())) &&
           set(CURLOPT_POSTFIELDS, j.what.body.data()) && set(CURLOPT_CUSTOMREQUEST, verb.c_str());
  else if (j.what.method == verb::head)
    fine = fine && set(CURLOPT_NOBODY, 1L);
  return fine ? std::nullopt : std::optional(client_failure::refused);
}

outcome outcome_of(job& j, CURLcode code) {
  if (j.broken) return *j.broken;
  if (code == CURLE_OPERATION_TIMEDOUT) return client_failure::late;
  if (code != CURLE_OK) return client_failure::unreachable;
  long status = 0;
  curl_easy_getinfo(j.handle.get(), CURLINFO_RESPONSE_CODE, &status);
  j.got.status = static_cast<unsigned>(status);
  return std::move(j.got);
}

}  // namespace

struct client::state {
  explicit state(client_options o) : how(o) {}

  const client_options how;
  std::mutex mutex;
  std::deque<std::shared_ptr<job>> fresh;
  std::size_t under_way = 0;
  bool stopping = false;
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi{nullptr, curl_multi_cleanup};
  std::thread thread;
  std::map<CURL*, std::shared_ptr<job>> running;  // of the thread alone

  // Why it was not taken.
  std::optional<client_failure> add(std::shared_ptr<job> j) {
    std::lock_guard lock(mutex);
    if (stopping) return client_failure::stopped;
    if (under_way >= how.most || !begin()) return client_failure::busy;
    ++under_way;
    fresh.push_back(std::move(j));
    curl_multi_wakeup(multi.get());
    return std::nullopt;
  }

  bool begin() {
    if (multi) return true;
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (ready) multi.reset(curl_multi_init());
    if (!multi) return false;
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, kept_connections);
    thread = quiet_thread([this] { run(); });
    ::pthread_setname_np(thread.native_handle(), "http-client");
    return true;
  }

  void wake() {
    std::lock_guard lock(mutex);
    if (multi) curl_multi_wakeup(multi.get());
  }

  void run() {
    for (;;) {
      std::deque<std::shared_ptr<job>> next;
      bool ending = false;
      {
        std::lock_guard lock(mutex);
        next.swap(fresh);
        ending = stopping;
      }
      for (std::shared_ptr<job>& j : next) start(std::move(j));
      int left = 0;
      curl_multi_perform(multi.get(), &left);
      take_results();
      give_up(ending);
      if (ending) return;
      curl_multi_poll(multi.get(), nullptr, 0, longest_sleep, nullptr);
    }
  }

  void start(std::shared_ptr<job> j) {
    std::optional<client_failure> bad = prepare(*j);
    if (!bad && curl_multi_add_handle(multi.get(), j->handle.get()) != CURLM_OK) bad = client_failure::busy;
    if (bad) return finish(*j, *bad);
    CURL* h = j->handle.get();
    running.emplace(h, std::move(j));
  }

  void take_results() {
    int left = 0;
    while (CURLMsg* m = curl_multi_info_read(multi.get(), &left)) {
      if (m->msg == CURLMSG_DONE) end(m->easy_handle, m->data.result);
    }
  }

  void end(CURL* h, std::optional<CURLcode> code) {
    auto at = running.find(h);
    std::shared_ptr<job> j = std::move(at->second);
    running.erase(at);
    outcome o = code ? outcome_of(*j, *code) : outcome(client_failure::stopped);
    curl_multi_remove_handle(multi.get(), h);
    finish(*j, std::move(o));
  }

  void give_up(bool all) {
    std::vector<CURL*> gone;
    for (const auto& [h, j] : running) {
      if (all || j->unwanted) gone.push_back(h);
    }
    for (CURL* h : gone) end(h, std::nullopt);
  }

  void finish(job& j, outcome o) {
    {
      std::lock_guard lock(mutex);
      --under_way;
    }
    j.done(std::move(o));
  }

  void stop() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
      if (multi) curl_multi_wakeup(multi.get());
    }
    if (thread.joinable()) thread.join();
  }
};

std::optional<web_address> address_of(const std::string& url) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> u{curl_url(), curl_url_cleanup};
  if (curl_url_set(u.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return std::nullopt;
  web_address out{.scheme = lower_ascii(part_of(u.get(), CURLUPART_SCHEME)),
                  .host = lower_ascii(part_of(u.get(), CURLUPART_HOST))};
  out.port = static_cast<unsigned>(to_integer(part_of(u.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT)).value_or(0));
  bool web = out.scheme == "http" || out.scheme == "https";
  return web && !out.host.empty() ? std::optional(std::move(out)) : std::nullopt;
}

std::string followed(const std::string& url, const std::string& location) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> u{curl_url(), curl_url_cleanup};
  bool fine = !location.empty() && curl_url_set(u.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
              curl_url_set(u.get(), CURLUPART_URL, location.c_str(), 0) == CURLUE_OK;
  return fine ? part_of(u.get(), CURLUPART_URL) : "";
}

const std::string* client_answer::find(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_ascii_case(key, name)) return &value;
  }
  return nullptr;
}

std::string_view name_of(client_failure f) {
  switch (f) {
    case client_failure::refused: return "refused";
    case client_failure::busy: return "busy";
    case client_failure::unreachable: return "unreachable";
    case client_failure::late: return "late";
    case client_failure::too_large: return "too large";
    case client_failure::stopped: return "stopped";
  }
  return "";
}

client::client(client_options o) : state_(std::make_shared<state>(o)) {}
client::~client() { stop(); }
void client::stop() { state_->stop(); }

task<client::outcome> client::send(outgoing what) {
  auto out = std::make_shared<std::optional<outcome>>();
  auto j = std::make_shared<job>();
  j->what = std::move(what);
  j->this_machine = state_->how.this_machine;
  std::function<void(std::shared_ptr<waiter>)> start = [s = state_, j, out](const std::shared_ptr<waiter>& who) {
    on_cancel(who, [s = std::weak_ptr<state>(s), j = std::weak_ptr<job>(j)] {
      std::shared_ptr<state> of = s.lock();
      std::shared_ptr<job> unwanted = j.lock();
      if (!of || !unwanted) return;
      unwanted->unwanted = true;
      of->wake();
    });
    j->done = [who, out](outcome o) {
      out->emplace(std::move(o));
      resume(who, nullptr);
    };
    if (std::optional<client_failure> bad = s->add(j)) j->done(*bad);
  };
  co_await suspend(std::move(start));
  co_return std::move(**out);
}

client::outcome client::send_now(outgoing what) {
  auto j = std::make_shared<job>();
  j->what = std::move(what);
  j->this_machine = state_->how.this_machine;
  auto said = std::make_shared<std::promise<outcome>>();
  std::future<outcome> answer = said->get_future();
  j->done = [said](outcome o) { said->set_value(std::move(o)); };
  if (std::optional<client_failure> bad = state_->add(j)) return *bad;
  return answer.get();
}

void client::post(outgoing what) {
  auto j = std::make_shared<job>();
  j->what = std::move(what);
  j->this_machine = state_->how.this_machine;
  j->done = [](const outcome&) {};
  (void)state_->add(std::move(j));
}

}  // namespace carrel::http
