#include "library/user.hpp"

#include "library/book_parts.hpp"
#include "library/revision.hpp"
#include "library/storable.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr std::size_t longest_user_name = 64;

constexpr db::statement sql_add{"library.add_user", R"sql(
  insert into users (id, name, name_key, role, password_hash, may_download, may_shelve)
  values ($1, $2, $3, $4, $5, $6, $6))sql"};

constexpr db::statement sql_users{"library.users", R"sql(
  select id, name, role, may_download, may_upload, may_shelve, disabled_at is not null, language, theme, position_policy,
         hold_stale, audience, state, created_at
    from users
   order by name_key)sql"};

constexpr db::statement sql_find{"library.find_user", R"sql(
  select id, name, role, may_download, may_upload, may_shelve, disabled_at is not null, language, theme, position_policy,
         hold_stale, audience, state, created_at
    from users
   where id = $1 or name_key = $2)sql"};

constexpr db::statement sql_password_hash{"library.password_hash_of", "select password_hash from users where id = $1"};
constexpr db::statement sql_has_owner{"library.has_owner", "select exists (select from users where role = 'owner')"};

constexpr db::statement sql_rights{"library.rights_of", R"sql(
  select role, may_download, may_upload, may_shelve from users where id = $1 and disabled_at is null)sql"};

// Locked in one order, so that two owners who remove each other at the same moment do not both succeed.
constexpr db::statement sql_lock_owners{"library.lock_owners", R"sql(
  select id from users where role = 'owner' and disabled_at is null order by id for update)sql"};
constexpr db::statement sql_lock_user{"library.lock_user", "select id from users where id = $1 for update"};

constexpr db::statement sql_set_role{"library.set_role", R"sql(
  update users set role = $2, audience = audience + 1, updated_at = now() where id = $1 and role <> $2)sql"};

constexpr db::statement sql_disable{"library.disable_user", R"sql(
  update users set disabled_at = now(), audience = audience + 1, updated_at = now() where id = $1 and disabled_at is null)sql"};
constexpr db::statement sql_enable{"library.enable_user", R"sql(
  update users set disabled_at = null, audience = audience + 1, updated_at = now() where id = $1 and disabled_at is not null)sql"};
constexpr db::statement sql_end_sessions{"library.end_sessions", "delete from sessions where user_id = $1"};
// Devices that push hold rows of their documents and wait for those of the account; in this order nobody waits in a ring.
constexpr db::statement sql_lock_documents{"library.lock_documents_of", R"sql(
  select from documents where user_id = $1 order by document collate "C" for update)sql"};
constexpr db::statement sql_delete{"library.delete_user", "delete from users where id = $1"};

constexpr db::statement sql_set_password{"library.set_password_hash", R"sql(
  update users set password_hash = $2, updated_at = now() where id = $1)sql"};
constexpr db::statement sql_set_appearance{"library.set_appearance", R"sql(
  update users set language = $2, theme = $3, updated_at = now() where id = $1)sql"};
constexpr db::statement sql_set_policy{"library.set_position_policy", R"sql(
  update users set position_policy = $2, hold_stale = $3, updated_at = now() where id = $1)sql"};

constexpr db::statement sql_limits{"library.limits_of", R"sql(
  select library_ids is not null, coalesce(library_ids, '{}'), highest_age, hidden_tags, required_tags, may_download, may_upload,
         may_shelve
    from users
   where id = $1)sql"};

constexpr db::statement sql_set_limits{"library.set_limits", R"sql(
  update users
     set library_ids = $2, highest_age = $3, hidden_tags = $4, required_tags = $5, may_download = $6, may_upload = $7,
         may_shelve = $8, hidden_tag_keys = $9, required_tag_keys = $10, audience = audience + 1, updated_at = now()
   where id = $1)sql"};

constexpr db::statement sql_bump_state{"library.bump_state",
                                       "update users set state = state + 1, state_at = clock_timestamp() where id = $1"};

constexpr db::statement sql_add_kosync{"library.add_kosync_account", R"sql(
  insert into service_credentials (id, service, username, username_key, password_hash, user_id)
  values ($1, 'kosync', $2, $3, $4, $5))sql"};

// The key is that of the account's own name, so a row in the way can only be the account's.
constexpr db::statement sql_set_kosync{"library.set_kosync_password", R"sql(
  insert into service_credentials (id, service, username, username_key, password_hash, user_id)
  select $2::uuid, 'kosync', u.name, u.name_key, $3::text, u.id from users u where u.id = $1
      on conflict (service, username_key)
      do update set password_hash = excluded.password_hash, user_id = excluded.user_id, updated_at = now())sql"};
constexpr db::statement sql_drop_kosync{"library.drop_kosync_password", R"sql(
  delete from service_credentials where service = 'kosync' and user_id = $1)sql"};
constexpr db::statement sql_has_kosync{"library.has_kosync_password", R"sql(
  select exists (select from service_credentials where service = 'kosync' and user_id = $1))sql"};

rights rights_from(const db::row& r, std::size_t first) {
  return {.is = parse_role(r.text(first)).value_or(role::limited),
          .may_download = r.flag(first + 1),
          .may_upload = r.flag(first + 2),
          .may_shelve = r.flag(first + 3)};
}

user user_from(const db::row& r) {
  user u;
  u.id = r.id(0);
  u.name = r.text(1);
  u.may = rights_from(r, 2);
  u.disabled = r.flag(6);
  u.language = r.text(7);
  u.theme = r.text(8);
  u.position_policy = r.maybe_text(9);
  if (!r.is_null(10)) u.hold_stale = r.flag(10);
  u.audience = r.integer(11);
  u.state = r.integer(12);
  u.created_at = r.at(13);
  return u;
}

std::optional<user> find(db::tx& tx, const std::optional<uuid>& id, const std::optional<std::string>& key) {
  db::rows rows = tx.run(sql_find, id, key);
  if (rows.empty()) return std::nullopt;
  return user_from(rows[0]);
}

// Control characters, and those that change how the text around a name reads (line separators, bidirectional controls).
bool is_unwanted(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0x200e || c == 0x200f || c == 0x061c ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

std::optional<error> last_owner(db::tx& tx, const uuid& id) {
  db::rows owners = tx.run(sql_lock_owners);
  if (owners.size() == 1 && owners[0].id(0) == id) return error{"owner", "there must always be an owner who can sign in"};
  if (tx.run(sql_lock_user, id).empty()) return error{"user", "no such account"};
  return std::nullopt;
}

user insert_user(db::tx& tx, const std::string& name, role r, const std::optional<std::string>& password_hash, bool switches) {
  result<std::string> checked = check_user_name(name);
  CARREL_EXPECT(checked.ok());
  uuid id = uuid::make();
  tx.run(sql_add, id, *checked, name_key(*checked), name_of(r), password_hash, switches);
  std::optional<user> made = find_user(tx, id);
  CARREL_EXPECT(made.has_value());
  return std::move(*made);
}

bool all_storable(const std::vector<std::string>& texts) {
  for (const std::string& t : texts) {
    if (!storable(t)) return false;
  }
  return true;
}

}  // namespace

result<std::string> check_name(std::string_view shown, std::size_t most_characters) {
  if (!storable(shown)) return error{"name", "not readable text"};
  std::string name = publication::nfc(trim(shown));
  bool visible = false;
  for (char32_t c : publication::code_points(name)) {
    if (is_unwanted(c)) return error{"name", "contains control characters"};
    if (!publication::white_space(c)) visible = true;
  }
  if (!visible) return error{"name", "missing"};
  if (count_code_points(name) > most_characters)
    return error{"name", "longer than " + std::to_string(most_characters) + " characters"};
  return name;
}

std::string fit_name(std::string_view shown, std::size_t most_characters) {
  std::string out;
  std::size_t count = 0;
  for (char32_t c : publication::code_points(publication::nfc(trim(replace_invalid_utf8(shown))))) {
    if (count == most_characters) break;
    bool blank = c < 0x20 || c == 0x2028 || c == 0x2029;
    if (is_unwanted(c) && !blank) continue;
    append_utf8(out, blank ? U' ' : c);
    ++count;
  }
  result<std::string> fits = check_name(out, most_characters);
  return fits ? *fits : "";
}

result<std::string> check_user_name(std::string_view shown) {
  result<std::string> name = check_name(shown, longest_user_name);
  if (name && name->find_first_of(":/") != std::string::npos) return error{"name", "contains ':' or '/'"};
  return name;
}

std::string name_key(std::string_view name) { return publication::case_fold(publication::nfc(trim(name))); }

user add_user(db::tx& tx, const std::string& name, role r, const std::optional<std::string>& password_hash) {
  return insert_user(tx, name, r, password_hash, true);
}

std::vector<user> users(db::tx& tx) {
  std::vector<user> out;
  for (const db::row& r : tx.run(sql_users)) out.push_back(user_from(r));
  return out;
}

std::optional<user> find_user(db::tx& tx, const uuid& id) { return find(tx, id, std::nullopt); }

std::optional<user> find_user_named(db::tx& tx, std::string_view id_or_name) {
  if (std::optional<uuid> id = uuid::parse(trim(id_or_name))) {
    if (std::optional<user> found = find_user(tx, *id)) return found;
  }
  if (!check_user_name(id_or_name)) return std::nullopt;
  return find(tx, std::nullopt, name_key(id_or_name));
}

std::optional<std::string> password_hash_of(db::tx& tx, const uuid& user) {
  db::rows rows = tx.run(sql_password_hash, user);
  if (rows.empty()) return std::nullopt;
  return rows[0].maybe_text(0);
}

bool has_owner(db::tx& tx) {
  db::rows rows = tx.run(sql_has_owner);
  return rows[0].flag(0);
}

std::optional<rights> rights_of(db::tx& tx, const uuid& user) {
  db::rows rows = tx.run(sql_rights, user);
  if (rows.empty()) return std::nullopt;
  return rights_from(rows[0], 0);
}

std::optional<error> set_role(db::tx& tx, const uuid& user, role r) {
  std::optional<error> refused = last_owner(tx, user);
  if (refused && (r != role::owner || refused->field != "owner")) return refused;
  tx.run(sql_set_role, user, name_of(r));
  return std::nullopt;
}

std::optional<error> disable_user(db::tx& tx, const uuid& user, bool disabled) {
  std::optional<error> refused = last_owner(tx, user);
  if (refused && (disabled || refused->field != "owner")) return refused;
  if (disabled) {
    tx.run(sql_disable, user);
    tx.run(sql_end_sessions, user);
  } else {
    tx.run(sql_enable, user);
  }
  bump_revision(tx);  // shared shelves of the account come or go
  return std::nullopt;
}

std::optional<error> delete_user(db::tx& tx, const uuid& user) {
  if (std::optional<error> refused = last_owner(tx, user)) return refused;
  tx.run(sql_lock_documents, user);
  tx.run(sql_delete, user);
  bump_revision(tx);
  return std::nullopt;
}

void set_password_hash(db::tx& tx, const uuid& user, const std::string& hash) {
  tx.run(sql_set_password, user, hash);
  tx.run(sql_end_sessions, user);
}

void set_appearance(db::tx& tx, const uuid& user, const std::string& language, const std::string& theme) {
  tx.run(sql_set_appearance, user, storable_note(language, 35), storable_note(theme, 32));
}

void set_position_policy(db::tx& tx, const uuid& user, const std::optional<std::string>& policy,
                         const std::optional<bool>& hold_stale) {
  CARREL_EXPECT(!policy || *policy == "latest" || *policy == "furthest");
  tx.run(sql_set_policy, user, policy, hold_stale);
}

limits limits_of(db::tx& tx, const uuid& user) {
  limits out;
  db::rows rows = tx.run(sql_limits, user);
  if (rows.empty()) return out;
  const db::row& r = rows[0];
  if (r.flag(0)) out.libraries = r.ids(1);
  if (std::optional<std::int64_t> age = r.maybe_integer(2)) out.highest_age = static_cast<int>(*age);
  out.hidden_tags = r.texts(3);
  out.required_tags = r.texts(4);
  out.may_download = r.flag(5);
  out.may_upload = r.flag(6);
  out.may_shelve = r.flag(7);
  return out;
}

// Tags are compared folded (schema/0002, reachable_books).
static std::vector<std::string> keys_of(const std::vector<std::string>& tags) {
  std::vector<std::string> keys;
  keys.reserve(tags.size());
  for (const std::string& tag : tags) keys.push_back(key_of_name(tag));
  return keys;
}

void set_limits(db::tx& tx, const uuid& user, const limits& l) {
  CARREL_EXPECT(all_storable(l.hidden_tags) && all_storable(l.required_tags));
  tx.run(sql_set_limits, user, l.libraries, l.highest_age, l.hidden_tags, l.required_tags, l.may_download, l.may_upload,
         l.may_shelve, keys_of(l.hidden_tags), keys_of(l.required_tags));
}

uuid register_kosync(db::tx& tx, const std::string& name, const std::string& hash) {
  user made = insert_user(tx, name, role::limited, std::nullopt, false);
  tx.run(sql_add_kosync, uuid::make(), made.name, name_key(made.name), hash, made.id);
  return made.id;
}

void set_kosync_password(db::tx& tx, const uuid& user, const std::optional<std::string>& hash) {
  if (hash)
    tx.run(sql_set_kosync, user, uuid::make(), *hash);
  else
    tx.run(sql_drop_kosync, user);
}

bool has_kosync_password(db::tx& tx, const uuid& user) {
  db::rows rows = tx.run(sql_has_kosync, user);
  return rows[0].flag(0);
}

void bump_state(db::tx& tx, const uuid& user) { tx.run(sql_bump_state, user); }

}  // namespace carrel::library
