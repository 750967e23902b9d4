#pragma once
// Places and numbers in a sound file. For the files of this folder only.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::publication::audio {

struct range {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t size() const { return end > begin ? end - begin : 0; }
};

// `size` bytes at `at`, at most eight; bytes that are not there count as none.
std::uint64_t big_endian(std::string_view, std::size_t at, std::size_t size);
std::uint64_t little_endian(std::string_view, std::size_t at, std::size_t size);

// A file read forwards in large pieces, however small those are that somebody looks at.
class window {
 public:
  window(int descriptor, std::uint64_t end) : descriptor_(descriptor), end_(end) {}
  // At most 64 KiB from `place`, fewer at the end; valid until the next call.
  std::string_view at(std::uint64_t place, std::size_t size);

 private:
  int descriptor_;
  std::uint64_t end_, from_ = 0;
  std::string piece_;
};

// The content hash of ingest.md 7.2 over these parts of the file; "" when there is nothing in them or they cannot be read whole.
std::string hash_of(int descriptor, const std::vector<range>&);
constexpr std::string_view hash_begins = "carrel-audio-v1\n";

}  // namespace carrel::publication::audio
