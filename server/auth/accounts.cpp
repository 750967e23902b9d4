#include "server/auth/accounts.hpp"

#include <map>

namespace carrel::auth {
namespace {

constexpr db::statement sql_sign_in{"auth.find_sign_in", R"sql(
  select id, name, role, password_hash, disabled_at is not null from users where name_key = $1)sql"};

// `offset 0` keeps it to lookups by key (as in library.find_secrets).
constexpr db::statement sql_registered{"auth.find_registered", R"sql(
  select q.place, a.credential, a.id, a.name, a.role, a.password_hash, a.disabled
    from unnest($1::text[]) with ordinality q(name_key, place)
    cross join lateral (
      select c.id as credential, u.id, u.name, u.role, c.password_hash, u.disabled_at is not null as disabled
        from service_credentials c
        join users u on u.id = c.user_id
       where c.service = 'kosync' and c.username_key = q.name_key
      offset 0) a)sql"};

}  // namespace

std::optional<sign_in_account> find_sign_in(db::tx& tx, const std::string& name_key) {
  db::rows rows = tx.run(sql_sign_in, name_key);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  return sign_in_account{
      .id = r.id(0), .name = r.text(1), .role = r.text(2), .password_hash = r.maybe_text(3), .disabled = r.flag(4)};
}

std::vector<found_credential> find_credentials(db::tx& tx, const std::vector<shown_credential>& shown) {
  std::vector<library::shown_secret> secrets;
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> known;  // a burst of one device asks once
  std::vector<std::size_t> place_of;
  for (const shown_credential& s : shown) {
    auto [at, fresh] = known.try_emplace({s.secret.hash, s.secret.form}, secrets.size());
    if (fresh) secrets.push_back(s.secret);
    place_of.push_back(at->second);
  }
  const std::vector<std::optional<library::secret_owner>> devices = library::find_secrets_and_gates(tx, secrets);

  std::vector<found_credential> out(shown.size());
  std::vector<std::string> names;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    out[i].device = devices[place_of[i]];
    if (out[i].device || shown[i].name_key.empty()) continue;
    names.push_back(shown[i].name_key);
    places.push_back(i);
  }
  if (names.empty()) return out;

  for (const db::row& r : tx.run(sql_registered, names)) {
    registered_account a;
    a.credential = r.id(1);
    a.user = r.id(2);
    a.user_name = r.text(3);
    a.role = r.text(4);
    a.password_hash = r.text(5);
    a.disabled = r.flag(6);
    out[places[static_cast<std::size_t>(r.integer(0)) - 1]].account = std::move(a);
  }
  return out;
}

}  // namespace carrel::auth
