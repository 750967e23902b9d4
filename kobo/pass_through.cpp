#include "kobo/pass_through.hpp"

#include <algorithm>

#include "kobo/identity.hpp"
#include "kobo/state.hpp"
#include "library/revision.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

using http::client_answer;
using http::response;
using http::verb;

constexpr std::uint64_t largest_answer = 8 << 20;
constexpr std::size_t most_ids = 2000, most_headers = 1024;  // bytes of those that are handed on: readers drop long heads (3)
constexpr std::size_t longest_redirect = 1200;               // the same for an address that they are sent to
constexpr std::int64_t left_alone = 60;                      // seconds

constexpr db::statement sql_ours{"kobo.ours_among", R"sql(
  select i.id from unnest($2::uuid[]) as i (id)
   where exists (select from books b where b.entitlement = i.id)
      or exists (select from shelves s where s.id = i.id)
      or exists (select from devices d join kobo_devices k on k.device_id = d.id join kobo_ledger l on l.kobo_id = k.id
                  where d.user_id = $1 and l.subject in (1, 3) and l.id = i.id))sql"};

std::int64_t steady_seconds() {
  auto at = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(at).count() + 1;
}

std::string host_in(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  return std::string(url.substr(0, url.find_first_of(":/")));
}

// As it was sent, without the device's own address and without doubled slashes. Nothing for what a proxy or the store might read
// as another path.
std::optional<std::string> path_behind(const http::request& in) {
  std::string_view raw = in.target().substr(0, in.target().find_first_of("?#"));
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at < raw.size();) {
    std::size_t end = std::min(raw.find('/', at), raw.size());
    if (end > at) parts.push_back(raw.substr(at, end - at));
    at = end + 1;
  }
  if (!parts.empty() && percent_decode(parts[0]) == "kobo")
    parts.erase(parts.begin(), parts.begin() + std::min<long>(2, std::ssize(parts)));
  std::string out;
  for (std::string_view part : parts) {
    std::optional<std::string> plain = percent_decode(part);
    if (!plain || *plain == "." || *plain == ".." || plain->find_first_of("/\\") != plain->npos) return std::nullopt;
    out.append("/").append(part);
  }
  if (raw.ends_with('/')) out += '/';
  return out;
}

// What cannot stand in an address or a header is written so that it can.
std::string fit_for_address(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = c > ' ' && c < '\x7f' && c != '#' && c != '"' && c != '<' && c != '>';
    if (plain)
      out += c;
    else
      out += percent_encode(std::string_view(&c, 1));
  }
  return out;
}

bool may_leave(std::string_view name) {
  std::string lower = lower_ascii(name);
  for (std::string_view known : {"authorization", "user-agent", "accept", "accept-language", "content-type"}) {
    if (lower == known) return true;
  }
  return lower.starts_with("x-kobo-") && lower != "x-kobo-synctoken";
}

http::outgoing outgoing_from(const store_way& way, store_call c, std::chrono::milliseconds most) {
  http::outgoing out;
  out.method = c.method;
  out.url = (c.to == store_host::api ? way.at.api : way.at.reading) + c.target;
  out.headers = std::move(c.headers);
  out.body = std::move(c.body);
  out.hosts = way.hosts;
  out.connect = std::min(out.connect, most);
  out.total = most;
  out.largest = largest_answer;
  return out;
}

bool any_ours(db::tx& tx, const uuid& user, const std::vector<uuid>& ids) { return !ours_among(tx, user, ids).empty(); }

}  // namespace

store_way::store_way(store_addresses a, bool usual_)
    : at(std::move(a)), usual(usual_), hosts{host_in(at.api), host_in(at.reading)} {}

bool store_way::away(store_host h) const {
  std::int64_t since = silent_since_[static_cast<std::size_t>(h)];
  return since != 0 && steady_seconds() < since + left_alone;
}

void store_way::note(store_host h, bool answered) {
  silent_since_[static_cast<std::size_t>(h)] = answered ? 0 : steady_seconds();
}

bool asks_store(const shared_state& s, const http::context& c) {
  return c.who && c.who->device && c.who->gate && c.who->gate->passthrough.value_or(s.store.usual);
}

std::unordered_set<uuid> ours_among(db::tx& tx, const uuid& user, const std::vector<uuid>& ids) {
  std::unordered_set<uuid> out;
  if (ids.empty()) return out;
  for (const db::row& r : tx.run(sql_ours, user, ids)) out.insert(r.id(0));
  return out;
}

std::optional<std::vector<uuid>> ids_within(std::string_view text) {
  constexpr std::size_t length = 36, first_dash = 8;
  std::vector<uuid> out;
  for (std::size_t dash = text.find('-'); dash != text.npos; dash = text.find('-', dash + 1)) {
    if (dash < first_dash) continue;
    std::optional<uuid> id = uuid::parse(text.substr(dash - first_dash, length));
    if (!id) continue;
    if (out.size() == most_ids) return std::nullopt;
    out.push_back(*id);
  }
  return out;
}

bool holds_token(const http::context& c, std::string_view text) {
  std::string_view path = c.in.path();
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  if (!path.starts_with("kobo/")) return false;  // at the root of the host there is none
  std::string_view token = parts_of(path).first;
  return !token.empty() && text.find(token) != text.npos;
}

std::optional<store_call> call_from(const http::context& c, std::optional<std::string> body) {
  std::optional<std::string> path = path_behind(c.in);
  if (!path || !(path->starts_with("/v1/") || path->starts_with("/v2/") || path->starts_with("/api/"))) return std::nullopt;
  bool reading = path->starts_with("/api/v3/") || path->starts_with("/api/UserStorage/");
  store_call out;
  out.to = reading ? store_host::reading : store_host::api;
  out.method = c.in.method();
  std::string_view target = c.in.target();
  out.target = fit_for_address(*path);
  if (std::size_t query = target.find('?'); query != target.npos) out.target += fit_for_address(target.substr(query));
  std::optional<std::string> plain = percent_decode(out.target, true);
  out.body = body ? std::move(*body) : std::string(c.in.body());
  if (!plain || holds_token(c, *plain) || holds_token(c, out.body)) return std::nullopt;
  bool ours = is_ours(bearer_text(c.in));  // the store does not know it, and it opens the device's notes here
  for (const auto& [name, value] : c.in.headers()) {
    bool hidden = ours && equal_ascii_case(name, "authorization");
    if (may_leave(name) && !hidden && !holds_token(c, value)) out.headers.emplace_back(name, value);
  }
  return out;
}

response sent_to_store(const shared_state& s, const store_call& call) {
  response r = http::redirect((call.to == store_host::api ? s.store.at.api : s.store.at.reading) + call.target, 307);
  r.set("Cache-Control", "no-store");
  r.set("Referrer-Policy", "no-referrer");  // the address that it comes from holds the token
  return r;
}

task<std::optional<client_answer>> ask_store(shared_state& s, store_call call, std::chrono::milliseconds most) {
  store_host to = call.to;
  http::outgoing out = outgoing_from(s.store, std::move(call), most);
  task<http::client::outcome> sending = s.with.client.send(std::move(out));
  http::client::outcome got = co_await std::move(sending);
  bool silent = !got && (got.error() == http::client_failure::late || got.error() == http::client_failure::unreachable);
  if (got || silent) s.store.note(to, !silent);
  if (got) co_return std::move(*got);
  log::warn("kobo.store", {{"result", http::name_of(got.error())}});
  co_return std::nullopt;
}

void tell_store(shared_state& s, store_call call) { s.with.client.post(outgoing_from(s.store, std::move(call), store_time)); }

response relayed(const client_answer& a) {
  response r = http::text(a.body, a.status);
  std::erase_if(r.headers, [](const auto& h) { return equal_ascii_case(h.first, "content-type"); });
  std::size_t size = 0;
  for (const auto& [name, value] : a.headers) {
    std::string lower = lower_ascii(name);
    bool known = lower == "content-type" || (lower.starts_with("x-kobo-") && lower != "x-kobo-synctoken");
    known = known && std::none_of(value.begin(), value.end(), is_control);
    size += known ? name.size() + value.size() : 0;
    if (known && size <= most_headers) r.set(lower, value);
  }
  r.set("Cache-Control", "no-store");
  return r;
}

task<std::optional<response>> answer_of_store(shared_state& s, store_call call) {
  task<std::optional<client_answer>> asking = ask_store(s, std::move(call), store_patience);
  std::optional<client_answer> there = co_await std::move(asking);
  if (!there || there->status < 200 || there->status >= 300) co_return std::nullopt;
  co_return relayed(*there);
}

task<std::optional<response>> from_store(shared_state& s, http::context& c) {
  if (!asks_store(s, c)) co_return std::nullopt;
  std::optional<store_call> call = call_from(c);
  if (!call) co_return std::nullopt;
  std::string about = percent_decode(call->target).value_or(call->target) + "\n" + call->body;
  std::optional<std::vector<uuid>> ids = ids_within(about);
  if (!ids) co_return std::nullopt;
  bool ours = false;
  if (!ids->empty()) ours = co_await s.with.pool.read(any_ours, c.who->user, *ids);
  if (ours) co_return std::nullopt;
  bool reads = call->method == verb::get || call->method == verb::head;
  if (reads && call->target.size() <= longest_redirect) co_return sent_to_store(s, *call);
  task<std::optional<response>> asking = answer_of_store(s, std::move(*call));
  co_return co_await std::move(asking);
}

}  // namespace carrel::kobo
