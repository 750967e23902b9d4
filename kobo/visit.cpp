#include <algorithm>

#include "kobo/state.hpp"
#include "library/instance.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

keys read_keys(db::tx& tx) { return {library::signing_key(tx, "kobo.tokens"), library::signing_key(tx, "kobo.devices")}; }

sync_settings settings_from(const config& c) {
  return {.page_size = static_cast<int>(std::clamp<std::int64_t>(c.integer("kobo.page_size"), 1, 500)),
          .form = metadata_form::container};
}

std::string header_of(const http::request& in, std::string_view name, std::size_t most) {
  return std::string(cut_utf8(trim(in.header(name).value_or("")), most));
}

}  // namespace

shared_state::shared_state(services s) : with(s), how(settings_from(with.settings)), secrets(with.pool, read_keys) {}

task<visit> enter(shared_state& s, http::context& c) {
  std::shared_ptr<const keys> secret = co_await s.secrets.get();
  CARREL_EXPECT(c.who && c.who->device && c.who->gate);
  visit v;
  v.device = *c.who->device;
  v.user = c.who->user;
  v.gate = *c.who->gate;
  // The device id with the account's key is a credential of the owner's account at Kobo: only its keyed hash is ever kept (3).
  std::string id = header_of(c.in, "x-kobo-deviceid", 256);
  if (!id.empty()) v.reader.device_hash = hmac_sha256(secret->devices, lower_ascii(id));
  v.reader.model = header_of(c.in, "x-kobo-devicemodel", 64);
  v.reader.firmware = header_of(c.in, "x-kobo-appversion", 32);
  std::string site = s.with.links.devices(c.in);
  v.base.text = site + "/kobo/" + std::string(c.in.param("token"));
  v.origin = site.substr(0, site.find('/', site.find("://") + 3));
  co_return v;
}

std::optional<uuid> id_of(std::string_view text) { return uuid::parse(text); }

std::vector<uuid> ids_of(std::string_view text) {
  std::vector<uuid> out;
  for (const std::string& part : split(text, ',')) {
    if (std::optional<uuid> id = id_of(part)) out.push_back(*id);
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
