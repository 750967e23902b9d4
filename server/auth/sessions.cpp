#include "server/auth/sessions.hpp"

#include "library/storable.hpp"
#include "server/core/digest.hpp"

namespace carrel::auth {
namespace {

constexpr db::statement sql_forget{"auth.forget_sessions", R"sql(
  delete from sessions where last_used_at <= $1 or created_at <= $2 or token_hash = $3)sql"};

constexpr db::statement sql_open{"auth.open_session", R"sql(
  insert into sessions (id, token_hash, user_id, csrf, address, agent, created_at, last_used_at)
  select $1::uuid, $2::bytea, u.id, $4::text, $5::text, $6::text, $7::timestamptz, $7::timestamptz
    from users u
   where u.id = $3 and u.password_hash = $8 and u.disabled_at is null)sql"};

// `offset 0` keeps it to lookups by key (as in library.find_secrets).
constexpr db::statement sql_find{"auth.find_sessions", R"sql(
  select q.place, o.id, o.user_id, o.name, o.role, o.csrf, o.last_used_at
    from unnest($1::bytea[]) with ordinality q(hash, place)
    cross join lateral (
      select s.id, s.user_id, u.name, u.role, s.csrf, s.last_used_at, u.disabled_at
        from sessions s
        join users u on u.id = s.user_id
       where s.token_hash = q.hash and s.last_used_at > $2 and s.created_at > $3
      offset 0) o
   where o.disabled_at is null)sql"};

constexpr db::statement sql_used{"auth.session_was_used", R"sql(
  update sessions set last_used_at = $2 where id = $1 and last_used_at < $2)sql"};
constexpr db::statement sql_end{"auth.end_session", "delete from sessions where token_hash = $1"};

constexpr db::statement sql_list{"auth.sessions_of", R"sql(
  select id, address, agent, created_at, last_used_at
    from sessions
   where user_id = $1 and last_used_at > $2 and created_at > $3
   order by last_used_at desc, id desc)sql"};
constexpr db::statement sql_end_one{"auth.end_session_of", "delete from sessions where user_id = $1 and id = $2"};

}  // namespace

std::string cookie_hash(std::string_view cookie) { return sha256_raw(cookie); }

bool open_session(db::tx& tx, const new_session& s, const session_life& life) {
  instant at = now();
  tx.run(sql_forget, at - life.idle, at - life.most, db::bytes{s.replaced.value_or("")});
  return tx.run(sql_open, s.id, db::bytes{s.token_hash}, s.user, s.csrf, library::storable_note(s.address, 64),
                library::storable_note(s.agent, 200), at, s.password_hash)
             .affected() == 1;
}

std::vector<std::optional<open_session_row>> find_sessions(db::tx& tx, const std::vector<std::string>& hashes,
                                                           const session_life& life) {
  std::vector<db::bytes> raw;
  raw.reserve(hashes.size());
  for (const std::string& h : hashes) raw.push_back({h});
  instant at = now();
  std::vector<std::optional<open_session_row>> out(hashes.size());
  for (const db::row& r : tx.run(sql_find, raw, at - life.idle, at - life.most)) {
    open_session_row s;
    s.id = r.id(1);
    s.user = r.id(2);
    s.user_name = r.text(3);
    s.role = r.text(4);
    s.csrf = r.text(5);
    s.last_used_at = r.at(6);
    out[static_cast<std::size_t>(r.integer(0)) - 1] = std::move(s);
  }
  return out;
}

void session_was_used(db::tx& tx, const uuid& session) { tx.run(sql_used, session, now()); }

void end_session(db::tx& tx, const std::string& token_hash) { tx.run(sql_end, db::bytes{token_hash}); }

std::vector<session_info> sessions_of(db::tx& tx, const uuid& user, const session_life& life) {
  instant at = now();
  std::vector<session_info> out;
  for (const db::row& r : tx.run(sql_list, user, at - life.idle, at - life.most)) {
    out.push_back({.id = r.id(0), .address = r.text(1), .agent = r.text(2), .created_at = r.at(3), .last_used_at = r.at(4)});
  }
  return out;
}

bool end_session_of(db::tx& tx, const uuid& user, const uuid& session) {
  return tx.run(sql_end_one, user, session).affected() == 1;
}

}  // namespace carrel::auth
