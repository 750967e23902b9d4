#include "web/passwords.hpp"

#include "server/auth/password.hpp"

namespace carrel::web {
namespace {

std::string hash_one(const std::string& password, std::uint64_t memory) { return auth::hash_password(password, memory); }

}  // namespace

std::string password_wrong(const messages& say, const std::string& name, const std::string& password, const std::string& again) {
  if (std::optional<auth::password_flaw> flaw = auth::flaw_of(password, name)) {
    switch (*flaw) {
      case auth::password_flaw::too_short: return say.text("password.short");
      case auth::password_flaw::too_long: return say.text("password.long");
      case auth::password_flaw::is_the_name: return say.text("password.name");
    }
  }
  if (password != again) return say.text("password.differ");
  return "";
}

task<std::string> slow_hash(const site& at, std::string password) {
  std::uint64_t memory = at.with.settings.bytes("auth.argon2_memory");
  co_return co_await at.with.cpu.run(hash_one, password, memory);
}

}  // namespace carrel::web
