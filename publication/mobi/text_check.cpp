#include "publication/mobi/text_check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "publication/big_endian.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr std::size_t huff_head = 24, cdic_head = 16, quick_codes = 256, longest_code = 32;
constexpr std::uint32_t literal_flag = 0x8000;

// The tables by which libmobi finds the length of a code.
class code_lengths {
 public:
  // False when a code has no length, or one for which the tables have no entry.
  bool read(std::string_view huff) {
    std::uint64_t quick = big_endian(huff, 8, 4), ranges = big_endian(huff, 12, 4);
    if (!huff.starts_with("HUFF") || big_endian(huff, 4, 4) < huff_head) return false;
    if (quick + quick_codes * 4 > huff.size() || ranges + longest_code * 8 > huff.size()) return false;
    for (std::size_t i = 1; i <= longest_code; ++i) {
      auto lowest = static_cast<std::uint32_t>(big_endian(huff, static_cast<std::size_t>(ranges) + (i - 1) * 8, 4));
      lowest_[i] = lowest << (longest_code - i);
    }
    for (std::size_t i = 0; i < quick_codes; ++i) {
      quick_[i] = static_cast<std::uint32_t>(big_endian(huff, static_cast<std::size_t>(quick) + i * 4, 4));
      if (of(static_cast<std::uint32_t>(i) << 24) == 0) return false;
    }
    return true;
  }

  // 0 when it has none. What follows the first eight bits can only make it shorter than that of eight bits and zeros.
  std::size_t of(std::uint32_t code) const {
    std::size_t length = quick_[code >> 24] & 0x1f;
    if (length == 0 || (quick_[code >> 24] & 0x80) != 0) return length;
    while (length <= longest_code && code < lowest_[length]) ++length;
    return length <= longest_code ? length : 0;
  }

 private:
  std::array<std::uint32_t, quick_codes> quick_{};
  std::array<std::uint32_t, longest_code + 1> lowest_{};
};

// An empty phrase costs time and gives nothing, and phrases consist of phrases: the time could double with each of them.
bool phrase_is_sound(std::string_view phrases, std::size_t at, const code_lengths& codes) {
  if (at + 2 > phrases.size()) return false;
  std::uint64_t head = big_endian(phrases, at, 2);
  std::size_t length = head & (literal_flag - 1);
  if (length == 0 || at + 2 + length > phrases.size()) return false;
  if ((head & literal_flag) != 0) return true;
  std::uint64_t first = big_endian(phrases.substr(at + 2, length), 0, 4) << 8 * (4 - std::min<std::size_t>(length, 4));
  std::size_t bits = codes.of(static_cast<std::uint32_t>(first));
  return bits > 0 && bits <= 8 * length;
}

}  // namespace

bool palmdoc_fits(std::string_view packed, std::size_t most) {
  std::size_t made = 0;
  for (std::size_t i = 0; i < packed.size() && made <= most;) {
    std::size_t c = static_cast<unsigned char>(packed[i++]);
    if (c >= 0xc0) {
      made += 2;
    } else if (c >= 0x80) {
      if (i >= packed.size()) return false;
      std::size_t pair = c << 8 | static_cast<unsigned char>(packed[i++]), distance = pair >> 3 & 0x7ff;
      if (distance == 0 || distance > made) return false;
      made += (pair & 7) + 3;
    } else if (c >= 1 && c <= 8) {
      if (c > packed.size() - i) return false;
      i += c;
      made += c;
    } else {
      ++made;
    }
  }
  return made <= most;
}

bool huffman_is_sound(std::string_view huff, const std::vector<std::string_view>& cdics) {
  code_lengths codes;
  if (cdics.empty() || !codes.read(huff)) return false;
  std::uint64_t phrases = big_endian(cdics.front(), 8, 4), bits = big_endian(cdics.front(), 12, 4), left = phrases;
  if (bits < 1 || bits > 16) return false;
  for (std::string_view cdic : cdics) {
    if (!cdic.starts_with("CDIC") || big_endian(cdic, 4, 4) < cdic_head) return false;
    if (big_endian(cdic, 8, 4) != phrases || big_endian(cdic, 12, 4) != bits) return false;
    std::uint64_t here = std::min<std::uint64_t>(left, 1ULL << bits);
    if (cdic_head + here * 2 > cdic.size()) return false;
    for (std::size_t i = 0; i < here; ++i) {
      std::size_t offset = big_endian(cdic, cdic_head + i * 2, 2);
      if (!phrase_is_sound(cdic.substr(cdic_head), offset, codes)) return false;
    }
    left -= here;
  }
  return phrases > 0 && left == 0;
}

}  // namespace carrel::publication::mobi
