#include "server/core/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel {
namespace {

// Looked up once: naming an algorithm to every digest takes longer than a digest of a few words.
const EVP_MD* algorithm(digest_kind kind) {
  static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kind == digest_kind::md5 ? md5 : sha256;
}

}  // namespace

struct digest::state {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { EVP_MD_CTX_free(context); }
};

digest::digest(digest_kind kind) : state_(std::make_unique<state>()) {
  CARREL_EXPECT(EVP_DigestInit_ex(state_->context, algorithm(kind), nullptr) == 1);
}
digest::~digest() = default;
digest::digest(digest&&) noexcept = default;
digest& digest::operator=(digest&&) noexcept = default;

void digest::update(const void* data, std::size_t size) { CARREL_EXPECT(EVP_DigestUpdate(state_->context, data, size) == 1); }

std::string digest::raw() {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  CARREL_EXPECT(EVP_DigestFinal_ex(state_->context, out, &length) == 1);
  return {reinterpret_cast<const char*>(out), length};
}

std::string digest::hex() { return carrel::hex(raw()); }

std::string md5_hex(std::string_view s) {
  digest d(digest_kind::md5);
  d.update(s);
  return d.hex();
}

std::string sha256_raw(std::string_view s) {
  digest d(digest_kind::sha256);
  d.update(s);
  return d.raw();
}

std::string sha256_hex(std::string_view s) { return hex(sha256_raw(s)); }

std::string hmac_sha256(std::string_view key, std::string_view message) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  const unsigned char* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                   reinterpret_cast<const unsigned char*>(message.data()), message.size(), out, &length);
  CARREL_EXPECT(done != nullptr);
  return {reinterpret_cast<const char*>(out), length};
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace carrel
