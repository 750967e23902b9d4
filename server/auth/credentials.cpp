#include "server/auth/credentials.hpp"

#include "library/user.hpp"
#include "server/auth/credentials_state.hpp"
#include "server/auth/device_claim.hpp"
#include "server/auth/password.hpp"
#include "server/auth/presented.hpp"
#include "server/core/digest.hpp"
#include "server/core/log.hpp"
#include "server/core/random.hpp"
#include "server/core/text.hpp"

namespace carrel::auth {
namespace {

constexpr std::size_t most_noted = 10'000;
constexpr std::size_t batch_size = 256;
constexpr unsigned lanes = 2;

http::problem wrong_basic() {
  http::problem p{401, "Use the user name and password of a device.", "unauthorized"};
  p.headers.emplace_back("WWW-Authenticate", R"(Basic realm="Carrel", charset="UTF-8")");
  return p;
}

http::problem wrong_kosync() { return {401, "Wrong user name or sync password.", "2001"}; }

http::principal device_principal(const library::secret_owner& o, std::string_view scope) {
  http::principal p;
  p.user = o.user;
  p.user_name = o.user_name;
  p.role = o.role;
  p.device = o.device;
  p.device_name = o.device_name;
  p.credential = o.device;
  p.scope = scope;
  if (o.seen) p.gate = std::make_shared<const library::gate>(*o.seen);
  return p;
}

void refuse_unless_usable(const library::secret_owner& o, std::string_view scope) {
  if (o.disabled) throw http::problem{403, "This account is switched off.", "disabled"};
  if (!o.may_use(scope)) throw http::problem{403, "This device may not be used for that.", "scope"};
}

}  // namespace

bool now_and_then::due(const uuid& id) {
  instant at = now();
  std::lock_guard lock(mutex_);
  if (last_.size() >= most_noted) last_.clear();
  auto [place, fresh] = last_.try_emplace(id, at);
  if (fresh) return true;
  if (place->second <= at && at < place->second + every_) return false;
  place->second = at;
  return true;
}

credentials::state::state(db::pool& p, cpu_pool& c, const config& settings)
    : pool(p),
      cpu(c),
      passwords_allowed(settings.on("auth.local")),
      argon2_memory(settings.bytes("auth.argon2_memory")),
      rate(parse_rate(settings.text("auth.throttle"))),
      life{.idle = settings.duration("auth.idle"), .most = settings.duration("auth.max")},
      secrets(p, db::mode::read, "auth.secrets", find_credentials, batch_size, lanes),
      sessions(
          p, db::mode::read, "auth.sessions",
          [l = life](db::tx& tx, const std::vector<std::string>& hashes) { return find_sessions(tx, hashes, l); }, batch_size,
          lanes),
      keys(p, db::mode::read, "auth.keys", find_keys, batch_size, lanes),
      requests(p) {}

bool credentials::state::check_password(const std::optional<std::string>& hash, const std::string& shown) {
  if (hash) return password_matches(shown, *hash);
  std::call_once(nobody_made_, [this] { nobody_ = hash_password(random_token(18), argon2_memory); });
  password_matches(shown, nobody_);
  return false;
}

bool credentials::state::check_remembering(const std::optional<std::string>& hash, const std::string& shown) {
  if (hash && verified.holds(*hash, shown)) return true;  // another request of a burst was first
  if (!check_password(hash, shown)) return false;
  verified.remember(*hash, shown);
  return true;
}

void credentials::state::note(std::function<void(db::tx&)> work) {
  auto done = [](const std::exception_ptr& failed) {
    try {
      if (failed) std::rethrow_exception(failed);
    } catch (const std::exception& e) {
      log::debug("auth.note_lost", {{"reason", e.what()}});
    }
  };
  pool.enqueue(db::mode::write, std::nullopt, std::move(work), done);
}

void credentials::state::saw(const http::context& c, const library::secret_owner& o) {
  if (!devices_seen.due(o.device)) return;
  std::string agent{c.in.header("user-agent").value_or("")};
  note([device = o.device, address = c.in.client_address(), agent](db::tx& tx) {
    library::saw_device(tx, device, address, agent);
  });
}

credentials::credentials(db::pool& pool, cpu_pool& cpu, const config& settings)
    : state_(std::make_shared<state>(pool, cpu, settings)) {}

credentials::~credentials() = default;

http::principal credentials::accept(const http::context& c, const library::secret_owner& o, std::string_view scope) {
  state_->saw(c, o);
  return device_principal(o, scope);
}

void credentials::note_request(const uuid& device, library::device_request r) { state_->requests.note(device, std::move(r)); }
void credentials::write_notes() { state_->requests.stop(); }

task<http::principal> credentials::basic(http::context& c, std::string_view scope) {
  std::optional<name_and_secret> shown = basic_of(c.in);
  if (!shown) {
    std::optional<std::string> bearer = bearer_of(c.in);
    if (!bearer) throw wrong_basic();
    shown = name_and_secret{.name = "", .secret = std::move(*bearer)};
  }

  shown_credential wanted{.secret = {.hash = library::plain_secret_hash(shown->secret), .form = "plain"}, .name_key = ""};
  task<found_credential> looking = state_->secrets.add(std::move(wanted));
  found_credential found = co_await std::move(looking);
  if (found.device && name_fits(*found.device, shown->name)) {
    refuse_unless_usable(*found.device, scope);
    co_return accept(c, *found.device, scope);
  }

  std::string key = key_of_shown_name(shown->name);
  state_->failures.count(c.in.client_address(), key);
  task<> pause = wait(state_->failures.delay(c.in.client_address(), key));
  co_await std::move(pause);
  throw wrong_basic();
}

task<http::principal> credentials::kobo(http::context& c, std::string_view token) {
  shown_credential wanted{.secret = {.hash = library::kobo_secret_hash(token), .form = "kobo"}, .name_key = ""};
  task<found_credential> looking = state_->secrets.add(std::move(wanted));
  found_credential found = co_await std::move(looking);
  if (found.device) {
    refuse_unless_usable(*found.device, "kobo");
    co_return accept(c, *found.device, "kobo");
  }
  state_->failures.count(c.in.client_address(), "");
  task<> pause = wait(state_->failures.delay(c.in.client_address(), ""));
  co_await std::move(pause);
  throw http::problem{401, "unknown token", "unauthorized"};
}

task<std::optional<http::principal>> credentials::kobo_bearer(http::context& c) {
  std::optional<std::string> shown = bearer_of(c.in);
  if (!shown) co_return std::nullopt;
  shown_credential wanted{.secret = {.hash = library::bearer_secret_hash(*shown), .form = "bearer"}, .name_key = ""};
  task<found_credential> looking = state_->secrets.add(std::move(wanted));
  found_credential found = co_await std::move(looking);
  if (!found.device || !found.device->may_use("kobo")) co_return std::nullopt;
  co_return accept(c, *found.device, "kobo");
}

task<http::principal> credentials::kosync(http::context& c) {
  std::vector<device_claim> attempts = kosync_claims(c.in);
  if (attempts.empty()) throw http::problem{401, "Unauthorized", "2001"};

  for (device_claim& a : attempts) {
    shown_credential wanted{.secret = std::move(a.secret), .name_key = key_of_shown_name(a.name)};
    task<found_credential> looking = state_->secrets.add(std::move(wanted));
    found_credential found = co_await std::move(looking);

    if (found.device) {
      if (!name_fits(*found.device, a.name) || !found.device->may_use("kosync")) continue;
      co_return accept(c, *found.device, "kosync");
    }
    if (a.name.empty()) continue;

    std::optional<std::string> hash;
    if (found.account) hash = found.account->password_hash;
    bool good = hash && state_->verified.holds(*hash, a.md5);
    if (!good) {
      auto check = [state = state_](const std::optional<std::string>& h, const std::string& md5) {
        return state->check_remembering(h, md5);
      };
      task<bool> checking = state_->cpu.run(std::move(check), hash, a.md5);
      good = co_await std::move(checking);
    }
    if (!good || found.account->disabled) continue;
    http::principal p;
    p.user = found.account->user;
    p.user_name = found.account->user_name;
    p.role = found.account->role;
    p.credential = found.account->credential;
    p.scope = "kosync";
    co_return p;
  }

  std::string key = key_of_shown_name(attempts.front().name);
  state_->failures.count(c.in.client_address(), key);
  task<> pause = wait(state_->failures.delay(c.in.client_address(), key));
  co_await std::move(pause);
  throw wrong_kosync();
}

task<std::optional<http::principal>> credentials::api_key(http::context& c) {
  std::optional<std::string> shown = bearer_of(c.in);
  if (!shown) co_return std::nullopt;

  task<std::optional<key_owner>> looking = state_->keys.add(key_hash(*shown));
  std::optional<key_owner> found = co_await std::move(looking);
  if (!found) {
    state_->failures.count(c.in.client_address(), "");
    task<> pause = wait(state_->failures.delay(c.in.client_address(), ""));
    co_await std::move(pause);
    throw http::problem{401, "unknown API key", "unauthorized"};
  }
  if (found->disabled) throw http::problem{403, "this account is switched off", "disabled"};
  if (state_->keys_used.due(found->id)) {
    state_->note([id = found->id](db::tx& tx) { key_was_used(tx, id); });
  }

  http::principal p;
  p.user = found->user;
  p.user_name = found->user_name;
  // Only an admin key acts as an owner; this covers code that asks for the role alone.
  p.role = found->role == "owner" && found->scope != "admin" ? "librarian" : found->role;
  p.credential = found->id;
  p.scope = found->scope;
  co_return p;
}

}  // namespace carrel::auth
