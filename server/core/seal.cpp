#include "server/core/seal.hpp"

#include <sodium.h>

#include "server/core/digest.hpp"
#include "server/core/random.hpp"
#include "server/core/text.hpp"

namespace carrel {
namespace {

constexpr std::size_t tag_bytes = crypto_aead_chacha20poly1305_ietf_ABYTES;
constexpr std::size_t nonce_bytes = crypto_aead_chacha20poly1305_ietf_NPUBBYTES;
static_assert(tag_bytes == 16 && nonce_bytes == 12 && crypto_aead_chacha20poly1305_ietf_KEYBYTES == 32);

const unsigned char* bytes_of(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }
unsigned char* bytes_of(std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); }

}  // namespace

seal::seal(std::string_view secret)
    : key_(hmac_sha256(secret, "carrel: secrets of other services")), id_(hex(hmac_sha256(key_, "id")).substr(0, 16)) {}

// ChaCha20-Poly1305 and not AES-GCM: libsodium has the latter only where the processor does, and a small board has not.
sealed seal::close(std::string_view plain, std::string_view bound_to) const {
  sealed out{.cipher = std::string(plain.size() + tag_bytes, '\0'), .nonce = std::string(nonce_bytes, '\0')};
  random_bytes(out.nonce.data(), out.nonce.size());
  crypto_aead_chacha20poly1305_ietf_encrypt(bytes_of(out.cipher), nullptr, bytes_of(plain), plain.size(), bytes_of(bound_to),
                                            bound_to.size(), nullptr, bytes_of(std::string_view(out.nonce)),
                                            bytes_of(std::string_view(key_)));
  return out;
}

std::optional<std::string> seal::open(const sealed& s, std::string_view bound_to) const {
  if (s.nonce.size() != nonce_bytes || s.cipher.size() < tag_bytes) return std::nullopt;
  std::string out(s.cipher.size() - tag_bytes, '\0');
  int bad = crypto_aead_chacha20poly1305_ietf_decrypt(bytes_of(out), nullptr, nullptr, bytes_of(std::string_view(s.cipher)),
                                                      s.cipher.size(), bytes_of(bound_to), bound_to.size(),
                                                      bytes_of(std::string_view(s.nonce)), bytes_of(std::string_view(key_)));
  if (bad != 0) return std::nullopt;
  return out;
}

}  // namespace carrel
