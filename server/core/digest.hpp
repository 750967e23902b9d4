#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace carrel {

enum class digest_kind { md5, sha256 };

// A running digest: feed bytes in pieces, then take the result once.
class digest {
 public:
  explicit digest(digest_kind);
  ~digest();
  digest(digest&&) noexcept;
  digest& operator=(digest&&) noexcept;

  void update(const void* data, std::size_t size);
  void update(std::string_view s) { update(s.data(), s.size()); }
  std::string raw();  // 16 or 32 bytes
  std::string hex();  // lower case

 private:
  struct state;
  std::unique_ptr<state> state_;
};

std::string md5_hex(std::string_view);
std::string sha256_hex(std::string_view);
std::string sha256_raw(std::string_view);
std::string hmac_sha256(std::string_view key, std::string_view message);  // 32 raw bytes

// Time depends on the lengths only.
bool equal_constant_time(std::string_view, std::string_view);

}  // namespace carrel
