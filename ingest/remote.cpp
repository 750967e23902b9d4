#include "ingest/remote.hpp"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace carrel::ingest {

bool is_remote(const std::filesystem::path& p) {
  constexpr std::array<std::uint32_t, 7> kinds{0x6969, 0xFF534D42, 0xFE534D42, 0x65735546, 0x01021997, 0x00C36400, 0x517B};
  struct statfs facts {};
  if (::statfs(p.c_str(), &facts) != 0) return false;
  return std::find(kinds.begin(), kinds.end(), static_cast<std::uint32_t>(facts.f_type)) != kinds.end();
}

}  // namespace carrel::ingest
