#include "kosync/routes.hpp"

#include "kosync/linker.hpp"
#include "kosync/progress.hpp"
#include "kosync/registration.hpp"
#include "kosync/turns.hpp"
#include "library/position.hpp"
#include "library/user.hpp"
#include "server/auth/password.hpp"
#include "server/auth/throttle.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/db/batcher.hpp"
#include "server/http/links.hpp"

namespace carrel::kosync {
namespace {

using http::verb;
using namespace std::chrono_literals;

// Readers wait 2 s for the first byte of progress calls and 5 s for the others (kosync.md 3.3); an answer that comes later is
// as good as none, an error in time is put into the reader's queue.
constexpr auto progress_budget = 1'700ms, account_budget = 4'500ms, health_budget = 1'000ms;
constexpr auto patience = 1'200ms, pause = 100ms;  // with a lost database
// The body is judged after the credentials (kosync.md 4), so the session lets more pass than is allowed in the end.
constexpr std::uint64_t body_taken = 256 << 10;

constexpr db::statement sql_alive{"kosync.healthcheck", "select 1"};
void ask_database(db::tx& tx) { tx.run(sql_alive); }

bool name_exists(db::tx& tx, const std::string& name) { return library::find_user_named(tx, name).has_value(); }

// For web readers, on errors too; and nothing here is ever compressed (kosync.md 3.2, 3.6).
http::response finished(http::response r) {
  r.set("Access-Control-Allow-Origin", "*");
  r.set("Content-Encoding", "identity");
  return r;
}

task<http::response> preflight(http::context& c) {
  http::response r = finished(http::empty(204));
  r.set("Access-Control-Allow-Methods", "GET, PUT, POST, DELETE, OPTIONS");
  r.set("Access-Control-Allow-Headers", "accept, authorization, content-type, x-auth-user, x-auth-key");
  r.set("Access-Control-Max-Age", "86400");
  if (c.in.header("Access-Control-Request-Private-Network")) r.set("Access-Control-Allow-Private-Network", "true");
  co_return r;
}

task<http::response> robots(http::context&) { co_return finished(http::text("User-agent: *\nDisallow: /\n")); }

task<http::response> switched_off(http::context&) { throw http::problem{404, "KOSync is switched off on this server.", "404"}; }

// Of problems that do not come from here: the session's and the router's.
int code_for(unsigned status) {
  switch (status) {
    case 401: return 2001;
    case 500: return 2000;
    case 503:
    case 504: return 1000;
    case 404:
    case 405: return static_cast<int>(status);
    default: return 2003;
  }
}

http::response health_failed(const http::context&, const http::problem& p) {
  if (p.status < 500) return finished(http::json(error_json(code_for(p.status), p.message), p.status));
  return finished(http::json(R"({"state":"ERROR"})", 503));
}

}  // namespace

struct api::state {
  explicit state(services s)
      : with(std::move(s)),
        addresses(with.settings),
        registration_on(with.settings.on("kosync.registration")),
        argon2_memory(with.settings.bytes("auth.argon2_memory")),
        books(with.pool),
        puts(
            with.pool, db::mode::write, "kosync.put",
            [policy = library::put_policy{.policy = with.settings.text("kosync.policy"),
                                          .hold_stale = with.settings.on("kosync.hold_stale")}](
                db::tx& tx, const std::vector<put_turn>& turns) { return run_puts(tx, turns, policy); },
            batch_size, lanes),
        gets(with.pool, db::mode::read, "kosync.get", run_gets, batch_size, lanes) {}

  using method = task<http::response> (state::*)(http::context&);
  http::handler call(method m) {
    return [this, m](http::context& c) { return (this->*m)(c); };
  }

  void mount(http::router& root);
  void add_users(http::router&, const std::string& at);
  void add_syncs(http::router&, const std::string& at);
  void add_health(http::router&);

  http::response failed(const http::context&, const http::problem&) const;
  task<http::response> guarded(http::context&, const http::handler& next);
  [[noreturn]] void refuse_away(const http::context&, const db::failure&);
  void note(const http::context&, unsigned status, const std::string& why);

  task<> sign_in(http::context&);
  task<library::stored_position> put(http::context&, library::position);
  task<std::optional<library::position>> get(http::context&, const std::string& document);
  task<http::response> create_user(http::context&);
  task<http::response> check_login(http::context&);
  task<http::response> put_progress(http::context&);
  task<http::response> get_progress(http::context&);
  task<http::response> healthcheck(http::context&);
  task<http::response> wrong_path(http::context&);

  task<bool> register_account(std::string name, std::string hash);
  task<bool> key_is_right(http::context&, const registration&);

  services with;
  http::links addresses;
  bool registration_on;
  std::uint64_t argon2_memory;
  linker books;
  db::batcher<put_turn, put_outcome> puts;
  db::batcher<get_turn, get_outcome> gets;
};

void api::state::add_users(http::router& r, const std::string& at) {
  http::route_options o{.body_limit = body_taken, .budget = account_budget};
  r.add(verb::post, at + "/create", call(&state::create_user), o);
  r.add(verb::options, at + "/create", preflight);
  r.add(verb::get, at + "/auth", call(&state::check_login), o);
  r.add(verb::options, at + "/auth", preflight);
}

void api::state::add_syncs(http::router& r, const std::string& at) {
  http::route_options o{.body_limit = body_taken, .budget = progress_budget};
  r.add(verb::put, at + "/progress", call(&state::put_progress), o);
  r.add(verb::options, at + "/progress", preflight);
  r.add(verb::get, at + "/progress/{document}", call(&state::get_progress), o);
  r.add(verb::options, at + "/progress/{document}", preflight);
}

void api::state::add_health(http::router& r) {
  http::router& group = r.group("/healthcheck", health_failed);
  group.add(verb::get, "", call(&state::healthcheck), {.budget = health_budget});
  group.add(verb::options, "", preflight);
}

void api::state::mount(http::router& root) {
  auto errors = [this](const http::context& c, const http::problem& p) { return failed(c, p); };
  auto guard = [this](http::context& c, const http::handler& next) { return guarded(c, next); };
  http::router& own = root.group("/kosync", errors);
  own.use(guard);
  own.otherwise(with.settings.on("kosync.enabled") ? call(&state::wrong_path) : switched_off);
  own.add(verb::get, "/robots.txt", robots);
  root.add(verb::get, "/robots.txt", robots);
  if (!with.settings.on("kosync.enabled")) return;

  add_users(own, "/users");
  add_syncs(own, "/syncs");
  add_health(own);
  // People type the library's address (kosync.md 2).
  http::router& users = root.group("/users", errors);
  users.use(guard);
  users.otherwise(call(&state::wrong_path));
  add_users(users, "");
  http::router& syncs = root.group("/syncs", errors);
  syncs.use(guard);
  syncs.otherwise(call(&state::wrong_path));
  add_syncs(syncs, "");
  add_health(root);
}

http::response api::state::failed(const http::context& c, const http::problem& p) const {
  std::optional<std::int64_t> known = to_integer(p.code);
  int code = known ? static_cast<int>(*known) : code_for(p.status);
  unsigned status = p.status == 500 || p.status == 503 || p.status == 504 ? 502 : p.status;
  std::string message = p.message;
  if (!known && code == 1000) message = storage_away().message;
  if (!known && code == 2000) message = unexpected().message;
  if (!known && p.status == 404) {
    message = "Not found. This is Carrel, but not its sync address. Use " + addresses.devices(c.in) + "/kosync.";
  }
  return finished(http::json(error_json(code, message), status));
}

void api::state::note(const http::context& c, unsigned status, const std::string& why) {
  if (!c.who || !c.who->device) return;
  library::device_request r{.at = now(), .protocol = "kosync", .request = {}, .note = why, .status = static_cast<int>(status)};
  r.request.append(http::name_of(c.in.method())).append(" ").append(c.in.path());
  with.credentials.note_request(*c.who->device, std::move(r));
}

// A reader throws a queued place away whatever the answer is, so a database that is being restarted is worth waiting for
// (kosync.md 6.6). Repeating is safe: it is what the reader would do, and a push that was stored after all is a repeat.
task<http::response> api::state::guarded(http::context& c, const http::handler& next) {
  auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    try {
      http::response r = co_await next(c);
      note(c, r.status, "");
      co_return finished(std::move(r));
    } catch (const http::problem& p) {
      note(c, p.status, p.message);
      throw;
    } catch (const db::lost& e) {
      bool again = c.in.method() != verb::post && std::chrono::steady_clock::now() + pause < give_up;
      if (!again) refuse_away(c, e);
    } catch (const db::busy& e) {
      refuse_away(c, e);
    } catch (const db::cancelled& e) {
      refuse_away(c, e);
    }
    co_await auth::wait(pause);
  }
}

void api::state::refuse_away(const http::context& c, const db::failure& e) {
  note(c, 502, "the database is away");
  log::error("kosync.unavailable", {{"error", e.what()}, {"id", c.request_id}});
  throw storage_away().as_problem();
}

task<> api::state::sign_in(http::context& c) {
  task<http::principal> asking = with.credentials.kosync(c);
  http::principal who = co_await std::move(asking);
  c.who = std::move(who);
}

task<http::response> api::state::check_login(http::context& c) {
  co_await sign_in(c);
  co_return http::json(R"({"authorized":"OK"})");
}

// The usual request shows the secret of a device, which is looked up together with the work. Everybody else signs in first.
std::optional<auth::device_claim> claim_of(const http::request& in) {
  std::vector<auth::device_claim> claims = auth::kosync_claims(in);
  return claims.empty() ? std::nullopt : std::optional(std::move(claims.front()));
}

std::optional<library::secret_owner> owner_of(db::tx& tx, const auth::device_claim& claim) {
  return auth::confirm(tx, {&claim}, "kosync").front();
}

// A reader calls this an unknown server error; the page of its device says what it was (kosync.md 13).
task<http::response> api::state::wrong_path(http::context& c) {
  if (c.in.method() == verb::options) co_return co_await preflight(c);
  std::optional<auth::device_claim> claim = claim_of(c.in);
  if (claim) {
    task<std::optional<library::secret_owner>> asking = with.pool.submit(db::mode::read, c.deadline, owner_of, std::move(*claim));
    std::optional<library::secret_owner> owner = co_await std::move(asking);
    if (owner) c.who = with.credentials.accept(c, *owner, "kosync");
  }
  throw http::problem{404, "Not found"};
}

task<library::stored_position> api::state::put(http::context& c, library::position p) {
  put_turn turn{.claim = claim_of(c.in), .push = std::move(p)};
  if (turn.claim) {
    task<put_outcome> storing = puts.add(turn);
    put_outcome out = co_await std::move(storing);
    if (out.stored) {
      c.who = with.credentials.accept(c, *out.device, "kosync");
      co_return std::move(*out.stored);
    }
    turn.claim.reset();
  }
  co_await sign_in(c);
  turn.push.user = c.who->user;
  turn.push.credential = c.who->device;
  if (turn.push.credential) turn.push.device_key = device_key(*turn.push.credential);
  task<put_outcome> storing = puts.add(std::move(turn));
  put_outcome out = co_await std::move(storing);
  co_return std::move(*out.stored);
}

task<http::response> api::state::put_progress(http::context& c) {
  bool too_long = c.in.body().size() > most_body;
  result<library::position, refusal> p = too_long ? too_large() : parse_progress(c.in.body());
  if (!p) {
    co_await sign_in(c);  // a wrong secret is said first (kosync.md 4)
    throw p.error().as_problem();
  }
  p->timestamp = unix_seconds(now());
  std::string document = p->document;

  task<library::stored_position> storing = put(c, std::move(*p));
  library::stored_position stored = co_await std::move(storing);
  if (stored.fresh_document) books.look_for_book(c.who->user, document);
  if (stored.moved && with.moved) with.moved(c.who->user, document);
  if (!stored.accepted)
    log::info("kosync.held", {{"device", c.who->device_name}, {"reason", stored.reason}, {"id", c.request_id}});
  co_return http::json(stored_json(document, stored.timestamp));
}

task<std::optional<library::position>> api::state::get(http::context& c, const std::string& document) {
  get_turn turn{.claim = claim_of(c.in), .wanted = {}, .shows = c.in.method() != verb::head};
  turn.wanted.document = document;
  if (turn.claim) {
    task<get_outcome> looking = gets.add(turn);
    get_outcome out = co_await std::move(looking);
    if (out.done) {
      c.who = with.credentials.accept(c, *out.device, "kosync");
      co_return std::move(out.found);
    }
    turn.claim.reset();
  }
  co_await sign_in(c);
  turn.wanted.user = c.who->user;
  turn.wanted.credential = c.who->device;
  task<get_outcome> looking = gets.add(std::move(turn));
  get_outcome out = co_await std::move(looking);
  co_return std::move(out.found);
}

task<http::response> api::state::get_progress(http::context& c) {
  std::string document(c.in.param("document"));
  if (!valid_document(document)) {
    co_await sign_in(c);
    co_return http::json("{}");
  }
  task<std::optional<library::position>> looking = get(c, document);
  std::optional<library::position> found = co_await std::move(looking);
  co_return http::json(found ? progress_json(*found) : "{}");
}

task<http::response> api::state::healthcheck(http::context& c) {
  task<void> asking = with.pool.submit(db::mode::read, c.deadline, ask_database);
  co_await std::move(asking);
  co_return finished(http::json(R"({"state":"OK"})"));
}

task<http::response> api::state::create_user(http::context& c) {
  if (c.in.body().size() > most_body) throw too_large().as_problem();
  if (!registration_on) throw registration_off().as_problem();
  result<registration, refusal> wanted = parse_registration(c.in.body());
  if (!wanted) throw wanted.error().as_problem();

  task<bool> counting = with.pool.write(may_register, c.in.client_address());
  bool allowed = co_await std::move(counting);
  if (!allowed) throw too_many_registrations().as_problem();

  task<bool> looking = with.pool.read(name_exists, wanted->name);
  bool taken = co_await std::move(looking);
  if (!taken) {
    task<std::string> hashing = with.cpu.run(auth::hash_password, wanted->key, argon2_memory);
    std::string hash = co_await std::move(hashing);
    task<bool> registering = register_account(wanted->name, std::move(hash));
    taken = !co_await std::move(registering);
  }
  if (taken) {
    bool right = co_await key_is_right(c, *wanted);
    throw right ? account_exists().as_problem() : name_taken().as_problem();
  }
  co_return http::json(created_json(wanted->name), 201);
}

// False when somebody else took the name at the same moment.
task<bool> api::state::register_account(std::string name, std::string hash) {
  try {
    task<uuid> registering = with.pool.write(library::register_kosync, std::move(name), std::move(hash));
    co_await std::move(registering);
    co_return true;
  } catch (const db::unique_violation&) {
  }
  co_return false;
}

// Asked as a log-in would be, so that tries here are slowed down like those.
task<bool> api::state::key_is_right(http::context& c, const registration& wanted) {
  http::request::parts login;
  login.headers.emplace_back("x-auth-user", wanted.name);
  login.headers.emplace_back("x-auth-key", wanted.key);
  login.client_address = c.in.client_address();
  http::request in(std::move(login));
  http::context inner{.in = in, .who = std::nullopt, .request_id = c.request_id, .deadline = c.deadline, .csrf = {}};
  try {
    co_await sign_in(inner);
    co_return true;
  } catch (const http::problem&) {
  }
  co_return false;
}

api::api(services s) : state_(std::make_unique<state>(std::move(s))) {}

api::~api() { stop(); }

void api::mount(http::router& root) { state_->mount(root); }

void api::wait_for_links() { state_->books.wait(); }

void api::stop() {
  state_->puts.flush();
  state_->gets.flush();
  state_->books.wait();
  state_->with.credentials.write_notes();
}

}  // namespace carrel::kosync
