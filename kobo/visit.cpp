#include <algorithm>
#include <array>
#include <utility>

#include "kobo/annotations.hpp"
#include "kobo/state.hpp"
#include "library/device.hpp"
#include "library/instance.hpp"
#include "server/core/digest.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

constexpr std::size_t most_remembered = 10'000;
constexpr std::chrono::minutes noted_again{10};  // another process may have seen it on another device

keys read_keys(db::tx& tx) { return {library::signing_key(tx, "kobo.tokens"), library::signing_key(tx, "kobo.devices")}; }

sync_settings settings_from(const config& c) {
  const std::string& form = c.text("kobo.metadata");
  return {.page_size = static_cast<int>(std::clamp<std::int64_t>(c.integer("kobo.page_size"), 1, 500)),
          .form = form == "pair"   ? metadata_form::pair
                  : form == "bare" ? metadata_form::bare
                                   : metadata_form::container,
          .guard = c.on("kobo.removal_guard"),
          .put_back = c.text("kobo.removed_policy") == "put-back",
          .heal = c.on("kobo.heal"),
          .heal_after_syncs = static_cast<int>(c.integer("kobo.heal_after_syncs")),
          .heal_most = static_cast<int>(c.integer("kobo.heal_max"))};
}

std::string header_of(const http::request& in, std::string_view name, std::size_t most) {
  std::string text = replace_invalid_utf8(in.header(name).value_or(""));
  return std::string(cut_utf8(trim(text), most));
}

std::string hash_of_device(std::string_view id, const keys& secret) {
  return id.empty() ? "" : hmac_sha256(secret.devices, lower_ascii(id));
}

}  // namespace

bool seen_bearers::is_new(const uuid& device, const std::string& hash) {
  instant at = now();
  std::lock_guard lock(mutex_);
  if (last_.size() > most_remembered) last_.clear();
  seen& last = last_[hash];
  if (last.device == device && at < last.at + noted_again) return false;
  last = {.device = device, .at = at};
  return true;
}

shared_state::shared_state(services s)
    : with(std::move(s)),
      how(settings_from(with.settings)),
      header_budget(static_cast<std::uint64_t>(with.settings.integer("kobo.header_budget"))),
      unknown_annotations_missing(with.settings.text("kobo.annotations.unknown") == "notfound"),
      furthest_usually(with.settings.text("kosync.policy") == "furthest"),
      known_by_device(with.settings.on("kobo.annotations.by_device")),
      secrets(with.pool, read_keys),
      store(with.store_at, with.settings.on("kobo.passthrough")) {}

std::string device_hash_in(const http::request& in, const keys& secret) {
  result<json::object> body = json::read_object(in.body());
  std::string id;
  if (body) body->take("DeviceId", id);
  return hash_of_device(id, secret);
}

reader_facts reader_of(const http::request& in, const keys& secret) {
  reader_facts out;
  out.device_hash = hash_of_device(header_of(in, "x-kobo-deviceid", 256), secret);
  out.model = header_of(in, "x-kobo-devicemodel", 64);
  out.firmware = header_of(in, "x-kobo-appversion", 32);
  return out;
}

void note_shown(shared_state& s, const visit& v, signal what, std::vector<uuid> entitlements) {
  if (entitlements.empty()) return;
  auto done = [](const std::exception_ptr& failed) {
    if (failed) log::warn("kobo.signal", {{"result", "not noted"}});
  };
  auto note = [device = v.device, user = v.user, reader = v.reader, what, ids = std::move(entitlements)](db::tx& tx) {
    bool by_file = what == signal::download_started || what == signal::download_done;  // asked for without any header (12)
    std::optional<kobo_row> k = by_file ? find_holder(tx, device, user, ids.front()) : find_row(tx, device, user, reader);
    if (k) note_signals(tx, *k, what, ids);
  };
  s.with.pool.enqueue(db::mode::write, std::nullopt, std::move(note), done);
}

void note_request(shared_state& s, const http::context& c, unsigned status, const std::string& why) {
  if (!c.who || !c.who->device) return;
  std::string path = log::redact(c.in.path());
  if (std::size_t own = path.find("/kobo/…"); own != path.npos) path.erase(0, own + std::string_view("/kobo/…").size());
  if (path.find("/covers/") != path.npos && status < 400) return;
  library::device_request r{.at = now(), .protocol = "kobo", .request = {}, .note = why, .status = static_cast<int>(status)};
  r.request.append(http::name_of(c.in.method())).append(" ").append(path);
  s.with.credentials.note_request(*c.who->device, std::move(r));
}

std::pair<std::string_view, std::string_view> parts_of(std::string_view path) {
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  path.remove_prefix(std::min(path.find('/'), path.size()));
  while (path.starts_with('/')) path.remove_prefix(1);
  std::size_t end = std::min(path.find('/'), path.size());
  return {path.substr(0, end), path.substr(end)};
}

std::string_view bearer_text(const http::request& in) {
  std::string_view shown = in.header("authorization").value_or("");
  if (lower_ascii(shown.substr(0, 7)) == "bearer ") shown.remove_prefix(7);
  return trim(shown);
}

std::string shown_bearer(const http::request& in) {
  std::string_view shown = bearer_text(in);
  return shown.empty() ? "" : library::bearer_secret_hash(shown);
}

void claim_bearer(db::tx& tx, const uuid& device, const uuid& user, const std::string& hash) {
  library::remember_bearer(tx, device, hash);
  adopt_leftovers(tx, hash, user);
}

bool is_forwarded(const http::request& in) {
  constexpr std::array<std::string_view, 5> marks{"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"};
  return std::any_of(marks.begin(), marks.end(), [&](std::string_view name) { return in.header(name).has_value(); });
}

// A Kobo may leave the port out of `Host`, though it is not the usual one (3). What a proxy says stands as it is.
std::string site_of(const http::links& links, const http::request& in) {
  std::string site = links.devices(in);
  if (links.fixed() || is_forwarded(in)) return site;
  std::size_t host = site.find("://") + 3, end = std::min(site.find('/', host), site.size());
  std::string_view authority = std::string_view(site).substr(host, end - host);
  bool has_port = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0) != authority.npos;
  bool usual = in.local_port() == 0 || in.local_port() == (in.scheme() == "https" ? 443 : 80);
  if (!has_port && !usual) site.insert(end, ":" + std::to_string(in.local_port()));
  return site;
}

task<visit> enter(shared_state& s, http::context& c) {
  std::shared_ptr<const keys> secret = co_await s.secrets.get();
  CARREL_EXPECT(c.who && c.who->device && c.who->gate);
  visit v;
  v.device = *c.who->device;
  v.user = c.who->user;
  v.gate = *c.who->gate;
  v.reader = reader_of(c.in, *secret);
  std::string site = site_of(s.with.links, c.in);
  v.base.text = site + "/kobo/" + std::string(c.in.param("token"));
  v.origin = site.substr(0, site.find('/', site.find("://") + 3));
  co_return v;
}

std::optional<uuid> id_of(std::string_view text) { return uuid::parse(text); }

std::vector<uuid> ids_of(std::string_view text) {
  std::vector<uuid> out;
  for (const std::string& part : split(text, ',')) {
    std::optional<uuid> id = id_of(part);
    if (id && std::find(out.begin(), out.end(), *id) == out.end()) out.push_back(*id);
  }
  return out;
}

http::response answer(std::string json, unsigned status) {
  http::response r = http::json(std::move(json), status);
  r.set("Content-Type", "application/json; charset=utf-8");
  r.set("Cache-Control", "no-store");
  return r;
}

}  // namespace carrel::kobo
