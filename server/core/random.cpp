#include "server/core/random.hpp"

#include <sodium.h>

#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel {
namespace {

void ready() {
  static const bool started = sodium_init() >= 0;
  CARREL_EXPECT(started);
}

}  // namespace

void random_bytes(void* out, std::size_t count) {
  ready();
  randombytes_buf(out, count);
}

std::string random_letters(std::size_t count) {
  static constexpr char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
  constexpr unsigned size = sizeof(letters) - 1;
  ready();
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += letters[randombytes_uniform(size)];
  return out;
}

std::string random_device_password() {
  static constexpr char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  ready();
  std::string out;
  for (int i = 0; i < 16; ++i) {
    if (i != 0 && i % 4 == 0) out += '-';
    out += letters[randombytes_uniform(36)];
  }
  return out;
}

std::string random_alphanumeric(std::size_t count) {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  ready();
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += letters[randombytes_uniform(sizeof(letters) - 1)];
  return out;
}

std::string random_token(std::size_t bytes) {
  std::string raw(bytes, '\0');
  random_bytes(raw.data(), raw.size());
  return base64url(raw);
}

}  // namespace carrel
