#include "web/passwords.hpp"

#include "server/auth/password.hpp"
#include "server/core/text.hpp"

namespace carrel::web {
namespace {

std::string hash_one(std::string password, std::uint64_t memory) { return auth::hash_password(password, memory); }

}  // namespace

std::string password_wrong(const messages& say, const std::string& name, const std::string& password, const std::string& again) {
  if (password.size() < 10) return say.text("password.short");
  if (password.size() > 1024) return say.text("password.long");
  if (equal_ascii_case(password, name)) return say.text("password.name");
  if (password != again) return say.text("password.differ");
  return "";
}

task<std::string> slow_hash(const site& at, std::string password) {
  std::uint64_t memory = at.with.settings.bytes("auth.argon2_memory");
  co_return co_await at.with.cpu.run(hash_one, password, memory);
}

}  // namespace carrel::web
