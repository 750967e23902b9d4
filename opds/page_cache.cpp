#include "opds/page_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "library/cache_folder.hpp"
#include "publication/piece.hpp"
#include "server/core/file.hpp"

namespace carrel::opds {
namespace {

// Part of the name, so that other rules of scaling make other files.
constexpr int algorithm = 1;

std::optional<std::string> bytes_of(int descriptor) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0 || facts.st_size <= 0 || facts.st_size > std::int64_t{publication::largest_piece})
    return std::nullopt;
  std::string out(static_cast<std::size_t>(facts.st_size), '\0');
  for (std::size_t at = 0; at < out.size();) {
    ssize_t n = ::pread(descriptor, out.data() + at, out.size() - at, static_cast<off_t>(at));
    if (n <= 0) return std::nullopt;
    at += static_cast<std::size_t>(n);
  }
  return out;
}

}  // namespace

std::string page_key::text() const {
  return checksum + "-" + std::to_string(page) + "-" + std::to_string(width) + (for_readers ? "r" : "o") + "-" +
         std::to_string(algorithm);
}

std::filesystem::path page_cache::path_of(const page_key& k) const { return folder_ / k.checksum.substr(0, 2) / k.text(); }

std::optional<std::string> page_cache::find(const page_key& k) const {
  file source(::open(path_of(k).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) return std::nullopt;
  ::futimens(source.get(), nullptr);  // used just now
  std::optional<std::string> out = bytes_of(source.get());
  return out && !publication::picture_type(*out).empty() ? out : std::nullopt;
}

void page_cache::keep(const page_key& k, const std::string& bytes) {
  if (bytes.size() > most_ / 8) return;
  if (library::write_cached(path_of(k), bytes, true)) trim_now_and_then(bytes.size());
}

void page_cache::trim_now_and_then(std::uint64_t written) {
  if ((written_ += written) < most_ / 16) return;
  written_ = 0;
  later_([folder = folder_, most = most_] { library::trim_folder(folder, most); });
}

}  // namespace carrel::opds
