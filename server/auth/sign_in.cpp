#include "server/auth/credentials_state.hpp"
#include "server/auth/presented.hpp"
#include "server/core/log.hpp"
#include "server/core/random.hpp"

namespace carrel::auth {
namespace {

constexpr std::chrono::minutes session_note_every{5};

http::problem too_many(std::chrono::seconds wait) {
  http::problem p{429, "Too many failed sign-ins. Try again in " + std::to_string(wait.count()) + " seconds.",
                  "too_many_failures"};
  p.headers.emplace_back("Retry-After", std::to_string(wait.count()));
  return p;
}

http::problem wrong_password(const http::context& c) {
  log::warn("auth.sign_in_failed", {{"address", c.in.client_address()}});
  return {401, "Wrong name or password.", "wrong_credentials"};
}

// One commit: the session, and the failures of before are forgotten.
bool finish_sign_in(db::tx& tx, const new_session& s, const session_life& life, const std::vector<std::string>& subjects) {
  if (!open_session(tx, s, life)) return false;
  forgive_try(tx, subjects);
  return true;
}

}  // namespace

task<credentials::opened_session> credentials::sign_in(http::context& c, std::string name, std::string password) {
  if (!state_->passwords_allowed) throw http::problem{403, "Signing in with a password is switched off.", "no_passwords"};

  std::string key = key_of_shown_name(name);
  std::vector<std::string> subjects = throttle_subjects(key, c.in.client_address());
  auto counting = state_->pool.write(count_try, subjects, state_->rate);
  std::optional<std::chrono::seconds> blocked = co_await std::move(counting);
  if (blocked) throw too_many(*blocked);

  auto looking = state_->pool.read(find_sign_in, key);
  std::optional<sign_in_account> account = co_await std::move(looking);
  std::optional<std::string> hash;
  if (account) hash = account->password_hash;
  auto check = [state = state_](const std::optional<std::string>& h, const std::string& shown) {
    return state->check_password(h, shown);
  };
  task<bool> checking = state_->cpu.run(std::move(check), hash, password);
  bool good = co_await std::move(checking);
  if (!good || account->disabled) throw wrong_password(c);

  opened_session out;
  out.cookie = random_token(32);
  out.csrf = random_token(18);
  out.most = std::chrono::duration_cast<std::chrono::seconds>(state_->life.most);
  new_session s;
  s.id = uuid::make();
  s.user = account->id;
  s.token_hash = cookie_hash(out.cookie);
  s.csrf = out.csrf;
  s.address = c.in.client_address();
  s.agent = c.in.header("user-agent").value_or("");
  s.password_hash = *hash;
  if (std::optional<std::string_view> shown = c.in.cookie(session_cookie_name(c.in))) s.replaced = cookie_hash(*shown);
  auto opening = state_->pool.write(finish_sign_in, s, state_->life, subjects);
  bool opened = co_await std::move(opening);
  if (!opened) throw wrong_password(c);

  out.who.user = account->id;
  out.who.user_name = account->name;
  out.who.role = account->role;
  out.who.credential = s.id;
  out.who.scope = "web";
  co_return out;
}

task<> credentials::sign_out(http::context& c) {
  std::optional<std::string_view> cookie = c.in.cookie(session_cookie_name(c.in));
  if (!cookie) co_return;
  auto ending = state_->pool.write(end_session, cookie_hash(*cookie));
  co_await std::move(ending);
}

task<std::optional<http::principal>> credentials::session(http::context& c) {
  std::optional<std::string_view> cookie = c.in.cookie(session_cookie_name(c.in));
  if (!cookie || cookie->empty()) co_return std::nullopt;

  task<std::optional<open_session_row>> looking = state_->sessions.add(cookie_hash(*cookie));
  std::optional<open_session_row> found = co_await std::move(looking);
  if (!found) co_return std::nullopt;
  if (found->last_used_at + session_note_every <= now() && state_->sessions_used.due(found->id)) {
    state_->note([id = found->id](db::tx& tx) { session_was_used(tx, id); });
  }

  c.csrf = found->csrf;
  http::principal p;
  p.user = found->user;
  p.user_name = found->user_name;
  p.role = found->role;
  p.credential = found->id;
  p.scope = "web";
  co_return p;
}

}  // namespace carrel::auth
