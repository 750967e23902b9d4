#include "library/cache_folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <vector>

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
