#include "server/core/uuid.hpp"

#include <openssl/evp.h>

#include <chrono>

#include "server/core/error.hpp"
#include "server/core/hex.hpp"
#include "server/core/random.hpp"
#include "server/core/text.hpp"

namespace carrel {
namespace {

bool dash_at(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

void set_version(uuid& id, unsigned version) {
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | (version << 4));
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
}

}  // namespace

std::string uuid::text() const {
  std::string out;
  append_to(out);
  return out;
}

void uuid::append_to(std::string& out) const {
  static constexpr char digits[] = "0123456789abcdef";
  std::array<char, 36> text;
  std::size_t at = 0;
  for (std::uint8_t b : bytes) {
    if (dash_at(at)) text[at++] = '-';
    text[at++] = digits[b >> 4];
    text[at++] = digits[b & 15];
  }
  out.append(text.data(), text.size());
}

std::optional<uuid> uuid::parse(std::string_view s) {
  if (s.size() != 36) return std::nullopt;
  uuid id;
  std::size_t at = 0;
  for (std::size_t i = 0; i < 36;) {
    if (dash_at(i)) {
      if (s[i] != '-') return std::nullopt;
      ++i;
      continue;
    }
    int high = hex_values[static_cast<unsigned char>(s[i])], low = hex_values[static_cast<unsigned char>(s[i + 1])];
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[at++] = static_cast<std::uint8_t>(high * 16 + low);
    i += 2;
  }
  return id;
}

uuid uuid::make() {
  uuid id;
  random_bytes(id.bytes.data(), id.bytes.size());
  auto now = std::chrono::system_clock::now().time_since_epoch();
  auto ms = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  set_version(id, 7);
  return id;
}

uuid uuid::of_name(const uuid& space, std::string_view name) {
  std::string input(reinterpret_cast<const char*>(space.bytes.data()), space.bytes.size());
  input += name;
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  CARREL_EXPECT(EVP_Digest(input.data(), input.size(), out, &length, EVP_sha1(), nullptr) == 1 && length == 20);
  uuid id;
  for (std::size_t i = 0; i < 16; ++i) id.bytes[i] = out[i];
  set_version(id, 5);
  return id;
}

}  // namespace carrel
