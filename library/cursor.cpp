#include "library/cursor.hpp"

#include <algorithm>
#include <limits>

#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr char version = 1;
constexpr std::size_t longest_token = 600;

void append_number(std::string& out, std::uint64_t n) {
  while (n >= 0x80) {
    out += static_cast<char>(n | 0x80);
    n >>= 7;
  }
  out += static_cast<char>(n);
}

class reader {
 public:
  explicit reader(std::string_view s) : rest_(s) {}

  std::optional<std::uint64_t> number() {
    std::uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return std::nullopt;
      auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      n |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return n;
    }
    return std::nullopt;
  }
  std::optional<std::string> bytes(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    std::string out(rest_.substr(0, count));
    rest_.remove_prefix(count);
    return out;
  }
  std::optional<std::string> text() {
    std::optional<std::uint64_t> size = number();
    std::optional<std::string> out = size && *size <= longest_token ? bytes(*size) : std::nullopt;
    return out && valid_utf8(*out) && out->find('\0') == std::string::npos ? out : std::nullopt;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::string list_mark(std::string_view list) { return sha256_raw(list).substr(0, 4); }

}  // namespace

std::string to_token(const cursor& c, std::string_view list) {
  std::string out(1, version);
  out += list_mark(list);
  append_number(out, c.ordinal);
  for (const std::string& key : {c.key, c.key2}) {
    append_number(out, key.size());
    out += key;
  }
  out.append(reinterpret_cast<const char*>(c.id.bytes.data()), c.id.bytes.size());
  return base64url(out);
}

std::optional<cursor> from_token(std::string_view token, std::string_view list, cursor::side side) {
  if (token.size() > longest_token) return std::nullopt;
  std::optional<std::string> raw = base64_decode(token);
  if (!raw) return std::nullopt;
  reader in(*raw);
  if (in.bytes(1) != std::string(1, version) || in.bytes(4) != list_mark(list)) return std::nullopt;
  std::optional<std::uint64_t> ordinal = in.number();
  std::optional<std::string> key = in.text(), key2 = in.text(), id = in.bytes(16);
  constexpr std::uint64_t highest = std::numeric_limits<std::int64_t>::max();
  if (!ordinal || *ordinal > highest || !key || !key2 || !id || !in.done()) return std::nullopt;
  cursor c{.from = side, .key = *key, .key2 = *key2, .id = {}, .ordinal = *ordinal};
  std::copy(id->begin(), id->end(), c.id.bytes.begin());
  return c;
}

}  // namespace carrel::library
