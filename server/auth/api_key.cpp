#include "server/auth/api_key.hpp"

#include "library/user.hpp"
#include "server/core/digest.hpp"
#include "server/core/random.hpp"

namespace carrel::auth {
namespace {

constexpr std::size_t longest_label = 100, prefix_length = 12;

constexpr db::statement sql_create{"auth.create_key", R"sql(
  insert into api_keys (id, user_id, key_prefix, key_hash, label, scope, expires_at)
  select $1::uuid, u.id, $3::text, $4::bytea, $5::text, $6::text, $7::timestamptz from users u where u.id = $2)sql"};

constexpr db::statement sql_list{"auth.list_keys", R"sql(
  select k.id, k.user_id, u.name, k.label, k.scope, k.key_prefix, k.expires_at, k.last_used_at, k.created_at
    from api_keys k
    join users u on u.id = k.user_id
   where ($1::uuid is null or k.user_id = $1) and ($2::uuid is null or k.id = $2)
   order by k.created_at desc, k.id desc)sql"};

constexpr db::statement sql_revoke{"auth.revoke_key", R"sql(
  delete from api_keys where id = $2 and ($1::uuid is null or user_id = $1))sql"};

constexpr db::statement sql_find{"auth.find_keys", R"sql(
  select q.place, k.id, u.id, u.name, u.role, k.scope, u.disabled_at is not null
    from unnest($1::bytea[]) with ordinality q(hash, place)
    join api_keys k on k.key_hash = q.hash
    join users u on u.id = k.user_id
   where k.expires_at is null or k.expires_at > $2)sql"};

constexpr db::statement sql_used{"auth.key_was_used", R"sql(
  update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at <= $2::timestamptz - interval '1 minute'))sql"};

std::vector<api_key> find(db::tx& tx, const std::optional<uuid>& user, const std::optional<uuid>& key) {
  std::vector<api_key> out;
  for (const db::row& r : tx.run(sql_list, user, key)) {
    api_key k;
    k.id = r.id(0);
    k.user_id = r.id(1);
    k.user_name = r.text(2);
    k.label = r.text(3);
    k.scope = r.text(4);
    k.prefix = r.text(5);
    k.expires_at = r.maybe_at(6);
    k.last_used_at = r.maybe_at(7);
    k.created_at = r.at(8);
    out.push_back(std::move(k));
  }
  return out;
}

}  // namespace

std::string key_hash(std::string_view key) { return sha256_raw(key); }

result<new_key> create_key(db::tx& tx, const uuid& user, const std::string& label, const std::string& scope,
                           const std::optional<instant>& expires_at) {
  result<std::string> name = library::check_name(label, longest_label);
  if (!name) return error{"label", name.error().reason};
  if (scope != "read" && scope != "write" && scope != "admin") return error{"scope", "is read, write or admin"};

  std::string key = "crl_" + random_token(24);
  uuid id = uuid::make();
  db::bytes hash{key_hash(key)};
  if (tx.run(sql_create, id, user, key.substr(0, prefix_length), hash, *name, scope, expires_at).affected() == 0) {
    return error{"user", "no such account"};
  }
  return new_key{.made = std::move(find(tx, user, id).front()), .key = std::move(key)};
}

std::vector<api_key> list_keys(db::tx& tx, const std::optional<uuid>& user) { return find(tx, user, std::nullopt); }

bool revoke_key(db::tx& tx, const std::optional<uuid>& user, const uuid& key) {
  return tx.run(sql_revoke, user, key).affected() == 1;
}

std::vector<std::optional<key_owner>> find_keys(db::tx& tx, const std::vector<std::string>& hashes) {
  std::vector<db::bytes> raw;
  raw.reserve(hashes.size());
  for (const std::string& h : hashes) raw.push_back({h});
  std::vector<std::optional<key_owner>> out(hashes.size());
  for (const db::row& r : tx.run(sql_find, raw, now())) {
    key_owner k;
    k.id = r.id(1);
    k.user = r.id(2);
    k.user_name = r.text(3);
    k.role = r.text(4);
    k.scope = r.text(5);
    k.disabled = r.flag(6);
    out[static_cast<std::size_t>(r.integer(0)) - 1] = std::move(k);
  }
  return out;
}

void key_was_used(db::tx& tx, const uuid& key) { tx.run(sql_used, key, now()); }

}  // namespace carrel::auth
