#include "kosync/registration.hpp"

#include "kosync/progress.hpp"
#include "library/user.hpp"
#include "server/auth/presented.hpp"
#include "server/auth/throttle.hpp"
#include "server/core/clock.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::kosync {
namespace {

constexpr int handful = 10;  // for each network and hour (kosync.md 5.5)

// Signing in forgets rows of this table that began before its own window (auth.throttle), so first_at is the end of the hour
// here.
constexpr db::statement sql_count{"kosync.count_registration", R"sql(
  insert into sign_in_failures as f (subject, failures, first_at, last_at)
  values ($1, 1, $2::timestamptz + interval '1 hour', $2::timestamptz)
      on conflict (subject)
      do update set
         failures = case when f.first_at < $2 then 1 else f.failures + 1 end,
         first_at = case when f.first_at < $2 then excluded.first_at else f.first_at end,
         last_at = $2
  returning failures)sql"};

refusal readable(std::string message) { return {402, 2003, std::move(message)}; }

}  // namespace

result<registration, refusal> parse_registration(std::string_view body) {
  result<json::object, refusal> in = read_body(body);
  if (!in) return in.error();

  std::string name, password;
  if (!in->take("username", name) || !in->take("password", password)) return invalid_request();
  name = trim(name);
  if (name.empty() || password.empty() || name.find(':') != name.npos || name.find('\0') != name.npos) return invalid_request();
  result<std::string> checked = library::check_user_name(name);
  if (!checked) return readable("This name cannot be used: 1 to 64 characters, without ':' and '/'.");

  // What readers send is the MD5 already; some home-made clients send the password itself (kosync.md 5.3).
  return registration{.name = *checked, .key = auth::is_md5_hex(password) ? lower_ascii(password) : md5_hex(password)};
}

refusal registration_off() {
  return {402, 2005, "Registration is off here. Create a sync password in the web page under Devices, then tap Login."};
}

refusal name_taken() { return {402, 2002, "Username is already registered."}; }

refusal account_exists() { return {402, 2002, "This account exists already. Tap Login instead."}; }

refusal too_many_registrations() { return readable("Too many accounts were asked for from here. Wait an hour and try again."); }

bool may_register(db::tx& tx, const std::string& address) {
  if (address == "127.0.0.1" || address == "::1" || address == "unix") return true;
  db::rows rows = tx.run(sql_count, "kosync registration " + auth::network_of(address), now());
  return rows[0].integer(0) <= handful;
}

std::string created_json(const std::string& name) {
  std::string out = R"({"username":)";
  json::append_string(out, name);
  return out + "}";
}

}  // namespace carrel::kosync
