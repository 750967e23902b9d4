#include "library/device.hpp"

#include <algorithm>
#include <array>

#include "library/kobo_acts.hpp"
#include "library/storable.hpp"
#include "library/user.hpp"
#include "server/core/digest.hpp"
#include "server/core/json.hpp"
#include "server/core/random.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr std::size_t longest_device_name = 64;
constexpr std::array<std::string_view, 3> kinds{"kobo", "koreader", "app"};
constexpr std::array<std::string_view, 4> scopes_known{"opds", "kosync", "dav", "kobo"};
constexpr int requests_kept = 50, bearers_kept = 8;

constexpr db::statement sql_add{"library.add_device", R"sql(
  insert into devices (id, user_id, name, name_key, kind) values ($1, $2, $3, $4, $5))sql"};

constexpr db::statement sql_devices{"library.devices", R"sql(
  select d.id, d.user_id, u.name, d.name, d.kind, d.last_seen_at, d.last_address, d.last_agent, d.created_at,
         array(select ds.shelf_id from device_shelves ds where ds.device_id = d.id order by ds.added_at, ds.shelf_id)
    from devices d
    join users u on u.id = d.user_id
   where d.revoked_at is null and ($1::uuid is null or d.user_id = $1)
   order by u.name_key, d.name_key)sql"};

constexpr db::statement sql_find{"library.find_device", R"sql(
  select d.id, d.user_id, u.name, d.name, d.kind, d.last_seen_at, d.last_address, d.last_agent, d.created_at,
         array(select ds.shelf_id from device_shelves ds where ds.device_id = d.id order by ds.added_at, ds.shelf_id)
    from devices d
    join users u on u.id = d.user_id
   where d.revoked_at is null and d.id = $1)sql"};

constexpr db::statement sql_named{"library.find_device_named", R"sql(
  select id from devices where revoked_at is null and name_key = $2 and ($1::uuid is null or user_id = $1) limit 2)sql"};

constexpr db::statement sql_lock{"library.lock_device", "select id from devices where id = $1 and revoked_at is null for update"};

constexpr db::statement sql_revoke{"library.revoke_device", R"sql(
  update devices set revoked_at = now(), updated_at = now() where id = $1 and revoked_at is null)sql"};
constexpr db::statement sql_forget_secrets{"library.forget_device_secrets", "delete from device_secrets where device_id = $1"};

// Secrets that are in their time of grace already keep their earlier end.
constexpr db::statement sql_expire_secrets{"library.expire_device_secrets", R"sql(
  update device_secrets set expires_at = least(coalesce(expires_at, $2), $2) where device_id = $1)sql"};
constexpr db::statement sql_drop_expired{"library.drop_expired_secrets", R"sql(
  delete from device_secrets where device_id = $1 and expires_at <= $2)sql"};

constexpr db::statement sql_add_secrets{"library.add_device_secrets", R"sql(
  insert into device_secrets (hash, device_id, form)
  select q.hash, $1::uuid, q.form from unnest($2::bytea[], $3::text[]) q(hash, form))sql"};

constexpr db::statement sql_remember_bearer{"library.remember_bearer", R"sql(
  insert into device_secrets as s (hash, device_id, form, created_at) values ($1, $2, 'bearer', $3)
      on conflict (hash) do update set device_id = excluded.device_id, created_at = excluded.created_at, expires_at = null
   where s.form = 'bearer')sql"};
constexpr db::statement sql_forget_bearers{"library.forget_bearers", R"sql(
  delete from device_secrets
   where hash in (select hash from device_secrets where device_id = $1 and form = 'bearer'
                   order by created_at desc, hash offset $2))sql"};

// `offset 0` and the late look at revoked_at keep it to lookups by key for each hash, whatever the planner believes about
// tables that were never analysed.
#define CARREL_SECRETS(MORE, FROM_MORE)                                                                                       \
  "select q.place, o.device_id, o.user_id, o.device_name, o.kind, o.user_name, o.user_key, o.role, o.disabled, o.scopes" MORE \
  "  from unnest($1::bytea[], $2::text[]) with ordinality q(hash, form, place)"                                               \
  "  cross join lateral (select * from device_of_secret(q.hash, q.form, $3) offset 0) o" FROM_MORE " where o.revoked_at is null"
constexpr db::statement sql_secrets{"library.find_secrets", CARREL_SECRETS("", "")};
constexpr db::statement sql_secrets_and_gates{
    "library.find_secrets_and_gates", CARREL_SECRETS(", r.revision, r.changed_at, o.audience, o.state, o.state_at, o.passthrough,"
                                                     " (select u.language from users u where u.id = o.user_id)",
                                                     " cross join catalog_revision r")};
#undef CARREL_SECRETS

constexpr db::statement sql_set_scopes{"library.set_device_scopes", R"sql(
  update devices set settings = jsonb_set(settings, '{scopes}', to_jsonb($2::text[])), updated_at = now()
   where id = $1 and revoked_at is null)sql"};

constexpr db::statement sql_saw{"library.saw_device", R"sql(
  update devices set last_seen_at = $2, last_address = $3, last_agent = $4
   where id = $1 and (last_seen_at is null or last_seen_at <= $2::timestamptz - interval '1 minute'))sql"};

constexpr db::statement sql_note{"library.note_requests", R"sql(
  insert into device_requests (id, device_id, at, protocol, request, status, note)
  select w.id, w.device, w.at, w.protocol, w.request, w.status, w.note
    from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[], $7::text[])
           as w (id, device, at, protocol, request, status, note)
    join devices d on d.id = w.device)sql"};
constexpr db::statement sql_forget_requests{"library.forget_requests", R"sql(
  delete from device_requests r
   using unnest($1::uuid[]) as w (device)
   cross join lateral (
         select at, id from device_requests where device_id = w.device order by at desc, id desc offset $2 limit 1) first_gone
   where r.device_id = w.device and (r.at, r.id) <= (first_gone.at, first_gone.id))sql"};

constexpr db::statement sql_requests{"library.recent_requests", R"sql(
  select at, protocol, request, note, status from device_requests where device_id = $1 order by at desc, id desc limit $2)sql"};

constexpr db::statement sql_feed{"library.feed_device", R"sql(
  insert into device_shelves (device_id, shelf_id)
  select d.id, s.id
    from devices d
    join shelves s on s.user_id = d.user_id or s.shared
   where d.id = $1 and d.revoked_at is null and s.id = $2
      on conflict do nothing)sql"};
constexpr db::statement sql_stop_feeding{"library.stop_feeding_device", R"sql(
  delete from device_shelves where device_id = $1 and shelf_id = $2)sql"};
constexpr db::statement sql_bump_owner{"library.bump_device_owner", R"sql(
  update users set state = state + 1, state_at = clock_timestamp() where id = (select user_id from devices where id = $1))sql"};

device device_from(const db::row& r) {
  device d;
  d.id = r.id(0);
  d.user_id = r.id(1);
  d.user_name = r.text(2);
  d.name = r.text(3);
  d.kind = r.text(4);
  d.last_seen_at = r.maybe_at(5);
  d.last_address = r.text(6);
  d.last_agent = r.text(7);
  d.created_at = r.at(8);
  d.shelves = r.ids(9);
  return d;
}

db::rows look_up(db::tx& tx, const db::statement& sql, const std::vector<shown_secret>& shown) {
  std::vector<db::bytes> hashes;
  std::vector<std::string> forms;
  for (const shown_secret& s : shown) {
    hashes.push_back({s.hash});
    forms.push_back(s.form);
  }
  return tx.run(sql, hashes, forms, now());
}

// The letters without what people put between them.
std::string bare(std::string_view shown) {
  std::string out;
  for (char c : shown) {
    if (c != '-' && c != ' ' && c != '\t') out += c;
  }
  return lower_ascii(out);
}

void add_secrets(db::tx& tx, const uuid& device, const std::string& password, const std::string& token) {
  std::string blanks = password;
  std::replace(blanks.begin(), blanks.end(), '-', ' ');

  std::vector<db::bytes> hashes{db::bytes{plain_secret_hash(password)}};
  std::vector<std::string> forms{"plain"};
  for (const std::string& spelling : {password, blanks, bare(password)}) {
    hashes.push_back({kosync_secret_hash(md5_hex(spelling))});
    forms.emplace_back("kosync");
  }
  if (!token.empty()) {
    hashes.push_back({kobo_secret_hash(token)});
    forms.emplace_back("kobo");
  }
  tx.run(sql_add_secrets, device, hashes, forms);
}

new_device with_secrets(db::tx& tx, const uuid& id) {
  std::optional<device> made = find_device(tx, id);
  CARREL_EXPECT(made.has_value());
  new_device out{.made = std::move(*made), .password = random_device_password(), .token = {}};
  if (out.made.kind == "kobo") out.token = random_alphanumeric(24);  // kobo.md 4.1
  add_secrets(tx, id, out.password, out.token);
  return out;
}

}  // namespace

secret_owner owner_in(const db::row& r) {
  secret_owner o;
  o.device = r.id(1);
  o.user = r.id(2);
  o.device_name = r.text(3);
  o.device_kind = r.text(4);
  o.user_name = r.text(5);
  o.user_key = r.text(6);
  o.role = r.text(7);
  o.disabled = r.flag(8);
  if (!r.is_null(9)) {
    // A list that cannot be read opens nothing.
    o.scopes = {"none"};
    auto listed = json::parse(r.view(9));
    if (listed && listed->as_array() != nullptr) {
      o.scopes.clear();
      for (const json::value& v : *listed->as_array()) {
        if (v.as_text() != nullptr) o.scopes.push_back(*v.as_text());
      }
    }
  }
  return o;
}

bool secret_owner::may_use(std::string_view scope) const {
  if (disabled || (scope == "kobo" && device_kind != "kobo")) return false;
  return scopes.empty() || std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

std::string plain_secret_hash(std::string_view shown) { return sha256_raw(bare(shown)); }
std::string kosync_secret_hash(std::string_view md5_hex) { return sha256_raw(lower_ascii(md5_hex)); }
std::string kobo_secret_hash(std::string_view token) { return sha256_raw(token); }

std::string bearer_secret_hash(std::string_view bearer) { return sha256_raw(bearer); }

void remember_bearer(db::tx& tx, const uuid& device, const std::string& hash) {
  tx.run(sql_remember_bearer, db::bytes{hash}, device, now());
  tx.run(sql_forget_bearers, device, bearers_kept);
}

result<new_device> add_device(db::tx& tx, const uuid& user, const std::string& name, const std::string& kind) {
  result<std::string> checked = check_name(name, longest_device_name);
  if (!checked) return checked.error();
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) return error{"kind", "is kobo, koreader or app"};

  uuid id = uuid::make();
  tx.run(sql_add, id, user, *checked, name_key(*checked), kind);
  return with_secrets(tx, id);
}

std::vector<device> devices(db::tx& tx, const std::optional<uuid>& user) {
  std::vector<device> out;
  for (const db::row& r : tx.run(sql_devices, user)) out.push_back(device_from(r));
  return out;
}

std::optional<device> find_device(db::tx& tx, const uuid& device) {
  db::rows rows = tx.run(sql_find, device);
  if (rows.empty()) return std::nullopt;
  return device_from(rows[0]);
}

std::optional<device> find_device_named(db::tx& tx, const std::optional<uuid>& user, std::string_view id_or_name) {
  if (std::optional<uuid> id = uuid::parse(trim(id_or_name))) {
    std::optional<device> found = find_device(tx, *id);
    if (found && (!user || found->user_id == *user)) return found;
  }
  if (!check_name(id_or_name, longest_device_name)) return std::nullopt;
  db::rows named = tx.run(sql_named, user, name_key(id_or_name));
  if (named.size() != 1) return std::nullopt;
  return find_device(tx, named[0].id(0));
}

bool revoke_device(db::tx& tx, const uuid& device) {
  if (tx.run(sql_revoke, device).affected() == 0) return false;
  tx.run(sql_forget_secrets, device);
  tx.run(sql_bump_owner, device);  // shelves say whom they feed
  return true;
}

std::optional<new_device> rotate_device(db::tx& tx, const uuid& device, std::chrono::seconds grace) {
  if (tx.run(sql_lock, device).empty()) return std::nullopt;
  instant at = now();
  if (grace.count() > 0) {
    tx.run(sql_expire_secrets, device, at + grace);
    tx.run(sql_drop_expired, device, at);
  } else {
    tx.run(sql_forget_secrets, device);
  }
  return with_secrets(tx, device);
}

std::vector<std::optional<secret_owner>> find_secrets(db::tx& tx, const std::vector<shown_secret>& shown) {
  std::vector<std::optional<secret_owner>> out(shown.size());
  for (const db::row& r : look_up(tx, sql_secrets, shown)) {
    out[static_cast<std::size_t>(r.integer(0)) - 1] = owner_in(r);
  }
  return out;
}

std::vector<std::optional<secret_owner>> find_secrets_and_gates(db::tx& tx, const std::vector<shown_secret>& shown) {
  std::vector<std::optional<secret_owner>> out(shown.size());
  for (const db::row& r : look_up(tx, sql_secrets_and_gates, shown)) {
    std::optional<secret_owner>& o = out[static_cast<std::size_t>(r.integer(0)) - 1];
    o = owner_in(r);
    o->seen = gate{.catalog = {.number = r.integer(10), .changed_at = r.at(11)},
                   .audience = r.integer(12),
                   .state = r.integer(13),
                   .state_at = r.at(14),
                   .language = r.text(16),
                   .passthrough = r.is_null(15) ? std::nullopt : std::optional(r.flag(15))};
  }
  return out;
}

bool set_device_scopes(db::tx& tx, const uuid& device, const std::vector<std::string>& scopes) {
  for (const std::string& s : scopes) {
    if (std::find(scopes_known.begin(), scopes_known.end(), s) == scopes_known.end()) return false;
  }
  return tx.run(sql_set_scopes, device, scopes).affected() == 1;
}

void saw_device(db::tx& tx, const uuid& device, const std::string& address, const std::string& agent) {
  tx.run(sql_saw, device, now(), storable_note(address, 64), storable_note(agent, 200));
}

void note_requests(db::tx& tx, const device_notes& all) {
  std::vector<uuid> noisy, ids, devices;
  std::vector<instant> times;
  std::vector<std::string> protocols, requests, notes;
  std::vector<std::int64_t> statuses;
  for (const auto& [device, of_device] : all) {
    noisy.push_back(device);
    for (const device_request& r : of_device) {
      ids.push_back(uuid::make());
      devices.push_back(device);
      times.push_back(r.at == instant{} ? now() : r.at);
      protocols.push_back(storable_note(r.protocol, 32));
      requests.push_back(storable_note(r.request, 300));
      statuses.push_back(r.status);
      notes.push_back(storable_note(r.note, 500));
    }
  }
  tx.run(sql_note, ids, devices, times, protocols, requests, statuses, notes);
  tx.run(sql_forget_requests, noisy, requests_kept);
}

std::vector<device_request> recent_requests(db::tx& tx, const uuid& device, int most) {
  std::vector<device_request> out;
  for (const db::row& r : tx.run(sql_requests, device, most)) {
    out.push_back({.at = r.at(0),
                   .protocol = r.text(1),
                   .request = r.text(2),
                   .note = r.text(3),
                   .status = static_cast<int>(r.integer(4))});
  }
  return out;
}

bool feed_device(db::tx& tx, const uuid& device, const uuid& shelf, bool on) {
  const db::statement& change = on ? sql_feed : sql_stop_feeding;
  if (tx.run(change, device, shelf).affected() == 0) return false;
  if (!on) forget_removed(tx, {device});
  if (!on) forget_hidden(tx, device, shelf);
  tx.run(sql_bump_owner, device);
  return true;
}

}  // namespace carrel::library
