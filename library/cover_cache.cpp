#include "library/cover_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "library/cache_folder.hpp"
#include "publication/cover.hpp"
#include "server/core/log.hpp"
#include "server/core/turn.hpp"

namespace carrel::library {
namespace {

namespace fs = std::filesystem;

// Of 19.2 and 19.3: part of the name, so that another rule makes other files.
constexpr int algorithm = 1;
constexpr std::uintmax_t largest_master = 64U << 20;

int quality_for(int edge) { return edge <= 300 ? 75 : 85; }

fs::path folder(const store& s) { return s.cache() / "covers"; }

fs::path rendition(const store& s, const std::string& sha256, int edge) {
  std::string box = std::to_string(edge);
  std::string name =
      sha256 + "-" + box + "x" + box + "-" + std::to_string(quality_for(edge)) + "-c-" + std::to_string(algorithm) + ".jpg";
  return folder(s) / sha256.substr(0, 2) / name;
}

// The cache is written without syncs: after a crash a file may be there by name only. A whole JPEG ends with its end mark.
bool is_whole(const fs::path& p) {
  int fd = ::open(p.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  struct stat facts {};
  unsigned char mark[2] = {0, 0};
  bool read = ::fstat(fd, &facts) == 0 && facts.st_size > 4 && ::pread(fd, mark, 2, facts.st_size - 2) == 2;
  ::close(fd);
  return read && mark[0] == 0xFF && mark[1] == 0xD9;
}

std::optional<std::string> read_master(const fs::path& p) {
  std::error_code code;
  std::uintmax_t size = fs::file_size(p, code);
  if (code || size > largest_master) return std::nullopt;
  int fd = ::open(p.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string out(size, '\0');
  std::size_t at = 0;
  while (at < out.size()) {
    ssize_t n = ::pread(fd, out.data() + at, out.size() - at, static_cast<off_t>(at));
    if (n <= 0) break;
    at += static_cast<std::size_t>(n);
  }
  ::close(fd);
  if (at != out.size()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<fs::path> cached_cover(const store& s, const cover_ref& cover, int longest_edge) {
  fs::path found = rendition(s, cover.sha256, longest_edge);
  return is_whole(found) ? std::optional<fs::path>(std::move(found)) : std::nullopt;
}

std::optional<fs::path> cover_cache(const store& s, const cover_ref& cover, int longest_edge) {
  fs::path master = s.absolute(cover.storage_path);
  if (longest_edge <= 0) return fs::exists(master) ? std::optional<fs::path>(master) : std::nullopt;
  fs::path target = rendition(s, cover.sha256, longest_edge);
  if (is_whole(target)) return target;
  turn mine(target.native());
  if (is_whole(target)) return target;
  std::optional<std::string> bytes = read_master(master);
  if (!bytes) return std::nullopt;
  publication::box fit{.width = longest_edge, .height = longest_edge, .quality = quality_for(longest_edge)};
  result<std::string, publication::refusal> small = publication::scale_picture(*bytes, fit);
  if (!small) {
    log::warn("covers.cut", {{"cover", cover.sha256}, {"code", small.error().code}});
    return std::nullopt;
  }
  if (!write_cached(target, *small)) return std::nullopt;
  return target;
}

int edge_in_box(int width, int height, double box_width, double box_height) {
  double wide = std::max(width, 1), high = std::max(height, 1);
  double scale = std::min({box_width / wide, box_height / high, 1.0});
  return std::max(1, static_cast<int>(std::max(wide, high) * scale));
}

bool is_cached(const store& s, const std::string& sha256, int longest_edge) {
  return is_whole(rendition(s, sha256, longest_edge));
}

void store_thumbnail(const store& s, const std::string& sha256, int longest_edge, std::string_view jpeg) {
  fs::path target = rendition(s, sha256, longest_edge);
  if (!is_whole(target)) write_cached(target, jpeg);
}

int trim_cover_cache(const store& s, std::uint64_t most_bytes) { return trim_folder(folder(s), most_bytes); }

std::uint64_t cover_cache_bytes(const store& s) { return bytes_below(folder(s)); }

}  // namespace carrel::library
