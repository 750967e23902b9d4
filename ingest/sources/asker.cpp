#include "ingest/sources/asker.hpp"

#include <algorithm>

#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_connect{8'000};

bool is_google(const library::source& s) { return s.id == "google_books"; }
bool is_hardcover(const library::source& s) { return s.id == "hardcover"; }

// Of Hardcover the whole address is set; its target is "/" alone.
std::string url_of(const library::source& s, const ask& what) {
  return s.url + (what.target == "/" ? std::string() : what.target);
}

void add_query(std::string& url, const std::string& name, const std::string& value) {
  url += (url.find('?') == std::string::npos ? "?" : "&") + name + "=" + percent_encode(value);
}

http::outgoing request_of(const library::source& s, const manners& m, const ask& what, const std::string& key,
                          const std::string& country) {
  http::outgoing out;
  out.url = url_of(s, what);
  if (is_google(s) && !country.empty()) add_query(out.url, "country", country);
  if (is_google(s) && !key.empty()) add_query(out.url, "key", key);
  if (std::optional<http::web_address> at = http::address_of(s.url)) {
    out.hosts = {at->host};
    out.ports = {at->port};
    out.plain = at->scheme == "http";
  }
  out.inside = s.own_url;
  out.headers = {{"User-Agent", m.agent}, {"Accept", "application/json"}};
  if (is_hardcover(s)) out.headers.emplace_back("Authorization", "Bearer " + key);
  if (s.id.starts_with("custom:") && !key.empty()) out.headers.emplace_back("Authorization", key);
  if (!what.body.empty()) {
    out.method = http::verb::post;
    out.body = what.body;
    out.headers.emplace_back("Content-Type", "application/json");
  }
  out.total = m.timeout;
  out.connect = std::min(longest_connect, m.timeout);
  out.largest = m.largest;
  return out;
}

std::string header(const http::client_answer& a, std::string_view name) {
  const std::string* found = a.find(name);
  return found != nullptr ? *found : "";
}

verdict verdict_of(http::client_failure f) {
  using enum http::client_failure;
  switch (f) {
    case refused: return {.how = verdict::kind::again, .why = "its address may not be called"};
    case too_large: return {.how = verdict::kind::wrong, .why = "the answer is too long"};
    case late: return {.how = verdict::kind::again, .why = "no answer in time"};
    default: return {.how = verdict::kind::again, .why = "it cannot be reached"};
  }
}

// An answer may quote the request.
void take_out(std::string& text, const std::string& key) {
  if (key.empty()) return;
  for (const std::string& form : {key, percent_encode(key)}) {
    for (std::size_t at = text.find(form); at != std::string::npos; at = text.find(form, at))
      text.replace(at, form.size(), "***");
  }
}

}  // namespace

manners manners_from(const config& c, const std::string& version, const std::string& contact) {
  manners out;
  std::string who = contact;
  std::replace_if(who.begin(), who.end(), is_control, ' ');
  out.agent = "Carrel/" + version + (who.empty() ? "" : " (" + who + ")");
  out.timeout = c.duration("metadata.timeout");
  out.largest = c.bytes("metadata.max_response_bytes");
  return out;
}

asked ask_source(http::client& client, const library::source& s, const manners& m, const ask& what, const std::string& key,
                 const std::string& country) {
  asked out;
  http::client::outcome got = client.send_now(request_of(s, m, what, key, country));
  if (!got) {
    out.ended = got.error() == http::client_failure::stopped || got.error() == http::client_failure::busy;
    out.means = verdict_of(got.error());
    return out;
  }
  out.said = {.status = got->status,
              .body = std::move(got->body),
              .location = header(*got, "location"),
              .retry_after = header(*got, "retry-after"),
              .rate_limit = header(*got, "ratelimit")};
  take_out(out.said.body, key);
  take_out(out.said.location, key);
  out.means = judge(s.id, !key.empty(), !what.body.empty(), out.said, now());
  return out;
}

std::string shown_url(const library::source& s, const ask& what, bool with_key) {
  std::string out = url_of(s, what);
  if (is_google(s) && with_key) out += (out.find('?') == std::string::npos ? "?key=***" : "&key=***");
  return out;
}

}  // namespace carrel::ingest::sources
