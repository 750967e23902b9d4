#pragma once
// Numbers and texts in the compact forms that are stored with a file: seven bits a byte, the lowest first. For the files of this
// folder only.

#include <cstdint>
#include <string>
#include <string_view>

namespace carrel::publication {

inline void put_number(std::string& out, std::uint64_t n) {
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
  out += static_cast<char>(n);
}

inline void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

// Of what another version or a damaged disk may have written.
class packed_reader {
 public:
  explicit packed_reader(std::string_view in) : in_(in) {}
  bool good() const { return good_; }
  bool done() const { return in_.empty(); }
  std::size_t left() const { return in_.size(); }

  std::uint64_t number() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64 && !in_.empty(); shift += 7) {
      auto byte = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      out |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return out;
    }
    good_ = false;
    return 0;
  }
  std::string text() {
    std::uint64_t size = number();
    if (size > in_.size()) good_ = false;
    std::string out(in_.substr(0, good_ ? static_cast<std::size_t>(size) : 0));
    in_.remove_prefix(out.size());
    return out;
  }

 private:
  std::string_view in_;
  bool good_ = true;
};

}  // namespace carrel::publication
