#include "library/cache_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "server/core/random.hpp"

namespace carrel::library {
namespace {

namespace fs = std::filesystem;

struct entry {
  fs::file_time_type used;
  std::uintmax_t size;
  fs::path path;
};

std::vector<entry> entries_below(const fs::path& folder) {
  std::vector<entry> out;
  std::error_code code;
  for (fs::recursive_directory_iterator i(folder, code), end; !code && i != end; i.increment(code)) {
    std::error_code each;
    if (!i->is_regular_file(each)) continue;
    entry e{i->last_write_time(each), i->file_size(each), i->path()};
    if (!each) out.push_back(std::move(e));
  }
  return out;
}

std::uint64_t sum_of(const std::vector<entry>& all) {
  std::uint64_t out = 0;
  for (const entry& e : all) out += e.size;
  return out;
}

}  // namespace

std::uint64_t bytes_below(const fs::path& folder) { return sum_of(entries_below(folder)); }

bool write_cached(const fs::path& target, std::string_view bytes, bool synced) {
  std::error_code code;
  fs::create_directories(target.parent_path(), code);
  fs::path temporary = target.parent_path() / ("." + random_letters(16) + ".tmp");
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (fd < 0) return false;
  bool good = true;
  for (std::size_t at = 0; good && at < bytes.size();) {
    ssize_t n = ::write(fd, bytes.data() + at, bytes.size() - at);
    good = n > 0;
    if (good) at += static_cast<std::size_t>(n);
  }
  if (synced) good = good && ::fdatasync(fd) == 0;
  good = ::close(fd) == 0 && good;
  if (good && ::rename(temporary.c_str(), target.c_str()) == 0) return true;
  ::unlink(temporary.c_str());
  return false;
}

int trim_folder(const fs::path& folder, std::uint64_t most_bytes, const std::set<fs::path>& keep) {
  std::vector<entry> all = entries_below(folder);
  std::uint64_t total = sum_of(all);
  std::sort(all.begin(), all.end(), [](const entry& a, const entry& b) { return a.used < b.used; });
  int gone = 0;
  for (const entry& e : all) {
    if (total <= most_bytes) break;
    if (keep.contains(e.path) || ::unlink(e.path.c_str()) != 0) continue;
    total -= e.size;
    ++gone;
  }
  return gone;
}

}  // namespace carrel::library
