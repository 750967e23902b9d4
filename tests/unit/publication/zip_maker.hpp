#pragma once
// ZIP archives written by hand, so that every field can lie.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace carrel::publication::test {

struct part {
  std::string name, data;
  bool deflate = false;
  std::optional<std::uint32_t> size{}, crc{};  // what the directory says instead of the truth
  std::optional<std::uint16_t> method{};
  std::uint16_t flags = 0;
  std::uint32_t attributes = 0644u << 16;
  std::optional<std::string> packed{};  // the stream itself
};

std::string make_zip(const std::vector<part>&);

std::string deflated(const std::string&);
std::string deflated_zeros(std::size_t count, std::uint32_t& crc);  // without holding them

// An 8-bit RGB picture of one colour; `bits` = 1 makes a black one of any size.
std::string make_png(int width, int height, int bits = 8);

// A file without a name.
class scratch {
 public:
  explicit scratch(const std::string& bytes);
  ~scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace carrel::publication::test
