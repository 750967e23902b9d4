#include "ingest/sources/picture.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "ingest/sources/rules.hpp"
#include "server/core/digest.hpp"
#include "server/core/file.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr int most_redirects = 3, longest_side = 12'000;
constexpr double narrowest = 0.4, widest = 2.5, least_spread = 6;
constexpr unsigned slowest = 1'000;  // bytes a second

bool is_one_of(const std::vector<std::string>& all, std::string_view word) {
  return std::any_of(all.begin(), all.end(), [&](const std::string& one) { return equal_ascii_case(one, word); });
}

// ".archive.org" is every host below archive.org.
bool may_have_pictures(const library::source& s, const std::string& host) {
  if (s.picture_hosts.empty()) return true;
  return std::any_of(s.picture_hosts.begin(), s.picture_hosts.end(),
                     [&](const std::string& known) { return known.starts_with('.') ? host.ends_with(known) : host == known; });
}

// Of the addresses that the owner has set for this source, the one with this host.
std::optional<http::web_address> own_address(const library::source& s, const std::string& host) {
  for (const std::string& url : {s.url, s.covers_url}) {
    std::optional<http::web_address> at = http::address_of(url);
    if (at && at->host == host) return at;
  }
  return std::nullopt;
}

std::optional<http::outgoing> request_of(const library::source& s, const std::string& agent, const picture_rules& rules,
                                         const std::string& url) {
  std::optional<http::web_address> at = http::address_of(url);
  if (!at || !may_have_pictures(s, at->host)) return std::nullopt;
  http::outgoing out;
  out.url = url;
  out.hosts = {at->host};
  out.plain = s.url.starts_with("http://");
  if (std::optional<http::web_address> own = own_address(s, at->host)) out.ports = {own->port};
  bool from_custom = s.id.starts_with("custom:") && own_address(s, at->host);
  out.inside = is_one_of(rules.own_hosts, at->host) || from_custom;
  out.headers = {{"User-Agent", agent}, {"Accept", "image/jpeg,image/png,image/webp"}};
  out.connect = std::chrono::seconds(8);
  out.total = std::chrono::seconds(30);
  out.slowest = slowest;
  out.largest = rules.most_bytes;
  return out;
}

std::string refusal_for(http::client_failure f) {
  using enum http::client_failure;
  if (f == refused) return "address";
  if (f == late) return "slow";
  return f == too_large ? "too_large" : "unreachable";
}

bool is_redirect(unsigned status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

got_picture take(http::client_answer& a, instant at) {
  got_picture out;
  if (a.status == 429 || a.status == 503) {
    const std::string* wait = a.find("retry-after");
    out.pause = (wait != nullptr ? parse_retry_after(*wait, at) : std::nullopt).value_or(pause_after(0));
    out.refused = "busy";
  } else if (a.status != 200) {
    out.refused = a.status == 404 ? "none" : "status_" + std::to_string(a.status);
  } else {
    out.bytes = std::move(a.body);
  }
  return out;
}

// What the first bytes say: "" when nothing speaks against decoding it.
std::string flaw_of_head(const picture_rules& rules, const std::string& bytes) {
  std::optional<publication::picture_facts> head = read_picture_head(bytes);
  if (!head) return "no_picture";
  if (is_one_of(rules.placeholders, sha256_hex(bytes)) || (head->width <= 1 && head->height <= 1)) return "placeholder";
  if (head->width > longest_side || head->height > longest_side || std::int64_t{head->width} * head->height > rules.most_pixels)
    return "too_large";
  double aspect = static_cast<double>(head->width) / std::max(head->height, 1);
  if (aspect < narrowest || aspect > widest) return "shape";
  return publication::looks_complete(bytes) ? "" : "damaged";
}

std::optional<publication::isolated::picture> decode(publication::isolated::pool& inspectors, const std::string& bytes) {
  file memory(::memfd_create("cover", MFD_CLOEXEC));
  if (!memory) return std::nullopt;
  for (std::size_t sent = 0; sent < bytes.size();) {
    ssize_t n = ::write(memory.get(), bytes.data() + sent, bytes.size() - sent);
    if (n <= 0) return std::nullopt;
    sent += static_cast<std::size_t>(n);
  }
  result<publication::isolated::picture, publication::refusal> seen = inspectors.look_at_picture(memory.get());
  if (!seen) return std::nullopt;
  return std::move(*seen);
}

bool is_blank(const publication::isolated::picture& p) {
  if (p.thumbnails.empty()) return true;
  std::optional<double> spread = publication::grey_spread(p.thumbnails.front().jpeg);
  return !spread || *spread < least_spread;
}

}  // namespace

picture_rules picture_rules_from(const config& c) {
  picture_rules out;
  out.most_bytes = c.bytes("covers.max_bytes");
  out.most_pixels = c.integer("covers.max_pixels");
  out.least_width = static_cast<int>(c.integer("covers.min_width"));
  out.least_height = static_cast<int>(c.integer("covers.min_height"));
  out.own_hosts = c.list("covers.allow_private_hosts");
  out.placeholders = c.list("covers.placeholders");
  return out;
}

got_picture fetch_picture(http::client& client, const library::source& s, const std::string& agent, const picture_rules& rules,
                          std::string url) {
  for (int hop = 0; hop <= most_redirects; ++hop) {
    std::optional<http::outgoing> request = request_of(s, agent, rules, url);
    if (!request) return {.bytes = {}, .refused = "address", .pause = {}};
    http::client::outcome got = client.send_now(std::move(*request));
    if (!got) {
      bool ended = got.error() == http::client_failure::stopped || got.error() == http::client_failure::busy;
      return {.bytes = {}, .refused = refusal_for(got.error()), .pause = {}, .ended = ended};
    }
    if (!is_redirect(got->status)) return take(*got, now());
    const std::string* location = got->find("location");
    url = location != nullptr ? http::followed(url, *location) : "";
  }
  return {.bytes = {}, .refused = "redirects", .pause = {}};
}

seen_picture look_at_cover(publication::isolated::pool& inspectors, const picture_rules& rules, const std::string& bytes,
                           bool audio, bool only_one) {
  seen_picture out;
  out.note = flaw_of_head(rules, bytes);
  if (!out.note.empty()) return out;
  out.picture = decode(inspectors, bytes);
  if (!out.picture) {
    out.note = "damaged";
  } else if (is_blank(*out.picture)) {
    out.note = "placeholder";
  } else if (out.picture->master.width < rules.least_width ||
             out.picture->master.height < (audio ? rules.least_width : rules.least_height)) {
    out.note = only_one ? "low_resolution" : "too_small";
  }
  if (!out.note.empty() && out.note != "low_resolution") out.picture.reset();
  return out;
}

std::string without_signature(const std::string& url) {
  std::size_t question = url.find('?');
  if (question == std::string::npos) return url;
  std::string kept;
  for (const std::string& part : split(std::string_view(url).substr(question + 1), '&')) {
    std::string name = lower_ascii(part.substr(0, part.find('=')));
    bool secret = name.starts_with("x-amz-") || is_one_of({"key", "sig", "signature", "token", "access_token", "expires",
                                                           "policy", "key-pair-id", "googleaccessid", "auth"},
                                                          name);
    if (!secret) kept += (kept.empty() ? "?" : "&") + part;
  }
  return url.substr(0, question) + kept;
}

}  // namespace carrel::ingest::sources
