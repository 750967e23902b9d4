#pragma once
// What came packed by gzip; at most 1 MiB. The test links zlib.

#include <zlib.h>

#include <catch2/catch.hpp>
#include <string>

namespace carrel::harness {

inline std::string unpacked(const std::string& in) {
  z_stream z{};
  constexpr int with_gzip_head = 15 + 16;
  REQUIRE(inflateInit2(&z, with_gzip_head) == Z_OK);
  std::string out(1 << 20, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

}  // namespace carrel::harness
