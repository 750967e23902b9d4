#pragma once

#include <endian.h>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

struct uuid {
  std::array<std::uint8_t, 16> bytes{};

  bool operator==(const uuid&) const = default;
  // In the order of the bytes. As two numbers: thousands of them are sorted in a sync.
  std::strong_ordering operator<=>(const uuid& other) const {
    std::uint64_t mine = half(0), theirs = other.half(0);
    return mine != theirs ? mine <=> theirs : half(8) <=> other.half(8);
  }
  bool is_nil() const { return *this == uuid{}; }

  // 8-4-4-4-12 lower-case hex.
  std::string text() const;
  void append_to(std::string&) const;  // the same

  // Accepts the 36-character form in either case and nothing else.
  static std::optional<uuid> parse(std::string_view);

  // Version 7: sorted by creation time, so rows made together lie together in an index.
  static uuid make();

  // Version 5 (RFC 4122): the same name in the same space is the same id for ever.
  static uuid of_name(const uuid& space, std::string_view name);

 private:
  std::uint64_t half(std::size_t from) const {
    std::uint64_t big_endian = 0;
    std::memcpy(&big_endian, bytes.data() + from, sizeof big_endian);
    return be64toh(big_endian);
  }
};

inline std::string to_string(const uuid& id) { return id.text(); }

}  // namespace carrel

template <>
struct std::hash<carrel::uuid> {
  std::size_t operator()(const carrel::uuid& id) const noexcept {
    std::array<std::uint64_t, 2> half;
    std::memcpy(half.data(), id.bytes.data(), sizeof half);
    std::uint64_t h = (half[0] ^ half[1]) * 0x9e3779b97f4a7c15ULL;
    return static_cast<std::size_t>(h ^ (h >> 32));
  }
};
