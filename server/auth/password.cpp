#include "server/auth/password.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <new>

#include "publication/unicode.hpp"
#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::auth {
namespace {

// The same password typed on two keyboards may be composed differently.
std::string composed(std::string_view password) {
  return valid_utf8(password) ? publication::nfc(password) : std::string(password);
}

constexpr std::size_t fewest_characters = 10, most_bytes = 1024;

void ready() {
  static const bool started = sodium_init() >= 0;
  CARREL_EXPECT(started);
}

}  // namespace

std::string hash_password(std::string_view password, std::uint64_t memory_bytes) {
  ready();
  std::string text = composed(password);
  std::size_t memory = std::max<std::size_t>(memory_bytes, crypto_pwhash_argon2id_memlimit_min());
  std::array<char, crypto_pwhash_STRBYTES> out{};
  // Fails only when the memory is not there.
  if (crypto_pwhash_str(out.data(), text.data(), text.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE, memory) != 0)
    throw std::bad_alloc();
  return out.data();
}

bool password_matches(std::string_view password, const std::string& hash) {
  ready();
  std::array<char, crypto_pwhash_STRBYTES> stored{};
  if (hash.size() >= stored.size()) return false;
  std::copy(hash.begin(), hash.end(), stored.begin());
  std::string text = composed(password);
  return crypto_pwhash_str_verify(stored.data(), text.data(), text.size()) == 0;
}

std::optional<password_flaw> flaw_of(std::string_view password, std::string_view name) {
  if (password.size() > most_bytes) return password_flaw::too_long;
  std::string text = composed(password);
  std::size_t characters = valid_utf8(text) ? count_code_points(text) : text.size();
  if (characters < fewest_characters) return password_flaw::too_short;
  if (equal_ascii_case(password, name)) return password_flaw::is_the_name;
  return std::nullopt;
}

std::string_view words_for(password_flaw f) {
  switch (f) {
    case password_flaw::too_short: return "The password needs at least 10 characters.";
    case password_flaw::too_long: return "The password is too long.";
    case password_flaw::is_the_name: break;
  }
  return "The password must not be the name.";
}

}  // namespace carrel::auth
